/**
 * Programs started beside ours that must not outlive us, and the ports they listen on.
 *
 * Guarantees that a child is gone once `stop` has resolved, and that it dies with this process even if this process is
 * killed without warning (where the machine has setpriv, as every Debian has). Signals only what it started itself.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Environment } from './debian-mirror.ts';

export interface Child {
  readonly pid: number;
  /** Settles when the program ends, with its exit code or the signal that ended it. Never rejects. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Whether it still runs. */
  readonly running: () => boolean;
  /** Everything it wrote to standard output and error, the last 64 KiB of it. */
  readonly output: () => string;
  /** Asks it to end, and kills it if it has not within `graceMs`. Repeating it does nothing. */
  readonly stop: (graceMs: number) => Promise<void>;
  readonly kill: () => Promise<void>;
}

export interface ChildOptions {
  readonly env: Environment;
  readonly cwd: string;
}

const outputMax = 65_536;
const setpriv = '/usr/bin/setpriv';

/**
 * Starts a program.
 *
 * @throws Error if it cannot be started at all.
 */
export async function startChild(
  commandLine: readonly [command: string, ...args: string[]],
  options: ChildOptions,
): Promise<Child> {
  const [command, ...args] = existsSync(setpriv)
    ? ([setpriv, '--pdeathsig', 'KILL', '--', ...commandLine] as const)
    : commandLine;
  const child = spawn(command, args, { env: { ...options.env }, cwd: options.cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer) => {
    output = `${output}${chunk.toString('utf8')}`.slice(-outputMax);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ended = new Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  await once(child, 'spawn');
  const running = () => child.exitCode === null && child.signalCode === null;
  const end = async (first: NodeJS.Signals, graceMs: number) => {
    if (running()) child.kill(first);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  };
  return {
    pid: pidOf(child),
    ended,
    running,
    output: () => output,
    stop: (graceMs) => end('SIGTERM', graceMs),
    kill: () => end('SIGKILL', 0),
  };
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error('a started process has no process id');
  return child.pid;
}

/** A UDP port on 127.0.0.1 that is free now. Another program may take it before it is used: be ready to try again. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** A TCP port on 127.0.0.1 that is free now; see {@link freeUdpPort}. */
export async function freeTcpPort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a listening server has no port');
  server.close();
  await once(server, 'close');
  return address.port;
}
