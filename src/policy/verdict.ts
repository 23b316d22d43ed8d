/**
 * From what each rule found to the one answer for the call.
 *
 * A *finding* is one rule's result; the *verdict* is the most restrictive of them, block before hold before wait before
 * alert before allow, whatever order the rules stand in. Where several rules refuse, the one is named that lasts
 * longest: it is the answer to "when will this call pass".
 */
import { VERDICTS, type VerdictName } from './actions/action.ts';
import { describeSubject, type EpochMs, type Subject } from './call.ts';
import { describeLimit, describePeriod, type LimitReading } from './limit.ts';
import { describeAmount } from './money.ts';
import { type Because, type Count, isHard, type Rule } from './rule.ts';

/** What the store said of one thing that a rule counts, on one subject. */
export interface Reading {
  readonly subject: Subject;
  readonly count: Count;
  /** `counted`: this call had been charged here before and pays nothing again. `later`: it has a place, and waits for it. */
  readonly state: 'room' | 'later' | 'lacking' | 'counted';
  /** Milliseconds until its place; 0 unless `later`. */
  readonly waitMs: number;
  readonly limits: readonly LimitReading[];
  /** Of a budget. */
  readonly reserves?: Reserves;
  /** Of a first call: when the place was last reached, where it was within the time; undefined where this is the first. */
  readonly reachedAt?: EpochMs | undefined;
}

/** What a call takes of a budget when it goes out. */
export interface Reserves {
  /** In the units of the limit: millionths of the currency, or seconds. */
  readonly amount: number;
  /** Letters of the currency; undefined of talk. */
  readonly currency: string | undefined;
  /** What there is to say of the price, for a sentence; undefined where it is that of a prefix. */
  readonly note: string | undefined;
  /** Of a hard ceiling: the talk that it pays for, if this call alone spends; undefined for no bound. */
  readonly talkSeconds: number | undefined;
}

export type Finding =
  | { readonly rule: Rule; readonly applies: false; readonly because: Because }
  | {
      readonly rule: Rule;
      readonly applies: true;
      readonly because: Because;
      /** What the rule makes of the call: `allow` where it is within all that the rule counts. In shadow: would make. */
      readonly verdict: VerdictName;
      /** Milliseconds that the call waits for its place; 0 unless the verdict is `wait`. */
      readonly waitMs: number;
      /** Milliseconds until this rule would let the call pass; null when it never will, or nobody can tell. */
      readonly retryAfterMs: number | null;
      readonly readings: readonly Reading[];
      /** The store could not be asked; `verdict` then says what the rule's `whenStoreFails` makes of it. */
      readonly storeFailed: boolean;
    };

/** Which of the layers decided, from first to last: see docs/call-path.md. */
export const LAYERS = ['emergency', 'registration', 'allowlist', 'ban', 'country', 'lock', 'rules'] as const;
export type Layer = (typeof LAYERS)[number];

export interface Verdict {
  readonly name: VerdictName;
  readonly layer: Layer;
  /** The rule that decided; undefined on a plain allow. */
  readonly rule: Rule | undefined;
  /** One sentence for the log, without its full stop. */
  readonly reason: string;
  /** Milliseconds until the same call would be allowed; null when it never will, 0 when it is allowed now. */
  readonly retryAfterMs: number | null;
  /** Milliseconds before the call may leave; its places are taken. 0 unless the verdict is `wait`. */
  readonly waitMs: number;
  /** Longest duration of the call, counted from when it may leave; undefined for no ceiling. */
  readonly maxSeconds: number | undefined;
}

/** True where the dialplan lets the call leave, now or after its wait. */
export const goesOut = ({ verdict }: { readonly verdict: Pick<Verdict, 'name'> }): boolean =>
  verdict.name === 'allow' || verdict.name === 'alert' || verdict.name === 'wait';

type AppliedFinding = Extract<Finding, { applies: true }>;

/** True where the rule acts on the call, or in shadow would. */
export const isExceeded = (finding: Finding): boolean => finding.applies && finding.verdict !== 'allow';

/** The finding of a rule that the store was asked about, or that counts nothing. */
export function findingOf(rule: Rule, because: Because, readings: readonly Reading[]): Finding {
  const passed = passedBy(readings);
  if (passed !== undefined) return { rule, applies: false, because: passed };
  const common = { rule, applies: true, because, readings, storeFailed: false } as const;
  const verdict = readings.some(isHardLacking) ? 'block' : rule.action.verdict;
  if (rule.isUnconditional) {
    const retryAfterMs = 'endsInMs' in because ? (because.endsInMs ?? null) : null;
    return { ...common, verdict: rule.action.verdict, waitMs: 0, retryAfterMs };
  }
  let isLacking = false;
  let waitMs = 0;
  let roomAfterMs: number | null = 0;
  for (const reading of readings) {
    waitMs = Math.max(waitMs, reading.waitMs);
    if (reading.state !== 'lacking') continue;
    isLacking = true;
    for (const limit of reading.limits) roomAfterMs = later(roomAfterMs, limit.roomAfterMs);
  }
  if (isLacking) return { ...common, verdict, waitMs: 0, retryAfterMs: roomAfterMs };
  return { ...common, verdict: waitMs > 0 ? 'wait' : 'allow', waitMs, retryAfterMs: 0 };
}

/** No action softens a hard ceiling. */
const isHardLacking = ({ state, count }: Reading): boolean => state === 'lacking' && isHard(count);

/** A rule about first calls has nothing to say where all of its subjects have reached the place. */
function passedBy(readings: readonly Reading[]): Because | undefined {
  let last: Because | undefined;
  for (const { count, subject, reachedAt } of readings) {
    if (count.kind !== 'first-call') continue;
    if (reachedAt === undefined) return undefined;
    last = { why: 'reached', who: describeSubject(subject), place: count.placeName, at: reachedAt };
  }
  return last;
}

/** Null is never, or that nobody can tell. */
const later = (one: number | null, other: number | null): number | null =>
  one === null || other === null ? null : Math.max(one, other);

/** The finding of a rule whose store could not be asked: its own written direction decides. */
export function findingWithoutStore(rule: Rule, because: Because): Finding {
  return {
    rule,
    applies: true,
    because,
    // Whatever its action would have been.
    verdict: rule.whenStoreFails,
    waitMs: 0,
    retryAfterMs: null,
    readings: [],
    storeFailed: true,
  };
}

const severity = (verdict: VerdictName): number => VERDICTS.length - VERDICTS.indexOf(verdict);

export function verdictOf(findings: readonly Finding[]): Verdict {
  let decisive: AppliedFinding | undefined;
  let maxSeconds: number | undefined;
  for (const finding of findings) {
    if (!finding.applies || finding.rule.mode === 'shadow') continue;
    const { maxDurationSeconds } = finding.rule;
    for (const seconds of [maxDurationSeconds, ...finding.readings.map(longestOf)]) {
      if (seconds !== undefined) maxSeconds = Math.min(maxSeconds ?? seconds, seconds);
    }
    if (finding.verdict === 'allow') continue;
    if (decisive === undefined || outranks(finding, decisive)) decisive = finding;
  }
  if (decisive === undefined) {
    const uncounted = findings.some((each) => each.applies && each.storeFailed && each.rule.mode === 'enforce');
    const reason = uncounted ? 'the counts cannot be read and the rules let calls pass then' : 'within every limit';
    return { name: 'allow', layer: 'rules', rule: undefined, reason, retryAfterMs: 0, waitMs: 0, maxSeconds };
  }
  const { verdict: name, rule, waitMs, retryAfterMs } = decisive;
  const goes = name === 'alert' || name === 'allow' || name === 'wait';
  const reason = reasonOf(decisive);
  const layer = rule.lock === undefined ? 'rules' : 'lock';
  return { name, layer, rule, reason, retryAfterMs: goes ? 0 : retryAfterMs, waitMs, maxSeconds };
}

/** A ceiling counts from when the call may leave, and talk from the answer: so long may it ring. */
const RINGING_SECONDS = 120;
const longestOf = ({ reserves }: Reading): number | undefined =>
  reserves?.talkSeconds === undefined ? undefined : Math.ceil(reserves.talkSeconds) + RINGING_SECONDS;

function outranks(one: AppliedFinding, other: AppliedFinding): boolean {
  const difference = severity(one.verdict) - severity(other.verdict);
  if (difference !== 0) return difference > 0;
  // The call leaves with the last of its places.
  if (one.waitMs !== other.waitMs) return one.waitMs > other.waitMs;
  const [mine, theirs] = [one, other].map((finding) => finding.retryAfterMs ?? Number.POSITIVE_INFINITY);
  if (mine !== theirs) return Number(mine) > Number(theirs);
  // What a rule says of itself tells more than that it could not be counted.
  return other.storeFailed && !one.storeFailed;
}

function reasonOf(finding: AppliedFinding): string {
  const { rule } = finding;
  if (rule.lock !== undefined) return reasonOfLock(finding, rule.lock);
  if (finding.storeFailed) return `Rule ${rule.id} refuses: its counts cannot be read and it is set to block then`;
  if (rule.isUnconditional) return `Rule ${rule.id} ${rule.action.verb} every call that it applies to`;
  const tightest = decisiveReading(finding);
  if (tightest === undefined) return `Rule ${rule.id} ${rule.action.verb}`;
  const { subject, count, reading, reserves } = tightest;
  const who = describeSubject(subject);
  if (finding.verdict === 'wait') {
    return `Rule ${rule.id} lets ${who} wait ${finding.waitMs} ms for its place in ${describeLimit(reading.limit)}`;
  }
  const does = `Rule ${rule.id} ${rule.action.verb}: ${who}`;
  switch (count.kind) {
    case 'limits':
      return rule.pace === undefined
        ? `${does} has used ${reading.used} of ${describeLimit(reading.limit)}`
        : `${does} has no place left within ${rule.pace.maxWaitMs} ms in ${describeLimit(reading.limit)}`;
    case 'concurrent':
      return `${does} has ${reading.used} of ${describeLimit(reading.limit)}`;
    case 'lock':
      return `${does} is locked`;
    case 'first-call':
      return `${does} has not reached ${count.placeName} in the last ${describePeriod(reading.limit.periodSeconds)}`;
    case 'hold':
      return `${does} had ${count.outcome === 'answered' ? 'an answered call' : 'a conversation'} less than ${describePeriod(reading.limit.periodSeconds)} ago`;
    case 'spend':
    case 'minutes': {
      const used = `${who} has ${count.kind === 'spend' ? 'spent' : 'talked'} ${describeAmount(count.kind, reading.used)}`;
      const begins =
        reserves === undefined ? '' : `, and this call begins with ${describeAmount(count.kind, reserves.amount)}`;
      const refuses =
        count.level === 'hard' ? `Rule ${rule.id} refuses: ${used}` : `Rule ${rule.id} ${rule.action.verb}: ${used}`;
      return `${refuses} of ${count.level === 'hard' ? 'at most ' : ''}${describeLimit(reading.limit)}${begins}`;
    }
    default:
      return count satisfies never;
  }
}

function reasonOfLock({ rule, storeFailed, readings }: AppliedFinding, { because }: NonNullable<Rule['lock']>): string {
  const subject = readings[0]?.subject;
  const who = subject === undefined ? 'the caller' : describeSubject(subject);
  if (storeFailed && because === undefined)
    return `Rule ${rule.id} refuses: whether it has locked the caller cannot be read and it is set to block then`;
  return `${who} is locked by rule ${rule.id} until a person clears it${because === undefined ? '' : `: ${because}`}`;
}

interface DecisiveReading {
  readonly subject: Subject;
  readonly count: Count;
  readonly reading: LimitReading;
  readonly reserves: Reserves | undefined;
}

/**
 * The limit that decides a finding: the one with room last, or with the least left when all have room. What the call had
 * paid before decides nothing where something else lacks.
 */
export function decisiveReading(finding: Finding): DecisiveReading | undefined {
  if (!finding.applies) return undefined;
  let found: DecisiveReading | undefined;
  let best: readonly [number, number] = [-1, -1];
  const hard = finding.readings.filter(isHardLacking);
  const deciding = [
    hard,
    ...(['lacking', 'later'] as const).map((state) => finding.readings.filter((reading) => reading.state === state)),
  ].find((readings) => readings.length > 0);
  for (const { subject, count, limits, reserves } of deciding ?? finding.readings) {
    for (const reading of limits) {
      const rank = [reading.roomAfterMs ?? Number.POSITIVE_INFINITY, -reading.remaining] as const;
      if (found === undefined || rank[0] > best[0] || (rank[0] === best[0] && rank[1] > best[1])) {
        found = { subject, count, reading, reserves };
        best = rank;
      }
    }
  }
  return found;
}
