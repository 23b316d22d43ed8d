/**
 * What the limit scripts write, and when they write nothing. `SEED=… npx vitest run --project property` repeats a run.
 */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasRoom, roomAfterMs } from '../../src/policy/token-bucket.ts';
import { type PackedCharge, packLimits, takeLimits } from '../../src/redis/limit-scripts.ts';
import { createCallsModel } from '../model/calls.ts';
import { giveBackTaken } from '../support/give-back.ts';
import { limits, plan } from '../support/limit-arbitraries.ts';
import { type LimitNumbers, packVersion } from '../support/limit-history.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('limit-writes');
const { redis } = await startEmptyRedis();

const newPrefix = (): string => `w${randomBytes(8).toString('hex')}:{t}`;
const charge = (
  bucketKey: string,
  some: readonly LimitNumbers[],
  demand: 'required' | 'lenient' | 'shadow' = 'required',
): PackedCharge => packLimits(demand, bucketKey, some);
const NOW_MS = 1_795_000_000_123;
const take = (callKey: string, charges: readonly PackedCharge[], nowMs?: number, deadlineMs = 0) =>
  takeLimits(redis, { callKey, charges, nowMs, deadlineMs, recordSeconds: 20 });
const peek = (callKey: string, charges: readonly PackedCharge[], nowMs?: number) =>
  takeLimits(redis, { callKey, charges, nowMs, deadlineMs: 0, recordSeconds: 0 });
const numbers = (count: number, periodSeconds: number): LimitNumbers => ({ count, periodSeconds });

/** Every key with its bytes and the moment it expires. */
async function everything(): Promise<unknown> {
  const keys = (await redis.keys('*')).sort();
  return Promise.all(
    keys.map(async (key) => [key, (await redis.dumpBuffer(key))?.toString('hex'), await redis.pexpiretime(key)]),
  );
}

const someCalls = fc.array(
  fc.record({ afterMs: fc.nat(400), demandMore: fc.boolean(), givesBack: fc.constantFrom(false, false, true) }),
  { maxLength: 10 },
);
const world = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 4 }),
  calls: someCalls,
  holds: fc.constantFrom(false, false, true),
});

function timeBytes(ms: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntLE(ms, 0, 6);
  return bytes;
}

/** Charges of all kinds that some calls have used, some of which gave back what they had; the clock only goes forward. */
async function used(chosen: typeof world extends fc.Arbitrary<infer World> ? World : never): Promise<{
  readonly prefix: string;
  readonly nowMs: number;
  readonly charges: readonly PackedCharge[];
}> {
  await redis.flushall();
  const prefix = newPrefix();
  const charges = chosen.plans.flatMap(({ kind, versions: [first] }, at) =>
    first === undefined ? [] : [packVersion(kind, first, `${prefix}:b:${at}`)],
  );
  let nowMs = NOW_MS;
  for (const { kind, key } of charges) {
    if (kind === 'hold' && chosen.holds) await redis.set(key, timeBytes(nowMs), 'EX', 61);
  }
  for (const [index, { afterMs, demandMore, givesBack }] of chosen.calls.entries()) {
    nowMs += afterMs;
    const [callKey, asked] = [`${prefix}:c:${index}`, demandMore ? charges : charges.slice(0, 1)];
    const reply = await take(callKey, asked, nowMs);
    if (!givesBack || reply.status !== 'taken') continue;
    const given = asked.flatMap((packed, at) => {
      const taken = reply.charges[at];
      return taken === undefined ? [] : [{ packed, taken }];
    });
    await giveBackTaken(redis, { callKey, charges: given });
  }
  return { prefix, nowMs, charges };
}

test('a peek changes no byte and renews no time to live', async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.integer({ min: -5000, max: 100_000 }), async (chosen, laterMs) => {
      const { prefix, nowMs, charges } = await used(chosen);
      const before = await everything();
      await peek(`${prefix}:c:0`, charges, nowMs + laterMs);
      await peek(`${prefix}:c:new`, charges, nowMs + laterMs);
      expect(await everything()).toEqual(before);
    }),
    { seed, numRuns: 400 },
  );
});

test('a peek says what the call that follows it gets', async () => {
  await fc.assert(
    fc.asyncProperty(world, fc.integer({ min: -5000, max: 5000 }), async (chosen, laterMs) => {
      const { prefix, nowMs, charges } = await used(chosen);
      const said = await peek(`${prefix}:c:new`, charges, nowMs + laterMs);
      expect(await take(`${prefix}:c:new`, charges, nowMs + laterMs)).toEqual(said);
    }),
    { seed, numRuns: 400 },
  );
});

test('a refused call and a late call change no byte and renew no time to live', async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(world, fc.nat(3000), async (chosen, laterMs) => {
      const { prefix, nowMs, charges } = await used(chosen);
      const at = nowMs + laterMs;
      const before = await everything();
      expect(await take(`${prefix}:c:late`, charges, at, at - 1)).toEqual({ status: 'late', nowMs: at });
      expect(await everything()).toEqual(before);
      const reply = await take(`${prefix}:c:new`, charges, at, at);
      if (reply.status !== 'refused') return;
      refused += 1;
      expect(await everything()).toEqual(before);
    }),
    { seed, numRuns: 400 },
  );
  expect(refused).toBeGreaterThan(40);
});

test('every key that is written expires, and a bucket only after one whole period of its longest limit', async () => {
  await fc.assert(
    fc.asyncProperty(limits(fc.integer({ min: 1, max: 100 })), async (some) => {
      await redis.flushall();
      const longest = some.at(-1)?.periodSeconds ?? 0;
      // The server's own time: what is left is compared with real milliseconds.
      for (const call of [1, 2, 3]) await take(`{t}c${call}`, [charge('{t}b', some, 'lenient')]);
      const [bucketMs, callMs] = await Promise.all([redis.pttl('{t}b'), redis.pttl('{t}c1')]);
      expect(bucketMs).toBeGreaterThan(longest * 1000);
      expect(bucketMs).toBeLessThanOrEqual((2 * longest + 1) * 1000);
      expect(callMs).toBeGreaterThan(19_000);
      expect(callMs).toBeLessThanOrEqual(20_000);
    }),
    { seed, numRuns: 100 },
  );
});

test('the time to live is renewed by the first write in each stretch of one period, and by no other', async () => {
  await redis.flushall();
  const bucket = [charge('{t}b', [numbers(50, 1), numbers(50, 10)])];
  const stretchBeginsMs = 10_000 * Math.ceil(NOW_MS / 10_000);
  const renewedAt = async (call: string, nowMs: number): Promise<boolean> => {
    await redis.pexpire('{t}b', 11_000);
    await take(call, bucket, nowMs);
    const left = await redis.pttl('{t}b');
    if (left <= 11_000) return false;
    // Two periods and one second for the moment between the server's reading of the command and of its clock.
    expect(Math.ceil(left / 1000)).toBe(21);
    return true;
  };
  expect(await renewedAt('{t}1', stretchBeginsMs)).toBe(true);
  expect(await renewedAt('{t}2', stretchBeginsMs + 9999)).toBe(false);
  expect(await renewedAt('{t}3', stretchBeginsMs + 10_000)).toBe(true);
  expect(await renewedAt('{t}4', stretchBeginsMs + 10_001)).toBe(false);
  expect(await renewedAt('{t}5', stretchBeginsMs + 9_000)).toBe(true);
});

test('a bucket in steady use never comes closer to its end than one period', async () => {
  await redis.flushall();
  const bucket = charge('{t}steady', [numbers(1000, 1)]);
  const untilMs = performance.now() + 4500;
  for (let call = 0; performance.now() < untilMs; call++) {
    await take(`{t}s${call}`, [bucket]);
    expect(await redis.pttl('{t}steady')).toBeGreaterThan(1000);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('giving back renews no time to live and leaves an emptied record of a call behind for nobody', async () => {
  await redis.flushall();
  const charges = [charge('{t}one', [numbers(5, 60)]), charge('{t}two', [numbers(5, 60)])];
  const reply = await take('{t}call', charges);
  if (reply.status === 'late') throw new Error('no deadline was given');
  await Promise.all(['{t}one', '{t}call'].map((key) => redis.pexpire(key, 5000)));
  const given = charges.flatMap((packed, at) => {
    const taken = reply.charges[at];
    return taken === undefined ? [] : [{ packed, taken }];
  });
  expect(await giveBackTaken(redis, { callKey: '{t}call', charges: given.slice(0, 1) })).toBe(1);
  for (const key of ['{t}one', '{t}call']) {
    const left = await redis.pttl(key);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThanOrEqual(5000);
  }
  expect(await giveBackTaken(redis, { callKey: '{t}call', charges: given })).toBe(1);
  expect(await redis.exists('{t}call')).toBe(0);
  expect(await giveBackTaken(redis, { callKey: '{t}call', charges: given })).toBe(0);
});

test.each(['c', 'v', 'w'])(
  'a bucket whose count reads like the letter %s of another kind is still a bucket',
  async (letter) => {
    await redis.flushall();
    const bucket = charge('{t}b', [numbers(letter.charCodeAt(0), 60)]);
    const reply = await take('{t}call', [bucket], NOW_MS);
    expect(reply).toMatchObject({ charges: [{ before: [0], after: [60_000] }] });
    const given = reply.status === 'late' ? [] : reply.charges.map((taken) => ({ packed: bucket, taken }));
    expect(await giveBackTaken(redis, { callKey: '{t}call', charges: given })).toBe(1);
    expect(await peek('{t}other', [bucket], NOW_MS)).toMatchObject({ charges: [{ before: [0] }] });
  },
);

test('a peek, a late call, a refused call and giving back what was never paid write nothing at all', async () => {
  await redis.flushall();
  const writes = async (): Promise<string | undefined> =>
    /rdb_changes_since_last_save:(\d+)/.exec(await redis.info('persistence'))?.[1];
  const charges = [charge('{t}one', [numbers(1, 60)]), charge('{t}two', [numbers(5, 60)])];
  const [first, second] = charges;
  if (first === undefined || second === undefined) throw new Error('there are two');
  const reply = await take('{t}call', [first], NOW_MS);
  const taken = reply.status === 'late' ? undefined : reply.charges[0];
  if (taken === undefined) throw new Error('no deadline was given');
  const before = await writes();
  await peek('{t}other', charges, NOW_MS);
  await take('{t}other', charges, NOW_MS, NOW_MS - 1);
  expect((await take('{t}other', charges, NOW_MS)).status).toBe('refused');
  // Asked again, the call has paid already.
  expect((await take('{t}call', [first], NOW_MS)).status).toBe('taken');
  expect(await giveBackTaken(redis, { callKey: '{t}other', charges: [{ packed: first, taken }] })).toBe(0);
  expect(await giveBackTaken(redis, { callKey: '{t}call', charges: [{ packed: second, taken }] })).toBe(0);
  expect(await writes()).toBe(before);
});

test('without a time from the caller the time of the server counts', async () => {
  await redis.flushall();
  const asMs = ([seconds, micros]: readonly (string | number)[]): number =>
    Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  const earliest = asMs(await redis.time());
  const reply = await take('{t}call', [charge('{t}b', [numbers(5, 1)])]);
  expect(reply.nowMs).toBeGreaterThanOrEqual(earliest);
  expect(reply.nowMs).toBeLessThanOrEqual(asMs(await redis.time()));
});

test('a bucket without room goes on from the new time when the clock was set back', async () => {
  await redis.flushall();
  const bucket = [charge('{t}b', [numbers(1, 1)])];
  const hourMs = 3_600_000;
  expect((await take('{t}1', bucket, NOW_MS)).status).toBe('taken');
  expect((await take('{t}2', bucket, NOW_MS - hourMs)).status).toBe('refused');
  expect((await take('{t}3', bucket, NOW_MS - hourMs + 999)).status).toBe('refused');
  expect((await take('{t}4', bucket, NOW_MS - hourMs + 1000)).status).toBe('taken');
});

test('a refused call that waits as long as it was told has room, and not a millisecond earlier', async () => {
  const versions = fc.tuple(limits(fc.integer({ min: 1, max: 8 })), limits(fc.integer({ min: 1, max: 8 })));
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(versions, fc.integer({ min: 1, max: 12 }), fc.nat(400), async ([first, second], calls, gapMs) => {
      await redis.flushall();
      let nowMs = NOW_MS;
      for (let call = 0; call < calls; call++, nowMs += gapMs)
        await take(`{t}${call}`, [charge('{t}b', first, 'lenient')], nowMs);
      // The rule was changed meanwhile; peeks in between change nothing about it.
      const bucket = [charge('{t}b', second)];
      const reply = await take('{t}refused', bucket, nowMs);
      if (reply.status !== 'refused') return;
      refused += 1;
      const debts = reply.charges[0]?.before ?? [];
      const waitMs = Math.max(...second.map((each, at) => roomAfterMs({ ...each, text: '' }, debts[at] ?? 0)));
      expect(second.every((each, at) => hasRoom({ ...each, text: '' }, debts[at] ?? 0))).toBe(false);
      expect((await take('{t}early', bucket, nowMs + waitMs - 1)).status).toBe('refused');
      expect((await take('{t}in time', bucket, nowMs + waitMs)).status).toBe('taken');
    }),
    { seed, numRuns: 300 },
  );
  expect(refused).toBeGreaterThan(50);
});

test('bytes that are no bucket count as a full one and are replaced', async () => {
  const some = [numbers(2, 1), numbers(5, 60)];
  const foreign = [Buffer.alloc(0), Buffer.from('x'), Buffer.alloc(6), Buffer.alloc(16, 7), Buffer.alloc(18, 7)];
  for (const bytes of [...foreign, Buffer.alloc(27, 7), Buffer.alloc(29, 7)]) {
    await redis.flushall();
    await redis.set('{t}b', bytes);
    const reply = await take('{t}call', [charge('{t}b', some)], NOW_MS);
    expect(reply).toMatchObject({ status: 'taken', charges: [{ before: [0, 0], after: [1000, 60_000] }] });
    expect((await peek('{t}other', [charge('{t}b', some)], NOW_MS)).status).toBe('taken');
    expect(await redis.pttl('{t}b')).toBeGreaterThan(60_000);
  }
});

test('levels up to 2^52 are exact to the last unit', async () => {
  const seconds = fc.oneof(fc.integer({ min: 1000, max: 366 * 86_400 }), fc.constantFrom(1049, 86_400, 366 * 86_400));
  const largest = (periodSeconds: number): number =>
    Math.min(2 ** 32 - 1, Math.floor(2 ** 52 / (periodSeconds * 1000)));
  const nearFull = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -2_000_000, max: 0 }));
  await fc.assert(
    fc.asyncProperty(seconds, seconds, nearFull, fc.nat(3), async (period, otherPeriod, off, elapsedMs) => {
      await redis.flushall();
      const model = createCallsModel();
      const count = largest(period);
      const cost = period * 1000;
      const debt = Math.min(count * cost, count * cost - cost + off);
      const limit = { count: BigInt(count), periodMs: BigInt(cost) };
      const value = Buffer.alloc(17);
      value.writeUIntLE(NOW_MS, 0, 6);
      value.writeBigUInt64LE(BigInt(debt), 6);
      value.writeUInt32LE(period, 13);
      await redis.set('{t}b', value);
      model.put('{t}b', { timeMs: BigInt(NOW_MS), limits: [limit], debts: [BigInt(debt)] });
      // The same limit twice, then another one in its place that has to convert what was used.
      for (const [call, periodSeconds] of [period, period, otherPeriod].entries()) {
        const own = { count: largest(periodSeconds), periodSeconds };
        const nowMs = NOW_MS + elapsedMs * call;
        const reply = await take(`{t}${call}`, [charge('{t}b', [own])], nowMs);
        const modelCharge = {
          key: '{t}b',
          kind: 'bucket' as const,
          demand: 'required' as const,
          limits: [{ count: BigInt(own.count), periodMs: BigInt(periodSeconds * 1000) }],
        };
        const expected = model.take(BigInt(nowMs), `{t}${call}`, [modelCharge], { deadlineMs: 0n, recordMs: 20_000n });
        if (reply.status === 'late' || expected.status === 'late') throw new Error('no deadline was given');
        expect(reply.status).toBe(expected.status);
        expect(reply.charges[0]?.before.map(BigInt)).toEqual(expected.charges[0]?.before);
        expect(reply.charges[0]?.after.map(BigInt)).toEqual(expected.charges[0]?.after);
      }
    }),
    { seed, numRuns: 600 },
  );
});
