/**
 * An approval: one held call, and what a person, or the clock, made of it. Pure.
 *
 * It is open until it is settled, and it is settled once. Only an approved one lets its call go, and only that call; what
 * is granted beside it for later calls is a grant of its own, see grant.ts.
 */
import type { Answer } from '../gate/gate.ts';
import type { Hold } from '../policy/actions/action.ts';
import type { EpochMs, Subject } from '../policy/call.ts';
import type { CallFacts } from './call-facts.ts';
import { describeGrant, type Grant } from './grant.ts';

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
  /** The same in full where that is known: `+13055550100`. */
  readonly called: string;
  /** As the phone dialled it: another number is another call. */
  readonly dialled: string;
  readonly extension: string | undefined;
  readonly trunk: string | undefined;
  readonly rule: string;
  readonly ruleName: string;
  /** What the rule counts this call on. */
  readonly subjects: readonly Subject[];
  /** Of the destination, in words: `Cuba, high-risk`. */
  readonly destinationIs: string;
  readonly because: string;
  /** Rules that were approved for this call before. */
  readonly approvedBefore: readonly string[];
  /** Node that holds the channel. */
  readonly node: string;
  readonly channel: string;
  readonly uniqueId: string;
  readonly openedAt: EpochMs;
  readonly expiresAt: EpochMs;
  readonly hold: Hold;
  /** Absent in those of daemons that did not note it. */
  readonly facts?: CallFacts | undefined;
}

/** One person's word. */
export interface Voice {
  /** A person's name and way, such as `cli anna`. */
  readonly by: string;
  /** Where from: an address, or `control socket`. */
  readonly from?: string | undefined;
  readonly reason?: string | undefined;
  readonly at: EpochMs;
}

/** `by` and `from` are absent where it was the clock or the caller. */
export interface Settlement extends Partial<Omit<Voice, 'at'>> {
  readonly state: SettledState;
  readonly at: EpochMs;
  /** What was granted for later calls as well. */
  readonly grant?: Grant | undefined;
}

/** An approval with all that is known of it. */
export interface KnownApproval {
  readonly approval: Approval;
  readonly settlement: Settlement | undefined;
  /** Who approved, in their order; while it is open, fewer than have to. */
  readonly approvers: readonly Voice[];
  /** When the gate answered the call after its hold; undefined before. */
  readonly resumedAt: EpochMs | undefined;
}

/** How many more people have to approve. */
export const stillNeeded = ({ approval, settlement, approvers }: KnownApproval): number =>
  settlement === undefined ? Math.max(0, approval.hold.approvers - approvers.length) : 0;

/**
 * Whose word it is, without the way it came: one person on the command line and by a link is one person.
 *
 * `cli anna` and `link Anna` are the same, `phone 2001` is whoever has that phone.
 */
export const personOf = (by: string): string =>
  by
    .replace(/^(?:cli|link|web|api|key) /, '')
    .trim()
    .toLowerCase();

export function answerOf(approval: Approval, settlement: Settlement | undefined): Answer {
  const otherwise = (what: string): Answer => ({
    approved: approval.hold.otherwise === 'allow',
    reason: `${what}, and the rule is set to ${approval.hold.otherwise} then`,
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
  readonly destinationIs: string;
  readonly rule: string;
  readonly because: string;
  /** What else those who judge it are told; null where it was not noted. */
  readonly facts: CallFacts | null;
  readonly decision: string;
  readonly node: string;
  /** ISO 8601, UTC. */
  readonly openedAt: string;
  readonly expiresAt: string;
  readonly otherwise: Hold['otherwise'];
  /** How many people have to approve, and who has. */
  readonly approversNeeded: number;
  readonly approvedBy: readonly string[];
  readonly decidedBy: string | null;
  readonly decidedFrom: string | null;
  readonly decidedAt: string | null;
  readonly reason: string | null;
  /** What was granted for later calls as well. */
  readonly grant: string | null;
  /** Whole seconds from opening to the settlement. */
  readonly waitedSeconds: number | null;
  /** Milliseconds from the settlement until the dialplan had its answer. */
  readonly resumedAfterMs: number | null;
}

export function reportApproval(known: KnownApproval): ApprovalReport {
  const { approval, settlement, approvers, resumedAt } = known;
  const iso = (at: EpochMs): string => new Date(at).toISOString();
  return {
    id: approval.id,
    state: settlement?.state ?? 'open',
    extension: approval.extension ?? null,
    destination: approval.destination,
    trunk: approval.trunk ?? null,
    destinationIs: approval.destinationIs,
    rule: approval.rule,
    because: approval.because,
    facts: approval.facts ?? null,
    decision: approval.decision,
    node: approval.node,
    openedAt: iso(approval.openedAt),
    expiresAt: iso(approval.expiresAt),
    otherwise: approval.hold.otherwise,
    approversNeeded: approval.hold.approvers,
    approvedBy: approvers.map(({ by }) => by),
    decidedBy: settlement?.by ?? null,
    decidedFrom: settlement?.from ?? null,
    decidedAt: settlement === undefined ? null : iso(settlement.at),
    reason: settlement?.reason ?? null,
    grant: settlement?.grant === undefined ? null : describeGrant(settlement.grant),
    waitedSeconds: settlement === undefined ? null : Math.round((settlement.at - approval.openedAt) / 1000),
    resumedAfterMs: settlement === undefined || resumedAt === undefined ? null : Math.max(0, resumedAt - settlement.at),
  };
}
