/**
 * Addresses that were unblocked and are left alone for a time: no automatic ban holds them until then. By hand they can be
 * banned all the same.
 *
 * Guarantees that no daemon makes an automatic ban against it, however lately it was said: the list has a number, an
 * automatic ban is judged by the list of one number, and the store refuses it once there is a newer one.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { type AddressRange, contains, formatRange, networksOf, overlaps, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';

export interface LeftAlone {
  /** Canonical address or network. */
  readonly address: string;
  readonly since: EpochMs;
  readonly until: EpochMs;
  readonly by: string;
}

export interface LeftAloneList {
  /** Who ends first, first. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly list: () => Promise<readonly LeftAlone[]>;
  /** As it was last read: what an automatic ban is judged by. */
  readonly known: () => { readonly number: string; readonly left: readonly LeftAlone[] };
  /** @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly refresh: () => Promise<void>;
  /** Those that were left alone until now. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly end: (addresses: readonly string[]) => Promise<readonly string[]>;
}

export function createLeftAlone(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'banState' | 'banAlone'>;
  readonly clock: Clock;
}): LeftAloneList {
  const { redis, keys, clock } = deps;
  let known: { readonly number: string; readonly left: readonly LeftAlone[] } = { number: '0', left: [] };
  const inForce = (): readonly LeftAlone[] => known.left.filter(({ until }) => until > clock.now());

  const refresh = async (): Promise<void> => {
    const [[, number] = [], [, fields] = []] =
      (await redis.multi().hget(keys.banState, 'alone').hgetall(keys.banAlone).exec()) ?? [];
    const left = Object.entries((fields ?? {}) as Readonly<Record<string, string>>).flatMap(([address, text]) => {
      const [, until, since, by = ''] = /^(\d+) (\d+) (.*)$/s.exec(text) ?? [];
      return until === undefined || since === undefined
        ? []
        : [{ address, until: Number(until) as EpochMs, since: Number(since) as EpochMs, by }];
    });
    known = { number: typeof number === 'string' ? number : '0', left };
  };

  return {
    list: async () => {
      await refresh();
      return [...inForce()].sort((a, b) => a.until - b.until);
    },
    known: () => ({ number: known.number, left: inForce() }),
    refresh,
    end: async (addresses) => {
      await refresh();
      const wanted = new Set(addresses);
      const ended = inForce().flatMap(({ address }) => (wanted.has(address) ? [address] : []));
      if (ended.length > 0)
        await redis
          .multi()
          .hdel(keys.banAlone, ...ended)
          .hincrby(keys.banState, 'alone', 1)
          .exec();
      return ended;
    },
  };
}

/** The one that leaves alone all of a range; undefined: none does. */
export const leavingAlone = (left: readonly LeftAlone[], range: AddressRange): LeftAlone | undefined =>
  left.find(({ address }) => {
    const read = readRange(address);
    return 'range' in read && contains(read.range, range);
  });

/** What of a range is left alone, as networks. */
export const leftAloneIn = (left: readonly LeftAlone[], range: AddressRange) =>
  left.flatMap((each) => {
    const read = readRange(each.address);
    if ('problem' in read || !overlaps(read.range, range)) return [];
    return networksOf(read.range).map((network) => ({ network, named: formatRange(read.range) }));
  });
