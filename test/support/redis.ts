/**
 * A real Redis for one test file: its own process, its own folder, a unix socket, no port.
 *
 * `stop` is also the leak check: it throws when anything but the clients made here is still connected, so that code
 * under test which forgets to close a connection fails its file.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';

export interface TestRedis {
  readonly socketPath: string;
  /** Process id, to stop (SIGSTOP) or kill the server with. */
  readonly pid: number;
  /** A new connected client, closed by `stop`. */
  readonly client: () => Redis;
  /** Ends the server and removes its folder. @throws Error naming connections that nobody closed */
  readonly stop: () => Promise<void>;
}

const START_WITHIN_MS = 10_000;

/** @param options.command server program, by default `redis-server` */
export async function startRedis(options: { readonly command?: string } = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-redis-'));
  const socketPath = join(folder, 'redis.sock');
  const server = spawn(
    options.command ?? 'redis-server',
    ['--port', '0', '--unixsocket', socketPath, '--dir', folder, '--save', '', '--appendonly', 'no'],
    { stdio: 'ignore' },
  );
  const { pid } = server;
  if (pid === undefined) throw new Error('the server program cannot be started');
  const killAtExit = (): void => void server.kill('SIGKILL');
  process.once('exit', killAtExit);
  await untilListening(server, socketPath);
  const clients: Redis[] = [];
  const client = (): Redis => {
    const made = new Redis({ path: socketPath, disableClientInfo: true });
    // Tests that kill the server see failing commands; without a listener ioredis prints each of these as well.
    made.on('error', () => undefined);
    clients.push(made);
    return made;
  };
  return {
    socketPath,
    pid,
    client,
    stop: async () => {
      const ended = once(server, 'exit');
      const lives = server.exitCode === null && server.signalCode === null;
      // A test may have left it standing still.
      server.kill('SIGCONT');
      const strangers = lives ? await foreignConnections(socketPath, clients) : [];
      for (const each of clients) each.disconnect();
      process.off('exit', killAtExit);
      if (lives) {
        server.kill('SIGKILL');
        await ended;
      }
      await rm(folder, { recursive: true, force: true });
      if (strangers.length > 0) throw new Error(`connections left open:\n${strangers.join('\n')}`);
    },
  };
}

async function untilListening(server: ChildProcess, socketPath: string): Promise<void> {
  const giveUpMs = performance.now() + START_WITHIN_MS;
  while (!existsSync(socketPath)) {
    if (server.exitCode !== null || performance.now() > giveUpMs) throw new Error('the server did not start');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function foreignConnections(socketPath: string, own: readonly Redis[]): Promise<string[]> {
  const inspector = new Redis({ path: socketPath, disableClientInfo: true, retryStrategy: () => null });
  inspector.on('error', () => undefined);
  try {
    const ids = await Promise.all(own.map((each) => (each.status === 'ready' ? each.client('ID') : 0)));
    const known = new Set([...ids, await inspector.client('ID')].map(String));
    const list = String(await inspector.client('LIST')).trim();
    return list.split('\n').filter((line) => !known.has(/^id=(\d+)/.exec(line)?.[1] ?? ''));
  } catch {
    // A test has just killed the server, and with it every connection.
    return [];
  } finally {
    inspector.disconnect();
  }
}
