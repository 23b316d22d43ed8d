/**
 * From where each user has logged in before, so that staff hear of a log-in from elsewhere.
 *
 * Guarantees: of several daemons one hears that an address is new; what is kept is bounded, and ends half a year after the
 * last log-in. Knows nothing of who is let in: who asks has let him in already.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { formatNetwork, networkAround, readAddress } from '../policy/addresses.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';

export interface KnownAddresses {
  /**
   * Notes a log-in.
   * @returns whether he has logged in from there before; of IPv6 the /64 counts, since machines change the rest by themselves
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`
   */
  readonly note: (user: string, address: string) => Promise<'new' | 'known'>;
}

const MOST_OF_ONE_USER = 100;
const KEPT_SECONDS = 180 * 86_400;

export function createKnownAddresses(
  redis: Redis,
  keys: Pick<Keys, 'logInPlaces'>,
  clock: Pick<Clock, 'now'>,
): KnownAddresses {
  return {
    note: async (user, address) => {
      const key = keys.logInPlaces(user);
      const replies = await redis
        .multi()
        .zadd(key, clock.now(), placeOf(address))
        .zremrangebyrank(key, 0, -(MOST_OF_ONE_USER + 1))
        .expire(key, KEPT_SECONDS)
        .exec()
        .catch(fail);
      const [error, added] = replies?.[0] ?? [];
      if (error) fail(error);
      return added === 1 ? 'new' : 'known';
    },
  };
}

/** One machine has all of an IPv6 /64 to itself. */
export function placeOf(text: string): string {
  const address = readAddress(text);
  return address?.family === 6 ? formatNetwork(networkAround(address, 64)) : text;
}

const fail = (error: unknown): never => {
  throw storeError(error);
};
