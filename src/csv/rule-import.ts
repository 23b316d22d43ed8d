/**
 * What a CSV file makes of a policy: which form the file has, which rules it adds, replaces and removes, and every
 * mistake of it with its line. All or nothing; writes nothing itself.
 *
 * A row is a whole rule, as in the policy document: what it does not give has its default. It stands for the rule of its
 * id, or, where the file gives none, of its name; so the same file imported twice changes nothing the second time.
 */
import { type PolicyDocument, type RuleDocument, readPolicyDocument } from '../policy/document.ts';
import { nearestWord } from '../policy/nearest-word.ts';
import { didYouMean, formatProblem, type Problem } from '../policy/problem.ts';
import type { FieldsOfRow } from './columns.ts';
import { differingFields, RULE_COLUMNS, readRuleRow } from './rule-csv.ts';
import { ruleIdOf } from './rule-id.ts';
import { type CsvProblem, type CsvTable, readTable } from './table.ts';
import { nameOf, readYeastarRow, YEASTAR_COLUMNS } from './yeastar-csv.ts';

export type CsvForm = 'wide' | 'yeastar';

export interface RuleImport {
  readonly form: CsvForm;
  /** The whole policy as it becomes. */
  readonly document: PolicyDocument;
  /** Ids, in the order of the file. */
  readonly added: readonly string[];
  readonly replaced: readonly string[];
  /** In the file and in the policy alike. */
  readonly unchanged: readonly string[];
  /** Ids of rules that are not in the file, and that were asked to go. */
  readonly removed: readonly string[];
}

export type PlannedImport = RuleImport | { readonly problems: readonly CsvProblem[] };

interface IdentifiedRow {
  readonly row: FieldsOfRow;
  readonly id: string;
}

/**
 * Reads a file and puts its rules into a policy. Never throws, whatever the file holds.
 *
 * @param options.replace the rules of the file are all the rules there are; otherwise the others stay as they are
 */
export function planImport(
  document: PolicyDocument,
  file: Uint8Array,
  options: { readonly replace: boolean },
): PlannedImport {
  const table = readTable(file);
  if (table.columns.length === 0) return { problems: table.problems };
  const form = formOf(table);
  const problems = [...problemsOfHeader(table, form), ...table.problems];
  // Without these columns every row would have the same problem once more.
  if (!hasNeededColumns(table, form)) return { problems };
  const rows = table.rows.map(form === 'yeastar' ? readYeastarRow : readRuleRow);
  if (rows.length === 0 && problems.length === 0) return nothingIn(document, form, options.replace);
  problems.push(...rows.flatMap((row) => row.problems));
  const identified = identify(rows, document.rules, form, problems);
  const kept = options.replace ? [] : document.rules;
  const merged = merge(kept, identified);
  const read = readPolicyDocument({ ...document, rules: merged.map(({ rule }) => rule) });
  if ('problems' in read) {
    const mistakes = read.problems.map((problem) => placed(problem, merged));
    // A cell that could not be read has been reported; what its absence then breaks says no more.
    const reported = new Set(problems.map(({ line, column }) => `${line} ${column}`));
    problems.push(...mistakes.filter(({ line, column }) => line === undefined || !reported.has(`${line} ${column}`)));
  }
  if (problems.length > 0 || 'problems' in read) {
    return { problems: [...problems].sort((one, other) => (one.line ?? 0) - (other.line ?? 0)) };
  }
  return { form, document: read.document, ...compare(document.rules, read.document.rules, identified) };
}

const NARROW_COLUMNS: readonly string[] = Object.values(YEASTAR_COLUMNS);

/** `Restrictions`, however it is spelt, is a column of the narrow form alone. */
const formOf = ({ columns }: CsvTable): CsvForm =>
  columns.some(
    (name) => nearestWord(name, [...RULE_COLUMNS, YEASTAR_COLUMNS.restrictions]) === YEASTAR_COLUMNS.restrictions,
  )
    ? 'yeastar'
    : 'wide';

const hasNeededColumns = ({ columns }: CsvTable, form: CsvForm): boolean =>
  form === 'yeastar'
    ? NARROW_COLUMNS.every((name) => columns.includes(name))
    : columns.includes('id') || columns.includes('name');

function problemsOfHeader(table: CsvTable, form: CsvForm): CsvProblem[] {
  const { columns, headerLine: line } = table;
  const known = form === 'yeastar' ? NARROW_COLUMNS : RULE_COLUMNS;
  const unknown = columns.filter((name) => !known.includes(name));
  const problems = unknown.map(
    (column): CsvProblem => ({
      line,
      column,
      found: undefined,
      message: `unknown column; ${didYouMean(column, known)}`,
    }),
  );
  if (problems.length > 0 || hasNeededColumns(table, form)) return problems;
  const message =
    form === 'yeastar'
      ? `a column is missing; this form has the columns ${NARROW_COLUMNS.join(' and ')}`
      : 'a column is missing; expected id, or name to make ids from';
  return [{ line, column: undefined, found: undefined, message }];
}

/** Emptying a policy lets every call pass, and an empty file is rarely meant to. */
function nothingIn(document: PolicyDocument, form: CsvForm, replace: boolean): PlannedImport {
  if (!replace || document.rules.length === 0) {
    return { form, document, added: [], replaced: [], unchanged: [], removed: [] };
  }
  const message =
    'has no rules; replacing all rules by none would let every call pass. To do that, use tollgate policy apply';
  return { problems: [{ line: undefined, column: undefined, found: undefined, message }] };
}

const NAMELESS: Readonly<Record<CsvForm, string>> = {
  wide: 'is empty, and so is id; a rule needs an id, or a name to make one from',
  yeastar: 'is empty; every restriction needs a name of its own',
};

/** Finds the rule that each row stands for, or the id that it gets; rows that stand for the same one are problems. */
function identify(
  rows: readonly FieldsOfRow[],
  rules: readonly RuleDocument[],
  form: CsvForm,
  problems: CsvProblem[],
): IdentifiedRow[] {
  const taken = new Set(rules.map(({ id }) => id));
  for (const { fields } of rows) if (typeof fields['id'] === 'string') taken.add(fields['id']);
  const lineOfId = new Map<string, number>();
  const lineOfName = new Map<string, number>();
  const byName = new Map<string, RuleDocument[]>();
  for (const rule of rules) byName.set(nameOf(rule), [...(byName.get(nameOf(rule)) ?? []), rule]);
  return rows.map((row): IdentifiedRow => {
    const { line, fields } = row;
    const given = typeof fields['id'] === 'string' ? fields['id'] : undefined;
    const name = typeof fields['name'] === 'string' ? fields['name'] : '';
    const tell = (message: string): IdentifiedRow => {
      const { column, found } = row.locate(given === undefined ? 'name' : 'id');
      problems.push({ line, column, found, message });
      // Its other fields are looked at all the same, under an id that nobody has.
      const id = ruleIdOf(`unidentified ${line}`, (each) => taken.has(each));
      taken.add(id);
      return { row, id };
    };
    if (given === undefined) {
      if (name.trim() === '') return tell(NAMELESS[form]);
      const sameName = lineOfName.get(name);
      if (sameName !== undefined) return tell(`stands in line ${sameName} already; names must differ`);
      lineOfName.set(name, line);
    }
    const found = given === undefined ? ruleCalled(name, byName.get(name) ?? []) : given;
    if (typeof found === 'object') return tell(found.problem);
    const id = found ?? ruleIdOf(name, (each) => taken.has(each));
    const sameId = lineOfId.get(id);
    if (sameId !== undefined)
      return tell(`is rule ${id}, which stands in line ${sameId} already; a rule can stand there once`);
    taken.add(id);
    lineOfId.set(id, line);
    return { row, id };
  });
}

function ruleCalled(name: string, rules: readonly RuleDocument[]): string | undefined | { readonly problem: string } {
  const [only, ...others] = rules;
  if (only === undefined || others.length === 0) return only?.id;
  const usual = rules.find(({ id }) => id === ruleIdOf(name, () => false));
  if (usual !== undefined) return usual.id;
  const ids = rules.map(({ id }) => id).join(' and ');
  return { problem: `is the name of rules ${ids}; rename all but one, or use the wide form with its column id` };
}

interface MergedRule {
  readonly rule: unknown;
  /** Absent for a rule that the file does not touch. */
  readonly from?: FieldsOfRow;
}

/** A rule that is replaced stays at its place; new ones follow in the order of the file. */
function merge(kept: readonly RuleDocument[], identified: readonly IdentifiedRow[]): MergedRule[] {
  const incoming = new Map(identified.map(({ row, id }) => [id, { rule: { ...row.fields, id }, from: row }] as const));
  const stay = kept.map((rule): MergedRule => incoming.get(rule.id) ?? { rule });
  const known = new Set(kept.map(({ id }) => id));
  return [...stay, ...[...incoming].flatMap(([id, rule]) => (known.has(id) ? [] : [rule]))];
}

/** A mistake of the document, told as one of the file. */
function placed(problem: Problem, merged: readonly MergedRule[]): CsvProblem {
  const [, index, rest = ''] = /^rules\[(\d+)\]\.?(.*)$/.exec(problem.path) ?? [];
  const row = index === undefined ? undefined : merged[Number(index)]?.from;
  if (row === undefined) {
    const tooMany = `brings the policy to ${merged.length} rules; its list ${problem.message}`;
    if (problem.path === 'rules') return { line: undefined, column: undefined, found: undefined, message: tooMany };
    return { line: undefined, column: undefined, found: undefined, message: formatProblem(problem) };
  }
  return { line: row.line, ...row.locate(rest), message: problem.message };
}

function compare(
  before: readonly RuleDocument[],
  after: readonly RuleDocument[],
  identified: readonly IdentifiedRow[],
): Pick<RuleImport, 'added' | 'replaced' | 'unchanged' | 'removed'> {
  const was = new Map(before.map((rule) => [rule.id, rule]));
  const becomes = new Map(after.map((rule) => [rule.id, rule]));
  const ids = identified.map(({ id }) => id);
  const isSame = (id: string): boolean => {
    const [old, fresh] = [was.get(id), becomes.get(id)];
    return old !== undefined && fresh !== undefined && differingFields(old, fresh).length === 0;
  };
  return {
    added: ids.filter((id) => !was.has(id)),
    replaced: ids.filter((id) => was.has(id) && !isSame(id)),
    unchanged: ids.filter(isSame),
    removed: before.flatMap(({ id }) => (becomes.has(id) ? [] : [id])),
  };
}
