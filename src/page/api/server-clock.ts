/**
 * The daemon's time. Countdowns run by it and not by the clock of whoever looks, which may be minutes off.
 *
 * Each answer and heartbeat that names the daemon's time sets the offset; what is oldest on the way would make it late, so
 * the largest offset of the last minute counts.
 */

const KEPT_MS = 60_000;
let offsets: readonly { readonly at: number; readonly offsetMs: number }[] = [];

/** Runs on when the clock of the device is set. */
const steadyNow = (): number => performance.timeOrigin + performance.now();

/** @param serverTime ISO 8601, or milliseconds since 1970, that just arrived */
export function noteServerTime(serverTime: string | number): void {
  const told = typeof serverTime === 'number' ? serverTime : Date.parse(serverTime);
  if (!Number.isFinite(told)) return;
  const at = steadyNow();
  offsets = [...offsets.filter((each) => each.at > at - KEPT_MS), { at, offsetMs: told - at }];
}

/** Milliseconds since 1970, by the daemon's clock as far as it is known. */
export const serverNow = (): number =>
  steadyNow() + (offsets.length === 0 ? 0 : Math.max(...offsets.map(({ offsetMs }) => offsetMs)));
