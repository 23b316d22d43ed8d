/**
 * Held calls with two daemons on one store, each with an Asterisk 22 of its own: held on the first, decided on the second.
 *
 * The daemons share nothing but the store, as on two machines.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { runCli } from '../support/command-line.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startScene, type TestScene } from '../support/scene.ts';

let store: TestRedis;
/** Where calls come in. */
let near: TestScene;
/** Where people decide. */
let far: TestScene;
/** At the control sockets of the two. */
let nearPeople: ApprovalsClient;
let farPeople: ApprovalsClient;
let lastNumber = 15550800000;
const fresh = (): string => String(++lastNumber);
const place = (destination: string): Promise<PlacedCall> =>
  near.stage.placeCall({ from: '1001', destination, timeoutMs: 90_000 });
const arrivals = async (destination: string) =>
  (await near.stage.carrier('carrier-a').calls()).filter((each) => each.destination === destination);
const reached = async (destination: string): Promise<number> => (await arrivals(destination)).length;
/** In force on both. */
async function held(fields = ''): Promise<void> {
  await near.apply(`rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 60s${fields} } }]`);
  const policyOf = async (people: ApprovalsClient): Promise<string | undefined> =>
    (await people.ask('GET', '/api/v1/policy'))?.text;
  const wanted = await policyOf(nearPeople);
  await expect.poll(() => policyOf(farPeople), { timeout: 20_000, interval: 100 }).toBe(wanted);
}

beforeAll(async () => {
  store = await startRedis();
  const sceneOf = (node: string): Promise<TestScene> =>
    startScene({
      phones: ['1001'],
      carriers: { 'carrier-a': {}, 'carrier-b': {} },
      dialplan: DIALPLAN,
      connected: '',
      tollgateEnv: { TOLLGATE_NODE: node, TOLLGATE_REDIS__URL: store.socketPath },
    });
  near = await sceneOf('near');
  far = await sceneOf('far');
  nearPeople = createApprovalsClient(near.tollgate.stateDir, 'nora');
  farPeople = createApprovalsClient(far.tollgate.stateDir, 'frida');
});
afterAll(async () => {
  await near.stop();
  await far.stop();
  await store.stop();
});
beforeEach(() => held());

describe('a call held on one node', () => {
  test('goes out when the command line of the other node approves it, and both know who', async () => {
    const destination = fresh();
    const calling = place(destination);
    const { id, node } = await farPeople.approvalOf(destination);
    expect(node).toBe('near');
    const approve = ['approvals', 'approve', id, '--reason', 'from afar'];
    expect(await far.tollgate.run(approve)).toMatchObject({ exitCode: 0 });
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
    const known = { state: 'approved', reason: 'from afar' };
    expect(await nearPeople.approvalOf(destination, 'approved')).toMatchObject(known);
    expect(await farPeople.approvalOf(destination, 'approved')).toMatchObject(known);
  });

  test('is seen on the other node by approvals watch as it opens, is approved by a first of two, and is settled', async () => {
    await held(', approvers: 2');
    const stop = new AbortController();
    let seen = '';
    const watching = runCli(far.tollgate.stateDir, ['approvals', 'watch', '--json'], {
      input: '',
      signal: stop.signal,
      onOutput: (text) => (seen += text),
    });
    const destination = fresh();
    const lines = (): string[] =>
      seen
        .split('\n')
        .filter((line) => line.includes(destination))
        .map((line) => JSON.parse(line) as ApprovalReport)
        .map(({ state, approvedBy }) => `${state} ${approvedBy.join()}`);
    const calling = place(destination);
    try {
      await expect.poll(lines, { timeout: 20_000 }).toEqual(['open ']);
      const approval = await nearPeople.approvalOf(destination);
      await nearPeople.decide('approve', approval);
      await expect.poll(lines, { timeout: 20_000 }).toEqual(['open ', 'open cli nora']);
      await farPeople.decide('approve', approval);
      await expect.poll(lines, { timeout: 20_000 }).toEqual(['open ', 'open cli nora', 'approved cli nora,cli frida']);
    } finally {
      stop.abort();
    }
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
    await watching;
  });

  test('is decided once, though both nodes decide at the same time', async () => {
    for (let turn = 0; turn < 5; turn++) {
      const destination = fresh();
      const calling = place(destination);
      const approval = await farPeople.approvalOf(destination);
      const answers = await Promise.all([
        nearPeople.decide('approve', approval),
        farPeople.decide('refuse', approval),
        nearPeople.decide('refuse', approval),
        farPeople.decide('approve', approval),
      ]);
      expect(answers.toSorted()).toEqual([200, 409, 409, 409]);
      const { status } = await calling;
      const settled = (await farPeople.list('all')).find(({ id }) => id === approval.id);
      expect(status).toBe(settled?.state === 'approved' ? 200 : 403);
      expect(await reached(destination)).toBe(status === 200 ? 1 : 0);
    }
  });

  test('is granted on the other node for its number, and the next call there leaves at once', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await farPeople.approvalOf(destination);
    await farPeople.decide('approve', approval, { for: 'number', minutes: 5 });
    expect((await calling).status).toBe(200);
    await expect.poll(nearPeople.grants, { timeout: 20_000 }).toHaveLength(1);
    expect((await place(destination)).status).toBe(200);
    expect((await farPeople.list('all')).filter((each) => each.destination === destination)).toHaveLength(1);
    const [grant] = await farPeople.grants();
    expect((await farPeople.ask('DELETE', `/api/v1/grants/${grant?.id}`))?.status).toBe(200);
    await expect.poll(nearPeople.grants, { timeout: 20_000 }).toEqual([]);
    const again = place(destination);
    await farPeople.decide('refuse', await farPeople.approvalOf(destination));
    expect((await again).status).toBe(403);
  });

  test('waits while its daemon is killed and started again, and goes when the other node approves it', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await farPeople.approvalOf(destination);
    await near.tollgate.kill();
    await near.tollgate.start();
    expect(await reached(destination)).toBe(0);
    expect(await farPeople.decide('approve', approval)).toBe(200);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('and approved on the other while its daemon is dead, goes when that is back, and not before', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await farPeople.approvalOf(destination);
    await near.tollgate.kill();
    try {
      expect(await farPeople.decide('approve', approval)).toBe(200);
      await sleep(1000);
      expect(await reached(destination)).toBe(0);
    } finally {
      await near.tollgate.start();
    }
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('that nobody decides ends by the clock of the other node where its own is dead', async () => {
    await near.apply('rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 5s } }]');
    const destination = fresh();
    const calling = place(destination);
    await farPeople.approvalOf(destination);
    await near.tollgate.kill();
    try {
      expect((await farPeople.approvalOf(destination, 'expired')).decidedBy).toBeNull();
      expect((await calling).status).toBe(403);
      expect(await reached(destination)).toBe(0);
    } finally {
      await near.tollgate.start();
    }
  });
});

describe('a call that asks a daemon whose Asterisk is another one', () => {
  // A reload takes no global variable away, so both are always given.
  const ask = ({ globals }: TestScene, app: string): Promise<void> =>
    near.stage.asterisk.reloadDialplan(DIALPLAN, { ...globals, TOLLGATE_STASIS_APP: app });
  afterEach(() => ask(near, 'tollgate'));

  test.each([
    ['block', 403, 0],
    ['allow', 200, 1],
  ])(
    'enters no application where that has a name of its own, and goes by otherwise: %s',
    async (otherwise, status, times) => {
      await held(`, otherwise: ${otherwise}`);
      await ask(far, 'tollgate-far');
      const destination = fresh();
      expect((await place(destination)).status).toBe(status);
      expect(await reached(destination)).toBe(times);
      expect(await farPeople.approvalOf(destination, 'unanswerable')).toMatchObject({ node: 'far', decidedBy: null });
    },
  );

  test('is held by the daemon of its own Asterisk where both applications have the same name', async () => {
    await ask(far, 'tollgate');
    const destination = fresh();
    const calling = place(destination);
    const approval = await farPeople.approvalOf(destination);
    expect(approval.node).toBe('far');
    expect(await farPeople.decide('approve', approval)).toBe(200);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });
});

test('from a decision on the other node to the carrier: twenty calls, each out once', async () => {
  const destinations = Array.from({ length: 20 }, fresh);
  const calling = near.stage.placeCalls({ from: '1001', destinations, ratePerSecond: 10, timeoutMs: 90_000 });
  await expect.poll(async () => (await farPeople.list('open')).length, { timeout: 60_000, interval: 200 }).toBe(20);
  const decidedAtMs = new Map<string, number>();
  for (const approval of await farPeople.list('open')) {
    decidedAtMs.set(approval.destination, Date.now());
    expect(await farPeople.decide('approve', approval)).toBe(200);
    await sleep(50);
  }
  const calls = await calling;
  expect(calls.map(({ status }) => status)).toEqual(destinations.map(() => 200));
  const tookMs: number[] = [];
  for (const destination of destinations) {
    const arrived = await arrivals(destination);
    expect(arrived).toHaveLength(1);
    tookMs.push((arrived[0]?.atMs ?? Number.NaN) - (decidedAtMs.get(destination) ?? Number.NaN));
  }
  tookMs.sort((one, other) => one - other);
  const shown = [tookMs[0], tookMs[10], tookMs[19]].map((each) => Math.round(each ?? Number.NaN));
  process.stdout.write(
    `\n  decided on one node, carried by the other: least, median and most ms ${shown.join(', ')}\n`,
  );
});
