/** What became of an approval, in sentences. Pure. */
import type { ApprovalReport } from '../../../approvals/approval.ts';
import { formatActor, formatClock, formatDuration } from '../../parts/format.ts';
import { approvalTexts } from '../../texts/approvals.ts';
import type { DecisionState } from './decision.ts';

const { outcome: texts } = approvalTexts;

/** @param me as the audit log names me: `web anna` @returns what is said, the most important first; empty while it waits */
export function outcomeOf(
  approval: ApprovalReport,
  decision: DecisionState,
  me: string,
  zone: string | undefined,
): readonly string[] {
  const { state, decidedBy, decidedAt, reason, otherwise } = approval;
  const at = decidedAt === null ? '' : formatClock(Date.parse(decidedAt), zone);
  const by = decidedBy === null ? approvalTexts.someone : decidedBy === me ? approvalTexts.you : nameOf(decidedBy);
  const quoted = reason === null ? [] : [texts.because(reason)];
  switch (state) {
    case 'open': {
      const left = approval.approversNeeded - approval.approvedBy.length;
      return approval.approvedBy.includes(me) && left > 0 ? [texts.oneOf(left)] : [];
    }
    case 'approved':
    case 'refused': {
      const beyond = approval.grant === null ? [] : [texts.untilGrant(approval.grant)];
      if (decision.phase === 'late' && decidedAt !== null)
        return [lateSentence(decision, by, state, Date.parse(decidedAt)), ...quoted];
      const said = state === 'approved' ? texts.approvedBy(by, at) : texts.refusedBy(by, at);
      return [said, ...quoted, ...beyond];
    }
    case 'withdrawn':
      return [texts.withdrawn(approval.waitedSeconds ?? 0)];
    case 'expired':
      return [texts.expired(at, otherwise)];
    case 'unanswerable':
      return [texts.unanswerable(otherwise)];
    default:
      return state satisfies never;
  }
}

/** By what he decided stands in the list of what was decided. */
const nameOf = (by: string): string => formatActor(by).replace(/, by .*$/, '');

function lateSentence(
  decision: Extract<DecisionState, { readonly phase: 'late' }>,
  by: string,
  state: 'approved' | 'refused',
  decidedAt: number,
): string {
  const ahead = decision.at - decidedAt;
  const verb = decision.verb === 'approve' ? approvalTexts.approve : approvalTexts.refuse;
  const name = by.charAt(0).toUpperCase() + by.slice(1);
  const did = texts[state];
  return ahead < 1000 ? texts.lateNow(name, did, verb) : texts.late(name, did, formatDuration(ahead), verb);
}
