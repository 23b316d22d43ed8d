/**
 * One daemon per state folder: a small file that names the process working there.
 *
 * Guarantees that of two daemons started on one folder, at once or later, one is told the process id of the other; and
 * that a daemon killed without warning never keeps its successor out, because a lock counts only while the very process
 * that wrote it lives (see process-identity.ts). Node offers no lock of the operating system for files.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { TollgateError } from '../errors.ts';
import { identityOf, isLiving, type ProcessIdentity } from './process-identity.ts';

export interface StateLock {
  /** Gives the folder free. Repeating it does nothing; a lock that is no longer ours is left alone. */
  release(): Promise<void>;
}

/** The file inside the state folder. */
export const lockFileName = 'daemon.lock';

const turnAttemptsMax = 300;

/**
 * Takes the folder for this process, making it if need be.
 *
 * @throws TollgateError `STATE_IN_USE` naming the folder and the process that holds it, this one included;
 * `CONFIG_INVALID` if the folder cannot be written.
 */
export async function acquireStateLock(stateDir: string): Promise<StateLock> {
  const lockFile = join(stateDir, lockFileName);
  const token = randomBytes(8).toString('hex');
  const own = join(stateDir, `${lockFileName}.${process.pid}.${token}`);
  const identity = await identityOf(process.pid);
  if (identity === undefined) throw new Error('cannot read /proc/self: Tollgate needs Linux with /proc mounted');
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o750 });
    await writeFile(own, `${JSON.stringify({ ...identity, token })}\n`, { flag: 'wx', mode: 0o640 });
  } catch (cause) {
    throw new TollgateError('CONFIG_INVALID', `the state folder ${stateDir} cannot be written: ${reason(cause)}`, {
      cause,
    });
  }
  try {
    await take(stateDir, lockFile, own);
  } finally {
    await rm(own, { force: true });
  }
  return {
    async release() {
      if ((await readHolder(lockFile))?.token === token) await rm(lockFile, { force: true });
    },
  };
}

/** The living process that holds the folder, or `undefined`. */
export async function stateHolder(stateDir: string): Promise<ProcessIdentity | undefined> {
  const holder = await readHolder(join(stateDir, lockFileName));
  return holder !== undefined && (await isLiving(holder)) ? holder : undefined;
}

async function take(stateDir: string, lockFile: string, own: string): Promise<void> {
  // A hard link appears whole and only if the name is free, so that a half-written lock is never seen.
  if (await linked(own, lockFile)) return;
  const turn = await takeTurn(stateDir);
  try {
    const holder = await readHolder(lockFile);
    if (holder !== undefined && (await isLiving(holder))) {
      throw new TollgateError(
        'STATE_IN_USE',
        `the state folder ${stateDir} is in use by the Tollgate daemon with process id ${holder.pid}; stop that one first, or start this one with another --state`,
      );
    }
    await rm(lockFile, { force: true });
    if (await linked(own, lockFile)) return;
    throw new TollgateError('STATE_IN_USE', `another Tollgate daemon is being started on the state folder ${stateDir}`);
  } finally {
    await turn();
  }
}

/**
 * One process at a time may remove a dead lock: otherwise two that both saw it dead remove it one after the other, the
 * second removing the living lock of the first (seen in three of six daemons started at once). The turn is an address
 * among the abstract ones of unix(7), which only one can hold and the kernel gives free when its holder dies.
 */
async function takeTurn(stateDir: string): Promise<() => Promise<void>> {
  const { dev, ino } = await stat(stateDir);
  for (let attempt = 0; attempt < turnAttemptsMax; attempt += 1) {
    const address = createServer();
    const held = await new Promise<boolean>((resolve, reject) => {
      address.once('listening', () => resolve(true));
      address.once('error', (error: NodeJS.ErrnoException) =>
        error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
      );
      address.listen(`\0tollgate-state-${dev}-${ino}`);
    });
    if (held) return () => new Promise((resolve) => address.close(() => resolve()));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new TollgateError('STATE_IN_USE', `another Tollgate daemon is being started on the state folder ${stateDir}`);
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (reason(error) === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(file: string): Promise<(ProcessIdentity & { readonly token: string }) | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    if (typeof value !== 'object' || value === null) return undefined;
    const { pid, startTicks, bootId, token } = value as Readonly<Record<string, unknown>>;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0) return undefined;
    if (typeof startTicks !== 'string' || typeof bootId !== 'string' || typeof token !== 'string') return undefined;
    return { pid, startTicks, bootId, token };
  } catch {
    return undefined;
  }
}

function reason(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code;
  return String(error);
}
