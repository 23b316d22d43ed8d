/**
 * The FastAGI request of the dialplan, turned into a question for the gate, and the gate's answer into channel
 * variables.
 *
 * Two request paths exist: `/check` asks, `/outcome` reports what became of a call. The answer is handed over before it is written down anywhere. A caller who hung up
 * before the answer arrived gets back what the call took; an answer that was merely not confirmed does not, because the
 * dialplan may have let the call go.
 */
import type { AgiAnswer, AgiHandler, DeliveryOutcome } from '../asterisk/agi-connection.ts';
import type { AgiRequest } from '../asterisk/agi-protocol.ts';
import { endpointOfChannel } from '../asterisk/channel-name.ts';
import { agiArgument, CHANNEL_VARIABLES as V } from '../asterisk/channel-variables.ts';
import { peerAddress } from '../asterisk/peer-address.ts';
import type { Clock } from '../clock.ts';
import { within } from '../deadline.ts';
import type { ActionAnswer } from '../policy/actions/action.ts';
import { OUTCOMES, type Outcome, outcomeOfDialStatus } from '../policy/outcome.ts';
import { readCallIdentity } from './call-identity.ts';
import type { CallRequest, Decision, Gate } from './gate.ts';
import { wholeSeconds } from './report.ts';

const REPORT_WITHIN_MS = 500;

/** The asking channel, by its names. */
export interface ChannelNames {
  readonly name: string;
  readonly uniqueId: string;
  /** Empty if the dialplan does not say it. */
  readonly linkedId: string;
}

/** What the dialplan says of a call that it was allowed. */
export interface CallReport {
  readonly decision: string;
  /**
   * `gone`: the caller hung up before the call left. `ended`: the calling channel is over. `outcome`: the call may go on.
   */
  readonly what: 'gone' | 'ended' | 'outcome';
  /** Undefined if the call was not dialled, or the word is none of ours. */
  readonly outcome: Outcome | undefined;
  readonly uniqueId: string;
}

/** Channel names and extensions of Asterisk end at 80 characters; a longer one is made up. */
const LONGEST_NAME = 80;

export function createAgiScript(deps: {
  readonly gate: Gate;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly node: string;
  /** Called once for every decision, after its answer is on its way. */
  readonly onDecided: (decision: Decision, outcome: DeliveryOutcome, channel: ChannelNames) => void;
  /** Whether the dialplan is asked to report the end of this call. */
  readonly wantsReport: (decision: Decision) => boolean;
  /** Called for every report; the dialplan waits until it is settled. */
  readonly onReport: (report: CallReport) => Promise<void>;
}): AgiHandler {
  return async ({ request }): Promise<AgiAnswer> => {
    const sinceMs = deps.clock.monotonicMs();
    if (request.path === '/outcome') {
      // A channel waits for this, maybe one that talks; what is not done by then is done behind it.
      await within(deps.onReport(readReport(request)), REPORT_WITHIN_MS);
      return { variables: [] };
    }
    if (request.path !== '/check') return { variables: unknownPath(request.path) };
    const identity = readCallIdentity({
      asterisk: deps.node,
      uniqueId: request.uniqueid,
      linkedId: agiArgument(request, 'linkedId'),
      token: agiArgument(request, 'call'),
    });
    const decision = await deps.gate.decide(readRequest(request), identity.id, sinceMs);
    const channel = {
      name: request.channel,
      uniqueId: request.uniqueid,
      linkedId: agiArgument(request, 'linkedId'),
    };
    return {
      variables: variablesOf(decision, identity.token, deps.wantsReport(decision)),
      onDelivered: (outcome) => {
        if (outcome === 'hung-up') void decision.giveBack();
        deps.onDecided(decision, outcome, channel);
      },
    };
  };
}

function readRequest(request: AgiRequest): CallRequest {
  const argument = (name: Parameters<typeof agiArgument>[1]): string | undefined => {
    const value = agiArgument(request, name).trim().slice(0, LONGEST_NAME);
    return value === '' ? undefined : value;
  };
  return {
    dialled: agiArgument(request, 'destination').trim(),
    extension: argument('extension') ?? endpointOfChannel(request.channel),
    trunk: argument('trunk'),
    campaign: argument('campaign'),
    source: peerAddress(agiArgument(request, 'source')),
    calledZone: argument('zone'),
  };
}

function variablesOf(decision: Decision, token: string, report: boolean): Array<readonly [string, string]> {
  const { verdict } = decision;
  const answer: ActionAnswer = verdict.rule?.answer ?? {};
  const { hangupCause, prompt }: ActionAnswer = verdict.name === 'block' ? answer : {};
  const waits = verdict.name === 'wait';
  return [
    [V.verdict, verdict.name === 'alert' ? 'allow' : verdict.name],
    [V.decision, decision.id],
    [V.rule, verdict.rule?.id ?? ''],
    [V.reason, verdict.reason],
    [V.retryAfterSeconds, wholeSeconds(verdict.retryAfterMs)?.toString() ?? ''],
    [V.waitMs, waits ? String(verdict.waitMs) : ''],
    [V.whileWaiting, waits ? (answer.whileWaiting ?? '') : ''],
    [V.hangupCause, hangupCause?.toString() ?? ''],
    [V.prompt, prompt ?? ''],
    [V.maxSeconds, verdict.maxSeconds?.toString() ?? ''],
    [V.approval, ''],
    [V.report, report ? '1' : ''],
    [V.call, token],
  ];
}

/** `agi_arg_1`: id of the decision; `agi_arg_2`: `gone`, `ended` or an outcome; `agi_arg_3`: DIALSTATUS, for `ended`. */
function readReport(request: AgiRequest): CallReport {
  const [decision = '', word = '', dialStatus = ''] = request.args;
  const common = { decision, uniqueId: request.uniqueid };
  if (word === 'gone') return { ...common, what: 'gone', outcome: undefined };
  if (word === 'ended') return { ...common, what: 'ended', outcome: outcomeOfDialStatus(dialStatus) };
  const outcome = OUTCOMES.find((each) => each === word) ?? outcomeOfDialStatus(word === '' ? dialStatus : word);
  return { ...common, what: 'outcome', outcome };
}

/** No verdict: the dialplan goes the way that is written there for a daemon that leaves none. */
const unknownPath = (path: string): Array<readonly [string, string]> => [
  [V.verdict, ''],
  [V.reason, `Tollgate has no request ${path.slice(0, 40)} - the dialplan must ask for /check or /outcome`],
];
