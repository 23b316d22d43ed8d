/**
 * What the limits of a call mean together: all or nothing, and each of them once for each call. The reference that
 * take-limits.lua, return-limits.lua and keep-leases.lua are compared with, number by number.
 *
 * Nothing has a time to live here; whoever lets a key expire asks `expire` whether anything was lost by it.
 */
import type { ModelCharge, ModelCounter, Seen, Taken } from './counter.ts';
import { createLeases, type ModelLeases } from './leases.ts';
import { createRing, type ModelRing } from './rolling-window.ts';
import { type BucketState, createBucket, type ModelBucket } from './token-bucket.ts';

export type ModelAnswer =
  | { readonly status: 'late' }
  | { readonly status: 'taken' | 'refused'; readonly charges: readonly Taken[] };

export interface CallsModel {
  readonly take: (
    nowMs: bigint,
    call: string,
    charges: readonly ModelCharge[],
    options: { readonly deadlineMs: bigint; readonly recordMs: bigint },
  ) => ModelAnswer;
  readonly peek: (nowMs: bigint, call: string, charges: readonly ModelCharge[]) => ModelAnswer;
  /** @returns how many of the charges were given back */
  readonly giveBack: (
    call: string,
    taken: readonly { readonly charge: ModelCharge; readonly taken: Taken }[],
    needsRecord: boolean,
  ) => number;
  /** Says of the leases of a call that they last from now, or, for 0 ms, that they are over. @returns how many were there */
  readonly keep: (nowMs: bigint, call: string, keys: readonly string[], lastsMs: bigint) => number;
  readonly beginHold: (nowMs: bigint, charge: ModelCharge) => void;
  readonly put: (key: string, state: BucketState) => void;
  /** Forgets what stands under a key. @returns whether that is the same as keeping it */
  readonly expire: (nowMs: bigint, key: string) => boolean;
  /** Forgets the places that were given back in a bucket. @returns whether nobody could have had one of them */
  readonly forgetPlaces: (nowMs: bigint, key: string) => boolean;
  /** Forgets the records of calls that are older than they are kept. */
  readonly forgetCalls: (nowMs: bigint) => void;
}

interface CallRecord {
  readonly paid: Set<string>;
  readonly untilMs: bigint;
}

export function createCallsModel(): CallsModel {
  const buckets = createAll<ModelBucket>(createBucket);
  const rings = createAll<ModelRing>(createRing);
  const leases = createAll<ModelLeases>(createLeases);
  const records = new Map<string, CallRecord>();

  const counterOf = ({ key, kind }: ModelCharge): ModelCounter => {
    if (kind === 'bucket') return buckets(key);
    return kind === 'leases' ? leases(key) : rings(key);
  };
  const paidBy = (call: string): Set<string> => records.get(call)?.paid ?? new Set();

  const answer = (nowMs: bigint, call: string, charges: readonly ModelCharge[]) => {
    const paid = paidBy(call);
    const looked = charges.map((charge) => {
      const seen = counterOf(charge).look(nowMs, charge, call);
      const state: Seen['state'] = paid.has(charge.key) ? 'counted' : seen.state;
      return { charge, seen: { ...seen, state, leavesAtMs: state === 'counted' ? 0n : seen.leavesAtMs } };
    });
    const refused = looked.some(
      ({ charge: { demand }, seen: { state } }) => state === 'lacking' && (demand === 'required' || demand === 'paced'),
    );
    const answered = looked.map(({ charge, seen }) => {
      const gets = seen.state === 'room' || seen.state === 'later';
      const goesOn = seen.state === 'lacking' && charge.demand === 'lenient';
      const takes = !refused && charge.kind !== 'hold' && (gets || goesOn);
      return { charge, seen, takes, taken: { ...seen, after: takes ? seen.after : seen.before, atMs: nowMs } };
    });
    return { refused, answered };
  };

  const toAnswer = ({ refused, answered }: ReturnType<typeof answer>): ModelAnswer => ({
    status: refused ? 'refused' : 'taken',
    charges: answered.map(({ taken }) => taken),
  });

  return {
    peek: (nowMs, call, charges) => toAnswer(answer(nowMs, call, charges)),
    take: (nowMs, call, charges, { deadlineMs, recordMs }) => {
      if (deadlineMs > 0n && nowMs > deadlineMs) return { status: 'late' };
      const result = answer(nowMs, call, charges);
      for (const { charge, seen, takes } of result.answered) {
        counterOf(charge).settle(nowMs, charge);
        if (takes) counterOf(charge).take(nowMs, charge, call, seen);
      }
      const owed = result.answered.filter(({ charge, seen }) => isRecorded(charge) && seen.state !== 'counted');
      if (!result.refused && owed.length > 0) {
        const paid = new Set([...paidBy(call), ...owed.map(({ charge }) => charge.key)]);
        records.set(call, { paid, untilMs: nowMs + recordMs });
      }
      return toAnswer(result);
    },
    giveBack: (call, given, needsRecord) => {
      const paid = paidBy(call);
      return given.filter(({ charge, taken }) => {
        if (charge.kind === 'leases') return leases(charge.key).keep(0n, call, 0n);
        if (!paid.delete(charge.key) && needsRecord) return false;
        counterOf(charge).giveBack(charge, call, taken);
        return true;
      }).length;
    },
    keep: (nowMs, call, keys, lastsMs) => keys.filter((key) => leases(key).keep(nowMs, call, lastsMs)).length,
    beginHold: (nowMs, charge) => rings(charge.key).begin(nowMs, charge),
    put: (key, state) => buckets(key).put(state),
    expire: (nowMs, key) => [buckets(key), rings(key), leases(key)].every((counter) => counter.isSpent(nowMs)),
    forgetPlaces: (nowMs, key) => buckets(key).forgetPlaces(nowMs),
    forgetCalls: (nowMs) => {
      for (const [call, { untilMs }] of records) if (untilMs < nowMs) records.delete(call);
    },
  };
}

/** A hold is only looked at, and of the calls at once the call is one, or is none. */
const isRecorded = ({ kind }: ModelCharge): boolean => kind === 'bucket' || kind === 'rolling';

function createAll<Counter>(create: () => Counter): (key: string) => Counter {
  const all = new Map<string, Counter>();
  return (key) => {
    const known = all.get(key) ?? create();
    all.set(key, known);
    return known;
  };
}
