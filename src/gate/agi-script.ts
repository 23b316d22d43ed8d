/**
 * The FastAGI request of the dialplan, turned into a question for the gate, and the gate's answer into channel
 * variables.
 *
 * One request path exists, `/check`. The answer is handed over before it is written down anywhere. A caller who hung up
 * before the answer arrived gets back what the call took; an answer that was merely not confirmed does not, because the
 * dialplan may have let the call go.
 */
import type { AgiAnswer, AgiHandler, DeliveryOutcome } from '../asterisk/agi-connection.ts';
import type { AgiRequest } from '../asterisk/agi-protocol.ts';
import { endpointOfChannel } from '../asterisk/channel-name.ts';
import { agiArgument, CHANNEL_VARIABLES as V } from '../asterisk/channel-variables.ts';
import { peerAddress } from '../asterisk/peer-address.ts';
import type { Clock } from '../clock.ts';
import type { ActionAnswer } from '../policy/actions/action.ts';
import { readCallIdentity } from './call-identity.ts';
import type { CallRequest, Decision, Gate } from './gate.ts';
import { wholeSeconds } from './report.ts';

/** Channel names and extensions of Asterisk end at 80 characters; a longer one is made up. */
const LONGEST_NAME = 80;

export function createAgiScript(deps: {
  readonly gate: Gate;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly node: string;
  /** Called once for every decision, after its answer is on its way. */
  readonly onDecided: (decision: Decision, outcome: DeliveryOutcome) => void;
}): AgiHandler {
  return async ({ request }): Promise<AgiAnswer> => {
    const sinceMs = deps.clock.monotonicMs();
    if (request.path !== '/check') return { variables: unknownPath(request.path) };
    const identity = readCallIdentity({
      asterisk: deps.node,
      uniqueId: request.uniqueid,
      linkedId: agiArgument(request, 'linkedId'),
      token: agiArgument(request, 'call'),
    });
    const decision = await deps.gate.decide(readRequest(request), identity.id, sinceMs);
    return {
      variables: variablesOf(decision, identity.token),
      onDelivered: (outcome) => {
        if (outcome === 'hung-up') void decision.giveBack();
        deps.onDecided(decision, outcome);
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

function variablesOf(decision: Decision, token: string): Array<readonly [string, string]> {
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
    [V.call, token],
  ];
}

/** No verdict: the dialplan goes the way that is written there for a daemon that leaves none. */
const unknownPath = (path: string): Array<readonly [string, string]> => [
  [V.verdict, ''],
  [V.reason, `Tollgate has no request ${path.slice(0, 40)} - the dialplan must ask for /check`],
];
