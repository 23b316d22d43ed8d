/**
 * First calls: a rule that is in force only for places abroad that its subject has not reached in an answered call for a
 * time. Pure.
 *
 * A place is a country; where a number is of none, the first digits of its international form, so that a satellite or a
 * network without a country is a place of its own; and all numbers that cannot be placed are one.
 */
import { type Destination, describeDestination } from './destination-classes.ts';
import type { Limit } from './limit.ts';

export interface FirstCallTo {
  readonly withinSeconds: number;
}

/** What a rule about first calls asks of a call to one place. */
export interface FirstCallCount {
  readonly kind: 'first-call';
  readonly limits: readonly [Limit];
  /** As the store remembers it: see {@link placeOf}. */
  readonly place: string;
  /** In words: `Cuba`. */
  readonly placeName: string;
  /** How many charges behind it are asked about on a first call only. */
  readonly hanging: number;
  /** The rule counts and bounds nothing else, and acts on every first call. */
  readonly alone: boolean;
}

/** What is to be known of a rule here. */
interface AsksOfFirstCalls {
  readonly firstCallTo: FirstCallTo | undefined;
  readonly counts: readonly unknown[];
  readonly maxDurationSeconds: number | undefined;
}

/** `+` and a country code. */
const PREFIX_LENGTH = 4;

/** As the store remembers it; undefined for what stays in the country. */
export function placeOf({ classes, country, e164, number }: Destination): string | undefined {
  if (classes.has('international')) return country ?? (e164 ?? number).slice(0, PREFIX_LENGTH);
  return classes.has('unknown') ? 'unknown' : undefined;
}

/** How many places are remembered for a rule. There are some 250 countries; the rest is what somebody makes up. */
const MOST_PLACES = 500;
const counts = new WeakMap<AsksOfFirstCalls, Map<string, FirstCallCount>>();

/**
 * What a rule about first calls asks of a call; undefined for every other rule. The same object for the same place.
 *
 * @param hanging how many charges behind it are asked about on a first call only
 */
export function firstCallCountOf(
  rule: AsksOfFirstCalls,
  destination: Destination,
  hanging: number,
): FirstCallCount | undefined {
  const place = rule.firstCallTo === undefined ? undefined : placeOf(destination);
  if (place === undefined || rule.firstCallTo === undefined) return undefined;
  const { withinSeconds } = rule.firstCallTo;
  let ofRule = counts.get(rule);
  if (ofRule === undefined) {
    ofRule = new Map();
    counts.set(rule, ofRule);
  }
  const known = ofRule.get(`${place} ${hanging}`);
  if (known !== undefined) return known;
  if (ofRule.size >= MOST_PLACES) ofRule.clear();
  const count: FirstCallCount = {
    kind: 'first-call',
    limits: [{ count: 1, periodSeconds: withinSeconds, text: 'first call' }],
    place,
    placeName: nameOf(place, destination),
    hanging,
    alone: rule.counts.length === 0 && rule.maxDurationSeconds === undefined,
  };
  ofRule.set(`${place} ${hanging}`, count);
  return count;
}

const nameOf = (place: string, { country }: Destination): string =>
  country === undefined
    ? place === 'unknown'
      ? 'an unknown place'
      : place
    : describeDestination({ country, classes: new Set() });
