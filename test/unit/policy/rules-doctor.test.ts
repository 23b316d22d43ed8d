import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { defaultPolicyDocument, readPolicyDocument } from '../../../src/policy/document.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { makesIdle, mostCallsWithin, numbersOf } from '../../../src/policy/rule-cover.ts';
import { diagnoseRules, type MatchCounts, RULE_CHECKS, type RuleFinding } from '../../../src/policy/rules-doctor.ts';
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

/** A rule that nothing is wrong with. */
const fine = { id: 'fine', limits: ['5/1m'] };
/** Twenty a second, for which calls wait two seconds at most. */
const pace = { id: 'pace', limits: ['20/1s'], action: 'wait' };
const windows = [{ days: ['wed'], from: '13:00', to: '14:00' }];
const home = { homeCountry: 'US' };

/** What is looked at, what is found; NOW is a Wednesday, 12:00 UTC. */
const CASES: Readonly<Record<string, readonly [document: object, ...found: string[]]>> = {
  'a rule without fault': [{ rules: [fine] }],
  'a new install, where a limit per second alone lets a steady run of calls through': [
    defaultPolicyDocument(),
    'info default permits-much',
  ],
  'a disabled rule, of which nothing else is said': [
    { rules: [{ id: 'r', enabled: false, limits: ['9/1s', '9/1h'] }] },
    'info r disabled',
  ],
  'a rule in shadow': [{ rules: [{ ...fine, mode: 'shadow' }] }, 'info fine shadow'],

  'a group without members': [
    { groups: { g: {} }, rules: [{ ...fine, appliesTo: { groups: ['g'] } }] },
    'error fine empty-scope',
  ],
  'a group without members beside one that has some': [
    { groups: { g: {}, h: { members: ['1'] } }, rules: [{ ...fine, appliesTo: { groups: ['g', 'h'] } }] },
  ],
  'counting per group where no group has members': [
    { groups: { g: {} }, rules: [{ ...fine, countPer: 'group' }] },
    'error fine empty-scope',
  ],
  'a list without prefixes': [
    { destinations: { d: {} }, rules: [{ ...fine, appliesTo: { destinations: ['d'] } }] },
    'error fine empty-scope',
  ],
  'a permission that nobody has': [
    { extensions: { '1001': {} }, rules: [{ ...fine, appliesTo: { permissions: ['abroad'] } }] },
    'error fine empty-scope',
  ],
  'a permission that only others have': [
    {
      extensions: { '1001': { permissions: ['abroad'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['2001-2050'], permissions: ['abroad'] } }],
    },
    'error fine empty-scope',
  ],
  'a permission that one of a pattern has': [
    {
      extensions: { '2001': { permissions: ['abroad'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['20xx'], permissions: ['abroad'] } }],
    },
  ],
  'extensions that are not in the group beside them': [
    {
      groups: { g: { members: ['3001-3050'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['2001-2050'], groups: ['g'] } }],
    },
    'error fine empty-scope',
  ],
  'extensions of which one is in the group beside them': [
    {
      groups: { g: { members: ['20xx'] } },
      rules: [{ ...fine, appliesTo: { extensions: ['1001', '2050'], groups: ['g'] } }],
    },
  ],
  'counting per group for extensions that are in none': [
    {
      groups: { g: { members: ['3001'] } },
      rules: [{ ...fine, countPer: 'group', appliesTo: { extensions: ['1001'] } }],
    },
    'error fine empty-scope',
  ],

  'a schedule that is closed now': [
    { schedules: { s: { windows } }, rules: [{ ...fine, during: 's' }] },
    'info fine closed-now',
  ],
  'a schedule that is closed now, of which the opposite is meant': [
    { schedules: { s: { windows } }, rules: [{ ...fine, not: 's' }] },
  ],
  'a schedule of days that are over': [
    { schedules: { s: { holidays: ['2020-01-01'] } }, rules: [{ ...fine, during: 's' }] },
    'error fine never-open',
  ],
  'the opposite of always': [
    {
      schedules: {
        s: { windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' }] },
      },
      rules: [{ ...fine, not: 's' }],
    },
    'error fine never-open',
  ],

  'national without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['national'] } }] },
    'error fine needs-home-country',
  ],
  'international without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['international', 'unknown'] } }] },
    'warning fine needs-home-country',
  ],
  'a country without a home country': [
    { rules: [{ ...fine, appliesTo: { destinations: ['country:CU'] } }] },
    'warning fine needs-home-country',
  ],
  'a list of international prefixes without a home country': [
    { destinations: { d: { prefixes: ['+53'] } }, rules: [{ ...fine, appliesTo: { destinations: ['d'] } }] },
    'warning fine needs-home-country',
  ],
  'destinations that need no plan, without a home country': [
    {
      destinations: { d: { prefixes: ['118'] } },
      rules: [{ ...fine, appliesTo: { destinations: ['d', 'internal', 'shortcode'] } }],
    },
  ],
  'national with a home country': [{ ...home, rules: [{ ...fine, appliesTo: { destinations: ['national'] } }] }],

  'a rule beside a stricter one for all': [
    { rules: [fine, { id: 'loose', limits: ['10/1m', '400/1h'], appliesTo: { extensions: ['1001'] } }] },
    'warning loose shadowed',
  ],
  'a rule before the stricter one': [{ rules: [{ id: 'loose', limits: ['10/1m'] }, fine] }, 'warning loose shadowed'],
  'two rules that are alike: the second goes': [{ rules: [fine, { ...fine, id: 'again' }] }, 'warning again shadowed'],
  'a rule of which one limit is tighter': [{ rules: [fine, { id: 'loose', limits: ['10/1m', '100/1h'] }] }],
  'a stricter rule that counts something else': [
    {
      rules: [
        { ...fine, countPer: 'system' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule that only reports': [
    {
      rules: [
        { ...fine, action: 'alert' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule in shadow': [
    {
      rules: [
        { ...fine, mode: 'shadow' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
    'info fine shadow',
  ],
  'a stricter rule of some hours': [
    {
      schedules: { s: { windows } },
      rules: [
        { ...fine, not: 's' },
        { id: 'loose', limits: ['10/1m'] },
      ],
    },
  ],
  'a stricter rule of the same hours': [
    {
      schedules: { s: { windows } },
      rules: [
        { ...fine, not: 's' },
        { id: 'loose', limits: ['10/1m'], not: 's' },
      ],
    },
    'warning loose shadowed',
  ],
  'a stricter rule for a part of the extensions': [
    {
      rules: [
        { ...fine, appliesTo: { extensions: ['2001-2040'] } },
        { id: 'loose', limits: ['10/1m'], appliesTo: { extensions: ['2001-2050'] } },
      ],
    },
  ],
  'a stricter rule for more of the extensions, written otherwise': [
    {
      rules: [
        { ...fine, appliesTo: { extensions: ['20xx'] } },
        { id: 'loose', limits: ['10/1m'], appliesTo: { extensions: ['2001-2050', '2099'] } },
      ],
    },
    'warning loose shadowed',
  ],
  'a stricter rule that does not name internal calls': [
    { rules: [fine, { id: 'loose', limits: ['10/1m'], appliesTo: { destinations: ['internal'] } }] },
  ],
  'a rule for what another refuses altogether': [
    {
      rules: [
        { id: 'no', appliesTo: { extensions: ['1001'] } },
        { id: 'r', limits: ['1/1d'], countPer: 'system', appliesTo: { extensions: ['1001'] } },
      ],
    },
    'warning r shadowed',
  ],
  'a rule that still refuses when the stricter one cannot be counted': [
    { rules: [fine, { id: 'loose', limits: ['10/1m'], whenStoreFails: 'block' }] },
  ],

  'a limit per minute under which the one per hour comes first': [
    { rules: [{ id: 'r', limits: ['100/1m', '50/1h'] }] },
    'warning r idle-limit',
  ],
  'a limit per hour that the one per second never lets be reached': [
    { rules: [fine, { id: 'r', countPer: 'system', limits: ['5/1s', '30000/1h'] }] },
    'warning r idle-limit',
  ],
  'limits that both matter': [{ rules: [{ id: 'r', limits: ['5/1s', '100/1h'] }] }],
  'rolling limits, where the larger is out of reach': [
    { rules: [{ id: 'r', counting: 'rolling', limits: ['3/1d', '40/7d'] }] },
    'warning r idle-limit',
  ],
  'rolling limits that both matter': [{ rules: [{ id: 'r', counting: 'rolling', limits: ['3/1d', '7/7d'] }] }],

  'more than a thousand calls an hour for one extension': [
    { rules: [{ id: 'r', limits: ['30/1m'] }] },
    'info r permits-much',
  ],
  'more than a thousand calls an hour, held by another rule': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'day', limits: ['500/1d'] },
      ],
    },
  ],
  'more than a thousand calls an hour beside a ceiling of calls at once, which bounds none that start': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'four', concurrent: 4 },
      ],
    },
    'info r permits-much',
  ],
  'more than a thousand calls an hour beside a limit that gives calls back': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'day', limits: ['500/1d'], counting: 'rolling', giveBackOn: ['busy'] },
      ],
    },
    'info r permits-much',
  ],
  'more than a thousand calls an hour, held up by a rule that paces': [
    {
      rules: [
        { id: 'r', limits: ['30/1m'] },
        { id: 'slow', limits: ['10/1m'], action: 'wait', maxWait: '10s' },
      ],
    },
  ],
  'more than a thousand calls an hour for the whole system': [
    { rules: [{ id: 'r', limits: ['30/1m'], countPer: 'system' }] },
  ],

  'a pace for which calls wait long enough': [{ rules: [{ ...pace, burst: 1, maxQueue: 40 }] }],
  'a pace of which no call waits for a whole step': [
    { rules: [{ ...pace, limits: ['1/1m'] }] },
    'warning pace short-wait',
  ],
  'a pace with a second limit for which no call waits long enough, as is meant': [
    { rules: [{ ...pace, burst: 1, limits: ['20/1s', '100/1h'] }] },
  ],
  'a queue that is never full': [{ rules: [{ ...pace, burst: 1, maxQueue: 41 }] }, 'warning pace idle-queue'],
  'a rolling queue that is never full': [
    { rules: [{ ...pace, counting: 'rolling', limits: ['20/2s'], maxQueue: 21 }] },
    'warning pace idle-queue',
  ],
  'a rolling queue that can be full': [{ rules: [{ ...pace, counting: 'rolling', limits: ['20/2s'], maxQueue: 20 }] }],
  'a pace of a trunk that lets a burst go': [
    { trunks: { a: {} }, rules: [{ ...pace, appliesTo: { trunks: ['a'] } }] },
    'info pace uneven-pace',
  ],
  'a pace of a trunk that is meant to let some go at once': [{ rules: [{ ...pace, countPer: 'trunk', burst: 5 }] }],
  'a pace of a trunk by rolling windows': [{ rules: [{ ...pace, countPer: 'trunk', counting: 'rolling' }] }],
  'a pace of extensions that lets a burst go': [{ rules: [pace] }],
  'a pace of which one limit makes the other idle': [
    { rules: [{ ...pace, limits: ['20/1s', '2000/1m'] }] },
    'warning pace idle-limit',
  ],
  'an even pace beside fewer calls at a slower rate, which may all come at once': [
    { rules: [{ ...pace, burst: 1, limits: ['20/1s', '10/1m'] }] },
  ],
  'a pace without the action that paces': [{ rules: [{ ...fine, burst: 1 }] }, 'warning fine unpaced'],
  'a pace beside a stricter rule that refuses, of which it may keep what that one gives back': [
    {
      rules: [
        { id: 'strict', limits: ['10/1s'], countPer: 'system' },
        { ...pace, countPer: 'system' },
      ],
    },
  ],
  'a pace for what another refuses altogether': [
    {
      rules: [
        { id: 'no', appliesTo: { extensions: ['1'] } },
        { ...pace, appliesTo: { extensions: ['1'] } },
      ],
    },
    'warning pace shadowed',
  ],
  'a ceiling beside a stricter rule, which says nothing of calls at once': [
    { rules: [fine, { id: 'r', limits: ['10/1m'], concurrent: 4 }] },
  ],
  'a rule beside one of ceilings alone': [{ rules: [{ id: 'four', concurrent: 4, maxDuration: '1h' }, fine] }],

  'a hold of the number that was reached': [
    { rules: [{ ...fine, countPer: 'number', holdAfter: { answered: '7d' } }] },
  ],
  'a hold of the extension for a rest': [{ rules: [{ ...fine, holdAfter: { conversation: '2m' } }] }],
  'a hold of the extension for a week': [
    { rules: [{ ...fine, holdAfter: { conversation: '2m', answered: '7d' } }] },
    'warning fine broad-hold',
  ],
  'a hold of everybody': [
    { rules: [{ ...fine, countPer: 'system', holdAfter: { answered: '1m' } }] },
    'warning fine broad-hold',
  ],
};

describe('the doctor of rules', () => {
  it.each(Object.entries(CASES))('finds in %s:', (_name, [document, ...wanted]) => {
    expect(found(document)).toEqual(wanted);
  });

  it('has a case here for each of its checks', () => {
    const seen = new Set(Object.values(CASES).flatMap(([, ...wanted]) => wanted.map((line) => line.split(' ')[2])));
    expect(RULE_CHECKS.filter((check) => !seen.has(check))).toEqual(['too-many', 'never-matched']);
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

describe('the strictness of limits', () => {
  const limit = (count: number, periodSeconds: number, counting: 'bucket' | 'rolling' = 'bucket') => ({
    ...{ count, periodSeconds, counting },
    atOnce: count,
    text: '',
  });

  it('counts the burst and what comes after it', () => {
    expect(mostCallsWithin(limit(5, 1), 1)).toBe(10);
    expect(mostCallsWithin(limit(5, 1), 3600)).toBe(18_005);
    expect(mostCallsWithin({ ...limit(5, 1), atOnce: 1 }, 1)).toBe(6);
    expect(mostCallsWithin(limit(7, 60, 'rolling'), 59)).toBe(7);
    expect(mostCallsWithin(limit(7, 60, 'rolling'), 60)).toBe(14);
  });

  it.each([
    ['a bucket no larger that refills no faster', limit(5, 60), limit(5, 30), true],
    ['a larger bucket that refills as fast', limit(10, 60), limit(5, 30), false],
    ['a smaller bucket that refills faster', limit(5, 1), limit(100, 3600), false],
    ['a bucket under a rolling window that is twice as high', limit(5, 60), limit(10, 60, 'rolling'), true],
    ['a bucket under a rolling window of its own height', limit(5, 60), limit(5, 60, 'rolling'), false],
    ['a rolling window over a bucket of its height', limit(5, 60, 'rolling'), limit(5, 60), true],
    ['a rolling window over itself', limit(5, 60, 'rolling'), limit(5, 60, 'rolling'), true],
    ['a longer rolling window of fewer calls', limit(5, 600, 'rolling'), limit(5, 60, 'rolling'), true],
    ['a shorter rolling window of fewer calls', limit(5, 60, 'rolling'), limit(6, 120, 'rolling'), false],
  ])('is known for %s', (_name, strict, other, idle) => {
    expect(makesIdle(strict, other)).toBe(idle);
  });

  it('writes numbers out where it can, and says so where it cannot', () => {
    expect(numbersOf(['7', '098-101', 'reception'])).toEqual(['7', '098', '099', '100', '101', 'reception']);
    for (const member of ['_2.', '21xx', '8-11', '10000-30000']) expect(numbersOf([member])).toBeUndefined();
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
