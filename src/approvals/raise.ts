/** More calls for one rule and subject until a time, without a call that waits for it. Pure. */
import { TollgateError } from '../errors.ts';
import { describeSubject, type EpochMs, type Subject } from '../policy/call.ts';
import type { Rule } from '../policy/rule.ts';
import { type LimitGrant, usualCalls } from './grant.ts';

/** What is asked for. */
export interface Raise {
  readonly rule: string;
  readonly subject: Subject;
  /** Until when; `day`: the end of the day where the policy is at home. */
  readonly lasts: { readonly minutes: number } | 'day';
  /** How many more calls; absent: as many as the rule itself lets pass in that time. */
  readonly calls?: number | undefined;
  readonly reason?: string | undefined;
  readonly by: string;
  readonly from?: string | undefined;
}

/** @throws {TollgateError} `NOT_FOUND`, `INVALID_REQUEST` for a rule or subject that nothing can be granted to */
export function grantOfRaise(
  raise: Raise,
  rules: readonly Rule[],
  { id, at, until }: { readonly id: string; readonly at: EpochMs; readonly until: EpochMs },
): LimitGrant {
  const rule = rules.find((each) => each.id === raise.rule);
  if (rule === undefined) throw new TollgateError('NOT_FOUND', `there is no rule "${raise.rule}"`);
  const { verdict } = rule.action;
  if (verdict !== 'block' && verdict !== 'hold')
    throw cannot(`rule ${rule.id} refuses and holds nothing, so there is nothing to raise`);
  if (rule.limits.length === 0)
    throw cannot(`rule ${rule.id} has no limit of calls to raise; change the rule, or approve single calls`);
  if (raise.subject.kind !== rule.countPer)
    throw cannot(`rule ${rule.id} counts per ${rule.countPer}, not for ${describeSubject(raise.subject)}`);
  const { by, from, reason, subject } = raise;
  return {
    ...{ id, what: 'limit', rule: rule.id, by, approval: '', at, until },
    ...(from === undefined ? {} : { from }),
    ...(reason === undefined ? {} : { reason }),
    subjects: [subject],
    calls: raise.calls ?? usualCalls(rule.limits, Math.max(1, Math.ceil((until - at) / 60_000))),
  };
}

const cannot = (why: string): TollgateError => new TollgateError('INVALID_REQUEST', why);
