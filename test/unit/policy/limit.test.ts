import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeLimit,
  describePeriod,
  type Limit,
  parseLimit,
  worstCasePerPeriod,
} from '../../../src/policy/limit.ts';
import { costUnits, hasRoom, settle } from '../../../src/policy/token-bucket.ts';

const limitOf = (text: string): Limit => {
  const parsed = parseLimit(text);
  if ('problem' in parsed) throw new Error(parsed.problem);
  return parsed;
};

const GOOD: ReadonlyArray<readonly [text: string, count: number, periodSeconds: number, shown: string]> = [
  ['5/1s', 5, 1, '5/1s'],
  ['30/1m', 30, 60, '30/1m'],
  ['2/1h', 2, 3600, '2/1h'],
  ['100/1d', 100, 86_400, '100/1d'],
  ['5/60s', 5, 60, '5/60s'],
  [' 5 / 10 M ', 5, 600, '5/10m'],
  ['007/01s', 7, 1, '7/1s'],
  ['1/366d', 1, 31_622_400, '1/366d'],
  ['4294967295/1s', 4_294_967_295, 1, '4294967295/1s'],
  ['142418/366d', 142_418, 31_622_400, '142418/366d'],
];

const shape = (text: string): string =>
  `"${text}" is not a limit; write calls/period such as 5/1s, 30/1m, 2/1h or 100/1d`;

const BAD: ReadonlyArray<readonly [name: string, text: string, problem: string]> = [
  ['an unknown unit', '5/1x', shape('5/1x')],
  ['a unit that every object has', '5/1constructor', shape('5/1constructor')],
  ['a missing period', '5', shape('5')],
  ['a missing unit', '5/1', shape('5/1')],
  ['a missing number of the period', '5/s', shape('5/s')],
  ['a negative count', '-5/1s', shape('-5/1s')],
  ['a fraction', '1.5/1s', shape('1.5/1s')],
  ['words', '10/2/second', shape('10/2/second')],
  ['nothing', '', shape('')],
  ['digits of another script', '５/1s', shape('５/1s')],
  ['a text as long as a book', '5'.repeat(50_000), shape(`${'5'.repeat(40)}…`)],
  [
    'a count of zero',
    '0/1d',
    '"0/1d" would never let a call pass; to refuse every call leave the limits out (limits: [])',
  ],
  [
    'a count and a period of zero',
    '0/0s',
    '"0/0s" would never let a call pass; to refuse every call leave the limits out (limits: [])',
  ],
  ['a period of zero', '5/0s', '"5/0s" has an empty period; write at least 1s'],
  ['a period above a year', '1/367d', '"1/367d" is longer than 366 days'],
  ['a period above a year in seconds', '1/31622401s', '"1/31622401s" is longer than 366 days'],
  [
    'a count that the store has no room for',
    '4294967296/1s',
    '"4294967296/1s" is too large to count exactly; at most 4294967295 calls fit into 1s',
  ],
  [
    'a count whose levels would be rounded',
    '142419/366d',
    '"142419/366d" is too large to count exactly; at most 142418 calls fit into 366d',
  ],
];

describe('a limit as people write it', () => {
  it.each(GOOD)('%j is read', (text, count, periodSeconds, shown) => {
    expect(parseLimit(text)).toEqual({ count, periodSeconds, text: shown });
  });

  it.each(BAD)('%s is refused with its reason', (_name, text, problem) => {
    expect(parseLimit(text)).toEqual({ problem });
  });

  it('reads its own text as itself', () => {
    for (const [text] of GOOD) expect(parseLimit(limitOf(text).text)).toEqual(limitOf(text));
  });

  it('never throws, and every limit it accepts keeps all levels exact and both numbers within 32 bits', () => {
    const upTo = (max: number) => fc.integer({ min: 0, max });
    const count = fc.oneof(upTo(20), upTo(2 ** 18), upTo(2 ** 40));
    const near = fc
      .tuple(count, fc.oneof(upTo(20), upTo(400), upTo(999_999_999)), fc.constantFrom(...'smhdSMHDxw'))
      .map(([calls, period, unit]) => `${calls}/${period}${unit}`);
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
        const parsed = parseLimit(text);
        if ('problem' in parsed) return;
        accepted += 1;
        expect(Number.isSafeInteger(2 * parsed.count * parsed.periodSeconds * 1000)).toBe(true);
        expect(parsed.count).toBeGreaterThanOrEqual(1);
        expect(parsed.count).toBeLessThan(2 ** 32);
        expect(parsed.periodSeconds).toBeGreaterThanOrEqual(1);
        expect(parsed.periodSeconds).toBeLessThan(2 ** 32);
      }),
      { numRuns: 3000 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});

describe('the words for a limit', () => {
  it.each([
    [1, '1 second'],
    [2, '2 seconds'],
    [60, '1 minute'],
    [90, '90 seconds'],
    [120, '2 minutes'],
    [3600, '1 hour'],
    [5400, '90 minutes'],
    [86_400, '1 day'],
    [604_800, '7 days'],
  ])('%d seconds are said in the largest unit that fits', (seconds, words) => {
    expect(describePeriod(seconds)).toBe(words);
  });

  it('a period that is no whole second is still said', () => {
    expect(describePeriod(0.5)).toBe('0.5 seconds');
  });

  it('one call is singular', () => {
    expect(describeLimit(limitOf('1/1m'))).toBe('1 call per 1 minute');
    expect(describeLimit(limitOf('5/1s'))).toBe('5 calls per 1 second');
  });
});

describe('the worst case of a limit', () => {
  it('is what a full bucket lets start in one period when every call comes at the first possible moment', () => {
    for (const text of ['1/1s', '2/1s', '3/1s', '5/1s', '7/1s', '10/2s', '30/1m']) {
      const limit = limitOf(text);
      let started = 0;
      let debt = 0;
      for (let ms = 0; ms < limit.periodSeconds * 1000; ms++) {
        if (ms > 0) debt = settle(limit, debt, 1);
        for (; hasRoom(limit, debt); started++) debt += costUnits(limit);
      }
      expect({ text, started }).toEqual({ text, started: worstCasePerPeriod(limit) });
    }
  });

  it('is its own count where it is counted in rolling windows', () => {
    expect(worstCasePerPeriod(limitOf('7/7d'), 'rolling')).toBe(7);
    expect(worstCasePerPeriod(limitOf('7/7d'), 'bucket')).toBe(13);
  });
});
