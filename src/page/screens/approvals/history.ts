/** What was decided about an extension's calls in the last seven days, and about those of anybody to the same number. */
import { useMemo } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';

const WEEK_MS = 7 * 86_400_000;
const HISTORY_PATH = 'approvals?state=all&limit=1000';

interface Decided {
  readonly approved: number;
  readonly refused: number;
}

/** Undefined of what is not known. */
export function useHistory({ extension, destination }: ApprovalReport): {
  readonly ofExtension: Decided | undefined;
  readonly ofNumber: Decided | undefined;
} {
  const { data } = useApi<readonly ApprovalReport[]>(HISTORY_PATH);
  return useMemo(() => {
    const week = data?.filter(({ openedAt }) => Date.parse(openedAt) > serverNow() - WEEK_MS);
    const count = (theirs: readonly ApprovalReport[] | undefined): Decided | undefined =>
      theirs && {
        approved: theirs.filter(({ state }) => state === 'approved').length,
        refused: theirs.filter(({ state }) => state === 'refused').length,
      };
    return {
      ofExtension: extension === null ? undefined : count(week?.filter((each) => each.extension === extension)),
      ofNumber: count(week?.filter((each) => each.destination === destination)),
    };
  }, [data, extension, destination]);
}
