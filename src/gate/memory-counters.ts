/**
 * What lua-scripts/take-limits.lua and return-limits.lua do with one charge, on plain numbers: a bucket, a ring, a hold,
 * and the calls at once. A replay of history counts in these; that every number equals the scripts' is shown in
 * test/property/memory-limit-store.test.ts.
 *
 * A counter is how one count of a rule counts; what it has counted for a subject is a small record of its own, because
 * there may be a million of those. Its limits never change, and its time goes forward only. It knows no clock, no record of
 * calls and no other counter: what all charges of a call get together is decided in memory-limit-store.ts.
 */
import type { Pace } from '../policy/actions/wait.ts';
import type { FirstCallCount } from '../policy/first-call.ts';
import type { Limit } from '../policy/limit.ts';
import type { SpendWindow } from '../policy/spend-window.ts';
import type { TakenCharge } from '../redis/limit-scripts.ts';

/** What is kept for one subject; each counter uses of it what it needs. */
export interface Kept {
  /** Of a bucket: when its debts were written. Of a hold: when it ends. */
  atMs: number;
  /** Of a bucket: its debts. Of a ring: the times of its calls, in order; in a paced one the last may lie ahead. */
  numbers: readonly number[];
  /** Of a paced bucket: places that calls gave back, as times in order. */
  places: readonly number[];
  /** Of a ceiling: the calls under way; undefined before the first. */
  calls: Set<string> | undefined;
  /** Of a budget; undefined before the first call. */
  spend: KeptSpend | undefined;
}

/** Of a budget. */
export interface KeptSpend {
  window: SpendWindow;
  /** Of the calls under way. */
  readonly charged: Map<string, { readonly amount: number; readonly beginSlot: number }>;
}

const NOTHING: readonly number[] = [];
export const newKept = (): Kept => ({ atMs: 0, numbers: NOTHING, places: NOTHING, calls: undefined, spend: undefined });

/** What a call meets, before anything is taken. */
export interface Seen {
  readonly state: 'room' | 'lacking' | 'counted' | 'later';
  /** When the call leaves, epoch ms, where it is paced; of one that gets no place, when it would. */
  readonly leavesAtMs: number;
  /** As in {@link TakenCharge}. */
  readonly before: readonly number[];
  /** What `before` becomes if the call takes. */
  readonly after: readonly number[];
  /** Of a ring: when one more call has room, for each limit; 0 where it has. */
  readonly roomAtMs?: readonly number[];
  /** The call takes a place that another one gave back. */
  readonly takesFreedPlace?: boolean;
}

export interface Counter {
  /** Writes nothing. `call` names the call that asks; `amount`: what it reserves of a budget. */
  readonly look: (kept: Kept, nowMs: number, call: string, amount: number) => Seen;
  /** What was seen is taken. */
  readonly take: (kept: Kept, nowMs: number, call: string, seen: Seen) => void;
  readonly giveBack: (kept: Kept, call: string, taken: TakenCharge) => void;
  /** A charge here stands in the record of its call, is not asked of it again, and is given back if it stands there. */
  readonly isRecorded: boolean;
}

/** As many places as return-limits.lua keeps. */
const MOST_PLACES = 1000;

const costOf = (limit: Limit): number => limit.periodSeconds * 1000;

/** A token bucket: see the layouts in take-limits.lua. @param pace of a paced demand; undefined for the others */
export function bucketCounter(limits: readonly Limit[], pace: Pace | undefined): Counter {
  const fullOf = (limit: Limit, at: number): number =>
    (pace !== undefined && pace.burst > 0 && at === 0 ? Math.min(pace.burst, limit.count) : limit.count) *
    costOf(limit);

  const look: Counter['look'] = (kept, nowMs) => {
    const elapsedMs = nowMs - kept.atMs;
    let state: Seen['state'] = 'room';
    let leavesAtMs = nowMs;
    const before: number[] = [];
    for (const [at, limit] of limits.entries()) {
      const [cost, full] = [costOf(limit), fullOf(limit, at)];
      const waits = pace === undefined ? 0 : Math.min(pace.maxWaitMs * limit.count, pace.maxQueue * cost);
      const debt = atLeastZero(Math.min(kept.numbers[at] ?? 0, full + waits) - elapsedMs * limit.count);
      const over = debt + cost - full;
      if (over > waits) state = 'lacking';
      else if (over > 0) {
        if (state === 'room') state = 'later';
        leavesAtMs = Math.max(leavesAtMs, nowMs + Math.ceil(over / limit.count));
      }
      before.push(debt);
    }
    const freedMs = pace === undefined || state === 'room' ? undefined : kept.places.find((place) => place >= nowMs);
    if (pace !== undefined && freedMs !== undefined && freedMs - nowMs <= pace.maxWaitMs) {
      if (state === 'lacking' || freedMs < leavesAtMs) {
        return { state: 'later', leavesAtMs: freedMs, before, after: before, takesFreedPlace: true };
      }
    }
    const after = before.map((debt, at) => {
      const limit = limits[at];
      if (limit === undefined) return debt;
      const gives = pace !== undefined || debt + costOf(limit) <= fullOf(limit, at);
      return gives ? debt + costOf(limit) : debt;
    });
    return { state, leavesAtMs: pace === undefined ? 0 : leavesAtMs, before, after };
  };

  return {
    isRecorded: true,
    look,
    take: (kept, nowMs, _call, seen) => {
      if (seen.takesFreedPlace) {
        // The call that gave the place back has paid for it.
        kept.places = kept.places.filter((place) => place >= nowMs).slice(1);
        return;
      }
      kept.numbers = seen.after;
      kept.atMs = nowMs;
    },
    giveBack: (kept, _call, { before, after, leavesAtMs }) => {
      const debts = kept.numbers;
      if (pace === undefined) {
        kept.numbers = debts.map((debt, at) => atLeastZero(debt - ((after[at] ?? 0) - (before[at] ?? 0))));
        return;
      }
      if (leavesAtMs === 0) return;
      if (limits.some((limit, at) => (debts[at] ?? 0) > fullOf(limit, at))) {
        // Those behind it have been told when they leave: its place is kept for whoever comes next.
        kept.places = [...kept.places, leavesAtMs].sort((one, other) => one - other).slice(-MOST_PLACES);
        return;
      }
      const sinceMs = atLeastZero(kept.atMs - leavesAtMs);
      kept.numbers = limits.map((limit, at) =>
        atLeastZero((debts[at] ?? 0) - atLeastZero(costOf(limit) - sinceMs * limit.count)),
      );
    },
  };
}

/** Rolling windows over the calls that started. @param pace of a paced demand; undefined for the others */
export function ringCounter(limits: readonly Limit[], pace: Pace | undefined): Counter {
  const most = Math.max(...limits.map((limit) => limit.count)) + (pace?.maxQueue ?? 0);

  return {
    isRecorded: true,
    look: ({ numbers: calls }, nowMs) => {
      let [state, leavesAtMs]: [Seen['state'], number] = ['room', nowMs];
      const before: number[] = [];
      const roomAtMs: number[] = [];
      for (const limit of limits) {
        const used = calls.length - countUntil(calls, nowMs - costOf(limit));
        const nth = calls[calls.length - limit.count];
        const freeAtMs = nth === undefined ? 0 : nth + costOf(limit);
        leavesAtMs = Math.max(leavesAtMs, freeAtMs);
        if (used >= limit.count) state = 'lacking';
        before.push(used);
        roomAtMs.push(used >= limit.count ? freeAtMs : 0);
      }
      const after = before.map((used) => used + 1);
      if (pace === undefined) return { state, leavesAtMs: 0, before, after, roomAtMs };
      // Behind the last one: who came first leaves first.
      leavesAtMs = Math.max(leavesAtMs, calls.at(-1) ?? 0);
      if (leavesAtMs <= nowMs) return { state: 'room', leavesAtMs: nowMs, before, after, roomAtMs };
      const waiting = calls.length - countUntil(calls, nowMs);
      state = leavesAtMs - nowMs > pace.maxWaitMs || waiting >= pace.maxQueue ? 'lacking' : 'later';
      return { state, leavesAtMs, before, after, roomAtMs };
    },
    take: (kept, nowMs, _call, seen) => {
      kept.numbers = [...kept.numbers, pace === undefined ? nowMs : seen.leavesAtMs].slice(-most);
    },
    giveBack: (kept, _call, { before, after, leavesAtMs, rolling }) => {
      if (rolling === undefined || after[0] === before[0]) return;
      const at = kept.numbers.indexOf(leavesAtMs === 0 ? rolling.atMs : leavesAtMs);
      if (at >= 0) kept.numbers = kept.numbers.toSpliced(at, 1);
    },
  };
}

/** A time in which nothing starts; looked at by calls and never written by them. */
export function holdCounter(limit: Limit): Counter & { readonly begin: (kept: Kept, nowMs: number) => void } {
  return {
    isRecorded: false,
    look: ({ atMs: endsMs }, nowMs) => {
      const held = endsMs > nowMs;
      const used = [held ? 1 : 0];
      const roomAtMs = [held ? endsMs : 0];
      return { state: held ? 'lacking' : 'room', leavesAtMs: 0, before: used, after: used, roomAtMs };
    },
    take: () => {},
    giveBack: () => {},
    begin: (kept, nowMs) => {
      kept.atMs = nowMs + costOf(limit);
    },
  };
}

/** Whether a place was reached lately; looked at by calls and never written by them. `atMs` is when it was. */
export function firstCallCounter({ limits: [limit], alone }: FirstCallCount): Counter {
  return {
    isRecorded: true,
    look: ({ atMs: reachedMs }, nowMs) => {
      const isFirst = reachedMs === 0 || reachedMs <= nowMs - costOf(limit);
      const before = [reachedMs];
      return { state: isFirst ? (alone ? 'lacking' : 'room') : 'counted', leavesAtMs: 0, before, after: before };
    },
    take: () => {},
    giveBack: () => {},
  };
}

/** No subject is locked here: locks of a replay are decided before its store is asked, see memory-locks.ts. */
export function lockCounter(): Counter {
  const none = [0];
  return {
    isRecorded: false,
    look: () => ({ state: 'room', leavesAtMs: 0, before: none, after: none }),
    take: () => {},
    giveBack: () => {},
  };
}

/** Calls at once. None is lost here, as one can be in a network: a call counts until it is said to be over. */
export function ceilingCounter(limit: Limit): Counter & { readonly end: (kept: Kept, call: string) => void } {
  const end = (kept: Kept, call: string): void => void kept.calls?.delete(call);
  return {
    isRecorded: false,
    look: ({ calls }, _nowMs, call) => {
      const atOnce = calls?.size ?? 0;
      const state = calls?.has(call) ? 'counted' : atOnce >= limit.count ? 'lacking' : 'room';
      return { state, leavesAtMs: 0, before: [atOnce], after: [atOnce + 1] };
    },
    take: (kept, _nowMs, call) => {
      kept.calls ??= new Set();
      kept.calls.add(call);
    },
    giveBack: end,
    end,
  };
}

const atLeastZero = (value: number): number => Math.max(0, value);

/** How many times of a row in order are not later than one. */
function countUntil(times: readonly number[], time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((times[middle] ?? 0) > time) high = middle;
    else low = middle + 1;
  }
  return low;
}
