/** Logging in over real HTTP, on two daemons with one store, from many addresses behind a trusted proxy. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SessionReport } from '../../src/api/session-routes.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import {
  addSecondFactor,
  addUser,
  codeOf,
  cookieIn,
  json,
  type LoggedIn,
  logIn,
  request,
  sessionOf,
} from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let here: TestDaemon;
let there: TestDaemon;
const announced: { readonly name: string; readonly password: string }[] = [];

beforeAll(async () => {
  store = await startRedis();
  const env = { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
  const announce = (owner: { readonly name: string; readonly password: string }) => void announced.push(owner);
  [here, there] = await Promise.all([startTestDaemon({ env, announce }), startTestDaemon({ env, announce })]);
});
afterAll(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await store.stop();
});

const from = (address: string): Record<string, string> => ({ 'x-forwarded-for': address });
let last = 0;
/** An address that has tried nothing yet. */
const fresh = (): Record<string, string> => from(`198.51.${100 + Math.floor(++last / 250)}.${1 + (last % 250)}`);
const attempt = (body: object, headers = fresh(), port = here.webPort) =>
  request(port, 'POST', 'session', body, headers);
/** The same log-in, asked at the other daemon. */
const elsewhere = (session: LoggedIn): LoggedIn => sessionOf(there.webPort, session.cookie, session.report, fresh());
/** Both daemons have the users; a change is everywhere a quarter of a second later. */
const spread = (): Promise<void> => sleep(600);
const failed = { status: 401, body: { code: 'UNAUTHENTICATED', detail: 'the name, password or code is wrong' } };

describe('the first owner', () => {
  test('is made once by all daemons, and has nothing open but his own account until he has a second factor', async () => {
    expect(announced).toHaveLength(1);
    const [owner = { name: '', password: '' }] = announced;
    expect(owner).toMatchObject({ name: 'owner', password: expect.stringMatching(/^\w{24}$/) });
    const first = await logIn(here.webPort, owner, fresh());
    expect(first.report).toMatchObject({ roles: ['owner'], permissions: ['own'], secondFactorNeeded: true });
    expect(await first.send('GET', 'rules')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('second factor') },
    });

    const other = await logIn(there.webPort, owner, fresh());
    expect((await first.send('POST', 'session/totp', { password: 'wrong' })).status).toBe(403);
    const begun = await first.send('POST', 'session/totp', { password: owner.password });
    const { secret, uri, qr } = begun.body as { secret: string; uri: string; qr: string[] };
    expect(uri).toContain(`secret=${secret}`);
    expect(new Set(qr.map((row) => row.length))).toEqual(new Set([qr.length]));
    expect((await first.send('POST', 'session/totp/confirm', { code: codeOf(secret, 5) })).status).toBe(409);
    const confirmed = await first.send('POST', 'session/totp/confirm', { code: codeOf(secret, -1) });
    const { backupCodes, session } = confirmed.body as { backupCodes: string[]; session: SessionReport };
    expect(backupCodes).toHaveLength(10);
    expect(session.permissions).toContain('users:manage');
    // What he had before is worth nothing any more.
    for (const old of [first, other]) expect((await old.send('GET', 'session')).status).toBe(401);
    const now = sessionOf(here.webPort, cookieIn(confirmed.headers), session, fresh());
    expect((await now.send('GET', 'rules')).status).toBe(200);
    expect(await attempt({ user: 'owner', password: owner.password })).toMatchObject(failed);
  });

  test('is not made anew by a restart, and stays the last one', async () => {
    const made: unknown[] = [];
    const env = { TOLLGATE_REDIS__URL: store.socketPath };
    const third = await startTestDaemon({ env, announce: (owner) => void made.push(owner) });
    await third.stop();
    expect(made).toEqual([]);
    for (const args of [
      ['remove', 'owner'],
      ['set', 'owner', '--disable'],
      ['set', 'owner', '--role', 'viewer'],
      ['set', 'owner', '--role', 'viewer', '--role', 'operator'],
    ])
      expect(await here.run(['users', ...args])).toMatchObject({
        exitCode: 1,
        error: expect.stringContaining('last owner'),
      });
  });
});

describe('a one-time code', () => {
  test('is good once, on all daemons together', async () => {
    const user = await addUser(here, 'totp', 'viewer');
    const { secret } = await addSecondFactor(here, 'totp');
    await spread();
    const body = { user: 'totp', password: user.password, totp: codeOf(secret) };
    const both = await Promise.all([here, there, here, there].map((node) => attempt(body, fresh(), node.webPort)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401, 401, 401]);
    expect(await attempt(body)).toMatchObject(failed);
    expect((await attempt({ ...body, totp: codeOf(secret, 1) })).status).toBe(200);
    expect(await attempt({ ...body, totp: codeOf(secret, 3) })).toMatchObject(failed);
    expect(await attempt({ ...body, totp: '' })).toMatchObject(failed);
  });

  test('is not used up by a wrong password', async () => {
    const user = await addUser(here, 'careful', 'viewer');
    const { secret, backupCodes } = await addSecondFactor(here, 'careful');
    const totp = codeOf(secret);
    expect(await attempt({ user: 'careful', password: 'wrong', totp })).toMatchObject(failed);
    expect((await attempt({ user: 'careful', password: user.password, totp })).status).toBe(200);
    expect(await attempt({ user: 'careful', password: 'wrong', totp: backupCodes[0] })).toMatchObject(failed);
    expect((await attempt({ user: 'careful', password: user.password, totp: backupCodes[0] })).status).toBe(200);
  });

  test('of paper is good once, however it is typed and whoever is asked', async () => {
    const { password, backupCodes } = {
      ...(await addUser(here, 'paper', 'viewer')),
      ...(await addSecondFactor(here, 'paper')),
    };
    await spread();
    const [code = '', other = ''] = backupCodes;
    const body = { user: 'paper', password, totp: code };
    const both = await Promise.all([here, there].map((node) => attempt(body, fresh(), node.webPort)));
    expect(both.map(({ status }) => status).sort()).toEqual([200, 401]);
    expect(await attempt(body)).toMatchObject(failed);
    expect((await attempt({ ...body, totp: ` ${other.toUpperCase().replaceAll('-', ' ')} ` })).status).toBe(200);
    const [user] = (await json<{ name: string; backupCodesLeft: number }[]>(here, ['users', 'list'])).filter(
      ({ name }) => name === 'paper',
    );
    expect(user?.backupCodesLeft).toBe(8);
  });
});

describe('whoever cannot log in', () => {
  test('learns nothing of why: no name, wrong password, no code, and kept out are one answer', async () => {
    const { password } = await addUser(here, 'barred', 'viewer');
    await json(here, ['users', 'set', 'barred', '--disable']);
    const user = await addUser(here, 'coded', 'viewer');
    await addSecondFactor(here, 'coded');
    const answers = await Promise.all([
      attempt({ user: 'nobody-has-this-name', password }),
      attempt({ user: 'barred', password }),
      attempt({ user: 'coded', password: user.password }),
      attempt({ user: 'coded', password: 'wrong', totp: '000000' }),
      attempt({ user: '__proto__', password: '' }),
    ]);
    for (const each of answers) expect(each).toMatchObject(failed);
    const bodies = answers.map(({ body }) => ({ ...(body as object), address: 'his own' }));
    expect(new Set(bodies.map((body) => JSON.stringify(body))).size).toBe(1);
    expect(answers.flatMap(({ headers }) => headers.get('set-cookie') ?? [])).toEqual([]);
  });

  test('has ten tries from one address, many at once included, and is told how long to wait', async () => {
    const { password } = await addUser(here, 'sought', 'viewer');
    const headers = from('203.0.113.201');
    const all = await Promise.all(
      Array.from({ length: 30 }, (_, at) => attempt({ user: `guess-${at}`, password: 'x' }, headers)),
    );
    expect(all.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10);
    // By now the defence may have banned it.
    const late = await attempt({ user: 'sought', password }, headers);
    expect([429, 403]).toContain(late.status);
    if (late.status === 429) expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await attempt({ user: 'sought', password })).status).toBe(200);
  });

  test('is banned by the defence after five, with the page shut before him and nobody else', async () => {
    const headers = from('203.0.113.77');
    for (let tries = 0; tries < 5; tries++)
      expect(await attempt({ user: 'owner', password: `guess ${tries}` }, headers)).toMatchObject({
        body: { triesLeft: 4 - tries, address: '203.0.113.77', blockedFor: '24h' },
      });
    await expect
      .poll(async () => JSON.parse((await here.run(['bans', 'show', '203.0.113.77', '--json'])).out) as object)
      .toMatchObject({ banned: true, offences: 5, reason: expect.stringContaining('failed web log-ins') });
    const shut = await request(here.webPort, 'GET', 'session', undefined, headers);
    expect([shut.status, shut.body]).toEqual([403, 'access denied\n']);
    expect((await request(here.webPort, 'GET', '/healthz', undefined, headers)).status).toBe(200);
    await expect.poll(async () => (await request(there.webPort, 'GET', '/', undefined, headers)).status).toBe(403);
    expect((await request(here.webPort, 'GET', 'session', undefined, from('203.0.113.78'))).status).toBe(401);
  });

  test('does not keep the owner of a name out by guessing from many addresses, where the allowlist has him', async () => {
    const { password } = await addUser(here, 'target', 'viewer');
    await json(here, ['allow', 'add', '192.0.2.33', '--name', 'office']);
    for (let tries = 0; tries < 31; tries++) await attempt({ user: 'target', password: 'x' });
    expect((await attempt({ user: 'target', password })).status).toBe(429);
    expect((await attempt({ user: 'target', password }, from('192.0.2.33'))).status).toBe(200);
  });

  test('cannot move his address by writing it himself', async () => {
    // The proxy appends what it sees; what stands before it is the client's word.
    for (let tries = 0; tries < 11; tries++)
      await attempt({ user: 'x', password: 'x' }, from(`10.9.8.${tries}, 203.0.113.99`));
    expect([429, 403]).toContain((await attempt({ user: 'x', password: 'x' }, from('10.1.1.1, 203.0.113.99'))).status);
    const alone = await startTestDaemon({ env: { TOLLGATE_REDIS__URL: store.socketPath } });
    try {
      const { password } = await addUser(alone, 'direct', 'viewer');
      const me = await logIn(alone.webPort, { name: 'direct', password }, from('192.0.2.250'));
      const sessions = (await me.send('GET', 'sessions')).body as { address: string }[];
      expect(sessions.map(({ address }) => address)).toEqual(['127.0.0.1']);
    } finally {
      await alone.stop();
    }
  });
});

describe('a log-in', () => {
  test('has a cookie that no script reads and no other site sends, of its own each time', async () => {
    const user = await addUser(here, 'cookie', 'viewer');
    const planted = `tollgate=${'A'.repeat(43)}`;
    const body = { user: 'cookie', password: user.password };
    const first = await attempt(body, { ...fresh(), cookie: planted });
    expect(first.headers.get('set-cookie')).toMatch(/^tollgate=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookieIn(first.headers)).not.toBe(planted);
    expect((await request(here.webPort, 'GET', 'session', undefined, { ...fresh(), cookie: planted })).status).toBe(
      401,
    );
    const second = await attempt(body, { ...fresh(), cookie: cookieIn(first.headers) });
    expect(cookieIn(second.headers)).not.toBe(cookieIn(first.headers));
    const before = { ...fresh(), cookie: cookieIn(first.headers) };
    expect((await request(here.webPort, 'GET', 'session', undefined, before)).status).toBe(401);
  });

  test('behind TLS has a cookie that goes over TLS alone, and to this host alone', async () => {
    const env = { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_HTTP__PUBLIC_URL: 'https://gate.example.com' };
    const tls = await startTestDaemon({ env });
    try {
      const { password } = await addUser(tls, 'tls', 'viewer');
      const answer = await request(tls.webPort, 'POST', 'session', { user: 'tls', password });
      expect(answer.headers.get('set-cookie')).toMatch(
        /^__Host-tollgate=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
      );
    } finally {
      await tls.stop();
    }
  });

  test('changes nothing without its own CSRF token', async () => {
    const { password } = await addUser(here, 'csrf', 'operator');
    const [one, two] = [
      await logIn(here.webPort, { name: 'csrf', password }, fresh()),
      await logIn(here.webPort, { name: 'csrf', password }, fresh()),
    ];
    const put = (headers: Record<string, string>) =>
      request(here.webPort, 'PUT', 'groups/forged', { members: ['1'] }, { ...fresh(), cookie: one.cookie, ...headers });
    for (const token of [undefined, '', 'x', two.report.csrfToken]) {
      const answer = await put(token === undefined ? {} : { 'x-csrf-token': token });
      expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('x-csrf-token') } });
    }
    expect((await here.run(['groups', 'show', 'forged'])).exitCode).toBe(1);
    expect((await put({ 'x-csrf-token': one.report.csrfToken })).status).toBe(200);
    // Whoever logs in with a form of another site sends no JSON.
    const form = new URLSearchParams({ user: 'csrf', password });
    const forged = await fetch(`http://127.0.0.1:${here.webPort}/api/v1/session`, { method: 'POST', body: form });
    expect([400, 415]).toContain(forged.status);
  });

  test('is ended everywhere with the next request, by whatever takes something from its user', async () => {
    const ways: readonly (readonly string[])[] = [
      ['set', '--role', 'billing'],
      ['set', '--role', 'viewer', '--role', 'supervisor'],
      ['set', '--new-password'],
      ['set', '--disable'],
      ['logout'],
      ['remove'],
    ];
    for (const [at, [command = '', ...options]] of ways.entries()) {
      const name = `ended-${at}`;
      const { password } = await addUser(here, name, 'viewer');
      await spread();
      const session = elsewhere(await logIn(here.webPort, { name, password }, fresh()));
      expect((await session.send('GET', 'rules')).status).toBe(200);
      expect((await here.run(['users', command, name, ...options])).exitCode).toBe(0);
      expect([command, (await session.send('GET', 'rules')).status]).toEqual([command, 401]);
    }
  });

  test('that crossed a change of its user is none, though the store has it', async () => {
    const redis = store.client();
    const key = 'tollgate:{default}:sessions';
    const { password } = await addUser(here, 'crossed', 'operator');
    const session = await logIn(here.webPort, { name: 'crossed', password }, fresh());
    const before = await redis.hgetall(key);
    await json(here, ['users', 'set', 'crossed', '--role', 'viewer']);
    await redis.hset(key, before);
    expect((await session.send('GET', 'rules')).status).toBe(401);
  });

  test('takes its streams with it', async () => {
    const { password } = await addUser(here, 'stream', 'viewer');
    await spread();
    const { cookie } = await logIn(here.webPort, { name: 'stream', password }, fresh());
    const headers = { ...fresh(), cookie };
    const stream = await fetch(`http://127.0.0.1:${there.webPort}/api/v1/calls/tail`, { headers });
    expect(stream.status).toBe(200);
    const ended = stream.text().then(
      () => 'ended',
      () => 'ended',
    );
    expect(await Promise.race([ended, sleep(2500, 'open')])).toBe('open');
    await here.run(['users', 'logout', 'stream']);
    expect(await Promise.race([ended, sleep(5000, 'open')])).toBe('ended');
  });

  test('ends after a while without requests, and after a longer one in any case', async () => {
    const { password } = await addUser(here, 'idle', 'viewer');
    const redis = store.client();
    const key = 'tollgate:{default}:sessions';
    const age = async (change: Record<string, number>): Promise<void> => {
      for (const [field, text] of Object.entries(await redis.hgetall(key))) {
        const kept = JSON.parse(text) as { user: string; seenAt: number; endsAt: number };
        if (kept.user !== 'idle') continue;
        const aged = {
          ...kept,
          seenAt: kept.seenAt - (change['idle'] ?? 0),
          endsAt: kept.endsAt - (change['whole'] ?? 0),
        };
        await redis.hset(key, field, JSON.stringify(aged));
      }
    };
    const minute = 60_000;
    const one = await logIn(here.webPort, { name: 'idle', password }, fresh());
    await age({ idle: 29 * minute });
    expect((await one.send('GET', 'session')).status).toBe(200);
    await age({ idle: 29 * minute });
    expect((await one.send('GET', 'session')).status).toBe(200);
    // What a page asks by itself is answered, and keeps nothing alive.
    await age({ idle: 20 * minute });
    const bySelf = await one.send('GET', 'session', undefined, { 'x-tollgate-background': '1' });
    expect(bySelf).toMatchObject({ status: 200, body: { idleSeconds: 1800 } });
    await age({ idle: 11 * minute });
    expect((await one.send('GET', 'session')).status).toBe(401);
    const two = await logIn(here.webPort, { name: 'idle', password }, fresh());
    await age({ whole: 12 * 60 * minute });
    expect((await two.send('GET', 'session')).status).toBe(401);
  });

  test('is listed and ended by its owner alone', async () => {
    const [ann, eve] = [await addUser(here, 'ann', 'viewer'), await addUser(here, 'eve', 'viewer')];
    const mine = await logIn(here.webPort, ann, fresh());
    const other = await logIn(here.webPort, ann, fresh());
    const hers = await logIn(here.webPort, eve, fresh());
    const listed = (await mine.send('GET', 'sessions')).body as { id: string; current: boolean }[];
    expect(listed.map(({ current }) => current).sort()).toEqual([false, true]);
    const id = listed.find(({ current }) => !current)?.id;
    expect((await hers.send('DELETE', `sessions/${id}`)).status).toBe(404);
    expect((await other.send('GET', 'session')).status).toBe(200);
    expect((await mine.send('DELETE', `sessions/${id}`)).status).toBe(200);
    expect((await other.send('GET', 'session')).status).toBe(401);
    expect((await mine.send('DELETE', 'session')).status).toBe(200);
    expect((await mine.send('GET', 'session')).status).toBe(401);
    expect((await hers.send('GET', 'session')).status).toBe(200);
  });

  test('gives another password only for the old one, of 16 characters or more, and ends the others', async () => {
    const user = await addUser(here, 'renewed', 'viewer');
    const [one, two] = [await logIn(here.webPort, user, fresh()), await logIn(here.webPort, user, fresh())];
    const change = (body: object) => one.send('PUT', 'session/password', body);
    const good = 'four plain words here';
    expect((await change({ password: user.password, newPassword: 'fifteen letters' })).status).toBe(400);
    expect((await change({ password: user.password, newPassword: 'aaaaaaaaaaaaaaaaaaaaaa' })).status).toBe(400);
    expect((await change({ password: user.password, newPassword: 'renewedrenewedrenewed' })).status).toBe(400);
    expect((await change({ password: 'wrong', newPassword: good })).status).toBe(403);
    const changed = await change({ password: user.password, newPassword: good });
    expect(changed.status).toBe(200);
    for (const old of [one, two]) expect((await old.send('GET', 'session')).status).toBe(401);
    const now = sessionOf(here.webPort, cookieIn(changed.headers), changed.body as SessionReport, fresh());
    expect((await now.send('GET', 'session')).status).toBe(200);
    expect(await attempt({ user: 'renewed', password: user.password })).toMatchObject(failed);
    expect((await attempt({ user: ' Renewed ', password: good })).status).toBe(200);
  });

  test('is in the record, with name and address, as is what it changed', async () => {
    const { password } = await addUser(here, 'recorded', 'operator');
    const me = await logIn(here.webPort, { name: 'recorded', password }, from('192.0.2.140'));
    expect((await me.send('PUT', 'groups/made', { members: ['2001'] })).status).toBe(200);
    const entries = await json<{ by: string; from: string; action: string }[]>(here, [
      'audit',
      'list',
      '--by',
      'web recorded',
    ]);
    expect(entries.map(({ from, action }) => [from, action])).toEqual([
      ['192.0.2.140', 'groups.set'],
      ['192.0.2.140', 'session.open'],
    ]);
  });
});
