/**
 * What the gate needs of a store of limits: take everything of one call in one atomic step, or look without taking.
 *
 * A refusal is an answer. A store that cannot be asked is an error; the gate then lets each rule's `whenStoreFails`
 * decide.
 */
import type { Demand } from '../policy/actions/action.ts';
import type { EpochMs, Subject } from '../policy/call.ts';
import type { Rule } from '../policy/rule.ts';
import type { Reading } from '../policy/verdict.ts';

/** One rule counted on one subject. */
export interface Charge {
  readonly rule: Rule;
  readonly subject: Subject;
  readonly demand: Demand;
}

/** Which call pays: the same call for the same destination pays each charge once. */
export interface Payer {
  readonly callId: string;
  readonly destination: string;
}

export interface Taken {
  readonly outcome: 'taken' | 'refused';
  /** By the store's clock. */
  readonly at: EpochMs;
  /** One for each charge, in their order. */
  readonly readings: readonly Reading[];
  /** Gives back what was taken, for a call that does not go out after all. Does nothing after a refusal. */
  readonly giveBack: () => Promise<void>;
}

export interface LimitStore {
  /**
   * Takes from all limits of all charges, or from none.
   *
   * @param withinMs the store does nothing for a request that reaches it later than this
   * @throws {TollgateError} `STORE_UNAVAILABLE` or `STORE_TIMEOUT`; nothing is taken then, unless the store had already
   *   answered, in which case it is given back
   */
  readonly take: (payer: Payer, charges: readonly Charge[], withinMs: number) => Promise<Taken>;
  /** What `take` would answer now, or at a given time; takes nothing. */
  readonly peek: (
    charges: readonly Charge[],
    at: EpochMs | undefined,
    withinMs: number,
  ) => Promise<Omit<Taken, 'giveBack'>>;
  /** Forgets what one subject has used of a rule. */
  readonly refill: (rule: Rule, subject: Subject) => Promise<void>;
}
