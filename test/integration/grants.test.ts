/** What a supervisor allows beyond one call, on a real store: made with the decision, in force everywhere, revocable. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { GrantReport } from '../../src/approvals/grant.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { approvalKeys, deskOn, wantedApproval } from '../support/approval.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const CUBA = '5355512345';
const HAITI = '50955512345';
const IN_FORCE_WITHIN_MS = 1000;

let store: TestRedis;
let admin: Redis;
let nodes: readonly [TestDaemon, TestDaemon];

beforeAll(async () => {
  store = await startRedis();
  admin = store.client();
  const start = (node: string): Promise<TestDaemon> =>
    startTestDaemon({ env: { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_NODE: node } });
  nodes = [await start('one'), await start('two')];
});
afterAll(async () => {
  for (const node of nodes) await node.stop();
  await store.stop();
});
beforeEach(async () => {
  await admin.del(approvalKeys.grants);
  await nodes[0].apply('rules: [{ id: abroad, limits: [2/1h], action: approve }]');
  await nodes[0].run(['rules', 'reset', 'abroad']);
  await sleep(600);
});

let calls = 0;
/** `allow`, or `block` where it would be held: nobody is connected to hold it. */
const place = async (at: 0 | 1, extension: string, destination: string): Promise<string> =>
  (await placeAgiCall(nodes[at].agiPort, { extension, destination, uniqueId: `g.${++calls}` }))['TOLLGATE_VERDICT'] ??
  '';

/** Approves a held call of the extension to the number. */
async function approve(options: readonly string[], extension = '1001', destination = CUBA): Promise<ApprovalReport> {
  const desk = deskOn([admin, store.client()]);
  const { id } = await desk.open(
    wantedApproval({ extension, destination, called: destination, subjects: [{ kind: 'extension', id: extension }] }),
  );
  desk.close();
  const { out, error } = await nodes[0].run(['approvals', 'approve', id, '--json', ...options]);
  if (error !== '') throw new Error(error);
  return JSON.parse(out) as ApprovalReport;
}
const grants = async (at: 0 | 1): Promise<GrantReport[]> =>
  JSON.parse((await nodes[at].run(['approvals', 'grants', '--json'])).out) as GrantReport[];
const useUp = async (extension = '1001'): Promise<void> => {
  for (let turn = 0; turn < 2; turn++) expect(await place(0, extension, HAITI)).toBe('allow');
  expect(await place(0, extension, HAITI)).toBe('block');
};

describe('an approval for this extension to this number', () => {
  test('lets these calls go on every node, and no others', async () => {
    await useUp();
    await useUp('1002');
    expect(await place(0, '1001', CUBA)).toBe('block');
    const approval = await approve(['--for', 'number', '--minutes', '30', '--reason', 'known customer']);
    expect(approval.grant).toMatch(/^1001 to 5355512345 until /);
    for (let turn = 0; turn < 5; turn++) expect(await place(0, '1001', CUBA)).toBe('allow');
    await expect.poll(() => place(1, '1001', CUBA), { timeout: IN_FORCE_WITHIN_MS }).toBe('allow');
    expect(await place(0, '1001', HAITI)).toBe('block');
    expect(await place(0, '1002', CUBA)).toBe('block');
    expect(await grants(1)).toMatchObject([
      { what: 'number', rule: 'abroad', extension: '1001', number: CUBA, reason: 'known customer' },
    ]);
  });

  test('asks every other rule as ever', async () => {
    await nodes[0].apply(
      'rules: [{ id: abroad, limits: [2/1h], action: approve }, { id: all, limits: [3/1h], action: block }]',
    );
    await useUp();
    await approve(['--for', 'number']);
    expect(await place(0, '1001', CUBA)).toBe('allow');
    expect(await place(0, '1001', CUBA)).toBe('block');
  });

  test('ends when it is revoked, at once here and within a moment elsewhere, and a second time there is none', async () => {
    await useUp();
    await approve(['--for', 'number']);
    await expect.poll(() => place(1, '1001', CUBA), { timeout: IN_FORCE_WITHIN_MS }).toBe('allow');
    const [grant] = await grants(0);
    expect((await nodes[0].run(['approvals', 'revoke', grant?.id ?? ''])).out).toContain('Revoked: 1001 to 5355512345');
    expect(await place(0, '1001', CUBA)).toBe('block');
    await expect.poll(() => place(1, '1001', CUBA), { timeout: IN_FORCE_WITHIN_MS }).toBe('block');
    expect((await nodes[0].run(['approvals', 'revoke', grant?.id ?? ''])).exitCode).toBe(1);
    expect(await grants(0)).toEqual([]);
  });

  test('is not made by a decision that came second', async () => {
    const desk = deskOn([admin, store.client()]);
    const { id } = await desk.open(wantedApproval());
    await desk.settle(id, { state: 'refused', by: 'cli ben' });
    desk.close();
    const late = await nodes[0].run(['approvals', 'approve', id, '--for', 'number']);
    expect(late).toMatchObject({ exitCode: 1, error: expect.stringContaining('refused by cli ben') });
    expect(await grants(0)).toEqual([]);
  });

  test('is explained to whoever asks what would happen, and explaining uses nothing up', async () => {
    await useUp();
    await approve(['--for', 'limit', '--calls', '1']);
    for (let turn = 0; turn < 3; turn++) {
      const { out } = await nodes[0].run(['check', CUBA, '--extension', '1001', '--json']);
      expect(JSON.parse(out)).toMatchObject({ verdict: 'allow', reason: expect.stringContaining('granted by cli') });
    }
    expect(await place(0, '1001', CUBA)).toBe('allow');
  });
});

describe('an approval for more calls of what the rule limits', () => {
  test('lets exactly so many more go, over all nodes at once, and only those the rule would have held', async () => {
    await approve(['--for', 'limit', '--minutes', '60', '--calls', '5']);
    await expect.poll(() => grants(1), { timeout: IN_FORCE_WITHIN_MS }).toHaveLength(1);
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, at) => place(at % 2 === 0 ? 0 : 1, '1001', at % 3 === 0 ? CUBA : HAITI)),
    );
    // Two by the rule itself, and five by the grant.
    expect(verdicts.filter((verdict) => verdict === 'allow')).toHaveLength(7);
    expect(await place(0, '1002', CUBA)).toBe('allow');
  });

  test('stands for as many as the rule lets pass in that time where nobody says how many', async () => {
    await approve(['--for', 'limit', '--minutes', '180']);
    expect(await grants(0)).toMatchObject([{ what: 'limit', calls: 6, subjects: ['extension 1001'] }]);
  });

  test('gives a call that breaks another rule back what it took', async () => {
    await nodes[0].apply(
      'rules: [{ id: abroad, limits: [2/1h], action: approve }, { id: all, countPer: number, limits: [1/1h] }]',
    );
    await useUp().catch(() => undefined);
    await approve(['--for', 'limit', '--calls', '1']);
    expect(await place(0, '1001', HAITI)).toBe('block');
    expect(await place(0, '1001', CUBA)).toBe('allow');
  });
});

describe('what a grant is asked for', () => {
  test.each([
    [['--for', 'call', '--minutes', '5'], 'for: number or limit'],
    [['--for', 'number', '--calls', '5'], 'for: limit only'],
    [['--for', 'ever'], 'Allowed choices are call, number, limit'],
    [['--for', 'number', '--minutes', '0'], 'minutes'],
    [['--for', 'number', '--minutes', '20000'], 'minutes'],
    [['--for', 'limit', '--minutes', 'x'], 'not a whole number'],
  ])('%j is a clear error, and the call stays held', async (options, says) => {
    const desk = deskOn([admin, store.client()]);
    const { id } = await desk.open(wantedApproval());
    const { exitCode, error } = await nodes[0].run(['approvals', 'approve', id, ...options]);
    expect([exitCode === 0, error]).toEqual([false, expect.stringContaining(says)]);
    expect((await desk.find(id))?.settlement).toBeUndefined();
    desk.close();
  });

  test('the caller cannot approve the own call by phone, and a call of nobody cannot be granted a number', async () => {
    const desk = deskOn([admin, store.client()]);
    const { id } = await desk.open(wantedApproval({ extension: undefined, subjects: [] }));
    for (const what of ['number', 'limit']) {
      const { exitCode, error } = await nodes[0].run(['approvals', 'approve', id, '--for', what]);
      expect([exitCode, error]).toEqual([1, expect.stringContaining('only this call can be approved')]);
    }
    desk.close();
  });
});

describe('a limit that is raised, though no call waits', () => {
  const raise = (...args: readonly string[]) => nodes[0].run(['approvals', 'raise', 'abroad', ...args]);
  const REFUSING = '{ id: abroad, limits: [2/1h] }';

  test('of a rule that refuses lets so many more go, everywhere, for this subject alone, until it is ended', async () => {
    await nodes[0].apply(`rules: [${REFUSING}]`);
    await nodes[0].run(['rules', 'reset', 'abroad']);
    await useUp();
    await useUp('1002');
    const made = await raise('--extension', '1001', '--minutes', '30', '--calls', '2', '--reason', 'fair', '--json');
    expect(made).toMatchObject({ exitCode: 0, error: '' });
    const grant = JSON.parse(made.out) as GrantReport;
    expect(grant).toMatchObject({
      rule: 'abroad',
      calls: 2,
      subjects: ['extension 1001'],
      reason: 'fair',
      approval: null,
    });
    expect(Date.parse(grant.until) - Date.parse(grant.since)).toBe(1_800_000);
    await sleep(IN_FORCE_WITHIN_MS);
    expect([await place(0, '1001', CUBA), await place(1, '1001', CUBA)]).toEqual(['allow', 'allow']);
    expect([await place(0, '1001', CUBA), await place(1, '1002', CUBA)]).toEqual(['block', 'block']);
    const { out } = await nodes[0].run(['explain', CUBA, '-e', '1001']);
    expect(out).toContain('what was granted is used up');

    // The latest counts, though an earlier one is used up.
    const more = JSON.parse((await raise('--extension', '1001', '--calls', '5', '--json')).out) as GrantReport;
    expect(await place(0, '1001', CUBA)).toBe('allow');
    await nodes[0].run(['approvals', 'revoke', more.id]);
    expect(await place(0, '1001', CUBA)).toBe('block');
    const audit = JSON.parse((await nodes[0].run(['audit', 'list', '--json'])).out) as readonly { action: string }[];
    expect(audit.map(({ action }) => action)).toEqual(expect.arrayContaining(['grants.add', 'grants.revoke']));
  });

  test('opens no other ceiling of the rule, and no other rule', async () => {
    await nodes[0].apply(
      'rules: [{ id: abroad, limits: [2/1h], concurrent: 3 }, { id: number, countPer: number, limits: [4/1h] }]',
    );
    await nodes[0].run(['rules', 'reset', 'abroad']);
    for (const at of [1, 2]) expect(await place(0, '1005', `${CUBA}${at}`)).toBe('allow');
    await raise('--extension', '1005', '--calls', '9');
    expect(await place(0, '1005', `${CUBA}3`)).toBe('allow');
    const answer = await nodes[0].run(['explain', `${CUBA}4`, '-e', '1005']);
    expect(answer).toMatchObject({ exitCode: 1, out: expect.stringContaining('3 of 3 calls at once') });
  });

  test('is said beforehand, lasts to the end of the day where the policy is at home, and gives what the rule would', async () => {
    await nodes[0].apply(`{ timezone: Asia/Kathmandu, rules: [${REFUSING}] }`);
    const { out } = await raise('--extension', '1001', '--today', '--dry-run', '--json');
    const grant = JSON.parse(out) as GrantReport;
    expect(new Date(grant.until).toISOString()).toMatch(/T18:15:00\.000Z$/);
    const hours = Math.max(1, Math.floor(Math.ceil((Date.parse(grant.until) - Date.parse(grant.since)) / 60_000) / 60));
    expect(grant.calls).toBe(2 * hours);
    expect((await grants(0)).map(({ id }) => id)).not.toContain(grant.id);
  });

  test.each([
    ['rules: [{ id: abroad, limits: [], action: block, appliesTo: { destinations: [premium] } }]', 'no limit of calls'],
    ['rules: [{ id: abroad, limits: [2/1h], action: alert }]', 'refuses and holds nothing'],
    ['rules: [{ id: abroad, limits: [2/1h], countPer: group }]', 'counts per group'],
    ['rules: [{ id: other, limits: [2/1h] }]', 'there is no rule "abroad"'],
  ])('of %s is refused with what to do', async (policy, says) => {
    await nodes[0].apply(policy);
    expect(await raise('--extension', '1001')).toMatchObject({ exitCode: 1, error: expect.stringContaining(says) });
  });
});
