/**
 * A grant: what a supervisor allowed beyond the one held call, until a time. Pure.
 *
 * - `number`: one extension to one number, as often as it likes.
 * - `limit`: so many more calls of the same subjects, beyond what the rule lets pass by itself.
 *
 * A grant answers one rule. Every other rule is asked as ever, and the rule's own counting goes on.
 */
import { z } from 'zod';
import type { Answer } from '../gate/gate.ts';
import { type CallAttempt, COUNT_PER, describeSubject, type EpochMs, type Subject } from '../policy/call.ts';
import type { Limit } from '../policy/limit.ts';
import type { Rule } from '../policy/rule.ts';

/** What a supervisor's yes stands for. */
export const GRANTED_FOR = ['call', 'number', 'limit'] as const;
export type GrantedFor = (typeof GRANTED_FOR)[number];

export const LONGEST_GRANT_MINUTES = 7 * 24 * 60;
export const USUAL_GRANT_MINUTES = 60;
export const MOST_GRANTED_CALLS = 1000;

interface Given {
  readonly id: string;
  readonly rule: string;
  readonly by: string;
  readonly from?: string | undefined;
  readonly reason?: string | undefined;
  /** The approval that it came from; empty where a limit was raised without one. */
  readonly approval: string;
  readonly at: EpochMs;
  readonly until: EpochMs;
}
export type NumberGrant = Given & { readonly what: 'number'; readonly extension: string; readonly number: string };
export type LimitGrant = Given & {
  readonly what: 'limit';
  readonly subjects: readonly [Subject, ...Subject[]];
  readonly calls: number;
};
export type Grant = NumberGrant | LimitGrant;

const time = z.int().transform((at) => at as EpochMs);
const given = {
  id: z.string().min(1),
  rule: z.string(),
  by: z.string(),
  from: z.string().optional(),
  reason: z.string().optional(),
  approval: z.string(),
  at: time,
  until: time,
};
const subject = z.object({ kind: z.enum(COUNT_PER), id: z.string() });
const grantSchema = z.discriminatedUnion('what', [
  z.object({ ...given, what: z.literal('number'), extension: z.string(), number: z.string() }),
  z.object({ ...given, what: z.literal('limit'), subjects: z.tuple([subject], subject), calls: z.int().min(1) }),
]);

/** What was kept, read back; undefined for anything that no daemon has written. */
export function readGrant(text: string): Grant | undefined {
  try {
    return grantSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * How many more calls a grant without a number stands for: as many as the rule itself lets pass in that time; one where
 * the rule has no limits, because nobody said how many would be too many.
 */
export const usualCalls = (limits: readonly Limit[], minutes: number): number =>
  Math.min(
    MOST_GRANTED_CALLS,
    ...(limits.length === 0
      ? [1]
      : limits.map(({ count, periodSeconds }) => count * Math.max(1, Math.floor((minutes * 60) / periodSeconds)))),
  );

/** In full where that is known, so that it is the same number however it was dialled. */
export const calledNumber = ({ e164, number }: CallAttempt['destination']): string => e164 ?? number;

/** Whether a grant answers this rule for this call. */
export function covers(
  grant: Grant,
  rule: Rule,
  subjects: readonly Subject[],
  call: CallAttempt,
  at: EpochMs,
): boolean {
  if (grant.rule !== rule.id || grant.until <= at) return false;
  switch (grant.what) {
    case 'number':
      return call.extension === grant.extension && calledNumber(call.destination) === grant.number;
    case 'limit':
      return subjects.every((each) => grant.subjects.some(({ kind, id }) => kind === each.kind && id === each.id));
    default:
      return grant satisfies never;
  }
}

/** The most calls of a `limit` grant; exact over its whole life. */
export function limitOf(grant: LimitGrant): Limit {
  const periodSeconds = Math.max(1, Math.ceil((grant.until - grant.at) / 1000));
  return { count: grant.calls, periodSeconds, text: `${grant.calls}/${periodSeconds}s` };
}

export const answerOfGrant = (grant: Grant): Answer => ({
  approved: true,
  reason: `granted by ${grant.by} until ${new Date(grant.until).toISOString()}`,
});

/** One clause: `1001 to +5355512345 until 2026-11-21T10:00:00.000Z`. */
export function describeGrant(grant: Grant): string {
  const until = `until ${new Date(grant.until).toISOString()}`;
  switch (grant.what) {
    case 'number':
      return `${grant.extension} to ${grant.number} ${until}`;
    case 'limit': {
      const calls = grant.calls === 1 ? '1 more call' : `${grant.calls} more calls`;
      return `${calls} for ${grant.subjects.map(describeSubject).join(' and ')} ${until}`;
    }
    default:
      return grant satisfies never;
  }
}

/** As the API and the command line have it. */
export interface GrantReport {
  readonly id: string;
  readonly what: Grant['what'];
  readonly rule: string;
  readonly extension: string | null;
  readonly number: string | null;
  readonly subjects: readonly string[];
  readonly calls: number | null;
  readonly grantedBy: string;
  readonly reason: string | null;
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly until: string;
  /** Null where a limit was raised without one. */
  readonly approval: string | null;
}

export const reportGrant = (grant: Grant): GrantReport => ({
  id: grant.id,
  what: grant.what,
  rule: grant.rule,
  extension: grant.what === 'number' ? grant.extension : null,
  number: grant.what === 'number' ? grant.number : null,
  subjects: grant.what === 'limit' ? grant.subjects.map(describeSubject) : [],
  calls: grant.what === 'limit' ? grant.calls : null,
  grantedBy: grant.by,
  reason: grant.reason ?? null,
  since: new Date(grant.at).toISOString(),
  until: new Date(grant.until).toISOString(),
  approval: grant.approval === '' ? null : grant.approval,
});
