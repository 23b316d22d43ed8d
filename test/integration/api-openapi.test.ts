/**
 * The OpenAPI document against the daemon that serves it: every route is in it and every one in it is served, real answers
 * are what it says, and what it does not know is refused.
 */

import { request as httpRequest } from 'node:http';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NEEDS } from '../../src/api/permissions.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, type LoggedIn, logIn, request, type TestUser } from '../support/people.ts';

interface Operation {
  readonly 'x-permission': string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly required: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}
interface Route {
  readonly method: string;
  /** `/api/v1/rules/{id}`. */
  readonly path: string;
  readonly operation: Operation;
}

let tollgate: TestDaemon;
let owner: LoggedIn;
let user: TestUser;
let routes: readonly Route[];
let problem: Check;

/** Empty where it fits. */
type Check = (value: unknown) => string;
function checkOf(schema: object): Check {
  // Formats are told to readers, and are not what this is about.
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  const validate = ajv.compile(schema);
  return (value) => (validate(value) ? '' : ajv.errorsText(validate.errors));
}

beforeAll(async () => {
  tollgate = await startTestDaemon();
  user = await addUser(tollgate, 'olive', 'owner');
  owner = await logIn(tollgate.webPort, { ...user, totp: user.backupCodes[0] });
  const answer = await request(tollgate.webPort, 'GET', 'openapi.json');
  expect(answer.status).toBe(200);
  const document = answer.body as {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
    readonly components: { readonly schemas: { readonly Problem: object } };
  };
  routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  );
  problem = checkOf(document.components.schemas.Problem);
});
afterAll(() => tollgate.stop());

/** Ends every log-in. */
const LAST = 'DELETE /api/v1/session';
const nameOf = ({ method, path }: Route): string => `${method} ${path.replace(/\{(\w+)\}/g, ':$1')}`;
const placeOf = ({ path }: Route): string => path.replace(/\{\w+\}/g, 'x');
const isStream = ({ operation }: Route): boolean =>
  !Object.hasOwn(operation.responses['200']?.content ?? { 'application/json': {} }, 'application/json');
const writing = (): readonly Route[] => routes.filter((route) => route.method !== 'GET' && nameOf(route) !== LAST);

function answerCheck(route: Route | undefined, status: number): Check {
  const schema = route?.operation.responses[status]?.content['application/json']?.schema;
  if (schema === undefined)
    throw new Error(`${route === undefined ? 'a route' : nameOf(route)} says nothing of ${status}`);
  return checkOf(schema);
}

async function raw(route: Route, body: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await fetch(`http://127.0.0.1:${tollgate.webPort}${placeOf(route)}`, {
    method: route.method,
    headers: {
      cookie: owner.cookie,
      'x-csrf-token': owner.report.csrfToken,
      'content-type': 'application/json',
      ...headers,
    },
    body,
  });
  const text = await answer.text();
  return { status: answer.status, type: answer.headers.get('content-type') ?? '', text };
}

/** What is answered to who says that he will send more than anybody may. */
function announceLarge(route: Route): Promise<number> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest({
      ...{ port: tollgate.webPort, method: route.method, path: placeOf(route), agent: false },
      headers: {
        cookie: owner.cookie,
        'x-csrf-token': owner.report.csrfToken,
        'content-type': 'application/json',
        'content-length': 9 * 1024 * 1024,
      },
    });
    asking.on('response', ({ statusCode = 0 }) => {
      resolve(statusCode);
      asking.destroy();
    });
    asking.on('error', reject);
    asking.flushHeaders();
  });
}

describe('the OpenAPI document', () => {
  test('has every route of the server, and no other, with the permission that each needs', () => {
    const described = routes.map((route) => [nameOf(route), route.operation['x-permission']]);
    expect(described.sort()).toEqual([...NEEDS].sort());
  });

  test('says what is answered: every list and report of a daemon in use is as it says', async () => {
    const { send } = owner;
    await send('PUT', 'groups/staff', { name: 'Staff', members: ['2000-2009'] });
    await send('PUT', 'trunks/main', { name: 'Main' });
    await send('PUT', 'extensions/2001', { name: 'Ann' });
    await send('PUT', 'destinations/far', { prefixes: ['+53'] });
    await send('PUT', 'schedules/nights', { windows: [{ days: ['mon'], from: '18:00', to: '20:00' }] });
    await send('POST', 'rules', { id: 'none-far', appliesTo: { destinations: ['far'] }, action: 'block' });
    await send('POST', 'allowlist', { name: 'Office', value: '198.51.100.0/24' });
    await send('POST', 'bans', { address: '203.0.113.9', reason: 'tried' });
    await send('POST', 'keys', { name: 'crm', scopes: ['calls:read'] });
    await placeAgiCall(tollgate.agiPort, { extension: '2001', destination: '+5355512345' });
    await placeAgiCall(tollgate.agiPort, { extension: '2001', destination: '+12125550147' });
    const places: Readonly<Record<string, string>> = {
      '/api/v1/rules/{id}': 'rules/none-far',
      '/api/v1/rules/{id}/shadow-report': 'rules/default/shadow-report',
      '/api/v1/groups/{id}': 'groups/staff',
      '/api/v1/extensions/{id}': 'extensions/2001',
      '/api/v1/trunks/{id}': 'trunks/main',
      '/api/v1/destinations/{id}': 'destinations/far',
      '/api/v1/allowlist/{ref}': 'allowlist/Office',
      '/api/v1/bans/{address}': 'bans/203.0.113.9',
      '/api/v1/users/{name}': 'users/olive',
      '/api/v1/users/{name}/sessions': 'users/olive/sessions',
    };
    let checked = 0;
    for (const route of routes.filter((each) => each.method === 'GET' && !isStream(each))) {
      const needsMore = route.path.includes('{') || route.operation.parameters.some(({ required }) => required);
      const place = places[route.path] ?? (needsMore ? undefined : route.path);
      // What is asked of the machine takes seconds, and has tests of its own.
      if (place === undefined || place === '/api/v1/doctor/machine') continue;
      const { status, body } = await send('GET', place);
      expect([place, status, body], place).toMatchObject([place, 200, {}]);
      expect([place, answerCheck(route, 200)(body)]).toEqual([place, '']);
      checked += 1;
    }
    expect(checked).toBeGreaterThan(35);
    for (const [method, path, body, status] of WRITES) {
      const answer = await send(method, path, body);
      expect([path, answer.status, answer.body], path).toMatchObject([path, status, {}]);
      const route = routes.find((each) => each.method === method && each.path === describedPath(path));
      expect([path, answerCheck(route, status)(answer.body)]).toEqual([path, '']);
    }
  });

  test('knows every property of a body: another is refused on every route, and nothing is changed', async () => {
    const before = await owner.send('GET', 'policy');
    for (const route of writing()) {
      const { status, text, type } = await raw(route, JSON.stringify({ nobodyKnowsThis: true }));
      expect([nameOf(route), status]).toSatisfy(([, each]) => [400, 404, 422].includes(Number(each)));
      expect([nameOf(route), type]).toEqual([nameOf(route), 'application/problem+json; charset=utf-8']);
      expect(problem(JSON.parse(text))).toBe('');
    }
    expect((await owner.send('GET', 'policy')).body).toEqual(before.body);
  });

  test('is kept by what answers to bodies that are malformed, of another kind, or too large', async () => {
    for (const route of writing()) {
      for (const [body, type, wanted] of [
        ['{"a":', 'application/json', [400]],
        ['[1,2', 'application/json', [400]],
        ['"text"', 'application/json', [400, 404, 422]],
        ['[]', 'application/json', [400, 404, 422]],
        ['<a/>', 'application/xml', [415]],
        ['a=b', 'application/x-www-form-urlencoded', [415]],
      ] as const) {
        const answer = await raw(route, body, { 'content-type': type });
        expect([nameOf(route), body, wanted.some((each) => each === answer.status), answer.status]).toEqual([
          nameOf(route),
          body,
          true,
          answer.status,
        ]);
        expect(problem(JSON.parse(answer.text))).toBe('');
      }
      expect([nameOf(route), await announceLarge(route)]).toEqual([nameOf(route), 413]);
    }
  });

  test('is not all there is to the protection against other sites: no writing route works without its token', async () => {
    for (const route of writing()) {
      if (route.operation['x-permission'] === 'nobody') continue;
      const without = await raw(route, '{}', { 'x-csrf-token': '' });
      expect([nameOf(route), without.status]).toEqual([nameOf(route), 403]);
    }
  });

  test('is kept by what answers to names that are none, and to questions nobody knows, on every route', async () => {
    const before = await owner.send('GET', 'policy');
    const nonsense = [
      '%00',
      '..%2f..%2f..%2fetc%2fpasswd',
      '%3Cimg%20src=x%20onerror=alert(1)%3E',
      '__proto__',
      'x'.repeat(4000),
    ];
    for (const route of routes.filter((each) => nameOf(each) !== LAST)) {
      const headers = { cookie: owner.cookie, 'x-csrf-token': owner.report.csrfToken };
      const ask = async (place: string) => {
        const answer = await fetch(`http://127.0.0.1:${tollgate.webPort}${place}`, { method: route.method, headers });
        const text = await answer.text();
        expect([place, answer.status], place).toSatisfy(([, status]) => Number(status) >= 400 && Number(status) < 500);
        expect(text).not.toMatch(/root:|node:internal|\.ts:\d/);
        expect(problem(JSON.parse(text))).toBe('');
      };
      if (route.path.includes('{')) for (const each of nonsense) await ask(route.path.replace(/\{\w+\}/g, each));
      // Whoever takes parameters takes none but those.
      const takesMore = route.operation.parameters.some((each) => each.in === 'query');
      if (route.method === 'GET' && takesMore) await ask(`${placeOf(route)}?nobodyKnowsThis=1`);
    }
    expect((await owner.send('GET', 'policy')).body).toEqual(before.body);
  });

  test('knows no body that is deep, or that reaches for what all objects have', async () => {
    // One person has a thousand requests at once, and the tests before asked for about as many.
    const otto = await addUser(tollgate, 'otto', 'owner');
    const { cookie, report } = await logIn(tollgate.webPort, { ...otto, totp: otto.backupCodes[0] });
    const his = { cookie, 'x-csrf-token': report.csrfToken };
    for (const route of writing())
      for (const body of [
        '['.repeat(2000) + ']'.repeat(2000),
        '{"__proto__":{"roles":["owner"]}}',
        '{"constructor":{"prototype":{"x":1}}}',
      ]) {
        const { status, text } = await raw(route, body, his);
        expect([nameOf(route), status]).toSatisfy(([, each]) => [400, 404, 422].includes(Number(each)));
        expect(problem(JSON.parse(text))).toBe('');
      }
    expect(Object.hasOwn(Object.prototype, 'roles')).toBe(false);
    expect((await owner.send('GET', 'me')).status).toBe(200);
  });

  test('leaves a method or path that there is not to a problem', async () => {
    for (const [method, path] of [
      ['PUT', 'status'],
      ['PATCH', 'bans/203.0.113.9'],
      ['GET', 'nothing'],
      ['DELETE', 'openapi.json'],
    ] as const) {
      const { status, body, headers } = await owner.send(method, path);
      expect([path, [404, 405].includes(status)]).toEqual([path, true]);
      expect(headers.get('content-type')).toContain('application/problem+json');
      expect(problem(body)).toBe('');
    }
  });
});

/** `templates/staff` → `/api/v1/templates/{name}` */
const describedPath = (path: string): string =>
  `/api/v1/${path.replace(/\?.*$/, '').replace(/^(templates|packs)\/.*/, '$1/{name}')}`;

const RULE = { id: 'added', limits: ['5/1s'] };
const WRITES: readonly (readonly [method: string, path: string, body: unknown, status: number])[] = [
  ['POST', 'explain', { destination: '+5355512345', extension: '2001' }, 200],
  ['POST', 'rules', RULE, 201],
  ['POST', 'rules/preview', { rule: { limits: ['30/1m', '600/1h'], appliesTo: { groups: ['staff'] } } }, 200],
  ['POST', 'rules/preview', { rule: { limits: ['nonsense'] } }, 200],
  ['POST', 'rules/import?dryRun=true', { csv: 'Name,Restrictions\nCall centre,200/10/second\n' }, 200],
  ['POST', 'rules/import?dryRun=true', { csv: 'Name,Restrictions\nCall centre,200/10/fortnight\n' }, 200],
  ['POST', 'templates/staff', {}, 201],
  ['POST', 'packs/office', { homeCountry: 'US', extensionPerDay: '12.50' }, 200],
  ['POST', 'allowlist/preview', { value: '203.0.113.0/24' }, 200],
  ['POST', 'allowlist/preview', { value: '203.0.113.9/24' }, 200],
  ['POST', 'allowlist', { name: 'Carrier', value: '192.0.2.1' }, 201],
  ['POST', 'bans', { address: '203.0.113.10' }, 201],
  ['POST', 'bans/lift', { addresses: ['203.0.113.10', 'nonsense'] }, 200],
  ['POST', 'bans/restore', { addresses: ['203.0.113.10', '192.0.2.77'] }, 200],
  ['POST', 'users', { name: 'vera', roles: ['viewer'] }, 201],
  ['POST', 'keys', { name: 'other', scopes: ['status:read'] }, 201],
  ['POST', 'alerts/test', {}, 200],
  ['PATCH', 'settings', { sessions: { idle: '20m' } }, 200],
  ['PATCH', 'log', { level: 'info' }, 200],
];
