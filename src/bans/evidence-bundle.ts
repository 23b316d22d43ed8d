/**
 * What is known of an incident, written to a file in the state folder before this host is cut off: whoever looks into it
 * later finds the bans, reports, decisions and packet counts as they were, whatever was changed or expired since.
 *
 * One JSON object a line, `kind` first. Written piece by piece, so that 100,000 bans neither stop calls nor fill the memory.
 * What cannot be read is noted in the file and leaves out nothing else.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import type { EpochMs } from '../policy/call.ts';

/** A kind of evidence, and how to read it. */
export interface EvidenceSource {
  readonly kind: string;
  readonly read: () => Iterable<unknown> | Promise<Iterable<unknown>>;
}

const LINES_AT_ONCE = 500;

/** @returns the path of the file. @throws if it cannot be written */
export async function writeEvidence(
  stateDir: string,
  about: { readonly at: EpochMs; readonly node: string; readonly by: string },
  sources: readonly EvidenceSource[],
): Promise<string> {
  const at = new Date(about.at).toISOString();
  const path = join(stateDir, `isolation-${at.replaceAll(':', '-')}.jsonl`);
  // Never over an older one.
  const file = await open(path, 'wx', 0o600);
  try {
    await file.write(line('isolation', { at, node: about.node, by: about.by }));
    for (const { kind, read } of sources) {
      try {
        let lines: string[] = [];
        for (const value of await read()) {
          lines.push(line(kind, value));
          if (lines.length < LINES_AT_ONCE) continue;
          await file.write(lines.join(''));
          lines = [];
        }
        await file.write(lines.join(''));
      } catch (error) {
        await file.write(line('not read', { what: kind, problem: messageOf(error) }));
      }
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return path;
}

const line = (kind: string, value: unknown): string => `${JSON.stringify({ kind, value })}\n`;
