/**
 * Lockouts in a replay: the same refusals count and the same calls are locked as live (src/locks), in memory. Nobody clears
 * a lock here: what it stops from then on is what a site would have seen until a person looked.
 */
import type { Decision } from '../gate/gate.ts';
import { refusingRules } from '../gate/refusing-rules.ts';
import type { CallAttempt, EpochMs, Subject } from '../policy/call.ts';
import { lockMatches } from '../policy/lock-rules.ts';
import { type Lock, subjectText } from '../policy/lockout.ts';
import type { AppliedRule, Policy } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';

export interface ReplayLocks {
  readonly locksOn: (policy: Policy, call: CallAttempt) => readonly AppliedRule[];
  /** Counts the refusals of a decided call. */
  readonly decided: (decision: Decision) => void;
  readonly lock: (rule: Rule, subject: Subject, at: EpochMs, because: string) => void;
  readonly made: () => readonly Lock[];
}

export function createReplayLocks(policy: Policy): ReplayLocks {
  const locks = new Map<string, Lock>();
  const bySubject = new Map<string, readonly Lock[]>();
  const refusals = new Map<string, readonly EpochMs[]>();
  const keyOf = ({ id }: Rule, subject: Subject): string => `${id} ${subjectText(subject)}`;

  const lock: ReplayLocks['lock'] = (rule, subject, at, because) => {
    const key = keyOf(rule, subject);
    if (rule.lockout === undefined || rule.mode === 'shadow' || locks.has(key)) return;
    const made: Lock = {
      id: String(locks.size + 1),
      rule: rule.id,
      subject,
      destinations: [...rule.lockout.destinations],
      because,
      at,
    };
    locks.set(key, made);
    const of = subjectText(subject);
    bySubject.set(of, [...(bySubject.get(of) ?? []), made]);
  };

  return {
    lock,
    locksOn: (_, call) => (policy.lockouts.length === 0 ? [] : lockMatches(policy, call, bySubject, () => true)),
    decided: (decision) => {
      for (const [rule, subjects] of refusingRules(decision, policy)) {
        if (rule.lockout === undefined) continue;
        const { after, withinSeconds } = rule.lockout;
        for (const subject of subjects) {
          const key = keyOf(rule, subject);
          const since = decision.at - withinSeconds * 1000;
          const times = [...(refusals.get(key) ?? []).filter((at) => at > since), decision.at].slice(-after);
          refusals.set(key, times);
          if (times.length >= after) lock(rule, subject, decision.at, `${after} calls were refused`);
        }
      }
    },
    made: () => [...locks.values()],
  };
}
