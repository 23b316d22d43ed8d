/**
 * Pace calls: a call that comes too early takes its place in the queue, waits for it in the dialplan, and goes. Where the
 * queue is too long, it is refused.
 */
import { z } from 'zod';
import { durationField, parseDuration } from '../duration.ts';
import { type Action, type ActionAnswer, blockAnswer } from './action.ts';

/** What the caller hears meanwhile. Nothing of it answers the call. */
export const WHILE_WAITING = ['silence', 'ringing', 'music'] as const;

const wholeNumber = (most: number, what: string) => {
  const hint = `is not ${what}; write a whole number from 1 to ${most}`;
  return z.int({ error: hint }).min(1, { error: hint }).max(most, { error: hint });
};

/** Longer than this the called party would ring for nobody: carriers and phones give up. */
const LONGEST_WAIT_MS = 10 * 60_000;
/** Places that were given back are looked through by halving; a thousand waiting calls are more than any trunk has. */
const LONGEST_QUEUE = 1000;
const USUAL_WAIT = '2s';
const USUAL_QUEUE = 100;

export const wait = {
  name: 'wait',
  // Of a call for which there is no place within maxWait; one that has its place waits.
  verdict: 'block',
  demand: 'paced',
  verb: 'refuses',
  fields: {
    maxWait: durationField(1, LONGEST_WAIT_MS, '2s').optional(),
    maxQueue: wholeNumber(LONGEST_QUEUE, 'a length of a queue').optional(),
    burst: wholeNumber(1_000_000, 'a number of calls').optional(),
    whileWaiting: z.enum(WHILE_WAITING).optional(),
  },
  answer: (rule: {
    readonly hangupCause: number;
    readonly prompt: string;
    readonly whileWaiting?: (typeof WHILE_WAITING)[number] | undefined;
  }): ActionAnswer => ({ ...blockAnswer(rule), whileWaiting: rule.whileWaiting ?? 'silence' }),
} as const satisfies Action;

/** How a rule paces, in the numbers that the store wants. */
export interface Pace {
  readonly maxWaitMs: number;
  readonly maxQueue: number;
  /** How many calls of the shortest period may leave at once; 0 for the count of its limit. */
  readonly burst: number;
}

export const paceOf = (rule: {
  readonly maxWait?: string | undefined;
  readonly maxQueue?: number | undefined;
  readonly burst?: number | undefined;
}): Pace => ({
  maxWaitMs: parseDuration(rule.maxWait ?? USUAL_WAIT) ?? 0,
  maxQueue: rule.maxQueue ?? USUAL_QUEUE,
  burst: rule.burst ?? 0,
});
