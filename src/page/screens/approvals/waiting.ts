/** Calls that wait for somebody: one list for the screen, the top bar, the menu, the sound and the tab's title. */
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useApi } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';

export interface Waiting {
  readonly approvals: readonly ApprovalReport[];
  readonly count: number;
  /** Of the one that ends first, milliseconds since 1970 by the daemon's clock. */
  readonly nextEndsAt: number | undefined;
  readonly isLoading: boolean;
  readonly isChecking: boolean;
  readonly error: Error | null;
  readonly refetch: () => Promise<unknown>;
}

export const OPEN_PATH = 'approvals?state=open';
const NONE: readonly ApprovalReport[] = [];

export function useWaiting(): Waiting {
  const { may } = useSession();
  // The stream tells of changes at once; the slow look makes up for what it missed.
  const found = useApi<readonly ApprovalReport[]>(may('approvals:read') ? OPEN_PATH : undefined, {
    everyMs: 15_000,
  });
  const approvals = found.data ?? NONE;
  const ends = approvals.map(({ expiresAt }) => Date.parse(expiresAt));
  return {
    approvals,
    count: approvals.length,
    nextEndsAt: ends.length === 0 ? undefined : Math.min(...ends),
    isLoading: found.isPending,
    isChecking: found.isFetching,
    error: found.error,
    refetch: () => found.refetch(),
  };
}
