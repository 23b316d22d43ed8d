/** What was made of held calls, for the journal: of every node, so that it is written where the one that held them is gone. */
import type { Journal } from '../gate/journal.ts';
import type { ApprovalDesk } from './approval-desk.ts';

/** Written by every daemon and there once. @returns how to stop */
export const recordHoldEnds = (
  desk: Pick<ApprovalDesk, 'onSettled'>,
  journal: Pick<Journal, 'settled'>,
): (() => void) =>
  desk.onSettled(({ approval, settlement }) => {
    const { state, by = null, at } = settlement;
    journal.settled(approval.decision, {
      ...{ state, by },
      at: new Date(at).toISOString(),
      waitedMs: Math.max(0, at - approval.openedAt),
    });
  });
