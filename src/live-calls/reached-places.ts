/**
 * What answered calls teach of first calls: whoever a rule about them counts on has reached the place from now on, whether
 * or not the rule applied to this very call.
 *
 * The store is away: the call is not remembered, and the next one to that place is a first one again.
 */
import { messageOf } from '../errors.ts';
import type { Decision } from '../gate/gate.ts';
import type { LimitStore } from '../gate/limit-store.ts';
import type { Log } from '../log.ts';
import { placeOf } from '../policy/first-call.ts';
import type { Policy } from '../policy/policy.ts';
import { subjectsOf } from '../policy/rule.ts';
import type { LiveCall } from './live-call.ts';

export interface ReachedPlaces {
  /** Whether it matters if this call is answered. */
  readonly isWatched: (decision: Decision) => boolean;
  /** Never throws, never waits. */
  readonly answered: (call: LiveCall) => void;
}

export function createReachedPlaces(deps: {
  readonly limits: Pick<LimitStore, 'reach'>;
  readonly policy: () => Policy;
  readonly log: Log;
}): ReachedPlaces {
  const { limits, policy, log } = deps;
  return {
    isWatched: ({ call }) => policy().firstCallsPer.length > 0 && placeOf(call.destination) !== undefined,
    answered: ({ request }) => {
      const { readDestination, groupsOf, firstCallsPer } = policy();
      if (firstCallsPer.length === 0) return;
      const call = { ...request, destination: readDestination(request.dialled) };
      const place = placeOf(call.destination);
      if (place === undefined) return;
      const subjects = firstCallsPer.flatMap((per) => {
        const found = subjectsOf(per, call, groupsOf(call.extension));
        return 'why' in found ? [] : found;
      });
      limits.reach(subjects, place).catch((error: unknown) => {
        log.warn({ place, problem: messageOf(error) }, 'a place that was reached could not be remembered');
      });
    },
  };
}
