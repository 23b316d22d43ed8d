/**
 * What the limits of a call mean, written for reading and not for speed: the reference that lua-scripts/take-limits.lua
 * and return-limits.lua are compared with, number by number.
 *
 * BigInt throughout, one bucket after the other, no bytes. Buckets have no time to live here; whoever lets one expire asks
 * `expire` whether it was full. Debts are in the units of src/policy/token-bucket.ts. A charge may count in rolling windows
 * instead, see rolling-window.ts; its `bucket` then names the list of its calls.
 */
import { inWindow, lastOf, notAhead, roomAt, withoutOne } from './rolling-window.ts';

export interface ModelLimit {
  readonly count: bigint;
  readonly periodMs: bigint;
}

export interface ModelCharge {
  readonly bucket: string;
  /** Absent: bucket. */
  readonly counting?: 'bucket' | 'rolling';
  readonly demand: 'required' | 'lenient' | 'shadow';
  /** Shortest period first. */
  readonly limits: readonly ModelLimit[];
}

export interface ModelTaken {
  readonly state: 'room' | 'lacking' | 'counted';
  readonly before: readonly bigint[];
  readonly after: readonly bigint[];
  readonly rolling?: { readonly atMs: bigint; readonly roomAtMs: readonly bigint[] } | undefined;
}

export type ModelAnswer =
  | { readonly status: 'late' }
  | { readonly status: 'taken' | 'refused'; readonly charges: readonly ModelTaken[] };

/** As the last write left it. */
interface Bucket {
  readonly timeMs: bigint;
  readonly limits: readonly ModelLimit[];
  /** One for each limit. */
  readonly debts: readonly bigint[];
}

/** Calls that a rolling charge remembers, oldest first, under the limits of its last write. */
interface Remembered {
  readonly limits: readonly ModelLimit[];
  readonly times: readonly bigint[];
}

interface CallRecord {
  readonly paid: Set<string>;
  readonly untilMs: bigint;
}

export interface TokenBucketModel {
  readonly take: (
    nowMs: bigint,
    call: string,
    charges: readonly ModelCharge[],
    options: { readonly deadlineMs: bigint; readonly recordMs: bigint },
  ) => ModelAnswer;
  readonly peek: (nowMs: bigint, call: string, charges: readonly ModelCharge[]) => ModelAnswer;
  /** @returns how many of the charges stood in the record of the call */
  readonly giveBack: (
    call: string,
    taken: readonly { readonly charge: ModelCharge; readonly taken: ModelTaken }[],
  ) => number;
  readonly put: (bucket: string, state: Bucket) => void;
  /** Forgets a bucket. @returns whether that is the same as keeping it, because nothing was used by its own limits */
  readonly expire: (nowMs: bigint, bucket: string) => boolean;
  /** Forgets the records of calls that are older than they are kept. */
  readonly forgetCalls: (nowMs: bigint) => void;
}

export function createTokenBucketModel(): TokenBucketModel {
  const buckets = new Map<string, Bucket>();
  const remembered = new Map<string, Remembered>();
  const records = new Map<string, CallRecord>();
  const timesOf = (charge: ModelCharge, nowMs: bigint): bigint[] =>
    notAhead(remembered.get(charge.bucket)?.times ?? [], nowMs);

  const paidBy = (call: string): Set<string> => records.get(call)?.paid ?? new Set();

  const answer = (nowMs: bigint, paid: ReadonlySet<string>, charges: readonly ModelCharge[]): ModelAnswer => {
    const looked = charges.map((charge) => {
      const before =
        charge.counting === 'rolling'
          ? charge.limits.map((limit) => BigInt(inWindow(timesOf(charge, nowMs), limit, nowMs).length))
          : levelOf(buckets.get(charge.bucket), charge.limits, nowMs);
      const room = before.every((used, index) =>
        charge.counting === 'rolling' ? used < (charge.limits[index]?.count ?? 0n) : gives(charge.limits[index], used),
      );
      const state: ModelTaken['state'] = paid.has(charge.bucket) ? 'counted' : room ? 'room' : 'lacking';
      return { charge, before, state };
    });
    const refused = looked.some(({ charge, state }) => charge.demand === 'required' && state === 'lacking');
    const taken = looked.map(({ charge, before, state }): ModelTaken => {
      const takes = !refused && (state === 'room' || (state === 'lacking' && charge.demand === 'lenient'));
      if (charge.counting === 'rolling') {
        const roomAtMs = charge.limits.map((limit) => roomAt(timesOf(charge, nowMs), limit, nowMs));
        const after = before.map((calls) => (takes ? calls + 1n : calls));
        return { state, before, after, rolling: { atMs: nowMs, roomAtMs } };
      }
      const after = before.map((debt, index) => {
        const limit = charge.limits[index];
        return takes && limit !== undefined && gives(limit, debt) ? debt + limit.periodMs : debt;
      });
      return { state, before, after };
    });
    return { status: refused ? 'refused' : 'taken', charges: taken };
  };

  return {
    peek: (nowMs, call, charges) => answer(nowMs, paidBy(call), charges),
    take: (nowMs, call, charges, { deadlineMs, recordMs }) => {
      if (deadlineMs > 0n && nowMs > deadlineMs) return { status: 'late' };
      const paid = paidBy(call);
      const result = answer(nowMs, paid, charges);
      if (result.status === 'late') return result;
      result.charges.forEach(({ before, after }, index) => {
        const charge = charges[index];
        if (charge === undefined) return;
        if (charge.counting === 'rolling') {
          const gone = after.some((calls, at) => calls !== before[at]) ? [nowMs] : [];
          const clockSteppedBack = remembered.get(charge.bucket)?.times.some((time) => time > nowMs) ?? false;
          if (!clockSteppedBack && gone.length === 0) return;
          const times = lastOf([...timesOf(charge, nowMs), ...gone], charge.limits);
          remembered.set(charge.bucket, { limits: charge.limits, times });
          return;
        }
        const known = buckets.get(charge.bucket);
        const clockSteppedBack = known !== undefined && known.timeMs > nowMs;
        if (!clockSteppedBack && after.every((debt, at) => debt === before[at])) return;
        buckets.set(charge.bucket, { timeMs: nowMs, limits: charge.limits, debts: after });
      });
      const unpaid = charges.filter(({ bucket }) => !paid.has(bucket));
      if (result.status === 'taken' && unpaid.length > 0) {
        for (const { bucket } of unpaid) paid.add(bucket);
        records.set(call, { paid, untilMs: nowMs + recordMs });
      }
      return result;
    },
    giveBack: (call, given) => {
      const paid = paidBy(call);
      const owed = given.filter(({ charge }) => paid.delete(charge.bucket));
      for (const { charge, taken } of owed) {
        const calls = remembered.get(charge.bucket);
        if (calls !== undefined && taken.rolling !== undefined && taken.after[0] !== taken.before[0]) {
          remembered.set(charge.bucket, { ...calls, times: withoutOne(calls.times, taken.rolling.atMs) });
        }
        const known = buckets.get(charge.bucket);
        if (known === undefined || periodsOf(known) !== periodsOf(charge)) continue;
        const debts = known.debts.map((debt, at) =>
          atLeastZero(debt - ((taken.after[at] ?? 0n) - (taken.before[at] ?? 0n))),
        );
        buckets.set(charge.bucket, { ...known, debts });
      }
      return owed.length;
    },
    put: (bucket, state) => void buckets.set(bucket, state),
    expire: (nowMs, bucket) => {
      const calls = remembered.get(bucket);
      if (calls !== undefined) {
        remembered.delete(bucket);
        return calls.limits.every((limit) => inWindow(calls.times, limit, nowMs).length === 0);
      }
      const known = buckets.get(bucket);
      buckets.delete(bucket);
      return known === undefined || levelOf(known, known.limits, nowMs).every((debt) => debt === 0n);
    },
    forgetCalls: (nowMs) => {
      for (const [call, { untilMs }] of records) if (untilMs < nowMs) records.delete(call);
    },
  };
}

/** Debts now, under limits that may not be those the bucket was last used with. */
function levelOf(bucket: Bucket | undefined, limits: readonly ModelLimit[], nowMs: bigint): bigint[] {
  if (bucket === undefined) return limits.map(() => 0n);
  const elapsedMs = atLeastZero(nowMs - bucket.timeMs);
  const old = bucket.limits.map(({ periodMs }, at) => ({ periodMs, debt: bucket.debts[at] ?? 0n }));
  const others = old.filter(({ periodMs }) => limits.every((limit) => limit.periodMs !== periodMs));
  const wholeCalls = others.map(({ periodMs, debt }) => (debt + periodMs - 1n) / periodMs);
  return limits.map(({ count, periodMs }) => {
    const same = old.find((each) => each.periodMs === periodMs);
    const used = same?.debt ?? (wholeCalls.shift() ?? 0n) * periodMs;
    const full = count * periodMs;
    return atLeastZero((used < full ? used : full) - elapsedMs * count);
  });
}

const periodsOf = ({ limits }: Pick<Bucket, 'limits'>): string => limits.map(({ periodMs }) => periodMs).join();

const gives = (limit: ModelLimit | undefined, debt: bigint): boolean =>
  limit !== undefined && debt + limit.periodMs <= limit.count * limit.periodMs;

const atLeastZero = (value: bigint): bigint => (value > 0n ? value : 0n);
