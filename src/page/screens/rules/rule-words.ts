/** Parts of a rule in the words of the list. Pure. */
import type { RuleDocument } from '../../../policy/document.ts';
import { rulesTexts as texts } from '../../texts/rules.ts';

export interface Names {
  readonly groups: Readonly<Record<string, string>>;
  readonly trunks: Readonly<Record<string, string>>;
  readonly schedules: Readonly<Record<string, string>>;
}
export const NO_NAMES: Names = { groups: {}, trunks: {}, schedules: {} };

export const ruleName = ({ id, name }: Pick<RuleDocument, 'id' | 'name'>): string => name ?? id;

export const limitsOf = (rule: RuleDocument): string => {
  const { limits, counting } = rule;
  if (limits.length === 0) return ceilingsOf(rule) || texts.everyCall;
  return `${limits.join(' · ')}${counting === 'rolling' ? ` ${texts.rolling}` : ''}`;
};

const MOST = 3;

export function appliesTo({ appliesTo: scope }: Pick<RuleDocument, 'appliesTo'>, names: Names): string {
  if (scope === 'all') return texts.everyone;
  const parts = Object.entries(scope).flatMap(([kind, ids]) => {
    if (ids === undefined) return [];
    const named = ids.slice(0, MOST).map((id) => nameIn(names, kind, id));
    return [[...named, ...(ids.length > MOST ? [texts.more(ids.length - MOST)] : [])].join(', ')];
  });
  return parts.join(` ${texts.form.and} `);
}

function nameIn(names: Names, kind: string, id: string): string {
  const known = kind === 'groups' ? names.groups : kind === 'trunks' ? names.trunks : {};
  return Object.hasOwn(known, id) ? (known[id] ?? id) : id;
}

export function whenOf({ during, not }: Pick<RuleDocument, 'during' | 'not'>, names: Names): string {
  const name = (id: string): string => (Object.hasOwn(names.schedules, id) ? (names.schedules[id] ?? id) : id);
  if (during !== undefined) return texts.whenOpen(name(during));
  return not === undefined ? texts.always : texts.whenClosed(name(not));
}

/** `120 at once · 60m · $200/1d`; empty where there are none. */
export function ceilingsOf({ concurrent, maxDuration, spend, minutes }: RuleDocument): string {
  const parts = [
    concurrent === undefined ? undefined : `${concurrent} at once`,
    maxDuration,
    spend?.hard ?? spend?.soft,
    minutes === undefined ? undefined : `${minutes.hard ?? minutes.soft} min`,
  ];
  return parts.filter((part) => part !== undefined).join(' · ');
}

/** The verdict that an action leads to, for its colour. */
export const verdictOf = { block: 'block', alert: 'alert', wait: 'wait', approve: 'hold' } as const;
