/** Counts of a minute each, as a chart takes them, and the sentence that says the same. Pure. */
import type { VerdictName } from '../../../policy/actions/action.ts';

export interface Minute {
  readonly at: string;
  /** Null: nothing is known of that minute. */
  readonly verdicts: Readonly<Partial<Record<VerdictName, number>>> | null;
}

/** Of one minute; null where nothing is known of it. */
export type Count = number | null;

/** From the base of the stack up. */
export const STOPPED = ['block', 'hold', 'wait', 'alert'] as const;
export type Stopped = (typeof STOPPED)[number];

const MINUTE_MS = 60_000;

export const countsOf = (minutes: readonly Minute[], verdict: VerdictName): readonly Count[] =>
  minutes.map(({ verdicts }) => (verdicts === null ? null : (verdicts[verdict] ?? 0)));

export const sumOf = (counts: readonly Count[]): number => counts.reduce<number>((sum, each) => sum + (each ?? 0), 0);

export const addedUp = (series: readonly (readonly Count[])[]): readonly Count[] =>
  (series[0] ?? []).map((count, at) => (count === null ? null : sumOf(series.map((counts) => counts[at] ?? 0))));

/** Place of the largest, the latest of equal ones. */
export const largestAt = (counts: readonly Count[]): number =>
  counts.reduce<number>((best, count, at) => ((count ?? -1) >= (counts[best] ?? -1) ? at : best), 0);

/** Each series on top of those before it, so that the last one is the whole. */
export function stacked(series: readonly (readonly Count[])[]): readonly (readonly Count[])[] {
  let below: readonly Count[] = (series[0] ?? []).map(() => 0);
  return series.map((counts) => {
    below = counts.map((count, at) => (count === null ? null : count + (below[at] ?? 0)));
    return below;
  });
}

/** Ends of each stretch of which nothing is known: places, both of them in it. */
export function gapsIn(counts: readonly Count[]): readonly (readonly [from: number, to: number])[] {
  const gaps: [number, number][] = [];
  counts.forEach((count, at) => {
    if (count !== null) return;
    const last = gaps.at(-1);
    if (last?.[1] === at - 1) last[1] = at;
    else gaps.push([at, at]);
  });
  return gaps;
}

/**
 * The same number of minutes up to now. What was read a while ago says nothing of those since then.
 *
 * @param unknown such a minute
 */
export function upTo<T extends { readonly at: string }>(
  minutes: readonly T[],
  now: number,
  unknown: (at: string) => T,
): readonly T[] {
  const last = Date.parse(minutes.at(-1)?.at ?? '');
  const missing = Math.min(minutes.length, Math.floor((now - last) / MINUTE_MS));
  if (!(missing > 0)) return minutes;
  const added = Array.from({ length: missing }, (_, at) => {
    const place = Math.floor(now / MINUTE_MS) - missing + 1 + at;
    return unknown(new Date(place * MINUTE_MS).toISOString());
  });
  return [...minutes.slice(missing), ...added];
}
