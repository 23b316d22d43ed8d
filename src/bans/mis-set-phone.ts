/**
 * Tells a phone with a wrong password from somebody who guesses: one account, tried again and again at the pace of a timer.
 *
 * A phone tries again after 20 seconds to an hour, always the same; whoever guesses has no reason to wait that evenly, and
 * if he does, he has little more than ten guesses in five minutes.
 */
import type { CountedEvent } from './offence-record.ts';

/** No phone tries more often; SIPp, scanners and scripts do. */
const FASTEST_MS = 5000;
const FEWEST_INTERVALS = 2;
/** Four of five pauses lie this near to the one in the middle: a re-send or an outage in between does no harm. */
const NEAR = 0.25;
const SHARE = 0.8;

/**
 * @param events of one address and service, oldest first
 * @param accounts how many accounts the address tried
 */
export function isMisSetPhone(events: readonly CountedEvent[], accounts: number): boolean {
  const [first] = events;
  if (first === undefined || first.account === '' || accounts > 1) return false;
  if (events.some(({ account, kind }) => account !== first.account || kind !== 'wrong-password')) return false;
  const pauses = events.slice(1).map(({ at }, before) => at - (events[before]?.at ?? at));
  if (pauses.length < FEWEST_INTERVALS) return false;
  const middle = pauses.toSorted((a, b) => a - b)[Math.floor(pauses.length / 2)] ?? 0;
  const near = pauses.filter((pause) => Math.abs(pause - middle) <= NEAR * middle).length;
  return middle >= FASTEST_MS && near >= SHARE * pauses.length;
}
