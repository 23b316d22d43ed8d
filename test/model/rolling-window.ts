/**
 * What a rolling window means: a list of moments at which calls leave. Those of waiting calls lie ahead. A hold is a window
 * of one call that calls do not write.
 */
import { byTime, larger, type ModelCharge, type ModelCounter, type ModelLimit, NO_PACE, smaller } from './counter.ts';

export interface ModelRing extends ModelCounter {
  /** A hold begins. */
  readonly begin: (nowMs: bigint, charge: ModelCharge) => void;
}

export function createRing(): ModelRing {
  let times: readonly bigint[] = [];
  let limits: readonly ModelLimit[] = [];

  const timesNow = (nowMs: bigint, { pace = NO_PACE }: ModelCharge): bigint[] =>
    times.map((time) => smaller(time, nowMs + pace.maxWaitMs)).toSorted(byTime);

  const remember = (some: readonly bigint[], charge: ModelCharge): void => {
    const most = Math.max(...charge.limits.map(({ count }) => Number(count)));
    // No more than the limits can ever ask for.
    times = some.slice(-most - Number(charge.pace?.maxQueue ?? 0n));
    limits = charge.limits;
  };

  return {
    look: (nowMs, charge) => {
      const known = timesNow(nowMs, charge);
      const before = charge.limits.map((limit) => BigInt(inWindow(known, limit, nowMs).length));
      const after = before.map((calls) => calls + 1n);
      const roomAtMs = charge.limits.map((limit) => {
        const hasRoom = (atMs: bigint): boolean => inWindow(known, limit, atMs).length < limit.count;
        return hasRoom(nowMs) ? 0n : firstOf(known, [limit], nowMs, hasRoom);
      });
      if (charge.pace === undefined) {
        const state = roomAtMs.every((atMs) => atMs === 0n) ? 'room' : 'lacking';
        return { state, leavesAtMs: 0n, before, after, roomAtMs };
      }
      // Who came first leaves first.
      const fromMs = larger(nowMs, known.at(-1) ?? nowMs);
      const hasRoom = (atMs: bigint): boolean =>
        charge.limits.every((limit) => inWindow(known, limit, atMs).length < limit.count);
      const leavesAtMs = hasRoom(fromMs) ? fromMs : firstOf(known, charge.limits, fromMs, hasRoom);
      const waiting = known.filter((time) => time > nowMs).length;
      if (leavesAtMs === nowMs) return { state: 'room', leavesAtMs, before, after, roomAtMs };
      const mayWait = leavesAtMs <= nowMs + charge.pace.maxWaitMs && waiting < charge.pace.maxQueue;
      if (!mayWait) return { state: 'lacking', leavesAtMs: 0n, before, after, roomAtMs };
      return { state: 'later', leavesAtMs, before, after, roomAtMs };
    },
    take: (nowMs, charge, _call, { leavesAtMs }) =>
      remember([...timesNow(nowMs, charge), charge.pace === undefined ? nowMs : leavesAtMs], charge),
    settle: (nowMs, charge) => {
      const known = timesNow(nowMs, charge);
      if (known.some((time, at) => time !== times[at])) remember(known, charge);
    },
    giveBack: (charge, _call, { before, after, leavesAtMs, atMs }) => {
      if (after[0] === before[0]) return;
      const at = times.indexOf(charge.pace === undefined ? atMs : leavesAtMs);
      if (at >= 0) times = times.toSpliced(at, 1);
    },
    begin: (nowMs, charge) => remember([nowMs], charge),
    isSpent: (nowMs) => {
      const spent = limits.every((limit) => inWindow(times, limit, nowMs).length === 0);
      times = [];
      return spent;
    },
  };
}

/** A call that leaves later is in every window. */
const inWindow = (times: readonly bigint[], { periodMs }: ModelLimit, atMs: bigint): bigint[] =>
  times.filter((time) => atMs - time < periodMs);

/** Room only comes when a call leaves a window. */
function firstOf(
  times: readonly bigint[],
  limits: readonly ModelLimit[],
  fromMs: bigint,
  hasRoom: (atMs: bigint) => boolean,
): bigint {
  const leaving = limits.flatMap(({ periodMs }) => times.map((time) => time + periodMs));
  return leaving.toSorted(byTime).find((atMs) => atMs >= fromMs && hasRoom(atMs)) ?? -1n;
}
