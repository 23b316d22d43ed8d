import { describe, expect, it } from 'vitest';
import { createPrefixTable, parsePrefix } from '../../../src/policy/prefix-table.ts';

describe('a prefix table', () => {
  const table = createPrefixTable([
    ['+1', 'North America'],
    ['+1809', 'Dominican Republic'],
    ['+18095', 'one exchange'],
    ['118', 'directory'],
  ]);

  it('finds the longest prefix of a number', () => {
    expect(table.longest('+18095550100')).toEqual({ prefix: '+18095', value: 'one exchange' });
    expect(table.longest('+18094550100')).toEqual({ prefix: '+1809', value: 'Dominican Republic' });
    expect(table.longest('+13055550100')).toEqual({ prefix: '+1', value: 'North America' });
  });

  it('finds every prefix of a number, the longest first', () => {
    expect(table.all('+18095550100').map((match) => match.prefix)).toEqual(['+18095', '+1809', '+1']);
    expect(table.all('118118').map((match) => match.prefix)).toEqual(['118']);
  });

  it('finds a number that is a prefix itself, and nothing in a shorter one', () => {
    expect(table.longest('+1809')?.value).toBe('Dominican Republic');
    expect(table.longest('+')).toBeUndefined();
    expect(table.all('')).toEqual([]);
  });

  it('keeps apart digits with and without plus', () => {
    expect(table.longest('1809')).toBeUndefined();
    expect(table.longest('+118')?.prefix).toBe('+1');
  });

  it('is not changed by what it was made of, and nobody can change it', () => {
    const entries: [string, string][] = [['+53', 'Cuba']];
    const made = createPrefixTable(entries);
    entries.push(['+5', 'later']);
    expect(made.longest('+5')).toBeUndefined();
    expect(made.size).toBe(1);
    expect(Object.isFrozen(made)).toBe(true);
    expect(Object.isFrozen(made.longest('+531'))).toBe(true);
  });

  it('keeps the later of two entries with one prefix', () => {
    expect(
      createPrefixTable([
        ['+53', 1],
        ['+53', 2],
      ]).longest('+5312'),
    ).toEqual({ prefix: '+53', value: 2 });
  });

  it('holds 300,000 prefixes', () => {
    const many = createPrefixTable(Array.from({ length: 300_000 }, (_, n) => [`+${100_000 + n}`, n] as const));
    expect(many.size).toBe(300_000);
    expect(many.longest('+3999991234')).toEqual({ prefix: '+399999', value: 299_999 });
    expect(many.longest('+4000001234')).toBeUndefined();
  });
});

describe('a written prefix', () => {
  it.each([
    ['+53', '+53'],
    ['+1 (809)', '+1809'],
    ['+1-809-555', '+1809555'],
    [' 00 ', '00'],
    ['*67', '*67'],
    ['118', '118'],
    ['+123456789012345', '+123456789012345'],
  ])('%j is read as %j', (text, prefix) => {
    expect(parsePrefix(text)).toEqual({ prefix });
  });

  it.each(['', '+', '+0053', '53+', 'Cuba', '+5x', '++53', '٥٣', '+1234567890123456', '+53*', '\u0000'])(
    '%j is refused with a sentence',
    (text) => {
      expect(parsePrefix(text)).toEqual({ problem: expect.stringMatching(/prefix|longer/) });
    },
  );
});
