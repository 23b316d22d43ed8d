/**
 * One call under way: what Tollgate let go, what it counts for it, and what is to happen when it is over.
 *
 * It is plain JSON, because it outlives the daemon: a restart finds the calls of before in the store.
 */
import type { ChannelNames } from '../gate/agi-script.ts';
import type { CallRequest, Decision } from '../gate/gate.ts';
import { isKept } from '../gate/journal.ts';
import type { Receipt } from '../gate/limit-store.ts';
import type { CallAttempt, EpochMs } from '../policy/call.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Policy } from '../policy/policy.ts';
import { goesOut } from '../policy/verdict.ts';

export interface LiveCall {
  /** Id of the decision that let it go. */
  readonly decision: string;
  /** Which call asked; absent in those of older daemons, as the next one is. */
  readonly callId?: string;
  /** Its decision stands in the journal. */
  readonly isKept?: boolean;
  readonly channel: ChannelNames;
  /** As its edge understood it, so that a later policy can be asked about it. */
  readonly request: CallRequest;
  /** It came from an address that is exempt from call limits, and no later policy ends it. */
  readonly exempt: boolean;
  /** When it could leave. */
  readonly startedAt: EpochMs;
  /** When somebody picked up, as the manager interface told. */
  readonly answeredAt?: EpochMs;
  /** The Asterisk that has it, by its name in the configuration. */
  readonly asterisk?: string;
  /** From `startedAt`; undefined for no ceiling. */
  readonly maxSeconds: number | undefined;
  /** What it holds and what may be given back; undefined where nothing is counted for it. */
  readonly receipt: Receipt | undefined;
  /** For which outcomes which rule gives back. */
  readonly giveBackOn: Readonly<Record<string, readonly Outcome[]>>;
}

/** How the call of one decision came to its end. */
export interface CallOver {
  /** Null where nobody answered, or nobody counts talk. */
  readonly talkMs: number | null;
  readonly outcome: Outcome | undefined;
}

export function liveCallOf(decision: Decision, channel: ChannelNames): LiveCall {
  const { verdict, call, receipt } = decision;
  const applied = decision.findings.flatMap((finding) => (finding.applies ? [finding.rule] : []));
  const giving = applied.filter((rule) => rule.giveBackOn.length > 0);
  return {
    decision: decision.id,
    callId: decision.callId,
    isKept: isKept(decision),
    channel,
    request: requestOf(call),
    exempt: verdict.layer === 'allowlist',
    startedAt: (decision.at + verdict.waitMs) as EpochMs,
    maxSeconds: verdict.maxSeconds,
    receipt,
    giveBackOn: Object.fromEntries(giving.map((rule) => [rule.id, rule.giveBackOn])),
  };
}

const requestOf = ({ destination, ...rest }: CallAttempt): CallRequest => ({ ...rest, dialled: destination.dialled });

/** True where somebody has to learn that the call is over: something is counted until then, or by what became of it. */
export const needsReport = (decision: Decision): boolean =>
  goesOut(decision) &&
  (decision.verdict.name === 'wait' ||
    (decision.receipt?.items.some(({ kind }) => kind !== 'limits') ?? false) ||
    decision.findings.some((finding) => finding.applies && finding.rule.giveBackOn.length > 0));

/** The longest that the policy lets a call last now; undefined for no ceiling. */
export function maxSecondsUnder(policy: Policy, { request, exempt }: LiveCall, at: EpochMs): number | undefined {
  const call: CallAttempt = { ...request, destination: policy.readDestination(request.dialled) };
  if (exempt || call.destination.isEmergency) return undefined;
  const ceilings = policy
    .match(call, at)
    .flatMap(({ rule, match }) =>
      match.applies && rule.mode === 'enforce' && rule.maxDurationSeconds !== undefined
        ? [rule.maxDurationSeconds]
        : [],
    );
  return ceilings.length === 0 ? undefined : Math.min(...ceilings);
}
