/** How approvals and grants are written: the script that settles as a typed function, and what a transaction came to. */
import type { Redis } from 'ioredis';
import { TollgateError } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { type Approval, personOf, type Settlement, type Voice } from './approval.ts';

export const MOST_NOTES = 10_000;

const script = createScript('settle-approval');

/**
 * - `first`: this word settled it.
 * - `noted`, `again`: it stays open, because other people have to approve as well; `again`: this one had approved before.
 * - `late`: somebody else was first.
 */
export type SettleOutcome = 'first' | 'noted' | 'again' | 'late';

const OUTCOMES: Readonly<Record<string, SettleOutcome>> = { 0: 'late', 1: 'first', 2: 'noted', 3: 'again' };

/** @returns texts as they are kept; undefined where there is no such approval. @throws {TollgateError} of the store */
export async function settleApproval(
  redis: Redis,
  keys: Keys,
  approval: Approval,
  settlement: Settlement,
): Promise<{ readonly outcome: SettleOutcome; readonly settlement: string; readonly voices: string } | undefined> {
  const { by, from, reason, at, grant } = settlement;
  const approves = settlement.state === 'approved' && by !== undefined;
  const voice: Voice = { by: by ?? '', from, reason, at };
  const reply = await script(
    redis,
    [keys.approval(approval.id), keys.openApprovals, keys.grants, keys.approvalNotes],
    [
      approval.id,
      JSON.stringify(settlement),
      approves ? personOf(by) : '',
      JSON.stringify(voice),
      approval.hold.approvers,
      grant?.id ?? '',
      grant === undefined ? '' : JSON.stringify(grant),
      MOST_NOTES,
    ],
  );
  const [outcome, settled, voices] = Array.isArray(reply) ? reply.map(String) : [];
  const name = OUTCOMES[outcome ?? ''];
  return name === undefined ? undefined : { outcome: name, settlement: settled ?? '', voices: voices ?? '' };
}

/** @throws {TollgateError} if one of the commands of a transaction failed: `exec` itself rejects only if none was run */
export function doneOf(
  results: ReadonlyArray<readonly [Error | null, unknown]> | null,
  problem: string,
): readonly unknown[] {
  const failed = results?.find(([error]) => error !== null);
  if (results === null || failed !== undefined)
    throw new TollgateError('STORE_UNAVAILABLE', problem, { cause: failed?.[0] });
  return results.map(([, value]) => value);
}
