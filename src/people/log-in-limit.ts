/**
 * How often a log-in may be tried, by one address and for one name, counted in the store for all daemons together.
 *
 * Guarantees: a try is counted before it is looked at, so many at once are not more than the same one after another; what
 * is kept is bounded whatever is tried. Names that there are not count like those that there are. Bans are the business
 * of the defence (src/bans): this one bounds what can be tried before, and where nobody is banned.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';
import { placeOf } from './known-addresses.ts';

const STRETCH_MS = 5 * 60_000;
const MOST_OF_ADDRESS = 10;
const MOST_OF_NAME = 30;

export interface LogInLimit {
  /**
   * Counts a try.
   * @param options.trusted the address is on the allowlist: what others try in a name does not keep its owner out
   * @returns how to take it back, if it was right; or how long to wait
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`
   */
  readonly count: (
    address: string,
    name: string,
    options: { readonly trusted: boolean },
  ) => Promise<{ readonly forgive: () => Promise<void> } | { readonly retryAfterSeconds: number }>;
}

export function createLogInLimit(redis: Redis, keys: Pick<Keys, 'logIns'>, clock: Pick<Clock, 'now'>): LogInLimit {
  return {
    count: async (address, name, { trusted }) => {
      const now = clock.now();
      const stretch = Math.floor(now / STRETCH_MS);
      const key = keys.logIns(stretch);
      const fields = [`address ${bucketOf(placeOf(address))}`, `name ${bucketOf(name)}`] as const;
      /** Both counts after it. */
      const add = async (by: 1 | -1): Promise<readonly number[]> => {
        const steps = redis.multi();
        for (const field of fields) steps.hincrby(key, field, by);
        const replies = await steps
          .pexpire(key, 2 * STRETCH_MS)
          .exec()
          .catch(fail);
        return (replies ?? []).map(([error, count]) => (error === null ? Number(count) : fail(error)));
      };
      const [ofAddress = 0, ofName = 0] = await add(1);
      if (ofAddress > MOST_OF_ADDRESS || (ofName > MOST_OF_NAME && !trusted)) {
        return { retryAfterSeconds: Math.ceil(((stretch + 1) * STRETCH_MS - now) / 1000) };
      }
      return { forgive: async () => void (await add(-1)) };
    },
  };
}

/** One of 65,536: names are what strangers type, and there is no end of them. */
const bucketOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 4);

const fail = (error: unknown): never => {
  throw storeError(error);
};
