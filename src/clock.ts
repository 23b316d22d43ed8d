/**
 * Time as a dependency. Everything that needs the time takes a Clock, so that tests and replays choose it.
 *
 * Limits never use this clock: they are counted by the store's own time (see lua-scripts/take-limits.lua), so that
 * daemons on hosts with skewed clocks agree.
 */
import type { EpochMs } from './policy/call.ts';

export interface Clock {
  /** Wall-clock time, for journals and for people. May step. */
  readonly now: () => EpochMs;
  /** Monotonic milliseconds with a fraction, for durations and deadlines. Never steps; its zero means nothing. */
  readonly monotonicMs: () => number;
}

export const systemClock: Clock = {
  now: () => Date.now() as EpochMs,
  monotonicMs: () => performance.now(),
};
