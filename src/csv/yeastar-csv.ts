/**
 * The narrow form: the two columns that Yeastar P-Series PBXs export and import under "Outbound Call Frequency
 * Restriction": `Name`, and `Restrictions` such as `200/10/second&3000/1/minute` (calls / number / unit).
 *
 * A row is a rule for all extensions, counted for each of them, that blocks; everything else has its default. Guarantees:
 * what is read is written again as it was but for needless zeros and blanks, and a rule of which the two columns would
 * not tell everything that it does is not written.
 */
import { type RuleDocument, ruleSchema } from '../policy/document.ts';
import { parseLimit } from '../policy/limit.ts';
import type { FieldsOfRow } from './columns.ts';
import { differingFields, type WrittenRules, withDefaults } from './rule-csv.ts';
import { type CsvProblem, type CsvRow, guard, unguard, writeTable } from './table.ts';

export const YEASTAR_COLUMNS = { name: 'Name', restrictions: 'Restrictions' } as const;

const SECONDS = { second: 1, minute: 60 } as const;
type Unit = keyof typeof SECONDS;
const UNITS = Object.keys(SECONDS) as Unit[];
const isUnit = (text: string): text is Unit => Object.hasOwn(SECONDS, text);
const LARGEST_NUMBER = 99_999;
const EXAMPLE = '200/10/second';

/** Reads one row of the narrow form. */
export function readYeastarRow(row: CsvRow): FieldsOfRow {
  const problems: CsvProblem[] = [];
  const tell = (column: string, found: string | undefined, message: string): void =>
    void problems.push({ line: row.line, column, found, message });
  const cell = row.cells.get(YEASTAR_COLUMNS.name);
  const name = unguard(cell ?? '');
  const restrictions = row.cells.get(YEASTAR_COLUMNS.restrictions) ?? '';
  if (restrictions.trim() === '') {
    tell(
      YEASTAR_COLUMNS.restrictions,
      undefined,
      `is empty; expected calls/number/unit such as ${EXAMPLE}, several joined by &`,
    );
  }
  const read = (restrictions.trim() === '' ? [] : restrictions.split('&')).map((text) => ({
    text: text.trim(),
    limit: limitOf(text.trim()),
  }));
  for (const { text, limit } of read) {
    if (typeof limit !== 'string') tell(YEASTAR_COLUMNS.restrictions, text, limit.problem);
  }
  const good = read.flatMap(({ text, limit }) => (typeof limit === 'string' ? [{ text, limit }] : []));
  return {
    line: row.line,
    fields: { name, limits: good.map(({ limit }) => limit) },
    problems,
    locate: (path) => {
      if (!path.startsWith('limits')) return { column: YEASTAR_COLUMNS.name, found: cell };
      const index = /\[(\d+)\]/.exec(path)?.[1];
      return {
        column: YEASTAR_COLUMNS.restrictions,
        found: index === undefined ? restrictions : good[Number(index)]?.text,
      };
    },
  };
}

/** `200/10/second` → `200/10s` */
function limitOf(text: string): string | { readonly problem: string } {
  const [, calls, number, unit = ''] = /^(\d+)\s*\/\s*(\d+)\s*\/\s*([a-z]+)$/i.exec(text) ?? [];
  if (calls === undefined || number === undefined) {
    return { problem: `is not a restriction; expected calls/number/unit such as ${EXAMPLE}, several joined by &` };
  }
  const word = unit.toLowerCase();
  if (!isUnit(word)) return { problem: `"${unit}" is not a unit of this form; expected ${UNITS.join(' or ')}` };
  for (const digits of [calls, number]) {
    if (digits.length > 5)
      return { problem: `${digits} has more than 5 digits; at most ${LARGEST_NUMBER} is possible` };
  }
  if (Number(calls) === 0) return { problem: 'would never let a call pass; at least 1 call must be possible' };
  if (Number(number) === 0) return { problem: `has an empty period; write at least 1 ${word}` };
  return `${Number(calls)}/${Number(number)}${word.charAt(0)}`;
}

/** Writes rules as the two columns, in the order of the rules. */
export function writeYeastar(rules: readonly RuleDocument[]): WrittenRules {
  const refused: string[] = [];
  const lines = new Map<string, string>();
  for (const rule of rules) {
    const name = nameOf(rule);
    const restrictions = rule.limits.map(restrictionOf);
    const lost = [
      ...lostFields(rule),
      ...restrictions.flatMap((each) => (typeof each === 'string' ? [] : [each.problem])),
    ];
    const other = lines.get(name);
    if (other !== undefined)
      lost.push(`name ${JSON.stringify(name)} (rule ${other} has it already; names must differ)`);
    if (name.trim() === '') lost.push('name (it is empty)');
    if (/\p{Cs}/u.test(name)) lost.push('name (it holds half a character)');
    if (lost.length > 0) refused.push(`rule ${rule.id} would lose ${lost.join('; ')}`);
    lines.set(name, rule.id);
  }
  const [first, ...rest] = refused;
  if (first !== undefined) return { refused: [first, ...rest] };
  const rows = rules.map((rule) => [guard(nameOf(rule)), rule.limits.map(restrictionOf).join('&')]);
  return { csv: writeTable([Object.values(YEASTAR_COLUMNS), ...rows]) };
}

/** A rule without a name is called by its id everywhere. */
export const nameOf = (rule: { readonly id: string; readonly name?: string | undefined }): string =>
  rule.name ?? rule.id;

/** Whatever differs from what the row would be read as. The id is not lost: a rule is found by its name again. */
function lostFields(rule: RuleDocument): string[] {
  const read = ruleSchema.parse({ id: rule.id, limits: rule.limits });
  const lost = differingFields(withDefaults({ ...rule, name: undefined }), read).map((field) => {
    const expected = JSON.stringify(fieldOf(read, field));
    const means = expected === undefined ? 'leaves it out' : `means ${expected}`;
    return `${field} ${JSON.stringify(fieldOf(rule, field))} (this form ${means})`;
  });
  return rule.limits.length > 0 ? lost : [...lost, 'limits [] (this form has no rule without limits)'];
}

const fieldOf = (rule: object, field: string): unknown => Object.getOwnPropertyDescriptor(rule, field)?.value;

/** `200/10s` → `200/10/second`. An hour is 60 minutes and a day 1440, which is the same limit. */
function restrictionOf(text: string): string | { readonly problem: string } {
  const limit = parseLimit(text);
  if ('problem' in limit) return { problem: `limit ${limit.problem}` };
  const { count, periodSeconds } = limit;
  const inSeconds = /s\s*$/i.test(text) && periodSeconds <= LARGEST_NUMBER;
  const unit: Unit = inSeconds || periodSeconds % SECONDS.minute !== 0 ? 'second' : 'minute';
  const number = periodSeconds / SECONDS[unit];
  if (count > LARGEST_NUMBER || number > LARGEST_NUMBER) {
    return { problem: `limit ${limit.text} (this form has numbers of at most 5 digits)` };
  }
  return `${count}/${number}/${unit}`;
}
