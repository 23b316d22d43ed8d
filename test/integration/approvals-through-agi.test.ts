/** Held calls as the dialplan sees them, where no Asterisk is connected that could hold one; and what an approval is worth. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { ApprovalDesk } from '../../src/approvals/approval-desk.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { deskOn, wantedApproval } from '../support/approval.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, logIn } from '../support/people.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const DEADLINE_MS = 250;
const DESTINATION = '15551234567';

let store: TestRedis;
let admin: Redis;
let tollgate: TestDaemon;
/** Stands in for the supervisor, and for whatever opened an approval before. */
let desk: ApprovalDesk;

beforeAll(async () => {
  store = await startRedis();
  admin = store.client();
  tollgate = await startTestDaemon({
    env: { TOLLGATE_REDIS__URL: store.socketPath, TOLLGATE_AGI__DEADLINE_MS: String(DEADLINE_MS) },
  });
  desk = deskOn([admin, store.client()]);
});
afterAll(async () => {
  desk.close();
  await tollgate.stop();
  await store.stop();
});
afterEach(() => process.kill(store.pid, 'SIGCONT'));

const asking = (otherwise: string, more = ''): string =>
  `rules: [{ id: ask, limits: [], action: approve, approval: { otherwise: ${otherwise} } }${more}]`;
const call = (fields: AgiCall = {}): Promise<Readonly<Record<string, string>>> =>
  placeAgiCall(tollgate.agiPort, { destination: DESTINATION, extension: '1001', ...fields });
const list = async (): Promise<ApprovalReport[]> =>
  JSON.parse((await tollgate.run(['approvals', 'list', '--all', '--json'])).out) as ApprovalReport[];

let lastCall = 0;
/** A call that asked once, and an approval that was opened for it, as if it were held. */
async function heldCall(): Promise<{ readonly uniqueId: string; readonly approval: string }> {
  const uniqueId = `held.${++lastCall}`;
  const token = (await call({ uniqueId }))['__TOLLGATE_CALL'] ?? '';
  const approval = await desk.open(
    wantedApproval({
      callId: token.split('.')[0] ?? '',
      destination: DESTINATION,
      dialled: DESTINATION,
      rule: 'ask',
      node: 'test',
      uniqueId,
    }),
  );
  return { uniqueId, approval: approval.id };
}

describe('where nobody can be asked', () => {
  test.each([
    ['block', 'block'],
    ['allow', 'allow'],
  ])('a call goes the way of the rule (%s), opens no approval, and says why', async (otherwise, verdict) => {
    await tollgate.apply(asking(otherwise));
    const before = (await list()).length;
    expect(await call()).toMatchObject({
      TOLLGATE_VERDICT: verdict,
      TOLLGATE_APPROVAL: '',
      TOLLGATE_REASON: expect.stringContaining(`nobody can be asked for approval`),
    });
    expect(await list()).toHaveLength(before);
  });

  test('a call that the rule lets go then pays the other rules', async () => {
    await tollgate.apply(asking('allow', ', { id: roomy, limits: ["1/1h"], countPer: system }'));
    expect(await call()).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
    expect(await call()).toMatchObject({ TOLLGATE_VERDICT: 'block', TOLLGATE_RULE: 'roomy' });
  });

  test.each([
    ['block', 'block'],
    ['allow', 'allow'],
  ])(
    'and the store stands still, a call goes the way of the rule (%s) within the deadline',
    async (otherwise, verdict) => {
      await tollgate.apply(asking(otherwise));
      const held = await heldCall();
      process.kill(store.pid, 'SIGSTOP');
      for (const fields of [{}, held]) {
        const startedMs = performance.now();
        expect(await call(fields)).toMatchObject({ TOLLGATE_VERDICT: verdict });
        expect(performance.now() - startedMs).toBeLessThan(DEADLINE_MS);
      }
      process.kill(store.pid, 'SIGCONT');
      await expect
        .poll(async () => (await tollgate.run(['status', '--json'])).out, { timeout: 5000 })
        .toMatch(/"state": ?"working"/);
    },
  );
});

describe('an approval', () => {
  test('lets the call go that it was opened for', async () => {
    await tollgate.apply(asking('block'));
    const { uniqueId, approval } = await heldCall();
    await desk.settle(approval, { state: 'approved', by: 'cli anna' });
    expect(await call({ uniqueId, approval })).toMatchObject({
      TOLLGATE_VERDICT: 'allow',
      TOLLGATE_REASON: 'Rule ask: approved by cli anna',
    });
  });

  test.each([
    ['of another call', { uniqueId: 'stranger.1' }],
    ['for another destination', { destination: '15551234568' }],
    ['for the same destination dialled in another way', { destination: `+${DESTINATION}` }],
    ['whose id is longer', { approval: 'x' }],
  ])('is worth nothing %s', async (_what, other) => {
    await tollgate.apply(asking('block'));
    const { uniqueId, approval } = await heldCall();
    await desk.settle(approval, { state: 'approved', by: 'cli anna' });
    const fields =
      'approval' in other ? { uniqueId, approval: approval + other.approval } : { uniqueId, approval, ...other };
    expect(await call(fields)).toMatchObject({
      TOLLGATE_VERDICT: 'block',
      TOLLGATE_REASON: expect.stringContaining('nobody can be asked'),
    });
  });

  test('of a call that asks while it is open can no longer be given', async () => {
    await tollgate.apply(asking('block'));
    const { uniqueId, approval } = await heldCall();
    expect(await call({ uniqueId, approval })).toMatchObject({ TOLLGATE_VERDICT: 'block' });
    expect(await desk.settle(approval, { state: 'approved', by: 'cli anna' })).toMatchObject({
      isFirst: false,
      settlement: { state: 'unanswerable' },
    });
    expect(await call({ uniqueId, approval })).toMatchObject({ TOLLGATE_VERDICT: 'block' });
  });

  test('of a stranger who asks is left open for the call that it belongs to', async () => {
    await tollgate.apply(asking('block'));
    const { uniqueId, approval } = await heldCall();
    await call({ uniqueId: 'stranger.2', approval });
    expect(await desk.settle(approval, { state: 'approved', by: 'cli anna' })).toMatchObject({ isFirst: true });
    expect(await call({ uniqueId, approval })).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
  });
});

describe('on the command line', () => {
  test('of his own extension is decided by nobody, unless the settings let him', async () => {
    const { approval } = await heldCall();
    // A second try of the test has a user of its own.
    const kim = await addUser(tollgate, `kim${++lastCall}`, 'supervisor');
    await tollgate.run(['users', 'set', kim.name, '--extension', '1001']);
    const { send } = await logIn(tollgate.webPort, kim);
    expect((await send('GET', 'me')).body).toMatchObject({ ownExtension: '1001' });
    for (const word of ['approve', 'refuse'])
      expect(await send('POST', `approvals/${approval}/${word}`, {})).toMatchObject({
        status: 403,
        body: { code: 'FORBIDDEN', detail: 'this is your own call; someone else has to decide' },
      });
    await tollgate.run(['settings', 'set', 'approvals.ownCalls', 'true']);
    expect((await send('GET', 'me')).body).toMatchObject({ ownExtension: null });
    expect((await send('POST', `approvals/${approval}/approve`, {})).body).toMatchObject({ state: 'approved' });
    await tollgate.run(['users', 'set', kim.name, '--extension', 'none']);
    expect((await send('GET', 'session')).status).toBe(200);
  });

  test('approvals list says so when there are none', async () => {
    for (const { approval } of await desk.list('open', 1000)) await desk.settle(approval.id, { state: 'withdrawn' });
    expect((await tollgate.run(['approvals', 'list'])).out).toBe('No call is held.\n');
  });

  test('an open one is listed and decided by the beginning of its id, by name and with the reason', async () => {
    await tollgate.apply(asking('block'));
    const { approval } = await heldCall();
    expect((await tollgate.run(['approvals', 'list'])).out).toMatch(
      new RegExp(`${approval} +1001 +${DESTINATION} +ask`),
    );
    const { exitCode, out } = await tollgate.run([
      ...['approvals', 'refuse', approval.slice(0, 8), '--reason', 'not her customer'],
    ]);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/refused by cli tester after \d+ ?s.*: not her customer\n$/);
    expect((await tollgate.run(['approvals', 'list'])).out).not.toContain(approval);
    expect((await tollgate.run(['approvals', 'list', '--all'])).out).toContain('refused by cli tester');
  });

  test('one that there is not is an error that says where to look', async () => {
    const { exitCode, error } = await tollgate.run(['approvals', 'approve', 'nothing']);
    expect(exitCode).toBe(1);
    expect(error).toContain('there is no approval "nothing"');
    expect(error).toContain('approvals list');
  });

  test('one that is settled already is an error that names who was first', async () => {
    const { approval } = await heldCall();
    await desk.settle(approval, { state: 'approved', by: 'cli anna' });
    const { exitCode, error } = await tollgate.run(['approvals', 'refuse', approval]);
    expect(exitCode).toBe(1);
    expect(error).toMatch(/was approved by cli anna at \d{4}-\d\d-\d\dT[\d:.]+Z already/);
  });

  test('a reason that could break a line of the log is refused', async () => {
    const { approval } = await heldCall();
    const { exitCode, error } = await tollgate.run(['approvals', 'approve', approval, '--reason', 'one\ntwo']);
    expect(exitCode).toBe(1);
    expect(error).toContain('control character');
    expect((await desk.find(approval))?.settlement).toBeUndefined();
  });
});
