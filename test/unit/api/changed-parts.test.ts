import { describe, expect, test } from 'vitest';
import { changedParts } from '../../../src/api/changed-parts.ts';

const rule = (id: string, fields: object = {}) => ({ id, limits: ['5/1s'], enabled: true, ...fields });

describe('the parts that differ', () => {
  test('of a long list are the things that changed, and of these the fields', () => {
    const rules = Array.from({ length: 1000 }, (_, at) => rule(`r${at}`));
    const after = rules.map((each) => (each.id === 'r7' ? rule('r7', { limits: ['3/1s'] }) : each));
    expect(changedParts({ rules }, { rules: after })).toEqual({
      before: { 'rules.r7': { limits: ['5/1s'] } },
      after: { 'rules.r7': { limits: ['3/1s'] } },
    });
  });

  test('name what was added in full, and what was removed in full', () => {
    const [before, after] = [
      { groups: { sales: { members: ['2001'] } }, rules: [rule('a')] },
      { groups: {}, rules: [rule('a'), rule('b')] },
    ];
    expect(changedParts(before, after)).toEqual({
      before: { 'groups.sales': { members: ['2001'] } },
      after: { 'rules.b': rule('b') },
    });
  });

  test('show a field that came or went on its own side only', () => {
    expect(changedParts({ rules: [rule('a')] }, { rules: [rule('a', { action: 'alert' })] })).toEqual({
      before: { 'rules.a': {} },
      after: { 'rules.a': { action: 'alert' } },
    });
  });

  test('of plain values are the values', () => {
    expect(changedParts({ timezone: 'UTC', numbers: ['911'] }, { timezone: 'UTC', numbers: ['911', '112'] })).toEqual({
      before: { numbers: ['911'] },
      after: { numbers: ['911', '112'] },
    });
  });

  test('tell of an order that changed, and not of one that additions and removals make', () => {
    const [a, b, c] = [rule('a'), rule('b'), rule('c')];
    expect(changedParts({ rules: [a, b] }, { rules: [b, a] })).toEqual({
      before: { 'order of rules': ['a', 'b'] },
      after: { 'order of rules': ['b', 'a'] },
    });
    expect(changedParts({ rules: [a, b] }, { rules: [c, b] })?.after).toEqual({ 'rules.c': c });
  });

  test('are none where nothing differs', () => {
    expect(changedParts({ rules: [rule('a')] }, { rules: [rule('a')] })).toBeUndefined();
  });

  test('of things called as parts of every object are kept like any other', () => {
    const before = { groups: JSON.parse('{"__proto__":{"members":["1"]}}') as object };
    expect(changedParts(before, { groups: {} })).toEqual({
      before: { 'groups.__proto__': { members: ['1'] } },
      after: {},
    });
  });
});
