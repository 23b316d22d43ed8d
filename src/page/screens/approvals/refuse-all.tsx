/** There is no way to approve all. Many from one extension are mostly an attack, and may be refused together. */
import type { ReactNode } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { api } from '../../api/client.ts';
import { useSession } from '../../api/session.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { approvalTexts } from '../../texts/approvals.ts';

const MANY_FROM_ONE = 3;

export function RefuseAll({
  approvals,
  onKnown,
}: {
  readonly approvals: readonly ApprovalReport[];
  readonly onKnown: (approval: ApprovalReport) => void;
}): ReactNode {
  const { may } = useSession();
  const ofExtension = (name: string | null) => approvals.filter((each) => each.extension === name);
  const extension = approvals.find((each) => ofExtension(each.extension).length >= MANY_FROM_ONE)?.extension ?? null;
  if (extension === null || !may('approvals:decide')) return null;
  const theirs = ofExtension(extension);
  const refuse = async (): Promise<void> => {
    const answers = await Promise.allSettled(
      theirs.map(({ id }) => api<ApprovalReport>('POST', `approvals/${id}/refuse`, { body: {} })),
    );
    for (const answer of answers) if (answer.status === 'fulfilled') onKnown(answer.value);
    const failed = answers.find((answer) => answer.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  };
  return (
    <div className="row end">
      <ConfirmButton
        consequence={approvalTexts.refuseAllMeans(theirs.length, extension)}
        confirms={approvalTexts.refuseAll(theirs.length, extension)}
        onConfirm={refuse}
      >
        {approvalTexts.refuseAll(theirs.length, extension)}
      </ConfirmButton>
    </div>
  );
}
