/**
 * What the gate needs of a store of limits: take everything of one call in one atomic step, or look without taking.
 *
 * A refusal is an answer. A store that cannot be asked is an error; the gate then lets each rule's `whenStoreFails`
 * decide.
 */
import type { Demand } from '../policy/actions/action.ts';
import type { EpochMs, Subject } from '../policy/call.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Count, CountKind, Rule } from '../policy/rule.ts';
import type { Reading, Reserves } from '../policy/verdict.ts';
import { costOf, type Price } from '../rates/price.ts';

/** One thing that a rule counts, on one subject. */
export interface Charge {
  readonly rule: Rule;
  readonly subject: Subject;
  readonly count: Count;
  readonly demand: Demand;
  /** Of a budget, and of nothing else. */
  readonly reserves?: Reservation;
}

/** What a call takes of a budget when it goes out, and how it grows from then on. */
export interface Reservation extends Reserves {
  /** Undefined: talk is counted, not money. */
  readonly price: Price | undefined;
}

/** Which call pays: the same call for the same destination pays each charge once. */
export interface Payer {
  readonly callId: string;
  readonly destination: string;
}

/** Longer than trying one trunk takes, shorter than a redial is honest. */
const CALL_RECORD_SECONDS = 120;
/** From the end of a wait until the dialplan has reported a caller who hung up in it. */
const REPORT_TAKES_SECONDS = 60;

/**
 * How long a call that asks again is the same call, and what it took can be given back by `giveBack`: not before a wait
 * is over.
 */
export const callRecordSeconds = (charges: readonly Charge[]): number =>
  charges.reduce(
    (longest, { rule: { pace } }) =>
      pace === undefined ? longest : Math.max(longest, Math.ceil(pace.maxWaitMs / 1000) + REPORT_TAKES_SECONDS),
    CALL_RECORD_SECONDS,
  );

/** What a call took of one charge, or may write later; plain JSON. Only the store that made it can read the rest of it. */
export interface ReceiptItem {
  readonly rule: string;
  readonly subject: Subject;
  readonly kind: CountKind;
  readonly [place: string]: unknown;
}

/** Money and talk that a call of this receipt has cost after so much talk; 0 where nobody answered. */
export const amountOfItem = (price: Price | undefined, talkMs: number | null): number => {
  if (talkMs === null) return 0;
  return price === undefined ? Math.ceil(talkMs / 1000) : costOf(price, talkMs);
};

/**
 * What a call took, so that it can be given back, kept or ended by whoever holds this, after a restart as well.
 */
export interface Receipt {
  readonly payer: Payer;
  readonly items: readonly ReceiptItem[];
}

export interface Taken {
  readonly outcome: 'taken' | 'refused';
  /** By the store's clock. */
  readonly at: EpochMs;
  /** One for each charge, in their order. */
  readonly readings: readonly Reading[];
  /** Empty after a refusal. What the call had paid before is not in it. */
  readonly receipt: Receipt;
}

/** How far a call has come that spends. */
export interface Metered {
  readonly receipt: Receipt;
  /** Of talk, as it is to be paid for; null: nobody answered. */
  readonly talkMs: number | null;
  /** It is over, and this is final. Said again, it changes nothing. */
  readonly isOver: boolean;
}

/** What one budget of a call has come to. */
export interface MeterReading {
  readonly item: ReceiptItem;
  /** What its window holds now, in the units of the budget. */
  readonly used: number;
  /** The budget was exceeded since the call went out, and its calls are to end. Of a soft budget always false. */
  readonly isReached: boolean;
}

/** An answered call of the past to a place. */
export interface Reached {
  readonly subject: Subject;
  readonly place: string;
  readonly at: EpochMs;
}

export interface LimitStore {
  /**
   * Takes from all limits of all charges, or from none.
   *
   * @param withinMs the store does nothing for a request that reaches it later than this
   * @throws {TollgateError} `STORE_UNAVAILABLE` or `STORE_TIMEOUT`; nothing is taken then, unless the store had already
   *   answered, in which case it is given back
   */
  readonly take: (payer: Payer, charges: readonly Charge[], withinMs: number) => Promise<Taken>;
  /** What `take` would answer now, or at a given time; takes nothing. */
  readonly peek: (
    charges: readonly Charge[],
    at: EpochMs | undefined,
    withinMs: number,
  ) => Promise<Omit<Taken, 'receipt'>>;
  /** Gives back all of a receipt, for a call that does not go out after all. A second time does nothing. */
  readonly giveBack: (receipt: Receipt) => Promise<void>;
  /**
   * Gives back these items of a call that did go out and reached nobody, minutes later maybe. The caller sees to it that
   * no item is given back twice.
   */
  readonly returnItems: (receipt: Receipt) => Promise<void>;
  /** Says that the calls of these receipts are still under way. Counts them again where their lease had lapsed. */
  readonly renew: (receipts: readonly Receipt[]) => Promise<void>;
  /** Says that the call is over: it is no longer one of the calls at once. */
  readonly end: (receipt: Receipt) => Promise<void>;
  /**
   * Counts what calls have cost so far, all of them that stand in one request in as few steps as the store can do.
   *
   * @param ceilingOf what a budget may hold before its calls are to end; undefined where they go on
   * @returns the budgets of each call, in their order
   */
  readonly meter: (
    calls: readonly Metered[],
    ceilingOf: (item: ReceiptItem) => number | undefined,
  ) => Promise<readonly (readonly MeterReading[])[]>;
  /** A call of this outcome begins to hold the subject of these items. */
  readonly beginHold: (items: readonly ReceiptItem[], outcome: Outcome) => Promise<void>;
  /** An answered call reached a place (see policy/first-call.ts): for these subjects it is known from now on. */
  readonly reach: (subjects: readonly Subject[], place: string) => Promise<void>;
  /**
   * The same for calls of the past; none sets back what is known.
   *
   * @param dryRun changes nothing
   * @returns how many of them were not known
   */
  readonly learn: (reached: readonly Reached[], dryRun: boolean) => Promise<number>;
  /** Forgets what one subject has used of a rule. */
  readonly refill: (rule: Rule, subject: Subject) => Promise<void>;
}
