/**
 * What happens minute by minute, of all daemons of a tenant together: that one was there at all, hostile events that the
 * defence counted, and emergency calls.
 *
 * Noted in memory at no cost to a call, written every two seconds. While the store is away nothing is lost: at most a day
 * of minutes waits here. A write whose answer was lost is written again, so after a broken connection two seconds may
 * count twice: these are figures to look at, and nothing is decided by them.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';

export interface MinuteSeen {
  /** ISO 8601, UTC: when it began. */
  readonly at: string;
  /** A daemon was there. Of a minute in which none was, nothing is known. */
  readonly isKnown: boolean;
  readonly hostile: number;
}

export interface MinuteCounts {
  readonly note: (what: 'hostile' | 'emergency') => void;
  /** The oldest first, the last one is under way. Rejects while the store is away. @param minutes at most some hours */
  readonly lately: (minutes: number) => Promise<readonly MinuteSeen[]>;
  /** Emergency calls since then, to the minute; at most of two days. Rejects while the store is away. */
  readonly emergencies: (since: EpochMs) => Promise<number>;
  /** Writes what is left. Never rejects. */
  readonly close: () => Promise<void>;
}

const WRITE_EVERY_MS = 2000;
const MINUTE_MS = 60_000;
const KEPT_SECONDS = 50 * 3600;
/** Three things in each minute of a day. */
const MOST_WAITING = 3 * 24 * 60;

export function createMinuteCounts(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'minuteCounts'>;
  readonly clock: Pick<Clock, 'now'>;
}): MinuteCounts {
  const { redis, keys, clock } = deps;
  /** By `2026-11-21T09:41 what`. */
  let waiting = new Map<string, number>();
  let seenIn = '';

  const note = (what: string): void => {
    const field = `${minuteOf(clock.now())} ${what}`;
    if (waiting.size < MOST_WAITING || waiting.has(field)) waiting.set(field, (waiting.get(field) ?? 0) + 1);
  };
  const write = async (): Promise<void> => {
    const minute = minuteOf(clock.now());
    if (minute !== seenIn) note('up');
    seenIn = minute;
    if (waiting.size === 0) return;
    const batch = waiting;
    waiting = new Map();
    try {
      const adding = redis.pipeline();
      for (const [field, count] of batch) adding.hincrby(keys.minuteCounts(hourOf(field)), field.slice(11), count);
      for (const hour of new Set([...batch.keys()].map(hourOf))) adding.expire(keys.minuteCounts(hour), KEPT_SECONDS);
      const failed = (await adding.exec())?.find(([error]) => error !== null);
      if (failed?.[0]) throw failed[0];
    } catch (error) {
      for (const [field, count] of batch) waiting.set(field, (waiting.get(field) ?? 0) + count);
      throw error;
    }
  };
  const timer = setInterval(() => void write().catch(() => undefined), WRITE_EVERY_MS);
  timer.unref();
  void write().catch(() => undefined);

  /** By `2026-11-21T09:41 what`, with what this node has not written yet. */
  const read = async (hours: readonly string[]): Promise<(field: string) => number> => {
    const found = new Map(
      await Promise.all(hours.map(async (hour) => [hour, await redis.hgetall(keys.minuteCounts(hour))] as const)),
    );
    return (field) => Number(found.get(hourOf(field))?.[field.slice(11)] ?? 0) + (waiting.get(field) ?? 0);
  };
  const minutesTo = (now: number, count: number): readonly string[] =>
    Array.from({ length: count }, (_, place) => minuteOf(now - (count - 1 - place) * MINUTE_MS));

  return {
    note,
    lately: async (minutes) => {
      const wanted = minutesTo(clock.now(), minutes);
      const countOf = await read([...new Set(wanted.map(hourOf))]);
      return wanted.map((minute) => ({
        at: new Date(`${minute}Z`).toISOString(),
        isKnown: countOf(`${minute} up`) > 0,
        hostile: countOf(`${minute} hostile`),
      }));
    },
    emergencies: async (since) => {
      const now = clock.now();
      const wanted = minutesTo(
        now,
        Math.min(2 * 24 * 60, Math.floor(now / MINUTE_MS) - Math.floor(since / MINUTE_MS) + 1),
      );
      const countOf = await read([...new Set(wanted.map(hourOf))]);
      return wanted.reduce((sum, minute) => sum + countOf(`${minute} emergency`), 0);
    },
    close: async () => {
      clearInterval(timer);
      await write().catch(() => undefined);
    },
  };
}

/** `2026-11-21T09:41`, UTC. */
const minuteOf = (at: number): string => new Date(at).toISOString().slice(0, 16);
/** `2026-11-21T09`. */
const hourOf = (field: string): string => field.slice(0, 13);
