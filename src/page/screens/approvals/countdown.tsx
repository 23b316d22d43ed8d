/** What is left of a call's waiting time, by the daemon's clock. A stream that is cut knows no time. */
import type { ReactNode } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useLiveState } from '../../api/live.tsx';
import { formatCountdown } from '../../parts/format.ts';
import { useNow } from '../../parts/time.tsx';
import { approvalTexts } from '../../texts/approvals.ts';

export function Countdown({
  approval,
  withBar = false,
}: {
  readonly approval: ApprovalReport;
  readonly withBar?: boolean;
}): ReactNode {
  const now = useNow(250);
  const { state } = useLiveState();
  if (state.word === 'cut') return <span className="muted">{approvalTexts.timeUnknown}</span>;
  const ends = Date.parse(approval.expiresAt);
  const left = Math.max(0, ends - now);
  const share = Math.min(1, left / Math.max(1, ends - Date.parse(approval.openedAt)));
  return (
    <>
      {withBar && (
        <span className="countdown-bar" aria-hidden>
          <span style={{ width: `${(share * 100).toFixed(1)}%` }} />
        </span>
      )}
      <span className="countdown number" role="timer">
        {formatCountdown(left)}
      </span>
    </>
  );
}
