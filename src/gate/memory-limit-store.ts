/**
 * Limits in this process's memory, on a clock that is passed in: what a replay of history counts in.
 *
 * It gives the same answers as redis-limit-store.ts with the scripts behind it: all or nothing, each charge of a call once.
 * Beyond that it promises less, and a daemon must not count in it: a clock that goes forward only, one policy for its whole
 * life (a changed rule begins at nothing), receipts that are worth something in this process only, no deadline, and calls
 * that count as under way until they are said to be over.
 */
import type { Clock } from '../clock.ts';
import type { Demand } from '../policy/actions/action.ts';
import type { Subject } from '../policy/call.ts';
import type { Count, Rule } from '../policy/rule.ts';
import type { Price } from '../rates/price.ts';
import type { TakenCharge } from '../redis/limit-scripts.ts';
import {
  amountOfItem,
  type Charge,
  callRecordSeconds,
  type LimitStore,
  type MeterReading,
  type Payer,
  type Receipt,
  type ReceiptItem,
} from './limit-store.ts';
import {
  bucketCounter,
  ceilingCounter,
  firstCallCounter,
  holdCounter,
  type Kept,
  lockCounter,
  newKept,
  ringCounter,
} from './memory-counters.ts';
import { spendCounter } from './memory-spend.ts';
import { readingsOf } from './readings.ts';

/** What stands in a receipt of this store. */
interface KeptItem extends ReceiptItem {
  readonly counting: Counting;
  readonly kept: Kept;
  readonly taken: TakenCharge;
  /** Of money. */
  readonly price: Price | undefined;
}

/** How one count of a rule counts. */
type Counting = ReturnType<typeof countingOf>;

export function createMemoryLimitStore(deps: { readonly clock: Pick<Clock, 'now'> }): LimitStore {
  const counts = new Map<Count, { readonly counting: Counting; readonly subjects: Map<string, Kept> }>();
  const records = createCallRecords();

  /** Who reached a place, by kind of subject and place: all rules have the same memory. */
  const reached = new Map<string, Map<string, Kept>>();
  const reachedOf = ({ kind }: Subject, place: string): Map<string, Kept> => {
    const of = `${kind} ${place}`;
    const known = reached.get(of) ?? new Map<string, Kept>();
    reached.set(of, known);
    return known;
  };

  const find = ({ rule, subject, count, demand }: Charge): Pick<KeptItem, 'counting' | 'kept'> => {
    let ofCount = counts.get(count);
    if (ofCount === undefined) {
      const subjects = count.kind === 'first-call' ? reachedOf(subject, count.place) : new Map<string, Kept>();
      ofCount = { counting: countingOf(rule, count, demand), subjects };
      counts.set(count, ofCount);
    }
    const { counting, subjects } = ofCount;
    return { counting, kept: keptOf(subjects, subject) };
  };

  const step = (
    callKey: string,
    charges: readonly Charge[],
    { nowMs, peeks }: { readonly nowMs: number; readonly peeks: boolean },
  ): { readonly status: 'taken' | 'refused'; readonly charges: readonly TakenCharge[] } => {
    const paid = records.of(callKey, nowMs);
    const keptMs = callRecordSeconds(charges) * 1000;
    let refused = false;
    /** The last of the charges that hang on a first call which this is not. */
    let passedBy = -1;
    const looked = charges.map((charge, index) => {
      const { counting, kept } = find(charge);
      const { counter } = counting;
      const seen = counter.look(kept, nowMs, callKey, charge.reserves?.amount ?? 0);
      if (charge.count.kind === 'first-call' && seen.state === 'counted') passedBy = index + charge.count.hanging;
      const state = index <= passedBy || paid?.has(kept) ? 'counted' : seen.state;
      if (state === 'lacking' && (charge.demand === 'required' || charge.demand === 'paced')) refused = true;
      return { counter, kept, seen, state, demand: charge.demand };
    });
    const answered = looked.map(({ counter, kept, seen, state, demand }): TakenCharge => {
      const takes =
        !refused && (state === 'room' || state === 'later' || (state === 'lacking' && demand === 'lenient'));
      if (takes && !peeks) counter.take(kept, nowMs, callKey, seen);
      if (!peeks && !refused && state !== 'counted' && counter.isRecorded)
        records.add(callKey, kept, { nowMs, keptMs });
      return {
        state,
        leavesAtMs: state === 'room' || state === 'later' ? seen.leavesAtMs : 0,
        before: seen.before,
        after: takes ? seen.after : seen.before,
        rolling: seen.roomAtMs && { atMs: nowMs, roomAtMs: seen.roomAtMs },
      };
    });
    return { status: refused ? 'refused' : 'taken', charges: answered };
  };

  const returnThem = ({ payer, items }: Receipt, needsRecord: boolean): void => {
    const callKey = callKeyOf(payer);
    for (const { counting, kept, taken } of itemsOf(items)) {
      if (counting.kind === 'spend')
        counting.counter.count(kept, deps.clock.now(), { call: callKey, what: 'void', amount: 0 });
      const wasRecorded = records.remove(callKey, kept, deps.clock.now());
      if (wasRecorded || !needsRecord || !counting.counter.isRecorded) counting.counter.giveBack(kept, callKey, taken);
    }
  };

  const take: LimitStore['take'] = (payer, charges) => {
    const at = deps.clock.now();
    const { status, charges: taken } = step(callKeyOf(payer), charges, { nowMs: at, peeks: false });
    const items = status === 'refused' ? [] : charges.flatMap((charge, index) => itemOf(charge, taken[index]));
    return Promise.resolve({
      outcome: status,
      at,
      readings: readingsOf(charges, taken, at),
      receipt: { payer, items },
    });
  };

  const peek: LimitStore['peek'] = (charges, at = deps.clock.now()) => {
    const { status, charges: seen } = step('', charges, { nowMs: at, peeks: true });
    return Promise.resolve({ outcome: status, at, readings: readingsOf(charges, seen, at) });
  };

  return {
    take,
    peek,
    giveBack: (receipt) => Promise.resolve(returnThem(receipt, true)),
    returnItems: (receipt) => Promise.resolve(returnThem(receipt, false)),
    renew: () => Promise.resolve(),
    end: ({ payer, items }) => {
      const callKey = callKeyOf(payer);
      for (const { counting, kept } of itemsOf(items)) {
        if (counting.kind === 'concurrent') counting.counter.end(kept, callKey);
      }
      return Promise.resolve();
    },
    meter: (calls, ceilingOf) => {
      const nowMs = deps.clock.now();
      const readings = calls.map(({ receipt: { payer, items }, talkMs, isOver }) => {
        const call = callKeyOf(payer);
        return itemsOf(items).flatMap((item): MeterReading[] => {
          const { counting, kept, price } = item;
          if (counting.kind !== 'spend') return [];
          const amount = amountOfItem(price, talkMs);
          const used = counting.counter.count(kept, nowMs, { call, what: isOver ? 'over' : 'under-way', amount });
          const limit = counting.level === 'hard' ? ceilingOf(item) : undefined;
          return [{ item, used, isReached: !isOver && limit !== undefined && used > limit }];
        });
      });
      return Promise.resolve(readings);
    },
    beginHold: (items, outcome) => {
      const nowMs = deps.clock.now();
      for (const { counting, kept } of itemsOf(items)) {
        if (counting.kind === 'hold' && counting.outcome === outcome) counting.counter.begin(kept, nowMs);
      }
      return Promise.resolve();
    },
    reach: (subjects, place) => {
      const nowMs = deps.clock.now();
      for (const subject of subjects) keptOf(reachedOf(subject, place), subject).atMs = nowMs;
      return Promise.resolve();
    },
    learn: (past, dryRun) => {
      let fresh = 0;
      for (const { subject, place, at } of past) {
        const kept = keptOf(reachedOf(subject, place), subject);
        if (kept.atMs === 0) fresh += 1;
        if (!dryRun) kept.atMs = Math.max(kept.atMs, at);
      }
      return Promise.resolve(fresh);
    },
    refill: (rule, subject) => {
      for (const count of rule.counts) counts.get(count)?.subjects.delete(subject.id);
      return Promise.resolve();
    },
  };

  function itemOf(charge: Charge, taken: TakenCharge | undefined): KeptItem[] {
    if (taken === undefined || taken.state === 'counted') return [];
    const { rule, subject, count } = charge;
    if (count.kind === 'lock' || count.kind === 'first-call') return [];
    if (count.kind === 'concurrent' && taken.after[0] === taken.before[0]) return [];
    const isBudget = count.kind === 'spend' || count.kind === 'minutes';
    if (isBudget && taken.after[0] === taken.before[0]) return [];
    return [{ rule: rule.id, subject, kind: count.kind, ...find(charge), taken, price: charge.reserves?.price }];
  }
}

function keptOf(subjects: Map<string, Kept>, { id }: Subject): Kept {
  const known = subjects.get(id) ?? newKept();
  subjects.set(id, known);
  return known;
}

function countingOf(rule: Rule, count: Count, demand: Demand) {
  switch (count.kind) {
    case 'limits': {
      const pace = demand === 'paced' || demand === 'paced-shadow' ? rule.pace : undefined;
      const counterOf = rule.counting === 'rolling' ? ringCounter : bucketCounter;
      return { kind: count.kind, counter: counterOf(count.limits, pace) };
    }
    case 'concurrent':
      return { kind: count.kind, counter: ceilingCounter(count.limits[0]) };
    case 'hold':
      return { kind: count.kind, counter: holdCounter(count.limits[0]), outcome: count.outcome };
    case 'first-call':
      return { kind: count.kind, counter: firstCallCounter(count) };
    case 'lock':
      return { kind: count.kind, counter: lockCounter() };
    case 'spend':
    case 'minutes':
      return { kind: 'spend' as const, counter: spendCounter(count.limits[0]), level: count.level };
    default:
      return count satisfies never;
  }
}

const callKeyOf = ({ callId, destination }: Payer): string => `${callId}:${destination}`;

// Made by itemOf above: a receipt goes back to the store that gave it.
const itemsOf = (items: readonly ReceiptItem[]): readonly KeptItem[] => items as readonly KeptItem[];

/** Which charges each call has paid, for as long as a call is known again after it paid last. */
function createCallRecords() {
  // Nearly in the order in which they lapse: a call that may wait is known for longer.
  const records = new Map<string, { readonly paid: Set<Kept>; untilMs: number }>();
  const alive = (callKey: string, nowMs: number) => {
    const record = records.get(callKey);
    return record !== undefined && record.untilMs >= nowMs ? record : undefined;
  };
  return {
    of: (callKey: string, nowMs: number): ReadonlySet<Kept> | undefined => alive(callKey, nowMs)?.paid,
    add: (
      callKey: string,
      kept: Kept,
      { nowMs, keptMs }: { readonly nowMs: number; readonly keptMs: number },
    ): void => {
      for (const [key, { untilMs }] of records) {
        if (untilMs >= nowMs) break;
        records.delete(key);
      }
      const paid = alive(callKey, nowMs)?.paid ?? new Set();
      paid.add(kept);
      records.delete(callKey);
      records.set(callKey, { paid, untilMs: nowMs + keptMs });
    },
    /** @returns whether it stood there */
    remove: (callKey: string, kept: Kept, nowMs: number): boolean => alive(callKey, nowMs)?.paid.delete(kept) ?? false,
  };
}
