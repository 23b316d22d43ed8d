/**
 * Decisions and explanations as people and scripts read them: the field names of the API, the command line and the
 * journal are made here and nowhere else.
 */
import { type CallAttempt, type DialledBy, describeSubject } from '../policy/call.ts';
import { describeDestination } from '../policy/destination-classes.ts';
import type { LimitReading } from '../policy/limit.ts';
import { amountOf } from '../policy/money.ts';
import { type CountKind, describeBecause } from '../policy/rule.ts';
import { decisiveReading, type Finding, isExceeded, type Reading, type Verdict } from '../policy/verdict.ts';
import type { Sequel } from './call-sequels.ts';
import type { Decision, Explanation } from './gate.ts';

export interface LimitReport {
  /** `extension 1001`, `the whole system`. */
  readonly subject: string;
  /** What is counted: calls that start, calls at once, that a hold lasts, money spent, minutes talked. */
  readonly kind: CountKind;
  readonly limit: string;
  /** Of money, its three letters; absent for everything else. */
  readonly currency?: string;
  /** Whole calls counted before this one; money in units of the currency, talk in minutes. */
  readonly used: number;
  /** After it; the same as `used` when nothing was taken. */
  readonly usedAfter: number;
  readonly remaining: number;
  /** Null where nobody can tell. */
  readonly retryAfterSeconds: number | null;
}

export interface FindingReport {
  readonly rule: string;
  readonly name: string;
  readonly action: string;
  readonly mode: 'enforce' | 'shadow';
  readonly applies: boolean;
  readonly because: string;
  /** The rule acts on this call (in shadow: would act). */
  readonly exceeded: boolean;
  /** Milliseconds that this rule makes the call wait for its place; null where it does not. */
  readonly waitMs: number | null;
  /** This call had been charged by the rule before and paid nothing again. */
  readonly alreadyCharged: boolean;
  /** The limit that decides, and its counts; null where the rule does not apply or has none. */
  readonly limit: string | null;
  readonly used: number | null;
  readonly remaining: number | null;
  readonly retryAfterSeconds: number | null;
  readonly limits: readonly LimitReport[];
}

export interface ExplanationReport {
  readonly verdict: Verdict['name'];
  /** Which layer decided: `emergency`, `registration`, `allowlist`, `ban`, `country` or `rules`. */
  readonly layer: Verdict['layer'];
  /** Id of the rule that decided; null on a plain allow. */
  readonly rule: string | null;
  readonly reason: string;
  /** Whole seconds until the same call would be allowed; null when it never will, 0 when it is now. */
  readonly retryAfterSeconds: number | null;
  /** Milliseconds until the call may leave, on `wait`; null otherwise. */
  readonly waitMs: number | null;
  /** Longest duration, from when the call may leave; null for no ceiling. */
  readonly maxSeconds: number | null;
  readonly extension: string | null;
  readonly destination: string;
  readonly dialled: string;
  /** What kind of number it is, in words: `Cuba, international`; empty where nothing is known of it. */
  readonly destinationLabel: string;
  readonly trunk: string | null;
  readonly campaign: string | null;
  readonly source: string | null;
  /** Time zone of the called party as it came with the call, which may be none that there is. */
  readonly zone: string | null;
  /** What a dialler knows of a call that it made; absent for all others. */
  readonly dialler?: {
    readonly kind: string;
    readonly agent: string | null;
    readonly lead: string | null;
    readonly list: string | null;
  };
  /** What the store had to do with it; `failed` means that each rule's `whenStoreFails` decided. */
  readonly store: 'asked' | 'not-needed' | 'failed';
  readonly storeProblem: string | null;
  readonly findings: readonly FindingReport[];
}

export interface DecisionReport extends ExplanationReport, Sequel {
  readonly id: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly node: string;
  /** One call that asks several times is several decisions of one id; null in those of older daemons. */
  readonly call: string | null;
  /** As the policy had it then. */
  readonly extensionName: string | null;
  /** Trunks that the call asked for on this node, in their order, that of this decision last. */
  readonly trunksTried: readonly string[];
  readonly tookMs: number;
  /** Rules of the policy that are not among the findings, most of which do not apply. */
  readonly rulesNotListed: number;
}

/**
 * A decision is kept with all that may have made it; of the other rules, which may be thousands, with some. What acts on
 * the call goes before what does not.
 */
const MOST_APPLYING = 100;
const MOST_PASSED_OVER = 20;

/** Whole seconds, rounded up: asking again then is never too early. */
export const wholeSeconds = (ms: number | null): number | null => (ms === null ? null : Math.ceil(ms / 1000));

/** What is known beside a decision. */
export interface Beside {
  readonly node: string;
  readonly extensionName: string | undefined;
  readonly trunksTried: readonly string[];
}

/** Those that apply, in the order of the policy, and after them some that do not. */
export function reportDecision(decision: Decision, { node, extensionName, trunksTried }: Beside): DecisionReport {
  const { findings: applying, passedOver, verdict } = decision;
  const listed = [...mostTelling(applying, verdict), ...passedOver.first(MOST_PASSED_OVER)];
  return {
    id: decision.id,
    at: new Date(decision.at).toISOString(),
    node,
    call: decision.callId,
    extensionName: extensionName ?? null,
    trunksTried,
    end: null,
    held: null,
    ...reportExplanation({ ...decision, findings: listed }),
    rulesNotListed: applying.length + passedOver.count - listed.length,
    tookMs: Math.round(decision.tookMs * 100) / 100,
  };
}

function mostTelling(findings: readonly Finding[], { rule }: Verdict): readonly Finding[] {
  if (findings.length <= MOST_APPLYING) return findings;
  const weight = (finding: Finding): number => (finding.rule === rule ? 0 : isExceeded(finding) ? 1 : 2);
  return findings.toSorted((one, other) => weight(one) - weight(other)).slice(0, MOST_APPLYING);
}

export const reportExplanation = (explanation: Explanation): ExplanationReport => ({
  verdict: explanation.verdict.name,
  layer: explanation.verdict.layer,
  rule: explanation.verdict.rule?.id ?? null,
  reason: explanation.verdict.reason,
  retryAfterSeconds: wholeSeconds(explanation.verdict.retryAfterMs),
  waitMs: explanation.verdict.name === 'wait' ? explanation.verdict.waitMs : null,
  maxSeconds: explanation.verdict.maxSeconds ?? null,
  ...reportCall(explanation.call),
  store: explanation.store,
  storeProblem: explanation.storeProblem ?? null,
  findings: explanation.findings.map(reportFinding),
});

const reportCall = (call: CallAttempt) => ({
  extension: call.extension ?? null,
  destination: call.destination.number,
  dialled: call.destination.dialled,
  destinationLabel: describeDestination(call.destination),
  trunk: call.trunk ?? null,
  campaign: call.campaign ?? null,
  source: call.source ?? null,
  zone: call.calledZone ?? null,
  ...(call.dialler === undefined ? {} : { dialler: reportDialler(call.dialler) }),
});

const reportDialler = ({ kind, agent, lead, list }: DialledBy) => ({
  kind,
  agent: agent ?? null,
  lead: lead ?? null,
  list: list ?? null,
});

function reportFinding(finding: Finding): FindingReport {
  const { rule } = finding;
  const common = { rule: rule.id, name: rule.name, action: rule.action.name, mode: rule.mode };
  const because = describeBecause(finding.because);
  if (!finding.applies) {
    const nothing = {
      exceeded: false,
      waitMs: null,
      alreadyCharged: false,
      limit: null,
      used: null,
      remaining: null,
      retryAfterSeconds: null,
    };
    return { ...common, applies: false, because, ...nothing, limits: [] };
  }
  const decisive = decisiveReading(finding)?.reading;
  return {
    ...common,
    applies: true,
    because: [because, ...notesOf(finding)].join('; '),
    exceeded: isExceeded(finding),
    waitMs: finding.verdict === 'wait' ? finding.waitMs : null,
    alreadyCharged: finding.readings.length > 0 && finding.readings.every((reading) => reading.state === 'counted'),
    limit: decisive?.limit.text ?? null,
    used: decisive === undefined ? null : shown(decisive.limit, decisive.used),
    remaining: decisive === undefined ? null : shown(decisive.limit, decisive.remaining),
    retryAfterSeconds: isExceeded(finding) ? wholeSeconds(finding.retryAfterMs) : 0,
    limits: finding.readings.flatMap((reading) => reading.limits.map((each) => reportLimit(reading, each))),
  };
}

/** Money and talk as people write them. */
const shown = ({ unit }: LimitReading['limit'], count: number): number =>
  unit === undefined ? count : amountOf(unit, count);

function notesOf({ storeFailed, readings }: Extract<Finding, { applies: true }>): readonly string[] {
  if (storeFailed) return ['its counts could not be read'];
  return [...new Set(readings.flatMap(({ reserves }) => (reserves?.note === undefined ? [] : [reserves.note])))];
}

const reportLimit = ({ subject, count, reserves }: Reading, reading: LimitReading): LimitReport => ({
  subject: describeSubject(subject),
  kind: count.kind,
  limit: reading.limit.text,
  ...(reserves?.currency === undefined ? {} : { currency: reserves.currency }),
  used: shown(reading.limit, reading.used),
  usedAfter: shown(reading.limit, reading.usedAfter),
  remaining: shown(reading.limit, reading.remaining),
  retryAfterSeconds: wholeSeconds(reading.roomAfterMs),
});
