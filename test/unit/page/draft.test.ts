/** A rule while it is edited. */
import { describe, expect, test } from 'vitest';
import {
  bodyOf,
  changedWords,
  draftOf,
  freeId,
  freeName,
  limitText,
  patchOf,
  readLimits,
} from '../../../src/page/screens/rules/draft.ts';

describe('a rule in the form', () => {
  test('keeps the fields that the form does not show', () => {
    const rule = { id: 'a', limits: ['5/1m'], firstCallTo: { what: 'country', within: '30d' } } as const;
    expect(bodyOf(draftOf({ ...rule, limits: ['5/1m'] }))).toEqual(rule);
  });

  test('is saved as what differs, with null for what is gone', () => {
    expect(patchOf({ name: 'A', during: 'nights', limits: ['5/1m'] }, { name: 'A', limits: ['6/1m'] })).toEqual({
      during: null,
      limits: ['6/1m'],
    });
  });

  test('reads limits as other systems write them, and nothing else', () => {
    expect(readLimits('200/10/second&3000/1/minute')?.map(limitText)).toEqual(['200/10s', '3000/1m']);
    expect(readLimits('5/1s')?.map(limitText)).toEqual(['5/1s']);
    expect(readLimits('12')).toBeUndefined();
    expect(readLimits('5/1s and more')).toBeUndefined();
  });

  test('takes an id and a name that are free', () => {
    expect(freeId('Call centre, night', ['call-centre-night'])).toBe('call-centre-night-2');
    expect(freeId('…', [])).toBe('rule');
    expect(freeName('Staff', ['Staff', 'Staff 2'])).toBe('Staff 3');
  });

  test('shows which words of its sentence changed', () => {
    expect(changedWords('may start 5 calls each day', 'may start 7 calls each day')).toEqual({
      before: 'may start',
      changed: '7',
      after: 'calls each day',
    });
  });
});
