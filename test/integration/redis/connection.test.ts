/** Connections to a real store that goes away, stands still, forgets its scripts and comes back. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RedisTarget, reconnectPauseMs } from '../../../src/redis/client.ts';
import { connectRedis, type RedisConnection, type RedisConnectionOptions } from '../../../src/redis/connection.ts';
import { rawCommand } from '../../../src/redis/raw-command.ts';
import { createScript, luaScript } from '../../../src/redis/scripts.ts';
import { storeError } from '../../../src/redis/store-error.ts';
import { keptLog } from '../../support/silent-log.ts';

let dir = '';
let socketPath = '';
let server: ChildProcess | undefined;
let connections: RedisConnection[] = [];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tollgate-redis-'));
  socketPath = join(dir, 'redis.sock');
});

afterEach(async () => {
  for (const connection of connections) connection.close();
  connections = [];
  await endServer();
  await rm(dir, { recursive: true, force: true });
});

async function startServer(...more: readonly string[]): Promise<void> {
  server = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socketPath, '--save', '', '--appendonly', 'yes', '--dir', dir, ...more],
    { stdio: 'ignore' },
  );
  for (;;) {
    const answer = await rawCommand(socketPath, ['PING'], 1000);
    if (answer.kind === 'reply') return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function endServer(): Promise<void> {
  if (server === undefined) return;
  const exit = once(server, 'exit');
  server.kill('SIGKILL');
  await exit;
  server = undefined;
}

function connect(options: Partial<RedisConnectionOptions> = {}, target?: Exclude<RedisTarget, { kind: 'cluster' }>) {
  const connection = connectRedis(target ?? { kind: 'socket', path: socketPath }, {
    log: keptLog().log,
    heartbeatMs: 100,
    ...options,
  });
  connections.push(connection);
  return connection;
}

function untilDown(connection: RedisConnection): Promise<string> {
  return new Promise((resolve) => {
    const stop = connection.onState((state, why) => {
      if (state !== 'down') return;
      stop();
      resolve(why);
    });
  });
}

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'it went through',
    (error: unknown) => storeError(error),
  );

describe('a decision connection', () => {
  test('rejects at once while there is no store, and comes up by itself when there is one', async () => {
    const connection = connect();
    for (let index = 0; index < 3; index += 1) {
      const asked = performance.now();
      expect(await failure(connection.redis.get('k'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(performance.now() - asked).toBeLessThan(1000);
    }
    await startServer();
    await connection.untilUp(5000);
    expect(await connection.redis.set('k', 'v')).toBe('OK');
  });

  test('tells when the store goes and when it is back, once each', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const changes: string[] = [];
    connection.onState((state) => changes.push(state));
    const down = untilDown(connection);
    await endServer();
    await down;
    expect(await failure(connection.redis.get('k'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await startServer();
    await connection.untilUp(5000);
    expect(changes).toEqual(['down', 'up']);
  });

  test('a command in flight when the store dies is rejected and never sent again', async () => {
    await startServer();
    const connection = connect({ heartbeatMs: 60_000 });
    await connection.untilUp(5000);
    server?.kill('SIGSTOP');
    const inFlight = failure(connection.redis.incr('counter'));
    await endServer();
    expect(await inFlight).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await startServer();
    await connection.untilUp(5000);
    expect(await connection.redis.get('counter')).toBeNull();
  });

  test('a store that stands still is noticed, rejected without waiting, and taken up again when it moves', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const down = untilDown(connection);
    server?.kill('SIGSTOP');
    expect(await down).toBe('no answer within 100 ms');
    expect(await failure(connection.redis.get('k'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    server?.kill('SIGCONT');
    await connection.untilUp(5000);
    expect(await connection.redis.ping()).toBe('PONG');
  });

  test('a store that answers and may not write counts as away, with its reason, until it may', async () => {
    await startServer('--min-replicas-to-write', '1');
    const connection = connect();
    await expect(connection.untilUp(400)).rejects.toThrow(/NOREPLICAS/);
    expect(await connection.redis.ping()).toBe('PONG');
    await connection.redis.config('SET', 'min-replicas-to-write', '0');
    await connection.untilUp(5000);
    const down = untilDown(connection);
    await connection.redis.config('SET', 'min-replicas-to-write', '1');
    expect(await down).toMatch(/NOREPLICAS/);
  });

  test('a certificate that cannot be read is a mistake in the configuration, which names its key', () => {
    const target = { kind: 'url', url: 'rediss://127.0.0.1:1', tls: { ca: join(dir, 'none.pem') } } as const;
    expect(() => connect({}, target)).toThrow(/^redis\.tls\.ca: ENOENT/);
  });

  test('a command time-out is told apart from a store that is not there', async () => {
    await startServer();
    const connection = connect({ commandTimeoutMs: 50, heartbeatMs: 60_000 });
    await connection.untilUp(5000);
    server?.kill('SIGSTOP');
    expect(await failure(connection.redis.get('k'))).toMatchObject({ code: 'STORE_TIMEOUT' });
    server?.kill('SIGCONT');
  });

  test('a peer that accepts and never answers does not count as up', async () => {
    const sockets: Socket[] = [];
    const mute = createServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => mute.listen(socketPath, resolve));
    const connection = connect({ heartbeatMs: 50 });
    await expect(connection.untilUp(400)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(sockets.length).toBeGreaterThan(1);
    connection.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });

  test('a wrong password is the reason given, and nothing is thrown elsewhere', async () => {
    await startServer('--requirepass', 'right');
    const connection = connect({}, { kind: 'socket', path: socketPath, password: 'wrong' });
    await expect(connection.untilUp(500)).rejects.toMatchObject({ message: expect.stringContaining('WRONGPASS') });
    const good = connect({}, { kind: 'socket', path: socketPath, password: 'right' });
    await good.untilUp(5000);
  });

  test('closing ends every wait and every command', async () => {
    const connection = connect();
    const waiting = failure(connection.untilUp(60_000));
    connection.close();
    expect(await waiting).toMatchObject({ message: 'the connection was closed' });
    expect(await failure(connection.redis.get('k'))).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });
});

describe('a script', () => {
  const echo = luaScript('echo', `return {KEYS[1], ARGV[1], 7}`);

  test('runs on a server that has never seen it, that forgot it, and that was started anew', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const run = createScript(echo);
    for (let round = 0; round < 2; round += 1) {
      expect(await run(connection.redis, ['k'], ['a'])).toEqual(['k', 'a', 7]);
      await connection.redis.script('FLUSH');
    }
    const down = untilDown(connection);
    await endServer();
    await down;
    await startServer();
    await connection.untilUp(5000);
    expect(await run(connection.redis, ['k'], ['a'])).toEqual(['k', 'a', 7]);
  });

  test('is sent in full only once', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const run = createScript(echo);
    for (let index = 0; index < 5; index += 1) await run(connection.redis, ['k'], ['a']);
    const stats = String(await connection.redis.info('commandstats'));
    expect(stats).toMatch(/cmdstat_eval:calls=1,/);
    expect(stats).toMatch(/cmdstat_evalsha:calls=5,/);
  });

  test('takes and gives bytes unchanged', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    const run = createScript(echo, { reply: 'buffer' });
    for (let round = 0; round < 2; round += 1) {
      expect(await run(connection.redis, ['k'], [bytes])).toEqual([Buffer.from('k'), bytes, 7]);
    }
  });

  test('a mistake in the script is not taken for a store that is away', async () => {
    await startServer();
    const connection = connect();
    await connection.untilUp(5000);
    const broken = createScript(luaScript('broken', `return redis.call('INCR')`));
    const error = await broken(connection.redis, [], []).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ReplyError' });
  });
});

describe('the pause before reconnecting', () => {
  test('grows from 20 ms to a second and is never the same for two daemons', () => {
    expect([1, 2, 3, 7, 1000].map((times) => reconnectPauseMs(times, () => 1))).toEqual([20, 40, 80, 1000, 1000]);
    expect([1, 7].map((times) => reconnectPauseMs(times, () => 0))).toEqual([10, 500]);
  });
});
