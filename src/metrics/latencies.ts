/**
 * How long something took in each of the last 60 minutes, well enough to say the middle one and the slowest of a hundred.
 *
 * Times are sorted into steps of a sixth, from 0.05 ms up, so that what is said of them is right to a twelfth; a minute
 * takes 300 bytes, and a time the addition of one. Everything above 5 s is one step.
 */
import type { Clock } from '../clock.ts';

export interface Latency {
  /** How many, in the time that was looked at. */
  readonly count: number;
  /** Half of them took no longer; null where there was none. */
  readonly p50Ms: number | null;
  /** All but one of a hundred took no longer. */
  readonly p99Ms: number | null;
  /** p99 of each minute, the oldest first; null where there was none. The last one is under way. */
  readonly minutes: readonly (number | null)[];
}

export interface Latencies {
  readonly add: (tookMs: number) => void;
  readonly read: () => Latency;
}

const MINUTES = 60;
const LEAST_MS = 0.05;
const STEP = Math.log(7 / 6);
const STEPS = 1 + Math.ceil(Math.log(5000 / LEAST_MS) / STEP);

export function createLatencies(clock: Pick<Clock, 'now'>): Latencies {
  const ring = Array.from({ length: MINUTES }, () => ({ minute: Number.NaN, steps: new Uint32Array(STEPS) }));
  const minuteNow = (): number => Math.floor(clock.now() / 60_000);
  return {
    add: (tookMs) => {
      const minute = minuteNow();
      const kept = ring[minute % MINUTES];
      if (kept === undefined) return;
      if (kept.minute !== minute) {
        kept.minute = minute;
        kept.steps.fill(0);
      }
      const step = tookMs <= LEAST_MS ? 0 : Math.min(STEPS - 1, Math.ceil(Math.log(tookMs / LEAST_MS) / STEP));
      kept.steps[step] = (kept.steps[step] ?? 0) + 1;
    },
    read: () => {
      const last = minuteNow();
      const all = new Uint32Array(STEPS);
      const minutes = Array.from({ length: MINUTES }, (_, place) => {
        const minute = last - MINUTES + 1 + place;
        const kept = ring[minute % MINUTES];
        if (kept?.minute !== minute) return null;
        kept.steps.forEach((count, step) => {
          all[step] = (all[step] ?? 0) + count;
        });
        return quantile(kept.steps, 0.99);
      });
      const count = all.reduce((sum, each) => sum + each, 0);
      return { count, p50Ms: quantile(all, 0.5), p99Ms: quantile(all, 0.99), minutes };
    },
  };
}

/** The middle of the step in which it lies, in ms, to two digits. */
function quantile(steps: Uint32Array, share: number): number | null {
  const count = steps.reduce((sum, each) => sum + each, 0);
  if (count === 0) return null;
  const wanted = Math.max(1, Math.ceil(share * count));
  let seen = 0;
  const step = steps.findIndex((each) => {
    seen += each;
    return seen >= wanted;
  });
  return Number((LEAST_MS * Math.exp(STEP * Math.max(0, step - 0.5))).toPrecision(2));
}
