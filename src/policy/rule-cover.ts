/**
 * When one limit, scope or rule leaves nothing to do for another.
 *
 * Every answer is a proof, not a guess: where these cannot tell, they say no. A pattern is inside another only if it is
 * written alike; ranges are compared number by number.
 */
import type { RuleDocument } from './document.ts';
import { type Counting, type Limit, parseLimit } from './limit.ts';
import { numberSet } from './number-set.ts';
import { REACHED } from './outcome.ts';
import { SCOPE_KEYS, type ScopeKeyName } from './scope.ts';

/** A limit and how its rule counts it. */
export interface CountedLimit extends Limit {
  readonly counting: Counting;
  /** Calls that may start at once after a quiet time: its count, or less in the shortest period of a rule that paces. */
  readonly atOnce: number;
}

/** Of a rule that a document holds, shortest period first. */
export function limitsOf(rule: RuleDocument): readonly CountedLimit[] {
  const burst = rule.action === 'wait' && rule.counting === 'bucket' ? rule.burst : undefined;
  return rule.limits
    .flatMap((text): Limit[] => {
      const limit = parseLimit(text);
      return 'problem' in limit ? [] : [limit];
    })
    .sort((a, b) => a.periodSeconds - b.periodSeconds)
    .map((limit, at) => ({
      ...limit,
      counting: rule.counting,
      atOnce: at === 0 && burst !== undefined ? Math.min(burst, limit.count) : limit.count,
    }));
}

/** True where the rule has neither limits nor ceilings, and acts on every call that it applies to. */
export const isUnconditional = ({
  limits,
  concurrent,
  maxDuration,
  holdAfter,
  spend,
  minutes,
  firstCallTo,
}: RuleDocument): boolean =>
  limits.length === 0 &&
  spend === undefined &&
  minutes === undefined &&
  firstCallTo === undefined &&
  concurrent === undefined &&
  maxDuration === undefined &&
  REACHED.every((outcome) => holdAfter?.[outcome] === undefined);

/** The most calls that a limit lets start in so many seconds, both ends counted, if nothing else holds them up. */
export function mostCallsWithin(limit: CountedLimit, seconds: number): number {
  const { count, atOnce, periodSeconds } = limit;
  // A bucket gives all it holds at once and what refills meanwhile; a rolling window all it allows in each window touched.
  return limit.counting === 'bucket'
    ? atOnce + Math.floor((count * seconds) / periodSeconds)
    : count * (Math.floor(seconds / periodSeconds) + 1);
}

/** True where calls that `strict` lets pass can never exhaust `other`, on the same subject. */
export function makesIdle(strict: CountedLimit, other: CountedLimit): boolean {
  if (other.counting === 'rolling') {
    if (strict.counting === 'rolling' && strict.periodSeconds >= other.periodSeconds)
      return strict.count <= other.count;
    return mostCallsWithin(strict, other.periodSeconds) <= other.count;
  }
  // Neither more at once nor more in the long run. For whoever is strict, a rolling window is no looser than a bucket.
  return strict.atOnce <= other.atOnce && strict.count * other.periodSeconds <= other.count * strict.periodSeconds;
}

/**
 * What to look a list of members up by, in an index of beginnings, to find every list that holds all of it: `2001-2050`
 * begins with a number that is in it, and a pattern with its digits.
 */
export const sampleOf = ([first = '']: readonly string[]): string => first.trim().replace(/^_/, '');

/** Ranges up to this size are compared number by number. */
const LARGEST_RANGE = 10_000;

/** Every number that a list of members stands for, where that can be written out. */
export function numbersOf(members: readonly string[]): readonly string[] | undefined {
  const numbers: string[] = [];
  for (const member of members) {
    const [, from, to] = /^(\d+)-(\d+)$/.exec(member) ?? [];
    if (from !== undefined && to !== undefined) {
      if (Number(to) - Number(from) >= LARGEST_RANGE || from.length !== to.length) return undefined;
      for (let each = Number(from); each <= Number(to); each++) numbers.push(String(each).padStart(from.length, '0'));
    } else if (member.startsWith('_') || /^\d*[xX][\dxX]*$/.test(member)) return undefined;
    else numbers.push(member);
    if (numbers.length > 2 * LARGEST_RANGE) return undefined;
  }
  return numbers;
}

function isInside(key: ScopeKeyName, inner: readonly string[], outer: readonly string[]): boolean {
  const written = new Set(outer);
  const set = key === 'extensions' ? numberSet(outer) : written;
  return inner.every((member) => {
    if (written.has(member)) return true;
    const numbers = key === 'extensions' ? numbersOf([member]) : [member];
    return numbers?.every((each) => set.has(each)) ?? false;
  });
}

/** True where every call that `inner` names is one that `outer` names. */
export function isScopeInside(inner: RuleDocument, outer: RuleDocument): boolean {
  if (namesInternal(inner) && !namesInternal(outer)) return false;
  if (outer.appliesTo === 'all') return true;
  const { appliesTo: outside } = outer;
  const inside = inner.appliesTo === 'all' ? {} : inner.appliesTo;
  return (Object.keys(SCOPE_KEYS) as ScopeKeyName[]).every((key) => {
    const [wanted, allowed] = [inside[key], outside[key]];
    return allowed === undefined || (wanted !== undefined && isInside(key, wanted, allowed));
  });
}

const namesInternal = (rule: RuleDocument): boolean =>
  rule.appliesTo !== 'all' && (rule.appliesTo.destinations?.includes('internal') ?? false);

/** What is weighed below. A rule with a field beside these may do more, or less, than it seems here. */
const WEIGHED: ReadonlySet<string> = new Set([
  ...['id', 'name', 'appliesTo', 'countPer', 'limits', 'counting', 'during', 'not', 'action', 'hangupCause', 'prompt'],
  ...['mode', 'whenStoreFails', 'enabled'],
]);
const isWeighedWhole = (rule: RuleDocument): boolean =>
  Object.entries(rule).every(([field, value]) => value === undefined || WEIGHED.has(field));

/** A rule and what is read off it once, to be compared with many. */
export interface WeighedRule {
  readonly rule: RuleDocument;
  /** Shortest period first. */
  readonly limits: readonly CountedLimit[];
  /** Nothing of it is left out of account. */
  readonly isWhole: boolean;
}

export const weigh = (rule: RuleDocument): WeighedRule => ({
  rule,
  limits: limitsOf(rule),
  isWhole: isWeighedWhole(rule),
});

/** True where a rule refuses calls by itself, so that it may leave nothing for others. */
export const mayLeaveNothing = ({ rule, isWhole }: WeighedRule): boolean =>
  isWhole && rule.enabled && rule.mode === 'enforce' && rule.action === 'block';

/** True where `strict` refuses every call that `rule` would act on, in force or in shadow, so that it never gets to act. */
export function leavesNothingFor(weighed: WeighedRule, stricter: WeighedRule): boolean {
  if (!weighed.isWhole || !mayLeaveNothing(stricter)) return false;
  const [{ rule }, { rule: strict }] = [weighed, stricter];
  const always = strict.during === undefined && strict.not === undefined;
  if (!always && (strict.during !== rule.during || strict.not !== rule.not)) return false;
  if (!isScopeInside(rule, strict)) return false;
  if (strict.limits.length === 0) return strict.countPer === rule.countPer || countsEveryCall(strict);
  // What a call gives back, a bucket that paces keeps while others wait: it may make calls wait that the other lets pass.
  if (rule.action === 'wait') return false;
  // Without the store the stricter one lets calls pass, and this one is still there.
  if (rule.whenStoreFails === 'block' && strict.whenStoreFails === 'allow') return false;
  if (rule.limits.length === 0 || strict.countPer !== rule.countPer) return false;
  return weighed.limits.every((limit) => stricter.limits.some((each) => makesIdle(each, limit)));
}

/** What these count on is known of every call; a rule per trunk does not apply where nobody knows the trunk. */
const countsEveryCall = ({ countPer }: RuleDocument): boolean => countPer === 'extension' || countPer === 'system';
