/** What is counted by rule, and that it stays bounded. */
import { describe, expect, test } from 'vitest';
import { createRuleMeter, MOST_RULES, OTHER_RULES } from '../../../src/metrics/rule-meter.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { readBucket } from '../../../src/policy/token-bucket.ts';
import { type Finding, findingOf } from '../../../src/policy/verdict.ts';
import { NOW, policyOf } from '../../support/policy.ts';

const LIMITS = { limits: ['10/1m'] };
const policyWith = (ids: readonly string[], fields: object = LIMITS): Policy =>
  policyOf({ rules: ids.map((id) => ({ id, ...fields })) });

/** A call of which every rule of the policy counted so many of its ten. */
function findingsOf(policy: Policy, used: number, who = '1001'): Finding[] {
  return policy.rules.map((rule) => {
    const [[limit], [count]] = [rule.limits, rule.counts];
    if (limit === undefined || count === undefined) throw new Error('a rule with a limit');
    const units = used * limit.periodSeconds * 1000;
    const state = used < 10 ? 'room' : 'lacking';
    const subject = { kind: 'extension', id: who } as const;
    const reading = { subject, count, state, waitMs: 0, limits: [readBucket(limit, units, units)] } as const;
    return findingOf(rule, { why: 'every-call' }, [reading]);
  });
}
const later = (seconds: number): EpochMs => (NOW + seconds * 1000) as EpochMs;
const PLAIN = { name: 'allow', rule: undefined } as const;

describe('the meter of rules', () => {
  test('counts the rule that decided, by its action and the verdict', () => {
    const policy = policyWith(['tight', 'loose']);
    const meter = createRuleMeter(() => policy);
    const [tight] = policy.rules;
    const block = { at: NOW, verdict: { name: 'block', rule: tight }, findings: [] } as const;
    meter.decided(block);
    meter.decided(block);
    meter.decided({ at: NOW, verdict: PLAIN, findings: [] });
    expect(meter.read(NOW).filter(({ verdicts }) => verdicts.length > 0)).toMatchObject([
      { rule: 'tight', verdicts: [{ action: 'block', verdict: 'block', count: 2 }] },
    ]);
  });

  test('says how full the fullest limit was in this minute and the one before, and nothing later', () => {
    const policy = policyWith(['tight']);
    const meter = createRuleMeter(() => policy);
    const used = (at: EpochMs): number | undefined =>
      meter
        .read(at)
        .find(({ rule }) => rule === 'tight')
        ?.used.get('limits');
    meter.decided({ at: NOW, verdict: PLAIN, findings: findingsOf(policy, 9, '1001') });
    meter.decided({ at: later(1), verdict: PLAIN, findings: findingsOf(policy, 2, '1002') });
    expect(used(later(2))).toBe(0.9);
    expect(used(later(119))).toBe(0.9);
    expect(used(later(120))).toBeUndefined();
    meter.decided({ at: later(60), verdict: PLAIN, findings: findingsOf(policy, 3) });
    expect(used(later(61))).toBe(0.9);
    expect(used(later(121))).toBe(0.3);
    meter.decided({ at: later(600), verdict: PLAIN, findings: findingsOf(policy, 4) });
    expect(used(later(601))).toBe(0.4);
  });

  test('a rule in shadow counts what it would have done, and is near no end', () => {
    const policy = policyWith(['trial'], { ...LIMITS, mode: 'shadow' });
    const meter = createRuleMeter(() => policy);
    meter.decided({ at: NOW, verdict: PLAIN, findings: findingsOf(policy, 10) });
    const [trial] = meter.read(NOW);
    expect([...(trial?.shadow ?? [])]).toEqual([['block', 1]]);
    expect(trial?.used.size).toBe(0);
  });

  test('of 5000 rules 200 have a name, the others are one, and nothing is lost', () => {
    const policy = policyWith(Array.from({ length: 5000 }, (_, at) => `rule-${at}`));
    const meter = createRuleMeter(() => policy);
    for (const rule of policy.rules) meter.decided({ at: NOW, verdict: { name: 'block', rule }, findings: [] });
    const read = meter.read(NOW);
    expect(read).toHaveLength(MOST_RULES + 1);
    const counts = read.map(
      ({ rule, verdicts }) => [rule, verdicts.reduce((sum, { count }) => sum + count, 0)] as const,
    );
    expect(counts.at(-1)).toEqual([OTHER_RULES, 4800]);
    expect(counts.reduce((sum, [, count]) => sum + count, 0)).toBe(5000);
  });

  test('a rule that left the policy is forgotten and gives its name free, also if nobody reads', () => {
    const names = (at: number): string[] => Array.from({ length: MOST_RULES }, (_, rule) => `day-${at}-${rule}`);
    let policy = policyWith(names(1));
    const meter = createRuleMeter(() => policy);
    const decideAll = (): void => {
      for (const rule of policy.rules) meter.decided({ at: NOW, verdict: { name: 'block', rule }, findings: [] });
    };
    decideAll();
    policy = policyWith(names(2));
    decideAll();
    const read = meter.read(NOW);
    expect(read.filter(({ rule }) => rule.startsWith('day-1'))).toEqual([]);
    expect(read.filter(({ rule }) => rule.startsWith('day-2'))).toHaveLength(MOST_RULES);
    policy = policyWith([]);
    expect(meter.read(NOW).map(({ rule }) => rule)).toEqual([OTHER_RULES]);
  });

  test('a rule of that very name is counted with the others, so that no series stands there twice', () => {
    const policy = policyWith([OTHER_RULES]);
    const meter = createRuleMeter(() => policy);
    for (const rule of policy.rules) meter.decided({ at: NOW, verdict: { name: 'block', rule }, findings: [] });
    expect(meter.read(NOW)).toMatchObject([{ rule: OTHER_RULES, verdicts: [{ count: 1 }] }]);
  });
});
