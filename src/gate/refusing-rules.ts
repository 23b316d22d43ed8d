/** Which rules had a hand in the refusal of a call: what their lockouts count, and which hard ceilings it ran into. Pure. */
import { describeSubject, type Subject } from '../policy/call.ts';
import { describeLimit } from '../policy/limit.ts';
import { subjectText } from '../policy/lockout.ts';
import { describeAmount } from '../policy/money.ts';
import type { Policy } from '../policy/policy.ts';
import { isHard, type Rule } from '../policy/rule.ts';
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

/** A hard ceiling that has no room left. */
export interface ReachedCeiling {
  readonly rule: Rule;
  readonly subject: Subject;
  /** One sentence without its full stop. */
  readonly because: string;
}

/**
 * The hard ceilings that a refused call did not fit under: as good as those that a call under way runs into, or somebody who
 * calls again and again for short comes back every day. A call that no ceiling of this height could pay for, whatever was
 * spent, reaches none: it is only refused.
 */
export function ceilingsReachedBy({ verdict, findings }: Pick<Decision, 'verdict' | 'findings'>): ReachedCeiling[] {
  if (verdict.name !== 'block' || verdict.layer !== 'rules') return [];
  return findings.flatMap((finding) => {
    if (!finding.applies || finding.rule.mode === 'shadow') return [];
    const { rule, readings } = finding;
    return readings.flatMap(({ count, state, subject, limits: [reading], reserves }) => {
      if (state !== 'lacking' || !isHard(count) || reading === undefined || reserves === undefined) return [];
      const { limit, used } = reading;
      const { unit } = limit;
      if (unit === undefined || reserves.amount > limit.count) return [];
      const [spent, begins] = [used, reserves.amount].map((each) => describeAmount(unit, each));
      const because = `${describeSubject(subject)} has come to ${spent} of at most ${describeLimit(limit)}, and a call that begins with ${begins} was refused`;
      return [{ rule, subject, because }];
    });
  });
}

const distinct = (subjects: readonly Subject[]): readonly Subject[] => [
  ...new Map(subjects.map((subject) => [subjectText(subject), subject])).values(),
];
