/** What the doctor says of two limits, held against the model of how they are counted. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberSet } from '../../src/policy/number-set.ts';
import { type CountedLimit, makesIdle, mostCallsWithin, numbersOf } from '../../src/policy/rule-cover.ts';
import { createTokenBucketModel } from '../model/token-bucket.ts';

const limit = fc.record({
  count: fc.integer({ min: 1, max: 8 }),
  periodSeconds: fc.integer({ min: 1, max: 12 }),
  counting: fc.constantFrom('bucket' as const, 'rolling' as const),
});
const limitOf = (fields: Omit<CountedLimit, 'text'>): CountedLimit => ({ ...fields, text: '' });
/** Milliseconds between calls: bursts, steady runs, whole seconds and everything beside them. */
const gap = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  fc.integer({ min: 0, max: 12 }).map((seconds) => seconds * 1000),
  fc.integer({ min: 0, max: 4000 }),
);

/** Whether a call has room under one limit at a time; takes it if so. */
function counter({ count, periodSeconds, counting }: CountedLimit): (nowMs: number) => boolean {
  const model = createTokenBucketModel();
  const limits = [{ count: BigInt(count), periodMs: BigInt(periodSeconds * 1000) }];
  let calls = 0;
  return (nowMs) => {
    const now = BigInt(nowMs);
    const charge = { bucket: 'only', counting, demand: 'required', limits } as const;
    const answer = model.take(now, `call-${++calls}`, [charge], { deadlineMs: now + 1000n, recordMs: 1n });
    return answer.status === 'taken';
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
