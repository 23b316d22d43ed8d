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
import { TIMED_OUT, within } from '../deadline.ts';
import type { ActionAnswer } from '../policy/actions/action.ts';
import { OUTCOMES, type Outcome, outcomeOfDialStatus } from '../policy/outcome.ts';
import { readCallIdentity } from './call-identity.ts';
import { askDialler, type DiallerRecords, unlessUnread } from './dialler.ts';
import { ANSWER_TAKES_MS, type Answer, type Answers, type CallRequest, type Decision, type Gate } from './gate.ts';
import { wholeSeconds } from './report.ts';

const REPORT_WITHIN_MS = 500;

/** The asking channel, by its names. */
export interface ChannelNames {
  readonly name: string;
  readonly uniqueId: string;
  /** Empty if the dialplan does not say it. */
  readonly linkedId: string;
}

/** Where people are asked for approval of a call. */
export interface CallApprovals {
  /**
   * Opens an approval for the rule that holds the call. @returns its id; undefined where no Asterisk can hold it now
   *
   * @param approvedBefore rules that were approved for this call already
   */
  readonly open: (
    decision: Decision,
    callId: string,
    approvedBefore: readonly string[],
    channel: ChannelNames,
  ) => Promise<string | undefined>;
  /** What became of an approval, for the call that it was opened for and for no other. Settles one that is still open. */
  readonly answers: (approval: string, callId: string, dialled: string) => Promise<Answers>;
  readonly withdraw: (approval: string) => Promise<void>;
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
  /** How long it talked, begun seconds not counted; undefined if the dialplan does not say. */
  readonly answeredSeconds?: number | undefined;
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
  /** Absent where no call can be held: nobody is connected to Asterisk. */
  readonly approvals?: CallApprovals | undefined;
  /** Absent where no dialler was configured. */
  readonly dialler?: DiallerRecords | undefined;
  /** How long an answer may take, since the request arrived. */
  readonly deadlineMs: number;
}): AgiHandler {
  const left = (sinceMs: number): number =>
    Math.max(0, deps.deadlineMs - ANSWER_TAKES_MS - (deps.clock.monotonicMs() - sinceMs));

  /** Of a call that was held, what became of its approval. Where that cannot be found out, the rules are asked as ever. */
  const answersOf = async (approval: string, callId: string, dialled: string, sinceMs: number): Promise<Answers> => {
    if (approval === '' || deps.approvals === undefined) return new Map();
    const answers = await within(
      deps.approvals.answers(approval, callId, dialled).catch(() => new Map<string, Answer>()),
      left(sinceMs) / 2,
    );
    return answers === TIMED_OUT ? new Map() : answers;
  };

  const openApproval = async (
    decision: Decision,
    callId: string,
    answers: Answers,
    channel: ChannelNames,
    sinceMs: number,
  ): Promise<string | undefined> => {
    // The second half of a Local channel is one that a dialler made: nobody listens to it, so nobody can wait.
    const isUnheard = /^Local\/.*;2$/.test(channel.name) || decision.call.dialler?.kind === 'predictive';
    if (deps.approvals === undefined || isUnheard) return undefined;
    const { approvals } = deps;
    const opening = approvals.open(decision, callId, [...answers.keys()], channel).catch(() => undefined);
    const opened = await within(opening, left(sinceMs));
    if (opened !== TIMED_OUT) return opened;
    // The call is answered without it: one that is opened after all must not lie there.
    void opening.then((late) => (late === undefined ? undefined : approvals.withdraw(late)));
    return undefined;
  };

  /** Nobody can be asked: the rule says what becomes of the call then. */
  const withoutApproval = (
    held: Decision,
    asked: CallRequest,
    callId: string,
    answers: Answers,
    sinceMs: number,
  ): Promise<Decision> => {
    const { rule } = held.verdict;
    if (rule === undefined) return Promise.resolve(held);
    const otherwise = rule.answer.hold?.otherwise ?? 'block';
    const reason = `nobody can be asked for approval, and the rule is set to ${otherwise} then`;
    const all = new Map([...answers, [rule.id as string, { approved: otherwise === 'allow', reason }]]);
    return deps.gate.decide(asked, callId, sinceMs, all);
  };

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
    const { asked, isUnread } = await askDialler(readRequest(request), request, deps.dialler, left(sinceMs) / 2);
    const answers = await answersOf(agiArgument(request, 'approval'), identity.id, asked.dialled, sinceMs);
    let decision = await deps.gate.decide(asked, identity.id, sinceMs, answers);
    const channel = {
      name: request.channel,
      uniqueId: request.uniqueid,
      linkedId: agiArgument(request, 'linkedId'),
    };
    let approval: string | undefined;
    if (decision.verdict.name === 'hold') {
      approval = await openApproval(decision, identity.id, answers, channel, sinceMs);
      if (approval === undefined) decision = await withoutApproval(decision, asked, identity.id, answers, sinceMs);
    }
    const final = unlessUnread(decision, isUnread, deps.dialler);
    return {
      variables: variablesOf(final, identity.token, deps.wantsReport(final), approval),
      onDelivered: (outcome) => {
        if (outcome === 'hung-up') {
          void final.giveBack();
          if (approval !== undefined) void deps.approvals?.withdraw(approval);
        }
        deps.onDecided(final, outcome, channel);
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
    sourceOf: endpointOfChannel(request.channel),
  };
}

function variablesOf(
  decision: Decision,
  token: string,
  report: boolean,
  approval: string | undefined,
): Array<readonly [string, string]> {
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
    [V.approval, approval ?? ''],
    [V.holdSeconds, holdSeconds(approval, answer)],
    [V.report, report ? '1' : ''],
    [V.call, token],
  ];
}

/** A little longer than the approval lasts: whoever holds the call ends it first. */
const holdSeconds = (approval: string | undefined, { hold }: ActionAnswer): string =>
  approval === undefined || hold === undefined ? '' : String(hold.timeoutSeconds + 10);

/** `agi_arg_1`: id of the decision; `agi_arg_2`: `gone`, `ended` or an outcome; `agi_arg_3`: DIALSTATUS, for `ended`; `agi_arg_4`: ANSWEREDTIME. */
function readReport(request: AgiRequest): CallReport {
  const [decision = '', word = '', dialStatus = '', answeredTime = ''] = request.args;
  const answeredSeconds = /^\d{1,7}$/.test(answeredTime) ? Number(answeredTime) : undefined;
  const common = { decision, answeredSeconds, uniqueId: request.uniqueid };
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
