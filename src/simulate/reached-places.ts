/** Which places abroad the answered calls of a history reached, and for whom: what rules about first calls remember. Pure. */
import type { CallAttempt, CountPer, Subject } from '../policy/call.ts';
import { placeOf } from '../policy/first-call.ts';
import type { Policy } from '../policy/policy.ts';
import { subjectsOf } from '../policy/rule.ts';
import type { CallHistory } from './call-history.ts';

export interface ReachedPlace {
  readonly subject: Subject;
  readonly place: string;
  /** When its latest answered call there began, epoch ms. */
  readonly atMs: number;
}

/** @param per what rules about first calls count on; extensions are always among it, for rules that are still to come */
export function reachedIn(history: CallHistory, policy: Policy, per: readonly CountPer[]): readonly ReachedPlace[] {
  const kinds = [...new Set<CountPer>(['extension', ...per])];
  const latest = new Map<string, ReachedPlace>();
  for (let index = 0; index < history.tries; index++) {
    const { dialled, extension, trunk, campaign, outcome, startMs } = history.at(index);
    if (outcome !== 'answered') continue;
    const call: CallAttempt = {
      destination: policy.readDestination(dialled),
      ...{ extension, trunk, campaign, source: undefined },
    };
    const place = placeOf(call.destination);
    if (place === undefined) continue;
    for (const kind of kinds) {
      // Whoever calls and is not known is not taught: everybody whom nobody knows would be.
      if (extension === undefined && kind !== 'trunk' && kind !== 'system') continue;
      const subjects = subjectsOf(kind, call, policy.groupsOf(extension));
      if ('why' in subjects) continue;
      for (const subject of subjects) {
        // In the order in which they began: the last one is the latest.
        latest.set(`${subject.kind} ${subject.id} ${place}`, { subject, place, atMs: startMs });
      }
    }
  }
  return [...latest.values()];
}
