/** Approvals as a held call opens them, and desks on a real store as nodes have them. */
import type { Redis } from 'ioredis';
import type { Approval } from '../../src/approvals/approval.ts';
import { type ApprovalDesk, createApprovalDesk } from '../../src/approvals/approval-desk.ts';
import { followApprovalNotes } from '../../src/approvals/approval-notes.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import type { Hold } from '../../src/policy/actions/action.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { keptLog } from './silent-log.ts';

export const approvalKeys = createKeys({ prefix: 'tollgate', tenant: 'default' });

export type Wanted = Omit<Approval, 'id' | 'openedAt' | 'expiresAt'>;

export const holdThat = (fields: Partial<Hold> = {}): Hold => ({
  timeoutSeconds: 60,
  otherwise: 'block',
  approvers: 1,
  supervisors: [],
  ring: 'all',
  ringSeconds: 25,
  answer: false,
  ...fields,
});

export const wantedApproval = (fields: Partial<Wanted> = {}, hold: Partial<Hold> = {}): Wanted => ({
  decision: 'D1',
  callId: 'call-1',
  destination: '15555550100',
  called: '15555550100',
  dialled: '15555550100',
  destinationIs: 'United States, national',
  extension: '1001',
  trunk: undefined,
  rule: 'abroad',
  ruleName: 'Abroad',
  subjects: [{ kind: 'extension', id: '1001' }],
  because: 'because of the test',
  approvedBefore: [],
  node: 'pbx-1',
  channel: 'PJSIP/1001-00000001',
  uniqueId: '1.1',
  hold: holdThat(hold),
  ...fields,
});

/** @param redis two connections, of which the second is kept waiting */
export function deskOn(redis: readonly [Redis, Redis], clock: Clock = systemClock): ApprovalDesk {
  const { log } = keptLog();
  const notes = followApprovalNotes({ redis: redis[1], keys: approvalKeys, log });
  const desk = createApprovalDesk({
    redis: redis[0],
    keys: approvalKeys,
    notes,
    clock,
    log,
    durably: (write) => write(),
  });
  return {
    ...desk,
    close: () => {
      desk.close();
      notes.close();
    },
  };
}
