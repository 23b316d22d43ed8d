/**
 * Pacing on a real Redis: calls leave as far apart as the rule says and in the order in which they came, nobody waits too
 * long, whoever hangs up and whenever. That every number equals the reference model's is shown in take-limits.test.ts.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type PackedCharge,
  packLimits,
  type TakenCharge,
  type TakeReply,
  takeLimits,
} from '../../src/redis/limit-scripts.ts';
import { giveBackTaken } from '../support/give-back.ts';
import type { LimitNumbers } from '../support/limit-history.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('pacing');
const { redis, server } = await startEmptyRedis();

const NOW_MS = 1_795_000_000_123;
const KEY = '{t}p';
const PLACES = '{t}f';
interface Pace {
  readonly maxWaitMs: number;
  readonly maxQueue: number;
  readonly burst: number;
}
const limit = (count: number, periodSeconds: number): LimitNumbers => ({ count, periodSeconds });
const paced = (
  counting: 'bucket' | 'rolling',
  limits: readonly LimitNumbers[],
  pace: Pace,
  demand: 'paced' | 'paced-shadow' = 'paced',
): PackedCharge => packLimits(demand, KEY, limits, counting, { ...pace, placesKey: PLACES });
const TWENTY: Pace = { maxWaitMs: 5000, maxQueue: 100, burst: 1 };
const twenty = paced('bucket', [limit(20, 1)], TWENTY);

let lastCall = 0;
const newCall = (): string => `{t}c${++lastCall}`;
type Answer = Extract<TakeReply, { status: 'taken' | 'refused' }>;
async function take(charges: readonly PackedCharge[], nowMs?: number, callKey = newCall()): Promise<Answer> {
  const reply = await takeLimits(redis, { callKey, charges, nowMs, deadlineMs: 0, recordSeconds: 20 });
  if (reply.status === 'late') throw new Error('no deadline was given');
  return reply;
}
const leavesOf = ({ charges: [first] }: Answer): number => first?.leavesAtMs ?? Number.NaN;
/** Asks for one charge, and says when the call leaves; undefined where it is refused. */
async function leave(charge: PackedCharge, nowMs: number, callKey = newCall()): Promise<number | undefined> {
  const reply = await take([charge], nowMs, callKey);
  return reply.status === 'taken' ? leavesOf(reply) : undefined;
}
async function giveBack(
  callKey: string,
  packed: PackedCharge,
  taken: TakenCharge | undefined,
  needsRecord = true,
): Promise<number> {
  if (taken === undefined) return 0;
  return await giveBackTaken(redis, { callKey, charges: [{ packed, taken }], needsRecord });
}

interface Call {
  readonly callKey: string;
  readonly cameMs: number;
  readonly leavesMs: number;
  readonly taken: TakenCharge;
  /** When it was given back. */
  returnedMs?: number;
}

interface Played {
  readonly calls: readonly Call[];
  readonly refused: number;
  readonly waited: number;
  /** Calls that got a place that another one had given back. */
  readonly inFreedPlace: number;
}

const event = fc.record({
  /** Since the event before. */
  afterMs: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.nat(60) },
    { weight: 2, arbitrary: fc.nat(1500) },
  ),
  /** Which call hangs up; negative: a new one comes. */
  hangsUp: fc.integer({ min: -12, max: 8 }),
  /** Whether the record of a call that was given back still has to be there. */
  needsRecord: fc.boolean(),
});
const events = fc.array(event, { minLength: 60, maxLength: 120, size: 'max' });

/** Plays a history in which calls hang up while they wait and after they have left. Checks what holds after every event. */
async function play(
  charge: PackedCharge,
  { maxWaitMs, maxQueue }: Pace,
  history: readonly (typeof event extends fc.Arbitrary<infer E> ? E : never)[],
): Promise<Played> {
  await redis.flushall();
  const calls: Call[] = [];
  let [nowMs, refused, inFreedPlace] = [NOW_MS, 0, 0];
  for (const { afterMs, hangsUp, needsRecord } of history) {
    nowMs += afterMs;
    if (hangsUp >= 0) {
      const one = calls.at(-1 - hangsUp);
      if (one === undefined || one.returnedMs !== undefined) continue;
      one.returnedMs = nowMs;
      expect(await giveBack(one.callKey, charge, one.taken, needsRecord)).toBe(1);
      continue;
    }
    const callKey = newCall();
    const reply = await take([charge], nowMs, callKey);
    const [taken] = reply.charges;
    if (taken === undefined) throw new Error('one charge was asked');
    if (reply.status === 'refused') {
      refused += 1;
      continue;
    }
    const leavesMs = taken.leavesAtMs;
    expect(leavesMs).toBeGreaterThanOrEqual(nowMs);
    expect(leavesMs - nowMs).toBeLessThanOrEqual(maxWaitMs);
    const before = calls.filter(({ returnedMs }) => returnedMs === undefined);
    const overtaken = before.some((other) => other.leavesMs > leavesMs);
    const wasFreed = calls.some((other) => other.returnedMs !== undefined && other.leavesMs === leavesMs);
    if (overtaken) expect(wasFreed, 'who overtakes has a place that was given back').toBe(true);
    if (taken.state === 'later' && taken.before.join() === taken.after.join()) inFreedPlace += 1;
    calls.push({ callKey, cameMs: nowMs, leavesMs, taken });
    const waiting = [...before, ...calls.slice(-1)].filter((each) => each.leavesMs > nowMs).length;
    expect(waiting).toBeLessThanOrEqual(maxQueue);
  }
  const waited = calls.filter(({ cameMs, leavesMs }) => leavesMs > cameMs).length;
  return { calls, refused, waited, inFreedPlace };
}

/** Times at which calls left, or will, that were not given back; in order. */
const departures = ({ calls }: Played): number[] =>
  calls
    .filter(({ returnedMs }) => returnedMs === undefined)
    .map(({ leavesMs }) => leavesMs)
    .toSorted((one, other) => one - other);

const gapsIn = (times: readonly number[]): number[] => times.slice(1).map((time, at) => time - (times[at] ?? 0));
/** The most of these moments that lie in one half-open window of that length, wherever it begins. */
const mostWithin = (times: readonly number[], lengthMs: number): number =>
  Math.max(0, ...times.map((from) => times.filter((time) => time >= from && time < from + lengthMs).length));

test('with a burst of 1 no two calls leave nearer to each other than the rule says, whoever hangs up and whenever', async () => {
  let [waited, inFreedPlace, returned] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(20, 7, 3), fc.constantFrom(1000, 5000), events, async (count, maxWaitMs, some) => {
      const pace = { ...TWENTY, maxWaitMs };
      const played = await play(paced('bucket', [limit(count, 1)], pace), pace, some);
      const gapMs = Math.floor(1000 / count);
      for (const each of gapsIn(departures(played))) expect(each).toBeGreaterThanOrEqual(gapMs);
      waited += played.waited;
      inFreedPlace += played.inFreedPlace;
      returned += played.calls.length - departures(played).length;
    }),
    { seed, numRuns: 150 },
  );
  console.log(`pacing: ${waited} waited, ${returned} gave back, ${inFreedPlace} in places given back`);
  for (const happened of [waited, inFreedPlace, returned]) expect(happened).toBeGreaterThan(300);
});

const somePace = fc.record({
  maxWaitMs: fc.constantFrom(500, 3000, 20_000),
  maxQueue: fc.constantFrom(1, 3, 10, 60),
  burst: fc.constantFrom(0, 1, 3),
});
const someLimits = fc.constantFrom(
  [limit(2, 1)],
  [limit(5, 1)],
  [limit(20, 1)],
  [limit(3, 1), limit(12, 10)],
  [limit(4, 2), limit(9, 10), limit(30, 60)],
);

describe.each(['bucket', 'rolling'] as const)('counted in a %s', (counting) => {
  test('calls leave in the order in which they came, nobody waits too long, and no queue is too long', async () => {
    let [waited, refused, overtook] = [0, 0, 0];
    await fc.assert(
      fc.asyncProperty(someLimits, somePace, events, async (limits, pace, some) => {
        const played = await play(paced(counting, limits, pace), pace, some);
        const left = departures(played);
        for (const [at, { count, periodSeconds }] of limits.entries()) {
          const burst = at === 0 && pace.burst > 0 ? Math.min(pace.burst, count) : count;
          const most = counting === 'rolling' ? count : burst + count - 1;
          expect(mostWithin(left, periodSeconds * 1000)).toBeLessThanOrEqual(most);
        }
        waited += played.waited;
        refused += played.refused;
        overtook += played.inFreedPlace;
      }),
      { seed, numRuns: 200 },
    );
    console.log(`pacing, ${counting}: ${waited} waited, ${refused} refused, ${overtook} in places given back`);
    expect(Math.min(waited, refused)).toBeGreaterThan(500);
    if (counting === 'bucket') expect(overtook).toBeGreaterThan(100);
  });

  test('a call that another charge refuses takes no place and no token', async () => {
    const charge = paced(counting, [limit(2, 1)], { maxWaitMs: 3000, maxQueue: 3, burst: 0 });
    const other = packLimits('required', '{t}other', [limit(4, 3600)]);
    for (let call = 0; call < 4; call++) expect((await take([charge, other], NOW_MS)).status).toBe('taken');
    const state = async () => Promise.all([KEY, PLACES, '{t}other'].map((key) => redis.getBuffer(key)));
    const before = await state();
    const refused = await take([charge, other], NOW_MS);
    expect(refused).toMatchObject({ status: 'refused', charges: [{}, { state: 'lacking' }] });
    expect(await state()).toEqual(before);
    expect((await take([charge], NOW_MS)).charges[0]?.state).toBe('later');
  });

  test('a shadow charge without a place lets the call go, takes nothing, and gives nothing back', async () => {
    for (const maxWaitMs of [10, 60]) {
      await redis.flushall();
      const charge = paced(counting, [limit(20, 1)], { maxWaitMs, maxQueue: 1, burst: 1 }, 'paced-shadow');
      for (let call = 0; call < 20; call++) await take([charge], NOW_MS - 20);
      const before = await redis.getBuffer(KEY);
      const lacking = await take([charge], NOW_MS, '{t}lacking');
      expect(lacking).toMatchObject({ status: 'taken', charges: [{ state: 'lacking', leavesAtMs: 0 }] });
      expect(await redis.getBuffer(KEY)).toEqual(before);
      expect(await giveBack('{t}lacking', charge, lacking.charges[0])).toBe(1);
      expect(await redis.getBuffer(KEY)).toEqual(before);
      expect(await redis.exists(PLACES)).toBe(0);
    }
  });

  test('a call that asks again is counted once and takes no second place', async () => {
    const charge = paced(counting, [limit(1, 1)], { maxWaitMs: 5000, maxQueue: 10, burst: 1 });
    await take([charge], NOW_MS);
    expect(await leave(charge, NOW_MS, '{t}same')).toBe(NOW_MS + 1000);
    const again = await take([charge], NOW_MS + 3, '{t}same');
    expect(again.charges[0]).toMatchObject({ state: 'counted', leavesAtMs: 0 });
    expect(await leave(charge, NOW_MS + 3)).toBe(NOW_MS + 2000);
  });

  test('what calls wait for lives as long as the last of them waits, and one period more', async () => {
    const charge = paced(counting, [limit(1, 1)], { maxWaitMs: 30_500, maxQueue: 100, burst: 0 });
    for (let call = 0; call < 30; call++) expect((await take([charge])).status).toBe('taken');
    const leftMs = await redis.pttl(KEY);
    expect(leftMs).toBeGreaterThan(31_500);
    expect(leftMs).toBeLessThanOrEqual(34_000);
  });

  test('a wait that was just made longer is remembered for as long', async () => {
    // The same stretch of one period, which has given the key its time to live before.
    const at = 60_000 * Math.ceil(NOW_MS / 60_000);
    await take([packLimits('required', KEY, [limit(9, 60)], counting)], at);
    const charge = paced(counting, [limit(9, 60)], { maxWaitMs: 600_000, maxQueue: 100, burst: 0 });
    await take([charge], at + 1);
    expect(await redis.pttl(KEY)).toBeGreaterThan(660_000);
  });
});

test('20/1s with a burst of 1: the first leaves at once, the next ones 50 ms apart, and a pause gives no burst', async () => {
  const first = await Promise.all([0, 1, 2, 3].map(() => leave(twenty, NOW_MS)));
  expect(first).toEqual([0, 50, 100, 150].map((ms) => NOW_MS + ms));
  expect(await leave(twenty, NOW_MS + 120)).toBe(NOW_MS + 200);
  const later = NOW_MS + 3_600_000;
  expect([await leave(twenty, later), await leave(twenty, later)]).toEqual([later, later + 50]);
});

test('without a burst the whole count leaves at once, and one after the other from then on', async () => {
  const charge = paced('bucket', [limit(3, 1)], { ...TWENTY, burst: 0 });
  const left = [];
  for (let call = 0; call < 6; call++) left.push(await leave(charge, NOW_MS));
  expect(left).toEqual([0, 0, 0, 334, 667, 1000].map((ms) => NOW_MS + ms));
});

test('a rolling window paces: its count at once, and each of the next a period after the one it follows', async () => {
  const charge = paced('rolling', [limit(2, 1)], { ...TWENTY, burst: 0 });
  const left = [];
  for (let call = 0; call < 6; call++) left.push(await leave(charge, NOW_MS + 10 * call));
  expect(left).toEqual([0, 10, 1000, 1010, 2000, 2010].map((ms) => NOW_MS + ms));
});

test('the queue of a rolling window may be longer than its count, and is bounded all the same', async () => {
  const charge = paced('rolling', [limit(2, 1)], { maxWaitMs: 600_000, maxQueue: 5, burst: 0 });
  const outcomes = [];
  for (let call = 0; call < 9; call++) outcomes.push((await take([charge], NOW_MS)).status);
  expect(outcomes.filter((outcome) => outcome === 'taken')).toHaveLength(7);
  expect(outcomes.slice(7)).toEqual(['refused', 'refused']);
});

test('a whole queue that hangs up leaves those before it in their window', async () => {
  const charge = paced('rolling', [limit(2, 1)], { ...TWENTY, maxQueue: 3, burst: 0 });
  for (let call = 0; call < 2; call++) await take([charge], NOW_MS);
  for (let turn = 0; turn < 3; turn++) {
    const waiting = new Map<string, TakenCharge | undefined>();
    for (const callKey of [newCall(), newCall(), newCall()]) {
      waiting.set(callKey, (await take([charge], NOW_MS, callKey)).charges[0]);
    }
    for (const [callKey, taken] of waiting) expect(await giveBack(callKey, charge, taken)).toBe(1);
  }
  expect(await leave(charge, NOW_MS + 20)).toBe(NOW_MS + 1000);
});

test('a place given back goes to the next that would wait, the earliest first, and is lost once its time is past', async () => {
  const waiting: { readonly callKey: string; readonly reply: Answer }[] = [];
  for (let call = 0; call < 5; call++) {
    const callKey = newCall();
    waiting.push({ callKey, reply: await take([twenty], NOW_MS, callKey) });
  }
  for (const at of [3, 1, 2]) {
    const one = waiting[at];
    if (one !== undefined) expect(await giveBack(one.callKey, twenty, one.reply.charges[0])).toBe(1);
  }
  expect(await redis.strlen(PLACES)).toBe(18);
  const [placesMs, bucket] = [await redis.pttl(PLACES), await redis.getBuffer(KEY)];
  expect(placesMs).toBeGreaterThan(5000);
  // The place at 50 ms is past by then, the one at 100 ms is not.
  expect(await leave(twenty, NOW_MS + 100)).toBe(NOW_MS + 100);
  expect(await redis.getBuffer(KEY)).toEqual(bucket);
  expect(await redis.pttl(PLACES)).toBeLessThanOrEqual(placesMs);
  expect(await redis.pttl(PLACES)).toBeGreaterThan(0);
  expect(await leave(twenty, NOW_MS + 100)).toBe(NOW_MS + 150);
  expect(await redis.exists(PLACES)).toBe(0);
  expect(await leave(twenty, NOW_MS + 100)).toBe(NOW_MS + 250);
});

test('places of a longer queue are kept for the next thousand calls and no more', async () => {
  const charge = paced('bucket', [limit(20, 1)], { maxWaitMs: 600_000, maxQueue: 1000, burst: 1 });
  await take([charge], NOW_MS);
  const waiting: { readonly callKey: string; readonly taken: TakenCharge | undefined }[] = [];
  for (let call = 0; call < 1000; call++) {
    const callKey = newCall();
    waiting.push({ callKey, taken: (await take([charge], NOW_MS, callKey)).charges[0] });
  }
  for (const { callKey, taken } of waiting) await giveBack(callKey, charge, taken);
  expect(await redis.strlen(PLACES)).toBe(6000);
  // Nobody sees to it that nothing is given back twice here.
  const [first] = waiting;
  await giveBack(first?.callKey ?? '', charge, first?.taken, false);
  expect(await redis.strlen(PLACES)).toBe(6000);
  expect(await leave(charge, NOW_MS)).toBe(NOW_MS + 50);
});

test('a place that a shorter wait does not reach is left to later calls', async () => {
  for (let call = 0; call < 3; call++) await take([twenty], NOW_MS);
  const last = await take([twenty], NOW_MS, '{t}last');
  await giveBack('{t}last', twenty, last.charges[0]);
  const hurried = paced('bucket', [limit(20, 1)], { ...TWENTY, maxWaitMs: 100 });
  expect(await leave(hurried, NOW_MS + 49)).toBeUndefined();
  expect(await leave(hurried, NOW_MS + 50)).toBe(NOW_MS + 150);
});

test('a call that left at once and is given back makes room only for what time has not paid back since', async () => {
  const first = await take([twenty], NOW_MS, '{t}first');
  expect(await leave(twenty, NOW_MS + 50)).toBe(NOW_MS + 50);
  await giveBack('{t}first', twenty, first.charges[0]);
  expect(await leave(twenty, NOW_MS + 60)).toBe(NOW_MS + 100);
  // With nobody after it, all of it comes back.
  const alone = await take([twenty], NOW_MS + 5000, '{t}alone');
  await giveBack('{t}alone', twenty, alone.charges[0]);
  expect(await leave(twenty, NOW_MS + 5001)).toBe(NOW_MS + 5001);
});

test('a change of periods keeps waiting calls counted, so that newcomers stay behind them', async () => {
  for (let call = 0; call < 31; call++) await take([twenty], NOW_MS);
  // More calls wait than the new limit counts.
  const changed = paced('bucket', [limit(25, 2)], TWENTY);
  expect(await leave(changed, NOW_MS)).toBe(NOW_MS + 31 * 80);
});

test('the largest paced limits are exact: the longest wait of the longest queue', async () => {
  const most = 2 ** 52 / (366 * 86_400_000);
  const pace = { maxWaitMs: 600_000, maxQueue: 1000, burst: 0 };
  const charge = paced('bucket', [limit(Math.floor(most), 366 * 86_400)], pace);
  const [count, cost] = [Math.floor(most), 366 * 86_400_000];
  const value = Buffer.alloc(17);
  value.writeUIntLE(NOW_MS, 0, 6);
  value.writeBigUInt64LE(BigInt(count) * BigInt(cost) + 123_456_789n, 6);
  value.writeUInt32LE(366 * 86_400, 13);
  await redis.set(KEY, value);
  const over = 123_456_789n + BigInt(cost);
  const waitMs = (over + BigInt(count) - 1n) / BigInt(count);
  expect(await leave(charge, NOW_MS)).toBe(NOW_MS + Number(waitMs));
  expect((await redis.getBuffer(KEY))?.readBigUInt64LE(6)).toBe(
    // The lowest byte of the period stands behind the seven of the debt.
    BigInt(count) * BigInt(cost) + over + (BigInt((366 * 86_400) & 0xff) << 56n),
  );
});

test('200 calls at once over two connections leave at 200 times, 50 ms apart', async () => {
  const pace = { maxWaitMs: 60_000, maxQueue: 1000, burst: 1 };
  const charge = paced('bucket', [limit(20, 1)], pace);
  const connections = [server.client(), server.client()];
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, call) =>
      takeLimits(connections[call % 2] ?? redis, {
        callKey: newCall(),
        charges: [charge],
        deadlineMs: 0,
        recordSeconds: 20,
      }),
    ),
  );
  const leaves = replies.map((reply) => (reply.status === 'taken' ? leavesOf(reply) : Number.NaN));
  const times = leaves.toSorted((one, other) => one - other);
  for (const gapMs of gapsIn(times)) expect(gapMs).toBeGreaterThanOrEqual(50);
  // No place is left out while calls wait: the queue is as long as the calls need.
  const cameWithinMs = Math.max(...replies.map(({ nowMs }) => nowMs)) - Math.min(...replies.map(({ nowMs }) => nowMs));
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThanOrEqual(199 * 50 + cameWithinMs);
});
