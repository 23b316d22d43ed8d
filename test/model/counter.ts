/**
 * What the models of the things that a call is counted in have in common. They are written for reading and not for speed:
 * BigInt throughout, no bytes, and lists that are looked through from end to end.
 */

export interface ModelLimit {
  readonly count: bigint;
  readonly periodMs: bigint;
}

export interface ModelPace {
  readonly maxWaitMs: bigint;
  readonly maxQueue: bigint;
  /** 0 for the count of the first limit. */
  readonly burst: bigint;
}

export interface ModelCharge {
  /** Names the bucket, the ring or the leases. */
  readonly key: string;
  readonly kind: 'bucket' | 'rolling' | 'hold' | 'leases';
  readonly demand: 'required' | 'lenient' | 'shadow' | 'paced' | 'paced-shadow';
  /** Shortest period first. Of leases: how many at once, and how long one lasts. */
  readonly limits: readonly ModelLimit[];
  /** Of the paced demands, and of no other. */
  readonly pace?: ModelPace | undefined;
}

/** What a call meets, before anything is taken. */
export interface Seen {
  readonly state: 'room' | 'lacking' | 'counted' | 'later';
  /** Of a paced charge: when the call leaves; 0 where it gets no place. */
  readonly leavesAtMs: bigint;
  readonly before: readonly bigint[];
  /** If the call takes. */
  readonly after: readonly bigint[];
  /** Of rings: when one more call has room, for each limit; 0 where it has. */
  readonly roomAtMs?: readonly bigint[];
}

export interface Taken extends Seen {
  readonly atMs: bigint;
}

/** One bucket, one ring, or the leases of one subject. */
export interface ModelCounter {
  readonly look: (nowMs: bigint, charge: ModelCharge, call: string) => Seen;
  readonly take: (nowMs: bigint, charge: ModelCharge, call: string, seen: Seen) => void;
  /** Puts right what lies ahead of a clock that was set back. */
  readonly settle: (nowMs: bigint, charge: ModelCharge) => void;
  readonly giveBack: (charge: ModelCharge, call: string, taken: Taken) => void;
  /** Forgetting it all at this time loses nothing. */
  readonly isSpent: (nowMs: bigint) => boolean;
}

export const NO_PACE: ModelPace = { maxWaitMs: 0n, maxQueue: 0n, burst: 0n };

export const larger = (one: bigint, other: bigint): bigint => (one > other ? one : other);
export const smaller = (one: bigint, other: bigint): bigint => (one < other ? one : other);
export const byTime = (one: bigint, other: bigint): number => Number(one - other);
