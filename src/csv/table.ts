/**
 * CSV text as rows of named cells, and back. Knows RFC 4180 and what spreadsheets make of it, and nothing of rules.
 *
 * Guarantees: a cell that is written is read back as it was, whatever it holds; no cell that is written begins with a
 * character that a spreadsheet takes for a formula; every row that is read has the line at which it begins. A file that
 * is broken as a whole is one problem with its line; rows that are broken are one problem each, and the others are read.
 */
import { CsvError, parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

/** Something wrong with a file, said so that it can be mended. */
export interface CsvProblem {
  /** The header is line 1; undefined: the file as a whole. */
  readonly line: number | undefined;
  /** Name of the column; undefined: the line as a whole. */
  readonly column: string | undefined;
  /** What stood in the cell, or in the part of it that is wrong; undefined where nothing did. */
  readonly found: string | undefined;
  /** What is wrong with it and what is expected. */
  readonly message: string;
}

export interface CsvRow {
  readonly line: number;
  /** By name of the column; an empty cell is absent. */
  readonly cells: ReadonlyMap<string, string>;
}

export interface CsvTable {
  readonly headerLine: number;
  /** None: nothing of the file could be read. */
  readonly columns: readonly string[];
  /** Without empty lines, and without those that have a problem. */
  readonly rows: readonly CsvRow[];
  readonly problems: readonly CsvProblem[];
}

/** As much as a policy may be (LARGEST_BODY_BYTES of the API). */
export const LARGEST_FILE_BYTES = 8 * 1024 * 1024;
export const MOST_ROWS = 10_000;

/**
 * Reads a file: UTF-8 with or without a byte order mark, lines ending in CRLF, LF or CR, cells separated by comma,
 * semicolon or tab, whichever the header has most of.
 */
export function readTable(file: Uint8Array): CsvTable {
  const text = decode(file);
  if (typeof text !== 'string') return brokenTable(text.problem);
  const records: CsvRecord[] = [];
  try {
    parse(text, {
      delimiter: separatorOf(text),
      record_delimiter: '\n',
      relax_column_count: true,
      skip_empty_lines: true,
      on_record: (cells: string[], { lines }) => {
        const breaks = cells.reduce((count, cell) => count + cell.split('\n').length - 1, 0);
        records.push({ cells, line: lines - breaks, end: lines });
        return null;
      },
    });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    return brokenTable(describeSyntax(error), (records.at(-1)?.end ?? 0) + 1);
  }
  const [header, ...rows] = records;
  if (header === undefined) return brokenTable('is empty; the first line must name the columns');
  if (rows.length > MOST_ROWS) return brokenTable(`has ${rows.length} rows; at most ${MOST_ROWS} are read`);
  return tableOf(header, rows);
}

interface CsvRecord {
  readonly cells: readonly string[];
  /** At which it begins and ends. */
  readonly line: number;
  readonly end: number;
}

const brokenTable = (message: string, line?: number): CsvTable =>
  broken({ line, column: undefined, found: undefined, message });

const broken = (...problems: readonly CsvProblem[]): CsvTable => ({ headerLine: 1, columns: [], rows: [], problems });

function decode(file: Uint8Array): string | { readonly problem: string } {
  if (file.length > LARGEST_FILE_BYTES) return { problem: `is larger than ${LARGEST_FILE_BYTES / 1024 ** 2} MiB` };
  const [first, second] = file;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return { problem: 'is UTF-16; save it as UTF-8' };
  }
  try {
    // Drops a byte order mark by itself.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(file);
    // One kind of line end: csv-parse counts CRLF inside quotes as two lines.
    return text.replaceAll(/\r\n?/g, '\n');
  } catch {
    return { problem: `is not UTF-8${lineOfFirstBadByte(file)}; save it as UTF-8` };
  }
}

function lineOfFirstBadByte(file: Uint8Array): string {
  const lines = Buffer.from(file).toString('latin1').split('\n');
  const bad = lines.findIndex((line) => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(line, 'latin1'));
      return false;
    } catch {
      return true;
    }
  });
  return bad < 0 ? '' : ` (line ${bad + 1})`;
}

const SEPARATORS = [',', ';', '\t'] as const;

/** Only the header is looked at: names of rules may hold any of them. */
function separatorOf(text: string): string {
  const header = (/^\n*(.*)/.exec(text)?.[1] ?? '').replaceAll(/"[^"]*"/g, '');
  const [best] = SEPARATORS.map((separator) => ({ separator, count: header.split(separator).length })).sort(
    (one, other) => other.count - one.count,
  );
  return best?.separator ?? ',';
}

/** The library's own sentences name bytes and options; these name what to do. */
function describeSyntax(error: CsvError): string {
  switch (error.code) {
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quoted cell begins here and never ends; a " inside a quoted cell is written ""';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'after the " that ends a quoted cell stands more text; a " inside a quoted cell is written ""';
    case 'INVALID_OPENING_QUOTE':
      return 'a " stands inside a cell that does not begin with one; put the whole cell in quotes and write "" for "';
    default:
      return `is not CSV: ${error.message}`;
  }
}

function tableOf(header: CsvRecord, records: readonly CsvRecord[]): CsvTable {
  const columns = header.cells.map((name) => name.trim());
  const named = columns.filter((name) => name !== '');
  if (named.length === 0) return brokenTable('names no column; the first line must name the columns', header.line);
  const twice = [...new Set(named.filter((each, at) => named.indexOf(each) !== at))];
  if (twice.length > 0) {
    const message = 'stands twice in the header; keep one';
    return broken(...twice.map((column) => ({ line: header.line, column, found: undefined, message })));
  }
  const problems: CsvProblem[] = [];
  const rows = records.flatMap(({ cells, line }): CsvRow[] => {
    if (cells.every((cell) => cell.trim() === '')) return [];
    const wrong = problemsOfRow(columns, cells, line);
    problems.push(...wrong);
    if (wrong.length > 0) return [];
    return [{ line, cells: new Map(columns.flatMap((name, at) => namedCell(name, cells[at] ?? ''))) }];
  });
  return { headerLine: header.line, columns: named, rows, problems };
}

const namedCell = (name: string, cell: string): [string, string][] =>
  name === '' || cell === '' ? [] : [[name, cell]];

function problemsOfRow(columns: readonly string[], cells: readonly string[], line: number): CsvProblem[] {
  if (cells.length !== columns.length) {
    const [has, wants] = [plural(cells.length, 'cell'), plural(columns.length, 'column')];
    const hint = cells.length > columns.length ? '; a cell that holds a separator must stand in quotes' : '';
    return [{ line, column: undefined, found: undefined, message: `has ${has}, and the header has ${wants}${hint}` }];
  }
  return cells.flatMap((cell, at): CsvProblem[] => {
    const column = columns[at] ?? '';
    if (column === '' && cell.trim() !== '') {
      return [
        {
          line,
          column: undefined,
          found: cell,
          message: `stands in column ${at + 1}, which has no name in the header`,
        },
      ];
    }
    const [control] = /\p{Cc}/u.exec(cell) ?? [];
    if (control === undefined) return [];
    const what = control === '\n' ? 'a line break' : `the control character ${codePoint(control)}`;
    return [{ line, column, found: cell, message: `holds ${what}; take it out` }];
  });
}

export const plural = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

const codePoint = (character: string): string =>
  `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/**
 * Writes a file: UTF-8 without a byte order mark, comma, LF. Cells are written as {@link guard} gives them; a cell that
 * holds any separator is quoted, so that a spreadsheet set to another one does not cut it.
 */
export const writeTable = (rows: readonly (readonly string[])[]): string =>
  stringify(
    rows.map((row) => [...row]),
    { record_delimiter: 'unix', quoted_match: /[;\t]/ },
  );

/**
 * What spreadsheets take for the beginning of a formula: OWASP, "CSV Injection", with the full-width forms that some
 * locales read as the same.
 */
const FORMULA = '=+\\-@\\t\\r\uFF1D\uFF0B\uFF0D\uFF20';
const NEEDS_GUARD = new RegExp(`^'*(?:[${FORMULA}]|$)`, 'u');
const GUARDED = new RegExp(`^'+(?:[${FORMULA}]|$)`, 'u');

/**
 * Puts a ' before text that a spreadsheet would calculate, and before text that looks guarded already, which is what
 * makes {@link unguard} exact. The empty text becomes a single ', since an empty cell stands for no text at all.
 */
export const guard = (text: string): string => (NEEDS_GUARD.test(text) ? `'${text}` : text);

/** Undoes {@link guard}; text that needs no guard is left as it is. */
export const unguard = (cell: string): string => (GUARDED.test(cell) ? cell.slice(1) : cell);

const LONGEST_SHOWN = 60;

/** `Name: "x" is …`, behind the name of the file and the line. */
export function formatCsvProblem(file: string, problem: CsvProblem): string {
  const { line, column, found, message } = problem;
  const place = [
    line === undefined ? file : `${file}:${line}`,
    ...(column === undefined ? [] : [printable(column)]),
  ].join(': ');
  const goesOn = /^(?:is|has|holds|stands|names|cannot|must|brings|would) /.test(message);
  const link = line === undefined && column === undefined && goesOn ? ' ' : ': ';
  if (found === undefined || message.includes(JSON.stringify(found))) return `${place}${link}${message}`;
  const shown = found.length > LONGEST_SHOWN ? `${found.slice(0, LONGEST_SHOWN)}…` : found;
  return `${place}${link}"${printable(shown)}"${goesOn ? ' ' : ': '}${message}`;
}

const printable = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cs}]/gu, '?');
