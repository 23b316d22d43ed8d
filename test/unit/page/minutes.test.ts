import { describe, expect, test } from 'vitest';
import { placeOf } from '../../../src/page/screens/dashboard/look-places.ts';
import {
  addedUp,
  countsOf,
  gapsIn,
  largestAt,
  stacked,
  sumOf,
  upTo,
} from '../../../src/page/screens/dashboard/minutes.ts';

const minute = (at: string, verdicts: { readonly block?: number } | null) => ({
  at: `2026-11-20T${at}:00.000Z`,
  verdicts,
});

describe('minutes of which nothing is known', () => {
  const counts = countsOf([minute('14:00', { block: 2 }), minute('14:01', null), minute('14:02', {})], 'block');

  test('are no minutes without calls, neither alone nor stacked', () => {
    expect(counts).toEqual([2, null, 0]);
    expect(stacked([counts, [1, null, 1]])).toEqual([
      [2, null, 0],
      [3, null, 1],
    ]);
    expect(addedUp([counts, [1, null, 1]])).toEqual([3, null, 1]);
  });

  test('add nothing to a sum, and are not the one with most', () => {
    expect([sumOf(counts), largestAt([null, 0, null])]).toEqual([2, 1]);
  });

  test('are found as stretches', () => {
    expect(gapsIn([null, 1, null, null, 0, null])).toEqual([
      [0, 0],
      [2, 3],
      [5, 5],
    ]);
  });
});

describe('minutes that were read a while ago', () => {
  const read = [minute('14:00', { block: 1 }), minute('14:01', { block: 2 }), minute('14:02', { block: 3 })];
  const shown = (now: string) =>
    upTo(read, Date.parse(`2026-11-20T${now}Z`), (at) => ({ at, verdicts: null })).map(({ at, verdicts }) => [
      at.slice(11, 16),
      verdicts?.block ?? null,
    ]);

  test('are followed by unknown ones up to now, and stay as many', () => {
    expect(shown('14:04:30')).toEqual([
      ['14:02', 3],
      ['14:03', null],
      ['14:04', null],
    ]);
  });

  test('stay as they are within their last minute, and by a clock that is behind', () => {
    expect(shown('14:02:59')).toHaveLength(3);
    expect([shown('14:02:59'), shown('13:50:00')].map((each) => each[2])).toEqual([
      ['14:02', 3],
      ['14:02', 3],
    ]);
  });

  test('are all unknown after an hour', () => {
    expect(shown('16:00:10').map(([, count]) => count)).toEqual([null, null, null]);
  });
});

describe('what needs a look', () => {
  test('leads to the calls of a pattern, filtered by extension, kind of number and time', () => {
    const pattern = {
      ...{ extension: '2007', destinationLabel: 'Cuba, high-risk', verdict: 'block' as const, calls: 412 },
      ...{ from: '', to: '', rules: [], sample: ['c1'] },
    };
    const look = {
      kind: 'pattern',
      severity: 'warning',
      sentence: '',
      about: 'c1',
      at: '2026-11-20T14:05:00.000Z',
    } as const;
    expect(placeOf(look, [pattern])).toBe(
      '/calls?tab=refused&extension=2007&label=Cuba%2C+high-risk&since=2026-11-20T13%3A05%3A00.000Z',
    );
    expect(placeOf(look, [])).toBe('/calls/c1');
  });

  test('of emergency calls leads nowhere: they are counted, and nothing else', () => {
    expect(placeOf({ kind: 'emergency', severity: 'info', sentence: '', about: null, at: null }, [])).toBeUndefined();
  });
});
