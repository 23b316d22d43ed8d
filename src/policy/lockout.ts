/**
 * The lockout of a rule: after so many refusals, or a hard ceiling, a subject calls certain destinations no more until a
 * person clears the lock. Pure. How calls are held against locks stands in lock-rules.ts.
 */
import type { EpochMs, RuleId, Subject } from './call.ts';

export interface Lockout {
  /** Refusals by the rule within the time, from which on the subject is locked. */
  readonly after: number;
  readonly withinSeconds: number;
  /** Classes, countries and own lists; any of them. */
  readonly destinations: ReadonlySet<string>;
}

/** One that is in force. */
export interface Lock {
  readonly id: string;
  readonly rule: RuleId;
  readonly subject: Subject;
  readonly destinations: readonly string[];
  /** What happened, one clause. */
  readonly because: string;
  readonly at: EpochMs;
}

/** Locks by their subject as {@link subjectText} has it. */
export type KnownLocks = ReadonlyMap<string, readonly Lock[]>;

export const MOST_REFUSALS = 1000;

/** Whatever may leave the country, or costs more than it looks. `unknown`: what cannot be placed may leave it as well. */
export const USUALLY_LOCKED = ['international', 'premium', 'satellite', 'unknown'] as const;

export const subjectText = ({ kind, id }: Subject): string => `${kind} ${id}`;
