import { describe, expect, it } from 'vitest';
import type { RuleDocument } from '../../../src/policy/document.ts';
import { describeBriefly, describeMs, describePermitted } from '../../../src/policy/rule-words.ts';
import { policyOf } from '../../support/policy.ts';

function documentOf(fields: object): RuleDocument {
  const [rule] = policyOf({ rules: [{ id: 'r', ...fields }] }).document.rules;
  if (rule === undefined) throw new Error('a document with one rule has one');
  return rule;
}
const permitted = (fields: object): readonly string[] => describePermitted(documentOf(fields));

describe('what a rule permits', () => {
  it.each([
    [{}, ['acts on every call that it applies to']],
    [{ limits: ['5/1s'] }, ['5 calls per 1 second; at worst 9 start within 1 second']],
    [{ limits: ['1/1m'] }, ['1 call per 1 minute; at worst 1 starts within 1 minute']],
    [{ limits: ['7/7d'], counting: 'rolling' }, ['7 calls per 7 days; at worst 7 start within 7 days']],
    [{ limits: ['5/1s'], action: 'alert' }, ['5 calls per 1 second; more are reported, and go']],
    [{ concurrent: 4 }, ['at most 4 calls at once']],
    [{ concurrent: 1, action: 'alert' }, ['1 call at once; more are reported, and go']],
    [{ maxDuration: '60m' }, ['no call longer than 60 min']],
    [
      { limits: ['7/7d'], counting: 'rolling', giveBackOn: ['busy', 'failed'], holdAfter: { answered: '7d' } },
      [
        '7 calls per 7 days; at worst 7 start within 7 days',
        'a call that is busy or failed is given back, and another may follow',
        'after an answered call no further one for 7 days',
      ],
    ],
    [
      { holdAfter: { conversation: '90s' }, action: 'alert' },
      ['after a conversation every further one is reported for 90 s'],
    ],
    [{ holdAfter: {} }, ['acts on every call that it applies to']],
  ])('is said in words: %j', (fields, words) => {
    expect(permitted(fields)).toEqual(words);
  });

  it.each([
    [{ burst: 1, maxWait: '5s' }, 20, 'one call every 50 ms, at most 100 wait, none longer than 5 s'],
    [{ burst: 1 }, 20, 'one call every 50 ms, at most 40 wait, none longer than 2 s'],
    [{}, 39, '20 calls at once, then one every 50 ms, at most 40 wait, none longer than 2 s'],
    [{ burst: 50 }, 39, '20 calls at once, then one every 50 ms, at most 40 wait, none longer than 2 s'],
    [
      { counting: 'rolling', maxQueue: 3 },
      20,
      'each call leaves as soon as there is room, at most 3 wait, none longer than 2 s',
    ],
    [
      { burst: 5, maxWait: '50ms', whileWaiting: 'music' },
      24,
      '5 calls at once, then one every 50 ms, at most 1 waits, none longer than 50 ms; who waits hears music',
    ],
  ])('of a rule that paces says who waits for how long: %j', (fields, most, words) => {
    expect(permitted({ limits: ['20/1s'], action: 'wait', ...fields })).toEqual([
      `20 calls per 1 second; at worst ${most} leave within 1 second`,
      words,
    ]);
  });

  it('of a rule that paces by several limits says that the longer ones count as well', () => {
    expect(permitted({ limits: ['100/1h', '20/1s'], action: 'wait', burst: 1 })).toEqual([
      '20 calls per 1 second; at worst 20 leave within 1 second',
      '100 calls per 1 hour; at worst 199 leave within 1 hour',
      'one call every 50 ms while the longer periods have room, at most 40 wait, none longer than 2 s',
    ]);
  });
});

it('has room in a column for the same', () => {
  const briefly = (fields: object): string => describeBriefly(documentOf(fields));
  expect(briefly({})).toBe('every call');
  expect(briefly({ limits: ['3/1d', '7/7d'], counting: 'rolling' })).toBe('3/1d and 7/7d, rolling');
  expect(briefly({ limits: ['20/1s'], action: 'wait', burst: 1, concurrent: 4 })).toBe(
    '20/1s, one every 50 ms; 4 at once',
  );
  expect(briefly({ limits: ['20/1s'], action: 'wait' })).toBe('20/1s');
  expect(briefly({ maxDuration: '2h', holdAfter: { answered: '7d' } })).toBe('none over 2 h; hold 7 days');
});

it('says times in the unit that fits, with one decimal at most', () => {
  expect([1, 333.33, 1000, 1500, 90_000, 3_600_000, 86_400_000, 604_800_000].map(describeMs)).toEqual([
    ...['1 ms', '333.3 ms', '1 s', '1.5 s', '90 s', '60 min', '24 h', '7 days'],
  ]);
});
