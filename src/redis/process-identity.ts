/**
 * Which process is which, from /proc: whether a process id still means the process that wrote it down, and which Redis
 * servers work in a folder.
 *
 * A process id alone proves nothing, for the kernel gives it out again; with the start time and the boot it is unique.
 * Linux only. Sees only its own process namespace: two containers sharing a folder do not see each other.
 */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** A process for as long as the machine is up. Two equal identities are the same process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from boot to the start of the process (proc(5), /proc/PID/stat, field 22). */
  readonly startTicks: string;
  readonly bootId: string;
}

/** The identity of a living process, or `undefined` if there is none (a zombie does not live). */
export async function identityOf(pid: number): Promise<ProcessIdentity | undefined> {
  const fields = await statFields(pid);
  if (fields === undefined || fields.state === 'Z' || fields.state === 'X') return undefined;
  return { pid, startTicks: fields.startTicks, bootId: await bootId() };
}

/** Whether that very process, and not a later one under the same number, still lives. */
export async function isLiving(identity: ProcessIdentity): Promise<boolean> {
  const now = await identityOf(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/**
 * Sends a signal to that very process. False if it is gone or may not be signalled. Between the look and the signal the
 * number could in theory pass to another process; Linux hands numbers out in rising order, so it would have to wrap round.
 */
export async function signal(identity: ProcessIdentity, name: NodeJS.Signals): Promise<boolean> {
  if (!(await isLiving(identity))) return false;
  try {
    return process.kill(identity.pid, name);
  } catch {
    return false;
  }
}

/** Resolves to true once the process is gone, to false if it still lives after `timeoutMs`. */
export async function gone(identity: ProcessIdentity, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    if (!(await isLiving(identity))) return true;
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// Debian installs redis-server as a link to redis-check-rdb: one program that goes by the name it was called with.
const serverName = /^(redis|valkey)-(server|check-rdb|check-aof)$/;

/**
 * The Redis or Valkey servers whose working folder is `folder` (an absolute path without symbolic links). Their own
 * children, which rewrite the append-only file, are left out.
 */
export async function serversWorkingIn(folder: string): Promise<readonly ProcessIdentity[]> {
  const found: { readonly identity: ProcessIdentity; readonly parent: number }[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    const pid = Number(entry);
    // Reading the link of another user's process is refused; such a process is not one of ours either.
    if ((await readlink(`/proc/${pid}/cwd`).catch(() => undefined)) !== folder) continue;
    const fields = await statFields(pid);
    const identity = await identityOf(pid);
    if (fields === undefined || identity === undefined) continue;
    const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
    const names = [fields.command, program.replace(/ \(deleted\)$/, '').replace(/^.*\//, '')];
    if (names.some((name) => serverName.test(name))) {
      found.push({ identity, parent: fields.parent });
    }
  }
  const pids = new Set(found.map(({ identity }) => identity.pid));
  return found.filter(({ parent }) => !pids.has(parent)).map(({ identity }) => identity);
}

async function statFields(pid: number): Promise<
  | {
      readonly command: string;
      readonly state: string;
      readonly parent: number;
      readonly startTicks: string;
    }
  | undefined
> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  // The command stands in parentheses and may itself hold blanks and parentheses: count from the last one.
  const open = text.indexOf('(');
  const close = text.lastIndexOf(')');
  const rest = text.slice(close + 2).split(' ');
  const [state, parent] = rest;
  const startTicks = rest[19];
  if (state === undefined || parent === undefined || startTicks === undefined) return undefined;
  return { command: text.slice(open + 1, close), state, parent: Number(parent), startTicks };
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => 'unknown')).trim();
}
