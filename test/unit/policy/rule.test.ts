import { describe, expect, it } from 'vitest';
import { describeBecause, matchRule } from '../../../src/policy/rule.ts';
import { callOf, NOW, policyOf } from '../../support/policy.ts';

interface Row {
  readonly name: string;
  readonly rule: object;
  readonly call: { readonly extension?: string; readonly trunk?: string };
  /** Subjects as `kind id`; undefined where the rule does not apply. */
  readonly subjects: readonly string[] | undefined;
  readonly because: string;
}

const DOCUMENT = {
  groups: {
    'call-centre': { members: ['2001-2050', '21xx'] },
    supervisors: { members: ['2001', 'boss'] },
    empty: { members: [] },
  },
  trunks: { 'carrier-a': {}, 'carrier-b': {} },
};

const NOT_IN_LIST = 'extension 3000 is not in 1 2 3 4 5';

const ROWS: readonly Row[] = [
  {
    name: 'a rule for all applies to every call',
    rule: {},
    call: { extension: '1001' },
    subjects: ['extension 1001'],
    because: 'the rule applies to every call',
  },
  {
    name: 'calls of nobody knows whom are counted together',
    rule: {},
    call: {},
    subjects: ['extension unknown'],
    because: 'the rule applies to every call',
  },
  {
    name: 'a disabled rule applies to nothing, its scope notwithstanding',
    rule: { enabled: false, appliesTo: { extensions: ['1001'] } },
    call: { extension: '1001' },
    subjects: undefined,
    because: 'the rule is disabled',
  },
  {
    name: 'any of the extensions is enough',
    rule: { appliesTo: { extensions: ['1001', '2001-2050'] } },
    call: { extension: '2007' },
    subjects: ['extension 2007'],
    because: 'the rule applies to extension 2007',
  },
  {
    name: 'an extension outside a short list is told all of the list',
    rule: { appliesTo: { extensions: ['1', '2', '3', '4', '5'] } },
    call: { extension: '3000' },
    subjects: undefined,
    because: NOT_IN_LIST,
  },
  {
    name: 'an extension outside a long list is told how long it is',
    rule: { appliesTo: { extensions: ['1', '2', '3', '4', '5', '6', '7'] } },
    call: { extension: '3000' },
    subjects: undefined,
    because: `${NOT_IN_LIST} and 2 more`,
  },
  {
    name: 'a rule for extensions says nothing about a call of nobody knows whom',
    rule: { appliesTo: { extensions: ['_.'] } },
    call: { trunk: 'carrier-a' },
    subjects: undefined,
    because: 'the extension of this call is not known',
  },
  {
    name: 'any of the groups is enough',
    rule: { appliesTo: { groups: ['supervisors', 'call-centre'] } },
    call: { extension: '2100' },
    subjects: ['extension 2100'],
    because: 'the rule applies to group call-centre',
  },
  {
    name: 'all groups that brought the rule to the call are named, in the order of the document',
    rule: { appliesTo: { groups: ['supervisors', 'call-centre'] } },
    call: { extension: '2001' },
    subjects: ['extension 2001'],
    because: 'the rule applies to group call-centre and supervisors',
  },
  {
    name: 'an extension in none of the groups',
    rule: { appliesTo: { groups: ['supervisors', 'empty'] } },
    call: { extension: '2100' },
    subjects: undefined,
    because: 'extension 2100 is not in supervisors empty',
  },
  {
    name: 'a call of nobody knows whom is in no group',
    rule: { appliesTo: { groups: ['call-centre'] } },
    call: {},
    subjects: undefined,
    because: 'an unknown extension is not in call-centre',
  },
  {
    name: 'any of the trunks is enough',
    rule: { appliesTo: { trunks: ['carrier-b', 'carrier-a'] } },
    call: { trunk: 'carrier-a' },
    subjects: ['extension unknown'],
    because: 'the rule applies to trunk carrier-a',
  },
  {
    name: 'another trunk',
    rule: { appliesTo: { trunks: ['carrier-b'] } },
    call: { extension: '1001', trunk: 'carrier-a' },
    subjects: undefined,
    because: 'trunk carrier-a is not in carrier-b',
  },
  {
    name: 'a rule for trunks says nothing about a call over nobody knows what',
    rule: { appliesTo: { trunks: ['carrier-b'] } },
    call: { extension: '1001' },
    subjects: undefined,
    because: 'the trunk of this call is not known',
  },
  {
    name: 'extensions, groups and trunks must all name the call',
    rule: { appliesTo: { extensions: ['20xx'], groups: ['call-centre'], trunks: ['carrier-a'] } },
    call: { extension: '2010', trunk: 'carrier-a' },
    subjects: ['extension 2010'],
    because: 'the rule applies to extension 2010 and group call-centre and trunk carrier-a',
  },
  {
    name: 'extensions and groups that name it do not make up for the trunk',
    rule: { appliesTo: { extensions: ['20xx'], groups: ['call-centre'], trunks: ['carrier-b'] } },
    call: { extension: '2010', trunk: 'carrier-a' },
    subjects: undefined,
    because: 'trunk carrier-a is not in carrier-b',
  },
  {
    name: 'extensions and trunks that name it do not make up for the group',
    rule: { appliesTo: { extensions: ['20xx'], groups: ['supervisors'], trunks: ['carrier-a'] } },
    call: { extension: '2010', trunk: 'carrier-a' },
    subjects: undefined,
    because: 'extension 2010 is not in supervisors',
  },
  {
    name: 'counting per group counts on each group of the extension',
    rule: { countPer: 'group' },
    call: { extension: '2001' },
    subjects: ['group call-centre', 'group supervisors'],
    because: 'the rule applies to every call',
  },
  {
    name: 'counting per group counts only on the groups that the rule names',
    rule: { countPer: 'group', appliesTo: { groups: ['supervisors'] } },
    call: { extension: '2001' },
    subjects: ['group supervisors'],
    because: 'the rule applies to group supervisors',
  },
  {
    name: 'counting per group says nothing about an extension in no group',
    rule: { countPer: 'group' },
    call: { extension: '1001' },
    subjects: undefined,
    because: 'the extension is in no group that could be counted',
  },
  {
    name: 'counting per trunk counts on the trunk',
    rule: { countPer: 'trunk' },
    call: { extension: '1001', trunk: 'carrier-a' },
    subjects: ['trunk carrier-a'],
    because: 'the rule applies to every call',
  },
  {
    name: 'counting per trunk takes a trunk that the document does not name',
    rule: { countPer: 'trunk' },
    call: { extension: '1001', trunk: 'carrier-z' },
    subjects: ['trunk carrier-z'],
    because: 'the rule applies to every call',
  },
  {
    name: 'counting per trunk says nothing about a call over nobody knows what',
    rule: { countPer: 'trunk' },
    call: { extension: '1001' },
    subjects: undefined,
    because: 'the trunk of this call is not known',
  },
  {
    name: 'counting on the system needs to know nothing of the call',
    rule: { countPer: 'system' },
    call: {},
    subjects: ['system '],
    because: 'the rule applies to every call',
  },
  {
    name: 'an extension of hostile characters stays on one line',
    rule: { appliesTo: { extensions: ['1001'] } },
    call: { extension: '10\n01' },
    subjects: undefined,
    because: 'extension 10?01 is not in 1001',
  },
];

describe('whether a rule applies to a call, what it counts on, and why', () => {
  it.each(ROWS)('$name', ({ rule, call, subjects, because }) => {
    const policy = policyOf({ ...DOCUMENT, rules: [{ id: 'tested', ...rule }] });
    const [found] = policy.matchAll(callOf(call), NOW);
    const match = found?.match;
    expect(match?.applies === true ? match.subjects.map(({ kind, id }) => `${kind} ${id}`) : undefined).toEqual(
      subjects,
    );
    expect(match && describeBecause(match.because)).toBe(because);
  });

  it('takes the groups of the extension as they are given', () => {
    const [rule] = policyOf({ ...DOCUMENT, rules: [{ id: 'tested', countPer: 'group' }] }).rules;
    if (rule === undefined) throw new Error('the document has a rule');
    expect(
      matchRule(rule, callOf({ extension: '1001' }), { at: NOW, groups: ['supervisors'], permissions: [] }),
    ).toMatchObject({
      applies: true,
      subjects: [{ kind: 'group', id: 'supervisors' }],
    });
  });
});
