/**
 * Rolling windows on a real Redis: never more than N calls in any period, at any instant, whatever is tried; and what is
 * written for it. That every number equals the reference model's is shown in take-limits.test.ts.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type PackedCharge, packLimits, type TakeReply, takeLimits } from '../../src/redis/limit-scripts.ts';
import { giveBackTaken } from '../support/give-back.ts';
import type { LimitNumbers } from '../support/limit-history.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('rolling-windows');
const { redis } = await startEmptyRedis();

const DAY_MS = 86_400_000;
const NOW_MS = 1_795_000_000_123;
const perDays = (count: number, days: number): LimitNumbers => ({ count, periodSeconds: days * 86_400 });
const perSeconds = (count: number, periodSeconds: number): LimitNumbers => ({ count, periodSeconds });
const KEY = '{t}w';
const rolling = (
  limits: readonly LimitNumbers[],
  demand: 'required' | 'lenient' | 'shadow' = 'required',
  bucketKey = KEY,
): PackedCharge => packLimits(demand, bucketKey, limits, 'rolling');
const bucket = (limits: readonly LimitNumbers[], bucketKey = '{t}b'): PackedCharge =>
  packLimits('required', bucketKey, limits);

let lastCall = 0;
type Answer = Extract<TakeReply, { status: 'taken' | 'refused' }>;
async function ask(
  charges: readonly PackedCharge[],
  nowMs: number | undefined,
  options: { readonly callKey: string; readonly recordSeconds: number },
): Promise<Answer> {
  const reply = await takeLimits(redis, { charges, nowMs, deadlineMs: 0, ...options });
  if (reply.status === 'late') throw new Error('no deadline was given');
  return reply;
}
const take = (charges: readonly PackedCharge[], nowMs?: number, callKey = `{t}c${++lastCall}`): Promise<Answer> =>
  ask(charges, nowMs, { callKey, recordSeconds: 20 });
const peek = (charges: readonly PackedCharge[], nowMs?: number): Promise<Answer> =>
  ask(charges, nowMs, { callKey: '{t}peek', recordSeconds: 0 });

async function timesIn(key: string): Promise<number[]> {
  const bytes = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
  return Array.from({ length: bytes.length / 6 }, (_, at) => bytes.readUIntLE(6 * at, 6));
}

/** The most of these moments that lie in one half-open window of that length, wherever it begins. */
function mostWithin(times: readonly number[], lengthMs: number): number {
  const sorted = times.toSorted((one, other) => one - other);
  return Math.max(0, ...sorted.map((from) => sorted.filter((time) => time >= from && time < from + lengthMs).length));
}

test('7/7d lets through no eighth call within any 7 days of simulated months, and none of the seven is lost', async () => {
  const seven = [rolling([perDays(7, 7)])];
  // Bursts, steady calls and long silences; many land on the very millisecond at which a call leaves the window.
  const gap = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 2000 }) },
    { weight: 4, arbitrary: fc.integer({ min: 0, max: DAY_MS }) },
    { weight: 2, arbitrary: fc.constantFrom(DAY_MS, 7 * DAY_MS - 1, 7 * DAY_MS, 7 * DAY_MS + 1) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 20 * DAY_MS }) },
    { weight: 3, arbitrary: fc.constantFrom('until there is room', 'until just before') },
  );
  let [went, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(gap, { minLength: 150, maxLength: 250, size: 'max' }), async (gaps) => {
      await redis.flushall();
      const times: number[] = [];
      let nowMs = NOW_MS;
      for (const each of gaps) {
        if (typeof each === 'number') nowMs += each;
        else {
          const [roomAtMs = 0] = (await peek(seven, nowMs)).charges[0]?.rolling?.roomAtMs ?? [];
          nowMs = Math.max(nowMs, roomAtMs - (each === 'until there is room' ? 0 : 1));
        }
        const inside = times.filter((time) => nowMs - time < 7 * DAY_MS).length;
        const reply = await take(seven, nowMs);
        expect(reply.status).toBe(inside < 7 ? 'taken' : 'refused');
        if (reply.status === 'taken') times.push(nowMs);
        else refused += 1;
      }
      went += times.length;
      expect(mostWithin(times, 7 * DAY_MS)).toBeLessThanOrEqual(7);
      expect(nowMs - NOW_MS).toBeGreaterThan(60 * DAY_MS);
    }),
    { seed, numRuns: 20 },
  );
  console.log(`rolling-windows: ${went} went, ${refused} refused`);
  expect(Math.min(went, refused)).toBeGreaterThan(300);
});

test('several windows of one rule hold at once, beside a bucket, and what one of them refuses is written nowhere', async () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 9000 }), { minLength: 60, maxLength: 100, size: 'max' });
  await fc.assert(
    fc.asyncProperty(gaps, async (some) => {
      await redis.flushall();
      const charges = [rolling([perSeconds(2, 10), perSeconds(5, 60)]), bucket([perSeconds(3, 20)])];
      const times: number[] = [];
      let nowMs = NOW_MS;
      for (const gapMs of some) {
        nowMs += gapMs;
        const [ring, level] = [await timesIn(KEY), await redis.getBuffer('{t}b')];
        if ((await take(charges, nowMs)).status === 'taken') times.push(nowMs);
        else expect([await timesIn(KEY), await redis.getBuffer('{t}b')]).toEqual([ring, level]);
      }
      expect(mostWithin(times, 10_000)).toBeLessThanOrEqual(2);
      expect(mostWithin(times, 60_000)).toBeLessThanOrEqual(5);
      expect(await timesIn(KEY)).toEqual(times.slice(-5));
    }),
    { seed, numRuns: 30 },
  );
});

test('a refused call that waits as long as it was told has room, and not a millisecond earlier', async () => {
  const charge = [rolling([perSeconds(3, 10), perSeconds(5, 60)])];
  const gaps = fc.array(fc.nat(6000), { minLength: 6, maxLength: 12 });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(gaps, async (some) => {
      await redis.flushall();
      let nowMs = NOW_MS;
      let reply = await take(charge, nowMs);
      for (const gapMs of some) {
        nowMs += gapMs;
        reply = await take(charge, nowMs);
      }
      if (reply.status !== 'refused') return;
      refused += 1;
      const roomAtMs = Math.max(...(reply.charges[0]?.rolling?.roomAtMs ?? []));
      expect((await take(charge, roomAtMs - 1)).status).toBe('refused');
      expect((await take(charge, roomAtMs)).status).toBe('taken');
    }),
    { seed, numRuns: 200 },
  );
  expect(refused).toBeGreaterThan(30);
});

test('a ring lives one period of its longest limit after its last write, and a missing one is an empty one', async () => {
  await take([rolling([perSeconds(3, 10), perSeconds(5, 60)])]);
  const leftMs = await redis.pttl(KEY);
  expect(leftMs).toBeGreaterThan(60_000);
  expect(leftMs).toBeLessThanOrEqual(61_000);
  await redis.pexpire(KEY, 5000);
  await take([rolling([perSeconds(3, 10), perSeconds(5, 60)])]);
  expect(await redis.pttl(KEY)).toBeGreaterThan(60_000);
});

test('a change of limits keeps the calls that are remembered, up or down, and a lower limit counts at once', async () => {
  for (let call = 0; call < 5; call++) await take([rolling([perSeconds(5, 60)])], NOW_MS + 1000 * call);
  const at = NOW_MS + 10_000;
  const lowered = await peek([rolling([perSeconds(3, 60)])], at);
  expect(lowered).toMatchObject({ status: 'refused', charges: [{ before: [5] }] });
  // Room when the third newest leaves: only then are fewer than three in the window.
  expect(lowered.charges[0]?.rolling?.roomAtMs).toEqual([NOW_MS + 2000 + 60_000]);
  const raised = rolling([perSeconds(2, 1), perSeconds(7, 600)]);
  expect((await peek([raised], at)).charges[0]?.before).toEqual([0, 5]);
  expect((await take([raised], at)).status).toBe('taken');
  expect((await take([raised], at + 1)).status).toBe('taken');
  expect((await take([raised], at + 3000)).status).toBe('refused');
  expect(await timesIn(KEY)).toHaveLength(7);
});

test('calls that a clock set back leaves in the future count as made now, and hold others up for one period at most', async () => {
  const charge = [rolling([perSeconds(2, 60)])];
  await take(charge, NOW_MS - 3_600_000 - 5000);
  await take(charge, NOW_MS);
  const backMs = NOW_MS - 3_600_000;
  // The earlier call is in the past still, and keeps its own time.
  expect(await peek(charge, backMs)).toMatchObject({ status: 'refused', charges: [{ before: [2] }] });
  expect(await timesIn(KEY)).toEqual([NOW_MS - 3_605_000, NOW_MS]);
  expect((await take(charge, backMs)).status).toBe('refused');
  expect(await timesIn(KEY)).toEqual([NOW_MS - 3_605_000, backMs]);
  expect(await redis.pttl(KEY)).toBeGreaterThan(60_000);
  expect((await take(charge, backMs + 54_999)).status).toBe('refused');
  expect((await take(charge, backMs + 55_000)).status).toBe('taken');
  expect((await take(charge, backMs + 59_999)).status).toBe('refused');
  expect((await take(charge, backMs + 60_000)).status).toBe('taken');
});

test('a lenient charge goes into the window even without room, and a shadow charge does not', async () => {
  const limits = [perSeconds(2, 60)];
  for (let call = 0; call < 4; call++) {
    const reply = await take([rolling(limits, 'lenient', '{t}l'), rolling(limits, 'shadow', '{t}s')], NOW_MS + call);
    expect(reply.status).toBe('taken');
    expect(reply.charges.map(({ state }) => state)).toEqual(call < 2 ? ['room', 'room'] : ['lacking', 'lacking']);
  }
  expect(await timesIn('{t}l')).toEqual([NOW_MS + 2, NOW_MS + 3]);
  expect(await timesIn('{t}s')).toEqual([NOW_MS, NOW_MS + 1]);
});

test('giving back takes the one call out of its window, once, and nothing where nothing was written', async () => {
  const charge = rolling([perSeconds(3, 60)]);
  const shadow = rolling([perSeconds(1, 60)], 'shadow', '{t}s');
  await take([charge, shadow], NOW_MS);
  const reply = await take([charge, shadow], NOW_MS, '{t}given');
  await take([charge, shadow], NOW_MS + 7);
  const charges = [charge, shadow].flatMap((packed, at) => {
    const taken = reply.charges[at];
    return taken === undefined ? [] : [{ packed, taken }];
  });
  await redis.pexpire(KEY, 5000);
  expect(await giveBackTaken(redis, { callKey: '{t}given', charges })).toBe(2);
  expect(await timesIn(KEY)).toEqual([NOW_MS, NOW_MS + 7]);
  // Of the same millisecond, but of another call: this one had no room in it.
  expect(await timesIn('{t}s')).toEqual([NOW_MS]);
  expect(await redis.pttl(KEY)).toBeLessThanOrEqual(5000);
  expect(await redis.pttl(KEY)).toBeGreaterThan(0);
  expect(await giveBackTaken(redis, { callKey: '{t}given', charges })).toBe(0);
  expect(await timesIn(KEY)).toEqual([NOW_MS, NOW_MS + 7]);
});

test('giving back the only call leaves no key behind, and a call that a clock set back has moved stays', async () => {
  const charge = rolling([perSeconds(2, 60)]);
  const only = await take([charge], NOW_MS, '{t}only');
  const giveBack = (callKey: string, { charges: [taken] }: Answer): Promise<number> =>
    giveBackTaken(redis, { callKey, charges: taken === undefined ? [] : [{ packed: charge, taken }] });
  await giveBack('{t}only', only);
  expect(await redis.exists(KEY)).toBe(0);
  const moved = await take([charge], NOW_MS, '{t}moved');
  await take([charge], NOW_MS - 5000);
  await giveBack('{t}moved', moved);
  expect(await timesIn(KEY)).toEqual([NOW_MS - 5000, NOW_MS - 5000]);
});

test('giving back leaves alone what is no ring, and does not write a ring again in which nothing changed', async () => {
  const given = async (packed: PackedCharge, callKey: string, reply: Answer): Promise<number> =>
    giveBackTaken(redis, { callKey, charges: reply.charges.map((taken) => ({ packed, taken })) });
  const changes = async (): Promise<number> =>
    Number(/rdb_changes_since_last_save:(\d+)/.exec(await redis.info('persistence'))?.[1]);
  const charge = rolling([perSeconds(2, 60)]);
  const reply = await take([charge], NOW_MS, '{t}foreign');
  const foreign = Buffer.concat([(await redis.getBuffer(KEY)) ?? Buffer.alloc(0), Buffer.from('x')]);
  await redis.set(KEY, foreign);
  await given(charge, '{t}foreign', reply);
  expect(await redis.getBuffer(KEY)).toEqual(foreign);
  const shadow = rolling([perSeconds(1, 60)], 'shadow', '{t}s');
  await take([shadow], NOW_MS);
  const lacking = await take([shadow], NOW_MS, '{t}lacking');
  const before = await changes();
  await given(shadow, '{t}lacking', lacking);
  // The record of the call, and nothing else.
  expect((await changes()) - before).toBe(1);
});

test('the same call pays a rolling window once, however often it asks', async () => {
  const charge = [rolling([perSeconds(2, 60)]), bucket([perSeconds(5, 60)])];
  for (let turn = 0; turn < 5; turn++) {
    const { status, charges } = await take(charge, NOW_MS + turn, '{t}same');
    expect(status).toBe('taken');
    expect(charges[0]?.state).toBe(turn === 0 ? 'room' : 'counted');
  }
  expect(await timesIn(KEY)).toEqual([NOW_MS]);
});

test('a late request writes nothing into a window', async () => {
  const charges = [rolling([perSeconds(2, 60)])];
  const options = { callKey: '{t}late', charges, nowMs: NOW_MS, deadlineMs: NOW_MS - 1, recordSeconds: 20 };
  expect(await takeLimits(redis, options)).toEqual({ status: 'late', nowMs: NOW_MS });
  expect(await redis.dbsize()).toBe(0);
});

test('the largest window is exact to the last of its thousand calls and holds no more', async () => {
  const charge = [rolling([perDays(1000, 30)])];
  for (let call = 0; call < 1000; call++) expect((await take(charge, NOW_MS + call)).status).toBe('taken');
  const closed = await take(charge, NOW_MS + 30 * DAY_MS - 1);
  expect(closed).toMatchObject({ status: 'refused', charges: [{ before: [1000] }] });
  expect(closed.charges[0]?.rolling?.roomAtMs).toEqual([NOW_MS + 30 * DAY_MS]);
  expect((await take(charge, NOW_MS + 30 * DAY_MS)).status).toBe('taken');
  expect(await redis.strlen(KEY)).toBe(6000);
  expect((await timesIn(KEY))[0]).toBe(NOW_MS + 1);
});

test('bytes that are no ring count as an empty one and are replaced', async () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(7, 1), Buffer.alloc(17, 7)]) {
    await redis.set(KEY, bytes);
    expect(await take([rolling([perSeconds(2, 60)])], NOW_MS)).toMatchObject({
      status: 'taken',
      charges: [{ before: [0] }],
    });
    expect(await timesIn(KEY)).toEqual([NOW_MS]);
  }
});
