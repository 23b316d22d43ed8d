/**
 * A list of entries, from a file or a script, put into the allowlist as one edit: all of it or nothing.
 *
 * Pure. Every mistake of the list is found at once, each with the place of its row.
 */
import {
  type AllowEntry,
  type AllowlistDocument,
  type EntryDraft,
  entrySchema,
  type Making,
  MOST_DOMAINS,
  MOST_ENTRIES,
  notesOn,
  readValue,
  valueKey,
} from './allowlist.ts';
import type { Problem } from './problem.ts';

export interface AllowImport {
  readonly document: AllowlistDocument;
  /** Names, in the order of the rows. */
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  readonly unchanged: readonly string[];
  readonly removed: readonly string[];
  /** Behind the name of the entry. */
  readonly notes: readonly string[];
}

/**
 * Puts a list of entries into a document, all or nothing. A row stands for the entry of its name and is the whole of it;
 * the paths of problems begin with `entries[i]`.
 *
 * @param options.replace the rows are all there is; otherwise entries without a row stay
 */
export function importEntries(
  document: AllowlistDocument,
  drafts: readonly EntryDraft[],
  making: Making,
  options: { readonly replace: boolean },
): AllowImport | { readonly problems: readonly Problem[] } {
  const before = new Map(document.entries.map((entry) => [entry.name.toLowerCase(), entry]));
  const rows = drafts.map((draft) => entryOfRow(draft, before, making));
  const made = rows.flatMap((row, index) => ('problem' in row ? [] : [{ index, entry: row }]));
  const byName = new Map(made.map(({ entry }) => [entry.name.toLowerCase(), entry]));
  const missing = document.entries.filter(({ name }) => !byName.has(name.toLowerCase()));
  const kept = options.replace ? [] : missing;
  const problems = [
    ...rows.flatMap((row, index) => ('problem' in row ? [inRow(index, 'value', row.problem)] : [])),
    ...twins(made, kept),
    ...tooMany([...kept, ...made.map(({ entry }) => entry)]),
  ];
  if (problems.length > 0) return { problems };
  const isKnown = ({ name }: AllowEntry): boolean => before.has(name.toLowerCase());
  const isSame = (entry: AllowEntry): boolean => asText(entry) === asText(before.get(entry.name.toLowerCase()));
  const names = (pleases: (entry: AllowEntry) => boolean): string[] =>
    made.filter(({ entry }) => pleases(entry)).map(({ entry }) => entry.name);
  const added = made.filter(({ entry }) => !isKnown(entry)).map(({ entry }) => entry);
  const stayed = document.entries.flatMap((entry) => {
    const row = byName.get(entry.name.toLowerCase());
    if (row !== undefined) return [row];
    return options.replace ? [] : [entry];
  });
  const entries = [...stayed, ...added];
  return {
    document: { ...document, entries },
    added: added.map(({ name }) => name),
    replaced: names((entry) => isKnown(entry) && !isSame(entry)),
    unchanged: names((entry) => isKnown(entry) && isSame(entry)),
    removed: options.replace ? missing.map(({ name }) => name) : [],
    notes: notesOnRows(
      made.map(({ entry }) => entry),
      entries,
    ),
  };
}

const inRow = (index: number, field: string, message: string): Problem => ({
  path: `entries[${index}].${field}`,
  message,
});

function entryOfRow(
  draft: EntryDraft,
  before: ReadonlyMap<string, AllowEntry>,
  making: Making,
): AllowEntry | { readonly problem: string } {
  const value = readValue(draft);
  if ('problem' in value) return { problem: `"${draft.value}" ${value.problem}` };
  const old = before.get(draft.name.toLowerCase());
  const { mask: _, ...fields } = draft;
  const { id, createdAt, createdBy } = old ?? { id: making.newId(), createdAt: making.at, createdBy: making.by };
  return { ...fields, ...value, id, createdAt, createdBy };
}

interface Row {
  readonly index: number;
  readonly entry: AllowEntry;
}

/** Names and addresses that stand in the file twice, or belong to an entry that stays. */
function twins(rows: readonly Row[], kept: readonly AllowEntry[]): Problem[] {
  const keptValues = new Map(kept.map((entry) => [valueKey(entry), entry]));
  const [names, values] = [new Map<string, number>(), new Map<string, number>()];
  return rows.flatMap(({ index, entry }): Problem[] => {
    const problems: Problem[] = [];
    for (const [field, known, key] of [
      ['name', names, entry.name.toLowerCase()],
      ['value', values, valueKey(entry)],
    ] as const) {
      const twin = known.get(key);
      if (twin === undefined) known.set(key, index);
      else problems.push(inRow(index, field, `"${entry[field]}" stands in entries[${twin}] already`));
    }
    const other = keptValues.get(valueKey(entry));
    if (other !== undefined)
      problems.push(inRow(index, 'value', `${entry.value} is allowed already, by "${other.name}"`));
    return problems;
  });
}

function tooMany(entries: readonly AllowEntry[]): Problem[] {
  const domains = entries.filter(({ type }) => type === 'domain').length;
  return [
    ...(entries.length > MOST_ENTRIES
      ? [{ path: '', message: `that makes ${entries.length} entries; at most ${MOST_ENTRIES} are kept` }]
      : []),
    ...(domains > MOST_DOMAINS
      ? [{ path: '', message: `that makes ${domains} domains; at most ${MOST_DOMAINS} are kept` }]
      : []),
  ];
}

/** Fields in one order, so that equal entries are equal text. */
const asText = (entry: AllowEntry | undefined): string =>
  entry === undefined ? '' : JSON.stringify(entrySchema.parse(entry));

/** Each pair of entries would be looked at: above this many it would take seconds. */
const MOST_COMPARED = 500;

const notesOnRows = (rows: readonly AllowEntry[], entries: readonly AllowEntry[]): string[] =>
  rows.length * entries.length > MOST_COMPARED ** 2
    ? []
    : rows.flatMap((entry) =>
        notesOn(
          entry,
          entries.filter(({ id }) => id !== entry.id),
        ).map((note) => `${entry.name}: ${note}`),
      );
