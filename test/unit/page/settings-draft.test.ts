/** What is typed into a section of the settings: durations as number and unit, and how much differs. */
import { describe, expect, test } from 'vitest';
import { countChanges, readDuration, wordsOf } from '../../../src/page/screens/settings/draft.ts';

describe('a duration of the settings', () => {
  test('of one unit is shown in it, and one of several in minutes', () => {
    expect(readDuration('24h')).toEqual({ count: 24, unit: 'h' });
    expect(readDuration('7d')).toEqual({ count: 7, unit: 'd' });
    expect(readDuration('1h30m')).toEqual({ count: 90, unit: 'm' });
    expect(readDuration('120s')).toEqual({ count: 2, unit: 'm' });
  });
});

describe('changes of a section', () => {
  test('are counted by single settings, a list being one', () => {
    const before = { on: true, limits: { calls: 5, window: '5m' }, list: ['a'] };
    expect(countChanges(before, before)).toBe(0);
    expect(countChanges(before, { on: false, limits: { calls: 6, window: '5m' }, list: ['a', 'b'] })).toBe(3);
    expect(countChanges({ colour: null }, { colour: '#0b5c8a' })).toBe(1);
  });
});

describe('several words in one field', () => {
  test('are told apart by spaces, commas and lines', () => {
    expect(wordsOf(' 112, 911\n999 ')).toEqual(['112', '911', '999']);
    expect(wordsOf('')).toEqual([]);
  });
});
