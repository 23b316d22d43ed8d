import { describe, expect, test } from 'vitest';
import { toggled, withRange } from '../../../src/page/parts/row-range.ts';

const KEYS = ['a', 'b', 'c', 'd', 'e'];

describe('a range of rows', () => {
  test('goes from the one chosen last to this one, in either direction, and keeps what was chosen elsewhere', () => {
    const chosen = new Set(['e']);
    expect([...withRange(chosen, KEYS, { from: 'a', to: 'c', isOn: true })]).toEqual(['e', 'a', 'b', 'c']);
    expect([...withRange(chosen, KEYS, { from: 'd', to: 'b', isOn: true })]).toEqual(['e', 'b', 'c', 'd']);
  });

  test('is taken out the same way, and is one row where the other end is gone', () => {
    expect([...withRange(new Set(KEYS), KEYS, { from: 'b', to: 'd', isOn: false })]).toEqual(['a', 'e']);
    for (const from of [undefined, 'gone'])
      expect([...withRange(undefined, KEYS, { from, to: 'd', isOn: true })]).toEqual(['d']);
  });

  test('of one row is in or out', () => {
    expect([...toggled(toggled(new Set(['a']), 'b'), 'a')]).toEqual(['b']);
  });
});
