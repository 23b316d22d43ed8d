/**
 * The columns that a schema of the policy document makes, and a value of that schema as the cells of a row.
 *
 * A mapping inside a value has a column for each of its keys (`appliesTo.groups`); a list is one cell. What stands in no
 * cell is not given, and has the schema's default. Knows no field by name.
 */
import { z } from 'zod';
import { type CellKind, readCell, writeCell } from './cells.ts';
import type { CsvProblem, CsvRow } from './table.ts';

export interface Column {
  /** As one writes it in YAML: `appliesTo.groups`. */
  readonly name: string;
  readonly path: readonly string[];
  readonly kind: CellKind;
  /** Stands for a mapping by a word, such as `all` for the keys of a scope; columns below it stand for its keys. */
  readonly orMapping: boolean;
}

/** What a row says, before the schema has looked at it. */
export interface FieldsOfRow {
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problems: readonly CsvProblem[];
  /** What stood where the schema finds a mistake; `path` is one inside the value, such as `limits[0]`. */
  readonly locate: (path: string) => Pick<CsvProblem, 'column' | 'found'>;
}

type Schema = z.core.$ZodType;

/** Without defaults, options and transformations round it. */
function bare(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return bare(schema.def.innerType);
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) return bare(schema.def.innerType);
  return schema instanceof z.ZodPipe ? bare(schema.def.in) : schema;
}

export function columnsOf(schema: Schema, path: readonly string[] = []): readonly Column[] {
  const one = (kind: CellKind, orMapping = false): Column => ({ name: path.join('.'), path, kind, orMapping });
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, field]) => columnsOf(field, [...path, key]));
  }
  if (inner instanceof z.ZodUnion) {
    const options = inner.options.map(bare);
    const mappings = options.filter((option) => option instanceof z.ZodObject);
    const [mapping] = mappings;
    const rest = options.filter((option) => !(option instanceof z.ZodObject));
    if (mapping !== undefined && mappings.length === 1 && rest.every((option) => scalarOf(option) === 'text')) {
      return [one('text', true), ...columnsOf(mapping, path)];
    }
  }
  if (inner instanceof z.ZodArray) {
    const item = scalarOf(inner.element);
    return [one(item === 'text' ? 'texts' : item === 'number' ? 'numbers' : 'json')];
  }
  return [one(scalarOf(inner) ?? 'json')];
}

function scalarOf(schema: Schema): 'text' | 'number' | 'boolean' | undefined {
  const inner = bare(schema);
  if (inner instanceof z.ZodString || inner instanceof z.ZodStringFormat || inner instanceof z.ZodEnum) return 'text';
  if (inner instanceof z.ZodLiteral) {
    return [...inner.values].every((value) => typeof value === 'string') ? 'text' : undefined;
  }
  if (inner instanceof z.ZodNumber) return 'number';
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (!(inner instanceof z.ZodUnion)) return undefined;
  // Text or a number: a document keeps such fields as text (2001 is an extension).
  const kinds = new Set(inner.options.map(scalarOf));
  return kinds.has('text') && [...kinds].every((kind) => kind === 'text' || kind === 'number') ? 'text' : undefined;
}

/** One cell for each column; undefined where a cell cannot hold what stands there. */
export const writeFields = (columns: readonly Column[], value: object): readonly (string | undefined)[] =>
  columns.map(({ path, kind, orMapping }) => {
    const field = valueAt(value, path);
    return writeCell(kind, orMapping && isObject(field) ? undefined : field);
  });

/** Undefined also where the path goes through a word that stands in place of a mapping. */
const valueAt = (value: object, path: readonly string[]): unknown =>
  path.reduce<unknown>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), value);

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

export function readFields(columns: readonly Column[], row: CsvRow): FieldsOfRow {
  const fields: Record<string, unknown> = {};
  const problems: CsvProblem[] = [];
  const items = new Map<string, readonly string[]>();
  for (const { name, path, kind } of columns) {
    const cell = row.cells.get(name);
    if (cell === undefined || (kind !== 'text' && cell.trim() === '')) continue;
    const tell = (message: string): void => void problems.push({ line: row.line, column: name, found: cell, message });
    const read = readCell(kind, cell);
    if ('problem' in read) {
      tell(read.problem);
      continue;
    }
    if (read.items !== undefined) items.set(name, read.items);
    const word = place(fields, path, read.value);
    if (word !== undefined) tell(`cannot stand beside "${word.text}" in ${word.column}; leave one of the two empty`);
  }
  return { line: row.line, fields, problems, locate: (path) => locate(columns, row, items, path) };
}

/** Sets a field and makes the mappings above it. @returns the word that stands in place of one of those, if there is one */
function place(
  fields: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): { readonly column: string; readonly text: string } | undefined {
  let at = fields;
  for (const [depth, key] of path.slice(0, -1).entries()) {
    const next = at[key] ?? {};
    if (!isObject(next)) return { column: path.slice(0, depth + 1).join('.'), text: String(next) };
    at[key] = next;
    at = next;
  }
  at[path.at(-1) ?? ''] = value;
  return undefined;
}

function locate(
  columns: readonly Column[],
  row: CsvRow,
  items: ReadonlyMap<string, readonly string[]>,
  path: string,
): Pick<CsvProblem, 'column' | 'found'> {
  // The longest fits best: appliesTo.groups before appliesTo.
  const [name = path] = columns
    .map((column) => column.name)
    .filter((each) => path === each || path.startsWith(`${each}[`) || path.startsWith(`${each}.`))
    .sort((one, other) => other.length - one.length);
  const index = /^\[(\d+)\]$/.exec(path.slice(name.length))?.[1];
  const item = index === undefined ? undefined : items.get(name)?.[Number(index)];
  return { column: name, found: item ?? row.cells.get(name) };
}
