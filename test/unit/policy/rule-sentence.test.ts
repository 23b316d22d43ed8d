/** A rule said back as people read it before they save it. */
import { describe, expect, test } from 'vitest';
import { readPolicyDocument } from '../../../src/policy/document.ts';
import { ruleSentence } from '../../../src/policy/rule-sentence.ts';

const SCHEDULES = { nights: { name: 'The nights', windows: [{ days: ['mon'], from: '18:00', to: '20:00' }] } };

function said(rule: Readonly<Record<string, unknown>>): string {
  const read = readPolicyDocument({ homeCountry: 'US', schedules: SCHEDULES, rules: [{ id: 'a', ...rule }] });
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  const [one] = read.document.rules;
  return one === undefined ? '' : ruleSentence(one, read.document);
}

describe('the sentence of a rule', () => {
  test('of every call says what its action does, and not that there is none', () => {
    expect(said({})).toBe('Each extension may make no call, always.');
    expect(said({ action: 'approve' })).toBe('Each extension may call only when a person approves, always.');
    expect(said({ action: 'alert', during: 'nights' })).toBe(
      'Each extension may make any call, and staff is told of each, while The nights is open.',
    );
  });

  test('names the money and the talk that it allows, and what happens at the hard ceiling', () => {
    expect(said({ spend: { soft: '30/1d', hard: '60/1d' }, countPer: 'system' })).toBe(
      'The whole system together may spend 30.00 within 1 day, always. More are refused. At 60.00 within 1 day no call goes, and those under way are ended.',
    );
    expect(said({ minutes: { hard: '240/1d' } })).toBe(
      'Each extension may talk at most 240 minutes within 1 day, always. At 240 minutes within 1 day no call goes, and those under way are ended.',
    );
  });

  test('says which calls are first ones, which do not count, and whom it locks', () => {
    expect(said({ firstCallTo: { what: 'country', within: '90d' }, action: 'approve' })).toBe(
      'Each extension may call countries that had no answered call for 90 days only when a person approves, always.',
    );
    expect(said({ limits: ['3/1h'], firstCallTo: { what: 'country', within: '90d' } })).toMatch(
      /^Each extension may start 3 calls per .*hour to countries that had no answered call for 90 days, always\./,
    );
    const counted = { limits: ['7/7d'], counting: 'rolling', giveBackOn: ['busy', 'no-answer'] };
    expect(said({ ...counted, lockout: { after: 5, within: '24h' } })).toMatch(
      / A call that is busy or not answered does not count\. After 5 refused calls within 24 h calls to international, premium, satellite and unknown are locked until a person clears the lock\.$/,
    );
  });

  test('of ceilings that no action softens does not promise one', () => {
    expect(said({ maxDuration: '60m' })).toBe('Each extension may call for at most 60m each, always.');
  });
});
