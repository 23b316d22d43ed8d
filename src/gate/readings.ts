/** What a store's answer to one charge means to rules and to people, whichever store gave it. */

import type { EpochMs, Subject } from '../policy/call.ts';
import type { FirstCallCount } from '../policy/first-call.ts';
import type { LimitReading } from '../policy/limit.ts';
import { readWindow } from '../policy/rolling-window.ts';
import { isHard, type Rule } from '../policy/rule.ts';
import { readBucket } from '../policy/token-bucket.ts';
import type { Reading, Reserves } from '../policy/verdict.ts';
import { secondsFor } from '../rates/price.ts';
import type { TakenCharge } from '../redis/limit-scripts.ts';
import type { Charge, Reservation } from './limit-store.ts';

/**
 * @param taken one for each charge, in their order; a missing one reads as lacking
 * @param nowMs by the clock of the store
 */
export function readingsOf(
  charges: readonly Charge[],
  taken: readonly (TakenCharge | undefined)[],
  nowMs: number,
): Reading[] {
  return charges.map(({ rule, subject, count, reserves }, index) => {
    const own = taken[index];
    if (count.kind === 'first-call') return readFirstCall(subject, count, own, nowMs);
    return {
      subject,
      count,
      state: own?.state ?? 'lacking',
      waitMs: own?.state === 'later' ? Math.max(1, own.leavesAtMs - nowMs) : 0,
      limits: count.limits.map((limit, at) => readLimit(rule, limit, at, own, nowMs)),
      ...(reserves === undefined ? {} : { reserves: reservesOf(count, reserves, own) }),
    };
  });
}

function readFirstCall(
  subject: Subject,
  count: FirstCallCount,
  taken: TakenCharge | undefined,
  nowMs: number,
): Reading {
  const [limit] = count.limits;
  const reachedAt = taken?.before[0] ?? 0;
  const isFirst = reachedAt === 0 || reachedAt <= nowMs - limit.periodSeconds * 1000;
  const used = isFirst ? 0 : 1;
  return {
    subject,
    count,
    state: taken?.state ?? 'lacking',
    waitMs: 0,
    limits: [{ limit, used, usedAfter: used, remaining: 0, roomAfterMs: null }],
    reachedAt: isFirst ? undefined : (reachedAt as EpochMs),
  };
}

/** How long the talk is known once it is known what is left. */
function reservesOf(count: Charge['count'], reserves: Reservation, taken: TakenCharge | undefined): Reserves {
  const { amount, currency, note, price } = reserves;
  const left = count.limits[0] === undefined ? 0 : count.limits[0].count - (taken?.before[0] ?? 0);
  const talkSeconds = price === undefined ? left : secondsFor(price, left);
  const bounds = isHard(count) && taken !== undefined && taken.state === 'room' && talkSeconds < LONGEST_BOUND_SECONDS;
  return { amount, currency, note, talkSeconds: bounds ? talkSeconds : undefined };
}

/** What pays for more talk than this bounds no call. */
const LONGEST_BOUND_SECONDS = 86_400;

function readLimit(
  rule: Rule,
  limit: Charge['count']['limits'][number],
  at: number,
  taken: TakenCharge | undefined,
  nowMs: number,
): LimitReading {
  const [before, after] = [taken?.before[at] ?? 0, taken?.after[at] ?? 0];
  if (limit.unit !== undefined) {
    const roomAtMs = taken?.rolling?.roomAtMs[at] ?? 0;
    const lackingMs = roomAtMs === 0 ? null : Math.max(0, roomAtMs - nowMs);
    const remaining = Math.max(0, limit.count - before);
    return {
      limit,
      used: before,
      usedAfter: after,
      remaining,
      roomAfterMs: taken?.state === 'lacking' ? lackingMs : 0,
    };
  }
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
