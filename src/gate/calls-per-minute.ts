/** How many calls there were in each of the last minutes, by verdict: read from what the journal counts. */
import type { Redis } from 'ioredis';
import { VERDICTS, type VerdictName } from '../policy/actions/action.ts';
import type { Keys } from '../redis/keys.ts';

export interface MinuteOfCalls {
  /** ISO 8601, UTC: when it began. */
  readonly at: string;
  readonly verdicts: Readonly<Partial<Record<VerdictName, number>>>;
}

const MINUTE_MS = 60_000;

/** The oldest first. @param minutes at most some hours: each is one read of the store */
export async function callsPerMinute(
  redis: Redis,
  keys: Pick<Keys, 'counts'>,
  now: number,
  minutes: number,
): Promise<readonly MinuteOfCalls[]> {
  const last = Math.floor(now / MINUTE_MS);
  const starts = Array.from({ length: minutes }, (_, place) =>
    new Date((last - minutes + 1 + place) * MINUTE_MS).toISOString(),
  );
  const hours = [...new Set(starts.map((at) => at.slice(0, 13)))];
  const counted = new Map(
    await Promise.all(hours.map(async (hour) => [hour, await redis.hgetall(keys.counts(hour))] as const)),
  );
  return starts.map((at) => {
    const fields = counted.get(at.slice(0, 13));
    const verdicts = VERDICTS.flatMap((verdict) => {
      const count = Number(fields?.[`${at.slice(11, 16)}|-|${verdict}`] ?? 0);
      return count === 0 ? [] : [[verdict, count] as const];
    });
    return { at, verdicts: Object.fromEntries(verdicts) };
  });
}
