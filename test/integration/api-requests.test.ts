/** How requests are repeated, limited, paged and guarded against each other, over real HTTP, on two tenants of one store. */
import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { placeAgiCall } from '../support/agi-call.ts';
import { deskOn, wantedApproval } from '../support/approval.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, type LoggedIn, logIn, request, sessionAt, sessionOf } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let here: TestDaemon;
let beside: TestDaemon;
let elsewhere: TestDaemon;
let owner: LoggedIn;

beforeAll(async () => {
  store = await startRedis();
  const env = { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
  [here, beside, elsewhere] = await Promise.all([
    startTestDaemon({ env }),
    startTestDaemon({ env }),
    startTestDaemon({ env: { ...env, TOLLGATE_REDIS__TENANT: 'other' } }),
  ]);
  const user = await addUser(here, 'olive', 'owner');
  owner = await logIn(here.webPort, { ...user, totp: user.backupCodes[0] });
});
afterAll(async () => {
  await Promise.all([here.stop(), beside.stop(), elsewhere.stop()]);
  await store.stop();
});

const once = (key: string) => ({ 'idempotency-key': `${key}-0123456789abcdef` });

describe('a request that is sent again with its Idempotency-Key', () => {
  test('is carried out once and answered alike, on another daemon too, with the key that was shown once', async () => {
    const body = { name: 'crm', scopes: ['calls:read'] };
    const first = await owner.send('POST', 'keys', body, once('keys'));
    expect(first).toMatchObject({ status: 201, body: { key: expect.stringMatching(/^tollgate_/) } });
    const far = await sessionAt(beside.webPort, owner);
    const again = await far.send('POST', 'keys', body, once('keys'));
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect((await owner.send('GET', 'keys')).body).toHaveLength(1);
    // Neither the shown key nor the Idempotency-Key can be read in the store.
    const redis = store.client();
    const { key } = first.body as { readonly key: string };
    for (const name of await redis.keys('*answered*'))
      expect([name, await redis.get(name)].join(' ')).not.toContain(key.slice(9, 30));
  });

  test('is refused with another body, and by somebody else it is a request like any other', async () => {
    await owner.send('POST', 'bans', { address: '203.0.113.1' }, once('bans'));
    const other = await owner.send('POST', 'bans', { address: '203.0.113.2' }, once('bans'));
    expect(other).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    const operator = await logIn(here.webPort, await addUser(here, 'olga', 'operator'));
    const own = await operator.send('POST', 'bans', { address: '203.0.113.2' }, once('bans'));
    expect([own.status, own.headers.get('idempotency-replayed')]).toEqual([201, null]);
    expect((await owner.send('POST', 'bans', { address: '203.0.113.3' }, { 'idempotency-key': 'short' })).status).toBe(
      400,
    );
  });

  test('many times at once changes one thing once', async () => {
    const before = await auditOf('users.add');
    const tries = await Promise.all(
      Array.from({ length: 8 }, () => owner.send('POST', 'users', { name: 'once', roles: ['viewer'] }, once('user'))),
    );
    expect(tries.every(({ status }) => status === 201 || status === 409)).toBe(true);
    expect(tries.some(({ status }) => status === 201)).toBe(true);
    expect((await auditOf('users.add')) - before).toBe(1);
  });
});

async function auditOf(action: string): Promise<number> {
  const { body } = await owner.send('GET', `audit?action=${action}`);
  return (body as { readonly entries: readonly unknown[] }).entries.length;
}

describe('a decision about a held call', () => {
  test('that the same person says again is answered with the first; another one is a conflict', async () => {
    const desk = deskOn([store.client(), store.client()]);
    try {
      const { id } = await desk.open(wantedApproval());
      const first = await owner.send('POST', `approvals/${id}/refuse`, { reason: 'unknown' });
      expect(first).toMatchObject({ status: 200, body: { state: 'refused', decidedBy: 'web olive' } });
      const again = await owner.send('POST', `approvals/${id}/refuse`, { reason: 'said again' });
      expect(again).toMatchObject({ status: 200, body: { state: 'refused', reason: 'unknown' } });
      expect((await owner.send('POST', `approvals/${id}/approve`)).status).toBe(409);
      const { password } = await addUser(here, 'sam', 'supervisor');
      const other = await logIn(here.webPort, { name: 'sam', password });
      expect(await other.send('POST', `approvals/${id}/refuse`)).toMatchObject({
        status: 409,
        body: { current: { decidedBy: 'web olive' } },
      });
    } finally {
      desk.close();
    }
  });
});

describe('the look of the page', () => {
  test('is for everybody to see and for an owner to change, and its logo can load and run nothing', async () => {
    await owner.send('PATCH', 'settings', { branding: { name: 'Gate of Ours', colour: '#0b2c4a' } });
    const file = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0h9v9z"/></svg>').toString('base64');
    const set = await owner.send('PUT', 'branding/logo', { type: 'image/svg+xml', file });
    expect(set.status).toBe(200);
    const { body } = await request(here.webPort, 'GET', 'branding');
    expect(body).toMatchObject({ name: 'Gate of Ours', colour: '#0b2c4a', logo: expect.stringContaining('?v=') });
    const { logo } = body as { readonly logo: string };
    const shown = await request(beside.webPort, 'GET', logo);
    expect(shown).toMatchObject({ status: 200, body: expect.stringContaining('<path') });
    expect(shown.headers.get('content-type')).toContain('image/svg+xml');
    expect(shown.headers.get('content-security-policy')).toContain('sandbox');
    const script = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>').toString('base64');
    expect((await owner.send('PUT', 'branding/logo', { type: 'image/svg+xml', file: script })).status).toBe(400);
    expect((await owner.send('PATCH', 'settings', { branding: { colour: '#ffff00' } })).status).toBe(400);
    expect((await owner.send('DELETE', 'branding/logo')).body).toEqual({ logo: null });
    expect((await request(here.webPort, 'GET', logo)).status).toBe(404);
  });
});

describe('an edit', () => {
  test('with the tag of what was read is refused when somebody was faster, with what there is now', async () => {
    await owner.send('PUT', 'groups/staff', { name: 'Staff', members: ['2001'] });
    for (const [path, change] of [
      ['rules/default', { name: 'Mine' }],
      ['groups/staff', { name: 'Mine', members: ['2002'] }],
    ] as const) {
      const method = path.startsWith('rules') ? 'PATCH' : 'PUT';
      const etag = (await owner.send('GET', path)).headers.get('etag') ?? '';
      const first = await owner.send(method, path, change, { 'if-match': etag });
      expect([path, first.status]).toEqual([path, 200]);
      const late = await owner.send(method, path, { ...change, name: 'Theirs' }, { 'if-match': etag });
      expect(late).toMatchObject({ status: 409, body: { code: 'CONFLICT', current: { name: 'Mine' } } });
      const next = first.headers.get('etag') ?? '';
      expect((await owner.send(method, path, { ...change, name: 'Next' }, { 'if-match': next })).status).toBe(200);
    }
  });

  test('says on how many daemons it is in force', async () => {
    const { headers } = await owner.send('PATCH', 'rules/default', { name: 'Everywhere' });
    expect(headers.get('tollgate-in-force')).toBe('2 of 2');
    const read = await sessionOf(beside.webPort, owner.cookie, owner.report).send('GET', 'rules/default');
    expect(read.body).toMatchObject({ name: 'Everywhere' });
    const there = { isAlive: true, isCurrent: true, version: '0.0.0' };
    await expect
      .poll(async () => (await owner.send('GET', 'nodes')).body, { timeout: 30_000 })
      .toMatchObject([
        { ...there, isThis: true },
        { ...there, isThis: false },
      ]);
  });
});

describe('a list', () => {
  test('is read in pieces by following the link of each, all of it once', async () => {
    for (let at = 10; at < 22; at++) await owner.send('PUT', `extensions/20${at}`, { name: `Phone ${at}` });
    const seen: string[] = [];
    let next: string | undefined = '/api/v1/extensions?limit=5';
    while (next !== undefined) {
      const { body, headers } = await owner.send('GET', next);
      seen.push(...(body as readonly { readonly id: string }[]).map(({ id }) => id));
      [, next] = /^<([^>]+)>; rel="next"$/.exec(headers.get('link') ?? '') ?? [];
    }
    expect(seen).toEqual(Array.from({ length: 12 }, (_, at) => `20${at + 10}`));
    expect((await owner.send('GET', 'extensions?limit=5&cursor=nonsense')).status).toBe(400);
  });

  test('of calls that are alike has one row for each pattern', async () => {
    await owner.send('PUT', 'destinations/far', { prefixes: ['+53'] });
    await owner.send('POST', 'rules', { id: 'none-far', appliesTo: { destinations: ['far'] }, action: 'block' });
    for (let at = 0; at < 3; at++)
      await placeAgiCall(here.agiPort, { extension: '2007', destination: `+535551234${at}` });
    await expect
      .poll(async () => (await owner.send('GET', 'calls?groupBy=pattern')).body, { timeout: 30_000 })
      .toMatchObject({
        patterns: [{ extension: '2007', verdict: 'block', calls: 3, rules: ['none-far'] }],
        complete: true,
      });
    const dashboard = await owner.send('GET', 'dashboard');
    const { minutes } = dashboard.body as {
      readonly minutes: readonly { readonly verdicts: { readonly block?: number } | null }[];
    };
    expect(minutes).toHaveLength(60);
    expect(minutes.reduce((sum, { verdicts }) => sum + (verdicts?.block ?? 0), 0)).toBe(3);
  });
});

describe('a ban that was lifted', () => {
  test('is put back as it was, and what was not lifted is not', async () => {
    await owner.send('POST', 'bans', { address: '203.0.113.7', reason: 'scan', seconds: 3600 });
    const before = (await owner.send('GET', 'bans/203.0.113.7')).body as { readonly until: string };
    await owner.send('POST', 'bans/lift', { addresses: ['203.0.113.7'] });
    const { body } = await owner.send('POST', 'bans/restore', { addresses: ['203.0.113.7', '203.0.113.99'] });
    expect(body).toMatchObject([
      { restored: true },
      { restored: false, detail: expect.stringContaining('not lifted') },
    ]);
    expect((await owner.send('GET', 'bans/203.0.113.7')).body).toMatchObject({
      banned: true,
      until: before.until,
      reason: 'scan',
    });
  });
});

describe('what is seen before it is done', () => {
  test('of a rule is its sentence, its worst case, whom it would have hit, and what is wrong with it', async () => {
    const rule = { limits: ['1/1h'], countPer: 'extension', appliesTo: { extensions: ['2007', '2008'] } };
    const { body } = await owner.send('POST', 'rules/preview', { rule });
    expect(body).toMatchObject({
      problems: [],
      sentence: expect.stringMatching(
        /^Each extension among 2007 or 2008 may start 1 call per 1 hour, always\. More are refused\./,
      ),
      subjects: 2,
      worstCase: [
        { seconds: 60, each: 1, all: 2 },
        { seconds: 3600, each: 1, all: 2 },
        { seconds: 86_400, each: 24, all: 48 },
      ],
      hits: { matched: 3, acted: { block: 2 }, extensions: [{ extension: '2007', calls: 2 }] },
      emergency: { numbers: ['112', '911'], touched: [] },
    });
    const wrong = await owner.send('POST', 'rules/preview', { rule: { limits: ['5 per fortnight'] } });
    expect(wrong.body).toMatchObject({ problems: [{ path: 'limits[0]' }], sentence: null });
  });

  test('of a file is each mistake with its place, and nothing is imported while there is one', async () => {
    const csv = 'Name,Restrictions\nGood,200/10/second\nBad,200/10/fortnight\n';
    const dry = await owner.send('POST', 'rules/import?dryRun=true', { csv });
    expect(dry.body).toMatchObject({ applied: false, problems: [{ line: 3, column: 'Restrictions' }] });
    expect((await owner.send('POST', 'rules/import', { csv })).status).toBe(422);
    const good = csv.replace('fortnight', 'minute');
    expect((await owner.send('POST', 'rules/import?dryRun=true', { csv: good })).body).toMatchObject({
      applied: false,
      added: ['good', 'bad'],
    });
    expect((await owner.send('POST', 'rules/import', { csv: good })).body).toMatchObject({
      applied: true,
      changed: true,
    });
  });

  test('of an allowed network is how many it holds, whom it frees, and whether it holds oneself', async () => {
    const { body } = await owner.send('POST', 'allowlist/preview', { value: '203.0.113.0/24' });
    expect(body).toMatchObject({
      problem: null,
      addresses: '256',
      first: '203.0.113.0',
      last: '203.0.113.255',
      holdsYou: false,
      yourAddress: '127.0.0.1',
      freed: expect.arrayContaining(['203.0.113.7']),
    });
    const own = await owner.send('POST', 'allowlist/preview', { value: '127.0.0.0/8' });
    expect(own.body).toMatchObject({ holdsYou: true, isLarge: true });
  });
});

describe('another tenant on the same store', () => {
  test('lets in neither the cookie nor the key of this one, and has nothing of it', async () => {
    const far = sessionOf(elsewhere.webPort, owner.cookie, owner.report);
    expect((await far.send('GET', 'me')).status).toBe(401);
    const made = await owner.send('POST', 'keys', { name: 'all', scopes: ['bans:read', 'calls:read', 'policy:read'] });
    const { key } = made.body as { readonly key: string };
    const headers = { authorization: `Bearer ${key}` };
    expect((await request(here.webPort, 'GET', 'bans', undefined, headers)).status).toBe(200);
    expect((await request(elsewhere.webPort, 'GET', 'bans', undefined, headers)).status).toBe(401);
    const user = await addUser(elsewhere, 'theo', 'owner');
    const theirs = await logIn(elsewhere.webPort, { ...user, totp: user.backupCodes[0] });
    const { body: calls } = await owner.send('GET', 'calls');
    const [call] = (calls as { readonly calls: readonly { readonly id: string }[] }).calls;
    for (const [method, path] of [
      ['GET', `calls/${call?.id}`],
      ['GET', 'rules/none-far'],
      ['GET', 'groups/staff'],
      ['GET', 'users/olive'],
      ['DELETE', 'users/olive'],
      ['DELETE', 'keys/all'],
      ['DELETE', 'bans/203.0.113.7'],
      ['DELETE', `sessions/${((await owner.send('GET', 'sessions')).body as { id: string }[])[0]?.id}`],
    ] as const)
      expect([path, (await theirs.send(method, path)).status]).toEqual([path, 404]);
    expect((await owner.send('GET', 'me')).status).toBe(200);
  });
});

describe('no path', () => {
  test('leads out of the page or to another site, however it is written', async () => {
    for (const path of [
      '/assets/../../../../etc/passwd',
      '/assets/..%2f..%2f..%2fetc%2fpasswd',
      '/assets/%2e%2e/%2e%2e/etc/passwd',
      '/assets/..%5c..%5cetc%5cpasswd',
      '//example.com/%2f..',
      '/\\example.com',
      '/api/v1/../../etc/passwd',
      '/api/v1/me?next=//example.com',
      '/?next=https://example.com',
      '/%00',
      '/%c0%ae%c0%ae/etc/passwd',
    ]) {
      const { status, headers, text } = await rawGet(path);
      expect([path, status >= 400 || text.startsWith('<!doctype html>')]).toEqual([path, true]);
      expect([path, headers['location']]).toEqual([path, undefined]);
      expect(text).not.toContain('root:');
    }
  });
});

/** As it stands: `fetch` would tidy it up. */
function rawGet(path: string) {
  return new Promise<{ status: number; headers: Readonly<Record<string, unknown>>; text: string }>(
    (resolve, reject) => {
      const asking = httpRequest({ port: here.webPort, path, agent: false }, (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      });
      asking.on('error', reject);
      asking.end();
    },
  );
}
