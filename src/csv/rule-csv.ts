/**
 * The wide form: one column for every field that a rule of a policy document has, so that nothing is lost.
 *
 * The columns are read off the schema of rules; a new field is a new column by itself. Guarantees: a rule that is written
 * is read as the same rule, or it is not written, and the refusal says which field could not be kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { type RuleDocument, ruleSchema } from '../policy/document.ts';
import { type CellKind, readCell, writeCell } from './cells.ts';
import { type CsvProblem, type CsvRow, writeTable } from './table.ts';

export interface RuleColumn {
  /** As one writes it in YAML: `appliesTo.groups`. */
  readonly name: string;
  readonly path: readonly string[];
  readonly kind: CellKind;
}

/** A rule as a file has it, before the policy has looked at it. */
export interface RuleRow {
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly problems: readonly CsvProblem[];
  /** What stood where the schema finds a mistake; `path` is that of the rule, such as `limits[0]`. */
  readonly locate: (path: string) => Pick<CsvProblem, 'column' | 'found'>;
}

export type WrittenRules =
  | { readonly csv: string }
  /** One sentence for each rule that the form cannot hold. */
  | { readonly refused: readonly [string, ...(readonly string[])] };

type Schema = z.core.$ZodType;

/** Without defaults, options and transformations round it. */
function bare(schema: Schema): Schema {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return bare(schema.def.innerType);
  }
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodReadonly) return bare(schema.def.innerType);
  return schema instanceof z.ZodPipe ? bare(schema.def.in) : schema;
}

/** The columns of any schema; exported for fields that no rule has yet. */
export function columnsOf(schema: Schema, path: readonly string[] = []): readonly RuleColumn[] {
  const one = (kind: CellKind): RuleColumn => ({ name: path.join('.'), path, kind });
  const inner = bare(schema);
  if (inner instanceof z.ZodObject) {
    return Object.entries(inner.shape).flatMap(([key, field]) => columnsOf(field, [...path, key]));
  }
  if (inner instanceof z.ZodUnion) {
    const options = inner.options.map(bare);
    const [mapping, ...others] = [
      ...options.filter((option) => option instanceof z.ZodObject),
      ...options.filter((option) => !(option instanceof z.ZodObject)),
    ];
    // A word or a mapping, such as `all` or the keys of a scope: a column for the word, and those of the mapping.
    if (mapping instanceof z.ZodObject && others.every((option) => scalarOf(option) === 'text')) {
      return [one('text'), ...columnsOf(mapping, path)];
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
  if (inner instanceof z.ZodLiteral)
    return [...inner.values].every((value) => typeof value === 'string') ? 'text' : undefined;
  if (inner instanceof z.ZodNumber) return 'number';
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (!(inner instanceof z.ZodUnion)) return undefined;
  // Text or a number: a document keeps such fields as text (2001 is an extension).
  const kinds = new Set(inner.options.map(scalarOf));
  return kinds.has('text') && [...kinds].every((kind) => kind === 'text' || kind === 'number') ? 'text' : undefined;
}

export const RULE_COLUMNS: readonly RuleColumn[] = columnsOf(ruleSchema);

/** Writes rules as one table with all columns, in the order of the rules. */
export function writeRules(rules: readonly RuleDocument[]): WrittenRules {
  const refused: string[] = [];
  const rows = rules.map((rule) => {
    const cells = RULE_COLUMNS.map(({ path, kind }) => writeCell(kind, valueAt(rule, path)));
    const unkept = unkeptFields(rule, cells);
    if (unkept.length > 0) {
      refused.push(`rule ${rule.id}: ${unkept.join(', ')} cannot be kept in a CSV file; use tollgate policy show`);
    }
    return cells.map((cell) => cell ?? '');
  });
  const [first, ...rest] = refused;
  if (first !== undefined) return { refused: [first, ...rest] };
  return { csv: writeTable([RULE_COLUMNS.map(({ name }) => name), ...rows]) };
}

/** Reads the row back, for the sake of fields that this version does not know and values that no cell can hold. */
function unkeptFields(rule: RuleDocument, cells: readonly (string | undefined)[]): string[] {
  const held = new Map(
    RULE_COLUMNS.map(({ name }, at) => [name, cells[at] ?? ''] as const).filter(([, cell]) => cell !== ''),
  );
  const back = ruleSchema.safeParse(readRuleRow({ line: 0, cells: held }).fields).data ?? {};
  const unwritten = RULE_COLUMNS.flatMap(({ path }, at) => (cells[at] === undefined ? path.slice(0, 1) : []));
  return differingFields(rule, back).filter(
    (field) => field !== 'id' || unwritten.length === 0 || unwritten.includes(field),
  );
}

/** Top-level fields in which two rules differ, as JSON has them: absent and undefined are the same. */
export function differingFields(one: object, other: object): string[] {
  const [ours, theirs] = [asJson(one), asJson(other)];
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].filter(
    (field) => !isDeepStrictEqual(ours[field], theirs[field]),
  );
}

const asJson = (value: object): Readonly<Record<string, unknown>> => JSON.parse(JSON.stringify(value));

/** Undefined also where the path goes through a word that stands in place of a mapping. */
function valueAt(rule: object, path: readonly string[]): unknown {
  let value: unknown = rule;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  const hasColumnsBelow = typeof value === 'object' && value !== null && !Array.isArray(value) && isMapping(path);
  return hasColumnsBelow ? undefined : value;
}

const isMapping = (path: readonly string[]): boolean =>
  RULE_COLUMNS.some((column) => column.path.length > path.length && path.every((key, at) => column.path[at] === key));

/** Reads one row of the wide form. A column that the row leaves empty is a field that is not given. */
export function readRuleRow(row: CsvRow): RuleRow {
  const fields: Record<string, unknown> = {};
  const problems: CsvProblem[] = [];
  const items = new Map<string, readonly string[]>();
  for (const { name, path, kind } of RULE_COLUMNS) {
    const cell = row.cells.get(name);
    if (cell === undefined || (kind !== 'text' && cell.trim() === '')) continue;
    const read = readCell(kind, cell);
    if ('problem' in read) {
      problems.push({ line: row.line, column: name, found: cell, message: read.problem });
      continue;
    }
    if (read.items !== undefined) items.set(name, read.items);
    const above = place(fields, path, read.value);
    if (above !== undefined) {
      const message = `cannot stand beside "${above.word}" in ${above.column}; leave one of the two empty`;
      problems.push({ line: row.line, column: name, found: cell, message });
    }
  }
  return { line: row.line, fields, problems, locate: (path) => locate(row, items, path) };
}

/** Sets a field, making the mappings above it. @returns the word that stands in place of such a mapping, if one does */
function place(
  fields: Record<string, unknown>,
  path: readonly string[],
  value: unknown,
): { readonly column: string; readonly word: string } | undefined {
  let at = fields;
  for (const [depth, key] of path.slice(0, -1).entries()) {
    const next = (at[key] ??= {});
    if (typeof next === 'string') return { column: path.slice(0, depth + 1).join('.'), word: next };
    at = next as Record<string, unknown>; // made by this function
  }
  at[path.at(-1) ?? ''] = value;
  return undefined;
}

function locate(
  row: CsvRow,
  items: ReadonlyMap<string, readonly string[]>,
  path: string,
): Pick<CsvProblem, 'column' | 'found'> {
  // The longest fits best: appliesTo.groups before appliesTo.
  const [name = path] = RULE_COLUMNS.map((column) => column.name)
    .filter((each) => path === each || path.startsWith(`${each}[`) || path.startsWith(`${each}.`))
    .sort((one, other) => other.length - one.length);
  const index = /^\[(\d+)\]$/.exec(path.slice(name.length))?.[1];
  const item = index === undefined ? undefined : items.get(name)?.[Number(index)];
  return { column: name, found: item ?? row.cells.get(name) };
}
