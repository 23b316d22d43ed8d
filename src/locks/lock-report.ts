/** A lock as it is kept, and as people and scripts read it. */
import { z } from 'zod';
import { COUNT_PER, describeSubject, type EpochMs, type RuleId } from '../policy/call.ts';
import type { Lock } from '../policy/lockout.ts';

/** As it stands in the store, JSON. */
export const lockSchema = z.object({
  id: z.string().min(1),
  rule: z.string().transform((id) => id as RuleId),
  subject: z.object({ kind: z.enum(COUNT_PER), id: z.string() }),
  destinations: z.array(z.string()),
  because: z.string(),
  at: z.int().transform((at) => at as EpochMs),
});

/** Whether a text, such as one of a backup, is a lock that people can see and clear. */
export function isLock(text: string): boolean {
  try {
    return lockSchema.safeParse(JSON.parse(text)).success;
  } catch {
    return false;
  }
}

/** As the API, the command line and the audit log have it. */
export interface LockReport {
  readonly id: string;
  /** `extension 1001`. */
  readonly subject: string;
  readonly rule: string;
  readonly destinations: readonly string[];
  readonly because: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

export const reportLock = ({ id, subject, rule, destinations, because, at }: Lock): LockReport => ({
  id,
  subject: describeSubject(subject),
  rule,
  destinations,
  because,
  since: new Date(at).toISOString(),
});
