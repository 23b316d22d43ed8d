/** A call that waits, or that waited, as one line. */
import { Button, CloseButton } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { useMe } from '../../api/me.ts';
import { usePhone } from '../../frame/phone.ts';
import { formatPhone } from '../../parts/format.ts';
import { useZone } from '../../parts/time.tsx';
import { approvalTexts } from '../../texts/approvals.ts';
import { Countdown } from './countdown.tsx';
import { outcomeOf } from './outcome.ts';

export function ApprovalLine({
  approval,
  onReview,
  onDismiss,
}: {
  readonly approval: ApprovalReport;
  readonly onReview: () => void;
  readonly onDismiss: () => void;
}): ReactNode {
  const { id, extension, destination, state } = approval;
  const zone = useZone();
  const { data: me } = useMe();
  const isOpen = state === 'open';
  const isPhone = usePhone();
  const [outcome] = outcomeOf(approval, { phase: 'none' }, me?.name ?? '', zone);
  return (
    <article id={`card-${id}`} className="approval-line" aria-labelledby={`name-${id}`}>
      <h2 id={`name-${id}`} tabIndex={-1}>
        {approvalTexts.extension(extension)} → <span className="number mono">{formatPhone(destination)}</span>
      </h2>
      {isOpen ? (
        <Countdown approval={approval} />
      ) : (
        <span className="muted">{isPhone ? approvalTexts.states[state] : outcome}</span>
      )}
      {isOpen ? (
        <Button onClick={onReview}>{approvalTexts.review}</Button>
      ) : (
        <CloseButton aria-label={approvalTexts.dismiss} onClick={onDismiss} />
      )}
    </article>
  );
}
