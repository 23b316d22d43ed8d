/**
 * Why a rule has no effect, or another one than was meant: one finding for each, with the command that mends it.
 *
 * An error is a rule that can apply to no call as things stand; a warning is one that most likely is not what was meant;
 * an info is worth knowing. Looks at the policy, a time and what was counted, and changes nothing.
 */
import { BUDGET_CHECKS, diagnoseBudgets } from './budget-doctor.ts';
import type { EpochMs } from './call.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { diagnosePace, PACE_CHECKS } from './pace-doctor.ts';
import type { Policy } from './policy.ts';
import {
  isScopeInside,
  isUnconditional,
  leavesNothingFor,
  limitsOf,
  makesIdle,
  mayLeaveNothing,
  mostCallsWithin,
  numbersOf,
  sampleOf,
  type WeighedRule,
  weigh,
} from './rule-cover.ts';
import { type DoctorFinding, quoted, SEVERITIES } from './rule-finding.ts';
import { indexRules } from './rule-index.ts';
import type { Scope } from './scope.ts';
import { diagnoseScope, SCOPE_CHECKS } from './scope-doctor.ts';

export const RULE_CHECKS = [
  'disabled',
  'shadow',
  ...SCOPE_CHECKS,
  'shadowed',
  'idle-limit',
  'permits-much',
  'too-many',
  ...PACE_CHECKS,
  ...BUDGET_CHECKS,
  'never-matched',
] as const;
export type RuleCheck = (typeof RULE_CHECKS)[number];

export type RuleFinding = DoctorFinding<RuleCheck>;

/** What was counted in the last days: calls altogether, and those that each rule applied to. */
export interface MatchCounts {
  readonly days: number;
  readonly calls: number;
  readonly byRule: ReadonlyMap<string, number>;
}

/** More calls of one extension within an hour are no person's doing, and few diallers'. */
export const MOST_CALLS_AN_HOUR = 1000;
const HOUR_SECONDS = 3600;
/**
 * A rule is held against so many others that may have the same calls. Of ten thousand rules for everybody that differ in
 * their limits alone, every pair would take seconds, in which no call is decided.
 */
const MOST_COMPARED = 1000;
/**
 * A call asks the store about every rule that applies to it. A thousand take some 20 ms of each call, and with six thousand
 * the store does not answer within the usual deadline: `whenStoreFails` then decides every call.
 */
export const MOST_FOR_EVERY_CALL = 1000;

/**
 * Looks at every rule, in the order of the policy; of a rule the gravest findings stand first.
 *
 * @param counts absent: nobody knows what was called, and nothing is said about it
 * @param hasRates whether there is a rate sheet; absent: nobody knows
 */
export function diagnoseRules(
  policy: Policy,
  at: EpochMs,
  counts?: MatchCounts,
  hasRates?: boolean,
): readonly RuleFinding[] {
  const { document } = policy;
  const placed = document.rules.map((rule, place) => ({
    ...weigh(rule),
    place,
    scope: policy.rules[place]?.scope ?? [],
  }));
  const strict = whoseScopeHolds(placed.filter(mayLeaveNothing));
  const bounding = whoseScopeHolds(placed.filter(({ rule }) => boundsAnHour(rule)));
  const forEveryCall = rulesForEveryCall(document);
  return placed.flatMap((each) => {
    const { rule } = each;
    if (!rule.enabled) return [disabled(rule)];
    const found = [
      ...inShadow(rule),
      ...diagnoseScope(rule, policy, at),
      ...shadowed(each, strict(each)),
      ...idleLimits(rule),
      ...permitsMuch(rule, bounding(each)),
      ...tooMany(rule, forEveryCall),
      ...diagnosePace(rule),
      ...diagnoseBudgets(rule, hasRates),
    ];
    const explained = found.some(({ severity, check }) => severity === 'error' || check === 'shadowed');
    const all = explained || counts === undefined ? found : [...found, ...neverMatched(rule, counts)];
    return all.toSorted((a, b) => SEVERITIES.indexOf(a.severity) - SEVERITIES.indexOf(b.severity));
  });
}

interface PlacedRule extends WeighedRule {
  readonly place: number;
  readonly scope: Scope;
}

/** Gives, of some rules, those that may name all the calls of another, in their order and not itself. */
function whoseScopeHolds(some: readonly PlacedRule[]): (inner: PlacedRule) => readonly PlacedRule[] {
  const index = indexRules(some);
  return ({ scope, place }) => {
    const holding = index.candidates((key) => {
      const wanted = scope.find((part) => part.key === key)?.wanted;
      return wanted && [key === 'extensions' ? sampleOf(wanted) : (wanted[0] ?? '')];
    });
    return holding.slice(0, MOST_COMPARED).filter((each) => each.place !== place);
  };
}

const disabled = ({ id }: RuleDocument): RuleFinding => ({
  severity: 'info',
  rule: id,
  check: 'disabled',
  what: 'The rule is disabled.',
  why: 'It counts nothing and acts on nothing.',
  command: `tollgate rules enable ${id}`,
});

function inShadow({ id, mode }: RuleDocument): RuleFinding[] {
  if (mode !== 'shadow') return [];
  return [
    {
      severity: 'info',
      rule: id,
      check: 'shadow',
      what: 'The rule is in shadow.',
      why: `It counts and reports, and never acts; tollgate rules show ${id} says what it would have done.`,
      command: `tollgate rules enforce ${id}`,
    },
  ];
}

function shadowed(looked: PlacedRule, strict: readonly PlacedRule[]): RuleFinding[] {
  const stricter = strict.find(
    (other) =>
      leavesNothingFor(looked, other) &&
      // Of two that are alike, the first is the one that stays.
      (other.place < looked.place || !leavesNothingFor(other, looked)),
  )?.rule;
  if (stricter === undefined) return [];
  const { rule } = looked;
  return [
    {
      severity: 'warning',
      rule: rule.id,
      check: 'shadowed',
      what: `Rule ${stricter.id} applies to the same calls, and is at least as strict.`,
      why: `${stricter.id} refuses before this rule has anything to say, so it never acts.`,
      command: `tollgate rules disable ${rule.id}`,
    },
  ];
}

function idleLimits(rule: RuleDocument): RuleFinding[] {
  const limits = limitsOf(rule);
  // No two make each other idle: periods differ, so equal strictness both ways is impossible.
  const idle = limits.flatMap((limit) => {
    const stricter = limits.find((other) => other !== limit && makesIdle(other, limit));
    return stricter === undefined ? [] : [{ limit, stricter }];
  });
  const kept = limits.filter((limit) => !idle.some((each) => each.limit === limit));
  const command = `tollgate rules set ${rule.id} ${kept.map(({ text }) => `--limit ${text}`).join(' ')}`;
  return idle.map(({ limit, stricter }) => ({
    severity: 'warning',
    rule: rule.id,
    check: 'idle-limit',
    what: `The limit ${limit.text} is never reached: ${stricter.text} refuses first.`,
    why: 'One of the two is not what was meant.',
    command,
  }));
}

/** True where the calls that each extension starts in an hour are few, always. */
const boundsAnHour = (rule: RuleDocument): boolean =>
  rule.enabled &&
  rule.mode === 'enforce' &&
  rule.action !== 'alert' &&
  rule.countPer === 'extension' &&
  rule.during === undefined &&
  rule.not === undefined &&
  rule.giveBackOn === undefined &&
  mostInAnHour(rule) <= MOST_CALLS_AN_HOUR;

function permitsMuch(rule: RuleDocument, bounding: readonly PlacedRule[]): RuleFinding[] {
  const most = mostInAnHour(rule);
  // Of a rule with ceilings alone nobody expects that it bounds the calls that start.
  if (rule.limits.length === 0 || most <= MOST_CALLS_AN_HOUR) return [];
  if (rule.countPer !== 'extension' || rule.action !== 'block') return [];
  if (bounding.some((other) => isScopeInside(rule, other.rule))) return [];
  const limits = [
    ...limitsOf(rule).flatMap(({ text, periodSeconds }) => (periodSeconds === HOUR_SECONDS ? [] : [text])),
    '100/1h',
  ];
  return [
    {
      severity: 'info',
      rule: rule.id,
      check: 'permits-much',
      what: `The rule lets one extension start up to ${most} calls in an hour.`,
      why: 'A hacked phone that calls steadily stays under it; a limit per hour would stop it.',
      command: `tollgate rules set ${rule.id} ${limits.map((text) => `--limit ${text}`).join(' ')}`,
    },
  ];
}

/** Rules that every call asks the store about. */
export const rulesForEveryCall = ({ rules }: Pick<PolicyDocument, 'rules'>): readonly RuleDocument[] =>
  rules.filter((rule) => rule.enabled && rule.appliesTo === 'all' && !isUnconditional(rule));

/** Told once, of the first that is too many. */
function tooMany(rule: RuleDocument, forEveryCall: readonly RuleDocument[]): RuleFinding[] {
  if (forEveryCall[MOST_FOR_EVERY_CALL] !== rule) return [];
  return [
    {
      severity: 'warning',
      rule: rule.id,
      check: 'too-many',
      what: `${forEveryCall.length} rules apply to every call, this one and those before and after it.`,
      why: `Every call asks the store about all of them; beyond ${MOST_FOR_EVERY_CALL} it may answer too late, and whenStoreFails decides instead.`,
      command: `tollgate rules set ${rule.id} --extension 2001-2050`,
    },
  ];
}

/** Infinity where nothing bounds the calls that start: a rule may have ceilings alone. */
const mostInAnHour = (rule: RuleDocument): number =>
  isUnconditional(rule) ? 0 : Math.min(...limitsOf(rule).map((limit) => mostCallsWithin(limit, HOUR_SECONDS)));

function neverMatched(rule: RuleDocument, counts: MatchCounts): RuleFinding[] {
  if (counts.calls === 0 || (counts.byRule.get(rule.id) ?? 0) > 0) return [];
  const scope = rule.appliesTo === 'all' ? {} : rule.appliesTo;
  const [trunk] = scope.trunks ?? [];
  const onlyTrunks = trunk !== undefined && Object.keys(scope).length === 1 && rule.during === undefined;
  const days = counts.days === 1 ? 'day' : `${counts.days} days`;
  const calls = counts.calls === 1 ? 'the one call' : `the ${counts.calls} calls`;
  return [
    {
      // That nobody calls what is forbidden is as it should be.
      severity: isUnconditional(rule) ? 'info' : 'warning',
      rule: rule.id,
      check: 'never-matched',
      what: onlyTrunks
        ? `None of ${calls} of the last ${days} went over trunk ${scope.trunks?.join(' or ')}.`
        : `The rule decided none of ${calls} of the last ${days}, nor counted one.`,
      why: onlyTrunks
        ? 'A trunk is known by the name that the dialplan gives to gate as its second argument; is it the same?'
        : 'It is new, or names other calls than was meant, or others refuse before it.',
      command: `tollgate explain 15551234567 --extension ${quoted(exampleExtension(scope))}${trunk === undefined ? '' : ` --trunk ${trunk}`}`,
    },
  ];
}

const exampleExtension = (scope: { readonly extensions?: readonly string[] | undefined }): string =>
  scope.extensions === undefined ? '1001' : (numbersOf(scope.extensions.slice(0, 1))?.[0] ?? '1001');
