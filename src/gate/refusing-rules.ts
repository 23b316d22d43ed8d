/** Which rules had a hand in the refusal of a call: what their lockouts count. Pure. */
import type { Subject } from '../policy/call.ts';
import { subjectText } from '../policy/lockout.ts';
import type { Policy } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';
import type { Decision } from './gate.ts';

/** Rules with a lockout that had a hand in a refusal, and on whom they count. */
export function refusingRules(
  { verdict, findings, call, at }: Decision,
  policy: Policy,
): ReadonlyMap<Rule, readonly Subject[]> {
  const found = new Map<Rule, readonly Subject[]>();
  if (verdict.name !== 'block' || verdict.layer !== 'rules') return found;
  for (const finding of findings) {
    const { rule } = finding;
    // Nobody did anything wrong where the store was away; and a shadow rule refuses nothing.
    if (!finding.applies || rule.lockout === undefined || rule.mode === 'shadow' || finding.storeFailed) continue;
    if (finding.verdict !== 'block' && verdict.rule?.id !== rule.id) continue;
    const lacking = finding.readings.filter(({ state }) => state === 'lacking').map(({ subject }) => subject);
    const all = (): readonly Subject[] =>
      policy.match(call, at).find((each) => each.rule.id === rule.id)?.match.subjects ?? [];
    found.set(rule, distinct(lacking.length > 0 ? lacking : all()));
  }
  return found;
}

const distinct = (subjects: readonly Subject[]): readonly Subject[] => [
  ...new Map(subjects.map((subject) => [subjectText(subject), subject])).values(),
];
