/** Approvals as the gate's edge needs them: opened for a call that is held, and answered when it asks again. */
import type { CallApprovals } from '../gate/agi-script.ts';
import type { Answer } from '../gate/gate.ts';
import { answerOf } from './approval.ts';
import type { ApprovalDesk } from './approval-desk.ts';

/** @param canHold whether an Asterisk is there that would hold a channel now */
export function createCallApprovals(deps: {
  readonly desk: ApprovalDesk;
  readonly node: string;
  readonly canHold: () => boolean;
}): CallApprovals {
  const { desk } = deps;
  return {
    open: async (decision, callId, approvedBefore, channel) => {
      const { rule, reason } = decision.verdict;
      const hold = rule?.answer.hold;
      if (rule === undefined || hold === undefined || !deps.canHold()) return undefined;
      const { destination, extension, trunk } = decision.call;
      const approval = await desk.open(
        {
          decision: decision.id,
          callId,
          destination: destination.number,
          dialled: destination.dialled,
          extension,
          trunk,
          rule: rule.id,
          ruleName: rule.name,
          because: reason,
          approvedBefore,
          node: deps.node,
          channel: channel.name,
          uniqueId: channel.uniqueId,
          otherwise: hold.otherwise,
        },
        hold.timeoutSeconds,
      );
      return approval.id;
    },
    answers: async (id, callId, dialled) => {
      const found = await desk.find(id);
      // Another call's approval is none.
      if (found === undefined || found.approval.callId !== callId || found.approval.dialled !== dialled)
        return new Map<string, Answer>();
      // A call that asks is no longer held, so nobody can decide it any more.
      const settlement = found.settlement ?? (await desk.settle(id, { state: 'unanswerable' }))?.settlement;
      const before = found.approval.approvedBefore.map(
        (rule) => [rule, { approved: true, reason: 'approved before' }] as const,
      );
      return new Map<string, Answer>([...before, [found.approval.rule, answerOf(found.approval, settlement)]]);
    },
    withdraw: async (id) => {
      await desk.settle(id, { state: 'withdrawn' }).catch(() => undefined);
    },
  };
}
