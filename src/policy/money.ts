/**
 * Money as a whole number of millionths of a currency, below 2^53, so that sums are exact here and in the scripts. Which
 * currency it is, is the business of the rate sheet: there is one for the whole system.
 */

/** Millionths of one unit of the currency. */
export type Micros = number;

/** What a budget counts: money, or seconds of talk. */
export type BudgetUnit = 'spend' | 'minutes';

export const MICROS = 1_000_000;

/** `0.85`, `12`, `.5` → millionths; undefined for anything else, and for more than six decimals. */
export function parseMoney(text: string): Micros | undefined {
  const match = /^(\d{0,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null || text === '') return undefined;
  const [, whole = '', decimals = ''] = match;
  // Zeros at the end say nothing; 0.0000001 would be lost.
  const kept = decimals.replace(/0+$/, '');
  if (kept.length > 6) return undefined;
  return Number(whole) * MICROS + Number(kept.padEnd(6, '0'));
}

/** `850000` → `0.85`, `60000000` → `60.00`: at least two decimals, and as many as there are. */
export function formatMoney(micros: Micros): string {
  const decimals = String(micros % MICROS)
    .padStart(6, '0')
    .replace(/0{1,4}$/, '');
  return `${Math.floor(micros / MICROS)}.${decimals}`;
}

/** An amount of a budget's unit for a sentence: `58.20`, `12 minutes`, `1.5 minutes`. */
export const describeAmount = (unit: BudgetUnit, count: number): string =>
  unit === 'spend' ? formatMoney(count) : `${minutesOf(count)} ${count === 60 ? 'minute' : 'minutes'}`;

/** In units of the currency, or minutes: what people and scripts are told. */
export const amountOf = (unit: BudgetUnit, count: number): number =>
  unit === 'spend' ? count / MICROS : minutesOf(count);

const minutesOf = (seconds: number): number => Math.round((seconds * 100) / 60) / 100;
