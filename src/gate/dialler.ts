/**
 * Calls of a dialler: what the dialplan made out of them, and what the dialler's own records add to that.
 *
 * Guarantees that records only fill in what they know and the dialplan does not, and that a call is never kept waiting for
 * them. Refuses to know: which dialler it is.
 */
import type { AgiRequest } from '../asterisk/agi-protocol.ts';
import { agiArgument } from '../asterisk/channel-variables.ts';
import { CALL_KINDS, type CallKind } from '../policy/call.ts';
import { goesOut } from '../policy/verdict.ts';
import type { CallRequest, Decision } from './gate.ts';

export interface DialledCall {
  /** As the dialplan made it out. */
  readonly kind: CallKind;
  readonly callerName: string;
  readonly channel: string;
}

/** Undefined is what nobody knows. */
export interface DialledCallFacts {
  readonly campaign: string | undefined;
  readonly lead: string | undefined;
  readonly list: string | undefined;
  /** The dialler's name for the agent. */
  readonly agent: string | undefined;
  /** The agent's phone as Asterisk calls it (`1001`), or whatever else stands for him. */
  readonly phone: string | undefined;
}

export interface DiallerRecords {
  /** Never rejects, and takes no longer than `atMostMs`. */
  readonly find: (call: DialledCall, atMostMs: number) => Promise<DialledCallFacts | 'unavailable'>;
  /** What becomes of a call while the records cannot be read: it is decided by what the dialplan knows, or refused. */
  readonly onFailure: 'continue' | 'block';
}

export interface DialledRequest {
  readonly asked: CallRequest;
  /** The records were needed and could not be read. */
  readonly isUnread: boolean;
}

export async function askDialler(
  asked: CallRequest,
  request: AgiRequest,
  records: DiallerRecords | undefined,
  atMostMs: number,
): Promise<DialledRequest> {
  const word = agiArgument(request, 'kind');
  const kind = CALL_KINDS.find((each) => each === word);
  if (kind === undefined) return { asked, isUnread: false };
  const call = { kind, callerName: request.callerIdName, channel: request.channel };
  // A phone's caller id may hold anything.
  const facts = kind === 'direct' ? undefined : await records?.find(call, atMostMs);
  if (facts === undefined || facts === 'unavailable') {
    const dialler = { kind, agent: undefined, lead: undefined, list: undefined };
    return { asked: { ...asked, dialler }, isUnread: facts !== undefined };
  }
  const { campaign, phone, agent, lead, list } = facts;
  return {
    asked: {
      ...asked,
      campaign: asked.campaign ?? campaign,
      extension: phone ?? asked.extension,
      dialler: { kind, agent, lead, list },
    },
    isUnread: false,
  };
}

/** The decision, unless it lets a call out that must not go unread. Emergency calls always go. */
export function unlessUnread(decision: Decision, isUnread: boolean, records: DiallerRecords | undefined): Decision {
  const mustNotGo = isUnread && records?.onFailure === 'block' && decision.verdict.layer !== 'emergency';
  if (!mustNotGo || !goesOut(decision)) return decision;
  void decision.giveBack();
  const reason = "The dialler's records cannot be read, and vicidial.onFailure is block";
  const verdict = {
    ...decision.verdict,
    name: 'block',
    rule: undefined,
    reason,
    waitMs: 0,
    maxSeconds: undefined,
  } as const;
  return { ...decision, receipt: undefined, verdict: { ...verdict, layer: 'rules', retryAfterMs: null } };
}
