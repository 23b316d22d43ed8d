/**
 * The address allowlist as a document: who is never banned, what an entry may look like, and every edit of it.
 *
 * Edits are pure: from a document and what somebody wants they make the next document, or a list of problems with the
 * field of each. What is allowed and yet deserves a second look (an overlap, a great many addresses) is a note in words.
 * Where a domain leads to, and when an entry was last hit, are not part of it.
 */
import { z } from 'zod';
import {
  type AddressRange,
  contains,
  countOf,
  describeCount,
  formatRange,
  overlaps,
  readRange,
  widthOf,
} from './addresses.ts';
import type { Problem } from './problem.ts';

export const ENTRY_TYPES = ['address', 'range', 'domain'] as const;
export type EntryType = (typeof ENTRY_TYPES)[number];

const text = (most: number) =>
  z
    .string({ error: 'is not text' })
    .trim()
    .max(most, { error: `is longer than ${most} characters` })
    .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' });

/** What a person writes of an entry. */
export const entryDraftSchema = z.strictObject({
  name: text(127).min(1, { error: 'is missing; say in a few words who this is' }),
  /** Seen from the value; one that contradicts it is refused. */
  type: z.enum(ENTRY_TYPES, { error: 'is not known; write address, range or domain' }).optional(),
  value: text(255).min(1, { error: 'is missing; write an address, a network, a range or a domain' }),
  mask: text(20).optional(),
  description: text(500).default(''),
  owner: text(127).default(''),
  exemptFromCallLimits: z.boolean({ error: 'is not known; write true or false' }).default(true),
});
export type EntryDraft = z.infer<typeof entryDraftSchema>;

/** Fields that an edit names; the others stay as they are. */
export const entryPatchSchema = z.strictObject({
  name: entryDraftSchema.shape.name.optional(),
  type: entryDraftSchema.shape.type,
  value: entryDraftSchema.shape.value.optional(),
  mask: entryDraftSchema.shape.mask,
  description: text(500).optional(),
  owner: text(127).optional(),
  exemptFromCallLimits: z.boolean({ error: 'is not known; write true or false' }).optional(),
});
export type EntryPatch = z.infer<typeof entryPatchSchema>;

export const entrySchema = z.object({
  id: z.string().min(1).max(64),
  name: z.string(),
  type: z.enum(ENTRY_TYPES),
  value: z.string(),
  description: z.string(),
  owner: z.string(),
  exemptFromCallLimits: z.boolean(),
  createdAt: z.string(),
  createdBy: z.string(),
});
/** `value` is canonical: an address, a network, `from-to`, or a domain in lower case. Times are ISO 8601, UTC. */
export type AllowEntry = Readonly<z.infer<typeof entrySchema>>;

const documentSchema = z.object({ exemptions: z.enum(['on', 'off']), entries: z.array(entrySchema) });
export interface AllowlistDocument {
  /** Off: no entry exempts calls from call limits, whatever it says itself. */
  readonly exemptions: 'on' | 'off';
  readonly entries: readonly AllowEntry[];
}

export const EMPTY_ALLOWLIST: AllowlistDocument = { exemptions: 'on', entries: [] };

/** What was kept, read back. Never throws. */
export function readAllowlist(value: unknown): AllowlistDocument | { readonly problem: string } {
  const parsed = documentSchema.safeParse(value);
  return parsed.success ? parsed.data : { problem: z.prettifyError(parsed.error) };
}

export const MOST_ENTRIES = 10_000;
/** Each is looked up at least once an hour. */
export const MOST_DOMAINS = 1000;
const MANY_ADDRESSES = 65_536n;

export type Value = { readonly type: EntryType; readonly value: string } | { readonly problem: string };

/** Reads what stands in the field of an address: an address, a network, a range or a domain. */
export function readValue(draft: Pick<EntryDraft, 'value' | 'mask' | 'type'>): Value {
  const found = draft.type !== 'domain' && !looksLikeDomain(draft.value) ? readNumbers(draft) : readDomain(draft);
  if ('problem' in found || draft.type === undefined || draft.type === found.type) return found;
  return { problem: `is ${A_TYPE[found.type]}, and its type says ${draft.type}; leave the type out` };
}

const A_TYPE: Readonly<Record<EntryType, string>> = { address: 'an address', range: 'a range', domain: 'a domain' };

function readNumbers({ value, mask }: Pick<EntryDraft, 'value' | 'mask'>): Value {
  const read = readRange(value, mask);
  if ('problem' in read) return read;
  const { range } = read;
  if (isEveryone(range)) return { problem: `holds ${describeCount(countOf(range))} addresses, nearly everyone` };
  if (!value.includes('-')) return { type: 'address', value: formatRange(range) };
  const ends = [range.first, range.last].map((at) => formatRange({ ...range, first: at, last: at }));
  return { type: 'range', value: ends.join('-') };
}

/** Larger than any organisation has: an allowlist of the whole Internet is a mistake. */
const isEveryone = (range: AddressRange): boolean => countOf(range) > 1n << (range.family === 4 ? 24n : 112n);

/** A top level that has a letter: 1.2.3 and 300.1.1.1 are mistyped addresses. */
const looksLikeDomain = (value: string): boolean =>
  /^[^:/]*\.[^.:/]*\p{L}[^.:/]*\.?$/u.test(value.trim()) || /^\p{L}[^:/]*$/u.test(value.trim());

function readDomain({ value, mask }: Pick<EntryDraft, 'value' | 'mask'>): Value {
  const domain = value.trim().toLowerCase().replace(/\.$/, '');
  if ((mask ?? '') !== '') return { problem: 'is a domain, and a domain has no subnet mask' };
  if (/[^\0-\x7f]/.test(domain)) return { problem: 'has letters that are not ASCII; write the domain as xn--…' };
  const labels = domain.split('.');
  const fine =
    domain.length <= 253 &&
    labels.length > 1 &&
    labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label)) &&
    /^(?:[a-z]{2,}|xn--.*)$/.test(labels.at(-1) ?? '');
  if (fine) return { type: 'domain', value: domain };
  return { problem: 'is neither an address nor a full domain; write 203.0.113.9 or sip.carrier.example' };
}

/** The addresses of an entry; none for a domain, whose addresses change. */
export function rangeOfEntry(entry: Pick<AllowEntry, 'type' | 'value'>): AddressRange | undefined {
  if (entry.type === 'domain') return undefined;
  const read = readRange(entry.value);
  return 'range' in read ? read.range : undefined;
}

/** Who makes an entry, and when. */
export interface Making {
  readonly newId: () => string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly by: string;
}

export type Edited =
  | { readonly document: AllowlistDocument; readonly entry: AllowEntry; readonly notes: readonly string[] }
  | { readonly problems: readonly Problem[] };

export function addEntry(document: AllowlistDocument, draft: EntryDraft, making: Making): Edited {
  const value = readValue(draft);
  if ('problem' in value) return { problems: [{ path: 'value', message: `"${draft.value}" ${value.problem}` }] };
  const entry: AllowEntry = {
    id: making.newId(),
    name: draft.name,
    ...value,
    description: draft.description,
    owner: draft.owner,
    exemptFromCallLimits: draft.exemptFromCallLimits,
    createdAt: making.at,
    createdBy: making.by,
  };
  return placed(document, entry, document.entries.length);
}

export function setEntry(document: AllowlistDocument, id: string, patch: EntryPatch): Edited {
  const at = document.entries.findIndex((entry) => entry.id === id);
  const before = document.entries[at];
  if (before === undefined) return { problems: [{ path: '', message: 'is not there any more' }] };
  const changed = { ...patch, value: patch.value ?? bareValue(before, patch) };
  const value =
    patch.value === undefined && patch.mask === undefined && patch.type === undefined ? before : readValue(changed);
  if ('problem' in value) return { problems: [{ path: 'value', message: `"${changed.value}" ${value.problem}` }] };
  const entry: AllowEntry = {
    ...before,
    name: patch.name ?? before.name,
    type: value.type,
    value: value.value,
    description: patch.description ?? before.description,
    owner: patch.owner ?? before.owner,
    exemptFromCallLimits: patch.exemptFromCallLimits ?? before.exemptFromCallLimits,
  };
  return placed(document, entry, at);
}

/** A new mask is meant for the address without its old one. */
const bareValue = (before: AllowEntry, patch: EntryPatch): string =>
  (patch.mask ?? '') === '' ? before.value : (before.value.split('/')[0] ?? before.value);

function placed(document: AllowlistDocument, entry: AllowEntry, at: number): Edited {
  const others = document.entries.filter((_, index) => index !== at);
  const problems = conflicts(entry, others);
  if (problems.length > 0) return { problems };
  const entries = document.entries.toSpliced(at, 1, entry);
  return { document: { ...document, entries }, entry, notes: notesOn(entry, others) };
}

function conflicts(entry: AllowEntry, others: readonly AllowEntry[]): Problem[] {
  if (others.length >= MOST_ENTRIES)
    return [{ path: '', message: `the allowlist has ${MOST_ENTRIES} entries already` }];
  if (entry.type === 'domain' && others.filter(({ type }) => type === 'domain').length >= MOST_DOMAINS) {
    return [{ path: 'value', message: `the allowlist has ${MOST_DOMAINS} domains already` }];
  }
  const sameName = others.find(({ name }) => name.toLowerCase() === entry.name.toLowerCase());
  const key = valueKey(entry);
  const sameValue = others.find((other) => valueKey(other) === key);
  return [
    ...(sameName === undefined
      ? []
      : [{ path: 'name', message: `"${entry.name}" is the name of another entry (${sameName.value})` }]),
    ...(sameValue === undefined
      ? []
      : [{ path: 'value', message: `${entry.value} is allowed already, by "${sameValue.name}"` }]),
  ];
}

/** Equal for all ways to write the same addresses. */
export function valueKey(entry: AllowEntry): string {
  const range = entry.type === 'range' ? rangeOfEntry(entry) : undefined;
  return range === undefined ? entry.value : formatRange(range);
}

const MOST_NAMED = 5;
const nameAll = (entries: readonly AllowEntry[]): string => {
  const named = entries.slice(0, MOST_NAMED).map(({ name }) => `"${name}"`);
  return `${named.join(', ')}${entries.length > MOST_NAMED ? ` and ${entries.length - MOST_NAMED} more` : ''}`;
};

/** What is not wrong and should be seen. */
export function notesOn(entry: AllowEntry, others: readonly AllowEntry[]): string[] {
  const range = rangeOfEntry(entry);
  if (range === undefined) return [];
  const count = countOf(range);
  const many = range.family === 4 ? count > MANY_ADDRESSES : count > 1n << BigInt(widthOf(6) - 48);
  const ranges = others.flatMap((other) => {
    const theirs = rangeOfEntry(other);
    return theirs !== undefined && overlaps(theirs, range) ? [{ other, theirs }] : [];
  });
  const of = (pleases: (theirs: AddressRange) => boolean): AllowEntry[] =>
    ranges.filter(({ theirs }) => pleases(theirs)).map(({ other }) => other);
  const around = of((theirs) => contains(theirs, range));
  const inside = of((theirs) => contains(range, theirs));
  const partly = of((theirs) => !contains(range, theirs) && !contains(theirs, range));
  return [
    ...(many ? [`${describeCount(count)} addresses is a lot to trust`] : []),
    ...(around.length > 0
      ? [`it lies inside ${nameAll(around)} already; for its own addresses this entry decides`]
      : []),
    ...(inside.length > 0 ? [`it holds ${nameAll(inside)}; for their addresses those entries decide`] : []),
    ...(partly.length > 0 ? [`it shares addresses with ${nameAll(partly)}`] : []),
  ];
}
