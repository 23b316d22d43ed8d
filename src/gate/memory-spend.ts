/**
 * What the scripts do with one budget, on plain numbers: see spend-window.lua and count-spend.lua. A replay of history
 * spends in these; that every number equals the scripts' is shown in test/property/spend.test.ts.
 */
import type { Limit } from '../policy/limit.ts';
import { EMPTY_WINDOW, refundIn, roomAt, spendIn, usedIn, windowAt } from '../policy/spend-window.ts';
import type { Counter, Kept, KeptSpend } from './memory-counters.ts';

/** What a call says of a budget; `void`: it never went out. */
export interface SaidOfCall {
  readonly call: string;
  readonly what: 'under-way' | 'over' | 'void';
  /** All that it has cost so far. */
  readonly amount: number;
}

export type SpendCounter = Counter & {
  /** @returns what the window holds then */
  readonly count: (kept: Kept, nowMs: number, said: SaidOfCall) => number;
};

export function spendCounter(limit: Limit): SpendCounter {
  const { periodSeconds } = limit;
  const stateOf = (kept: Kept, nowMs: number): KeptSpend => {
    kept.spend ??= { window: EMPTY_WINDOW, charged: new Map() };
    kept.spend.window = windowAt(kept.spend.window, periodSeconds, nowMs);
    return kept.spend;
  };
  return {
    isRecorded: false,
    look: ({ spend }, nowMs, call, amount) => {
      const window = windowAt(spend?.window ?? EMPTY_WINDOW, periodSeconds, nowMs);
      const used = usedIn(window);
      const isCharged = spend?.charged.has(call) ?? false;
      const lacks = !isCharged && amount > 0 && used + amount > limit.count;
      const roomAtMs = [lacks ? roomAt(window, periodSeconds, limit.count, amount) : 0];
      const state = isCharged ? 'counted' : lacks ? 'lacking' : 'room';
      return { state, leavesAtMs: 0, before: [used], after: [used + amount], roomAtMs };
    },
    take: (kept, nowMs, call, { before, after }) => {
      const spend = stateOf(kept, nowMs);
      const amount = (after[0] ?? 0) - (before[0] ?? 0);
      spend.window = spendIn(spend.window, amount);
      spend.charged.set(call, { amount, beginSlot: spend.window.newest });
    },
    giveBack: () => {},
    count: (kept, nowMs, { call, what, amount }) => {
      const spend = stateOf(kept, nowMs);
      const before = spend.charged.get(call);
      if (before === undefined) return usedIn(spend.window);
      const cost = what === 'void' ? 0 : what === 'under-way' ? Math.max(amount, before.amount) : amount;
      spend.window =
        cost > before.amount
          ? spendIn(spend.window, cost - before.amount)
          : refundIn(spend.window, before.amount - cost, before.beginSlot);
      if (what === 'under-way') spend.charged.set(call, { ...before, amount: cost });
      else spend.charged.delete(call);
      return usedIn(spend.window);
    },
  };
}
