/**
 * The processes that a measurement is made of: stores of its own, and Node processes that answer questions.
 *
 * Everything started here is ended by `close` of the bench it belongs to, also when a measurement throws. No program is
 * ever looked up among those that run already.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';

export interface Store {
  readonly program: string;
  readonly port: number;
  readonly socketPath: string;
  readonly folder: string;
  /** A connection for asking about the server, never for measuring. */
  readonly admin: Redis;
}

/** A Node process that answers questions, one after another. */
export interface Worker {
  readonly pid: number;
  readonly ask: (question: object) => Promise<Readonly<Record<string, number>>>;
}

export interface Processes {
  readonly store: (program: string, options?: { readonly appendOnly?: boolean }) => Promise<Store>;
  /** Starts `workers/NAME` and resolves when it has said `{ ready: … }`. */
  readonly worker: (name: string, ...args: readonly string[]) => Promise<Worker>;
  /** Starts any other program of Node; its output goes to `output`, a file descriptor. */
  readonly program: (path: string, args: readonly string[], output: number) => ChildProcess;
  readonly folder: () => Promise<string>;
  /** Ends something else that a measurement has started, the latest first. */
  readonly onClose: (end: () => Promise<void>) => void;
  readonly close: () => Promise<void>;
}

export function createProcesses(): Processes {
  const children = new Set<ChildProcess>();
  const folders: string[] = [];
  const admins: Redis[] = [];
  const ends: Array<() => Promise<void>> = [];

  const keep = (child: ChildProcess): ChildProcess => {
    children.add(child);
    child.on('exit', () => children.delete(child));
    return child;
  };
  const folder = async (): Promise<string> => {
    const path = await mkdtemp(join(tmpdir(), 'tollgate-bench-'));
    folders.push(path);
    return path;
  };

  return {
    folder,
    async store(program, options = {}) {
      const place = await folder();
      const port = await freePort();
      const socketPath = join(place, 'store.sock');
      const args = ['--bind', '127.0.0.1', '--port', String(port), '--unixsocket', socketPath, '--dir', place];
      const durable = ['--appendonly', options.appendOnly === true ? 'yes' : 'no', '--appendfsync', 'everysec'];
      const quiet = ['--save', '', '--auto-aof-rewrite-percentage', '0', '--loglevel', 'warning'];
      keep(spawn(program, [...args, ...durable, ...quiet], { stdio: 'ignore' }));
      const admin = new Redis(port, { lazyConnect: true, retryStrategy: () => 50, maxRetriesPerRequest: 100 });
      admins.push(admin);
      admin.on('error', () => undefined);
      await admin.connect().catch(() => undefined);
      await admin.ping();
      return { program, port, socketPath, folder: place, admin };
    },
    async worker(name, ...args) {
      const path = fileURLToPath(new URL(`./workers/${name}.js`, import.meta.url));
      const child = keep(fork(path, [...args], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }));
      await answerOf(child, name);
      return {
        pid: child.pid ?? -1,
        ask: (question) => {
          const answer = answerOf(child, name);
          child.send(question);
          return answer;
        },
      };
    },
    program: (path, args, output) =>
      keep(spawn(process.execPath, [path, ...args], { stdio: ['ignore', output, 'inherit'] })),
    onClose: (end) => {
      ends.push(end);
    },
    async close() {
      for (const end of ends.splice(0).reverse()) await end();
      for (const admin of admins.splice(0)) admin.disconnect();
      const running = [...children];
      for (const child of running) child.kill('SIGTERM');
      await Promise.all(
        running.map(async (child) => {
          if (child.exitCode !== null || child.signalCode !== null) return;
          const timer = setTimeout(() => child.kill('SIGKILL'), 3000);
          await once(child, 'exit');
          clearTimeout(timer);
        }),
      );
      for (const path of folders.splice(0)) await rm(path, { recursive: true, force: true });
    },
  };
}

async function answerOf(child: ChildProcess, name: string): Promise<Readonly<Record<string, number>>> {
  const stop = new AbortController();
  try {
    const [message] = (await Promise.race([
      once(child, 'message', { signal: stop.signal }),
      once(child, 'exit', { signal: stop.signal }).then(() => {
        throw new Error(`${name} ended before it answered`);
      }),
    ])) as [Readonly<Record<string, number>>];
    return message;
  } finally {
    stop.abort();
  }
}

/** The worker's side: says that it is ready, then answers each question with what `answer` makes of it. */
export function answerQuestions<Question>(answer: (question: Question) => Promise<Record<string, number>>): void {
  const say = (message: Record<string, number>): void => void process.send?.(message);
  process.on('message', (question: Question) => {
    answer(question).then(say, (error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  });
  process.on('disconnect', () => process.exit(0));
  say({ ready: 1 });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/**
 * CPU time that a process has used, all of its threads, in microseconds. By the scheduler's counter, because the one of
 * `/proc/PID/stat` counts in hundredths of a second. Threads that have ended are not counted; a server ends none.
 */
export function cpuMicros(pid: number): number {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  }
  return nanos / 1000;
}

/** Waits until `ready` gives something. @throws Error after `withinMs` */
export async function until<T>(what: string, ready: () => T | undefined, withinMs = 10_000): Promise<T> {
  const endsMs = performance.now() + withinMs;
  for (;;) {
    const value = ready();
    if (value !== undefined) return value;
    if (performance.now() > endsMs) throw new Error(`waited in vain for ${what}`);
    await sleep(20);
  }
}
