/** A lock as people and scripts read it. */
import { describeSubject } from '../policy/call.ts';
import type { Lock } from '../policy/lockout.ts';

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
