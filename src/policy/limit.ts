/**
 * "5/1s": so many calls in such a period. Parsing, bounds and the words for it.
 *
 * Levels are kept in exact integers (see token-bucket.ts); the bound on `count × period` is what makes every
 * intermediate value exact in the doubles that Lua and JavaScript share.
 */

import { type BudgetUnit, describeAmount } from './money.ts';

export interface Limit {
  /** Calls, or what `unit` says; at least 1. */
  readonly count: number;
  readonly periodSeconds: number;
  /** As people write it, for example `5/1s`. */
  readonly text: string;
  /** Absent: calls. `spend`: millionths of the currency. `minutes`: seconds of talk. See budget.ts. */
  readonly unit?: BudgetUnit;
}

/** How the calls of a rule are counted: see token-bucket.ts and rolling-window.ts. */
export const COUNTING = ['bucket', 'rolling'] as const;
export type Counting = (typeof COUNTING)[number];

const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
type Unit = keyof typeof SECONDS_PER_UNIT;
const isUnit = (text: string): text is Unit => Object.hasOwn(SECONDS_PER_UNIT, text);

export const LONGEST_PERIOD_SECONDS = 366 * 86_400;
/** A level counts in 1/period-ms of a call; half of 2^53 leaves room for one more call on a full bucket. */
const LARGEST_LEVEL = 2 ** 52;
/** A count travels to the store, and is kept there, as an unsigned 32-bit integer. */
const LARGEST_COUNT = 2 ** 32 - 1;
/** Longer text is not a limit; this much of it is shown. */
const LONGEST_SHOWN = 40;

/**
 * Reads one limit.
 *
 * @returns the limit, or a sentence that says what is wrong with the text and what is expected.
 */
export function parseLimit(text: string): Limit | { readonly problem: string } {
  const match = /^\s*(\d{1,12})\s*\/\s*(\d{1,9})\s*([a-zA-Z]+)\s*$/.exec(text);
  const [, countText, periodText, unitText] = match ?? [];
  const unit = unitText?.toLowerCase();
  if (countText === undefined || periodText === undefined || unit === undefined || !isUnit(unit)) {
    const shown = text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text;
    return { problem: `"${shown}" is not a limit; write calls/period such as 5/1s, 30/1m, 2/1h or 100/1d` };
  }
  const count = Number(countText);
  const period = Number(periodText);
  const periodSeconds = period * SECONDS_PER_UNIT[unit];
  if (count === 0) {
    return { problem: `"${text}" would never let a call pass; to refuse every call leave the limits out (limits: [])` };
  }
  if (period === 0) return { problem: `"${text}" has an empty period; write at least 1s` };
  if (periodSeconds > LONGEST_PERIOD_SECONDS) return { problem: `"${text}" is longer than 366 days` };
  const most = Math.min(LARGEST_COUNT, Math.floor(LARGEST_LEVEL / (periodSeconds * 1000)));
  if (count > most) {
    return { problem: `"${text}" is too large to count exactly; at most ${most} calls fit into ${period}${unit}` };
  }
  return { count, periodSeconds, text: `${count}/${period}${unit}` };
}

/**
 * Reads a period on its own, such as `1d`.
 *
 * @returns undefined where it is none; a problem that goes on the whole text where it is one that cannot be used
 */
export function parsePeriod(
  text: string,
): { readonly seconds: number; readonly text: string } | { readonly problem: string } | undefined {
  const [, periodText, unitText] = /^(\d{1,9})\s*([a-zA-Z]+)$/.exec(text) ?? [];
  const unit = unitText?.toLowerCase();
  if (periodText === undefined || unit === undefined || !isUnit(unit)) return undefined;
  const seconds = Number(periodText) * SECONDS_PER_UNIT[unit];
  if (seconds === 0) return { problem: 'has an empty period; write at least 1s' };
  if (seconds > LONGEST_PERIOD_SECONDS) return { problem: 'is longer than 366 days' };
  return { seconds, text: `${Number(periodText)}${unit}` };
}

const UNIT_WORDS: ReadonlyArray<readonly [seconds: number, word: string]> = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** `60` → `1 minute`, `90` → `90 seconds`. */
export function describePeriod(seconds: number): string {
  for (const [size, word] of UNIT_WORDS) {
    if (seconds % size === 0) return `${seconds / size} ${word}${seconds === size ? '' : 's'}`;
  }
  return `${seconds} seconds`;
}

/** A ceiling of calls at once, told and read like any limit. Its period is 0. */
export const concurrentLimit = (count: number): Limit => ({ count, periodSeconds: 0, text: `${count} at once` });

/** `5/1s` → `5 calls per 1 second`; `60/1d` of money → `60.00 per 1 day`. */
export const describeLimit = (limit: Limit): string =>
  limit.unit !== undefined
    ? `${describeAmount(limit.unit, limit.count)} per ${describePeriod(limit.periodSeconds)}`
    : limit.periodSeconds === 0
      ? `${limit.count} ${limit.count === 1 ? 'call' : 'calls'} at once`
      : `${limit.count} ${limit.count === 1 ? 'call' : 'calls'} per ${describePeriod(limit.periodSeconds)}`;

/**
 * The most calls that can start within any one period, its last instant not counted. A token bucket allows its burst
 * and, meanwhile, refills: after a full burst a further `count - 1` whole tokens arrive before the period is over, and
 * one more as it ends, which is already the next one. A rolling window allows its count.
 *
 * Only where the rule is neither reset nor changed in between.
 */
export function worstCasePerPeriod(limit: Limit, counting: Counting = 'bucket'): number {
  switch (counting) {
    case 'bucket':
      return 2 * limit.count - 1;
    case 'rolling':
      return limit.count;
    default:
      return counting satisfies never;
  }
}

/** One limit of one rule on one subject, however it is counted; in whole calls. */
export interface LimitReading {
  readonly limit: Limit;
  /** Before the call. */
  readonly used: number;
  /** After it; the same where nothing was taken. */
  readonly usedAfter: number;
  /** Before the call. */
  readonly remaining: number;
  /** Milliseconds until one more call has room if nobody else calls; 0 when there is room now, null when nobody can tell. */
  readonly roomAfterMs: number | null;
}
