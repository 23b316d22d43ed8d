/**
 * The rolling window: never more than `count` calls start in any one period, wherever it begins. Here is what the answer
 * of lua-scripts/take-limits.lua means to people; the calls themselves are remembered, and looked through, in the store.
 *
 * A period holds its first instant and not its last: of a limit of 7 in 7 days the eighth call has room in the very
 * millisecond in which the first becomes 7 days old.
 *
 * More calls than `count` can stand in a window: those that an alert let go, and those of a limit before it was lowered.
 * They are shown as `count` used and none left, and as many of them have to leave before one more has room.
 */
import type { Limit, LimitReading } from './limit.ts';

/**
 * Every call in a window costs its six bytes in the store, and the oldest is dropped by writing all others again: at this
 * bound that is 6 kB for one call.
 */
export const MOST_CALLS_IN_WINDOW = 1000;

/** What the store said of one limit. */
export interface WindowCounts {
  /** Calls in the window before this one, and after it. */
  readonly before: number;
  readonly after: number;
  /** Milliseconds from now until one more call has room, as it was before this one; 0 or less where it has. */
  readonly roomInMs: number;
}

export const readWindow = (limit: Limit, { before, after, roomInMs }: WindowCounts): LimitReading => ({
  limit,
  used: Math.min(limit.count, before),
  usedAfter: Math.min(limit.count, after),
  remaining: Math.max(0, limit.count - before),
  roomAfterMs: Math.max(0, roomInMs),
});
