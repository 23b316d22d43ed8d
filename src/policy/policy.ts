/**
 * The compiled policy: frozen, indexed, and complete. One call is decided by one snapshot from beginning to end, so a
 * change never mixes two.
 */
import { ACTIONS } from './actions/registry.ts';
import { paceOf } from './actions/wait.ts';
import { BUDGET_KINDS, type BudgetKind, parseBudget } from './budget.ts';
import type { CallAttempt, CountPer, EpochMs, RuleId } from './call.ts';
import { compileCalledHours } from './called-hours.ts';
import { type DialledNumber, readDestination } from './destination.ts';
import { type Classification, createClassifier, type Destination } from './destination-classes.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { parseDuration } from './duration.ts';
import { concurrentLimit, type Limit, parseLimit } from './limit.ts';
import { numberSet } from './number-set.ts';
import { REACHED } from './outcome.ts';
import { compilePlaces, type RegistrationPlaces } from './registration-places.ts';
import { type Applies, type Because, type Count, type During, type Match, matchRule, type Rule } from './rule.ts';
import { indexRules } from './rule-index.ts';
import { compileSchedule, type Schedule } from './schedule.ts';
import { compileScope, type MatchContext, SCOPE_KEYS } from './scope.ts';

export interface Policy {
  readonly document: PolicyDocument;
  readonly rules: readonly Rule[];
  readonly readDestination: (dialled: string) => Destination;
  /** Groups that an extension is a member of, in the order of the document. */
  readonly groupsOf: (extension: string | undefined) => readonly string[];
  /** The rules that apply to the call, in the order of the document. Looks only at those that name it. */
  readonly match: (call: CallAttempt, at: EpochMs) => readonly AppliedRule[];
  /** Every rule with whether and why it applies to the call, in the order of the document. */
  readonly matchAll: (call: CallAttempt, at: EpochMs) => readonly RuleMatch[];
  /** Rules that do not apply, at most so many: those that name the call first, then in the order of the document. */
  readonly passedOver: (call: CallAttempt, at: EpochMs, most: number) => readonly PassedOver[];
  readonly schedules: ReadonlyMap<string, Schedule>;
  readonly places: RegistrationPlaces;
  /** Rules that may have locked somebody, those that are disabled among them: a lock lasts until a person clears it. */
  readonly lockouts: readonly Rule[];
  /** What rules about first calls count on, each once. */
  readonly firstCallsPer: readonly CountPer[];
}

export interface RuleMatch {
  readonly rule: Rule;
  readonly match: Match;
}

export interface AppliedRule {
  readonly rule: Rule;
  readonly match: Applies;
}

export interface PassedOver {
  readonly rule: Rule;
  readonly because: Because;
}

/** An extension's groups are looked up for every call; a few thousand extensions fit, a scan of made-up ones cannot grow it. */
const REMEMBERED_EXTENSIONS = 10_000;
const LONGEST_REMEMBERED = 80;
/** Placing a number takes up to 25 µs, and dialler lists repeat. */
const REMEMBERED_NUMBERS = 10_000;

/** How often each rule was reset, by rule id; absent is never. */
export type Generations = Readonly<Record<string, number>>;

/** Compiles a document that `readPolicyDocument` accepted. */
export function compilePolicy(document: PolicyDocument, generations: Generations = {}): Policy {
  const schedules = new Map(
    Object.entries(document.schedules).map(([id, schedule]) => [id, compileSchedule(schedule, document.timezone)]),
  );
  // `constructor` is an id like any other, and every object has one.
  const generationOf = (id: string): number => (Object.hasOwn(generations, id) ? (generations[id] ?? 0) : 0);
  const rules = Object.freeze(document.rules.map((rule) => compileRule(rule, generationOf(rule.id), schedules)));
  const index = indexRules(rules.filter((rule) => rule.enabled));
  const candidates = (call: CallAttempt, context: MatchContext): readonly Rule[] =>
    index.candidates((key) => SCOPE_KEYS[key].namesOf(call, context));
  const groups = Object.entries(document.groups).map(([id, group]) => ({ id, members: numberSet(group.members) }));
  const emergencyNumbers = new Set(document.emergencyNumbers);
  const extensions = new Map(Object.entries(document.extensions));
  // A group of `_.` means everybody who calls, and not that every number is an own extension.
  const ownNumbers = numberSet(
    Object.values(document.groups).flatMap(({ members }) => members.filter((member) => !/[.!]$/.test(member))),
  );
  const classify = createClassifier({
    homeCountry: document.homeCountry,
    isOwnExtension: (number) => extensions.has(number) || ownNumbers.has(number),
    lists: Object.fromEntries(Object.entries(document.destinations).map(([id, list]) => [id, list.prefixes])),
  });
  const placed = new Map<string, Classification>();
  const placeNumber = (dialled: DialledNumber): Classification => {
    const known = dialled.isEmergency ? undefined : placed.get(dialled.number);
    if (known !== undefined) return known;
    const classification = classify(dialled);
    if (dialled.isEmergency) return classification;
    if (placed.size >= REMEMBERED_NUMBERS) placed.clear();
    placed.set(dialled.number, classification);
    return classification;
  };
  const remembered = new Map<string, readonly string[]>();
  const groupsOf = (extension: string | undefined): readonly string[] => {
    if (extension === undefined) return [];
    const known = remembered.get(extension);
    if (known !== undefined) return known;
    const found = groups.filter((group) => group.members.has(extension)).map((group) => group.id);
    if (extension.length > LONGEST_REMEMBERED) return found;
    if (remembered.size >= REMEMBERED_EXTENSIONS) remembered.clear();
    remembered.set(extension, found);
    return found;
  };
  const contextOf = (call: CallAttempt, at: EpochMs): MatchContext => ({
    at,
    groups: groupsOf(call.extension),
    permissions: extensions.get(call.extension ?? '')?.permissions ?? [],
  });
  return Object.freeze({
    document,
    rules,
    groupsOf,
    schedules,
    lockouts: rules.filter((rule) => rule.lockout !== undefined),
    firstCallsPer: [...new Set(rules.flatMap((rule) => (rule.firstCallTo === undefined ? [] : [rule.countPer])))],
    places: compilePlaces(document.extensions),
    readDestination: (text: string): Destination => {
      const dialled = readDestination(document.dialling, emergencyNumbers, text);
      const { e164, country, classes } = placeNumber(dialled);
      return { ...dialled, e164, country, classes };
    },
    match: (call: CallAttempt, at: EpochMs) => {
      const context = contextOf(call, at);
      const applied: AppliedRule[] = [];
      for (const rule of candidates(call, context)) {
        const match = matchRule(rule, call, context);
        if (match.applies) applied.push({ rule, match });
      }
      return applied;
    },
    matchAll: (call: CallAttempt, at: EpochMs) => {
      const context = contextOf(call, at);
      return rules.map((rule) => ({ rule, match: matchRule(rule, call, context) }));
    },
    passedOver: (call: CallAttempt, at: EpochMs, most: number) => {
      const context = contextOf(call, at);
      const found: PassedOver[] = [];
      const near = new Set(candidates(call, context));
      for (const rule of firstThese(near, rules)) {
        if (found.length >= most) break;
        const match = matchRule(rule, call, context);
        if (!match.applies) found.push({ rule, because: match.because });
      }
      return found;
    },
  });
}

function* firstThese(some: ReadonlySet<Rule>, all: readonly Rule[]): Iterable<Rule> {
  yield* some;
  for (const rule of all) if (!some.has(rule)) yield rule;
}

function compileRule(rule: RuleDocument, generation: number, schedules: ReadonlyMap<string, Schedule>): Rule {
  const limits = rule.limits.map(compileLimit).sort((a, b) => a.periodSeconds - b.periodSeconds);
  const counts = countsOf(rule, limits);
  return Object.freeze({
    id: rule.id as RuleId,
    name: rule.name ?? rule.id,
    generation,
    scope: compileScope(rule.appliesTo),
    meansInternal: rule.appliesTo !== 'all' && (rule.appliesTo.destinations?.includes('internal') ?? false),
    during: compileDuring(rule, schedules),
    countPer: rule.countPer,
    limits,
    counting: rule.counting,
    counts,
    isUnconditional: counts.length === 0 && rule.maxDuration === undefined && rule.firstCallTo === undefined,
    pace: rule.action === 'wait' ? paceOf(rule) : undefined,
    maxDurationSeconds: secondsOf(rule.maxDuration),
    firstCallTo: rule.firstCallTo && { withinSeconds: secondsOf(rule.firstCallTo.within) ?? 0 },
    lockout: rule.lockout && {
      after: rule.lockout.after,
      withinSeconds: secondsOf(rule.lockout.within) ?? 0,
      destinations: new Set(rule.lockout.destinations),
    },
    giveBackOn: rule.giveBackOn ?? [],
    action: ACTIONS[rule.action],
    answer: ACTIONS[rule.action].answer(rule),
    mode: rule.mode,
    whenStoreFails: rule.whenStoreFails,
    enabled: rule.enabled,
  });
}

function countsOf(rule: RuleDocument, limits: readonly Limit[]): readonly Count[] {
  const counts: Count[] = limits.length === 0 ? [] : [{ kind: 'limits', limits }];
  if (rule.concurrent !== undefined) counts.push({ kind: 'concurrent', limits: [concurrentLimit(rule.concurrent)] });
  for (const outcome of REACHED) {
    const text = rule.holdAfter?.[outcome];
    const ms = text === undefined ? undefined : parseDuration(text);
    if (text === undefined || ms === undefined) continue;
    counts.push({
      kind: 'hold',
      outcome,
      limits: [{ count: 1, periodSeconds: Math.ceil(ms / 1000), text: `hold ${text}` }],
    });
  }
  for (const kind of BUDGET_KINDS) {
    for (const level of ['soft', 'hard'] as const) {
      const text = rule[kind]?.[level];
      if (text !== undefined) counts.push({ kind, level, limits: [compileBudget(text, kind)] });
    }
  }
  return Object.freeze(counts);
}

function compileBudget(text: string, kind: BudgetKind): Limit {
  const budget = parseBudget(text, kind);
  if ('problem' in budget) throw new RangeError(budget.problem);
  return budget;
}

const secondsOf = (text: string | undefined): number | undefined => {
  const ms = text === undefined ? undefined : parseDuration(text);
  return ms === undefined ? undefined : Math.ceil(ms / 1000);
};

function compileLimit(text: string): Limit {
  const limit = parseLimit(text);
  if ('problem' in limit) throw new RangeError(limit.problem);
  return limit;
}

function compileDuring(rule: RuleDocument, schedules: ReadonlyMap<string, Schedule>): During | undefined {
  const name = rule.during ?? rule.not;
  const schedule = name === undefined ? undefined : schedules.get(name);
  if (name === undefined || schedule === undefined) return undefined;
  const called = schedule.isCalled ? compileCalledHours(schedule.document, schedule.zone) : undefined;
  return { name, schedule, called, negated: rule.during === undefined };
}
