/**
 * A compiled rule, and whether it has anything to say about a call.
 *
 * A rule *applies* when its scope names the call (alternatives inside a key, all keys together), and when the thing it
 * counts on is known: a rule per trunk says nothing about a call whose trunk nobody knows.
 */
import type { Action, ActionAnswer } from './actions/action.ts';
import { type CallAttempt, type CountPer, type RuleId, type Subject, showName, UNKNOWN_EXTENSION } from './call.ts';
import type { Limit } from './limit.ts';
import type { NumberSet } from './number-set.ts';

export interface Rule {
  readonly id: RuleId;
  readonly name: string;
  /** Raised by a reset: the rule counts in new buckets from then on. */
  readonly generation: number;
  readonly scope: Scope;
  readonly countPer: CountPer;
  /** Shortest period first. Empty: the rule acts on every call that it applies to. */
  readonly limits: readonly Limit[];
  readonly action: Action;
  readonly answer: ActionAnswer;
  readonly mode: 'enforce' | 'shadow';
  readonly whenStoreFails: 'allow' | 'block';
  readonly enabled: boolean;
}

/** Undefined parts restrict nothing; all parts undefined is every call. */
export interface Scope {
  readonly extensions?: { readonly set: NumberSet; readonly members: readonly string[] };
  readonly groups?: ReadonlySet<string>;
  readonly trunks?: ReadonlySet<string>;
}

/** Why a rule applies to a call or not; `describeBecause` says it in words. */
export type Because =
  | { readonly why: 'disabled' | 'every-call' | 'unknown-extension' | 'unknown-trunk' | 'no-group' }
  | { readonly why: 'in-scope'; readonly parts: readonly string[] }
  | { readonly why: 'not-in-scope'; readonly part: string };

export type Match =
  | { readonly applies: true; readonly because: Because; readonly subjects: readonly Subject[] }
  | { readonly applies: false; readonly because: Because };

const SYSTEM: readonly Subject[] = [{ kind: 'system', id: '' }];

/** @param groups every group that the call's extension is a member of */
export function matchRule(rule: Rule, call: CallAttempt, groups: readonly string[]): Match {
  if (!rule.enabled) return { applies: false, because: { why: 'disabled' } };
  const { scope } = rule;
  const parts: string[] = [];
  if (scope.extensions !== undefined) {
    if (call.extension === undefined) return { applies: false, because: { why: 'unknown-extension' } };
    const extension = `extension ${showName(call.extension)}`;
    if (!scope.extensions.set.has(call.extension)) return outside(extension, scope.extensions.members);
    parts.push(extension);
  }
  const { groups: scopeGroups, trunks: scopeTrunks } = scope;
  const inGroups = scopeGroups === undefined ? groups : groups.filter((group) => scopeGroups.has(group));
  if (scopeGroups !== undefined) {
    if (inGroups.length === 0) return outside(describeExtension(call), [...scopeGroups]);
    parts.push(`group ${inGroups.join(' and ')}`);
  }
  if (scopeTrunks !== undefined) {
    if (call.trunk === undefined) return { applies: false, because: { why: 'unknown-trunk' } };
    if (!scopeTrunks.has(call.trunk)) return outside(`trunk ${showName(call.trunk)}`, [...scopeTrunks]);
    parts.push(`trunk ${call.trunk}`);
  }
  const subjects = subjectsOf(rule.countPer, call, inGroups);
  if ('why' in subjects) return { applies: false, because: subjects };
  return { applies: true, subjects, because: parts.length === 0 ? { why: 'every-call' } : { why: 'in-scope', parts } };
}

function subjectsOf(countPer: CountPer, call: CallAttempt, groups: readonly string[]): readonly Subject[] | Because {
  switch (countPer) {
    case 'extension':
      return [{ kind: 'extension', id: call.extension ?? UNKNOWN_EXTENSION }];
    case 'group':
      return groups.length === 0 ? { why: 'no-group' } : groups.map((id) => ({ kind: 'group', id }));
    case 'trunk':
      return call.trunk === undefined ? { why: 'unknown-trunk' } : [{ kind: 'trunk', id: call.trunk }];
    case 'system':
      return SYSTEM;
    default:
      return countPer satisfies never;
  }
}

const outside = (what: string, wanted: readonly string[]): Match => {
  const shown = wanted.slice(0, 5).join(' ');
  const more = wanted.length > 5 ? ` and ${wanted.length - 5} more` : '';
  return { applies: false, because: { why: 'not-in-scope', part: `${what} is not in ${shown}${more}` } };
};

const describeExtension = (call: CallAttempt): string =>
  call.extension === undefined ? 'an unknown extension' : `extension ${showName(call.extension)}`;

/** One sentence, without its full stop so that more can be said after it. */
export function describeBecause(because: Because): string {
  switch (because.why) {
    case 'disabled':
      return 'the rule is disabled';
    case 'every-call':
      return 'the rule applies to every call';
    case 'unknown-extension':
      return 'the extension of this call is not known';
    case 'unknown-trunk':
      return 'the trunk of this call is not known';
    case 'no-group':
      return 'the extension is in no group that could be counted';
    case 'in-scope':
      return `the rule applies to ${because.parts.join(' and ')}`;
    case 'not-in-scope':
      return because.part;
    default:
      return because satisfies never;
  }
}
