/**
 * Every route of the web port asked by every role, cell by cell, on a real daemon. The table stands here a second time on
 * purpose: whoever changes what a role may do changes it here as well.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS } from '../../src/api/permissions.ts';
import { ROLES, type Role, SCOPES } from '../../src/people/roles.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, json, type LoggedIn, logIn, request, type TestUser } from '../support/people.ts';

/** Owner, oPerator, Supervisor, Viewer, Billing; a dot may not. */
const TABLE = `
O.... PUT /api/v1/branding/logo
O.... DELETE /api/v1/branding/logo
OPSVB GET /api/v1/me
OPSVB GET /api/v1/events
OPSV. GET /api/v1/status
OPSV. GET /api/v1/nodes
OPSV. GET /api/v1/dashboard
OPSV. GET /api/v1/asterisk/endpoints
OPSV. GET /api/v1/log
O.... PATCH /api/v1/log
OP.VB GET /api/v1/rates
OP.VB GET /api/v1/rates/packed
OP.VB GET /api/v1/rates/prefixes
OP.VB GET /api/v1/rates/check
OP.VB GET /api/v1/rates/history
OPSV. GET /api/v1/replay
OP... PUT /api/v1/replay/file
OP... POST /api/v1/replay
OP... DELETE /api/v1/replay
OP.VB GET /api/v1/spend
OP.VB GET /api/v1/spend/history
OP.VB GET /api/v1/spend/history/csv
O.... POST /api/v1/rates/import
O.... POST /api/v1/rates/undo
OPSV. GET /api/v1/policy
O.... PUT /api/v1/policy
OPSV. GET /api/v1/policy/csv
OPSV. GET /api/v1/policy/schedules
OPSV. GET /api/v1/policy/extensions
OPSV. GET /api/v1/policy/groups
OPSV. GET /api/v1/policy/trunks
OPSV. POST /api/v1/schedules/preview
OPSV. GET /api/v1/rules
OPSV. GET /api/v1/rules/:id
OPSV. POST /api/v1/rules/preview
OP... POST /api/v1/rules/import
OP... POST /api/v1/rules
OP... PATCH /api/v1/rules/:id
O.... DELETE /api/v1/rules/:id
OP... POST /api/v1/rules/:id/enable
OP... POST /api/v1/rules/:id/disable
OP... POST /api/v1/rules/:id/shadow
OP... POST /api/v1/rules/:id/enforce
OP... POST /api/v1/rules/:id/reset
OPSV. GET /api/v1/rules/:id/shadow-report
OPSV. GET /api/v1/doctor/rules
O.... GET /api/v1/doctor/machine
OPSV. GET /api/v1/templates
OPSV. GET /api/v1/packs
OPSV. POST /api/v1/packs/:name
OPSV. GET /api/v1/prompts
OPSV. GET /api/v1/prompts/:name
OP... POST /api/v1/templates/:name
OPSV. GET /api/v1/groups
OPSV. GET /api/v1/groups/:id
OP... PUT /api/v1/groups/:id
O.... DELETE /api/v1/groups/:id
OPSV. GET /api/v1/extensions
OPSV. GET /api/v1/extensions/:id
OP... PUT /api/v1/extensions/:id
O.... DELETE /api/v1/extensions/:id
OPSV. GET /api/v1/trunks
OPSV. GET /api/v1/trunks/:id
OP... PUT /api/v1/trunks/:id
O.... DELETE /api/v1/trunks/:id
OPSV. GET /api/v1/schedules
OPSV. GET /api/v1/schedules/:id
OP... PUT /api/v1/schedules/:id
O.... DELETE /api/v1/schedules/:id
OPSV. GET /api/v1/destinations
OPSV. GET /api/v1/destinations/:id
OP... PUT /api/v1/destinations/:id
O.... DELETE /api/v1/destinations/:id
OPSV. POST /api/v1/check
OPSV. POST /api/v1/explain
OPSV. GET /api/v1/calls
OPSV. GET /api/v1/calls/:id
OPSV. GET /api/v1/calls/csv
OPSV. GET /api/v1/calls/by-rule
OPSV. GET /api/v1/calls/live
OP... POST /api/v1/calls/live/end
OP... POST /api/v1/learn
OPSV. GET /api/v1/locks
OP... DELETE /api/v1/locks/:id
OP... POST /api/v1/locks/clear
OPSV. GET /api/v1/calls/tail
OPSV. GET /api/v1/outages
OPSV. GET /api/v1/approvals
OPSV. GET /api/v1/approvals/watch
OPSV. GET /api/v1/approvals/:id
OPS.. POST /api/v1/approvals/:id/approve
OPS.. POST /api/v1/approvals/:id/refuse
O.... POST /api/v1/approvals/:id/link
OPSV. GET /api/v1/grants
OPS.. POST /api/v1/grants
OPS.. DELETE /api/v1/grants/:id
OP.V. GET /api/v1/allowlist
OP.V. GET /api/v1/allowlist/:ref
OP.V. GET /api/v1/allowlist/exempt
OP.V. GET /api/v1/allowlist/exemptions
O.... PUT /api/v1/allowlist/exemptions
OP... POST /api/v1/allowlist
OP.V. POST /api/v1/allowlist/preview
OP... PATCH /api/v1/allowlist/:ref
O.... POST /api/v1/allowlist/import
O.... DELETE /api/v1/allowlist/:ref
OP.V. GET /api/v1/bans
OP.V. GET /api/v1/bans/reports
OP.V. GET /api/v1/bans/left-alone
OP... DELETE /api/v1/bans/left-alone/:address
OP.V. GET /api/v1/bans/history
OP.V. GET /api/v1/bans/:address
OP... POST /api/v1/bans
OP... POST /api/v1/bans/lift
OP... POST /api/v1/bans/restore
OP... DELETE /api/v1/bans/:address
OP.V. GET /api/v1/firewall
O.... POST /api/v1/firewall/portal
O.... POST /api/v1/firewall/isolate
O.... POST /api/v1/firewall/release
O.... POST /api/v1/firewall/confirm
O.... POST /api/v1/firewall/undo
OP.V. POST /api/v1/firewall/preview
OP.V. GET /api/v1/firewall/reach
OP.V. GET /api/v1/settings
O.... PATCH /api/v1/settings
O.... PUT /api/v1/settings
O.... DELETE /api/v1/settings
O.... DELETE /api/v1/settings/:path
OPSV. GET /api/v1/alerts
OPSV. GET /api/v1/alerts/channels
OPSV. GET /api/v1/alerts/plan
OPSV. GET /api/v1/alerts/dead
OPS.. POST /api/v1/alerts/dead/retry
OPS.. POST /api/v1/alerts/test
OPSV. GET /api/v1/alerts/:id
OPS.. POST /api/v1/alerts/:id/acknowledge
OPS.. POST /api/v1/alerts/:id/snooze
OPS.. DELETE /api/v1/alerts/:id/snooze
OP.V. GET /api/v1/audit
OPSV. GET /api/v1/audit/own
OP.V. GET /api/v1/audit/verify
O.... GET /api/v1/audit/export
O.... GET /api/v1/users
O.... GET /api/v1/users/:name
O.... POST /api/v1/users
O.... PATCH /api/v1/users/:name
O.... DELETE /api/v1/users/:name
O.... GET /api/v1/users/:name/sessions
O.... DELETE /api/v1/users/:name/sessions
O.... DELETE /api/v1/users/:name/sessions/:id
O.... POST /api/v1/users/:name/totp
O.... POST /api/v1/users/:name/totp/confirm
O.... GET /api/v1/keys
O.... POST /api/v1/keys
O.... DELETE /api/v1/keys/:ref
OPSVB GET /api/v1/session
OPSVB PUT /api/v1/session/password
OPSVB POST /api/v1/session/totp
OPSVB POST /api/v1/session/totp/confirm
OPSVB DELETE /api/v1/session/totp
OPSVB POST /api/v1/session/backup-codes
OPSVB GET /api/v1/sessions
OPSVB DELETE /api/v1/sessions/:id
OPSVB DELETE /api/v1/session
`;

const LETTERS: Readonly<Record<string, Role>> = {
  O: 'owner',
  P: 'operator',
  S: 'supervisor',
  V: 'viewer',
  B: 'billing',
};
const rows = TABLE.trim()
  .split('\n')
  .map((line) => {
    const [letters = '', method = '', path = ''] = line.split(' ');
    return { method, path, name: `${method} ${path}`, roles: [...letters].flatMap((letter) => LETTERS[letter] ?? []) };
  });

const FOR_ALL = [
  'POST /api/v1/session',
  'GET /api/v1/openapi.json',
  'GET /api/v1/branding',
  'GET /api/v1/branding/logo',
];

/** What goes on for ever is only begun. */
const STREAMS = ['/api/v1/events', '/api/v1/calls/tail', '/api/v1/approvals/watch', '/api/v1/audit/verify'];

let tollgate: TestDaemon;
const people = new Map<Role, LoggedIn>();
const users = new Map<Role, TestUser>();

beforeAll(async () => {
  tollgate = await startTestDaemon();
  for (const role of ROLES) {
    const user = await addUser(tollgate, `one-${role}`, role);
    users.set(role, user);
    people.set(role, await logIn(tollgate.webPort, { ...user, totp: user.backupCodes[0] }));
  }
});
afterAll(() => tollgate.stop());

/** Nobody is called `x`, and no body has a key `unexpected`: what is let through changes nothing. */
const placeOf = (path: string): string => path.replace(/:\w+/g, 'x');
async function ask(method: string, path: string, headers: Record<string, string>): Promise<number> {
  const isStream = STREAMS.includes(path);
  const stop = new AbortController();
  const answer = await fetch(`http://127.0.0.1:${tollgate.webPort}${placeOf(path)}`, {
    method,
    headers: { ...headers, ...(method === 'GET' ? {} : { 'content-type': 'application/json' }) },
    signal: stop.signal,
    ...(method === 'GET' ? {} : { body: JSON.stringify({ unexpected: true }) }),
  });
  if (isStream) stop.abort();
  else {
    const text = await answer.text();
    expect(text, `${method} ${path} is a route`).not.toContain('nothing on this port answers');
  }
  return answer.status;
}

describe('the table of routes', () => {
  test('has every route that the daemon has, and no other', () => {
    const here = [...rows.map(({ name }) => name), ...FOR_ALL].sort();
    expect([...NEEDS.keys()].sort()).toEqual(here);
  });

  test('lets nobody through who is not logged in, whatever he sends instead', async () => {
    const wrong = [
      {},
      { cookie: 'tollgate=x' },
      { authorization: 'Bearer x' },
      { 'x-tollgate-user': 'root' },
      { authorization: `Bearer tollgate_${'0'.repeat(12)}_${'A'.repeat(43)}` },
    ];
    for (const { method, path, name } of rows) {
      for (const headers of wrong) {
        const status = await ask(method, path, headers as Record<string, string>);
        expect([name, status === 401 || status === 429]).toEqual([name, true]);
      }
    }
  });

  for (const role of ROLES) {
    test(`lets the role ${role} do what stands there, and nothing else`, async () => {
      const person = people.get(role);
      if (person === undefined) throw new Error('not logged in');
      const headers = { cookie: person.cookie, 'x-csrf-token': person.report.csrfToken };
      for (const { method, path, name, roles } of rows) {
        if (name === 'DELETE /api/v1/session') continue;
        const status = await ask(method, path, headers);
        if (roles.includes(role)) expect([name, status]).not.toEqual([name, 401]);
        // A password that is missing is 400 and not 403.
        if (roles.includes(role)) expect([name, status]).not.toEqual([name, 403]);
        else expect([name, status]).toEqual([name, 403]);
      }
      // The last one ends it.
      expect((await person.send('DELETE', 'session')).status).toBe(200);
      expect((await person.send('GET', 'session')).status).toBe(401);
    });
  }

  test.each([
    ['operator', 'supervisor'],
    ['supervisor', 'billing'],
    ['viewer', 'billing'],
  ] as const)('lets who is %s and %s do what stands at either, and nothing else', async (...roles) => {
    const name = roles.join('-');
    const options = roles.flatMap((role) => ['--role', role]);
    const { password } = await json<{ password: string }>(tollgate, ['users', 'add', name, ...options]);
    const person = await logIn(tollgate.webPort, { name, password });
    expect((await person.send('GET', 'me')).body).toMatchObject({ roles });
    const headers = { cookie: person.cookie, 'x-csrf-token': person.report.csrfToken };
    for (const { method, path, name, roles: those } of rows) {
      if (name === 'DELETE /api/v1/session') continue;
      const status = await ask(method, path, headers);
      expect([name, status === 401]).toEqual([name, false]);
      expect([name, status === 403]).toEqual([name, !roles.some((role) => those.includes(role))]);
    }
  });

  test('is changed by owners alone, and the audit log has the roles of before and after', async () => {
    await json(tollgate, ['users', 'add', 'moved', '--role', 'operator', '--role', 'viewer']);
    await json(tollgate, ['users', 'set', 'moved', '--role', 'supervisor', '--role', 'operator']);
    const entries = await json<unknown[]>(tollgate, ['audit', 'list', '--action', 'users.set', '--limit', '1']);
    const [before, after] = [{ roles: ['operator', 'viewer'] }, { roles: ['operator', 'supervisor'] }];
    expect(entries).toMatchObject([{ subject: 'user moved', before, after }]);
    expect(await tollgate.run(['users', 'set', 'moved', '--role', 'root'])).toMatchObject({ exitCode: 2 });
  });

  test('opens to an owner who is something else as well nothing until he has a second factor', async () => {
    const add = ['users', 'add', 'both', '--role', 'viewer', '--role', 'owner'];
    const { password, roles } = await json<{ password: string; roles: readonly Role[] }>(tollgate, add);
    expect(roles).toEqual(['owner', 'viewer']);
    const person = await logIn(tollgate.webPort, { name: 'both', password });
    expect(person.report).toMatchObject({ permissions: ['own'], secondFactorNeeded: true });
    expect((await person.send('GET', 'rules')).status).toBe(403);
    expect((await person.send('DELETE', 'session/totp', { password })).status).toBe(409);
  });

  test('holds for a key with every scope: all but accounts, users and keys', async () => {
    const { key } = await json<{ key: string }>(tollgate, ['keys', 'add', 'all', '--scope', SCOPES.join(',')]);
    for (const { method, path, name } of rows) {
      const status = await ask(method, path, { authorization: `Bearer ${key}` });
      const isClosed = /\/(?:users|keys|sessions?|me|events|audit\/own)\b/.test(path);
      expect([name, status === 403]).toEqual([name, isClosed]);
    }
  });

  for (const scope of SCOPES) {
    test(`holds for a key with the scope ${scope} alone`, async () => {
      const name = `only-${scope.replace(':', '-')}`;
      const { key } = await json<{ key: string }>(tollgate, ['keys', 'add', name, '--scope', scope]);
      for (const { method, path, name } of rows) {
        const status = await ask(method, path, { authorization: `Bearer ${key}` });
        expect([name, status !== 403]).toEqual([name, NEEDS.get(name) === scope]);
      }
    });
  }
});

describe('extra fields', () => {
  test('are refused wherever something is made or changed, and nothing of it is', async () => {
    const owner = users.get('owner');
    if (owner === undefined) throw new Error('no owner');
    const { send } = await logIn(tollgate.webPort, { ...owner, totp: owner.backupCodes[1] });
    const viewer = users.get('viewer');
    const grabs: readonly (readonly [string, string, object])[] = [
      ['POST', 'users', { name: 'eve', roles: ['viewer'], enabled: true }],
      ['POST', 'users', { name: 'eve', roles: ['viewer'], epoch: 9 }],
      ['POST', 'users', { name: 'eve', role: 'viewer' }],
      ['POST', 'users', { name: 'eve', roles: [] }],
      ['POST', 'users', { name: 'eve', roles: ['viewer', 'viewer'] }],
      ['PATCH', 'users/one-viewer', { roles: ['viewer'], passwordHash: '$argon2id$x' }],
      ['PATCH', 'users/one-viewer', { totp: { secret: 'A' } }],
      ['POST', 'keys', { name: 'k', scopes: ['status:read'], id: 'mine' }],
      ['POST', 'keys', { name: 'k', scopes: ['users:manage'] }],
      ['POST', 'session', { user: 'one-viewer', password: viewer?.password, roles: ['owner'] }],
      ['PUT', 'session/password', { password: owner.password, newPassword: 'correct horse battery', roles: ['owner'] }],
    ];
    for (const [method, path, body] of grabs) {
      const answer = await send(method, path, body);
      expect([path, answer.status, answer.body]).toMatchObject([path, 400, { code: 'INVALID_REQUEST' }]);
    }
    const names = await json<{ name: string }[]>(tollgate, ['users', 'list']);
    expect(names.map(({ name }) => name)).not.toContain('eve');
    expect((await request(tollgate.webPort, 'GET', 'session')).status).toBe(401);
  });
});
