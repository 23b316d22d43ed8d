/**
 * What a rule permits, in words: its limits with what they let through at worst, its pace, its ceilings, and what becomes
 * of a call's count with its outcome.
 *
 * The figures are those that the store keeps to; they hold for one subject while the rule is neither reset nor changed. It
 * says nothing of which calls are meant, nor of when.
 */
import { ACTIONS } from './actions/registry.ts';
import { paceOf } from './actions/wait.ts';
import { BUDGET_KINDS, type BudgetKind, parseBudget } from './budget.ts';
import type { RuleDocument } from './document.ts';
import { parseDuration } from './duration.ts';
import { describeLimit, describePeriod } from './limit.ts';
import { describeAmount } from './money.ts';
import { type Outcome, REACHED } from './outcome.ts';
import { type CountedLimit, isUnconditional, limitsOf } from './rule-cover.ts';

/** One clause for each thing that the rule counts or bounds, without full stop. */
export function describePermitted(rule: RuleDocument): readonly string[] {
  if (isUnconditional(rule)) return ['acts on every call that it applies to', ...describeLockout(rule)];
  const clauses = describeFirstCalls(rule);
  clauses.push(...limitsOf(rule).map((limit) => `${describeLimit(limit)}; ${worstOf(limit, rule)}`));
  if (rule.action === 'wait') clauses.push(describePace(rule));
  if (rule.concurrent !== undefined) {
    const calls = `${rule.concurrent} ${rule.concurrent === 1 ? 'call' : 'calls'} at once`;
    clauses.push(rule.action === 'alert' ? `${calls}; ${REPORTED}` : `at most ${calls}`);
  }
  if (rule.maxDuration !== undefined) clauses.push(`no call longer than ${describeText(rule.maxDuration)}`);
  for (const kind of BUDGET_KINDS) clauses.push(...describeBudget(rule, kind));
  if (rule.giveBackOn !== undefined) {
    const outcomes = rule.giveBackOn.map((outcome) => OUTCOME_WORDS[outcome]).join(' or ');
    clauses.push(`a call that is ${outcomes} is given back, and another may follow`);
  }
  for (const outcome of REACHED) {
    const time = rule.holdAfter?.[outcome];
    if (time === undefined) continue;
    const then = rule.action === 'alert' ? 'every further one is reported' : 'no further one';
    clauses.push(
      `after ${outcome === 'answered' ? 'an answered call' : 'a conversation'} ${then} for ${describeText(time)}`,
    );
  }
  clauses.push(...describeLockout(rule));
  return clauses;
}

function describeFirstCalls({ firstCallTo, ...rule }: RuleDocument): string[] {
  if (firstCallTo === undefined) return [];
  const calls = `calls to a country that had no answered call for ${describeText(firstCallTo.within)}`;
  return [isUnconditional(rule) ? `acts on ${calls}` : `only for ${calls}`];
}

function describeLockout({ lockout }: RuleDocument): string[] {
  if (lockout === undefined) return [];
  const { after, within, destinations } = lockout;
  const refused = after === 1 ? 'one refused call' : `${after} refused calls within ${describeText(within)}`;
  return [`after ${refused} no call to ${destinations.join(', ')} until a person clears the lock`];
}

/** The same in as few words as a column has room for: `20/1s, one every 50 ms; 4 at once`. */
export function describeBriefly(rule: RuleDocument): string {
  if (isUnconditional(rule)) return 'every call';
  const [first] = limitsOf(rule);
  const evenly = rule.action === 'wait' && first?.counting === 'bucket' && first.atOnce === 1;
  const parts = [
    ...(rule.firstCallTo === undefined ? [] : [`first calls in ${rule.firstCallTo.within}`]),
    ...(first === undefined
      ? []
      : [
          rule.limits.join(' and ') +
            (rule.counting === 'rolling' ? ', rolling' : evenly ? `, one every ${describeMs(stepMs(first))}` : ''),
        ]),
    ...(rule.concurrent === undefined ? [] : [`${rule.concurrent} at once`]),
    ...(rule.maxDuration === undefined ? [] : [`none over ${describeText(rule.maxDuration)}`]),
    ...BUDGET_KINDS.flatMap((kind) => {
      const { soft, hard } = rule[kind] ?? {};
      const unit = kind === 'minutes' ? ' min' : '';
      return [
        ...(soft === undefined ? [] : [`${soft}${unit} soft`]),
        ...(hard === undefined ? [] : [`${hard}${unit} hard`]),
      ];
    }),
    ...REACHED.flatMap((outcome) => {
      const time = rule.holdAfter?.[outcome];
      return time === undefined ? [] : [`hold ${describeText(time)}`];
    }),
  ];
  return parts.join('; ');
}

/** What stands first is what happens, and behind it the worst that can. */
function describeBudget(rule: RuleDocument, kind: BudgetKind): readonly string[] {
  const verb = kind === 'spend' ? 'spent' : 'talked';
  const then = ACTIONS[rule.action].verb;
  return (['soft', 'hard'] as const).flatMap((level): string[] => {
    const text = rule[kind]?.[level];
    const limit = text === undefined ? undefined : parseBudget(text, kind);
    if (limit === undefined || 'problem' in limit) return [];
    const [amount, period] = [describeAmount(kind, limit.count), describePeriod(limit.periodSeconds)];
    return level === 'soft'
      ? [`${then} the next call once ${amount} are ${verb} within ${period}; calls under way go on`]
      : [
          `no call once ${amount} are ${verb} within ${period}, and calls under way are ended; at worst ${amount} and the last increment of each call under way within any ${period}`,
        ];
  });
}

const REPORTED = 'more are reported, and go';

/** What a call was, in a sentence. */
export const OUTCOME_WORDS: Readonly<Record<Outcome, string>> = {
  answered: 'answered',
  conversation: 'a conversation',
  'no-answer': 'not answered',
  busy: 'busy',
  failed: 'failed',
  cancelled: 'cancelled',
};

/** The most calls that start within any one period, its last instant not counted: see `worstCasePerPeriod`. */
export const mostPerPeriod = ({ counting, atOnce, count }: CountedLimit): number =>
  counting === 'rolling' ? count : atOnce + count - 1;

function worstOf(limit: CountedLimit, { action }: RuleDocument): string {
  if (action === 'alert') return REPORTED;
  const most = mostPerPeriod(limit);
  const verb = action === 'wait' ? 'leave' : 'start';
  return `at worst ${most} ${most === 1 ? `${verb}s` : verb} within ${describePeriod(limit.periodSeconds)}`;
}

/** Milliseconds between two calls that leave as fast as the limit lets them for long. */
export const stepMs = (limit: Pick<CountedLimit, 'count' | 'periodSeconds'>): number =>
  (limit.periodSeconds * 1000) / limit.count;

/** The most calls that can wait at once, if the queue were without end: each must have its place within `maxWaitMs`. */
export function mostWaiting(limits: readonly CountedLimit[], maxWaitMs: number): number {
  const rolling = limits.filter(({ counting }) => counting === 'rolling');
  // No window holds more than its count. In a bucket those behind a waiting call wait as well, a step apart.
  return rolling.length > 0
    ? Math.min(...rolling.map((limit) => limit.count * Math.ceil(maxWaitMs / (limit.periodSeconds * 1000))))
    : Math.max(0, ...limits.map((limit) => Math.ceil((maxWaitMs * limit.count) / (limit.periodSeconds * 1000))));
}

function describePace(rule: RuleDocument): string {
  const { maxWaitMs, maxQueue } = paceOf(rule);
  const limits = limitsOf(rule);
  const most = Math.min(maxQueue, mostWaiting(limits, maxWaitMs));
  const hears = rule.whileWaiting === undefined ? '' : `; who waits hears ${rule.whileWaiting}`;
  return `${describeSteps(limits)}, at most ${most} ${most === 1 ? 'waits' : 'wait'}, none longer than ${describeMs(maxWaitMs)}${hears}`;
}

function describeSteps([first, ...longer]: readonly CountedLimit[]): string {
  if (first === undefined || first.counting === 'rolling') return 'each call leaves as soon as there is room';
  const step = describeMs(stepMs(first));
  const steps = first.atOnce === 1 ? `one call every ${step}` : `${first.atOnce} calls at once, then one every ${step}`;
  return longer.length === 0 ? steps : `${steps} while the longer periods have room`;
}

const describeText = (text: string): string => describeMs(parseDuration(text) ?? 0);

const UNITS: ReadonlyArray<readonly [below: number, size: number, word: string]> = [
  [1000, 1, 'ms'],
  [120_000, 1000, 's'],
  [2 * 3_600_000, 60_000, 'min'],
  [2 * 86_400_000, 3_600_000, 'h'],
  [Number.POSITIVE_INFINITY, 86_400_000, 'days'],
];

/** `50` → `50 ms`, `3600000` → `60 min`; at most one decimal. */
export function describeMs(ms: number): string {
  const [, size, word] = UNITS.find(([below]) => ms < below) ?? [0, 1, 'ms'];
  return `${Math.round((10 * ms) / size) / 10} ${word}`;
}
