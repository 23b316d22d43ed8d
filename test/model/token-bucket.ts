/**
 * What a token bucket means, and what it means to wait for a place in one. Debts are in the units of
 * src/policy/token-bucket.ts; those of waiting calls lie beyond a full one.
 */
import {
  byTime,
  larger,
  type ModelCharge,
  type ModelCounter,
  type ModelLimit,
  NO_PACE,
  type Seen,
  smaller,
} from './counter.ts';

/** As the last write left it. */
export interface BucketState {
  readonly timeMs: bigint;
  readonly limits: readonly ModelLimit[];
  /** One for each limit. */
  readonly debts: readonly bigint[];
}

export interface ModelBucket extends ModelCounter {
  readonly put: (state: BucketState) => void;
  /** Forgets the places that were given back. @returns whether nobody could have had one of them */
  readonly forgetPlaces: (nowMs: bigint) => boolean;
}

export function createBucket(): ModelBucket {
  let bucket: BucketState | undefined;
  /** Times at which calls were to leave that gave their places back, in order. */
  let places: readonly bigint[] = [];

  const placeFor = (nowMs: bigint, { pace, limits }: ModelCharge, debts: readonly bigint[]): bigint | undefined => {
    const mayWait = limits.every((limit, at) => {
      const over = (debts[at] ?? 0n) + limit.periodMs - fullOf(limits, at, pace?.burst);
      return over <= waitsOf(limit, pace);
    });
    if (!mayWait) return undefined;
    return limits
      .map((limit, at) => {
        const over = (debts[at] ?? 0n) + limit.periodMs - fullOf(limits, at, pace?.burst);
        return over <= 0n ? nowMs : nowMs + (over + limit.count - 1n) / limit.count;
      })
      .reduce(larger);
  };

  /** The first place given back that is still to come, if it is of use to a call that gets this one otherwise. */
  const freedFor = (nowMs: bigint, { pace }: ModelCharge, otherwise: bigint | undefined): bigint | undefined => {
    const first = places.find((place) => place >= nowMs);
    if (pace === undefined || first === undefined || otherwise === nowMs || first > nowMs + pace.maxWaitMs)
      return undefined;
    return otherwise === undefined || first < otherwise ? first : undefined;
  };

  const look = (nowMs: bigint, charge: ModelCharge): Seen => {
    const before = levelOf(bucket, charge, nowMs);
    const after = before.map((debt, at) => {
      const limit = charge.limits[at];
      if (limit === undefined) return debt;
      const gives = charge.pace !== undefined || debt + limit.periodMs <= fullOf(charge.limits, at, 0n);
      return gives ? debt + limit.periodMs : debt;
    });
    const place = placeFor(nowMs, charge, before);
    const freed = freedFor(nowMs, charge, place);
    if (freed !== undefined) return { state: 'later', leavesAtMs: freed, before, after: before };
    const leavesAtMs = charge.pace === undefined ? 0n : (place ?? 0n);
    const state = place === undefined ? 'lacking' : place === nowMs ? 'room' : 'later';
    return { state, leavesAtMs, before, after };
  };

  return {
    look: (nowMs, charge) => look(nowMs, charge),
    take: (nowMs, charge, _call, { state, before, after }) => {
      if (state === 'later' && after === before) {
        // The call that gave the place back has paid for it.
        places = places.filter((place) => place >= nowMs).slice(1);
        return;
      }
      // Where no limit gave anything, nothing is written.
      if (after.some((debt, at) => debt !== before[at]))
        bucket = { timeMs: nowMs, limits: charge.limits, debts: after };
    },
    settle: (nowMs, charge) => {
      if (bucket === undefined || bucket.timeMs <= nowMs) return;
      bucket = { timeMs: nowMs, limits: charge.limits, debts: levelOf(bucket, charge, nowMs) };
    },
    giveBack: (charge, _call, { before, after, leavesAtMs }) => {
      if (bucket === undefined || periodsOf(bucket.limits) !== periodsOf(charge.limits)) return;
      const { timeMs, debts } = bucket;
      const full = charge.limits.map((_, at) => fullOf(charge.limits, at, charge.pace?.burst));
      if (charge.pace === undefined) {
        const less = debts.map((debt, at) => larger(0n, debt - ((after[at] ?? 0n) - (before[at] ?? 0n))));
        bucket = { ...bucket, debts: less };
        return;
      }
      if (leavesAtMs === 0n) return;
      if (debts.some((debt, at) => debt > (full[at] ?? 0n))) {
        places = [...places, leavesAtMs].toSorted(byTime).slice(-1000);
        return;
      }
      const paidMs = larger(0n, timeMs - leavesAtMs);
      const less = debts.map((debt, at) => {
        const { count = 0n, periodMs = 0n } = charge.limits[at] ?? {};
        return larger(0n, debt - larger(0n, periodMs - paidMs * count));
      });
      bucket = { ...bucket, debts: less };
    },
    isSpent: (nowMs) => {
      const last = bucket;
      bucket = undefined;
      // Nothing caps it here: a level that matters to nobody now must not matter to a larger limit either.
      return (
        last === undefined || last.limits.every((limit, at) => (last.debts[at] ?? 0n) <= drained(last, limit, nowMs))
      );
    },
    put: (state) => {
      bucket = state;
    },
    forgetPlaces: (nowMs) => {
      const none = places.every((place) => place < nowMs);
      places = [];
      return none;
    },
  };
}

const drained = ({ timeMs }: BucketState, { count }: ModelLimit, nowMs: bigint): bigint =>
  larger(0n, nowMs - timeMs) * count;

/** Debts now, under limits that may not be those the bucket was last used with. */
function levelOf(bucket: BucketState | undefined, { limits, pace = NO_PACE }: ModelCharge, nowMs: bigint): bigint[] {
  if (bucket === undefined) return limits.map(() => 0n);
  const old = bucket.limits.map(({ periodMs }, at) => ({ periodMs, debt: bucket.debts[at] ?? 0n }));
  const others = old.filter(({ periodMs }) => limits.every((limit) => limit.periodMs !== periodMs));
  const wholeCalls = others.map(({ periodMs, debt }) => (debt + periodMs - 1n) / periodMs);
  return limits.map((limit, at) => {
    const { count, periodMs } = limit;
    const same = old.find((each) => each.periodMs === periodMs);
    const used = same?.debt ?? smaller(wholeCalls.shift() ?? 0n, count + pace.maxQueue) * periodMs;
    const most = fullOf(limits, at, pace.burst) + waitsOf(limit, pace);
    return larger(0n, smaller(used, most) - drained(bucket, limit, nowMs));
  });
}

/** Debt of a bucket from which no call may leave at once. @param burst 0 for the count of the first limit */
function fullOf(limits: readonly ModelLimit[], at: number, burst = 0n): bigint {
  const { count = 0n, periodMs = 0n } = limits[at] ?? {};
  return (at === 0 && burst > 0n ? smaller(burst, count) : count) * periodMs;
}

/** Debt that waiting calls may have beyond it. */
const waitsOf = ({ count, periodMs }: ModelLimit, { maxWaitMs, maxQueue } = NO_PACE): bigint =>
  smaller(maxWaitMs * count, maxQueue * periodMs);

const periodsOf = (limits: readonly ModelLimit[]): string => limits.map(({ periodMs }) => periodMs).join();
