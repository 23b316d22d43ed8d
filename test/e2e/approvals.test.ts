/** Held calls on a real Asterisk 22: decided by the command line, by the clock, by the caller, and by what breaks. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { startScene, type TestScene } from '../support/scene.ts';

let scene: TestScene;
let people: ApprovalsClient;
let lastNumber = 15550400000;
const fresh = (): string => String(++lastNumber);
const place = (destination: string, cancelAfterMs?: number): Promise<PlacedCall> =>
  scene.stage.placeCall({
    from: '1001',
    destination,
    timeoutMs: 60_000,
    ...(cancelAfterMs === undefined ? {} : { cancelAfterMs }),
  });
const reached = async (destination: string): Promise<number> =>
  (await scene.stage.carrier('carrier-a').calls()).filter((each) => each.destination === destination).length;
/** By the command line, as an operator does; where it matters when, by `people`. */
const decideByCommand = (verb: 'approve' | 'refuse', { id }: ApprovalReport) =>
  scene.tollgate.run(['approvals', verb, id, '--reason', 'because of the test', '--json']);

const HELD = 'rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 20s } }]';

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001'],
    carriers: { 'carrier-a': {}, 'carrier-b': {} },
    dialplan: DIALPLAN,
    connected: '',
  });
  people = createApprovalsClient(scene.tollgate.stateDir);
});
afterAll(() => scene.stop());
beforeEach(() => scene.apply(HELD));

describe('a held call', () => {
  test('hears early media, is not answered, and goes out when it is approved', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    expect(approval).toMatchObject({ state: 'open', extension: '1001', rule: 'ask' });
    await sleep(1000);
    expect(await reached(destination)).toBe(0);
    expect((await decideByCommand('approve', approval)).exitCode).toBe(0);
    const call = await calling;
    expect(call.status).toBe(200);
    expect(call.progress.map(({ status }) => status)).toContain(183);
    expect(await reached(destination)).toBe(1);
    const settled = (await people.list('all')).find(({ id }) => id === approval.id);
    expect(settled).toMatchObject({ state: 'approved', reason: 'because of the test' });
  });

  test('ends when it is refused, with the cause of the rule', async () => {
    const destination = fresh();
    const calling = place(destination);
    expect((await decideByCommand('refuse', await people.approvalOf(destination))).exitCode).toBe(0);
    expect((await calling).status).toBe(403);
    expect(await reached(destination)).toBe(0);
  });

  test('is decided once: the second decision is told of the first', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    const words = ['approve', 'refuse', 'approve', 'refuse'] as const;
    const answers = await Promise.all(words.map((word) => decideByCommand(word, approval)));
    // Whoever says again what counts is told that it does.
    const counted = words.filter((_, at) => answers[at]?.exitCode === 0);
    expect(new Set(counted).size).toBe(1);
    for (const [at, { exitCode, output }] of answers.entries()) {
      if (words[at] === counted[0]) expect(exitCode).toBe(0);
      else expect([exitCode, output]).toEqual([1, expect.stringMatching(/was (approved|refused) by cli/)]);
    }
    const { status } = await calling;
    const settled = (await people.list('all')).find(({ id }) => id === approval.id);
    expect(status).toBe(settled?.state === 'approved' ? 200 : 403);
  });

  test.each([
    ['block', 403],
    ['allow', 200],
  ])('that nobody decides in time goes the way of the rule: %s', async (otherwise, status) => {
    await scene.apply(
      `rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 5s, otherwise: ${otherwise} } }]`,
    );
    const destination = fresh();
    expect((await place(destination)).status).toBe(status);
    await people.approvalOf(destination, 'expired');
  });

  test('is withdrawn when its caller hangs up', async () => {
    const destination = fresh();
    const calling = place(destination, 4000);
    const approval = await people.approvalOf(destination);
    expect((await calling).status).toBe(487);
    expect((await people.approvalOf(destination, 'withdrawn')).id).toBe(approval.id);
    expect(await people.decide('approve', approval)).toBe(409);
    expect(await people.list('open')).toEqual([]);
    expect(await reached(destination)).toBe(0);
  });

  test('that is approved and breaks another rule by then is handled by that rule', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    await scene.apply(`${HELD.slice(0, -1)}, { id: closed, limits: [], hangupCause: 17, prompt: none }]`);
    await people.decide('approve', approval);
    expect((await calling).status).toBe(486);
    expect(await reached(destination)).toBe(0);
  });
});

describe('what breaks while calls are held', () => {
  test('a daemon that is killed and started again finds them, and they can be decided', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    await scene.tollgate.kill();
    await sleep(500);
    await scene.tollgate.start();
    await sleep(1000);
    expect((await decideByCommand('approve', approval)).exitCode).toBe(0);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('with the daemon gone for good the dialplan gives up by itself and refuses', async () => {
    await scene.apply('rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 5s } }]');
    const destination = fresh();
    const calling = place(destination);
    await people.approvalOf(destination);
    await scene.tollgate.kill();
    try {
      const call = await calling;
      expect(call.status).toBe(403);
      expect(await reached(destination)).toBe(0);
    } finally {
      await scene.tollgate.start();
    }
  });

  test('Asterisk restarted withdraws them', async () => {
    const destination = fresh();
    const calling = scene.stage.placeCall({ from: '1001', destination, timeoutMs: 8000 }).catch(() => undefined);
    await people.approvalOf(destination);
    await scene.stage.asterisk.restart();
    await calling;
    await people.approvalOf(destination, 'withdrawn');
    expect(await people.list('open')).toEqual([]);
  });
});

test('fifty calls held at once and decided by three at random end each as decided, and none is left', async () => {
  const destinations = Array.from({ length: 50 }, fresh);
  const calling = scene.stage.placeCalls({ from: '1001', destinations, ratePerSecond: 50, timeoutMs: 60_000 });
  await expect.poll(async () => (await people.list('open')).length, { timeout: 30_000, interval: 200 }).toBe(50);
  const waiting = await people.list('open');
  const decider = async (seed: number): Promise<void> => {
    const mine = waiting
      .toSorted((a, b) => (a.id + seed > b.id + seed ? 1 : -1))
      .filter((_, at) => (at + seed) % 2 === 0);
    for (const approval of mine)
      await people.decide((at(approval.id) + seed) % 3 === 0 ? 'refuse' : 'approve', approval);
  };
  await Promise.all([1, 2, 3].map(decider));
  for (const approval of await people.list('open')) await people.decide('refuse', approval);
  const calls = await calling;
  const settled = new Map((await people.list('all')).map((each) => [each.destination, each.state]));
  for (const call of calls) {
    expect(call.status, call.destination).toBe(settled.get(call.destination) === 'approved' ? 200 : 403);
    expect(await reached(call.destination)).toBe(call.status === 200 ? 1 : 0);
  }
  expect(await people.list('open')).toEqual([]);
  expect(await scene.stage.asterisk.cli('core show channels count')).toMatch(/0 active channels/);
}, 120_000);

const at = (id: string): number => Number.parseInt(id.slice(-4), 16);
