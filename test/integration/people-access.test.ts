/** API keys, access by address, and secrets: on real daemons, over real HTTP, in what they log and keep. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, json, logIn, request } from '../support/people.ts';
import { programArgs } from '../support/program.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let here: TestDaemon;
let there: TestDaemon;

beforeAll(async () => {
  store = await startRedis();
  const env = { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
  [here, there] = await Promise.all([startTestDaemon({ env }), startTestDaemon({ env })]);
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await store.stop();
});

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
interface Key {
  readonly id: string;
  readonly key: string;
}
const addKey = (name: string, ...options: readonly string[]): Promise<Key> =>
  json<Key>(here, ['keys', 'add', name, ...options]);
const use = (key: string, path = 'status', address = '198.51.100.1', port = here.webPort) =>
  request(port, 'GET', path, undefined, { ...from(address), authorization: `Bearer ${key}` });

describe('an API key', () => {
  test('is shown once, opens what its scopes say, and needs no CSRF token', async () => {
    const { id, key } = await addKey('groups', '--scope', 'policy:read', '--scope', 'policy:write');
    expect(key).toMatch(/^tollgate_[0-9a-f]{12}_[\w-]{43}$/);
    const listed = await here.run(['keys', 'list', '--json']);
    expect(listed.out).toContain(id);
    expect(listed.out).not.toContain(key.slice(-20));
    const headers = { ...from('198.51.100.1'), authorization: `Bearer ${key}` };
    const made = await request(here.webPort, 'PUT', 'groups/by-key', { members: ['2001'] }, headers);
    expect(made.status).toBe(200);
    expect(await use(key)).toMatchObject({ status: 403, body: { detail: expect.stringContaining('status:read') } });
    expect((await request(here.webPort, 'DELETE', 'groups/by-key', undefined, headers)).status).toBe(403);
    const entries = await json<{ from: string; action: string }[]>(here, ['audit', 'list', '--by', 'key groups']);
    expect(entries.map(({ from, action }) => [from, action])).toEqual([['198.51.100.1', 'groups.set']]);
  });

  test('opens nothing with a single character changed, and whoever tries is counted and banned', async () => {
    const { key } = await addKey('exact', '--scope', 'status:read');
    const attacker = '203.0.113.61';
    const changed = key.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    for (let tries = 0; tries < 5; tries++)
      expect(await use(changed, 'status', attacker)).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } });
    await expect
      .poll(async () => JSON.parse((await here.run(['bans', 'show', attacker, '--json'])).out) as object)
      .toMatchObject({ banned: true, reason: expect.stringContaining('failed API log-ins') });
    expect((await use(key, 'status', attacker)).body).toBe('access denied\n');
    expect((await use(key)).status).toBe(200);
  });

  test('may be bound to addresses, which no header moves', async () => {
    const { key } = await addKey('bound', '--scope', 'status:read', '--allow-from', '192.0.2.0/24,2001:db8::/64');
    expect((await use(key, 'status', '192.0.2.7')).status).toBe(200);
    expect((await use(key, 'status', '2001:db8::7')).status).toBe(200);
    expect((await use(key, 'status', '192.0.3.7')).status).toBe(403);
    expect((await use(key, 'status', '192.0.2.7, 203.0.113.5')).status).toBe(403);
  });

  test('ends everywhere when it is removed, with what it follows', async () => {
    const { key, id } = await addKey('gone', '--scope', 'calls:read');
    await sleep(600);
    expect((await use(key, 'calls', undefined, there.webPort)).status).toBe(200);
    const headers = { authorization: `Bearer ${key}` };
    const stream = await fetch(`http://127.0.0.1:${there.webPort}/api/v1/calls/tail`, { headers });
    const ended = stream.text().then(
      () => 'ended',
      () => 'ended',
    );
    await json(here, ['keys', 'remove', id]);
    expect((await use(key, 'calls')).status).toBe(401);
    expect(await Promise.race([ended, sleep(5000, 'open')])).toBe('ended');
    expect((await use(key, 'calls', undefined, there.webPort)).status).toBe(401);
  });

  test('lets send what a stranger may not: a body beyond 64 KiB', async () => {
    const { key } = await addKey('large', '--scope', 'policy:write');
    const members = Array.from({ length: 20_000 }, (_, at) => String(100_000 + at));
    const put = (bearer: string) =>
      request(
        here.webPort,
        'PUT',
        'groups/large',
        { members },
        { ...from('192.0.2.8'), authorization: `Bearer ${bearer}` },
      );
    // Read and judged: a group has fewer members.
    expect((await put(key)).status).toBe(422);
    expect((await put('x')).status).toBe(401);
    const logIn = { user: 'x'.repeat(5000), password: 'x' };
    expect((await request(here.webPort, 'POST', 'session', logIn, from('192.0.2.8'))).status).toBe(413);
  });

  test('lets the command line work on another machine', async () => {
    const { key } = await addKey('remote', '--scope', 'policy:read,policy:write,calls:read');
    const url = `http://127.0.0.1:${here.webPort}`;
    const far = (args: readonly string[], env: Record<string, string> = { TOLLGATE_KEY: key }) =>
      there.run([...args, '--url', url], { env });
    expect(await far(['rules', 'list', '--json'])).toMatchObject({
      exitCode: 0,
      out: expect.stringContaining('default'),
    });
    expect((await far(['groups', 'set', 'far', '--members', '2001', '--key', key], {})).exitCode).toBe(0);
    expect(await far(['status'])).toMatchObject({ exitCode: 1, error: expect.stringContaining('status:read') });
    expect(await far(['users', 'list'])).toMatchObject({ exitCode: 1, error: expect.stringContaining('users:manage') });
    expect((await far(['rules', 'list'], {})).exitCode).toBe(2);
    expect((await far(['rules', 'list'], { TOLLGATE_KEY: 'x' })).exitCode).toBe(1);
    const nobody = await there.run(['rules', 'list', '--url', 'http://127.0.0.1:1', '--key', key]);
    expect(nobody).toMatchObject({ exitCode: 3, error: expect.stringContaining('cannot be reached') });
    const stop = new AbortController();
    const following = there.run(['calls', 'tail', '--url', url, '--key', key], { signal: stop.signal });
    await sleep(500);
    stop.abort();
    expect((await following).exitCode).toBe(0);
  });
});

describe('access by address', () => {
  test('is not switched on without the address of who does it, unless forced', async () => {
    const { send } = await logInOwner('198.51.100.20');
    const set = (allowFrom: string[], force = '') => send('PATCH', `settings${force}`, { adminAccess: { allowFrom } });
    expect(await set(['192.0.2.0/24'])).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('you come from 198.51.100.20') },
    });
    // From the control socket it is the address of his SSH connection.
    const ssh = { SSH_CONNECTION: '203.0.113.5 50000 10.0.0.1 22' };
    const args = ['settings', 'set', 'adminAccess.allowFrom', '192.0.2.0/24'];
    expect(await here.run(args, { env: ssh })).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('203.0.113.5'),
    });
    expect((await set(['nonsense'])).status).toBe(400);
    expect((await set(['192.0.2.0/24', '198.51.100.20'])).status).toBe(200);
    expect((await set(['192.0.2.0/24'])).status).toBe(409);
    expect((await set(['192.0.2.0/24'], '?force=true')).status).toBe(200);
    expect((await send('GET', 'session')).status).toBe(403);
    expect((await here.run(['settings', 'reset', 'adminAccess'])).exitCode).toBe(0);
    expect((await send('GET', 'session')).status).toBe(200);
  });

  test('shows others "access denied" wherever they look, but for health and links, and keeps the control socket', async () => {
    const { key } = await addKey('office', '--scope', 'status:read');
    await json(here, ['settings', 'set', 'adminAccess.allowFrom', '192.0.2.0/24']);
    try {
      const ask = (path: string, address: string, method = 'GET') =>
        request(here.webPort, method, path, undefined, { ...from(address), authorization: `Bearer ${key}` });
      for (const path of ['status', 'session', 'nowhere', '/', '/index.html', '/%2e%2e/api/v1/status']) {
        const answer = await ask(path, '198.51.100.9');
        expect([path, answer.status, answer.body]).toEqual([path, 403, 'access denied\n']);
        expect((await ask(path, '198.51.100.9, 192.0.2.1, 198.51.100.9')).status).toBe(403);
      }
      expect((await ask('session', '198.51.100.9', 'POST')).status).toBe(403);
      expect((await ask('/healthz', '198.51.100.9')).status).toBe(200);
      expect((await ask('/readyz', '198.51.100.9')).status).toBe(200);
      expect((await ask(`/a/${'A'.repeat(60)}`, '198.51.100.9')).status).toBe(404);
      expect((await ask('status', '192.0.2.1')).status).toBe(200);
      expect((await here.run(['status', '--json'])).out).toContain('"node"');
      await expect.poll(async () => (await use(key, 'status', '198.51.100.9', there.webPort)).status).toBe(403);
    } finally {
      await json(here, ['settings', 'reset', 'adminAccess']);
    }
  });
});

let owners = 0;
async function logInOwner(address: string) {
  const user = await addUser(here, `chief-${++owners}`, 'owner');
  return logIn(here.webPort, { ...user, totp: user.backupCodes[0] }, from(address));
}

describe('a secret', () => {
  test('of the first owner is said on standard error by the program, once, and not in its log', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'tollgate-first-'));
    const start = async (): Promise<{ out: string; error: string }> => {
      const env = { ...process.env, TOLLGATE_AGI__LISTEN: '127.0.0.1:0', TOLLGATE_HTTP__LISTEN: '127.0.0.1:0' };
      const child = spawn(process.execPath, [...programArgs, 'serve', '--state', stateDir], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const said = { out: '', error: '' };
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said.out += text;
        if (text.includes('deciding calls')) child.kill('SIGTERM');
      });
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said.error += text;
      });
      await once(child, 'close');
      return said;
    };
    try {
      const first = await start();
      const [, password = ''] = /^ {2}password {2}(\w{24})$/m.exec(first.error) ?? [];
      expect(password).toHaveLength(24);
      expect(first.out).toContain('deciding calls');
      expect(first.out).not.toContain(password);
      expect(await filesIn(stateDir)).not.toContain(password);
      expect((await start()).error).toBe('');
    } finally {
      await rm(stateDir, { recursive: true, force: true });
    }
  });

  test('stands in no log line, audit entry, key of the store or file, after a busy day', async () => {
    const announced: string[] = [];
    const env = { TOLLGATE_REDIS__PREFIX: 'busy', TOLLGATE_REDIS__URL: store.socketPath };
    const busy = await startTestDaemon({ env, announce: ({ password }) => void announced.push(password) });
    const secrets = [...announced];
    try {
      const { webPort } = busy;
      const ann = await addUser(busy, 'ann', 'owner');
      const bob = await addUser(busy, 'bob', 'operator');
      const { key } = await json<Key>(busy, ['keys', 'add', 'script', '--scope', 'status:read']);
      const session = await logIn(webPort, { ...ann, totp: ann.backupCodes[0] });
      const typed = 'typed by hand, four words';
      await session.send('POST', 'users', { name: 'carl', roles: ['viewer'], password: typed });
      await session.send('PATCH', 'users/bob', { newPassword: true });
      await session.send('POST', 'session/backup-codes', { password: ann.password, totp: ann.backupCodes[1] });
      await request(webPort, 'POST', 'session', { user: 'ann', password: 'a wrong one, and long', totp: '123456' });
      await request(webPort, 'POST', 'session', { user: 'a wrong one, and long', password: 'x' });
      await request(webPort, 'POST', 'session', { user: 'bob', password: 'a wrong one, and long', extra: typed });
      await request(webPort, 'GET', `status?key=${key}`, undefined, { authorization: `Bearer ${key}x` });
      await request(webPort, 'GET', 'status', undefined, { authorization: `Bearer ${key}` });
      await session.send('PUT', 'session/password', {
        password: ann.password,
        newPassword: 'another four words, long',
      });
      secrets.push(ann.password, ...ann.backupCodes, bob.password, key, typed, 'another four words, long');
      // A password was made for him above; this is the one that lasts.
      const { password } = await json<{ password: string }>(busy, ['users', 'set', 'bob', '--new-password']);
      const stays = await logIn(webPort, { name: 'bob', password });
      secrets.push(password, ...[session, stays].map(({ cookie }) => cookie.replace('tollgate=', '')));
      secrets.push(session.report.csrfToken, stays.report.csrfToken);
      await sleep(300);

      const said = JSON.stringify(busy.log);
      const recorded = (await busy.run(['audit', 'export'])).out;
      const kept = await everythingIn(store, 'busy');
      const files = await filesIn(busy.stateDir);
      expect(recorded).toContain('users.add');
      expect(kept).toContain('$argon2id$');
      expect(kept).toContain('\\"user\\":\\"bob\\"');
      expect(files).toContain('$argon2id$');
      expect(secrets.length).toBeGreaterThan(15);
      for (const secret of secrets) {
        expect(secret.length).toBeGreaterThan(15);
        for (const [where, text] of Object.entries({ said, recorded, kept, files }))
          expect([where, text.includes(secret)]).toEqual([where, false]);
      }
      // The secret of a second factor has to be kept, and stands nowhere else.
      for (const text of [said, recorded]) expect(text).not.toContain(ann.secret);
      // Some type it where the name belongs.
      for (const text of [said, recorded, kept, files]) expect(text).not.toContain('a wrong one');
    } finally {
      await busy.stop();
    }
  });
});

async function everythingIn(server: TestRedis, prefix: string): Promise<string> {
  const redis = server.client();
  const parts = await Promise.all(
    (await redis.keys(`${prefix}:*`)).map(async (key) => {
      switch (await redis.type(key)) {
        case 'hash':
          return JSON.stringify(await redis.hgetall(key));
        case 'string':
          return String(await redis.get(key));
        case 'stream':
          return JSON.stringify(await redis.xrange(key, '-', '+'));
        case 'list':
          return JSON.stringify(await redis.lrange(key, 0, -1));
        case 'zset':
          return JSON.stringify(await redis.zrange(key, '0', '-1'));
        default:
          return '';
      }
    }),
  );
  return parts.join('\n');
}

async function filesIn(folder: string): Promise<string> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((file) => file.isFile());
  return (await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name), 'utf8')))).join('\n');
}
