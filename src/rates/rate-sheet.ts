/**
 * A rate sheet, compiled: what a call to a number costs.
 *
 * The longest prefix decides. A number without one has the dearest price of its class, which is its country where the
 * sheet knows a price of that country and the whole sheet where it does not, and the answer says so. Emergency calls, own
 * extensions and domestic freephone without a price of their own cost nothing.
 *
 * Memory is bounded: 300,000 prefixes take some 30 MB, because equal prices are kept once. A look-up takes under a
 * microsecond. Nothing here is ever changed.
 */
import { getCountryCallingCode, isSupportedCountry } from 'libphonenumber-js/max';
import type { Destination } from '../policy/destination-classes.ts';
import { isNorthAmerican, readNorthAmerican } from '../policy/north-american-plan.ts';
import { costOf, FREE, type Price } from './price.ts';

export interface RateRow extends Price {
  /** With `+` one of numbers in international form, without it one of the digits as dialled; see `parsePrefix`. */
  readonly prefix: string;
}

/** What a number costs, and why that. */
export interface Priced {
  readonly price: Price;
  /**
   * `prefix`: the longest of the sheet. `class`: no prefix is of the number, so it has the dearest price of that class.
   * `free`: it has no price and none is asked for.
   */
  readonly by: 'prefix' | 'class' | 'free';
  /** The prefix that the price stands at; undefined where it is free. */
  readonly prefix: string | undefined;
  /** `country:CU`, `international`, `tollfree`; undefined where a prefix decided. */
  readonly class: string | undefined;
}

export type PricedDestination = Pick<Destination, 'number' | 'e164' | 'country' | 'classes'>;

export interface RateSheet {
  /** Three letters, ISO 4217. */
  readonly currency: string;
  /** Number of prefixes. */
  readonly size: number;
  /** The price that counts most in ceilings: undefined for a sheet without rows. */
  readonly dearest: RateRow | undefined;
  readonly priceOf: (destination: PricedDestination) => Priced;
  /** What stands at a prefix itself. */
  readonly at: (prefix: string) => Price | undefined;
  /** Its rows, in no particular order. */
  readonly rows: () => Iterable<RateRow>;
}

/** What decides which of two prices is dearer: a call of one minute, and if that is the same, the first increment. */
const isDearer = (one: Price, other: Price): boolean => {
  const difference = costOf(one, 60_000) - costOf(other, 60_000);
  return difference > 0 || (difference === 0 && costOf(one, 0) > costOf(other, 0));
};

/** As many digits as a country code has at most, and as a country code and an area code of North America have. */
const LEADING = [2, 3, 4, 5] as const;

/** @param currency three letters, ISO 4217 */
export function compileRateSheet(rows: Iterable<RateRow>, currency = 'USD'): RateSheet {
  const builder = buildRateSheet(currency);
  for (const row of rows) builder.add(row);
  return builder.sheet();
}

/** A sheet that grows row by row, so that a daemon can decide calls meanwhile. Of two rows of one prefix the later stays. */
export function buildRateSheet(currency: string): {
  readonly add: (row: RateRow) => void;
  /** Once all rows are in. */
  readonly sheet: () => RateSheet;
} {
  const prices = new Map<string, Price>();
  const known = new Map<string, Price>();
  const dearestBy = new Map<string, RateRow>();
  const lengths = new Set<number>();
  let dearest: RateRow | undefined;
  const note = (leading: string, row: RateRow): void => {
    const other = dearestBy.get(leading);
    if (other === undefined || isDearer(row, other)) dearestBy.set(leading, row);
  };
  const add = (row: RateRow): void => {
    const price = shared(known, row);
    prices.set(row.prefix, price);
    lengths.add(row.prefix.length);
    if (dearest === undefined || isDearer(row, dearest)) dearest = row;
    if (!row.prefix.startsWith('+')) return;
    for (const length of LEADING) if (row.prefix.length >= length) note(row.prefix.slice(0, length), row);
  };
  return { add, sheet: () => sheetOf({ currency, prices, dearestBy, lengths, dearest }) };
}

function sheetOf(parts: {
  readonly currency: string;
  readonly prices: ReadonlyMap<string, Price>;
  readonly dearestBy: ReadonlyMap<string, RateRow>;
  readonly lengths: ReadonlySet<number>;
  readonly dearest: RateRow | undefined;
}): RateSheet {
  const { currency, prices, dearestBy, lengths, dearest } = parts;
  const longestFirst = [...lengths].sort((a, b) => b - a);
  const longest = (number: string): { readonly prefix: string; readonly price: Price } | undefined => {
    for (const length of longestFirst) {
      if (length > number.length) continue;
      const prefix = number.slice(0, length);
      const price = prices.get(prefix);
      if (price !== undefined) return { prefix, price };
    }
    return undefined;
  };

  const ofCountry = new Map<string, RateRow | undefined>();
  /** The dearest row of a country. Behind +1 its area codes tell which rows are its own. */
  const dearestOf = (country: string): RateRow | undefined => {
    if (ofCountry.has(country)) return ofCountry.get(country);
    let found: RateRow | undefined;
    if (isNorthAmerican(country)) {
      for (const [leading, row] of dearestBy) {
        if (leading.length !== 5 || !leading.startsWith('+1')) continue;
        const isOwn = readNorthAmerican(`${leading}2345678`).country === country;
        if (isOwn && (found === undefined || isDearer(row, found))) found = row;
      }
    } else if (isSupportedCountry(country)) {
      found = dearestBy.get(`+${getCountryCallingCode(country)}`);
    }
    ofCountry.set(country, found);
    return found;
  };

  return Object.freeze({
    currency,
    size: prices.size,
    dearest,
    priceOf: ({ number, e164, country, classes }: PricedDestination): Priced => {
      if (classes.has('emergency') || classes.has('internal')) return FREE_OF_CHARGE;
      const found = (e164 === undefined ? undefined : longest(e164)) ?? longest(number);
      if (found !== undefined) return { price: found.price, by: 'prefix', prefix: found.prefix, class: undefined };
      if (classes.has('tollfree') && classes.has('national')) return FREEPHONE;
      const own = country === undefined ? undefined : dearestOf(country);
      if (own !== undefined) return byClass(own, `country:${country}`);
      if (dearest === undefined) return FREE_OF_CHARGE;
      return byClass(dearest, TELLING.find((name) => classes.has(name)) ?? 'unknown');
    },
    at: (prefix: string) => prices.get(prefix),
    rows: function* () {
      for (const [prefix, price] of prices) yield { prefix, ...price };
    },
  });
}

/** Named where no price of the country is known: what the dearest price of the whole sheet stands for. */
const TELLING = ['premium', 'satellite', 'tollfree', 'national', 'international', 'shortcode'] as const;

const byClass = ({ prefix, ...price }: RateRow, name: string): Priced => ({ price, by: 'class', prefix, class: name });

const free = (name: string | undefined): Priced => ({ price: FREE, by: 'free', prefix: undefined, class: name });
const FREE_OF_CHARGE = free(undefined);
const FREEPHONE = free('tollfree');

/** Sheets have a few hundred prices for hundreds of thousands of prefixes. */
function shared(known: Map<string, Price>, row: Price): Price {
  const { perMinuteMicros, connectionMicros, firstSeconds, nextSeconds } = row;
  const key = `${perMinuteMicros},${connectionMicros},${firstSeconds},${nextSeconds}`;
  const price = known.get(key);
  if (price !== undefined) return price;
  const made = Object.freeze({ perMinuteMicros, connectionMicros, firstSeconds, nextSeconds });
  known.set(key, made);
  return made;
}
