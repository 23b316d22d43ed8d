/**
 * From the rules that apply to a call to what the store is asked in one step, and from its answers to findings. Pure.
 *
 * A rule about first calls asks of each subject first whether it has reached the place, and behind that the rest that it
 * counts there, which hangs on the answer.
 */
import type { Demand } from '../policy/actions/action.ts';
import type { BudgetKind } from '../policy/budget.ts';
import type { CallAttempt, Subject } from '../policy/call.ts';
import { firstCallCountOf } from '../policy/first-call.ts';
import type { RuleMatch } from '../policy/policy.ts';
import { type Count, isHard, type Rule } from '../policy/rule.ts';
import { type Finding, findingOf, findingWithoutStore, type Reading } from '../policy/verdict.ts';
import type { Charge, Reservation } from './limit-store.ts';

/** What people said of the call, by rule id. */
type Answers = ReadonlyMap<string, { readonly approved: boolean }>;

export function chargesOf(
  matches: readonly RuleMatch[],
  answers: Answers,
  call: CallAttempt,
  reserve: (kind: BudgetKind) => Reservation | undefined,
): Charge[] {
  const chargesFor = (rule: Rule, count: Count, subjects: readonly Subject[]): readonly Charge[] => {
    const demand = demandOf(rule, count, answers);
    if (count.kind !== 'spend' && count.kind !== 'minutes')
      return subjects.map((subject) => ({ rule, subject, count, demand }));
    const reserves = reserve(count.kind);
    // What costs nothing, no budget has anything against.
    return reserves === undefined ? [] : subjects.map((subject) => ({ rule, subject, count, demand, reserves }));
  };
  return matches.flatMap(({ rule, match }) => {
    if (!match.applies) return [];
    const { subjects } = match;
    if (rule.firstCallTo === undefined) return rule.counts.flatMap((count) => chargesFor(rule, count, subjects));
    return subjects.flatMap((subject) => {
      const hanging = rule.counts.flatMap((count) => chargesFor(rule, count, [subject]));
      const first = firstCallCountOf(rule, call.destination, hanging.length);
      return first === undefined ? hanging : [...chargesFor(rule, first, [subject]), ...hanging];
    });
  });
}

/**
 * Only calls that start can be given a place in the near future. Nobody but the budget itself opens a hard ceiling, and a
 * lock only who clears it.
 */
function demandOf(rule: Rule, count: Count, answers: Answers): Demand {
  const { demand } = rule.action;
  if (isHard(count)) return rule.mode === 'shadow' ? 'shadow' : 'required';
  if (count.kind === 'lock') return 'required';
  if (demand === 'paced' && count.kind === 'limits') return rule.mode === 'shadow' ? 'paced-shadow' : 'paced';
  if (rule.mode === 'shadow') return 'shadow';
  const isAnswered = answers.has(rule.id) && (rule.action.verdict === 'hold' || count.kind === 'limits');
  return demand === 'lenient' || isAnswered ? 'lenient' : 'required';
}

/** Whatever is counted, the call does not go out now. */
export const staysAnyway = (matches: readonly RuleMatch[], answers: Answers): boolean =>
  [...answers.values()].some(({ approved }) => !approved) ||
  matches.some(
    ({ rule, match }) =>
      match.applies &&
      rule.isUnconditional &&
      rule.mode === 'enforce' &&
      (rule.action.verdict === 'block' || (rule.action.verdict === 'hold' && !answers.has(rule.id))),
  );

/** What a person's yes opens: a hold, and of a rule that refuses its limits of calls, but no other ceiling of it. */
const isOpened = ({ rule, verdict, readings }: Extract<Finding, { applies: true }>): boolean =>
  verdict === 'hold' ||
  (verdict === 'block' &&
    rule.action.verdict === 'block' &&
    readings.length > 0 &&
    readings.every(({ state, count }) => state !== 'lacking' || count.kind === 'limits'));

/** @param readings in the order of the charges; undefined when the store could not be asked */
export function findingsOf(
  matches: readonly RuleMatch[],
  charges: readonly Charge[],
  readings: readonly Reading[] | undefined,
  answers: Answers,
): Finding[] {
  const byRule = new Map<Rule, Reading[]>();
  readings?.forEach((reading, index) => {
    const rule = charges[index]?.rule;
    if (rule === undefined) return;
    const known = byRule.get(rule);
    if (known === undefined) byRule.set(rule, [reading]);
    else known.push(reading);
  });
  const findings = matches.map(({ rule, match }): Finding => {
    if (!match.applies) return { rule, applies: false, because: match.because };
    if (readings === undefined && (rule.counts.length > 0 || rule.firstCallTo !== undefined))
      return findingWithoutStore(rule, match.because);
    const finding = findingOf(rule, match.because, byRule.get(rule) ?? []);
    return answers.has(rule.id) && finding.applies && isOpened(finding) ? { ...finding, verdict: 'allow' } : finding;
  });
  // A lock says nothing of a call that it does not stop.
  return findings.filter(
    (finding) => finding.rule.lock === undefined || (finding.applies && finding.verdict === 'block'),
  );
}
