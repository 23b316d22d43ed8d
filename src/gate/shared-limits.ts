/**
 * Which limits are nearest to their end, of all daemons of a tenant: each leaves in the store what its own calls saw last.
 *
 * Counters are common, so of two daemons that saw the same limit the later one is right. Nobody waits for it; while the
 * store is away a daemon says what it knows by itself.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { type FullestLimits, type FullLimit, type LimitReading, usedBy } from './fullest-limits.ts';

export interface SharedLimits {
  /** The fullest first. Never rejects. */
  readonly list: (most: number) => Promise<readonly FullLimit[]>;
  readonly close: () => void;
}

const WRITE_EVERY_MS = 2000;
/** Each daemon's fullest; more are never shown. */
const MOST_SHARED = 32;
/** The longest period of a limit is a week or so; what nobody writes any more goes. */
const KEPT_SECONDS = 8 * 86_400;

const readings = z.array(
  z.object({
    rule: z.string(),
    name: z.string(),
    subject: z.string(),
    limit: z.string(),
    used: z.number(),
    of: z.number(),
    at: z.int().transform((at) => at as EpochMs),
    periodSeconds: z.number(),
  }),
);

export function shareLimits(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'fullestLimits'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly node: string;
  readonly fullest: Pick<FullestLimits, 'readings'>;
}): SharedLimits {
  const { redis, keys, clock, node, fullest } = deps;
  let written = '[]';

  const write = async (): Promise<void> => {
    const text = JSON.stringify(fullest.readings(MOST_SHARED, clock.now()));
    if (text === written) return;
    await redis.pipeline().hset(keys.fullestLimits, node, text).expire(keys.fullestLimits, KEPT_SECONDS).exec();
    written = text;
  };
  const timer = setInterval(() => void write().catch(() => undefined), WRITE_EVERY_MS);
  timer.unref();

  return {
    list: async (most) => {
      const now = clock.now();
      const others = await redis.hgetall(keys.fullestLimits).catch(() => ({}));
      const latest = new Map<string, LimitReading>();
      for (const each of [...Object.values(others).flatMap(read), ...fullest.readings(MOST_SHARED, now)]) {
        const key = `${each.rule} ${each.limit} ${each.subject}`;
        if ((latest.get(key)?.at ?? 0) <= each.at) latest.set(key, each);
      }
      return [...latest.values()]
        .flatMap(({ at, periodSeconds, ...limit }) => {
          const used = usedBy({ at, periodSeconds, ...limit }, now);
          return used === 0 ? [] : [{ ...limit, used }];
        })
        .sort((a, b) => b.used / b.of - a.used / a.of)
        .slice(0, most);
    },
    close: () => clearInterval(timer),
  };
}

/** Of what no daemon of this version has written: nothing. */
function read(text: string): readonly LimitReading[] {
  try {
    return readings.parse(JSON.parse(text));
  } catch {
    return [];
  }
}
