/**
 * What a rolling window means, written for reading and not for speed: a list of moments that is looked through from end
 * to end. token-bucket.ts puts it together with buckets into whole calls.
 */
import type { ModelLimit } from './token-bucket.ts';

/** Moments at which calls went, as the store would have them now: none of them later than now. */
export const notAhead = (times: readonly bigint[], nowMs: bigint): bigint[] =>
  times.map((time) => (time > nowMs ? nowMs : time)).toSorted(byTime);

export const inWindow = (times: readonly bigint[], { periodMs }: ModelLimit, nowMs: bigint): bigint[] =>
  times.filter((time) => nowMs - time < periodMs);

/** The first moment at which one more call has room; 0 where it has now. Room only comes when a call leaves. */
export function roomAt(times: readonly bigint[], limit: ModelLimit, nowMs: bigint): bigint {
  const hasRoom = (atMs: bigint): boolean => inWindow(times, limit, atMs).length < limit.count;
  if (hasRoom(nowMs)) return 0n;
  const leaving = inWindow(times, limit, nowMs).map((time) => time + limit.periodMs);
  return leaving.toSorted(byTime).find(hasRoom) ?? -1n;
}

/** What is remembered: no more than the limits can ever ask for. */
export function lastOf(times: readonly bigint[], limits: readonly ModelLimit[]): bigint[] {
  return times.slice(-Math.max(...limits.map(({ count }) => Number(count))));
}

export function withoutOne(times: readonly bigint[], time: bigint): bigint[] {
  const at = times.indexOf(time);
  return at < 0 ? [...times] : times.toSpliced(at, 1);
}

const byTime = (one: bigint, other: bigint): number => Number(one - other);
