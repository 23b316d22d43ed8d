/**
 * The rolling window of a budget: what was spent in the last period, in sixty slots of it and the one that is running.
 *
 * What is spent goes into the running slot. A slot counts until it lies wholly more than a period back, so an amount
 * counts for at least one period and at most a sixtieth longer: never too little. Slots begin at whole multiples of a
 * sixtieth of the period since 1970, so that all nodes agree on them. A clock set back moves the slots back with it, and
 * they count for one period from then; none is freed early. This is the arithmetic of lua-scripts/parts/spend-window.lua.
 */

export const SLOTS = 60;
/** 61 slots of this stay below 2^53; it is more than a hundred million of any currency. */
const FULLEST_SLOT = 2 ** 47;

/** Nothing in it is ever changed. */
export interface SpendWindow {
  /** Number of the last slot. */
  readonly newest: number;
  /** At most 61 sums, the newest last. */
  readonly sums: readonly number[];
  /** When the budget was last seen exceeded, epoch ms; 0: never. */
  readonly overAtMs: number;
}

export const EMPTY_WINDOW: SpendWindow = { newest: 0, sums: [], overAtMs: 0 };

export const slotAt = (periodSeconds: number, nowMs: number): number =>
  Math.floor((nowMs * SLOTS) / (periodSeconds * 1000));

/** The window as it stands at a time: slots that are over are gone, and those that lie ahead of the clock are moved back. */
export function windowAt(window: SpendWindow, periodSeconds: number, nowMs: number): SpendWindow {
  const slot = slotAt(periodSeconds, nowMs);
  const { newest, sums } = window;
  if (newest >= slot || sums.length === 0) return { ...window, newest: slot };
  const passed = Math.min(slot - newest, SLOTS + 1);
  return { ...window, newest: slot, sums: [...sums, ...new Array<number>(passed).fill(0)].slice(-(SLOTS + 1)) };
}

export const usedIn = ({ sums }: SpendWindow): number => sums.reduce((sum, each) => sum + each, 0);

export function spendIn(window: SpendWindow, amount: number): SpendWindow {
  const last = window.sums.at(-1) ?? 0;
  return { ...window, sums: [...window.sums.slice(0, -1), Math.min(FULLEST_SLOT, last + amount)] };
}

/** Takes an amount out again, from the slot on in which it began; what has left the window stays as it is. */
export function refundIn(window: SpendWindow, amount: number, beginSlot: number): SpendWindow {
  const first = window.newest - window.sums.length + 1;
  // Slots that a clock set back has moved do not say where they were.
  const from = beginSlot > window.newest ? 0 : beginSlot - first;
  if (from < 0) return window;
  let left = amount;
  const sums = window.sums.map((sum, at) => {
    if (at < from || left === 0) return sum;
    const taken = Math.min(sum, left);
    left -= taken;
    return sum - taken;
  });
  return { ...window, sums };
}

/** When so much more has room, if nothing else is spent, epoch ms; 0 where it never has. */
export function roomAt(window: SpendWindow, periodSeconds: number, limit: number, amount: number): number {
  let used = usedIn(window);
  const first = window.newest - window.sums.length + 1;
  for (const [at, sum] of window.sums.entries()) {
    used -= sum;
    if (used + amount <= limit) return Math.ceil(((first + at + SLOTS + 1) * periodSeconds * 1000) / SLOTS);
  }
  return 0;
}
