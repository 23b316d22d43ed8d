import { describe, expect, it } from 'vitest';
import { makesIdle, mostCallsWithin, numbersOf } from '../../../src/policy/rule-cover.ts';

describe('the strictness of limits', () => {
  const limit = (count: number, periodSeconds: number, counting: 'bucket' | 'rolling' = 'bucket') => ({
    ...{ count, periodSeconds, counting },
    atOnce: count,
    text: '',
  });

  it('counts the burst and what comes after it', () => {
    expect(mostCallsWithin(limit(5, 1), 1)).toBe(10);
    expect(mostCallsWithin(limit(5, 1), 3600)).toBe(18_005);
    expect(mostCallsWithin({ ...limit(5, 1), atOnce: 1 }, 1)).toBe(6);
    expect(mostCallsWithin(limit(7, 60, 'rolling'), 59)).toBe(7);
    expect(mostCallsWithin(limit(7, 60, 'rolling'), 60)).toBe(14);
  });

  it.each([
    ['a bucket no larger that refills no faster', limit(5, 60), limit(5, 30), true],
    ['a larger bucket that refills as fast', limit(10, 60), limit(5, 30), false],
    ['a smaller bucket that refills faster', limit(5, 1), limit(100, 3600), false],
    ['a bucket under a rolling window that is twice as high', limit(5, 60), limit(10, 60, 'rolling'), true],
    ['a bucket under a rolling window of its own height', limit(5, 60), limit(5, 60, 'rolling'), false],
    ['a rolling window over a bucket of its height', limit(5, 60, 'rolling'), limit(5, 60), true],
    ['a rolling window over itself', limit(5, 60, 'rolling'), limit(5, 60, 'rolling'), true],
    ['a longer rolling window of fewer calls', limit(5, 600, 'rolling'), limit(5, 60, 'rolling'), true],
    ['a shorter rolling window of fewer calls', limit(5, 60, 'rolling'), limit(6, 120, 'rolling'), false],
  ])('is known for %s', (_name, strict, other, idle) => {
    expect(makesIdle(strict, other)).toBe(idle);
  });

  it('writes numbers out where it can, and says so where it cannot', () => {
    expect(numbersOf(['7', '098-101', 'reception'])).toEqual(['7', '098', '099', '100', '101', 'reception']);
    for (const member of ['_2.', '21xx', '8-11', '10000-30000']) expect(numbersOf([member])).toBeUndefined();
  });
});
