import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Limit } from '../../../src/policy/limit.ts';
import {
  costUnits,
  hasRoom,
  remainingCalls,
  roomAfterMs,
  settle,
  usedCalls,
} from '../../../src/policy/token-bucket.ts';

const FIVE_A_SECOND: Limit = { count: 5, periodSeconds: 1, text: '5/1s' };

/** The debt of an empty bucket. */
const capacityUnits = (limit: Limit): number => limit.count * costUnits(limit);

const limits = fc
  .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 400 }))
  .map(([count, periodSeconds]): Limit => ({ count, periodSeconds, text: `${count}/${periodSeconds}s` }));
const levels = limits.chain((limit) =>
  fc.integer({ min: 0, max: capacityUnits(limit) }).map((debt) => ({ limit, debt })),
);

describe('a token bucket in exact integers', () => {
  it.each([
    { name: 'a full bucket has every call left', debt: 0, remaining: 5, used: 0, afterMs: 0 },
    { name: 'one unit of debt costs a whole call', debt: 1, remaining: 4, used: 1, afterMs: 0 },
    { name: 'one call used leaves four', debt: 1000, remaining: 4, used: 1, afterMs: 0 },
    { name: 'the last call still has room', debt: 4000, remaining: 1, used: 4, afterMs: 0 },
    { name: 'one unit above it has room a millisecond later', debt: 4001, remaining: 0, used: 5, afterMs: 1 },
    { name: 'an empty bucket has room after a fifth of a second', debt: 5000, remaining: 0, used: 5, afterMs: 200 },
    { name: 'more debt than fits is waited out, too', debt: 6000, remaining: 0, used: 5, afterMs: 400 },
  ])('$name', ({ debt, remaining, used, afterMs }) => {
    expect(remainingCalls(FIVE_A_SECOND, debt)).toBe(remaining);
    expect(usedCalls(FIVE_A_SECOND, debt)).toBe(used);
    expect(roomAfterMs(FIVE_A_SECOND, debt)).toBe(afterMs);
    expect(hasRoom(FIVE_A_SECOND, debt)).toBe(afterMs === 0);
  });

  it('a millisecond pays back the count, and a full bucket gains nothing more', () => {
    expect(settle(FIVE_A_SECOND, 5000, 1)).toBe(4995);
    expect(settle(FIVE_A_SECOND, 5000, 1000)).toBe(0);
    expect(settle(FIVE_A_SECOND, 5000, 1_000_000_000)).toBe(0);
  });

  it('a clock that is set back refills nothing and takes nothing', () => {
    expect(settle(FIVE_A_SECOND, 3000, -60_000)).toBe(3000);
  });

  it('there is room exactly after the time it says, and not a millisecond earlier', () => {
    fc.assert(
      fc.property(levels, ({ limit, debt }) => {
        const waitMs = roomAfterMs(limit, debt);
        expect(Number.isSafeInteger(waitMs)).toBe(true);
        expect(hasRoom(limit, settle(limit, debt, waitMs))).toBe(true);
        if (waitMs > 0) expect(hasRoom(limit, settle(limit, debt, waitMs - 1))).toBe(false);
      }),
    );
  });

  it('as many calls go as it says are left, and used and left make up the count', () => {
    fc.assert(
      fc.property(levels, ({ limit, debt }) => {
        const remaining = remainingCalls(limit, debt);
        expect(remaining + usedCalls(limit, debt)).toBe(limit.count);
        const afterThem = debt + remaining * costUnits(limit);
        expect(afterThem).toBeLessThanOrEqual(capacityUnits(limit));
        expect(hasRoom(limit, afterThem)).toBe(false);
      }),
    );
  });

  it('waiting in two parts pays back what waiting at once does', () => {
    const ms = fc.integer({ min: 0, max: 100_000 });
    fc.assert(
      fc.property(levels, ms, ms, ({ limit, debt }, one, other) => {
        expect(settle(limit, settle(limit, debt, one), other)).toBe(settle(limit, debt, one + other));
      }),
    );
  });
});
