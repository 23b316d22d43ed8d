/**
 * The wide form: one column for every field that a rule of a policy document has, so that nothing is lost.
 *
 * The columns are read off the schema of rules; a new field is a new column by itself. Guarantees: a rule that is written
 * is read as the same rule, or it is not written, and the refusal says which field could not be kept.
 */
import { isDeepStrictEqual } from 'node:util';
import { type RuleDocument, ruleSchema } from '../policy/document.ts';
import { columnsOf, type FieldsOfRow, readFields, writeFields } from './columns.ts';
import { type CsvRow, writeTable } from './table.ts';

export type WrittenRules =
  | { readonly csv: string }
  /** One sentence for each rule that the form cannot hold. */
  | { readonly refused: readonly [string, ...(readonly string[])] };

const COLUMNS = columnsOf(ruleSchema);
export const RULE_COLUMNS: readonly string[] = COLUMNS.map(({ name }) => name);

/** Reads one row of the wide form; the fields are those of a rule as a person would write it. */
export const readRuleRow = (row: CsvRow): FieldsOfRow => readFields(COLUMNS, row);

/** Writes rules as one table with all columns, in the order of the rules. */
export function writeRules(rules: readonly RuleDocument[]): WrittenRules {
  const rows = rules.map((rule) => ({ rule, cells: writeFields(COLUMNS, rule) }));
  const [first, ...rest] = rows.flatMap(({ rule, cells }) => {
    const unkept = unkeptFields(rule, cells).join(', ');
    return unkept === '' ? [] : [`rule ${rule.id}: a CSV file cannot keep ${unkept}; use tollgate policy show`];
  });
  if (first !== undefined) return { refused: [first, ...rest] };
  return { csv: writeTable([RULE_COLUMNS, ...rows.map(({ cells }) => cells.map((cell) => cell ?? ''))]) };
}

/** Reads the row back: a rule may have fields that this version does not know, and values that no cell can hold. */
function unkeptFields(rule: RuleDocument, cells: readonly (string | undefined)[]): readonly string[] {
  const unwritten = RULE_COLUMNS.filter((_, at) => cells[at] === undefined);
  if (unwritten.length > 0) return unwritten;
  const held = RULE_COLUMNS.map((name, at) => [name, cells[at] ?? ''] as const).filter(([, cell]) => cell !== '');
  const back = readRuleRow({ line: 0, cells: new Map(held) }).fields;
  return differingFields(withDefaults(rule), withDefaults(back));
}

/** A rule with everything that it leaves out; as it is, if it is none that this version knows. */
export const withDefaults = (rule: object): object => ruleSchema.safeParse(rule).data ?? rule;

/** Top-level fields in which two rules differ, as JSON has them: absent and undefined are the same. */
export function differingFields(one: object, other: object): string[] {
  const [ours, theirs] = [asJson(one), asJson(other)];
  const fields = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...fields].filter((field) => !isDeepStrictEqual(ours[field], theirs[field]));
}

const asJson = (value: object): Readonly<Record<string, unknown>> => JSON.parse(JSON.stringify(value));
