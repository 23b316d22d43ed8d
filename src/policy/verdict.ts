/**
 * From what each rule found to the one answer for the call.
 *
 * A *finding* is one rule's result; the *verdict* is the most restrictive of them, block before hold before wait before
 * alert before allow, whatever order the rules stand in. Where several rules refuse, the one is named that lasts
 * longest: it is the answer to "when will this call pass".
 */
import { VERDICTS, type VerdictName } from './actions/action.ts';
import { describeSubject, type Subject } from './call.ts';
import { describeLimit, type LimitReading } from './limit.ts';
import type { Because, Rule } from './rule.ts';

/** What the store said of one rule and subject. */
export interface Reading {
  readonly subject: Subject;
  /** `counted`: this call had been charged here before and pays nothing again. */
  readonly state: 'room' | 'lacking' | 'counted';
  readonly limits: readonly LimitReading[];
}

export type Finding =
  | { readonly rule: Rule; readonly applies: false; readonly because: Because }
  | {
      readonly rule: Rule;
      readonly applies: true;
      readonly because: Because;
      /** The rule's limits are used up, or it has none and acts on every call. */
      readonly exceeded: boolean;
      /** Milliseconds until this rule would let the call pass; null when it never will. */
      readonly retryAfterMs: number | null;
      readonly readings: readonly Reading[];
      /** The store could not be asked; `exceeded` then says what the rule's `whenStoreFails` makes of it. */
      readonly storeFailed: boolean;
    };

export interface Verdict {
  readonly name: VerdictName;
  /** The rule that decided; undefined on a plain allow. */
  readonly rule: Rule | undefined;
  /** One sentence for the log, without its full stop. */
  readonly reason: string;
  /** Milliseconds until the same call would be allowed; null when it never will, 0 when it is allowed now. */
  readonly retryAfterMs: number | null;
}

type AppliedFinding = Extract<Finding, { applies: true }>;

/** The finding of a rule that the store was asked about, or that has no limits. */
export function findingOf(rule: Rule, because: Because, readings: readonly Reading[]): Finding {
  const unlimited = rule.limits.length === 0;
  const lacking = readings.filter((reading) => reading.state === 'lacking');
  const waits = lacking.flatMap((reading) => reading.limits.map((each) => each.roomAfterMs));
  return {
    rule,
    applies: true,
    because,
    exceeded: unlimited || lacking.length > 0,
    retryAfterMs: unlimited ? null : Math.max(0, ...waits),
    readings,
    storeFailed: false,
  };
}

/** The finding of a rule whose store could not be asked: its own written direction decides. */
export function findingWithoutStore(rule: Rule, because: Because): Finding {
  return {
    rule,
    applies: true,
    because,
    exceeded: rule.whenStoreFails === 'block',
    retryAfterMs: null,
    readings: [],
    storeFailed: true,
  };
}

const severity = (verdict: VerdictName): number => VERDICTS.length - VERDICTS.indexOf(verdict);

/** A rule that cannot be counted and is written to block refuses, whatever its action would have been. */
const verdictNameOf = (finding: AppliedFinding): VerdictName =>
  finding.storeFailed ? 'block' : finding.rule.action.verdict;

export function verdictOf(findings: readonly Finding[]): Verdict {
  let decisive: AppliedFinding | undefined;
  for (const finding of findings) {
    if (!finding.applies || !finding.exceeded || finding.rule.mode === 'shadow') continue;
    if (decisive === undefined || outranks(finding, decisive)) decisive = finding;
  }
  if (decisive === undefined) {
    const uncounted = findings.some((each) => each.applies && each.storeFailed && each.rule.mode === 'enforce');
    const reason = uncounted ? 'the counts cannot be read and the rules let calls pass then' : 'within every limit';
    return { name: 'allow', rule: undefined, reason, retryAfterMs: 0 };
  }
  const name = verdictNameOf(decisive);
  const passes = name === 'alert' || name === 'allow';
  return { name, rule: decisive.rule, reason: reasonOf(decisive), retryAfterMs: passes ? 0 : decisive.retryAfterMs };
}

function outranks(one: AppliedFinding, other: AppliedFinding): boolean {
  const difference = severity(verdictNameOf(one)) - severity(verdictNameOf(other));
  if (difference !== 0) return difference > 0;
  const [mine, theirs] = [one, other].map((finding) => finding.retryAfterMs ?? Number.POSITIVE_INFINITY);
  if (mine !== theirs) return Number(mine) > Number(theirs);
  // What a rule says of itself tells more than that it could not be counted.
  return other.storeFailed && !one.storeFailed;
}

function reasonOf(finding: AppliedFinding): string {
  const { rule } = finding;
  if (finding.storeFailed) return `Rule ${rule.id} refuses: its counts cannot be read and it is set to block then`;
  if (rule.limits.length === 0) return `Rule ${rule.id} ${rule.action.verb} every call that it applies to`;
  const tightest = decisiveReading(finding);
  if (tightest === undefined) return `Rule ${rule.id} ${rule.action.verb}`;
  const { subject, reading } = tightest;
  return `Rule ${rule.id} ${rule.action.verb}: ${describeSubject(subject)} has used ${reading.used} of ${describeLimit(reading.limit)}`;
}

/**
 * The limit that decides a finding: the one with room last, or with the least left when all have room. What the call had
 * paid before decides nothing where something else lacks.
 */
export function decisiveReading(
  finding: Finding,
): { readonly subject: Subject; readonly reading: LimitReading } | undefined {
  if (!finding.applies) return undefined;
  let found: { readonly subject: Subject; readonly reading: LimitReading } | undefined;
  let best: readonly [number, number] = [-1, -1];
  const lacking = finding.readings.filter((reading) => reading.state === 'lacking');
  for (const { subject, limits } of lacking.length > 0 ? lacking : finding.readings) {
    for (const reading of limits) {
      const rank = [reading.roomAfterMs, -reading.remaining] as const;
      if (found === undefined || rank[0] > best[0] || (rank[0] === best[0] && rank[1] > best[1])) {
        found = { subject, reading };
        best = rank;
      }
    }
  }
  return found;
}
