/**
 * When a call last failed on each trunk: that is, reached no line, as Dial or Asterisk said it.
 *
 * One hash, a field for each trunk of the policy, so it is no larger than that. Nothing waits for it; a failure while the
 * store is away is not noted.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Policy } from '../policy/policy.ts';
import type { Keys } from '../redis/keys.ts';
import type { CallOver, LiveCall } from './live-call.ts';

/** Whoever looks after a trunk asks of this month. */
const KEPT_SECONDS = 31 * 86_400;

export interface TrunkFailures {
  /** Never throws, never waits. */
  readonly note: (call: LiveCall, over: CallOver) => void;
  /** By trunk, in ms since the epoch. @throws where the store cannot be read */
  readonly last: () => Promise<ReadonlyMap<string, number>>;
}

export function createTrunkFailures(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'trunkFailures'>;
  readonly policy: () => Policy;
  readonly clock: { readonly now: () => number };
  readonly log: { readonly warn: (data: object, message: string) => void };
}): TrunkFailures {
  const { redis, clock, log } = deps;
  const key = deps.keys.trunkFailures;
  return {
    note: ({ request: { trunk } }, { outcome }) => {
      if (outcome !== 'failed' || trunk === undefined || !Object.hasOwn(deps.policy().document.trunks, trunk)) return;
      redis
        .multi()
        .hset(key, trunk, String(clock.now()))
        .expire(key, KEPT_SECONDS)
        .exec()
        .catch((error: unknown) => log.warn({ trunk, problem: messageOf(error) }, 'a failure was not noted'));
    },
    last: async () => new Map(Object.entries(await redis.hgetall(key)).map(([trunk, at]) => [trunk, Number(at)])),
  };
}
