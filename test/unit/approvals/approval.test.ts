import { describe, expect, it } from 'vitest';
import {
  type Approval,
  answerOf,
  type KnownApproval,
  reportApproval,
  type Settlement,
} from '../../../src/approvals/approval.ts';
import type { Hold } from '../../../src/policy/actions/action.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { wantedApproval } from '../../support/approval.ts';

const OPENED = Date.UTC(2026, 10, 18, 12) as EpochMs;
const later = (seconds: number): EpochMs => (OPENED + seconds * 1000) as EpochMs;

const approvalThat = (otherwise: Hold['otherwise'], fields: Partial<Approval> = {}): Approval => ({
  ...wantedApproval({ ...fields }, { otherwise }),
  id: '3fa8',
  dialled: '915555550100',
  trunk: 'carrier-a',
  because: 'Rule abroad holds for approval every call that it applies to',
  openedAt: OPENED,
  expiresAt: later(60),
  ...fields,
});
const known = (approval: Approval, settled?: Settlement): KnownApproval => ({
  approval,
  settlement: settled,
  approvers: [],
  resumedAt: undefined,
});
const settlement = (fields: Omit<Settlement, 'at'>): Settlement => ({ at: later(7), ...fields });

describe('the answer of an approval', () => {
  it.each(['block', 'allow'] as const)(
    'is what the person decided, whatever the rule does otherwise (%s)',
    (otherwise) => {
      const approval = approvalThat(otherwise);
      expect(answerOf(approval, settlement({ state: 'approved', by: 'cli anna' }))).toEqual({
        approved: true,
        reason: 'approved by cli anna',
      });
      expect(answerOf(approval, settlement({ state: 'refused', by: 'cli anna', reason: 'not her customer' }))).toEqual({
        approved: false,
        reason: 'refused by cli anna: not her customer',
      });
    },
  );

  it('names nobody in particular where it is not known who decided', () => {
    expect(answerOf(approvalThat('block'), settlement({ state: 'approved' })).reason).toBe('approved by somebody');
  });

  it.each([
    ['nobody decided in time', settlement({ state: 'expired' })],
    ['nobody could be asked', settlement({ state: 'unanswerable' })],
    ['nobody could be asked', undefined],
  ] as const)('is what the rule does otherwise where %s', (what, settled) => {
    for (const otherwise of ['block', 'allow'] as const) {
      expect(answerOf(approvalThat(otherwise), settled)).toEqual({
        approved: otherwise === 'allow',
        reason: `${what}, and the rule is set to ${otherwise} then`,
      });
    }
  });

  it.each(['block', 'allow'] as const)('is no for a caller who hung up, also where the rule would %s', (otherwise) => {
    expect(answerOf(approvalThat(otherwise), settlement({ state: 'withdrawn' })).approved).toBe(false);
  });
});

describe('the report of an approval', () => {
  it('of an open one has no decision, and says null for what is not known', () => {
    const approval = approvalThat('block', { extension: undefined, trunk: undefined });
    expect(reportApproval(known(approval, undefined))).toEqual({
      id: '3fa8',
      state: 'open',
      extension: null,
      destination: '15555550100',
      trunk: null,
      destinationIs: 'United States, national',
      rule: 'abroad',
      because: 'Rule abroad holds for approval every call that it applies to',
      facts: null,
      decision: 'D1',
      node: 'pbx-1',
      openedAt: '2026-11-18T12:00:00.000Z',
      expiresAt: '2026-11-18T12:01:00.000Z',
      otherwise: 'block',
      approversNeeded: 1,
      approvedBy: [],
      decidedBy: null,
      decidedFrom: null,
      decidedAt: null,
      reason: null,
      grant: null,
      waitedSeconds: null,
      resumedAfterMs: null,
    });
  });

  it('of a settled one says who, when, why and after how many seconds', () => {
    const settled = settlement({ state: 'refused', by: 'cli anna', reason: 'not now' });
    expect(reportApproval(known(approvalThat('allow'), settled))).toMatchObject({
      state: 'refused',
      extension: '1001',
      trunk: 'carrier-a',
      otherwise: 'allow',
      decidedBy: 'cli anna',
      decidedAt: '2026-11-18T12:00:07.000Z',
      reason: 'not now',
      waitedSeconds: 7,
    });
  });

  it('of one that the clock settled names nobody', () => {
    const report = reportApproval(known(approvalThat('block'), settlement({ state: 'expired' })));
    expect(report).toMatchObject({ state: 'expired', decidedBy: null, reason: null, waitedSeconds: 7 });
  });

  it('shows neither the identity of the call nor its channel', () => {
    const shown = JSON.stringify(reportApproval(known(approvalThat('block'), undefined)));
    expect(shown).not.toContain('call-1');
    expect(shown).not.toContain('PJSIP/');
  });
});
