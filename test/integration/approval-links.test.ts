/** Signed links over real sockets: looking decides nothing, one answer counts, and every other link says why not. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Approval, ApprovalReport } from '../../src/approvals/approval.ts';
import type { ApprovalDesk } from '../../src/approvals/approval-desk.ts';
import { createApprovalLinks } from '../../src/approvals/approval-links.ts';
import { systemClock } from '../../src/clock.ts';
import { approvalKeys, deskOn, wantedApproval } from '../support/approval.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let store: TestRedis;
let admin: Redis;
let tollgate: TestDaemon;
/** Another node, which opens approvals as held calls do. */
let desk: ApprovalDesk;

beforeAll(async () => {
  store = await startRedis();
  admin = store.client();
  tollgate = await startTestDaemon({
    env: { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' },
  });
  desk = deskOn([admin, store.client()]);
});
afterAll(async () => {
  desk.close();
  await tollgate.stop();
  await store.stop();
});
afterEach(() => process.kill(store.pid, 'SIGCONT'));

const open = (hold: Parameters<typeof wantedApproval>[1] = {}): Promise<Approval> =>
  desk.open(wantedApproval({}, hold));
async function linkFor({ id }: Pick<Approval, 'id'>, person = 'Anna'): Promise<string> {
  const { exitCode, out, error } = await tollgate.run(['approvals', 'link', id, '--for', person]);
  if (exitCode !== 0) throw new Error(error);
  return out.trim();
}
const post = (url: string, fields: Record<string, string>, from = '198.51.100.1'): Promise<Response> =>
  fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers: { 'x-forwarded-for': from } });
const report = async ({ id }: Pick<Approval, 'id'>): Promise<ApprovalReport> =>
  JSON.parse((await tollgate.run(['approvals', 'show', id, '--json'])).out) as ApprovalReport;
const stateOf = async (approval: Approval): Promise<string> => (await report(approval)).state;
/** The page's title line and status. */
async function seen(answer: Response): Promise<readonly [number, string]> {
  const text = (await answer.text()).replace(/<style>.*<\/style>/s, '').replace(/<[^>]*>/g, ' ');
  return [answer.status, text.replace(/\s+/g, ' ')];
}

describe('looking at a link', () => {
  test('decides nothing, however many look and by whatever method', async () => {
    const approval = await open();
    const url = await linkFor(approval);
    const methods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'];
    const previews = Array.from({ length: 50 }, (_, at) =>
      fetch(`${url}?decision=approve`, { method: at % 2 ? 'GET' : 'HEAD' }),
    );
    const answers = await Promise.all([...methods.map((method) => fetch(url, { method })), ...previews]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404, 404, 404, ...previews.map(() => 200)]);
    expect(await stateOf(approval)).toBe('open');
    expect(await admin.keys('*:links:used:*')).toEqual([]);
    expect((await post(url, { decision: 'approve' })).status).toBe(200);
  });

  test('is not kept by anybody, and forbids everything but its own form', async () => {
    const { headers } = await fetch(await linkFor(await open()));
    expect(headers.get('content-security-policy')).toMatch(
      /default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'/,
    );
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('x-robots-tag')).toContain('noindex');
  });
});

describe('deciding by a link', () => {
  test.each([
    ['approve', 'approved'],
    ['refuse', 'refused'],
  ])('to %s counts once, with person, address and reason', async (decision, state) => {
    const approval = await open();
    const url = await linkFor(approval, 'Anna Meier');
    const [status, text] = await seen(
      await post(url, { decision, reason: ' known <customer> ' }, '1.2.3.4, 203.0.113.9'),
    );
    expect([status, text]).toEqual([200, expect.stringContaining(`You ${state} this call`)]);
    expect(await report(approval)).toMatchObject({
      state,
      decidedBy: 'link Anna Meier',
      decidedFrom: '203.0.113.9',
      reason: 'known <customer>',
    });
    const other = decision === 'approve' ? 'refuse' : 'approve';
    expect(await seen(await post(url, { decision: other }))).toEqual([410, expect.stringContaining('Already used')]);
    expect(await seen(await fetch(url))).toEqual([410, expect.stringContaining(`You ${state} this call by this link`)]);
    expect(await stateOf(approval)).toBe(state);
  });

  test('of two answers at once by one link, one counts', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const approval = await open();
      const url = await linkFor(approval);
      const answers = await Promise.all(
        ['approve', 'refuse', 'approve', 'refuse'].map((decision) => post(url, { decision })),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 410, 410, 410]);
      const winner = answers.findIndex(({ status }) => status === 200);
      expect(await stateOf(approval)).toBe(winner % 2 === 0 ? 'approved' : 'refused');
    }
  });

  test('of two people at once, one counts and the other is told who was first', async () => {
    const approval = await open();
    const urls = [await linkFor(approval, 'Anna'), await linkFor(approval, 'Bert')];
    const answers = await Promise.all(urls.map((url) => post(url, { decision: 'refuse' })));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const late = answers.findIndex(({ status }) => status === 409);
    const first = late === 0 ? 'Bert' : 'Anna';
    const [, text] = await seen(answers[late] ?? Response.error());
    expect(text).toContain(`${first} (link) refused this call`);
  });

  test('where two have to approve, the first leaves it open, the same person does not count twice, the second settles it', async () => {
    const approval = await open({ approvers: 2 });
    const url = await linkFor(approval, 'Anna');
    expect(await seen(await post(url, { decision: 'approve' }))).toEqual([
      200,
      expect.stringContaining('One more person has to approve'),
    ]);
    expect(await seen(await fetch(url))).toEqual([410, expect.stringContaining('One more person has to approve')]);
    const again = await post(await linkFor(approval, 'anna'), { decision: 'approve' });
    expect(await seen(again)).toEqual([200, expect.stringContaining('One more person has to approve')]);
    expect(await stateOf(approval)).toBe('open');
    const second = await linkFor(approval, 'Bert');
    expect(await seen(await fetch(second))).toEqual([200, expect.stringContaining('Approved by Anna (link)')]);
    expect((await post(second, { decision: 'approve' })).status).toBe(200);
    expect(await stateOf(approval)).toBe('approved');
  });

  test('by a form that this page did not send decides nothing and leaves the link good', async () => {
    const approval = await open();
    const url = await linkFor(approval);
    const forms: ReadonlyArray<readonly [string, string]> = [
      ['', 'application/x-www-form-urlencoded'],
      ['decision=yes', 'application/x-www-form-urlencoded'],
      ['decision=approve&decision=refuse', 'application/x-www-form-urlencoded'],
      ['decision=approve&more=1', 'application/x-www-form-urlencoded'],
      [`decision=approve&reason=${'x'.repeat(201)}`, 'application/x-www-form-urlencoded'],
      ['decision=approve&reason=a%0Ab', 'application/x-www-form-urlencoded'],
      [`decision=approve&reason=${'x'.repeat(5000)}`, 'application/x-www-form-urlencoded'],
      ['{"decision":"approve"}', 'application/json'],
      ['decision=approve', 'text/plain'],
    ];
    for (const [body, type] of forms) {
      const answer = await fetch(url, { method: 'POST', body, headers: { 'content-type': type } });
      expect([body.slice(0, 40), answer.status]).toEqual([body.slice(0, 40), 400]);
    }
    expect(await stateOf(approval)).toBe('open');
    expect((await post(url, { decision: 'refuse', reason: '' })).status).toBe(200);
    expect((await report(approval)).reason).toBeNull();
  });
});

describe('a link that is no longer good', () => {
  test('of an approval that somebody else settled says who, when and why', async () => {
    const approval = await open();
    const url = await linkFor(approval);
    await desk.settle(approval.id, { state: 'approved', by: 'cli dana', reason: 'known customer' });
    for (const answer of [await fetch(url), await post(url, { decision: 'refuse' })]) {
      const [status, text] = await seen(answer);
      expect(status).toBe(409);
      expect(text).toMatch(/dana \(command line\) approved this call at \d\d:\d\d:\d\d .*known customer/);
    }
  });

  test.each([
    ['expired', 'Time ran out'],
    ['withdrawn', 'The caller hung up'],
    ['unanswerable', 'no longer held'],
  ] as const)('of a call that is %s says so', async (state, sentence) => {
    const approval = await open();
    const url = await linkFor(approval);
    await desk.settle(approval.id, { state });
    expect(await seen(await fetch(url))).toEqual([410, expect.stringContaining(sentence)]);
    expect(await seen(await post(url, { decision: 'approve' }))).toEqual([410, expect.stringContaining(sentence)]);
  });

  test('does not decide after its end, even where nobody has settled the approval yet', async () => {
    const decided: string[] = [];
    const late = createApprovalLinks({
      redis: admin,
      keys: approvalKeys,
      clock: systemClock,
      desk,
      decisions: {
        decide: (id) => {
          decided.push(id);
          return Promise.resolve(undefined);
        },
      },
      baseUrl: () => ({ url: 'http://x', warning: undefined }),
    });
    const { id } = await open();
    const { url } = await late.linkFor({ id, expiresAt: systemClock.now() }, 'Anna');
    const token = url.split('/').at(-1) ?? '';
    expect(await late.open(token)).toMatchObject({ state: 'expired' });
    expect(await late.decide(token, { approve: true, from: 'x' })).toMatchObject({ state: 'expired' });
    expect(decided).toEqual([]);
  });

  test('whose approval is gone looks exactly as a forged one does, and so do all of another secret', async () => {
    const approval = await open();
    const url = await linkFor(approval);
    const forged = await fetch(`${url.slice(0, -5)}AAAAA`, { headers: { 'x-forwarded-for': '198.51.100.2' } });
    await admin.del(approvalKeys.approval(approval.id));
    const gone = await fetch(url, { headers: { 'x-forwarded-for': '198.51.100.2' } });
    expect([gone.status, await gone.text()]).toEqual([forged.status, await forged.text()]);
    expect(forged.status).toBe(404);

    const before = await open();
    const old = await linkFor(before);
    await admin.del(approvalKeys.linkSecret);
    expect((await post(old, { decision: 'approve' }, '198.51.100.2')).status).toBe(404);
    const renewed = await linkFor(before);
    expect((await post(old, { decision: 'approve' }, '198.51.100.2')).status).toBe(404);
    expect(await stateOf(before)).toBe('open');
    expect((await post(renewed, { decision: 'approve' })).status).toBe(200);
  });

  test('is answered ever more shortly to an address that guesses, while a good one opens from there all the same', async () => {
    const url = await linkFor(await open());
    const guess = (from: string): Promise<Response> =>
      fetch(`${url.slice(0, -5)}AAAAA`, { headers: { 'x-forwarded-for': from } });
    const answers = [];
    for (let turn = 0; turn < 22; turn++) answers.push(await guess('198.51.100.3'));
    expect(answers.map(({ status }) => status)).toEqual([...Array.from({ length: 20 }, () => 404), 429, 429]);
    expect(answers.at(-1)?.headers.get('retry-after')).toBe('60');
    expect((await guess('198.51.100.4')).status).toBe(404);
    expect((await fetch(url, { headers: { 'x-forwarded-for': '198.51.100.3' } })).status).toBe(200);
  });
});

describe('making links', () => {
  test('twenty nodes that make the first link at once sign with one secret', async () => {
    await admin.del(approvalKeys.linkSecret);
    const approval = await open();
    const urls = await Promise.all(Array.from({ length: 20 }, (_, at) => linkFor(approval, `Person ${at}`)));
    const answers = await Promise.all(urls.map((url) => fetch(url)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(urls).size).toBe(20);
  });

  test('is refused for an approval that is settled or unknown, and for a person without a name', async () => {
    const approval = await open();
    for (const person of ['', '  ', 'a\nb', 'x'.repeat(65)])
      await expect(linkFor(approval, person)).rejects.toThrow(/person/);
    await desk.settle(approval.id, { state: 'refused', by: 'cli dana' });
    await expect(linkFor(approval)).rejects.toThrow(/refused already/);
    await expect(linkFor({ id: 'nothing' })).rejects.toThrow(/no approval/);
  });

  test('tells the end of the link, and warns where nobody else reaches the address', async () => {
    const approval = await open();
    const { out, error } = await tollgate.run(['approvals', 'link', approval.id, '--for', 'Anna', '--json']);
    expect(JSON.parse(out)).toEqual({
      url: expect.stringMatching(new RegExp(`^http://127\\.0\\.0\\.1:${tollgate.webPort}/a/[\\w-]+\\.[\\w-]{43}$`)),
      expiresAt: new Date(approval.expiresAt).toISOString(),
      warning: expect.stringContaining('http.publicUrl'),
    });
    expect(error).toContain('http.publicUrl');
  });
});

test('while the store does not answer, a link says so, and the approval stays as it was', async () => {
  const approval = await open();
  const url = await linkFor(approval);
  process.kill(store.pid, 'SIGSTOP');
  const answers = await Promise.all([fetch(url), post(url, { decision: 'approve' })]);
  expect(answers.map(({ status }) => status)).toEqual([503, 503]);
  expect((await seen(answers[0] ?? Response.error()))[1]).toContain('Not possible just now');
  process.kill(store.pid, 'SIGCONT');
  await expect.poll(async () => (await fetch(url)).status, { timeout: 10_000 }).toBe(200);
  expect((await post(url, { decision: 'refuse' })).status).toBe(200);
});
