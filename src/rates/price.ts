/**
 * What a call costs: a connection fee, and begun increments of talk.
 *
 * A cost that is no whole number of millionths is rounded up, once for each call.
 */
import { formatMoney, MICROS, type Micros } from '../policy/money.ts';

export interface Price {
  readonly perMinuteMicros: Micros;
  /** Owed as soon as the call is answered. */
  readonly connectionMicros: Micros;
  /** The first this many seconds are owed once the call is answered; whole, at least 1. */
  readonly firstSeconds: number;
  /** After them talk is paid for in steps of so many seconds; whole, at least 1. */
  readonly nextSeconds: number;
}

export const FREE: Price = Object.freeze({ perMinuteMicros: 0, connectionMicros: 0, firstSeconds: 1, nextSeconds: 1 });

/** A million of anything for a minute: what is dearer is a mistake, and a call of a day stays exact. */
export const DEAREST_MICROS = 1_000_000 * MICROS;
export const LONGEST_INCREMENT_SECONDS = 3600;

/** Seconds that are paid for by a call that talked so long. */
export function billedSeconds({ firstSeconds, nextSeconds }: Price, talkMs: number): number {
  const beyondMs = talkMs - firstSeconds * 1000;
  return beyondMs <= 0 ? firstSeconds : firstSeconds + Math.ceil(beyondMs / (nextSeconds * 1000)) * nextSeconds;
}

/**
 * What an answered call costs that has talked so long; one that nobody answered costs nothing and is not asked about here.
 *
 * @param talkMs 0: what is owed in the moment of the answer, which is the first increment
 */
export function costOf(price: Price, talkMs: number): Micros {
  if (price.perMinuteMicros === 0) return price.connectionMicros;
  const { perMinuteMicros, connectionMicros } = price;
  const seconds = billedSeconds(price, talkMs);
  // In two parts: the product of a dear price and a long call would be inexact.
  const minutes = Math.floor(seconds / 60);
  return connectionMicros + minutes * perMinuteMicros + Math.ceil(((seconds - minutes * 60) * perMinuteMicros) / 60);
}

/** No call lasts thirty years. */
const LONGEST_TALK_SECONDS = 1e9;

/** Seconds of talk that so much money pays for; infinite where it is more than any call needs. 0 where it does not pay for the first. */
export function secondsFor(price: Price, micros: Micros): number {
  if (price.perMinuteMicros === 0) return micros < price.connectionMicros ? 0 : Number.POSITIVE_INFINITY;
  if (costOf(price, 0) > micros) return 0;
  const perSecond = price.perMinuteMicros / 60;
  const guess = Math.floor((micros - price.connectionMicros) / perSecond);
  if (guess > LONGEST_TALK_SECONDS) return Number.POSITIVE_INFINITY;
  let steps = Math.max(0, Math.floor((guess - price.firstSeconds) / price.nextSeconds) + 1);
  const talk = (): number => price.firstSeconds + steps * price.nextSeconds;
  while (steps > 0 && costOf(price, talk() * 1000) > micros) steps -= 1;
  while (costOf(price, (talk() + price.nextSeconds) * 1000) <= micros) steps += 1;
  return talk();
}

/** `0.85 a minute, 60/60`, `0.01 a minute and 0.05 for the connection, 6/6`. */
export function describePrice(of: {
  readonly perMinute: number;
  readonly connection: number;
  readonly firstSeconds: number;
  readonly nextSeconds: number;
}): string {
  const money = (amount: number): string => formatMoney(Math.round(amount * MICROS));
  const connection = of.connection === 0 ? '' : ` and ${money(of.connection)} for the connection`;
  return `${money(of.perMinute)} a minute${connection}, ${of.firstSeconds}/${of.nextSeconds}`;
}
