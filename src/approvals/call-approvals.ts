/** Approvals as the gate's edge needs them: opened for a call that is held, and answered when it asks again. */
import type { CallApprovals } from '../gate/agi-script.ts';
import type { Answer } from '../gate/gate.ts';
import { describeDestination } from '../policy/destination-classes.ts';
import type { Policy } from '../policy/policy.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import { answerOf } from './approval.ts';
import type { ApprovalDesk } from './approval-desk.ts';
import { callFacts, type IsFirstCall } from './call-facts.ts';
import { calledNumber } from './grant.ts';

/** @param canHold whether an Asterisk is there that would hold a channel now */
export function createCallApprovals(deps: {
  readonly desk: ApprovalDesk;
  readonly policy: () => Policy;
  readonly node: string;
  readonly canHold: () => boolean;
  readonly sheet: () => RateSheet | undefined;
  readonly isFirstCall: IsFirstCall;
}): CallApprovals {
  const { desk } = deps;
  return {
    open: async (decision, callId, approvedBefore, channel) => {
      const { rule, reason } = decision.verdict;
      const hold = rule?.answer.hold;
      if (rule === undefined || hold === undefined || !deps.canHold()) return undefined;
      const { destination, extension, trunk } = decision.call;
      const policy = deps.policy();
      const match = policy.match(decision.call, decision.at).find((each) => each.rule.id === rule.id);
      const { document, groupsOf } = policy;
      const { isFirstCall } = deps;
      const facts = await callFacts(decision.call, rule, { document, groupsOf, sheet: deps.sheet(), isFirstCall });
      const approval = await desk.open({
        decision: decision.id,
        callId,
        destination: destination.number,
        called: calledNumber(destination),
        dialled: destination.dialled,
        destinationIs: describeDestination(destination),
        extension,
        trunk,
        rule: rule.id,
        ruleName: rule.name,
        subjects: match?.match.subjects ?? [],
        because: reason,
        approvedBefore,
        node: deps.node,
        channel: channel.name,
        uniqueId: channel.uniqueId,
        hold,
        facts,
      });
      return approval.id;
    },
    answers: async (id, callId, dialled) => {
      const found = await desk.find(id);
      // Another call's approval is none.
      if (found === undefined || found.approval.callId !== callId || found.approval.dialled !== dialled)
        return new Map<string, Answer>();
      // A call that asks is no longer held, so nobody can decide it any more.
      const settlement = found.settlement ?? (await desk.settle(id, { state: 'unanswerable' }))?.settlement;
      void desk.resumed(id);
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
