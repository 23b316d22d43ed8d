/**
 * A rule said back: one sentence of who may do how much, when, and what becomes of more; and the most that it lets through
 * within times that people think in.
 */
import { paceOf } from './actions/wait.ts';
import type { PolicyDocument, RuleDocument } from './document.ts';
import { describeLimit } from './limit.ts';
import { type CountedLimit, isUnconditional, limitsOf, numbersOf } from './rule-cover.ts';
import { describeMs } from './rule-words.ts';

const WHO: Readonly<Record<RuleDocument['countPer'], string>> = {
  extension: 'Each extension',
  group: 'Each group as a whole',
  trunk: 'Each trunk',
  number: 'All extensions together, for each number called,',
  'extension-number': 'Each extension, for each number it calls,',
  system: 'The whole system together',
};

/** @param names of a kind and an id, for people; the id where there is none */
export function ruleSentence(
  rule: RuleDocument,
  document: Pick<PolicyDocument, 'groups' | 'schedules' | 'trunks'>,
): string {
  const may = isUnconditional(rule) ? 'may make no call' : `may ${describeMay(rule)}`;
  const more = isUnconditional(rule) ? '' : ` ${describeMore(rule)}`;
  const shadow = rule.mode === 'shadow' ? ' In shadow: nothing of this happens yet, it is only counted.' : '';
  const off = rule.enabled ? '' : ' Switched off.';
  return `${WHO[rule.countPer]}${describeScope(rule, document)} ${may}${describeWhen(rule)}.${more}${shadow}${off}`;
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

function describeMay(rule: RuleDocument): string {
  const limits = limitsOf(rule).map(describeLimit);
  const parts = [
    ...(limits.length === 0 ? [] : [`start ${inWords(limits, 'and')}`]),
    ...(rule.concurrent === undefined ? [] : [`have ${rule.concurrent} under way at once`]),
    ...(rule.maxDuration === undefined ? [] : [`call for at most ${rule.maxDuration} each`]),
    ...(rule.holdAfter === undefined ? [] : ['call again only after a pause']),
  ];
  return inWords(parts, 'and');
}

const describeWhen = ({ during, not }: RuleDocument): string =>
  during !== undefined ? `, while ${during} is open` : not !== undefined ? `, while ${not} is closed` : ', always';

function describeMore(rule: RuleDocument): string {
  switch (rule.action) {
    case 'block':
      return 'More are refused.';
    case 'alert':
      return 'More go out, and staff is told.';
    case 'wait':
      return `More are made to wait, none longer than ${describeMs(paceOf(rule).maxWaitMs)}, then refused.`;
    case 'approve':
      return 'Of each further call a person decides.';
    default:
      return rule.action satisfies never;
  }
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
