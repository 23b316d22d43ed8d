/**
 * An approval: one held call, and what a person, or the clock, made of it. Pure.
 *
 * It is open until it is settled, and it is settled once. Only an approved one lets its call go, and only that call.
 */
import type { Answer } from '../gate/gate.ts';
import type { Hold } from '../policy/actions/approve.ts';
import type { EpochMs } from '../policy/call.ts';

/**
 * - `approved`, `refused`: a person decided.
 * - `expired`: nobody did in time.
 * - `withdrawn`: the caller hung up, or his call is no longer there.
 * - `unanswerable`: the call could not be held, so nobody was asked.
 */
export const SETTLED = ['approved', 'refused', 'expired', 'withdrawn', 'unanswerable'] as const;
export type SettledState = (typeof SETTLED)[number];
export type ApprovalState = 'open' | SettledState;

export interface Approval {
  readonly id: string;
  /** Decision that held the call. */
  readonly decision: string;
  /** Identity of the call, and where it goes: the approval is for that and nothing else. */
  readonly callId: string;
  readonly destination: string;
  /** As the phone dialled it: another number is another call. */
  readonly dialled: string;
  readonly extension: string | undefined;
  readonly trunk: string | undefined;
  readonly rule: string;
  readonly ruleName: string;
  readonly because: string;
  /** Rules that were approved for this call before. */
  readonly approvedBefore: readonly string[];
  /** Node that holds the channel. */
  readonly node: string;
  readonly channel: string;
  readonly uniqueId: string;
  readonly openedAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly otherwise: Hold['otherwise'];
}

export interface Settlement {
  readonly state: SettledState;
  /** A person's name and way, such as `cli anna`; absent where it was the clock or the caller. */
  readonly by?: string | undefined;
  readonly at: EpochMs;
  readonly reason?: string | undefined;
}

export function answerOf(approval: Approval, settlement: Settlement | undefined): Answer {
  const otherwise = (what: string): Answer => ({
    approved: approval.otherwise === 'allow',
    reason: `${what}, and the rule is set to ${approval.otherwise} then`,
  });
  if (settlement === undefined) return otherwise('nobody could be asked');
  const why = settlement.reason === undefined ? '' : `: ${settlement.reason}`;
  switch (settlement.state) {
    case 'approved':
    case 'refused':
      return {
        approved: settlement.state === 'approved',
        reason: `${settlement.state} by ${settlement.by ?? 'somebody'}${why}`,
      };
    case 'expired':
      return otherwise('nobody decided in time');
    case 'unanswerable':
      return otherwise('nobody could be asked');
    case 'withdrawn':
      return { approved: false, reason: 'the caller hung up before anybody decided' };
    default:
      return settlement.state satisfies never;
  }
}

/** As the API and the command line have it. */
export interface ApprovalReport {
  readonly id: string;
  readonly state: ApprovalState;
  readonly extension: string | null;
  readonly destination: string;
  readonly trunk: string | null;
  readonly rule: string;
  readonly because: string;
  readonly decision: string;
  readonly node: string;
  /** ISO 8601, UTC. */
  readonly openedAt: string;
  readonly expiresAt: string;
  readonly otherwise: Hold['otherwise'];
  readonly decidedBy: string | null;
  readonly decidedAt: string | null;
  readonly reason: string | null;
  /** Whole seconds from opening to the settlement. */
  readonly waitedSeconds: number | null;
}

export function reportApproval(approval: Approval, settlement: Settlement | undefined): ApprovalReport {
  const iso = (at: EpochMs): string => new Date(at).toISOString();
  return {
    id: approval.id,
    state: settlement?.state ?? 'open',
    extension: approval.extension ?? null,
    destination: approval.destination,
    trunk: approval.trunk ?? null,
    rule: approval.rule,
    because: approval.because,
    decision: approval.decision,
    node: approval.node,
    openedAt: iso(approval.openedAt),
    expiresAt: iso(approval.expiresAt),
    otherwise: approval.otherwise,
    decidedBy: settlement?.by ?? null,
    decidedAt: settlement === undefined ? null : iso(settlement.at),
    reason: settlement?.reason ?? null,
    waitedSeconds: settlement === undefined ? null : Math.round((settlement.at - approval.openedAt) / 1000),
  };
}
