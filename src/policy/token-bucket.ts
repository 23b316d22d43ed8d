/**
 * The token bucket in exact integers: the arithmetic that lua-scripts/take-limits.lua does inside Redis, for reading
 * what it answers and for showing it to people.
 *
 * A bucket of `count` tokens per `period` keeps its *debt*: how much is missing from full, in units of 1/periodMs of a
 * token. One call costs `periodMs` units, a millisecond pays `count` units back, a full debt is `count × periodMs`.
 * All of it is integer, so nothing is ever rounded and two implementations can be compared for equality.
 *
 * A clock that steps back refills nothing; the bucket then goes on from the new time with the debt it had. (Waiting for
 * the clock to catch up instead would shut an extension for as long as the step was.)
 */
import type { Limit, LimitReading } from './limit.ts';

export const costUnits = (limit: Limit): number => limit.periodSeconds * 1000;

/** Debt after `elapsedMs` more, never below zero; negative time (a clock set back) changes nothing. */
export const settle = (limit: Limit, debtUnits: number, elapsedMs: number): number =>
  Math.max(0, debtUnits - Math.max(0, elapsedMs) * limit.count);

/** @param atOnce how many calls the bucket holds; less than its count where a rule paces */
export const hasRoom = (limit: Limit, debtUnits: number, atOnce = limit.count): boolean =>
  debtUnits + costUnits(limit) <= atOnce * costUnits(limit);

/** Whole calls that may start now. */
export const remainingCalls = (limit: Limit, debtUnits: number, atOnce = limit.count): number =>
  Math.max(0, Math.floor((atOnce * costUnits(limit) - debtUnits) / costUnits(limit)));

/** Whole calls that are counted as used now: all that it holds less `remainingCalls`. */
export const usedCalls = (limit: Limit, debtUnits: number, atOnce = limit.count): number =>
  atOnce - remainingCalls(limit, debtUnits, atOnce);

/** Milliseconds until one call has room if no other call is placed; 0 when there is room now. */
export const roomAfterMs = (limit: Limit, debtUnits: number, atOnce = limit.count): number =>
  Math.max(0, Math.ceil((debtUnits + costUnits(limit) - atOnce * costUnits(limit)) / limit.count));

/** What a bucket's debts before and after a call mean to people. */
export const readBucket = (
  limit: Limit,
  debtBefore: number,
  debtAfter: number,
  atOnce = limit.count,
): LimitReading & { readonly roomAfterMs: number } => ({
  limit,
  used: usedCalls(limit, debtBefore, atOnce),
  usedAfter: usedCalls(limit, debtAfter, atOnce),
  remaining: remainingCalls(limit, debtBefore, atOnce),
  roomAfterMs: roomAfterMs(limit, debtBefore, atOnce),
});
