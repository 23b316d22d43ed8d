/** An entry of the audit log as the screen tells it: who did what, and what is different since. Pure. */
import type { AuditRecord } from '../../../people/audit-record.ts';
import type { OwnDecision } from '../../../people/own-decisions.ts';
import { capital } from '../../parts/format.ts';
import { auditTexts as texts } from '../../texts/audit.ts';

/** An entry as it is listed; of one's own decisions without its place in the log. */
export type AuditRow = OwnDecision & Partial<Omit<AuditRecord, keyof OwnDecision>>;

export interface AuditRows {
  readonly entries: readonly AuditRow[];
  readonly cursor: string | null;
}

export interface Difference {
  /** `limits`, `autoBan.web`; empty: the thing as a whole. */
  readonly field: string;
  /** Undefined: there was nothing. */
  readonly before: string | undefined;
  readonly after: string | undefined;
}

const DEEPEST = 3;

/** Field by field where both sides have fields, or only one side is there; without what holds all of them. */
export function differences({ before, after }: Pick<AuditRecord, 'before' | 'after'>): readonly Difference[] {
  const found = pairs('', before ?? undefined, after ?? undefined, DEEPEST).filter(
    (each) => each.before !== undefined || each.after !== undefined,
  );
  const [first = ''] = found.map(({ field }) => field);
  const shared = first.slice(0, first.lastIndexOf('.') + 1);
  const isShared = shared !== '' && found.every(({ field }) => field.startsWith(shared));
  // An id says least of all.
  return found
    .map((each) => (isShared ? { ...each, field: each.field.slice(shared.length) } : each))
    .sort((a, b) => Number(a.field === 'id') - Number(b.field === 'id'));
}

function pairs(field: string, before: unknown, after: unknown, depth: number): readonly Difference[] {
  if (JSON.stringify(before) === JSON.stringify(after)) return [];
  const [was, becomes] = [fieldsOf(before), fieldsOf(after)];
  const isWhole = (was === undefined && before !== undefined) || (becomes === undefined && after !== undefined);
  if (depth === 0 || isWhole) return [{ field, before: textOf(before), after: textOf(after) }];
  const names = [...new Set([...(was?.keys() ?? []), ...(becomes?.keys() ?? [])])];
  return names.flatMap((name) =>
    pairs(field === '' ? name : `${field}.${name}`, was?.get(name), becomes?.get(name), depth - 1),
  );
}

const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;

function textOf(value: unknown): string | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (Array.isArray(value) && value.every((each) => typeof each !== 'object')) return value.join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `limits 2/1h → 3/1h`, for one line; `role owner` of what was not there before. */
export const shortDifference = ({ field, before, after }: Difference): string =>
  (before === undefined ? `${field} ${after ?? ''}` : `${field} ${before} → ${after ?? texts.nothing}`).trim();

const has = <T extends object>(of: T, name: string): name is Extract<keyof T, string> => Object.hasOwn(of, name);

/** `bans.lift` as `Unblocked`. */
export function didOf(action: string): string {
  if (action === 'bans.add') return capital(texts.didBan);
  const [kind = '', verb = ''] = action.split('.');
  const word = has(texts.did, verb) ? texts.did[verb] : `${verb} (${kind})`;
  return capital(word);
}

/** `web anna` was done on the page. */
export function wayOf(by: string): string {
  const [way = ''] = by.split(' ', 1);
  return has(texts.ways, way) ? texts.ways[way] : texts.ways.other;
}

/** Where an entry stands, for the address of its drawer: the store's time and its number, or its own time and id. */
export const placeOf = ({ at, id, writtenAt, seq }: Pick<AuditRow, 'at' | 'id' | 'writtenAt' | 'seq'>): string =>
  writtenAt === undefined || seq === undefined ? `${Date.parse(at)}~${id}` : `${Date.parse(writtenAt)}-${seq}`;

/** When the own decision of a place was made; undefined: it is not the place of one. */
export function decidedAt(place: string): string | undefined {
  const [, ms] = /^(\d{1,15})~[\w-]+$/.exec(place) ?? [];
  return ms === undefined ? undefined : new Date(Number(ms)).toISOString();
}

/** The cursor behind which the entry of a place is the first. */
export function cursorOf(place: string): string | undefined {
  const [, ms, seq] = /^(\d{1,15})-(\d{1,14})$/.exec(place) ?? [];
  return ms === undefined || seq === undefined ? undefined : `${ms}-${Number(seq) + 1}`;
}

/** `cli anna` as `anna`, where the way has a column of its own. */
export const whoOf = (by: string): string => /^(?:web|cli|link|phone|key|api) (.+)$/.exec(by)?.[1] ?? by;
