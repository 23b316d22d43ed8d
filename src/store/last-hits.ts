/**
 * When each thing of a list was last hit: noted in memory at no cost to a call, written in batches.
 *
 * What is not written yet when a node dies is lost: at most the last five seconds. Two nodes that write the same id keep
 * the later batch, which is off by as much. While the store is away nothing is lost and nothing grows: there is one time
 * for each id.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';

export interface LastHits {
  /** Notes a hit now. */
  readonly note: (id: string) => void;
  /** Of these ids, as far as known to any node. Rejects while the store is away. */
  readonly of: (ids: readonly string[]) => Promise<ReadonlyMap<string, EpochMs>>;
  /** What is gone from the list. Never rejects. */
  readonly forget: (ids: readonly string[]) => Promise<void>;
  /** Writes what is left. Never rejects. */
  readonly close: () => Promise<void>;
}

const WRITE_EVERY_MS = 5000;
const MOST_IN_A_WRITE = 1000;

export function createLastHits(deps: {
  readonly redis: Redis;
  readonly key: string;
  readonly clock: Clock;
  /** Whether a thing is still on the list; hits of what is gone are not written. */
  readonly isListed: (id: string) => boolean;
}): LastHits {
  const { redis, key, clock } = deps;
  const unwritten = new Map<string, EpochMs>();

  const write = async (): Promise<void> => {
    for (const id of unwritten.keys()) if (!deps.isListed(id)) unwritten.delete(id);
    while (unwritten.size > 0) {
      const batch = [...unwritten].slice(0, MOST_IN_A_WRITE);
      await redis.hset(key, ...batch.flat());
      // Hit again meanwhile: that is for the next batch.
      for (const [id, at] of batch) if (unwritten.get(id) === at) unwritten.delete(id);
    }
  };
  const timer = setInterval(() => void write().catch(() => undefined), WRITE_EVERY_MS);
  timer.unref();

  return {
    note: (id) => void unwritten.set(id, clock.now()),
    of: async (ids) => {
      if (ids.length === 0) return new Map();
      const stored = await redis.hmget(key, ...ids);
      return new Map(
        ids.flatMap((id, at): [string, EpochMs][] => {
          const last = Math.max(Number(stored[at] ?? 0), unwritten.get(id) ?? 0);
          return last > 0 ? [[id, last as EpochMs]] : [];
        }),
      );
    },
    forget: async (ids) => {
      for (const id of ids) unwritten.delete(id);
      if (ids.length > 0) await redis.hdel(key, ...ids).catch(() => undefined);
    },
    close: async () => {
      clearInterval(timer);
      await write().catch(() => undefined);
    },
  };
}
