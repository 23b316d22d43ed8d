/**
 * The compiled policy: frozen, indexed, and complete. One call is decided by one snapshot from beginning to end, so a
 * change never mixes two.
 */
import { ACTIONS } from './actions/registry.ts';
import type { CallAttempt, RuleId } from './call.ts';
import { type Destination, readDestination } from './destination.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { type Limit, parseLimit } from './limit.ts';
import { type NumberSet, numberSet } from './number-set.ts';
import { type Match, matchRule, type Rule, type Scope } from './rule.ts';

export interface Policy {
  readonly document: PolicyDocument;
  readonly rules: readonly Rule[];
  readonly readDestination: (dialled: string) => Destination;
  /** Groups that an extension is a member of, in the order of the document. */
  readonly groupsOf: (extension: string | undefined) => readonly string[];
  /** Every rule with whether and why it applies to the call, in the order of the document. */
  readonly match: (call: CallAttempt) => readonly RuleMatch[];
}

export interface RuleMatch {
  readonly rule: Rule;
  readonly match: Match;
}

/** An extension's groups are looked up for every call; a few thousand extensions fit, a scan of made-up ones cannot grow it. */
const REMEMBERED_EXTENSIONS = 10_000;
const LONGEST_REMEMBERED = 80;

/** How often each rule was reset, by rule id; absent is never. */
export type Generations = Readonly<Record<string, number>>;

/** Compiles a document that `readPolicyDocument` accepted. */
export function compilePolicy(document: PolicyDocument, generations: Generations = {}): Policy {
  // `constructor` is an id like any other, and every object has one.
  const generationOf = (id: string): number => (Object.hasOwn(generations, id) ? (generations[id] ?? 0) : 0);
  const rules = Object.freeze(document.rules.map((rule) => compileRule(rule, generationOf(rule.id))));
  const groups = Object.entries(document.groups).map(([id, group]) => ({ id, members: numberSet(group.members) }));
  const emergencyNumbers = new Set(document.emergencyNumbers);
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
  return Object.freeze({
    document,
    rules,
    groupsOf,
    readDestination: (dialled: string) => readDestination(document.dialling, emergencyNumbers, dialled),
    match: (call: CallAttempt) => {
      const inGroups = groupsOf(call.extension);
      return rules.map((rule) => ({ rule, match: matchRule(rule, call, inGroups) }));
    },
  });
}

function compileRule(rule: RuleDocument, generation: number): Rule {
  return Object.freeze({
    id: rule.id as RuleId,
    name: rule.name ?? rule.id,
    generation,
    scope: compileScope(rule.appliesTo),
    countPer: rule.countPer,
    limits: rule.limits.map(compileLimit).sort((a, b) => a.periodSeconds - b.periodSeconds),
    action: ACTIONS[rule.action],
    answer: ACTIONS[rule.action].answer(rule),
    mode: rule.mode,
    whenStoreFails: rule.whenStoreFails,
    enabled: rule.enabled,
  });
}

function compileLimit(text: string): Limit {
  const limit = parseLimit(text);
  if ('problem' in limit) throw new RangeError(limit.problem);
  return limit;
}

function compileScope(appliesTo: RuleDocument['appliesTo']): Scope {
  if (appliesTo === 'all') return {};
  const { extensions, groups, trunks } = appliesTo;
  return {
    ...(extensions === undefined
      ? {}
      : { extensions: { set: numberSet(extensions) satisfies NumberSet, members: extensions } }),
    ...(groups === undefined ? {} : { groups: new Set(groups) }),
    ...(trunks === undefined ? {} : { trunks: new Set(trunks) }),
  };
}
