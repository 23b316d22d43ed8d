/** Approvals on a real store: settled once whoever tries, told to every desk, ended by the clock. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SettledState } from '../../src/approvals/approval.ts';
import type { ApprovalDesk, SettledApproval } from '../../src/approvals/approval-desk.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { approvalKeys, deskOn, type Wanted, wantedApproval } from '../support/approval.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';

const keys = approvalKeys;
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

/** One on connections of its own, as each node has. */
function newDesk(clock: Clock = systemClock, redis: Redis = store.client()): ApprovalDesk {
  const desk = deskOn([redis, store.client()], clock);
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
const wanted = (timeoutSeconds: number): Wanted => wantedApproval({}, { timeoutSeconds });
const stateOf = async (desk: ApprovalDesk, id: string): Promise<SettledState | 'open' | undefined> => {
  const found = await desk.find(id);
  return found === undefined ? undefined : (found.settlement?.state ?? 'open');
};

describe('settling', () => {
  test('of fifty that settle at once over three desks exactly one is first, and all are told of that one', async () => {
    const desks = [newDesk(), newDesk(), newDesk()];
    for (let turn = 0; turn < 10; turn++) {
      const approval = await newDesk().open(wanted(60));
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

  test('every desk is told of it once, wherever it was settled and whether it waits for it or not', async () => {
    const [decides, holds, idle] = [newDesk(), newDesk(), newDesk()];
    const everywhere = [decides, holds, idle].map(told);
    const approval = await holds.open(wanted(60));
    holds.waitFor(approval);
    await decides.settle(approval.id, { state: 'refused', by: 'cli anna' });
    for (const heard of everywhere) {
      await expect
        .poll(() => heard, { timeout: TOLD_WITHIN_MS })
        .toMatchObject([{ approval: { id: approval.id }, settlement: { state: 'refused', by: 'cli anna' } }]);
    }
    await sleep(1500);
    for (const heard of everywhere) expect(heard).toHaveLength(1);
  });

  test('every desk is told once of one that is opened anywhere', async () => {
    const [opens, other] = [newDesk(), newDesk()];
    const everywhere = [opens, other].map((desk) => {
      const heard: string[] = [];
      desk.onOpened(({ id }) => heard.push(id));
      return heard;
    });
    // A desk follows from when it has found the end of the notes.
    await sleep(200);
    const approval = await opens.open(wanted(60));
    for (const heard of everywhere) await expect.poll(() => heard, { timeout: TOLD_WITHIN_MS }).toEqual([approval.id]);
    await sleep(600);
    for (const heard of everywhere) expect(heard).toHaveLength(1);
  });

  test('a listener that fails keeps neither the settlement nor the other listeners from it', async () => {
    const desk = newDesk();
    desk.onSettled(() => {
      throw new Error('broken');
    });
    const heard = told(desk);
    const approval = await desk.open(wanted(60));
    expect(await desk.settle(approval.id, { state: 'approved' })).toMatchObject({ isFirst: true });
    expect(heard).toHaveLength(1);
  });
});

describe('where two people have to approve', () => {
  const byTwo = wantedApproval({}, { approvers: 2 });
  const yes = (by: string) => ({ state: 'approved', by }) as const;

  test('the first yes leaves it open and says so, the second of another person settles it', async () => {
    const desks = [newDesk(), newDesk()] as const;
    const seconded: string[][] = [];
    desks[1].onSeconded(({ approvers }) => seconded.push(approvers.map(({ by }) => by)));
    const { id } = await desks[0].open(byTwo);
    expect(await desks[0].settle(id, yes('cli anna'))).toMatchObject({
      outcome: 'noted',
      settlement: undefined,
      stillNeeded: 1,
    });
    await expect.poll(() => seconded, { timeout: TOLD_WITHIN_MS }).toEqual([['cli anna']]);
    expect(await desks[1].list('open', 10)).toHaveLength(1);
    expect(await desks[1].settle(id, yes('link Ben'))).toMatchObject({
      outcome: 'first',
      settlement: { state: 'approved', by: 'link Ben' },
      approvers: [{ by: 'cli anna' }, { by: 'link Ben' }],
      stillNeeded: 0,
    });
    expect(await desks[1].list('open', 10)).toEqual([]);
  });

  test('one person counts once, whichever way he comes and however often', async () => {
    const desk = newDesk();
    const { id } = await desk.open(byTwo);
    await desk.settle(id, yes('cli anna'));
    for (const by of ['cli anna', 'link Anna', 'web ANNA']) {
      expect(await desk.settle(id, yes(by))).toMatchObject({ outcome: 'again', stillNeeded: 1 });
    }
    expect(await stateOf(desk, id)).toBe('open');
  });

  test('one no is enough, also after a yes', async () => {
    const desk = newDesk();
    const { id } = await desk.open(byTwo);
    await desk.settle(id, yes('cli anna'));
    expect(await desk.settle(id, { state: 'refused', by: 'cli ben' })).toMatchObject({ isFirst: true });
    expect(await stateOf(desk, id)).toBe('refused');
  });

  test('of many who say yes at once exactly two count', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const desks = [newDesk(), newDesk()] as const;
      const { id } = await desks[0].open(byTwo);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, at) => desks[at % 2 === 0 ? 0 : 1].settle(id, yes(`cli person ${at % 5}`))),
      );
      const counted = (outcome: string): number => answers.filter((each) => each?.outcome === outcome).length;
      expect([counted('first'), counted('noted')]).toEqual([1, 1]);
      expect((await desks[0].find(id))?.approvers).toHaveLength(2);
    }
  });
});

describe('the clock', () => {
  test('ends an approval that nobody decided, once, and tells who waits', async () => {
    const desk = newDesk();
    const heard = told(desk);
    const approval = await desk.open(wanted(1));
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
    const approval = await gone.open(wanted(5));
    gone.close();
    const other = newDesk();
    await expect.poll(() => stateOf(other, approval.id), { timeout: TOLD_WITHIN_MS }).toBe('expired');
    expect(await other.list('open', 10)).toEqual([]);
  });

  test('leaves one that is not due alone', async () => {
    const desk = newDesk();
    const approval = await desk.open(wanted(60));
    desk.waitFor(approval);
    await sleep(600);
    expect(await stateOf(desk, approval.id)).toBe('open');
  });

  test('ends one that the store has lost at its time, and the open ones are rid of what is not there', async () => {
    const desk = newDesk();
    const heard = told(desk);
    const approval = await desk.open(wanted(1));
    desk.waitFor(approval);
    await admin.del(keys.approval(approval.id));
    await admin.zadd(keys.openApprovals, 1, 'lost-long-ago');
    await expect.poll(() => heard, { timeout: 5000 }).toMatchObject([{ approval: { id: approval.id } }]);
    await sleep(500);
    expect(heard).toHaveLength(1);
    expect(await admin.zscore(keys.openApprovals, 'lost-long-ago')).toBeNull();
  });

  test('an approval that the store has lost while its caller waits is opened again, and can be decided', async () => {
    const desk = newDesk();
    const approval = await desk.open(wanted(60));
    desk.waitFor(approval);
    await admin.flushall();
    await expect.poll(() => stateOf(desk, approval.id), { timeout: 5000 }).toBe('open');
    expect(await desk.list('open', 10)).toHaveLength(1);
    expect(await desk.settle(approval.id, { state: 'approved', by: 'cli anna' })).toMatchObject({ isFirst: true });
  });
});

describe('the list', () => {
  test('of open ones begins with the first to expire, of all with the newest, and is as long as asked', async () => {
    const desk = newDesk();
    const opened: string[] = [];
    for (const seconds of [60, 20, 40]) {
      opened.push((await desk.open(wanted(seconds))).id);
      await sleep(2);
    }
    const [slow, quick, middle] = opened;
    const ids = async (...args: Parameters<ApprovalDesk['list']>) =>
      (await desk.list(...args)).map(({ approval }) => approval.id);
    expect(await ids('open', 10)).toEqual([quick, middle, slow]);
    expect(await ids('open', 1)).toEqual([quick]);
    await desk.settle(quick ?? '', { state: 'withdrawn' });
    expect(await ids('open', 10)).toEqual([middle, slow]);
    expect(await ids('all', 10)).toEqual([middle, quick, slow]);
    expect(await ids('all', 2)).toEqual([middle, quick]);
  });

  test('of another desk shows what one opened, also after that one was started again', async () => {
    const before = newDesk();
    const approval = await before.open(wantedApproval({ destination: '15555550177' }));
    before.close();
    const after = newDesk();
    expect(await after.list('open', 10)).toMatchObject([
      { approval: { id: approval.id, destination: '15555550177' }, settlement: undefined },
    ]);
    const heard = told(after);
    const found = await after.find(approval.id);
    if (found !== undefined) after.waitFor(found.approval);
    await newDesk().settle(approval.id, { state: 'approved', by: 'cli anna' });
    await expect.poll(() => heard.length, { timeout: TOLD_WITHIN_MS }).toBe(1);
  });

  test('is kept for a bounded time', async () => {
    const approval = await newDesk().open(wanted(60));
    expect(await admin.ttl(keys.approval(approval.id))).toBeGreaterThan(29 * 86_400);
    await newDesk().settle(approval.id, { state: 'approved' });
    expect(await admin.ttl(keys.approval(approval.id))).toBeGreaterThan(29 * 86_400);
  });
});

describe('the store is away', () => {
  test('a settlement is an error, nothing is settled by it, and one afterwards is the first', async () => {
    const proxy = await startStallingProxy(store.socketPath);
    const connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log: keptLog().log });
    closers.push(
      () => proxy.stop(),
      () => connection.close(),
    );
    await connection.untilUp(5000);
    const desk = newDesk(systemClock, connection.redis);
    const heard = told(desk);
    const approval = await desk.open(wanted(60));
    proxy.cut();
    await expect(desk.settle(approval.id, { state: 'approved', by: 'cli anna' })).rejects.toThrow();
    await expect(desk.open(wanted(60))).rejects.toThrow();
    expect(heard).toEqual([]);
    expect(await stateOf(newDesk(), approval.id)).toBe('open');
    proxy.mend();
    await connection.untilUp(5000);
    expect(await desk.settle(approval.id, { state: 'refused', by: 'cli anna' })).toMatchObject({ isFirst: true });
  });

  test('a store that takes no more writes is an error as well', async () => {
    const desk = newDesk();
    const approval = await desk.open(wanted(60));
    await admin.config('SET', 'maxmemory', '1');
    try {
      await expect(desk.open(wanted(60))).rejects.toThrow();
      await expect(desk.settle(approval.id, { state: 'approved' })).rejects.toThrow();
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    expect(await stateOf(desk, approval.id)).toBe('open');
  });

  test('an approval that could be written down in part only is an error, and no call waits for it', async () => {
    const desk = newDesk();
    await admin.set(keys.openApprovals, 'none of ours');
    await expect(desk.open(wanted(60))).rejects.toThrow('could not be written down');
  });

  test('what was settled elsewhere meanwhile is told as soon as the store is back', async () => {
    const proxy = await startStallingProxy(store.socketPath);
    const connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log: keptLog().log });
    closers.push(
      () => proxy.stop(),
      () => connection.close(),
    );
    await connection.untilUp(5000);
    const desk = newDesk(systemClock, connection.redis);
    const heard = told(desk);
    const approval = await desk.open(wanted(60));
    desk.waitFor(approval);
    proxy.cut();
    await newDesk().settle(approval.id, { state: 'approved', by: 'cli anna' });
    await sleep(500);
    expect(heard).toEqual([]);
    proxy.mend();
    await expect.poll(() => heard, { timeout: 10_000 }).toMatchObject([{ settlement: { state: 'approved' } }]);
  });
});
