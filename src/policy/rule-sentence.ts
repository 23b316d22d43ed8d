/**
 * A rule said back: one sentence of who may do how much, when, and what becomes of more; and the most that it lets through
 * within times that people think in.
 */
import { paceOf } from './actions/wait.ts';
import { BUDGET_KINDS, type BudgetKind, parseBudget } from './budget.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { parseDuration } from './duration.ts';
import { describeLimit, describePeriod } from './limit.ts';
import { describeAmount } from './money.ts';
import { type CountedLimit, isUnconditional, limitsOf, numbersOf } from './rule-cover.ts';
import { describeMs, OUTCOME_WORDS } from './rule-words.ts';

const WHO: Readonly<Record<RuleDocument['countPer'], string>> = {
  extension: 'Each extension',
  group: 'Each group as a whole',
  trunk: 'Each trunk',
  number: 'All extensions together, for each number called,',
  'extension-number': 'Each extension, for each number it calls,',
  system: 'The whole system together',
};

/** @param document names groups, trunks and schedules for people */
export function ruleSentence(
  rule: RuleDocument,
  document: Pick<PolicyDocument, 'groups' | 'schedules' | 'trunks'>,
): string {
  const isOfEveryCall = isUnconditional({ ...rule, firstCallTo: undefined });
  const may = isOfEveryCall ? describeEvery(rule) : `may ${describeMay(rule)}${describeFirst(rule, ' to')}`;
  const sentences = [
    `${WHO[rule.countPer]}${describeScope(rule, document)} ${may}${describeWhen(rule, document)}.`,
    ...(isOfEveryCall ? [] : describeMore(rule)),
    ...describeHard(rule),
    ...describeGivenBack(rule),
    ...describeLock(rule),
    ...(rule.mode === 'shadow' ? ['In shadow: nothing of this happens yet, it is only counted.'] : []),
    ...(rule.enabled ? [] : ['Switched off.']),
  ];
  return sentences.join(' ');
}

function describeScope({ appliesTo }: RuleDocument, document: Pick<PolicyDocument, 'groups' | 'trunks'>): string {
  if (appliesTo === 'all') return '';
  const named = (kind: string, id: string): string => {
    if (kind === 'groups') return document.groups[id]?.name ?? id;
    return kind === 'trunks' ? (document.trunks[id]?.name ?? id) : id;
  };
  const parts = Object.entries(appliesTo).flatMap(([kind, ids]) => {
    if (ids === undefined) return [];
    const shown = ids.slice(0, MOST_NAMED).map((id) => named(kind, id));
    const rest = ids.length > MOST_NAMED ? [`${ids.length - MOST_NAMED} more`] : [];
    return [`${PREPOSITIONS[kind] ?? kind} ${inWords([...shown, ...rest], 'or')}`];
  });
  return ` ${parts.join(' and ')}`;
}

const MOST_NAMED = 4;
const PREPOSITIONS: Readonly<Record<string, string>> = {
  extensions: 'among',
  groups: 'in',
  trunks: 'over',
  destinations: 'to',
  campaigns: 'of campaign',
  kinds: 'dialled',
  permissions: 'permitted',
};

/** Of a rule that counts nothing. */
function describeEvery(rule: RuleDocument): string {
  switch (rule.action) {
    case 'block':
    case 'wait':
      return `may make no call${describeFirst(rule, ' to')}`;
    case 'alert':
      return `may make any call${describeFirst(rule, ' to')}, and staff is told of each`;
    case 'approve':
      return `may call${describeFirst(rule, '')} only when a person approves`;
    default:
      return rule.action satisfies never;
  }
}

const describeFirst = ({ firstCallTo }: RuleDocument, to: string): string =>
  firstCallTo === undefined
    ? ''
    : `${to} countries that had no answered call for ${describeMs(parseDuration(firstCallTo.within) ?? 0)}`;

function describeMay(rule: RuleDocument): string {
  const limits = limitsOf(rule).map(describeLimit);
  const parts = [
    ...(limits.length === 0 ? [] : [`start ${inWords(limits, 'and')}`]),
    ...(rule.concurrent === undefined ? [] : [`have ${rule.concurrent} under way at once`]),
    ...(rule.maxDuration === undefined ? [] : [`call for at most ${rule.maxDuration} each`]),
    ...BUDGET_KINDS.flatMap((kind) => {
      const { soft, hard } = rule[kind] ?? {};
      const shown = describeBudget(kind, soft ?? hard);
      return shown === undefined ? [] : [`${VERBS[kind]} ${soft === undefined ? 'at most ' : ''}${shown}`];
    }),
    ...(rule.holdAfter === undefined ? [] : ['call again only after a pause']),
  ];
  return inWords(parts, 'and');
}

const VERBS: Readonly<Record<BudgetKind, string>> = { spend: 'spend', minutes: 'talk' };

function describeBudget(kind: BudgetKind, text: string | undefined): string | undefined {
  const limit = text === undefined ? undefined : parseBudget(text, kind);
  if (limit === undefined || 'problem' in limit) return undefined;
  return `${describeAmount(kind, limit.count)} within ${describePeriod(limit.periodSeconds)}`;
}

function describeWhen({ during, not }: RuleDocument, { schedules }: Pick<PolicyDocument, 'schedules'>): string {
  const name = (id: string): string => schedules[id]?.name ?? id;
  if (during !== undefined) return `, while ${name(during)} is open`;
  return not === undefined ? ', always' : `, while ${name(not)} is closed`;
}

/** What the action does; nothing where the rule has only ceilings that no action softens. */
function describeMore(rule: RuleDocument): readonly string[] {
  const { limits, concurrent, holdAfter, spend, minutes } = rule;
  const acts =
    limits.length > 0 || [concurrent, holdAfter, spend?.soft, minutes?.soft].some((each) => each !== undefined);
  if (!acts) return [];
  switch (rule.action) {
    case 'block':
      return ['More are refused.'];
    case 'alert':
      return ['More go out, and staff is told.'];
    case 'wait':
      return [`More are made to wait, none longer than ${describeMs(paceOf(rule).maxWaitMs)}, then refused.`];
    case 'approve':
      return ['Of each further call a person decides.'];
    default:
      return rule.action satisfies never;
  }
}

const describeHard = (rule: RuleDocument): readonly string[] =>
  BUDGET_KINDS.flatMap((kind) => {
    const shown = describeBudget(kind, rule[kind]?.hard);
    return shown === undefined ? [] : [`At ${shown} no call goes, and those under way are ended.`];
  });

const describeGivenBack = ({ giveBackOn }: RuleDocument): readonly string[] =>
  giveBackOn === undefined
    ? []
    : [
        `A call that is ${inWords(
          giveBackOn.map((outcome) => OUTCOME_WORDS[outcome]),
          'or',
        )} does not count.`,
      ];

function describeLock({ lockout }: RuleDocument): readonly string[] {
  if (lockout === undefined) return [];
  const { after, within, destinations } = lockout;
  const time = describeMs(parseDuration(within) ?? 0);
  const refused = after === 1 ? 'one refused call' : `${after} refused calls within ${time}`;
  const more = destinations.length - MOST_NAMED;
  const places = [...destinations.slice(0, MOST_NAMED), ...(more > 0 ? [`${more} more`] : [])];
  return [`After ${refused} calls to ${inWords(places, 'and')} are locked until a person clears the lock.`];
}

const inWords = (words: readonly string[], last: 'and' | 'or'): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`;

export interface WorstCase {
  readonly seconds: number;
  /** The most calls of one subject that start within so long; null where nothing bounds them. */
  readonly each: number | null;
  /** Of all that the rule counts, where their number is known. */
  readonly all: number | null;
}

/** @param subjects on how many the rule counts; undefined: nobody knows */
export function worstCases(
  rule: RuleDocument,
  horizons: readonly number[],
  subjects: number | undefined,
): readonly WorstCase[] {
  const limits = rule.action === 'alert' ? [] : limitsOf(rule);
  return horizons.map((seconds) => {
    const each = limits.length === 0 ? null : Math.min(...limits.map((limit) => mostWithin(limit, seconds)));
    return { seconds, each, all: each === null || subjects === undefined ? null : each * subjects };
  });
}

/** The last instant not counted, as `worstCasePerPeriod` has it. */
const mostWithin = ({ counting, atOnce, count, periodSeconds }: CountedLimit, seconds: number): number =>
  counting === 'rolling'
    ? count * Math.ceil(seconds / periodSeconds)
    : atOnce + Math.ceil((count * seconds) / periodSeconds) - 1;

/** On how many extensions, groups or trunks a rule counts; undefined where nobody knows, as with patterns. */
export function subjectsOf(rule: RuleDocument, document: PolicyDocument): number | undefined {
  const { appliesTo, countPer } = rule;
  const of = appliesTo === 'all' ? undefined : appliesTo;
  switch (countPer) {
    case 'system':
      return 1;
    case 'group':
      return of?.groups?.length ?? Object.keys(document.groups).length;
    case 'trunk':
      return of?.trunks?.length ?? Object.keys(document.trunks).length;
    case 'extension': {
      const members = of?.extensions ?? of?.groups?.flatMap((id) => document.groups[id]?.members ?? []);
      return members === undefined ? undefined : numbersOf(members)?.length;
    }
    case 'number':
    case 'extension-number':
      return undefined;
    default:
      return countPer satisfies never;
  }
}
