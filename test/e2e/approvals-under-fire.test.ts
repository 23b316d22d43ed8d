/** Held calls on a real Asterisk 22 while parts are really killed: nobody waits for ever, nobody goes out unapproved. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { startTcpLink, type TcpLink } from '../support/tcp-link.ts';

let scene: TestScene;
let ari: TcpLink;
let people: ApprovalsClient;
let lastNumber = 15550600000;
const fresh = (): string => String(++lastNumber);

const place = (destination: string, cancelAfterMs?: number): Promise<PlacedCall> =>
  scene.stage.placeCall({
    from: '1001',
    destination,
    timeoutMs: 60_000,
    ...(cancelAfterMs === undefined ? {} : { cancelAfterMs }),
  });
const untilDecided = async (verb: 'approve' | 'refuse', approval: ApprovalReport): Promise<void> => {
  for (let tries = 0; tries < 100; tries++) {
    const status = await people.decide(verb, approval);
    if (status === 200 || status === 409) return;
    await sleep(100);
  }
  throw new Error('nobody took the decision');
};
const reached = async (destination: string): Promise<number> =>
  (await scene.stage.carrier('carrier-a').calls()).filter((each) => each.destination === destination).length;
const held = (timeout: string): string =>
  `rules: [{ id: ask, limits: [], action: approve, approval: { timeout: ${timeout} } }]`;

/** An approval is open a moment before its call stands in Stasis; only what stands there is cut off from its daemon. */
async function heldCall(destination: string): Promise<ApprovalReport> {
  const approval = await people.approvalOf(destination);
  const channels = (): Promise<string> => scene.stage.asterisk.cli('core show channels concise');
  await vi.waitUntil(async () => (await channels()).includes('!Stasis!'), { timeout: 20_000, interval: 50 });
  return approval;
}

async function untilAri(state: 'up' | 'down'): Promise<void> {
  for (let tries = 0; tries < 150; tries++) {
    const answer = await people.ask('GET', '/api/v1/status');
    const { parts = [] } = JSON.parse(answer?.text ?? '{}') as {
      parts?: ReadonlyArray<{ name: string; state: string }>;
    };
    if (parts.find(({ name }) => name === 'ARI pbx')?.state === state) return;
    await sleep(100);
  }
  throw new Error(`ARI is not ${state}`);
}

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001'],
    carriers: { 'carrier-a': {}, 'carrier-b': {} },
    dialplan: DIALPLAN,
    connected: '',
    ariPort: async (port) => {
      ari = await startTcpLink(port);
      return ari.port;
    },
  });
  people = createApprovalsClient(scene.tollgate.stateDir);
});
afterAll(async () => {
  await scene.stop();
  await ari.stop();
});
beforeEach(() => scene.apply(held('30s')));

describe('the store is killed while a call is held', () => {
  test('it is back by itself, the approval is still there, and the call goes out once when it is approved', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    await scene.tollgate.killStore();
    await untilDecided('approve', approval);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('and the caller hangs up before it is back: the approval is withdrawn or expires, and cannot be approved', async () => {
    await scene.apply(held('5s'));
    const destination = fresh();
    const calling = place(destination, 3000);
    const approval = await people.approvalOf(destination);
    await scene.tollgate.killStore();
    expect((await calling).status).toBe(487);
    for (let tries = 0; tries < 150 && (await people.list('open')).length > 0; tries++) await sleep(100);
    const { state } = (await people.list('all')).find(({ id }) => id === approval.id) ?? {};
    expect(['withdrawn', 'expired']).toContain(state);
    expect(await people.decide('approve', approval)).toBe(409);
    expect(await reached(destination)).toBe(0);
  });
});

describe('the ARI connection is lost while a call is held', () => {
  // What a test that failed has left must not fail the next one.
  afterEach(async () => {
    ari.mend();
    await untilAri('up');
  });

  test('what is decided meanwhile is done as soon as it is back', async () => {
    const destination = fresh();
    const calling = place(destination);
    const approval = await heldCall(destination);
    ari.cut();
    expect(await people.decide('approve', approval)).toBe(200);
    await sleep(1500);
    expect(await reached(destination)).toBe(0);
    ari.mend();
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('a caller who hangs up meanwhile is withdrawn when it is back', async () => {
    const destination = fresh();
    const calling = place(destination, 4000);
    const approval = await heldCall(destination);
    ari.cut();
    expect((await calling).status).toBe(487);
    ari.mend();
    expect((await people.approvalOf(destination, 'withdrawn')).id).toBe(approval.id);
    expect(await reached(destination)).toBe(0);
  });

  test('and never comes back: the limit of the dialplan ends the hold, and the call is refused', async () => {
    await scene.apply(held('5s'));
    const destination = fresh();
    const calling = place(destination);
    await heldCall(destination);
    ari.cut();
    try {
      expect((await calling).status).toBe(403);
      expect(await reached(destination)).toBe(0);
      expect((await people.approvalOf(destination, 'expired')).decidedBy).toBeNull();
    } finally {
      ari.mend();
    }
  });

  test('and a new call needs approval: it goes the way of the rule at once', async () => {
    ari.cut();
    try {
      await untilAri('down');
      expect((await place(fresh())).status).toBe(403);
    } finally {
      ari.mend();
    }
  });
});

test('fifty calls held at once, three who decide at random, and daemon, store and ARI killed in between', async () => {
  await scene.apply(held('60s'));
  const destinations = Array.from({ length: 50 }, fresh);
  const calling = scene.stage.placeCalls({ from: '1001', destinations, ratePerSecond: 25, timeoutMs: 110_000 });
  const wanted = new Set(destinations);
  const opened = async (): Promise<readonly ApprovalReport[]> =>
    (await people.list('all')).filter(({ destination }) => wanted.has(destination));
  await expect.poll(async () => (await opened()).length, { timeout: 30_000, interval: 200 }).toBe(50);

  let over = false;
  const counts = { daemon: 0, store: 0, ari: 0, approve: 0, refuse: 0, late: 0, failed: 0 };
  const decider = async (seed: number): Promise<void> => {
    let turn = seed * 7919;
    while (!over) {
      const open = await people.list('open');
      turn = (turn * 1_103_515_245 + 12_345) % 2_147_483_648;
      const approval = open[turn % Math.max(1, open.length)];
      if (approval !== undefined) {
        const verb = turn % 3 === 0 ? 'refuse' : 'approve';
        const status = await people.decide(verb, approval);
        counts[status === 200 ? verb : status === 409 ? 'late' : 'failed'] += 1;
      }
      await sleep(100 + (turn % 200));
    }
  };
  const killer = async (): Promise<void> => {
    await sleep(700);
    await scene.tollgate.killStore();
    counts.store += 1;
    await sleep(1500);
    ari.cut();
    counts.ari += 1;
    await sleep(1200);
    ari.mend();
    await sleep(1000);
    await scene.tollgate.kill();
    counts.daemon += 1;
    await sleep(500);
    await scene.tollgate.start();
  };
  const deciders = [1, 2, 3].map(decider);
  await killer();
  const allBackAtMs = Date.now() + 2000;
  const calls = await calling;
  over = true;
  await Promise.all(deciders);

  const settled = new Map((await opened()).map((each) => [each.destination, each]));
  const ends: Record<string, number> = {};
  for (const call of calls) {
    const state = settled.get(call.destination)?.state ?? 'none';
    const arrived = await reached(call.destination);
    const end = `${state}, ${call.status}, reached the carrier ${arrived} times`;
    ends[end] = (ends[end] ?? 0) + 1;
  }
  process.stdout.write(
    `\nfifty held calls under fire\n  killed: daemon ${counts.daemon}, store ${counts.store}, ARI ${counts.ari}\n`,
  );
  process.stdout.write(
    `  words: ${counts.approve} approve, ${counts.refuse} refuse, ${counts.late} late, ${counts.failed} while a part was away\n`,
  );
  for (const [end, count] of Object.entries(ends)) process.stdout.write(`  ${String(count).padStart(2)} ${end}\n`);
  let metDeadPart = 0;
  for (const { destination, status } of calls) {
    const approval = settled.get(destination);
    expect(await reached(destination), destination).toBe(status === 200 ? 1 : 0);
    if (status === 200) expect(approval?.state, destination).toBe('approved');
    else expect(status, destination).toBe(403);
    if (status === 200 || approval?.state !== 'approved') continue;
    // On its way back it met a part that was just killed, and nobody could tell the dialplan what was decided.
    metDeadPart += 1;
    expect(Date.parse(approval.decidedAt ?? ''), destination).toBeLessThan(allBackAtMs);
  }
  expect(metDeadPart).toBeLessThan(10);
  expect(await people.list('open')).toEqual([]);
  expect(await scene.stage.asterisk.cli('core show channels count')).toMatch(/0 active channels/);
}, 180_000);
