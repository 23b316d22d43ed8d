/**
 * Tollgate as a process of its own, started and spoken to as an operator would: by its command line. The demo can
 * therefore kill it, and everything it shows is what a person would see.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeTcpPort } from './child.ts';
import type { Environment } from './debian-mirror.ts';

export interface Ran {
  readonly exitCode: number;
  readonly output: string;
}

export interface TollgateProcess {
  readonly agiPort: number;
  /** Of page and API. */
  readonly webPort: number;
  readonly stateDir: string;
  /** Writes its `tollgate.yaml`, for the next start. */
  readonly configure: (yaml: string) => Promise<void>;
  /** Starts the daemon, again if it was killed, and resolves when it decides calls. @throws Error with its log */
  readonly start: () => Promise<void>;
  /** As a crash or an out-of-memory kill would end it. */
  readonly kill: () => Promise<void>;
  /** Stops or continues its private store's process, as a stalled disk would. */
  readonly freezeStore: () => Promise<void>;
  readonly thawStore: () => Promise<void>;
  /** As an out-of-memory kill would end its private store; the daemon starts it again. */
  readonly killStore: () => Promise<void>;
  /** Runs one command line. `input` is its standard input. */
  readonly run: (args: readonly string[], input?: string) => Promise<Ran>;
  /** The daemon's log so far. */
  readonly log: () => Promise<string>;
  /** Ends daemon and store and removes the state folder. */
  readonly stop: () => Promise<void>;
}

const STARTS_WITHIN_MS = 15_000;
const STOPS_WITHIN_MS = 8000;

/**
 * @param options.program the words that start this program, such as node and its main file
 * @param options.env its environment; PATH is where the store's program is looked for
 */
export async function createTollgateProcess(options: {
  readonly program: readonly [string, ...string[]];
  readonly env: Environment;
}): Promise<TollgateProcess> {
  const base = await mkdtemp(join(tmpdir(), 'tollgate-demo-'));
  const stateDir = join(base, 'state');
  const logFile = join(base, 'daemon.log');
  const agiPort = await freeTcpPort();
  const webPort = await freeTcpPort();
  await mkdir(stateDir, { mode: 0o750 });
  await writeFile(logFile, '', { mode: 0o600 });
  const env = {
    ...options.env,
    TOLLGATE_STATE: stateDir,
    TOLLGATE_AGI__LISTEN: `127.0.0.1:${agiPort}`,
    TOLLGATE_HTTP__LISTEN: `127.0.0.1:${webPort}`,
    TOLLGATE_LOG__FORMAT: 'json',
  };
  const [command, ...prefix] = options.program;
  let daemon: ReturnType<typeof spawn> | undefined;

  const log = (): Promise<string> => readFile(logFile, 'utf8');

  const start = async (): Promise<void> => {
    const before = (await log()).length;
    const child = spawn(command, [...prefix, 'serve'], { env, cwd: base, stdio: ['ignore', 'pipe', 'pipe'] });
    daemon = child;
    const file = createWriteStream(logFile, { flags: 'a' });
    child.stdout.pipe(file, { end: false });
    child.stderr.pipe(file, { end: false });
    child.once('close', () => file.end());
    for (let waitedMs = 0; waitedMs < STARTS_WITHIN_MS; waitedMs += 50) {
      const fresh = (await log()).slice(before);
      if (fresh.includes('"msg":"deciding calls"')) return;
      if (child.exitCode !== null) throw new Error(`Tollgate did not start:\n${fresh}`);
      await sleep(50);
    }
    throw new Error(`Tollgate did not start within ${STARTS_WITHIN_MS / 1000} s:\n${(await log()).slice(before)}`);
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const child = daemon;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), STOPS_WITHIN_MS);
    await gone;
    clearTimeout(timer);
  };

  const signalStore = async (signal: NodeJS.Signals): Promise<void> => {
    const pids = [...(await log()).matchAll(/"part":"redis-server","pid":(\d+)/g)].map((match) => Number(match[1]));
    const pid = pids.at(-1);
    if (pid === undefined) throw new Error('the log does not tell the process of the store');
    process.kill(pid, signal);
  };

  const run = async (args: readonly string[], input = ''): Promise<Ran> => {
    const child = spawn(command, [...prefix, ...args], { env, cwd: base, stdio: ['pipe', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
    const [exitCode] = (await once(child, 'close')) as [number | null];
    return { exitCode: exitCode ?? 1, output };
  };

  return {
    agiPort,
    webPort,
    stateDir,
    configure: (yaml) => writeFile(join(base, 'tollgate.yaml'), yaml, { mode: 0o600 }),
    start,
    kill: () => end('SIGKILL'),
    freezeStore: () => signalStore('SIGSTOP'),
    thawStore: () => signalStore('SIGCONT'),
    killStore: () => signalStore('SIGKILL'),
    run,
    log,
    stop: async () => {
      await signalStore('SIGCONT').catch(() => undefined);
      // A daemon that was killed leaves its store running; one that is started takes it over, and ends it with itself.
      if (daemon !== undefined && (daemon.exitCode !== null || daemon.signalCode !== null))
        await start().catch(() => undefined);
      await end('SIGTERM');
      await rm(base, { recursive: true, force: true });
    },
  };
}
