/** What a store's answer to one charge means to rules and to people, whichever store gave it. */
import type { LimitReading } from '../policy/limit.ts';
import { readWindow } from '../policy/rolling-window.ts';
import type { Rule } from '../policy/rule.ts';
import { readBucket } from '../policy/token-bucket.ts';
import type { Reading } from '../policy/verdict.ts';
import type { TakenCharge } from '../redis/limit-scripts.ts';
import type { Charge } from './limit-store.ts';

/**
 * @param taken one for each charge, in their order; a missing one reads as lacking
 * @param nowMs by the clock of the store
 */
export function readingsOf(
  charges: readonly Charge[],
  taken: readonly (TakenCharge | undefined)[],
  nowMs: number,
): Reading[] {
  return charges.map(({ rule, subject, count }, index) => {
    const own = taken[index];
    return {
      subject,
      count,
      state: own?.state ?? 'lacking',
      waitMs: own?.state === 'later' ? Math.max(1, own.leavesAtMs - nowMs) : 0,
      limits: count.limits.map((limit, at) => readLimit(rule, limit, at, own, nowMs)),
    };
  });
}

function readLimit(
  rule: Rule,
  limit: Charge['count']['limits'][number],
  at: number,
  taken: TakenCharge | undefined,
  nowMs: number,
): LimitReading {
  const [before, after] = [taken?.before[at] ?? 0, taken?.after[at] ?? 0];
  if (limit.periodSeconds === 0) {
    const remaining = Math.max(0, limit.count - before);
    return { limit, used: before, usedAfter: after, remaining, roomAfterMs: remaining > 0 ? 0 : null };
  }
  if (taken?.rolling !== undefined) {
    return readWindow(limit, { before, after, roomInMs: (taken.rolling.roomAtMs[at] ?? 0) - nowMs });
  }
  const atOnce = at === 0 && rule.pace !== undefined && rule.pace.burst > 0 ? rule.pace.burst : limit.count;
  return readBucket(limit, before, after, Math.min(atOnce, limit.count));
}
