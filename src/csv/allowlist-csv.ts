/**
 * The allowlist as a table, written and read: name, type, value, mask, description, owner, exempt.
 *
 * Knows columns and cells. Whether a value is an address, and whether it may stand beside the others, is for the
 * allowlist itself to say; every row keeps its line, so that it can be said of the line.
 */
import type { AllowEntry } from '../policy/allowlist.ts';
import { didYouMean } from '../policy/problem.ts';
import { type CsvProblem, type CsvRow, guard, readTable, unguard, writeTable } from './table.ts';

export const ALLOW_COLUMNS = ['name', 'type', 'value', 'mask', 'description', 'owner', 'exempt'] as const;
type Column = (typeof ALLOW_COLUMNS)[number];

/** An entry as the API takes it; fields that the row does not give are absent. */
export interface AllowRow {
  readonly line: number;
  readonly fields: Readonly<Record<string, string | boolean>>;
}

export type ReadAllowFile = { readonly rows: readonly AllowRow[] } | { readonly problems: readonly CsvProblem[] };

/** Column of a field of an entry, for problems that come back with the field. */
export const columnOf = (field: string): string => (field === 'exemptFromCallLimits' ? 'exempt' : field);

/** Never throws, whatever the file holds. */
export function readAllowFile(file: Uint8Array): ReadAllowFile {
  const table = readTable(file);
  if (table.columns.length === 0) return { problems: table.problems };
  const names = table.columns.map((name) => [name, columnNamed(name)] as const);
  const header = { line: table.headerLine, found: undefined };
  const unknown = names.flatMap(([name, column]) =>
    column === undefined
      ? [{ ...header, column: name, message: `is no column of the allowlist; ${didYouMean(name, ALLOW_COLUMNS)}` }]
      : [],
  );
  const missing = (['name', 'value'] as const).flatMap((needed) =>
    names.some(([, column]) => column === needed)
      ? []
      : [{ ...header, column: needed, message: 'is missing in the header' }],
  );
  const rows = table.rows.map((row) => readRow(row, names));
  const problems = [...unknown, ...missing, ...table.problems, ...rows.flatMap((row) => row.problems)];
  return problems.length > 0 ? { problems } : { rows: rows.map(({ line, fields }) => ({ line, fields })) };
}

const columnNamed = (name: string): Column | undefined =>
  ALLOW_COLUMNS.find((column) => column === name.trim().toLowerCase());

function readRow(
  row: CsvRow,
  names: readonly (readonly [string, Column | undefined])[],
): AllowRow & { readonly problems: readonly CsvProblem[] } {
  const fields: Record<string, string | boolean> = {};
  const problems: CsvProblem[] = [];
  for (const [name, column] of names) {
    const cell = row.cells.get(name);
    if (cell === undefined || column === undefined) continue;
    const text = unguard(cell).trim();
    if (column !== 'exempt') fields[column] = column === 'type' ? text.toLowerCase() : text;
    else {
      const exempt = YES_NO.get(text.toLowerCase());
      if (exempt === undefined)
        problems.push({ line: row.line, column: name, found: text, message: 'is neither yes nor no' });
      else fields['exemptFromCallLimits'] = exempt;
    }
  }
  return { line: row.line, fields, problems };
}

const YES_NO: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['true', true],
  ['on', true],
  ['1', true],
  ['no', false],
  ['false', false],
  ['off', false],
  ['0', false],
]);

export const writeAllowFile = (entries: readonly (AllowEntry & { readonly mask: string })[]): string =>
  writeTable([
    ALLOW_COLUMNS,
    ...entries.map((entry) => [
      guard(entry.name),
      entry.type,
      guard(entry.value),
      entry.mask,
      entry.description === '' ? '' : guard(entry.description),
      entry.owner === '' ? '' : guard(entry.owner),
      entry.exemptFromCallLimits ? 'yes' : 'no',
    ]),
  ]);
