/**
 * One person's word about one held call, sent until it is known what counted.
 *
 * To say the same again is harmless, so no answer is asked for again with the same key; and nothing is called done before the
 * daemon said so.
 */
import { useState } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import type { GrantedFor } from '../../../approvals/grant.ts';
import { ApiError, api, newIdempotencyKey } from '../../api/client.ts';
import { serverNow } from '../../api/server-clock.ts';

export type Verb = 'approve' | 'refuse';

export interface Wish {
  readonly verb: Verb;
  readonly reason: string;
  readonly for: GrantedFor;
  readonly minutes: number;
  readonly calls: number | undefined;
}

export type DecisionState =
  | { readonly phase: 'none' }
  | { readonly phase: 'sending'; readonly verb: Verb }
  /** Nobody answered for three seconds. */
  | { readonly phase: 'asking'; readonly verb: Verb }
  | { readonly phase: 'counted'; readonly verb: Verb }
  /** Somebody, or the clock, was first. @param at when my word was refused, by the daemon's clock */
  | { readonly phase: 'late'; readonly verb: Verb; readonly at: number }
  | { readonly phase: 'failed'; readonly error: Error };

const FIRST_WAIT_MS = 3000;
const WAIT_MS = 5000;
const PAUSE_MS = 1000;
/** After its end nothing is asked any more: the list says what became of it. */
const AFTER_END_MS = 10_000;

export const bodyOf = (wish: Wish): Readonly<Record<string, unknown>> => ({
  ...(wish.reason.trim() === '' ? {} : { reason: wish.reason.trim() }),
  ...(wish.verb === 'approve' && wish.for !== 'call' ? { for: wish.for, minutes: wish.minutes } : {}),
  ...(wish.verb === 'approve' && wish.for === 'limit' && wish.calls !== undefined ? { calls: wish.calls } : {}),
});

export function useDecision(
  approval: ApprovalReport,
  onKnown: (approval: ApprovalReport) => void,
): { readonly state: DecisionState; readonly decide: (wish: Wish) => Promise<void> } {
  const [state, setState] = useState<DecisionState>({ phase: 'none' });

  const decide = async (wish: Wish): Promise<void> => {
    const { verb } = wish;
    const idempotencyKey = newIdempotencyKey();
    const body = bodyOf(wish);
    setState({ phase: 'sending', verb });
    for (let attempt = 0; ; attempt += 1) {
      try {
        const timeoutMs = attempt === 0 ? FIRST_WAIT_MS : WAIT_MS;
        const path = `approvals/${approval.id}/${verb}`;
        onKnown(await api<ApprovalReport>('POST', path, { body, idempotencyKey, timeoutMs }));
        setState({ phase: 'counted', verb });
        return;
      } catch (thrown) {
        const error = thrown instanceof Error ? thrown : new Error(String(thrown));
        if (error instanceof ApiError && error.status === 409 && error.current !== undefined) {
          const current = error.current as ApprovalReport;
          onKnown(current);
          // Still open: my first word had counted, and others have to approve as well.
          setState(current.state === 'open' ? { phase: 'counted', verb } : { phase: 'late', verb, at: serverNow() });
          return;
        }
        const mayCome =
          !(error instanceof ApiError) || error.status === 0 || error.status >= 502 || error.status === 429;
        if (!mayCome || serverNow() > Date.parse(approval.expiresAt) + AFTER_END_MS) {
          setState({ phase: 'failed', error });
          return;
        }
        setState({ phase: 'asking', verb });
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  };
  return { state, decide };
}
