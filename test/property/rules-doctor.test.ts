/** What the doctor says of two limits, held against the model of how they are counted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberSet } from '../../src/policy/number-set.ts';
import { type CountedLimit, makesIdle, mostCallsWithin, numbersOf } from '../../src/policy/rule-cover.ts';
import { mostPerPeriod, mostWaiting } from '../../src/policy/rule-words.ts';
import { costUnits, hasRoom, settle } from '../../src/policy/token-bucket.ts';
import { createCallsModel } from '../model/calls.ts';
import type { ModelPace } from '../model/counter.ts';

const limit = fc
  .record({
    count: fc.integer({ min: 1, max: 8 }),
    periodSeconds: fc.integer({ min: 1, max: 12 }),
    counting: fc.constantFrom('bucket' as const, 'rolling' as const),
    burst: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined, freq: 3 }),
  })
  .map(({ burst, ...fields }) => ({
    ...fields,
    atOnce: fields.counting === 'rolling' ? fields.count : Math.min(burst ?? fields.count, fields.count),
  }));
const limitOf = (fields: Omit<CountedLimit, 'text'>): CountedLimit => ({ ...fields, text: '' });
/** Milliseconds between calls: bursts, steady runs, whole seconds and everything beside them. */
const gap = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  fc.integer({ min: 0, max: 12 }).map((seconds) => seconds * 1000),
  fc.integer({ min: 0, max: 4000 }),
);

/** Whether a call has room under one limit at a time; takes it if so. */
function counter(one: CountedLimit): (nowMs: number) => boolean {
  if (one.atOnce < one.count) return smallBucket(one);
  const places = placesIn([one], undefined);
  return (nowMs) => places(nowMs) === nowMs;
}

/** A bucket that holds less than its count is one that paces; here nobody waits. */
function smallBucket(one: CountedLimit): (nowMs: number) => boolean {
  let [debt, lastMs] = [0, 0];
  return (nowMs) => {
    debt = settle(one, debt, nowMs - lastMs);
    lastMs = nowMs;
    if (!hasRoom(one, debt, one.atOnce)) return false;
    debt += costUnits(one);
    return true;
  };
}

/** When a call leaves under these limits, shortest period first; undefined where it is refused. */
function placesIn(limits: readonly CountedLimit[], pace: ModelPace | undefined): (nowMs: number) => number | undefined {
  const model = createCallsModel();
  const kind = limits.some(({ counting }) => counting === 'rolling') ? 'rolling' : 'bucket';
  const demand = pace === undefined ? 'required' : 'paced';
  const packed = limits.map(({ count, periodSeconds }) => ({
    count: BigInt(count),
    periodMs: BigInt(periodSeconds * 1000),
  }));
  let calls = 0;
  return (nowMs) => {
    const charges = [{ key: 'only', kind, demand, limits: packed, pace } as const];
    const answer = model.take(BigInt(nowMs), `call-${++calls}`, charges, { deadlineMs: 0n, recordMs: 1n });
    if (answer.status !== 'taken') return undefined;
    return pace === undefined ? nowMs : Number(answer.charges[0]?.leavesAtMs);
  };
}

describe('for any two limits and any calls', () => {
  it('one that makes another idle lets no call pass that the other would refuse', () => {
    let idle = 0;
    fc.assert(
      fc.property(limit, limit, fc.array(gap, { maxLength: 60 }), (one, two, gaps) => {
        const [strict, other] = [limitOf(one), limitOf(two)];
        fc.pre(makesIdle(strict, other));
        idle += 1;
        const [passesStrict, passesOther] = [counter(strict), counter(other)];
        let now = 1_000_000;
        for (const wait of gaps) {
          now += wait;
          if (passesStrict(now)) expect(passesOther(now)).toBe(true);
        }
      }),
      { numRuns: 1500 },
    );
    expect(idle).toBeGreaterThan(1000);
  });

  it('one of a rule that paces leaves every call its place without the one that it makes idle', () => {
    let idle = 0;
    const pace = fc.record({
      maxWaitMs: fc.constantFrom(0n, 500n, 2000n, 20_000n),
      maxQueue: fc.integer({ min: 1, max: 6 }).map(BigInt),
    });
    const gaps = fc.array(gap, { maxLength: 60 });
    fc.assert(
      fc.property(limit, limit, pace, gaps, (one, two, waits, each) => {
        fc.pre(one.counting === two.counting && one.periodSeconds !== two.periodSeconds);
        const [short, long] = one.periodSeconds < two.periodSeconds ? [one, two] : [two, one];
        const limits = [limitOf(short), limitOf({ ...long, atOnce: long.count })];
        const kept = limits.filter((each) => !limits.some((other) => other !== each && makesIdle(other, each)));
        fc.pre(kept.length === 1);
        idle += 1;
        const burst = BigInt(short.atOnce);
        const both = placesIn(limits, { ...waits, burst });
        const alone = placesIn(kept, { ...waits, burst: kept[0] === limits[0] ? burst : 0n });
        let now = 1_000_000;
        for (const wait of each) {
          now += wait;
          expect(alone(now)).toBe(both(now));
        }
      }),
      { numRuns: 1500 },
    );
    expect(idle).toBeGreaterThan(1000);
  });

  it('no more pass within a time than the most that is told', () => {
    fc.assert(
      fc.property(limit, fc.array(gap, { maxLength: 80 }), fc.integer({ min: 1, max: 30 }), (one, gaps, seconds) => {
        const passes = counter(limitOf(one));
        let now = 1_000_000;
        const started: number[] = [];
        for (const wait of gaps) {
          now += wait;
          if (passes(now)) started.push(now);
        }
        const most = mostCallsWithin(limitOf(one), seconds);
        for (const from of started) {
          const within = started.filter((at) => at >= from && at <= from + seconds * 1000);
          expect(within.length).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 1500 },
    );
  });
});

it('no more calls wait than is told of a pace, and no more leave within a time than the most that is told', () => {
  const pace = fc.record({ maxWaitMs: fc.integer({ min: 1, max: 20_000 }), maxQueue: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(limit, limit, pace, fc.array(gap, { maxLength: 80 }), (one, two, waits, gaps) => {
      fc.pre(one.counting === two.counting && one.periodSeconds < two.periodSeconds);
      const limits = [limitOf(one), limitOf({ ...two, atOnce: two.count })];
      const place = placesIn(limits, {
        maxWaitMs: BigInt(waits.maxWaitMs),
        maxQueue: BigInt(waits.maxQueue),
        burst: BigInt(one.atOnce),
      });
      const most = Math.min(waits.maxQueue, mostWaiting(limits, waits.maxWaitMs));
      const leaving: number[] = [];
      let now = 1_000_000;
      for (const wait of gaps) {
        now += wait;
        const leaves = place(now);
        if (leaves !== undefined) leaving.push(leaves);
        expect(leaving.filter((at) => at > now).length).toBeLessThanOrEqual(most);
      }
      for (const each of limits) {
        for (const from of leaving) {
          const within = leaving.filter((at) => at >= from && at < from + each.periodSeconds * 1000);
          expect(within.length).toBeLessThanOrEqual(mostPerPeriod(each));
        }
      }
    }),
    { numRuns: 1500 },
  );
});

it('numbers that are written out are those that the set has, for any member', () => {
  const number = fc.integer({ min: 0, max: 300 }).map(String);
  const range = fc
    .tuple(fc.integer({ min: 100, max: 900 }), fc.integer({ min: 0, max: 99 }))
    .map(([from, length]) => `${from}-${Math.min(999, from + length)}`);
  fc.assert(
    fc.property(fc.array(fc.oneof(number, range, fc.constantFrom('21x', '_2X')), { maxLength: 5 }), (members) => {
      const numbers = numbersOf(members);
      fc.pre(numbers !== undefined);
      const set = numberSet(members);
      for (let each = 0; each < 1000; each++) expect(numbers.includes(String(each))).toBe(set.has(String(each)));
    }),
    { numRuns: 200 },
  );
});
