/**
 * A rule while it is edited: the document's own fields, its limits as rows of a form. What the form has no field for stays
 * as it was. Pure.
 */
import type { CountPer } from '../../../policy/call.ts';
import type { RuleDocument } from '../../../policy/document.ts';

export type Unit = 's' | 'm' | 'h' | 'd';
export interface LimitRow {
  /** For React, and where the focus goes. */
  readonly key: number;
  readonly calls: string;
  readonly number: string;
  readonly unit: Unit;
}
export type Fields = Partial<Omit<RuleDocument, 'limits' | 'lockout'>> & {
  /** What is not given in it has the daemon's default. */
  readonly lockout?: Partial<NonNullable<RuleDocument['lockout']>> | undefined;
};
export interface Draft {
  readonly fields: Fields;
  readonly limits: readonly LimitRow[];
}

/** What a part of the form is given. */
export interface FieldsPart {
  readonly fields: Fields;
  readonly set: (part: Fields) => void;
  /** What the daemon says of a field. */
  readonly problem: (path: string) => string | undefined;
}

/** An empty field is one that is not given. */
export const given = (text: string): string | undefined => (text.trim() === '' ? undefined : text.trim());
export const givenNumber = (value: string | number): number | undefined => (value === '' ? undefined : Number(value));

/** Whether it acts by something else than its limits. */
export const hasCeilings = ({ concurrent, maxDuration, spend, minutes, holdAfter, firstCallTo }: Fields): boolean =>
  [concurrent, maxDuration, spend, minutes, holdAfter, firstCallTo].some((each) => each !== undefined);

export const MOST_LIMITS = 8;
let nextKey = 1;
export const newRow = (calls = '', number = '1', unit: Unit = 'm'): LimitRow => ({
  key: nextKey++,
  calls,
  number,
  unit,
});

const UNITS: Readonly<Record<string, Unit>> = {
  s: 's',
  sec: 's',
  m: 'm',
  min: 'm',
  h: 'h',
  hour: 'h',
  d: 'd',
  day: 'd',
};

/** `5/1s`, `200/10/second&3000/1/minute`; undefined where any part is no limit. */
export function readLimits(text: string): readonly LimitRow[] | undefined {
  const rows = text
    .split(/[&,;\s]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const [, calls, number = '1', word = ''] = /^(\d+)\/(\d+)?\/?([a-z]+)$/i.exec(part) ?? [];
      const unit = UNITS[word.toLowerCase().replace(/^(second|minute|hour|day)s?$/, (name) => name.charAt(0))];
      return calls === undefined || unit === undefined ? undefined : newRow(calls, number, unit);
    });
  const read = rows.filter((row) => row !== undefined);
  return read.length === rows.length && read.length > 0 ? read : undefined;
}

export const limitText = ({ calls, number, unit }: LimitRow): string => `${calls}/${number}${unit}`;

export const draftOf = ({ limits, ...fields }: Partial<RuleDocument>): Draft => ({
  fields,
  limits: (limits ?? []).map((text) => readLimits(text)?.[0] ?? newRow(text, '', 'm')),
});

export const EMPTY_DRAFT: Draft = draftOf({
  name: '',
  appliesTo: 'all',
  countPer: 'extension',
  limits: ['5/1m'],
  action: 'block',
});

/** Of a rule about calls like one that was made: of this extension, over this trunk. */
export function draftAbout({ extension, trunk }: Readonly<Record<'extension' | 'trunk', string | null>>): Draft {
  if (extension === null && trunk === null) return EMPTY_DRAFT;
  const appliesTo = {
    ...(extension === null ? {} : { extensions: [extension] }),
    ...(trunk === null ? {} : { trunks: [trunk] }),
  };
  return { ...EMPTY_DRAFT, fields: { ...EMPTY_DRAFT.fields, appliesTo } };
}

/** As the API takes it. Rows that nobody wrote into yet are left out of a preview, and not of what is saved. */
export function bodyOf({ fields, limits }: Draft): Record<string, unknown> {
  const written = limits.filter(({ calls }) => calls !== '');
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '');
  return { ...Object.fromEntries(given), limits: written.map(limitText) };
}

/** What a PATCH has to say: changed fields, and null for those that are gone. */
export function patchOf(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const changed = names.filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]));
  return Object.fromEntries(changed.map((name) => [name, after[name] ?? null]));
}

/** `Call centre` → `call-centre`, and another number behind it while it is taken. */
export function freeId(name: string, taken: readonly string[]): string {
  const plain =
    name
      .normalize('NFKD')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, '')
      .slice(0, 56) || 'rule';
  return free(plain, taken, (at) => `${plain}-${at}`);
}
export const freeName = (name: string, taken: readonly string[]): string => free(name, taken, (at) => `${name} ${at}`);

function free(wanted: string, taken: readonly string[], next: (at: number) => string): string {
  if (!taken.includes(wanted)) return wanted;
  for (let at = 2; ; at++) if (!taken.includes(next(at))) return next(at);
}

/** What the group sizes are called in the choice of what is counted. */
export const COUNTED: readonly CountPer[] = ['extension', 'group', 'trunk', 'number', 'extension-number', 'system'];

export interface ChangedText {
  readonly before: string;
  readonly changed: string;
  readonly after: string;
}
/** Which words of a sentence are others than a moment ago. */
export function changedWords(was: string, is: string): ChangedText {
  const [old, now] = [was.split(' '), is.split(' ')];
  let start = 0;
  while (start < now.length && start < old.length && old[start] === now[start]) start++;
  let end = 0;
  while (
    end < now.length - start &&
    end < old.length - start &&
    old[old.length - 1 - end] === now[now.length - 1 - end]
  )
    end++;
  const cut = now.length - end;
  return {
    before: now.slice(0, start).join(' '),
    changed: now.slice(start, cut).join(' '),
    after: now.slice(cut).join(' '),
  };
}
