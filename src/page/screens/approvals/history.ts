/** What was decided about an extension's calls in the last seven days. */
import { useMemo } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';

const WEEK_MS = 7 * 86_400_000;
const HISTORY_PATH = 'approvals?state=all&limit=1000';

export function useHistory(
  extension: string | null,
): { readonly approved: number; readonly refused: number } | undefined {
  const { data } = useApi<readonly ApprovalReport[]>(extension === null ? undefined : HISTORY_PATH);
  return useMemo(() => {
    if (data === undefined) return undefined;
    const theirs = data.filter(
      (each) => each.extension === extension && Date.parse(each.openedAt) > serverNow() - WEEK_MS,
    );
    const count = (state: ApprovalReport['state']): number => theirs.filter((each) => each.state === state).length;
    return { approved: count('approved'), refused: count('refused') };
  }, [data, extension]);
}
