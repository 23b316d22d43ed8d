/** The private store, with a real server, killed and disturbed in the ways a machine does it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, open, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createEmbeddedServer, type EmbeddedServer } from '../../../src/redis/embedded-server.ts';
import { gone, identityOf, serversWorkingIn } from '../../../src/redis/process-identity.ts';
import { rawCommand } from '../../../src/redis/raw-command.ts';
import { keptLog } from '../../support/silent-log.ts';

const searchPath = process.env['PATH'] ?? '';
let stateDir = '';
let servers: EmbeddedServer[] = [];
let daemons: ChildProcess[] = [];

beforeEach(async () => {
  stateDir = await realpath(await mkdtemp(join(tmpdir(), 'tollgate-store-')));
});

afterEach(async () => {
  for (const server of servers) await server.stop();
  for (const daemon of daemons) daemon.kill('SIGKILL');
  const left = await serversWorkingIn(join(stateDir, 'redis'));
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  servers = [];
  daemons = [];
  await rm(stateDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});

function embedded(
  options: { readonly command?: string; readonly searchPath?: string; readonly stateDir?: string } = {},
) {
  const kept = keptLog();
  const server = createEmbeddedServer({ stateDir, searchPath, log: kept.log, ...options });
  servers.push(server);
  return { server, lines: kept.lines };
}

async function ask(...words: string[]): Promise<unknown> {
  const answer = await rawCommand(join(stateDir, 'redis.sock'), words, 1000);
  if (answer.kind !== 'reply') return answer.kind;
  return answer.reply.kind === 'list' ? answer.reply.items : answer.reply.text;
}

async function eventually(condition: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('it did not come to pass in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A daemon process of its own, and the line it says. */
async function daemon(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const script = new URL('../../support/embedded-server-process.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, ['--import', 'tsx', script, stateDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  daemons.push(child);
  const [said] = await once(createInterface(child.stdout), 'line');
  return { child, said: String(said) };
}

async function killed(child: ChildProcess): Promise<void> {
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

describe('the embedded server', () => {
  test('serves on a socket that only its owner can open, and keeps every write on disk', async () => {
    const { server } = embedded();
    const { socketPath } = await server.start();
    expect(socketPath).toBe(join(stateDir, 'redis.sock'));
    expect((await stat(socketPath)).mode & 0o777).toBe(0o700);
    expect((await stat(join(stateDir, 'redis'))).mode & 0o777).toBe(0o700);
    const settings: Record<string, string> = {};
    for (const name of ['port', 'appendonly', 'appendfsync', 'save', 'maxmemory-policy', 'dir']) {
      const reply = await rawCommand(socketPath, ['CONFIG', 'GET', name], 1000);
      if (reply.kind === 'reply' && reply.reply.kind === 'list') {
        const value = reply.reply.items[1];
        if (value?.kind === 'text') settings[name] = value.text ?? '';
      }
    }
    expect(settings).toEqual({
      port: '0',
      appendonly: 'yes',
      appendfsync: 'everysec',
      save: '',
      'maxmemory-policy': 'noeviction',
      dir: join(stateDir, 'redis'),
    });
  });

  test('keeps what was written over an orderly stop, and leaves neither process nor lock nor socket', async () => {
    const { server } = embedded();
    await server.start();
    await ask('SET', 'counter', '41');
    await server.stop();
    expect(await serversWorkingIn(join(stateDir, 'redis'))).toEqual([]);
    expect(await readdir(stateDir)).toEqual(['redis']);
    await server.start();
    expect(await ask('INCR', 'counter')).toBe('42');
  });

  test('is there again, with what was written a moment before, after the server process was killed', async () => {
    const { server } = embedded();
    await server.start();
    const exits: number[] = [];
    server.onExit(({ pid }) => exits.push(pid));
    for (let round = 1; round <= 3; round += 1) {
      const pid = server.pid() ?? 0;
      expect(await ask('INCR', 'counter')).toBe(String(round));
      process.kill(pid, 'SIGKILL');
      await eventually(() => server.pid() !== undefined && server.pid() !== pid);
      expect(exits).toHaveLength(round);
    }
    expect(await ask('GET', 'counter')).toBe('3');
  });

  test('a server left behind by a killed daemon is taken over, not started a second time', async () => {
    const first = await daemon();
    const pid = Number(first.said.split(' ')[1]);
    await ask('SET', 'kept', 'yes');
    await killed(first.child);
    const { server } = embedded();
    await server.start();
    expect(server.pid()).toBe(pid);
    expect(await ask('GET', 'kept')).toBe('yes');
    process.kill(pid, 'SIGKILL');
    await eventually(() => server.pid() !== undefined && server.pid() !== pid);
    expect(await ask('GET', 'kept')).toBe('yes');
    const successor = server.pid() ?? 0;
    await server.stop();
    expect(await identityOf(successor)).toBeUndefined();
  });

  test('a server left behind that stands still is replaced, and its data kept', async () => {
    const first = await daemon();
    const pid = Number(first.said.split(' ')[1]);
    await ask('SET', 'kept', 'yes');
    await killed(first.child);
    process.kill(pid, 'SIGSTOP');
    const { server } = embedded();
    await server.start();
    expect(server.pid()).not.toBe(pid);
    expect(await identityOf(pid)).toBeUndefined();
    expect(await ask('GET', 'kept')).toBe('yes');
  });

  test('a server left behind whose socket file was removed does not work beside a second one on the same files', async () => {
    const first = await daemon();
    const pid = Number(first.said.split(' ')[1]);
    await ask('SET', 'kept', 'yes');
    await killed(first.child);
    await rm(join(stateDir, 'redis.sock'));
    const { server } = embedded();
    await server.start();
    expect((await serversWorkingIn(join(stateDir, 'redis'))).map((found) => found.pid)).toEqual([server.pid()]);
    expect(server.pid()).not.toBe(pid);
    expect(await ask('GET', 'kept')).toBe('yes');
  });

  test('a killed daemon and a killed server leave a stale lock and a stale socket that stop nobody', async () => {
    const first = await daemon();
    await killed(first.child);
    process.kill(Number(first.said.split(' ')[1]), 'SIGKILL');
    expect(await readdir(stateDir)).toEqual(expect.arrayContaining(['daemon.lock', 'redis.sock']));
    const { server } = embedded();
    await server.start();
    expect(await ask('PING')).toBe('PONG');
  });

  test('a second daemon on the folder is told the process id of the first, which goes on undisturbed', async () => {
    const first = await daemon();
    const { server } = embedded();
    await expect(server.start()).rejects.toMatchObject({
      code: 'STATE_IN_USE',
      message: `the state folder ${stateDir} is in use by the Tollgate daemon with process id ${first.child.pid}; stop that one first, or start this one with another --state`,
    });
    expect(await ask('PING')).toBe('PONG');
    expect((await serversWorkingIn(join(stateDir, 'redis'))).map(({ pid }) => `ready ${pid}`)).toEqual([first.said]);
  });

  test('of several daemons started at once on a folder with a stale lock exactly one gets it', async () => {
    await writeFile(
      join(stateDir, 'daemon.lock'),
      JSON.stringify({ pid: process.pid, startTicks: '1', bootId: 'x', token: 'x' }),
    );
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => embedded().server.start()));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await serversWorkingIn(join(stateDir, 'redis'))).toHaveLength(1);
  });

  test('a server of somebody else on our socket is not taken for ours, and not touched', async () => {
    const foreign = spawn(
      'redis-server',
      ['--port', '0', '--unixsocket', join(stateDir, 'redis.sock'), '--save', '', '--dir', tmpdir()],
      { stdio: 'ignore' },
    );
    try {
      await eventually(async () => (await ask('PING')) === 'PONG');
      const { server } = embedded();
      await expect(server.start()).rejects.toMatchObject({
        code: 'STATE_IN_USE',
        message: expect.stringContaining(`(process id ${foreign.pid})`),
      });
      expect(await ask('PING')).toBe('PONG');
    } finally {
      await killed(foreign);
    }
  });

  test('a file in the place of the socket is left alone and named', async () => {
    await writeFile(join(stateDir, 'redis.sock'), 'precious');
    await expect(embedded().server.start()).rejects.toMatchObject({
      message: `${stateDir}/redis.sock is in the way: it is not a socket; move it elsewhere`,
    });
    expect(await readFile(join(stateDir, 'redis.sock'), 'utf8')).toBe('precious');
  });

  test('without a server program the error says in one line what to install or to set', async () => {
    await expect(embedded({ searchPath: '' }).server.start()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message:
        'neither redis-server nor valkey-server was found on PATH: install one (Debian: apt-get install redis-server, or valkey-server), or set redis.url to a server that runs already',
    });
    expect(await readdir(stateDir)).toEqual(['redis']);
  });

  test('valkey-server is found where there is no redis-server', async () => {
    const bin = join(stateDir, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'valkey-server'), `#!/bin/sh\nexec redis-server "$@"\n`);
    await chmod(join(bin, 'valkey-server'), 0o755);
    const { server, lines } = embedded({ searchPath: bin });
    await server.start();
    expect(await ask('PING')).toBe('PONG');
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: 'server started', program: join(bin, 'valkey-server') }),
    );
  });

  test('a state folder too deep for a socket is refused before anything is made', async () => {
    const deep = join(stateDir, 'x'.repeat(100));
    await expect(embedded({ stateDir: deep }).server.start()).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('the system allows 107'),
    });
    expect(await readdir(stateDir)).toEqual([]);
  });

  test('a program that ends at once is reported with what it said', async () => {
    const program = join(stateDir, 'broken');
    await writeFile(program, '#!/bin/sh\necho "cannot be helped" >&2\nexit 3\n');
    await chmod(program, 0o755);
    await expect(embedded({ command: program }).server.start()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringMatching(/ended .*\ncannot be helped$/s),
    });
  });

  test('a program that starts and never serves is given up in bounded time and ended', async () => {
    const program = join(stateDir, 'redis-server');
    await writeFile(program, '#!/bin/sh\nexec sleep 60\n');
    await chmod(program, 0o755);
    const server = createEmbeddedServer({
      stateDir,
      searchPath,
      log: keptLog().log,
      command: program,
      startTimeoutMs: 200,
    });
    await expect(server.start()).rejects.toMatchObject({
      message: expect.stringMatching(/was not ready after \d+ ms/),
    });
    expect(server.pid()).toBeUndefined();
  });

  test('stopping while starting leaves nothing behind', async () => {
    const { server } = embedded();
    const starting = server.start().catch((error: unknown) => error);
    await new Promise((resolve) => setTimeout(resolve, 15));
    await server.stop();
    await starting;
    expect(await serversWorkingIn(join(stateDir, 'redis')).catch(() => [])).toEqual([]);
    expect(await readdir(stateDir)).not.toContain('daemon.lock');
  });

  test('a server that does not obey is killed when stopping', async () => {
    const { server } = embedded();
    await server.start();
    const identity = await identityOf(server.pid() ?? 0);
    if (identity === undefined) throw new Error('no server');
    process.kill(identity.pid, 'SIGSTOP');
    await server.stop();
    expect(await gone(identity, 0)).toBe(true);
  });

  test('a server that stands still for a while is waited for, not replaced', async () => {
    const { server } = embedded();
    await server.start();
    const pid = server.pid() ?? 0;
    await ask('SET', 'kept', 'yes');
    process.kill(pid, 'SIGSTOP');
    expect(await ask('GET', 'kept')).toBe('silent');
    process.kill(pid, 'SIGCONT');
    await eventually(async () => (await ask('GET', 'kept')) === 'yes');
    expect(server.pid()).toBe(pid);
  });

  test('a last write cut in half by a power failure is dropped, and everything before it is there', async () => {
    const { server } = embedded();
    await server.start();
    await ask('SET', 'first', 'whole');
    await ask('SET', 'second', 'halved');
    await server.stop();
    const file = await appendedPart();
    const handle = await open(file, 'r+');
    await handle.truncate((await handle.stat()).size - 9);
    await handle.close();
    await server.start();
    expect(await ask('GET', 'first')).toBe('whole');
    expect(await ask('GET', 'second')).toBe(null);
  });

  test('damage inside the append-only file is reported with the command that mends it', async () => {
    const { server } = embedded();
    await server.start();
    for (let index = 0; index < 50; index += 1) await ask('SET', `key${index}`, 'value');
    await server.stop();
    const file = await appendedPart();
    const text = await readFile(file);
    // The sign that begins the command in the middle: from there on the file cannot be understood.
    text.write('?', text.indexOf('*3', Math.floor(text.length / 2)), 'latin1');
    await writeFile(file, text);
    await expect(server.start()).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      message: expect.stringContaining(
        `then run: redis-check-aof --fix ${stateDir}/redis/appendonlydir/appendonly.aof.manifest`,
      ),
    });
  });

  test('a listener that answers nothing on our socket keeps nobody waiting for ever', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(join(stateDir, 'redis.sock'), resolve));
    const { server } = embedded();
    await server.start();
    expect(await ask('PING')).toBe('PONG');
    mute.close();
  });
});

async function appendedPart(): Promise<string> {
  const folder = join(stateDir, 'redis', 'appendonlydir');
  const name = (await readdir(folder)).find((entry) => entry.endsWith('.incr.aof'));
  return join(folder, name ?? '');
}
