/**
 * Every key that Tollgate writes, in one place. All keys of a tenant share one hash tag, so that the keys of one
 * decision live on one shard of a cluster.
 */

export interface Keys {
  /** Charges that a call has paid; kept for minutes. */
  readonly call: (callId: string, destination: string) => string;
  /** @param generation raised when the rule is reset, so that all its buckets are full again at once */
  readonly bucket: (rule: string, generation: number, subject: string) => string;
  /** The ring of a rule that counts in rolling windows. */
  readonly ring: (rule: string, generation: number, subject: string) => string;
  /** Hash of the policy in force: version, document, generations, changedAt, changedBy. */
  readonly policy: string;
  /** Stream of decisions that are kept in full. */
  readonly journal: string;
  /** List of the last outages of the store, newest first. */
  readonly outages: string;
  /** Hash of counts for one hour, `2026-11-21T09`; fields `09:41|rule|verdict`. */
  readonly counts: (hour: string) => string;
  /** Mark of a batch that was written to the journal. */
  readonly journalBatch: (id: string) => string;
}

/** @param prefix and tenant hold no braces or blanks; the configuration sees to it. */
export function createKeys(options: { readonly prefix: string; readonly tenant: string }): Keys {
  const base = `${options.prefix}:{${options.tenant}}`;
  const counted =
    (letter: string) =>
    (rule: string, generation: number, subject: string): string =>
      `${base}:${letter}:${rule}${generation === 0 ? '' : `~${generation}`}:${subject}`;
  return {
    call: (callId, destination) => `${base}:c:${callId}:${destination}`,
    bucket: counted('b'),
    ring: counted('w'),
    policy: `${base}:policy`,
    journal: `${base}:journal`,
    outages: `${base}:outages`,
    journalBatch: (id) => `${base}:j:${id}`,
    counts: (hour) => `${base}:n:${hour}`,
  };
}
