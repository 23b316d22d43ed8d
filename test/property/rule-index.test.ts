/** The rules that apply to a call are found by name; the judge looks at every rule, one after the other. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { CALL_KINDS, type CallAttempt, type EpochMs } from '../../src/policy/call.ts';
import { numberSet, parseMember } from '../../src/policy/number-set.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { leavesNothingFor, weigh } from '../../src/policy/rule-cover.ts';
import { diagnoseRules } from '../../src/policy/rules-doctor.ts';
import { policyOf } from '../support/policy.ts';

const extension = fc.oneof(
  fc.integer({ min: 1, max: 1200 }).map(String),
  fc.stringMatching(/^[0-2]{1,4}$/),
  fc.constantFrom('reception', 'recept', '+1555', '#1', '10 ', ''),
);
/** Members as people write them, blanks and all, dense enough that they meet. */
const member = fc
  .oneof(
    extension,
    fc.tuple(fc.nat(300), fc.nat(300)).map(([low, more]) => `${low}-${low + more}`),
    fc
      .tuple(fc.nat(90), fc.nat(90))
      .map(([low, more]) => `${`0${low}`.padStart(4, '0')}-${String(low + more).padStart(4, '0')}`),
    fc.stringMatching(/^[0-2]{0,2}[xX]{1,2}$/),
    fc.stringMatching(/^_[0-2]{0,2}[XZN]?(\[[0-2]-?[3-9]\])?[.!]?$/),
  )
  .map((text) => text.trim())
  .filter((text) => !('problem' in parseMember(text)))
  .chain((text) => fc.constantFrom(text, ` ${text}`, `${text} `));
const some = <T>(item: fc.Arbitrary<T>) =>
  fc.option(fc.array(item, { minLength: 1, maxLength: 4 }), { nil: undefined });

const GROUPS = ['g0', 'g1', 'g2'];
const TRUNKS = ['t0', 't1'];
const CAMPAIGNS = ['c0', 'c1', '10'];
const scope = fc
  .record({
    extensions: some(member),
    groups: some(fc.constantFrom(...GROUPS)),
    trunks: some(fc.constantFrom(...TRUNKS)),
    destinations: some(fc.constantFrom('international', 'internal', 'unknown', 'premium', 'country:CU')),
    campaigns: some(fc.constantFrom(...CAMPAIGNS)),
    kinds: some(fc.constantFrom(...CALL_KINDS)),
    permissions: some(fc.constantFrom('abroad', 'night')),
  })
  .map((keys) => (Object.values(keys).every((key) => key === undefined) ? 'all' : keys));
const rule = fc.record({
  appliesTo: scope,
  countPer: fc.constantFrom('extension', 'group', 'trunk', 'number', 'extension-number', 'system'),
  during: fc.option(fc.constantFrom('office', 'past'), { nil: undefined }),
  enabled: fc.boolean().map((no) => !no || undefined),
});
const document = fc
  .record({
    rules: fc.array(rule, { maxLength: 30 }),
    groups: fc.record(
      Object.fromEntries(GROUPS.map((id) => [id, fc.record({ members: fc.array(member, { maxLength: 3 }) })])),
    ),
    permitted: fc.uniqueArray(fc.constantFrom('1', '2', '10', '100', '1001'), { maxLength: 4 }),
  })
  .map(({ rules, groups, permitted }) => ({
    homeCountry: 'US',
    rules: rules.map((each, at) => ({ id: `r${at}`, limits: ['5/1s'], ...each })),
    groups,
    trunks: { t0: {}, t1: {} },
    extensions: Object.fromEntries(
      permitted.map((id, at) => [id, { permissions: at % 2 === 0 ? ['abroad'] : ['night', 'abroad'] }]),
    ),
    schedules: {
      office: { windows: [{ days: ['mon'], from: '08:00', to: '18:00' }] },
      past: { holidays: ['1999-12-31'] },
    },
  }));
const call = fc.record({
  extension: fc.option(fc.oneof(extension, fc.constantFrom('1', '2', '10', '1001')), { nil: undefined }),
  trunk: fc.option(fc.constantFrom(...TRUNKS, 't9'), { nil: undefined }),
  campaign: fc.option(fc.constantFrom(...CAMPAIGNS, 'c9'), { nil: undefined }),
  dialler: fc.option(
    fc.constantFrom(...CALL_KINDS).map((kind) => ({ kind, agent: undefined, lead: undefined, list: undefined })),
    { nil: undefined },
  ),
  dialled: fc.constantFrom('+5355550100', '3055550100', '1001', '10', '+441632960100', '', '*98'),
  at: fc.constantFrom(Date.UTC(2026, 10, 16, 12), Date.UTC(2026, 10, 18, 12)),
});
type Call = typeof call extends fc.Arbitrary<infer T> ? T : never;

const attempt = (policy: Policy, { dialled, at: _, ...known }: Call): CallAttempt => ({
  ...known,
  destination: policy.readDestination(dialled),
  source: undefined,
});

it('exactly the rules that apply are found, whatever the policy and the call, each as a look at every rule finds it', () => {
  fc.assert(
    fc.property(document, fc.array(call, { minLength: 1, maxLength: 20 }), (written, calls) => {
      const policy = policyOf(written);
      for (const each of calls) {
        const [asked, at] = [attempt(policy, each), each.at as EpochMs];
        const all = policy.matchAll(asked, at);
        expect(all).toHaveLength(policy.rules.length);
        expect(policy.match(asked, at)).toEqual(all.filter(({ match }) => match.applies));
        const others = policy.passedOver(asked, at, Number.POSITIVE_INFINITY);
        const order = new Map(policy.rules.map((known, place) => [known, place]));
        expect(others.toSorted((one, other) => (order.get(one.rule) ?? 0) - (order.get(other.rule) ?? 0))).toEqual(
          all.flatMap(({ rule: known, match }) => (match.applies ? [] : [{ rule: known, because: match.because }])),
        );
      }
    }),
    { numRuns: 1500 },
  );
});

it('every number of a set begins with one of the prefixes of the set', () => {
  fc.assert(
    fc.property(
      fc.array(member, { minLength: 1, maxLength: 4 }),
      fc.array(extension, { maxLength: 50 }),
      (members, numbers) => {
        const set = numberSet(members);
        for (const number of numbers) {
          if (set.has(number)) expect([...set.prefixes].some((prefix) => number.startsWith(prefix))).toBe(true);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

/** Rules of which one often names all that another does. */
const nested = fc
  .array(
    fc
      .record({
        extensions: some(
          fc.constantFrom(
            '10',
            ' 10',
            '11',
            '12',
            '10-12',
            '10-19',
            '8-12',
            '0010-0012',
            '0011',
            '1x',
            '_1.',
            '_1[0-2]',
          ),
        ),
        groups: fc.option(fc.constantFrom(['g0'], ['g0', 'g1']), { nil: undefined, freq: 1 }),
      })
      .map((keys) => (Object.values(keys).every((key) => key === undefined) ? 'all' : keys)),
    { maxLength: 30 },
  )
  .map((scopes) => ({
    groups: { g0: { members: ['1xxx'] }, g1: { members: [] } },
    rules: scopes.map((appliesTo, at) => ({ id: `r${at}`, appliesTo, limits: ['5/1s'], enabled: at % 7 !== 6 })),
  }));

it('the doctor finds of each rule the first that leaves nothing for it, as comparing all with all does', () => {
  let found = 0;
  fc.assert(
    fc.property(fc.oneof(document, nested), (written) => {
      const policy = policyOf(written);
      const weighed = policy.document.rules.map(weigh);
      const expected = weighed.flatMap((each, place) => {
        if (!each.rule.enabled) return [];
        const stricter = weighed.find(
          (other, at) =>
            at !== place && leavesNothingFor(each, other) && (at < place || !leavesNothingFor(other, each)),
        );
        return stricter === undefined ? [] : [`${each.rule.id} Rule ${stricter.rule.id} applies to the same calls`];
      });
      found += expected.length;
      const told = diagnoseRules(policy, Date.UTC(2026, 10, 18) as EpochMs).filter(({ check }) => check === 'shadowed');
      expect(told.map(({ rule: id, what }) => `${id} ${what.split(',')[0]}`)).toEqual(expected);
    }),
    { numRuns: 1500 },
  );
  expect(found).toBeGreaterThan(1000);
});
