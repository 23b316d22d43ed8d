/**
 * One row of the table: what was measured, against what, and the verdict.
 *
 * Rows are ratios of two things measured in the same round, because absolute figures of a shared machine mean little. The
 * median over the rounds decides; the spread is shown beside it, so that a reader sees how much the median is worth.
 */

/** How a ratio is judged: `most` for costs, `least` for rates. Absent bounds: the row is for information. */
export type Bound =
  | { readonly most: number; readonly failsAbove: number }
  | { readonly least: number; readonly failsBelow: number };

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
}

export interface Figure {
  /** The family, by which `--only` chooses. */
  readonly row: string;
  readonly figure: string;
  /** The value of Tollgate with its unit. */
  readonly tollgate: string;
  /** What it is compared with, with its value and unit. */
  readonly against: string;
  readonly ratio: Spread | undefined;
  /** What is judged where it is not the ratio. */
  readonly value?: number;
  readonly bound?: Bound;
}

export type Judgement = 'ok' | 'missed' | 'FAIL' | '';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export const spreadOf = (values: readonly number[]): Spread => ({
  median: median(values),
  min: Math.min(...values),
  max: Math.max(...values),
  rounds: values.length,
});

/** The ratio of two series of the same rounds, round by round. */
export const ratioOf = (own: readonly number[], other: readonly number[]): Spread =>
  spreadOf(own.map((value, round) => value / (other[round] ?? Number.NaN)));

export function judge(figure: Figure): Judgement {
  const { bound } = figure;
  if (bound === undefined) return '';
  const value = figure.value ?? figure.ratio?.median ?? Number.NaN;
  if ('most' in bound) return value <= bound.most ? 'ok' : value <= bound.failsAbove ? 'missed' : 'FAIL';
  return value >= bound.least ? 'ok' : value >= bound.failsBelow ? 'missed' : 'FAIL';
}

/** The smallest number of digits that shows a figure: 3 significant ones, thousands apart. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return Number(value.toPrecision(3)).toString();
}
