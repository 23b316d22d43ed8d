import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { readPolicyDocument } from '../../../src/policy/document.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { diagnoseRules, type MatchCounts, RULE_CHECKS, type RuleFinding } from '../../../src/policy/rules-doctor.ts';
import { DOCTOR_CASES, fine, pace, windows } from '../../support/doctor-cases.ts';
import { NOW, policyOf } from '../../support/policy.ts';

const look = (document: object, counts?: MatchCounts, at: EpochMs = NOW): readonly RuleFinding[] =>
  diagnoseRules(policyOf(document), at, counts);
const found = (document: object, counts?: MatchCounts): string[] =>
  look(document, counts).map(({ severity, rule, check }) => `${severity} ${rule} ${check}`);
const counted = (byRule: Readonly<Record<string, number>>, calls = 10): MatchCounts => ({
  days: 7,
  calls,
  byRule: new Map(Object.entries(byRule)),
});

describe('the doctor of rules', () => {
  it.each(Object.entries(DOCTOR_CASES))('finds in %s:', (_name, [document, ...wanted]) => {
    expect(found(document)).toEqual(wanted);
  });

  it('has a case here for each of its checks', () => {
    const seen = new Set(
      Object.values(DOCTOR_CASES).flatMap(([, ...wanted]) => wanted.map((line) => line.split(' ')[2])),
    );
    expect(RULE_CHECKS.filter((check) => !seen.has(check))).toEqual(['too-many', 'no-rate-sheet', 'never-matched']);
  });

  it('names a rule that counts money where there is no rate sheet, and no other', () => {
    const policy = policyOf({
      rules: [
        { id: 'r', spend: { hard: '60/1d' } },
        { id: 'm', minutes: { hard: '60/1d' } },
      ],
    });
    const checks = (hasRates?: boolean) =>
      diagnoseRules(policy, NOW, undefined, hasRates).map(({ rule, check }) => [rule, check]);
    expect(checks(false)).toEqual([['r', 'no-rate-sheet']]);
    expect([checks(true), checks()]).toEqual([[], []]);
  });

  it('says which limit is never reached, and gives the command without it', () => {
    expect(look({ rules: [{ id: 'r', limits: ['100/1m', '50/1h'] }] })).toMatchObject([
      {
        what: 'The limit 100/1m is never reached: 50/1h refuses first.',
        command: 'tollgate rules set r --limit 50/1h',
      },
    ]);
  });

  it('says how long a call would have to wait, and how long the queue can get', () => {
    expect(look({ rules: [{ ...pace, limits: ['1/1m'] }] })).toMatchObject([
      {
        what: 'A call waits 2 s at most, and 1/1m has room for one more every 60 s.',
        command: 'tollgate rules set pace --max-wait 1m',
      },
    ]);
    expect(look({ rules: [{ ...pace, limits: ['1/1h'] }] })[0]?.command).toBe('tollgate rules set pace --action block');
    expect(look({ rules: [{ ...pace, limits: ['3/10s'], maxWait: '5s', maxQueue: 9 }] })).toMatchObject([
      {
        what: 'The queue of 9 is never full: 2 calls have their place within 5s.',
        command: 'tollgate rules set pace --max-queue 2',
      },
    ]);
  });

  it('says what a carrier sees of a burst', () => {
    expect(look({ rules: [{ ...pace, countPer: 'trunk' }] })[0]?.what).toBe(
      'After a quiet time 20 calls leave at once, and up to 39 within 1 second.',
    );
  });

  it('names the next opening, and the rule that is stricter', () => {
    const [closed] = look({ schedules: { s: { windows } }, rules: [{ ...fine, during: 's' }] });
    expect(closed?.what).toBe('Schedule s is closed, so the rule is not in force until 2026-11-18T13:00Z.');
    const [loose] = look({ rules: [fine, { id: 'loose', limits: ['10/1m'] }] });
    expect(loose?.what).toBe('Rule fine applies to the same calls, and is at least as strict.');
  });

  it('offers a limit per hour in place of the one that is too high', () => {
    const commands = [['30/1m'], ['30/1m', '5000/1h']].map(
      (limits) => look({ rules: [{ id: 'r', limits }] }).find(({ check }) => check === 'permits-much')?.command,
    );
    expect(commands).toEqual(Array.from({ length: 2 }, () => 'tollgate rules set r --limit 30/1m --limit 100/1h'));
  });

  it('puts the gravest finding of a rule first', () => {
    const document = {
      schedules: { s: { windows } },
      rules: [{ ...fine, during: 's', mode: 'shadow', appliesTo: { destinations: ['national'] } }],
    };
    expect(look(document).map(({ severity }) => severity)).toEqual(['error', 'info', 'info']);
  });

  it('gives commands that a shell reads as one, whatever extensions are called', () => {
    const document = { rules: [{ ...fine, appliesTo: { extensions: ['*67#'] } }] };
    expect(look(document, counted({}))[0]?.command).toBe("tollgate explain 15551234567 --extension '*67#'");
  });
});

describe('a rule that no call has matched', () => {
  const trunks = { 'carrier-a': {} };

  it('is a warning where calls were counted, and nothing where none were', () => {
    expect(found({ rules: [fine] }, counted({}))).toEqual(['warning fine never-matched']);
    expect(found({ rules: [fine] }, counted({ fine: 1 }))).toEqual([]);
    expect(found({ rules: [fine] }, counted({}, 0))).toEqual([]);
  });

  it('is as it should be where the rule forbids', () => {
    const rule = { id: 'no', appliesTo: { extensions: ['1099'] } };
    expect(found({ rules: [rule] }, counted({}))).toEqual(['info no never-matched']);
  });

  it('is none of those that forbid where it has a ceiling', () => {
    expect(found({ rules: [{ id: 'four', concurrent: 4 }] }, counted({}))).toEqual(['warning four never-matched']);
  });

  it('is told of the trunk where the rule is about nothing else', () => {
    const rule = { ...fine, appliesTo: { trunks: ['carrier-a'] } };
    const [finding] = look({ trunks, rules: [rule] }, counted({}));
    expect(finding?.what).toBe('None of the 10 calls of the last 7 days went over trunk carrier-a.');
    expect(finding?.command).toBe('tollgate explain 15551234567 --extension 1001 --trunk carrier-a');
  });

  it('is not told where another finding says why', () => {
    const shadowed = { rules: [fine, { id: 'loose', limits: ['10/1m'] }] };
    expect(found(shadowed, counted({ fine: 3 }))).toEqual(['warning loose shadowed']);
    const empty = { groups: { g: {} }, rules: [{ ...fine, appliesTo: { groups: ['g'] } }] };
    expect(found(empty, counted({}))).toEqual(['error fine empty-scope']);
  });
});

it('looks at the policy alone where nothing was counted', () => {
  const read = readPolicyDocument({ rules: [fine] });
  if ('problems' in read) throw new Error('the document is sound');
  expect(diagnoseRules(compilePolicy(read.document), NOW)).toEqual([]);
});

it('warns once of rules for everybody that are too many for a call, and not of those that count nothing', () => {
  const tooMany = (some: readonly object[]): string[] =>
    found({ rules: [{ id: 'never', limits: [] }, { id: 'few', appliesTo: { extensions: ['1'] } }, ...some] }).filter(
      (each) => each.endsWith('too-many'),
    );
  const rules = Array.from({ length: 1003 }, (_, at) => ({ id: `r${at}`, limits: ['5/1m'], enabled: at !== 7 }));
  expect(tooMany(rules.slice(0, 1001))).toEqual([]);
  expect(tooMany(rules)).toEqual(['warning r1001 too-many']);
});
