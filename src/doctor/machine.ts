/**
 * What the doctor may see of a machine: its files below a root folder, and what its own programs print.
 *
 * Guarantees that nothing is changed, that a file is read only if it is a regular one of bounded size, that a program is
 * started without a shell, with an empty input and a time limit, and that "not there" and "may not be read" stay two
 * things. Another root than `/` (a mounted disk, a container, a test) is looked at by its files alone.
 * Refuses to know: what is looked for.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';

export interface Machine {
  /** `/`, or the folder that is looked at as if it were. */
  readonly root: string;
  /** Whether it is the machine that this process runs on, so that its programs may be asked. */
  readonly isLive: boolean;
  /** Never rejects. @param path absolute, as the machine itself would say it */
  readonly read: (path: string) => Promise<ReadFile>;
  /** Names in a folder, sorted; undefined if it is not there or may not be read. */
  readonly list: (folder: string) => Promise<readonly string[] | undefined>;
  /** Runs a program of the machine that only looks. Undefined: it is not there, took too long, or the root is another. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<RanProgram | undefined>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type ReadFile =
  | {
      readonly kind: 'text';
      readonly text: string;
      /** Permission bits, such as `0o640`. */
      readonly mode: number;
      /** Milliseconds since 1970. */
      readonly modifiedAt: number;
    }
  | { readonly kind: 'absent' }
  | { readonly kind: 'denied'; readonly why: string };

export interface RanProgram {
  readonly exitCode: number;
  /** Standard output, at most 4 MiB of it. */
  readonly out: string;
}

const FILE_BYTES_MAX = 16 * 1024 * 1024;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;
/** `apt-get --simulate` takes 1 to 8 s on two busy cores; who asks over the API waits 15. */
const PROGRAM_WITHIN_MS = 12_000;

export function openMachine(options: {
  readonly root: string;
  /** Where programs are looked for. */
  readonly searchPath: string;
  readonly now: () => number;
}): Machine {
  const { root, searchPath, now } = options;
  const isLive = root === '/';
  const below = (path: string): string => join(root, path);
  return {
    root,
    isLive,
    now,
    read: async (path) => {
      try {
        return await readBounded(below(path));
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOENT' || code === 'ENOTDIR') return { kind: 'absent' };
        return { kind: 'denied', why: code === 'EACCES' ? 'may not be read' : messageOf(error) };
      }
    },
    list: async (folder) => {
      try {
        return (await readdir(below(folder))).sort();
      } catch {
        return undefined;
      }
    },
    run: async (program, ...args) => (isLive ? runBounded(program, args, searchPath) : undefined),
  };
}

async function readBounded(path: string): Promise<ReadFile> {
  // A pipe without a writer would never open.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await handle.stat();
    if (!found.isFile()) return { kind: 'denied', why: 'is not a file' };
    if (found.size > FILE_BYTES_MAX) return { kind: 'denied', why: `has more than ${FILE_BYTES_MAX} bytes` };
    const text = (await handle.readFile()).toString('utf8');
    return { kind: 'text', text, mode: found.mode & 0o777, modifiedAt: found.mtimeMs };
  } finally {
    await handle.close();
  }
}

/** Runs a program to its end, or to its time. */
export function runBounded(
  program: string,
  args: readonly string[],
  searchPath: string,
  withinMs = PROGRAM_WITHIN_MS,
): Promise<RanProgram | undefined> {
  return new Promise((resolve) => {
    const env = { PATH: searchPath, LC_ALL: 'C', HOME: '/nonexistent' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const chunks: Buffer[] = [];
    let bytes = 0;
    const finish = (result: RanProgram | undefined): void => {
      clearTimeout(timer);
      resolve(result);
    };
    const give = (): void => {
      child.kill('SIGKILL');
      // Whatever it started may hold the pipe open.
      child.stdout.destroy();
      finish(undefined);
    };
    const timer = setTimeout(give, withinMs);
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= OUTPUT_BYTES_MAX) chunks.push(chunk);
    });
    child.on('error', () => finish(undefined));
    child.on('close', (code) =>
      finish(code === null ? undefined : { exitCode: code, out: String(Buffer.concat(chunks)) }),
    );
  });
}
