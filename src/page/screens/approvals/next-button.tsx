/** After a decision: on to the next call that waits, by a press of its own. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { approvalTexts } from '../../texts/approvals.ts';

export function NextButton({
  next,
  onNext,
}: {
  readonly next: ApprovalReport | undefined;
  readonly onNext: () => void;
}): ReactNode {
  return (
    <Button onClick={onNext}>{next === undefined ? approvalTexts.dismiss : approvalTexts.next(next.extension)}</Button>
  );
}
