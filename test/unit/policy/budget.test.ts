import { describe, expect, it } from 'vitest';
import { parseBudget } from '../../../src/policy/budget.ts';
import { readPolicyDocument } from '../../../src/policy/document.ts';
import { describeLimit } from '../../../src/policy/limit.ts';
import { describeBriefly, describePermitted } from '../../../src/policy/rule-words.ts';
import { policyOf } from '../../support/policy.ts';

const problemsIn = (rule: object): string[] => {
  const read = readPolicyDocument({ rules: [{ id: 'r', ...rule }] });
  return 'problems' in read ? read.problems.map(({ path, message }) => `${path} ${message}`) : [];
};

describe('a budget', () => {
  it.each([
    ['30/1d', 'spend', 30_000_000, 86_400, '30.00 per 1 day'],
    [' 7.50 / 1h ', 'spend', 7_500_000, 3600, '7.50 per 1 hour'],
    ['120/1d', 'minutes', 7200, 86_400, '120 minutes per 1 day'],
    ['0.5/30M', 'minutes', 30, 1800, '0.5 minutes per 30 minutes'],
  ] as const)('%s of %s is read to the last unit', (text, kind, count, periodSeconds, words) => {
    const budget = parseBudget(text, kind);
    expect(budget).toMatchObject({ count, periodSeconds, unit: kind });
    if (!('problem' in budget)) expect(describeLimit(budget)).toBe(words);
  });

  it.each([
    '30',
    '30/',
    '/1d',
    '30/1x',
    '30/0s',
    '30/367d',
    '0/1d',
    '0.0000001/1d',
    '-1/1d',
    '30/1d/1d',
    '1000000001/1d',
    '1e3/1d',
  ])('%s is refused', (text) => {
    expect(parseBudget(text, 'spend')).toHaveProperty('problem');
  });

  it('stands alone, soft or hard, and neither is a mistake', () => {
    expect(problemsIn({ spend: { soft: '30/1d' } })).toEqual([]);
    expect(problemsIn({ minutes: { hard: '30/1d' } })).toEqual([]);
    expect(problemsIn({ spend: {} })).toEqual([
      'rules[0].spend names neither soft nor hard; write at least one, such as hard: 60/1d',
    ]);
  });

  it('is refused where soft is never reached before hard', () => {
    expect(problemsIn({ spend: { soft: '60/1d', hard: '60/1d' } })[0]).toContain(
      'rules[0].spend.soft "60/1d" is never reached',
    );
    expect(problemsIn({ spend: { soft: '60/1d', hard: '60/1h' } })).toEqual([]);
  });

  it('makes a rule that acts only where it is reached', () => {
    const [rule] = policyOf({ rules: [{ id: 'r', spend: { hard: '60/1d' } }] }).rules;
    expect(rule).toMatchObject({ isUnconditional: false, counts: [{ kind: 'spend', level: 'hard' }] });
  });

  it('is told in words, with the worst that it permits', () => {
    const read = readPolicyDocument({ rules: [{ id: 'r', spend: { soft: '30/1d', hard: '60/1d' } }] });
    const rule = 'document' in read ? read.document.rules[0] : undefined;
    if (rule === undefined) throw new Error('no rule');
    expect(describePermitted(rule)).toEqual([
      'refuses the next call once 30.00 are spent within 1 day; calls under way go on',
      'no call once 60.00 are spent within 1 day, and calls under way are ended; at worst 60.00 and the last increment of each call under way within any 1 day',
    ]);
    expect(describeBriefly(rule)).toBe('30/1d soft; 60/1d hard');
  });
});
