import { describe, expect, test } from 'vitest';
import type { DecisionReport, FindingReport, LimitReport } from '../../../src/gate/report.ts';
import { merged, passes, rowOf, rowOfEvent } from '../../../src/page/screens/calls/call-rows.ts';
import { allowedFrom, asText, countOf, explainIt, readSubject, windowOf } from '../../../src/page/screens/calls/why.ts';
import { largestAt, stacked } from '../../../src/page/screens/dashboard/minutes.ts';
import { describeSubject } from '../../../src/policy/call.ts';

const AT = Date.UTC(2026, 10, 20, 14, 2, 9);
const limit = (more: Partial<LimitReport> = {}): LimitReport => ({
  ...{ subject: 'extension 2007', kind: 'limits', limit: '5/1m', used: 5, usedAfter: 5, remaining: 0 },
  ...{ retryAfterSeconds: 12, ...more },
});
const finding = (more: Partial<FindingReport> = {}): FindingReport => ({
  ...{ rule: 'staff', name: 'Staff 5/min', action: 'block', mode: 'enforce', applies: true, because: 'group staff' },
  ...{
    exceeded: true,
    waitMs: null,
    alreadyCharged: false,
    limit: '5/1m',
    used: 5,
    remaining: 0,
    retryAfterSeconds: 12,
  },
  ...{ limits: [limit()], ...more },
});
const call = (more: Partial<DecisionReport> = {}): DecisionReport => ({
  ...{ id: 'c1', at: new Date(AT).toISOString(), node: 'pbx1', verdict: 'block', layer: 'rules', rule: 'staff' },
  ...{
    reason: 'extension 2007 has used 5 of 5',
    retryAfterSeconds: 12,
    waitMs: null,
    maxSeconds: null,
    extension: '2007',
  },
  ...{ destination: '+5352345678', dialled: '0115352345678', destinationLabel: 'Cuba, mobile', trunk: 'carrier-a' },
  ...{ campaign: null, source: '192.0.2.7', zone: null, store: 'asked', storeProblem: null, findings: [finding()] },
  ...{ call: 'x1', extensionName: null, trunksTried: ['carrier-a'], end: null, held: null },
  ...{ rulesNotListed: 0, tookMs: 0.6, ...more },
});

describe('a row of Calls', () => {
  test('names the rules in shadow that would have acted, from the journal and from the stream alike', () => {
    const shadow = finding({ rule: 'after', name: 'After hours', mode: 'shadow' });
    expect(rowOf(call({ findings: [finding(), shadow] })).shadow).toEqual(['after']);
    const { findings: _, rulesNotListed: __, ...told } = call();
    expect(rowOfEvent({ ...told, shadow: ['after'] })?.shadow).toEqual(['after']);
    expect(rowOfEvent({})).toBeUndefined();
  });

  test('passes the filters that it would pass in the daemon', () => {
    const row = rowOf(call());
    for (const filters of [
      { verdict: 'block' },
      { destination: '5352' },
      { text: 'CUBA' },
      { text: 'c1' },
      { label: 'Cuba, mobile' },
    ])
      expect(passes(row, filters)).toBe(true);
    for (const filters of [
      { extension: '200' },
      { text: 'c' + '2' },
      { since: '2026-11-20T14:02:10Z' },
      { shadow: 'staff' },
    ])
      expect(passes(row, filters)).toBe(false);
  });

  test('is there once, however it came, and the newest is first', () => {
    const rows = ['a', 'b', 'c'].map((id, place) => rowOf(call({ id, at: new Date(AT + place).toISOString() })));
    expect(merged(rows.slice(1), rows.slice(0, 2)).map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });
});

describe('the why of a call', () => {
  test('says when the same call is let go, and in the past what it was', () => {
    expect(explainIt(call(), AT, AT, 'UTC')).toEqual([
      'Extension 2007 has used 5 of 5.',
      'The same call is allowed from 14:02:21.',
    ]);
    expect(explainIt(call(), AT, AT + 60_000, 'UTC')[1]).toBe('The same call was allowed from 14:02:21.');
    const never = call({ retryAfterSeconds: null });
    expect(explainIt(never, AT, AT, 'UTC')[1]).toBe('It is not allowed until the rule is changed.');
  });

  test('gives the count before and after, its window, and when a rule has room', () => {
    expect(countOf(limit())).toBe('5 of 5 → not taken');
    expect(countOf(limit({ used: 4, usedAfter: 5 }))).toBe('4 of 5 → 5');
    expect(countOf(limit({ kind: 'spend', limit: '60/1d', currency: 'USD', used: 1.5, usedAfter: 2 }))).toBe(
      '1.5 USD of 60 → 2 USD',
    );
    expect(windowOf(limit(), AT, AT, 'UTC')).toBe('14:01:09–14:02:09');
    expect(windowOf(limit({ limit: '120 at once' }), AT, AT, 'UTC')).toBeUndefined();
    expect(allowedFrom(finding(), AT, AT, 'UTC')).toBe('14:02:21');
    expect(allowedFrom(finding({ exceeded: false }), AT, AT, 'UTC')).toBe('now');
  });

  test('knows again on whom was counted, from the words for it', () => {
    for (const subject of [
      { kind: 'extension', id: '2007' },
      { kind: 'group', id: 'staff' },
      { kind: 'extension-number', id: '2007 +5352345678' },
      { kind: 'system', id: '' },
    ] as const)
      expect(readSubject(describeSubject(subject))).toEqual(subject);
    expect(readSubject('something else')).toBeUndefined();
  });

  test('can be sent to somebody as text, with each rule that applied', () => {
    const lines = asText(call(), AT, 'UTC').split('\n');
    expect(lines[0]).toMatch(
      /^Refused\. 2007 → \+53.+ \(Cuba, mobile\) over carrier-a, Fri 20 Nov 2026 14:02:09, UTC, c1$/,
    );
    expect(lines[2]).toBe('- Staff 5/min: block; group staff; extension 2007 5 of 5 → not taken (5/1m)');
  });
});

describe('counts of minutes', () => {
  test('stand on each other, the last as high as all', () => {
    expect(
      stacked([
        [1, 0],
        [2, 3],
      ]),
    ).toEqual([
      [1, 0],
      [3, 3],
    ]);
    expect(largestAt([0, 4, 4, 1])).toBe(2);
  });
});
