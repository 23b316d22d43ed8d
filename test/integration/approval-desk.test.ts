/** Approvals on a real store: settled once whoever tries, told to every desk, ended by the clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Approval, SettledState } from '../../src/approvals/approval.ts';
import { type ApprovalDesk, createApprovalDesk, type SettledApproval } from '../../src/approvals/approval-desk.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';

const keys = createKeys({ prefix: 'tollgate', tenant: 'default' });
const { log } = keptLog();
/** Two polls and the trip to the store, with room for a busy machine. */
const TOLD_WITHIN_MS = 2000;

let store: TestRedis;
let admin: Redis;
const closers: Array<() => unknown> = [];

beforeAll(async () => {
  store = await startRedis();
  admin = store.client();
});
afterAll(() => store.stop());
beforeEach(() => admin.flushall());
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** One on a connection of its own, as each node has. */
function newDesk(clock: Clock = systemClock, redis: Redis = store.client()): ApprovalDesk {
  const desk = createApprovalDesk({ redis, keys, clock, log });
  closers.push(() => desk.close());
  return desk;
}
const told = (desk: ApprovalDesk): SettledApproval[] => {
  const heard: SettledApproval[] = [];
  desk.onSettled((settled) => heard.push(settled));
  return heard;
};
/** Runs ahead of the system's, or stands behind it. */
const clockOff = (byMs: number): Clock => ({
  now: () => (systemClock.now() + byMs) as EpochMs,
  monotonicMs: systemClock.monotonicMs,
});
const wanted = (destination = '15555550100'): Omit<Approval, 'id' | 'openedAt' | 'expiresAt'> => ({
  decision: 'D1',
  callId: 'call-1',
  destination,
  dialled: destination,
  extension: '1001',
  trunk: undefined,
  rule: 'abroad',
  ruleName: 'Abroad',
  because: 'because of the test',
  approvedBefore: [],
  node: 'pbx-1',
  channel: 'PJSIP/1001-00000001',
  uniqueId: '1.1',
  otherwise: 'block',
});
const stateOf = async (desk: ApprovalDesk, id: string): Promise<SettledState | 'open' | undefined> => {
  const found = await desk.find(id);
  return found === undefined ? undefined : (found.settlement?.state ?? 'open');
};

describe('settling', () => {
  test('of fifty that settle at once over three desks exactly one is first, and all are told of that one', async () => {
    const desks = [newDesk(), newDesk(), newDesk()];
    for (let turn = 0; turn < 10; turn++) {
      const approval = await newDesk().open(wanted(), 60);
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, at) =>
          (desks[at % 3] ?? newDesk()).settle(approval.id, {
            state: at % 2 === 0 ? 'approved' : 'refused',
            by: `cli ${at}`,
          }),
        ),
      );
      const firsts = answers.filter((each) => each?.isFirst);
      expect(firsts).toHaveLength(1);
      for (const each of answers) expect(each?.settlement).toEqual(firsts[0]?.settlement);
      expect((await desks[0]?.find(approval.id))?.settlement).toEqual(firsts[0]?.settlement);
    }
    expect(await newDesk().list('open', 1000)).toEqual([]);
  });

  test('an approval that never was cannot be settled, and nothing is written for it', async () => {
    expect(await newDesk().settle('none', { state: 'approved' })).toBeUndefined();
    expect(await admin.keys('*')).toEqual([]);
  });

  test('every desk that waits for it is told, and one that does not wait is not', async () => {
    const [decides, holds, idle] = [newDesk(), newDesk(), newDesk()];
    const [heard, nothing] = [told(holds), told(idle)];
    const approval = await holds.open(wanted(), 60);
    holds.waitFor(approval);
    await decides.settle(approval.id, { state: 'refused', by: 'cli anna' });
    await expect
      .poll(() => heard, { timeout: TOLD_WITHIN_MS })
      .toMatchObject([{ approval: { id: approval.id }, settlement: { state: 'refused', by: 'cli anna' } }]);
    await sleep(500);
    expect(heard).toHaveLength(1);
    expect(nothing).toEqual([]);
  });

  test('a listener that fails keeps neither the settlement nor the other listeners from it', async () => {
    const desk = newDesk();
    desk.onSettled(() => {
      throw new Error('broken');
    });
    const heard = told(desk);
    const approval = await desk.open(wanted(), 60);
    expect(await desk.settle(approval.id, { state: 'approved' })).toMatchObject({ isFirst: true });
    expect(heard).toHaveLength(1);
  });
});

describe('the clock', () => {
  test('ends an approval that nobody decided, once, and tells who waits', async () => {
    const desk = newDesk();
    const heard = told(desk);
    const approval = await desk.open(wanted(), 1);
    desk.waitFor(approval);
    await expect.poll(() => heard, { timeout: 5000 }).toMatchObject([{ settlement: { state: 'expired' } }]);
    expect(heard[0]?.settlement.at).toBeGreaterThanOrEqual(approval.expiresAt);
    expect(await desk.settle(approval.id, { state: 'approved', by: 'cli anna' })).toMatchObject({
      isFirst: false,
      settlement: { state: 'expired' },
    });
    expect(heard.every(({ settlement }) => settlement.state === 'expired')).toBe(true);
  });

  test('ends one whose node is gone, by any other node', async () => {
    const gone = newDesk(clockOff(-30_000));
    const approval = await gone.open(wanted(), 5);
    gone.close();
    const other = newDesk();
    await expect.poll(() => stateOf(other, approval.id), { timeout: TOLD_WITHIN_MS }).toBe('expired');
    expect(await other.list('open', 10)).toEqual([]);
  });

  test('leaves one that is not due alone', async () => {
    const desk = newDesk();
    const approval = await desk.open(wanted(), 60);
    desk.waitFor(approval);
    await sleep(600);
    expect(await stateOf(desk, approval.id)).toBe('open');
  });

  test('releases a caller whose approval the store has lost, and the open ones are rid of it', async () => {
    const desk = newDesk();
    const heard = told(desk);
    const approval = await desk.open(wanted(), 1);
    desk.waitFor(approval);
    await admin.del(keys.approval(approval.id));
    await admin.zadd(keys.openApprovals, 1, 'lost-long-ago');
    await expect.poll(() => heard, { timeout: 5000 }).toMatchObject([{ approval: { id: approval.id } }]);
    await sleep(500);
    expect(heard).toHaveLength(1);
    expect(await admin.zscore(keys.openApprovals, 'lost-long-ago')).toBeNull();
    expect(await desk.find(approval.id)).toBeUndefined();
  });
});

describe('the list', () => {
  test('of open ones begins with the first to expire, of all with the newest, and is as long as asked', async () => {
    const desk = newDesk();
    const opened: string[] = [];
    for (const seconds of [60, 20, 40]) {
      opened.push((await desk.open(wanted(), seconds)).id);
      await sleep(2);
    }
    const [slow, quick, middle] = opened;
    const ids = async (...args: Parameters<ApprovalDesk['list']>) => (await desk.list(...args)).map(({ id }) => id);
    expect(await ids('open', 10)).toEqual([quick, middle, slow]);
    expect(await ids('open', 1)).toEqual([quick]);
    await desk.settle(quick ?? '', { state: 'withdrawn' });
    expect(await ids('open', 10)).toEqual([middle, slow]);
    expect(await ids('all', 10)).toEqual([middle, quick, slow]);
    expect(await ids('all', 2)).toEqual([middle, quick]);
  });

  test('of another desk shows what one opened, also after that one was started again', async () => {
    const before = newDesk();
    const approval = await before.open(wanted('15555550177'), 60);
    before.close();
    const after = newDesk();
    expect(await after.list('open', 10)).toMatchObject([
      { id: approval.id, destination: '15555550177', state: 'open' },
    ]);
    const heard = told(after);
    const found = await after.find(approval.id);
    if (found !== undefined) after.waitFor(found.approval);
    await newDesk().settle(approval.id, { state: 'approved', by: 'cli anna' });
    await expect.poll(() => heard.length, { timeout: TOLD_WITHIN_MS }).toBe(1);
  });

  test('is kept for a bounded time', async () => {
    const approval = await newDesk().open(wanted(), 60);
    expect(await admin.ttl(keys.approval(approval.id))).toBeGreaterThan(29 * 86_400);
    await newDesk().settle(approval.id, { state: 'approved' });
    expect(await admin.ttl(keys.approval(approval.id))).toBeGreaterThan(29 * 86_400);
  });
});

describe('the store is away', () => {
  test('a settlement is an error, nothing is settled by it, and one afterwards is the first', async () => {
    const proxy = await startStallingProxy(store.socketPath);
    const connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log });
    closers.push(
      () => proxy.stop(),
      () => connection.close(),
    );
    await connection.untilUp(5000);
    const desk = newDesk(systemClock, connection.redis);
    const heard = told(desk);
    const approval = await desk.open(wanted(), 60);
    proxy.cut();
    await expect(desk.settle(approval.id, { state: 'approved', by: 'cli anna' })).rejects.toThrow();
    await expect(desk.open(wanted(), 60)).rejects.toThrow();
    expect(heard).toEqual([]);
    expect(await stateOf(newDesk(), approval.id)).toBe('open');
    proxy.mend();
    await connection.untilUp(5000);
    expect(await desk.settle(approval.id, { state: 'refused', by: 'cli anna' })).toMatchObject({ isFirst: true });
  });

  test('a store that takes no more writes is an error as well', async () => {
    const desk = newDesk();
    const approval = await desk.open(wanted(), 60);
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expect(desk.open(wanted(), 60)).rejects.toThrow();
      await expect(desk.settle(approval.id, { state: 'approved' })).rejects.toThrow();
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    expect(await stateOf(desk, approval.id)).toBe('open');
  });

  test('an approval that could be written down in part only is an error, and no call waits for it', async () => {
    const desk = newDesk();
    await admin.set(keys.openApprovals, 'none of ours');
    await expect(desk.open(wanted(), 60)).rejects.toThrow('could not be written down');
  });

  test('what was settled elsewhere meanwhile is told as soon as the store is back', async () => {
    const proxy = await startStallingProxy(store.socketPath);
    const connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log });
    closers.push(
      () => proxy.stop(),
      () => connection.close(),
    );
    await connection.untilUp(5000);
    const desk = newDesk(systemClock, connection.redis);
    const heard = told(desk);
    const approval = await desk.open(wanted(), 60);
    desk.waitFor(approval);
    proxy.cut();
    await newDesk().settle(approval.id, { state: 'approved', by: 'cli anna' });
    await sleep(500);
    expect(heard).toEqual([]);
    proxy.mend();
    await expect.poll(() => heard, { timeout: 10_000 }).toMatchObject([{ settlement: { state: 'approved' } }]);
  });
});
