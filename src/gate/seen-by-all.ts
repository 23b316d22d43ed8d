/** What daemons of a tenant see of calls and attacks, together: by minute, and which limits are nearest to their end. */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Keys } from '../redis/keys.ts';
import { createFullestLimits, type FullestLimits } from './fullest-limits.ts';
import type { Decision } from './gate.ts';
import { createMinuteCounts, type MinuteCounts } from './minute-counts.ts';
import { type SharedLimits, shareLimits } from './shared-limits.ts';

export interface SeenByAll {
  readonly minutes: Pick<MinuteCounts, 'lately' | 'emergencies'>;
  readonly limits: Pick<SharedLimits, 'list'>;
  /** Of this daemon alone. */
  readonly fullest: FullestLimits;
  /** Never waits and never fails. */
  readonly decided: (decision: Decision) => void;
  /** A hostile event was counted. Never waits and never fails. */
  readonly hostile: () => void;
  readonly close: () => Promise<void>;
}

export function watchForAll(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
}): SeenByAll {
  const minutes = createMinuteCounts(deps);
  const fullest = createFullestLimits();
  const limits = shareLimits({ ...deps, fullest });
  return {
    minutes,
    limits,
    fullest,
    decided: (decision) => {
      fullest.decided(decision);
      if (decision.verdict.layer === 'emergency') minutes.note('emergency');
    },
    hostile: () => minutes.note('hostile'),
    close: async () => {
      limits.close();
      await minutes.close();
    },
  };
}
