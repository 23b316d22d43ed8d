/**
 * Entries of the audit log that the store could not take yet, in a file of the state folder: one JSON line each.
 *
 * Guarantees that an entry is on the disk when `add` resolves, and that a line half written when the power failed (which
 * nobody was told of) does not spoil those around it. Bounded by size. One caller at a time.
 */
import { appendFile, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AuditDraft, readDraft } from './audit-record.ts';

export interface AuditSpool {
  /** In the order in which they were added. */
  readonly drafts: () => readonly AuditDraft[];
  /** @throws {Error} of the disk, or because it is full; nothing was added then */
  readonly add: (drafts: readonly AuditDraft[]) => Promise<void>;
  /** Takes away the first so many. */
  readonly drop: (count: number) => Promise<void>;
}

/** Ten thousand entries. While the store is away hardly anything can be changed. */
const MOST_BYTES = 8 * 1024 * 1024;

export async function openAuditSpool(path: string, log: Log): Promise<AuditSpool> {
  let { drafts, bytes } = await readSpool(path, log);

  return {
    drafts: () => drafts,
    add: async (added) => {
      const text = linesOf(added);
      const size = Buffer.byteLength(text);
      if (bytes + size > MOST_BYTES) throw new TollgateError('STORE_UNAVAILABLE', `${path} is full`);
      try {
        await appendFile(path, text, { mode: 0o600, flush: true });
        if (bytes === 0) await syncFolder(path);
      } catch (error) {
        // What was written of a line would become the beginning of the next one.
        await truncate(path, bytes).catch(() => undefined);
        throw error;
      }
      bytes += size;
      drafts = [...drafts, ...added];
    },
    drop: async (count) => {
      const rest = drafts.slice(count);
      const text = linesOf(rest);
      if (rest.length === 0) await rm(path, { force: true });
      else await replace(path, text);
      drafts = rest;
      bytes = Buffer.byteLength(text);
    },
  };
}

const linesOf = (drafts: readonly AuditDraft[]): string => drafts.map((draft) => `${JSON.stringify(draft)}\n`).join('');

async function readSpool(
  path: string,
  log: Log,
): Promise<{ readonly drafts: readonly AuditDraft[]; readonly bytes: number }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  if (text === '') return { drafts: [], bytes: 0 };
  const lines = text.split('\n');
  // Without an end it was being written when the process died, and was not acknowledged.
  lines.pop();
  const drafts = lines.flatMap((line) => {
    const read = readDraft(line);
    if (!('problem' in read)) return [read];
    log.error({ path, line, problem: read.problem }, 'an entry that waited for the audit log cannot be read');
    return [];
  });
  const kept = linesOf(drafts);
  if (kept !== text) await replace(path, kept);
  return { drafts, bytes: Buffer.byteLength(kept) };
}

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}

/** A new name is on the disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
