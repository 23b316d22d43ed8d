/**
 * What the calls of a history cost: as they were, and as a policy would have left them.
 *
 * A try that was answered costs what the rate sheet says of its talk. One that is refused costs nothing, one that is ended
 * early costs what it had talked until then. Without a rate sheet everything costs nothing, and talk is counted all the same.
 */
import type { Destination } from '../policy/destination-classes.ts';
import type { Micros } from '../policy/money.ts';
import { costOf } from '../rates/price.ts';
import type { Priced, RateSheet } from '../rates/rate-sheet.ts';
import type { CallHistory, ReplayedTry } from './call-history.ts';

/** Of one call, in millionths of the currency and milliseconds. */
export interface CallCost {
  readonly was: Micros;
  readonly is: Micros;
  readonly talkedMs: number;
  readonly talksMs: number;
}

export interface Ledger {
  readonly currency: string | undefined;
  /** The try as the file has it. */
  readonly enter: (one: ReplayedTry, destination: Destination) => void;
  /** It goes out, and talks so long. */
  readonly goes: (one: ReplayedTry, destination: Destination, talkMs: number) => void;
  /** It went out to talk so long, and is ended before. */
  readonly cut: (
    one: ReplayedTry,
    destination: Destination,
    talkMs: { readonly from: number; readonly to: number },
  ) => void;
  readonly costOf: (call: number) => CallCost;
  /** Calls to numbers of which the sheet knows no prefix, with the dearest price of their class. */
  readonly unpriced: () => number;
}

export function createLedger(history: Pick<CallHistory, 'calls'>, rates: RateSheet | undefined): Ledger {
  const column = (): Float64Array => new Float64Array(history.calls);
  const [was, is, talked, talks] = [column(), column(), column(), column()];
  let unpriced = 0;

  const priceOf = (one: ReplayedTry, destination: Destination, talkMs: number): Micros => {
    if (rates === undefined || talkMs <= 0 || one.talkMs <= 0) return 0;
    return costOf(rates.priceOf(destination).price, talkMs);
  };
  const add = (column: Float64Array, call: number, amount: number): void => {
    column[call] = (column[call] ?? 0) + amount;
  };

  return {
    currency: rates?.currency,
    enter: (one, destination) => {
      add(was, one.call, priceOf(one, destination, one.talkMs));
      add(talked, one.call, one.talkMs);
      if (one.talkMs > 0 && rates !== undefined && isGuess(rates.priceOf(destination))) unpriced += 1;
    },
    goes: (one, destination, talkMs) => {
      add(is, one.call, priceOf(one, destination, talkMs));
      add(talks, one.call, talkMs);
    },
    cut: (one, destination, { from, to }) => {
      add(is, one.call, priceOf(one, destination, to) - priceOf(one, destination, from));
      add(talks, one.call, to - from);
    },
    costOf: (call) => ({
      was: was[call] ?? 0,
      is: is[call] ?? 0,
      talkedMs: talked[call] ?? 0,
      talksMs: talks[call] ?? 0,
    }),
    unpriced: () => unpriced,
  };
}

const isGuess = ({ by }: Priced): boolean => by === 'class';
