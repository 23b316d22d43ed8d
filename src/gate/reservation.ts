/**
 * What a call takes of a budget when it goes out: its first increment by the rate sheet, or a minute of talk.
 *
 * A call that costs nothing takes nothing; and without a rate sheet no call has a price, so budgets of money count nothing
 * then (`rules doctor` says so).
 */
import { type BudgetKind, FIRST_MINUTES_SECONDS } from '../policy/budget.ts';
import type { CallAttempt } from '../policy/call.ts';
import { costOf } from '../rates/price.ts';
import type { Priced, RateSheet } from '../rates/rate-sheet.ts';
import type { Reservation } from './limit-store.ts';

/** Undefined: the call costs nothing that is counted. */
export type ReservationOf = (kind: BudgetKind, call: Pick<CallAttempt, 'destination'>) => Reservation | undefined;

const TALK: Reservation = {
  amount: FIRST_MINUTES_SECONDS,
  price: undefined,
  currency: undefined,
  note: undefined,
  talkSeconds: undefined,
};

/** Of a system without a rate sheet. */
const talkOnly = (kind: BudgetKind): Reservation | undefined => (kind === 'minutes' ? TALK : undefined);

/** @param sheet the one in force; undefined while there is none */
export const reservationBy =
  (sheet: () => RateSheet | undefined): ReservationOf =>
  (kind, { destination }) => {
    const rates = sheet();
    if (kind === 'minutes' || rates === undefined) return talkOnly(kind);
    const priced = rates.priceOf(destination);
    const { price } = priced;
    if (price.perMinuteMicros === 0 && price.connectionMicros === 0) return undefined;
    const { currency } = rates;
    return { amount: costOf(price, 0), price, currency, note: noteOf(priced), talkSeconds: undefined };
  };

const noteOf = (priced: Priced): string | undefined =>
  priced.by === 'class'
    ? `no price is known of the number, so the dearest of ${priced.class} counts, that of ${priced.prefix}`
    : undefined;
