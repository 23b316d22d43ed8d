/**
 * The one replay of call records that a daemon runs at a time: a file that was sent, a process of its own behind all others,
 * bounded in memory and time, that can be stopped. Nothing of it outlives the daemon, and none of it is saved.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { messageOf, TollgateError } from '../errors.ts';
import type { Progress } from './replay-file.ts';
import type { ReplayOrder, ReplayWord } from './replay-process.ts';
import type { ReplayReport } from './replay-report.ts';

export interface ReplayState {
  /** `empty`: there is no file. */
  readonly state: 'empty' | 'ready' | 'running' | 'done' | 'failed';
  readonly file: { readonly name: string; readonly bytes: number; readonly by: string } | null;
  readonly progress: Progress | null;
  readonly problem: string | null;
  readonly report: ReplayReport | null;
  /** What it was asked with. */
  readonly asked: unknown;
}

export interface ReplayJob {
  readonly state: () => ReplayState;
  /** Takes the place of the file before. @throws {TollgateError} `CONFLICT`, `INVALID_REQUEST` for one that is too large */
  readonly receive: (content: Readable, name: string, by: string) => Promise<ReplayState>;
  /** Returns as it begins. @throws {TollgateError} `CONFLICT`: one runs, or there is no file */
  readonly start: (order: Omit<ReplayOrder, 'path'>, asked: unknown) => ReplayState;
  /** Stops what runs and forgets the file. */
  readonly forget: () => Promise<ReplayState>;
  readonly close: () => Promise<void>;
}

export const LARGEST_RECORDS_BYTES = 512 * 1024 * 1024;
const MEMORY_MB = 1024;
const LONGEST_MS = 15 * 60_000;
/** Behind everything that decides calls. */
const PRIORITY = 15;

const EMPTY: ReplayState = { state: 'empty', file: null, progress: null, problem: null, report: null, asked: null };
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const PROGRAM = fileURLToPath(new URL(`./replay-process.${extension}`, import.meta.url));

export function createReplayJob(deps: {
  readonly stateDir: string;
  readonly log: { readonly warn: (data: object, message: string) => void };
  readonly longestMs?: number;
  readonly largestBytes?: number;
}): ReplayJob {
  const { largestBytes = LARGEST_RECORDS_BYTES, longestMs = LONGEST_MS } = deps;
  const path = join(deps.stateDir, 'replay.csv');
  let state = EMPTY;
  let isReceiving = false;
  let child: ChildProcess | undefined;

  const fail = (problem: string): void => {
    state = { ...state, state: 'failed', progress: null, problem };
  };
  const stop = (): void => {
    const running = child;
    child = undefined;
    running?.kill('SIGKILL');
  };
  const idle = (): void => {
    if (child !== undefined || isReceiving)
      throw new TollgateError('CONFLICT', 'a replay is under way; wait for it, or cancel it');
  };

  return {
    state: () => state,
    receive: async (content, name, by) => {
      idle();
      isReceiving = true;
      state = EMPTY;
      let bytes = 0;
      const counted = new Transform({
        transform: (chunk: Buffer, _encoding, done) => {
          bytes += chunk.length;
          if (bytes <= largestBytes) done(null, chunk);
          else done(new TollgateError('INVALID_REQUEST', `the file is larger than ${largestBytes / 1024 / 1024} MB`));
        },
      });
      try {
        await pipeline(content, counted, createWriteStream(path, { mode: 0o600 }));
        if (bytes === 0) throw new TollgateError('INVALID_REQUEST', 'the file is empty');
        state = { ...EMPTY, state: 'ready', file: { name, bytes, by } };
        return state;
      } catch (error) {
        await rm(path, { force: true });
        throw error;
      } finally {
        isReceiving = false;
      }
    },
    start: (order, asked) => {
      idle();
      if (state.file === null) throw new TollgateError('CONFLICT', 'there is no file to replay; send one first');
      state = { ...EMPTY, state: 'running', file: state.file, asked };
      const execArgv = [`--max-old-space-size=${MEMORY_MB}`, ...(extension === 'ts' ? ['--import', 'tsx'] : [])];
      // From sources, tsx is found from where they are.
      const cwd = extension === 'ts' ? { cwd: dirname(PROGRAM) } : {};
      const running = fork(PROGRAM, [], { ...cwd, execArgv, env: {}, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      child = running;
      const timer = setTimeout(() => {
        if (child !== running) return;
        stop();
        fail(`it took longer than ${Math.round(longestMs / 60_000)} minutes; try fewer records`);
      }, longestMs);
      timer.unref();
      if (running.pid !== undefined) {
        try {
          setPriority(running.pid, PRIORITY);
        } catch (error) {
          deps.log.warn({ problem: messageOf(error) }, 'a replay runs with the priority of the daemon');
        }
      }
      running.on('message', (said) => {
        if (child !== running) return;
        // Of replay-process.ts alone.
        const word = said as ReplayWord;
        switch (word.what) {
          case 'progress':
            state = { ...state, progress: word.progress };
            return;
          case 'done':
            child = undefined;
            state = { ...state, state: 'done', progress: null, report: word.report };
            return;
          case 'failed':
            child = undefined;
            if (!word.isExpected) deps.log.warn({ problem: word.problem }, 'a replay failed');
            fail(word.problem);
            return;
          default:
            word satisfies never;
        }
      });
      const over = (why: string): void => {
        clearTimeout(timer);
        if (child !== running) return;
        child = undefined;
        if (state.state === 'running') fail(why);
      };
      running.on('error', (error) => over(messageOf(error)));
      running.on('exit', () => over(`it ended before it was done; ${MEMORY_MB} MB of memory may be too little for it`));
      running.send({ path, ...order } satisfies ReplayOrder);
      return state;
    },
    forget: async () => {
      stop();
      state = EMPTY;
      await rm(path, { force: true });
      return state;
    },
    close: async () => {
      stop();
      await rm(path, { force: true });
    },
  };
}
