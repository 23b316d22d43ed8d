/**
 * What time it is at the store, without asking it.
 *
 * Every reply of the store carries its time. Two clocks can only be compared as exactly as the reply was quick, so the
 * quickest reply of the last while counts; a reply that contradicts it means that a clock was set, and counts at once.
 * The deadline of a request is written in the store's time: a request that waited in a stalled store's socket finds its
 * deadline past and does nothing.
 */

export interface StoreClock {
  /** Store time at a moment of the monotonic clock; undefined until the first reply. */
  readonly at: (monotonicMs: number) => number | undefined;
  readonly observe: (sentMs: number, receivedMs: number, storeMs: number) => void;
}

/** Quartz drifts up to about 50 ppm: 3 ms in a minute, less than what a deadline has to spare. */
const SAMPLE_LIFE_MS = 60_000;

export function createStoreClock(): StoreClock {
  let best: { readonly offsetMs: number; readonly roundTripMs: number; readonly takenMs: number } | undefined;
  return {
    at: (monotonicMs) => (best === undefined ? undefined : monotonicMs + best.offsetMs),
    observe: (sentMs, receivedMs, storeMs) => {
      const roundTripMs = receivedMs - sentMs;
      // The store read its clock, in whole ms, some time between sending and receiving.
      const offsetMs = storeMs + 0.5 - (sentMs + receivedMs) / 2;
      const contradicts =
        best !== undefined && Math.abs(offsetMs - best.offsetMs) > (roundTripMs + best.roundTripMs) / 2 + 5;
      if (
        best === undefined ||
        contradicts ||
        roundTripMs <= best.roundTripMs ||
        receivedMs - best.takenMs > SAMPLE_LIFE_MS
      ) {
        best = { offsetMs, roundTripMs, takenMs: receivedMs };
      }
    },
  };
}
