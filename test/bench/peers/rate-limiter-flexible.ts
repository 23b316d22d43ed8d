/**
 * The nearest peer: rate-limiter-flexible, one limiter for each bucket kind, asked all at once.
 *
 * It has one fixed window where Tollgate has two token buckets, and no record of the call; a call that its fourth limiter
 * refuses has been counted by the other three. `taken` shows that.
 */
import type { Redis } from 'ioredis';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';

export interface PeerLimits {
  /** True when every limiter let the call pass. */
  readonly decide: (subjects: readonly string[]) => Promise<boolean>;
  readonly taken: (subjects: readonly string[]) => Promise<readonly number[]>;
}

/** @param caps calls that each limiter allows in `seconds` */
export function createPeerLimits(redis: Redis, caps: readonly number[], seconds: number): PeerLimits {
  const limiters = caps.map(
    (points, at) => new RateLimiterRedis({ storeClient: redis, keyPrefix: `peer${at}`, points, duration: seconds }),
  );
  return {
    async decide(subjects) {
      try {
        await Promise.all(limiters.map((limiter, at) => limiter.consume(subjects[at] ?? '')));
        return true;
      } catch (error) {
        if (error instanceof RateLimiterRes) return false;
        throw error;
      }
    },
    taken: (subjects) =>
      Promise.all(limiters.map(async (limiter, at) => (await limiter.get(subjects[at] ?? ''))?.consumedPoints ?? 0)),
  };
}
