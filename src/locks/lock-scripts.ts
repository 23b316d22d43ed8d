/** How locks are written: note-refusal.lua as a typed function. */
import type { Redis } from 'ioredis';
import { createScript } from '../redis/scripts.ts';

const script = createScript('note-refusal');

/** More than any site has; each is known to every daemon. */
export const MOST_LOCKS = 10_000;

/** `full`: there are too many to make one more. */
export type RefusalOutcome = 'not-locked' | 'locked' | 'was-locked' | 'full';
const OUTCOMES: Readonly<Record<number, RefusalOutcome>> = { 0: 'not-locked', 1: 'locked', 2: 'was-locked', 3: 'full' };

/** @throws {TollgateError} of the store */
export async function noteRefusal(
  redis: Redis,
  refusal: {
    readonly locksKey: string;
    readonly refusalsKey: string;
    readonly field: string;
    /** JSON. */
    readonly lock: string;
    /** How many refusals are too many; 0 to lock at once. */
    readonly after: number;
    readonly withinSeconds: number;
    /** Which call was refused. */
    readonly call: string;
  },
): Promise<RefusalOutcome> {
  const { locksKey, refusalsKey, field, lock, after, withinSeconds, call } = refusal;
  const reply = await script(redis, [locksKey, refusalsKey], [field, lock, MOST_LOCKS, after, withinSeconds, call]);
  const outcome = Array.isArray(reply) ? OUTCOMES[Number(reply[0])] : undefined;
  if (outcome === undefined) throw new TypeError('note-refusal answered something else than an outcome');
  return outcome;
}
