/**
 * The last entry of the audit log that this node saw, in a file of the state folder, out of reach of whoever can only
 * write to the store: the hash of that entry vouches for everything before it.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Place } from './audit-record.ts';

export interface AuditAnchor {
  readonly current: () => Place | undefined;
  /** Never throws: an older anchor vouches for less, and is not wrong. */
  readonly move: (place: Place) => Promise<void>;
}

const anchorSchema = z.strictObject({
  /** Key of the log in the store: another tenant's log is another one. */
  log: z.string(),
  seq: z.int().min(1),
  ms: z.int().min(0),
  hash: z.string(),
});

export async function openAuditAnchor(path: string, logKey: string, log: Log): Promise<AuditAnchor> {
  let current = await readAnchor(path, logKey, log);
  return {
    current: () => current,
    move: async ({ seq, ms, hash }) => {
      if (current?.seq === seq && current.hash === hash) return;
      current = { seq, ms, hash };
      try {
        const text = JSON.stringify({ log: logKey, ...current } satisfies z.infer<typeof anchorSchema>);
        await writeFile(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true });
        await rename(`${path}.new`, path);
      } catch (error) {
        log.warn({ path, problem: messageOf(error) }, 'where the audit log stands could not be noted on this host');
      }
    },
  };
}

async function readAnchor(path: string, logKey: string, log: Log): Promise<Place | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    const { log: ofLog, ...place } = anchorSchema.parse(JSON.parse(text));
    return ofLog === logKey ? place : undefined;
  } catch (error) {
    log.error({ path, problem: messageOf(error) }, 'the note of where the audit log stood cannot be read');
    return undefined;
  }
}
