/**
 * A compiled rule, and whether it has anything to say about a call.
 *
 * A rule *applies* when its scope names the call (alternatives inside a key, all keys together), and when the thing it
 * counts on is known: a rule per trunk says nothing about a call whose trunk nobody knows.
 */
import type { Action, ActionAnswer } from './actions/action.ts';
import type { Pace } from './actions/wait.ts';
import type { BudgetKind, BudgetLevel } from './budget.ts';
import {
  type CallAttempt,
  type CountPer,
  type EpochMs,
  type RuleId,
  type Subject,
  showName,
  UNKNOWN_EXTENSION,
} from './call.ts';
import type { CalledHours } from './called-hours.ts';
import { type FirstCallCount, type FirstCallTo, placeOf } from './first-call.ts';
import type { Counting, Limit } from './limit.ts';
import type { Lockout } from './lockout.ts';
import type { Outcome } from './outcome.ts';
import type { Schedule } from './schedule.ts';
import { type MatchContext, SCOPE_KEYS, type Scope } from './scope.ts';

export interface Rule {
  readonly id: RuleId;
  readonly name: string;
  /** Raised by a reset: the rule counts in new buckets from then on. */
  readonly generation: number;
  readonly scope: Scope;
  /** The scope names internal calls. */
  readonly meansInternal: boolean;
  /** Undefined: always. */
  readonly during: During | undefined;
  readonly countPer: CountPer;
  /** Shortest period first. */
  readonly limits: readonly Limit[];
  readonly counting: Counting;
  /** All that the rule counts, `limits` among it. */
  readonly counts: readonly Count[];
  /** It has neither limits nor ceilings, and acts on every call that it applies to. */
  readonly isUnconditional: boolean;
  /** Undefined where the action does not pace. */
  readonly pace: Pace | undefined;
  readonly maxDurationSeconds: number | undefined;
  /** In force for calls to a place that the subject has not reached lately; undefined: for all. */
  readonly firstCallTo: FirstCallTo | undefined;
  readonly lockout: Lockout | undefined;
  /** It stands in no policy, and asks whether a rule has locked a subject: see lockout.ts. Why, where that is known. */
  readonly lock?: { readonly because: string | undefined };
  /** Outcomes for which what a call took of `limits` is given back. */
  readonly giveBackOn: readonly Outcome[];
  readonly action: Action;
  readonly answer: ActionAnswer;
  readonly mode: 'enforce' | 'shadow';
  readonly whenStoreFails: 'allow' | 'block';
  readonly enabled: boolean;
}

/**
 * One thing that a rule counts on each of its subjects.
 *
 * - `limits`: calls that start, in buckets or rolling windows.
 * - `concurrent`: calls at once.
 * - `hold`: nothing starts for a time after a call of that outcome.
 * - `lock`: nothing at all, until a person clears it.
 * - `first-call`: nothing; whether the rule applies to this call of the subject.
 * - `spend`, `minutes`: money and talk of calls, as they grow. At the soft level the action of the rule meets the next call,
 *   at the hard one no call goes and those under way are ended.
 */
export type Count =
  | { readonly kind: 'limits'; readonly limits: readonly Limit[] }
  | { readonly kind: 'concurrent'; readonly limits: readonly [Limit] }
  | { readonly kind: 'hold'; readonly limits: readonly [Limit]; readonly outcome: Outcome }
  | { readonly kind: BudgetKind; readonly limits: readonly [Limit]; readonly level: BudgetLevel }
  | { readonly kind: 'lock'; readonly limits: readonly [Limit] }
  | FirstCallCount;
export type CountKind = Count['kind'];

/** A ceiling that no action softens and no approval overrides. */
export const isHard = (count: Count): boolean => 'level' in count && count.level === 'hard';

/** When a rule is in force: while the schedule is open, or, negated, while it is closed. */
export interface During {
  readonly name: string;
  readonly schedule: Schedule;
  /** Where the clock of whoever is called counts; undefined where it is that of the schedule. */
  readonly called: CalledHours | undefined;
  readonly negated: boolean;
}

/**
 * Why a rule applies to a call or not; `describeBecause` says it in words. `endsInMs`: of a rule that counts nothing,
 * until its schedule puts it out of force.
 */
export type Because =
  | { readonly why: 'disabled' | 'internal' | 'no-group' | 'not-abroad' }
  | { readonly why: 'reached'; readonly who: string; readonly place: string; readonly at: EpochMs }
  | { readonly why: 'every-call'; readonly endsInMs?: number | undefined }
  | { readonly why: 'unknown'; readonly what: string }
  | { readonly why: 'in-scope'; readonly parts: readonly string[]; readonly endsInMs?: number | undefined }
  | { readonly why: 'not-in-scope'; readonly part: string }
  | {
      readonly why: 'not-now';
      readonly schedule: string;
      readonly negated: boolean;
      /** Whose clock it is, where it is the called party's. */
      readonly where: string | undefined;
      readonly nextChange: EpochMs | undefined;
    };

export interface Applies {
  readonly applies: true;
  readonly because: Because;
  readonly subjects: readonly Subject[];
}

export type Match = Applies | { readonly applies: false; readonly because: Because };

const SYSTEM: readonly Subject[] = [{ kind: 'system', id: '' }];
const not = (because: Because): Match => ({ applies: false, because });

export function matchRule(rule: Rule, call: CallAttempt, context: MatchContext): Match {
  if (!rule.enabled) return not({ why: 'disabled' });
  // A call to an own extension is no outbound call; only a rule that names such calls means them.
  if (call.destination.classes.has('internal') && !rule.meansInternal) return not({ why: 'internal' });
  if (rule.firstCallTo !== undefined && placeOf(call.destination) === undefined) return not({ why: 'not-abroad' });
  const parts: string[] = [];
  let { groups } = context;
  let endsInMs: number | undefined;
  for (const part of rule.scope) {
    const key = SCOPE_KEYS[part.key];
    const names = key.namesOf(call, context);
    if (names === undefined) return not({ why: 'unknown', what: key.one });
    const fitting = names.filter(part.has);
    if (fitting.length === 0) return not(outside(key.describe(call), part.wanted));
    if (part.key === 'groups') groups = fitting;
    parts.push(`${key.one} ${fitting.map(showName).join(' and ')}`);
  }
  if (rule.during !== undefined) {
    const { name, schedule, negated } = rule.during;
    const called = rule.during.called?.(call);
    const hours = called ?? schedule;
    const isOpen = hours.isOpen(context.at);
    const where = called?.describe(isOpen);
    if (isOpen === negated) {
      return not({ why: 'not-now', schedule: name, negated, where, nextChange: hours.nextChange(context.at) });
    }
    if (rule.isUnconditional) {
      const change = hours.nextChange(context.at);
      endsInMs = change === undefined ? undefined : change - context.at;
    }
    if (where !== undefined) parts.push(`a called party ${where}, where ${name} is ${isOpen ? 'open' : 'closed'}`);
  }
  const subjects = subjectsOf(rule.countPer, call, groups);
  if ('why' in subjects) return not(subjects);
  const because: Because = parts.length === 0 ? { why: 'every-call', endsInMs } : { why: 'in-scope', parts, endsInMs };
  return { applies: true, subjects, because };
}

/** On whom or what a call counts; why on nobody. @param groups of the extension */
export function subjectsOf(
  countPer: CountPer,
  call: CallAttempt,
  groups: readonly string[],
): readonly Subject[] | Because {
  const { e164, number } = call.destination;
  const called = e164 ?? number;
  const extension = call.extension ?? UNKNOWN_EXTENSION;
  switch (countPer) {
    case 'extension':
      return [{ kind: 'extension', id: extension }];
    case 'group':
      return groups.length === 0 ? { why: 'no-group' } : groups.map((id) => ({ kind: 'group', id }));
    case 'trunk':
      return call.trunk === undefined ? { why: 'unknown', what: 'trunk' } : [{ kind: 'trunk', id: call.trunk }];
    case 'number':
      return called === '' ? { why: 'unknown', what: 'destination' } : [{ kind: 'number', id: called }];
    case 'extension-number':
      return called === ''
        ? { why: 'unknown', what: 'destination' }
        : [{ kind: 'extension-number', id: `${extension} ${called}` }];
    case 'system':
      return SYSTEM;
    default:
      return countPer satisfies never;
  }
}

const outside = (what: string, wanted: readonly string[]): Because => {
  const shown = wanted.slice(0, 5).join(' ');
  const more = wanted.length > 5 ? ` and ${wanted.length - 5} more` : '';
  return { why: 'not-in-scope', part: `${what} is not in ${shown}${more}` };
};

/** One sentence, without its full stop so that more can be said after it. */
export function describeBecause(because: Because): string {
  switch (because.why) {
    case 'disabled':
      return 'the rule is disabled';
    case 'every-call':
      return 'the rule applies to every call';
    case 'internal':
      return 'the call is to an own extension and the rule does not name internal calls';
    case 'unknown':
      return `the ${because.what} of this call is not known`;
    case 'not-abroad':
      return 'the call stays in the country, and the rule is about first calls abroad';
    case 'reached':
      return `${because.who} reached ${because.place} on ${new Date(because.at).toISOString().slice(0, 10)}`;
    case 'no-group':
      return 'the extension is in no group that could be counted';
    case 'in-scope':
      return `the rule applies to ${because.parts.join(' and ')}`;
    case 'not-in-scope':
      return because.part;
    case 'not-now': {
      const where = because.where === undefined ? '' : ` ${because.where}`;
      const state = `schedule ${because.schedule} is ${because.negated ? 'open' : 'closed'} at this time${where}`;
      return because.nextChange === undefined ? state : `${state} until ${new Date(because.nextChange).toISOString()}`;
    }
    default:
      return because satisfies never;
  }
}
