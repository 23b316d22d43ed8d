/**
 * Unblocks many addresses piece by piece, so that progress can be shown and one that fails does not stop the others; and puts
 * them back.
 */
import type { LiftReport } from '../../../api/bans-routes.ts';
import { api } from '../../api/client.ts';

export interface Failure {
  readonly address: string;
  readonly why: string;
}
export interface Lifted {
  readonly lifted: readonly string[];
  /** Had ended by themselves, or somebody was faster. */
  readonly over: readonly string[];
  readonly failures: readonly Failure[];
}

const PIECE = 100;
const piecesOf = (addresses: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(addresses.length / PIECE) }, (_, at) => addresses.slice(at * PIECE, (at + 1) * PIECE));
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * @param onProgress how many were dealt with
 * @param leaveAloneSeconds no automatic ban of any of them for so long; undefined: one may come at once
 *
 * Never rejects: what goes wrong is a failure of its addresses.
 */
export async function liftAll(
  addresses: readonly string[],
  onProgress: (done: number) => void,
  leaveAloneSeconds?: number,
): Promise<Lifted> {
  const lifted: string[] = [];
  const over: string[] = [];
  const failures: Failure[] = [];
  for (const piece of piecesOf(addresses)) {
    try {
      const answers = await api<readonly LiftReport[]>('POST', 'bans/lift', {
        body: { addresses: piece, ...(leaveAloneSeconds === undefined ? {} : { leaveAloneSeconds }) },
      });
      for (const answer of answers)
        if (answer.lifted) lifted.push(answer.address);
        else if (answer.detail === 'is not banned') over.push(answer.address);
        else failures.push({ address: answer.address, why: answer.detail });
    } catch (error) {
      failures.push(...piece.map((address) => ({ address, why: messageOf(error) })));
    }
    onProgress(lifted.length + over.length + failures.length);
  }
  return { lifted, over, failures };
}

interface Restored {
  readonly address: string;
  readonly restored: boolean;
  readonly detail: string;
}

/** @throws {Error} names the first that is not back, and how many more */
export async function restoreAll(addresses: readonly string[]): Promise<void> {
  const lost: Restored[] = [];
  for (const piece of piecesOf(addresses)) {
    const answers = await api<readonly Restored[]>('POST', 'bans/restore', { body: { addresses: piece } });
    lost.push(...answers.filter(({ restored }) => !restored));
  }
  const [first] = lost;
  if (first === undefined) return;
  const more = lost.length === 1 ? '' : `, and ${lost.length - 1} more`;
  throw new Error(`${first.address} ${first.detail}${more}`);
}
