/** How many calls got which verdict since the start of this daemon. */
import type { VerdictName } from '../policy/actions/action.ts';

export type Counts = Readonly<Record<VerdictName, number>>;

export function createTally(): { readonly count: (verdict: VerdictName) => void; readonly counts: () => Counts } {
  const counts: Record<VerdictName, number> = { allow: 0, alert: 0, wait: 0, hold: 0, block: 0 };
  return {
    count: (verdict) => {
      counts[verdict] += 1;
    },
    counts: () => ({ ...counts }),
  };
}
