/** What calls at once mean: the calls that somebody said are under way, each with the moment until which he is believed. */
import type { ModelCounter } from './counter.ts';

export interface ModelLeases extends ModelCounter {
  /** The call is still under way, or, for 0 ms, over. @returns whether it was known */
  readonly keep: (nowMs: bigint, call: string, lastsMs: bigint) => boolean;
}

export function createLeases(): ModelLeases {
  const untilMs = new Map<string, bigint>();
  return {
    look: (nowMs, { limits }, call) => {
      const calls = BigInt([...untilMs.values()].filter((until) => until > nowMs).length);
      const seen = { leavesAtMs: 0n, before: [calls], after: [calls + 1n] };
      if ((untilMs.get(call) ?? 0n) > nowMs) return { ...seen, state: 'counted' };
      return { ...seen, state: calls < (limits[0]?.count ?? 0n) ? 'room' : 'lacking' };
    },
    take: (nowMs, { limits }, call) => {
      for (const [known, until] of untilMs) if (until <= nowMs) untilMs.delete(known);
      untilMs.set(call, nowMs + (limits[0]?.periodMs ?? 0n));
    },
    settle: (nowMs, { limits }) => {
      const latestMs = nowMs + (limits[0]?.periodMs ?? 0n);
      for (const [call, until] of untilMs) if (until > latestMs) untilMs.set(call, latestMs);
    },
    giveBack: (_charge, call) => void untilMs.delete(call),
    keep: (nowMs, call, lastsMs) => {
      const known = untilMs.delete(call);
      if (lastsMs > 0n) untilMs.set(call, nowMs + lastsMs);
      return known;
    },
    isSpent: (nowMs) => {
      const spent = [...untilMs.values()].every((until) => until <= nowMs);
      untilMs.clear();
      return spent;
    },
  };
}
