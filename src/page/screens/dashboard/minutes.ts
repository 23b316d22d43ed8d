/** Counts of a minute each, as a chart takes them, and the sentence that says the same. Pure. */
import type { VerdictName } from '../../../policy/actions/action.ts';

export interface Minute {
  readonly at: string;
  readonly verdicts: Readonly<Partial<Record<VerdictName, number>>>;
}

/** From the base of the stack up. */
export const STOPPED = ['block', 'hold', 'wait', 'alert'] as const;
export type Stopped = (typeof STOPPED)[number];

export interface Series {
  readonly name: string;
  readonly counts: readonly number[];
}

export const countsOf = (minutes: readonly Minute[], verdict: VerdictName): readonly number[] =>
  minutes.map(({ verdicts }) => verdicts[verdict] ?? 0);

export const sumOf = (counts: readonly number[]): number => counts.reduce((sum, each) => sum + each, 0);

export const addedUp = (series: readonly (readonly number[])[]): readonly number[] =>
  (series[0] ?? []).map((_, at) => sumOf(series.map((counts) => counts[at] ?? 0)));

/** Place of the largest, the latest of equal ones. */
export const largestAt = (counts: readonly number[]): number =>
  counts.reduce((best, count, at) => (count >= (counts[best] ?? 0) ? at : best), 0);

/** Each series on top of those before it, so that the last one is the whole. */
export function stacked(series: readonly (readonly number[])[]): readonly (readonly number[])[] {
  let below: readonly number[] = (series[0] ?? []).map(() => 0);
  return series.map((counts) => {
    below = counts.map((count, at) => count + (below[at] ?? 0));
    return below;
  });
}
