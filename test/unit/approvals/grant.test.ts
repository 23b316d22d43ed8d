/** What a grant covers, and what it does not. */
import { describe, expect, it } from 'vitest';
import {
  covers,
  describeGrant,
  type Grant,
  limitOf,
  readGrant,
  reportGrant,
  usualCalls,
} from '../../../src/approvals/grant.ts';
import type { CallAttempt, EpochMs, Subject } from '../../../src/policy/call.ts';
import { type Limit, parseLimit } from '../../../src/policy/limit.ts';
import type { Rule } from '../../../src/policy/rule.ts';
import { policyOf } from '../../support/policy.ts';

const NOON = Date.UTC(2026, 10, 18, 12) as EpochMs;
const later = (minutes: number): EpochMs => (NOON + minutes * 60_000) as EpochMs;
const policy = policyOf({
  homeCountry: 'US',
  dialling: { outside: ['9'], international: ['011'] },
  rules: [
    { id: 'abroad', limits: ['2/1h'], action: 'approve' },
    { id: 'other', limits: [] },
  ],
});
const rule = (id: string): Rule => {
  const found = policy.rules.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no rule ${id}`);
  return found;
};
const call = (extension: string | undefined, dialled: string): CallAttempt => ({
  destination: policy.readDestination(dialled),
  extension,
  trunk: undefined,
  campaign: undefined,
  source: undefined,
});
const given = { id: 'g1', rule: 'abroad', by: 'cli anna', approval: 'a1', at: NOON, until: later(60) };
const extension = (id: string): Subject => ({ kind: 'extension', id });
const group = (id: string): Subject => ({ kind: 'group', id });
const toNumber: Grant = { ...given, what: 'number', extension: '1001', number: '+5355512345' };
const more = (...subjects: [Subject, ...Subject[]]): Grant => ({ ...given, what: 'limit', subjects, calls: 5 });
const limits = (...texts: string[]): Limit[] =>
  texts.map((text) => {
    const limit = parseLimit(text);
    if ('problem' in limit) throw new Error(limit.problem);
    return limit;
  });

describe('a grant for one number', () => {
  it.each<[string, Rule, CallAttempt, EpochMs, boolean]>([
    ['the call it was made for', rule('abroad'), call('1001', '+5355512345'), NOON, true],
    [
      'the same until its last millisecond',
      rule('abroad'),
      call('1001', '+5355512345'),
      (later(60) - 1) as EpochMs,
      true,
    ],
    ['the number dialled in another way', rule('abroad'), call('1001', '0115355512345'), NOON, true],
    ['nothing from its end on', rule('abroad'), call('1001', '+5355512345'), later(60), false],
    ['no other number', rule('abroad'), call('1001', '+5355512346'), NOON, false],
    ['no longer number that begins with it', rule('abroad'), call('1001', '+53555123451'), NOON, false],
    ['no other extension', rule('abroad'), call('1002', '+5355512345'), NOON, false],
    ['nobody whose extension is not known', rule('abroad'), call(undefined, '+5355512345'), NOON, false],
    ['no other rule', rule('other'), call('1001', '+5355512345'), NOON, false],
  ])('covers %s', (_what, asked, attempt, at, expected) => {
    expect(covers(toNumber, asked, [extension('1001')], attempt, at)).toBe(expected);
  });
});

describe('a grant for more calls', () => {
  it.each<[string, readonly Subject[], boolean]>([
    ['its subject', [extension('1001')], true],
    ['another subject', [extension('1002')], false],
    ['a subject of another kind with the same name', [group('1001')], false],
    ['a call that counts on a further subject as well', [extension('1001'), group('sales')], false],
  ])('of %s: %s', (_what, subjects, expected) => {
    expect(covers(more(extension('1001')), rule('abroad'), subjects, call('1001', '4311'), NOON)).toBe(expected);
  });

  it('of two groups covers a call that counts on one of them only', () => {
    expect(covers(more(group('a'), group('b')), rule('abroad'), [group('b')], call('1001', '4311'), NOON)).toBe(true);
  });

  it('is counted over its whole life, so that it never refills', () => {
    const grant = more(extension('1001'));
    if (grant.what !== 'limit') throw new Error('not a limit');
    expect(limitOf(grant)).toMatchObject({ count: 5, periodSeconds: 3600 });
  });
});

describe('as many calls as nobody named', () => {
  it.each<[string, Limit[], number, number]>([
    ['what the rule lets pass in that time', limits('2/1h'), 180, 6],
    ['one time what it lets pass where the period is longer', limits('3/1d'), 60, 3],
    ['the tightest of several limits', limits('10/1m', '50/1h'), 60, 50],
    ['one where the rule has no limits', [], 60, 1],
    ['at most a thousand', limits('100/1s'), 60, 1000],
  ])('are %s', (_what, of, minutes, expected) => {
    expect(usualCalls(of, minutes)).toBe(expected);
  });
});

describe('a grant that was kept', () => {
  it.each([toNumber, more(extension('1001'), group('sales'))])('is read back as it was', (grant) => {
    expect(readGrant(JSON.stringify(grant))).toEqual(grant);
  });

  it.each([
    '',
    '{',
    '{}',
    '[]',
    JSON.stringify({ ...toNumber, until: 'x' }),
    JSON.stringify({ ...toNumber, what: 'all' }),
  ])('and is none is nothing: %s', (text) => {
    expect(readGrant(text)).toBeUndefined();
  });

  it('says in words what it allows, and whose word it is', () => {
    expect(describeGrant(toNumber)).toBe('1001 to +5355512345 until 2026-11-18T13:00:00.000Z');
    expect(describeGrant(more(extension('1001')))).toBe(
      '5 more calls for extension 1001 until 2026-11-18T13:00:00.000Z',
    );
    expect(reportGrant(toNumber)).toMatchObject({
      grantedBy: 'cli anna',
      extension: '1001',
      subjects: [],
      calls: null,
    });
  });
});
