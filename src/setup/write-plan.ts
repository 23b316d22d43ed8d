/**
 * Carrying a plan out: all of its files, or none.
 *
 * Guarantees that a file is replaced in one step and keeps its owner and mode, that a file which changed since it was read
 * is not overwritten, and that what was written is taken back if a later file cannot be written.
 */
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { messageOf } from '../errors.ts';
import type { FileChange } from './plan.ts';

/** @throws Error that names the file; nothing is changed then */
export async function writePlan(changes: readonly FileChange[]): Promise<void> {
  const done: FileChange[] = [];
  try {
    for (const change of changes) {
      await writeChange(change);
      done.push(change);
    }
  } catch (error) {
    for (const { path, before } of done.reverse()) {
      await (before === undefined ? rm(path, { force: true }) : replace(path, before, undefined));
    }
    throw error;
  }
}

async function writeChange({ path, before, after, reader }: FileChange): Promise<void> {
  try {
    const now = await readFile(path, 'utf8').catch(absent);
    if (now !== before) throw new Error('it has changed since it was looked at; run tollgate setup once more');
    await mkdir(dirname(path), { recursive: true, mode: 0o750 });
    await replace(path, after, before === undefined ? await ownerOf(path, reader) : undefined);
  } catch (error) {
    throw new Error(`${path} cannot be written: ${messageOf(error)}. Nothing was changed`, { cause: error });
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** @param owner of a new file; undefined: those of the file that is there */
async function replace(path: string, text: string, owner: Owner | undefined): Promise<void> {
  const target = await realpath(path).catch(() => path);
  const fresh = `${target}.${randomBytes(6).toString('hex')}.tollgate`;
  const found = owner === undefined ? await stat(target) : { ...owner, mode: 0o640 };
  try {
    await writeFile(fresh, text, { mode: 0o600, flag: 'wx' });
    await chown(fresh, found.uid, found.gid);
    await chmod(fresh, found.mode & 0o777);
    await rename(fresh, target);
  } finally {
    await rm(fresh, { force: true });
  }
}

/** Asterisk's files belong to whom its folder belongs to; Tollgate's are root's, to be read by the group of its service. */
async function ownerOf(path: string, reader: FileChange['reader']): Promise<Owner> {
  const { uid, gid } = await stat(dirname(path));
  if (reader === 'asterisk') return { uid, gid };
  const groups = await readFile('/etc/group', 'utf8').catch(absent);
  const service = /^tollgate:[^:]*:(\d+):/m.exec(groups ?? '')?.[1];
  return {
    uid: process.getuid?.() ?? uid,
    gid: service === undefined || process.getuid?.() !== 0 ? gid : Number(service),
  };
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}
