/** Which countries each extension has called: so that the first call to one is known. In the store, for 90 days. */
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';

export interface CalledCountries {
  /** True at the first call of an extension to a country in 90 days. Rejects while the store is away. */
  readonly isFirst: (extension: string, country: string) => Promise<boolean>;
  /** As {@link isFirst}, for a call that was not made yet. */
  readonly wouldBeFirst: (extension: string, country: string) => Promise<boolean>;
}

const KEPT_SECONDS = 90 * 86_400;

export function createCalledCountries(redis: Redis, keys: Keys): CalledCountries {
  return {
    isFirst: async (extension, country) => {
      const key = keys.calledCountries(extension, country);
      const before = await redis.set(key, '1', 'EX', KEPT_SECONDS, 'GET');
      return before === null;
    },
    wouldBeFirst: async (extension, country) => (await redis.exists(keys.calledCountries(extension, country))) === 0,
  };
}
