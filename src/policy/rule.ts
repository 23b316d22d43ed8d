/**
 * A compiled rule, and whether it has anything to say about a call.
 *
 * A rule *applies* when its scope names the call (alternatives inside a key, all keys together), and when the thing it
 * counts on is known: a rule per trunk says nothing about a call whose trunk nobody knows.
 */
import type { Action, ActionAnswer } from './actions/action.ts';
import {
  type CallAttempt,
  type CountPer,
  type EpochMs,
  type RuleId,
  type Subject,
  showName,
  UNKNOWN_EXTENSION,
} from './call.ts';
import type { Counting, Limit } from './limit.ts';
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
  /** Shortest period first. Empty: the rule acts on every call that it applies to. */
  readonly limits: readonly Limit[];
  readonly counting: Counting;
  readonly action: Action;
  readonly answer: ActionAnswer;
  readonly mode: 'enforce' | 'shadow';
  readonly whenStoreFails: 'allow' | 'block';
  readonly enabled: boolean;
}

/** When a rule is in force: while the schedule is open, or, negated, while it is closed. */
export interface During {
  readonly name: string;
  readonly schedule: Schedule;
  readonly negated: boolean;
}

/** Why a rule applies to a call or not; `describeBecause` says it in words. */
export type Because =
  | { readonly why: 'disabled' | 'every-call' | 'internal' | 'no-group' }
  | { readonly why: 'unknown'; readonly what: string }
  | { readonly why: 'in-scope'; readonly parts: readonly string[] }
  | { readonly why: 'not-in-scope'; readonly part: string }
  | {
      readonly why: 'not-now';
      readonly schedule: string;
      readonly negated: boolean;
      readonly nextChange: EpochMs | undefined;
    };

export type Match =
  | { readonly applies: true; readonly because: Because; readonly subjects: readonly Subject[] }
  | { readonly applies: false; readonly because: Because };

const SYSTEM: readonly Subject[] = [{ kind: 'system', id: '' }];
const not = (because: Because): Match => ({ applies: false, because });

export function matchRule(rule: Rule, call: CallAttempt, context: MatchContext): Match {
  if (!rule.enabled) return not({ why: 'disabled' });
  // A call to an own extension is no outbound call; only a rule that names such calls means them.
  if (call.destination.classes.has('internal') && !rule.meansInternal) return not({ why: 'internal' });
  const parts: string[] = [];
  let { groups } = context;
  for (const part of rule.scope) {
    const key = SCOPE_KEYS[part.key];
    const names = key.namesOf(call, context);
    if (names === undefined) return not({ why: 'unknown', what: key.one });
    const fitting = names.filter(part.has);
    if (fitting.length === 0) return not(outside(key.describe(call), part.wanted));
    if (part.key === 'groups') groups = fitting;
    parts.push(`${key.one} ${fitting.map(showName).join(' and ')}`);
  }
  if (rule.during !== undefined && rule.during.schedule.isOpen(context.at) === rule.during.negated) {
    const { name, schedule, negated } = rule.during;
    return not({ why: 'not-now', schedule: name, negated, nextChange: schedule.nextChange(context.at) });
  }
  const subjects = subjectsOf(rule.countPer, call, groups);
  if ('why' in subjects) return not(subjects);
  return { applies: true, subjects, because: parts.length === 0 ? { why: 'every-call' } : { why: 'in-scope', parts } };
}

function subjectsOf(countPer: CountPer, call: CallAttempt, groups: readonly string[]): readonly Subject[] | Because {
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
    case 'no-group':
      return 'the extension is in no group that could be counted';
    case 'in-scope':
      return `the rule applies to ${because.parts.join(' and ')}`;
    case 'not-in-scope':
      return because.part;
    case 'not-now': {
      const state = `schedule ${because.schedule} is ${because.negated ? 'open' : 'closed'} at this time`;
      return because.nextChange === undefined ? state : `${state} until ${new Date(because.nextChange).toISOString()}`;
    }
    default:
      return because satisfies never;
  }
}
