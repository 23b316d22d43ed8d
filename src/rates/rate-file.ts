/**
 * A rate sheet as carriers send it: a CSV file with a prefix and a price per minute in each row.
 *
 * Guarantees: a file is read whole or it is its list of mistakes, each with its line (the header is line 1), its column,
 * what stood there and what is expected; never throws; hundreds of thousands of rows in seconds, with turns in between in
 * which a daemon decides calls. Knows nothing of stores.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { parse } from 'csv-parse/sync';
import { type CsvProblem, unguard } from '../csv/table.ts';
import { type Micros, parseMoney } from '../policy/money.ts';
import { parsePrefix } from '../policy/prefix-table.ts';
import { didYouMean } from '../policy/problem.ts';
import { DEAREST_MICROS, LONGEST_INCREMENT_SECONDS } from './price.ts';
import type { RateRow } from './rate-sheet.ts';

export const LARGEST_RATE_FILE_BYTES = 64 * 1024 * 1024;
const MOST_ROWS = 1_000_000;
const MOST_PROBLEMS = 100;
/** Some milliseconds of work. */
const ROWS_A_TURN = 2000;

export interface RateFile {
  /** Undefined where no row names one. */
  readonly currency: string | undefined;
  readonly rows: readonly RateRow[];
}

/** `more`: mistakes beyond those that are listed. */
export type ReadRateFile =
  | RateFile
  | { readonly problems: readonly [CsvProblem, ...(readonly CsvProblem[])]; readonly more: number };

/** Columns by the names that carriers give them; the first is ours. */
const COLUMNS = {
  prefix: ['prefix', 'code', 'dial code', 'dialcode', 'destination code'],
  price: ['price', 'price per minute', 'rate', 'rate per minute', 'per minute', 'cost'],
  connection: ['connection', 'connection fee', 'connect fee', 'setup', 'setup fee'],
  increments: ['increments', 'increment', 'billing increment', 'billing increments'],
  currency: ['currency'],
} as const;
type Column = keyof typeof COLUMNS;
const NAMES = Object.keys(COLUMNS) as Column[];

export async function readRateFile(file: Uint8Array): Promise<ReadRateFile> {
  const problems: CsvProblem[] = [];
  let more = 0;
  const say = (
    line: number | undefined,
    column: string | undefined,
    found: string | undefined,
    message: string,
  ): void => {
    if (problems.length < MOST_PROBLEMS) problems.push({ line, column, found, message });
    else more += 1;
  };
  const refused = (): ReadRateFile => {
    const [first = { line: undefined, column: undefined, found: undefined, message: 'is no rate sheet' }, ...rest] =
      problems;
    return { problems: [first, ...rest], more };
  };
  const text = decode(file);
  if (typeof text !== 'string') {
    say(undefined, undefined, undefined, text.problem);
    return refused();
  }
  const [headerEnd] = lineFrom(text, 0);
  const header = text.slice(0, headerEnd);
  const separator = separatorOf(header);
  const columns = columnsOf(splitLine(header, separator) ?? [], say);
  if (columns === undefined) return refused();

  const rows: RateRow[] = [];
  const lineOf = new Map<string, number>();
  let currency: string | undefined;
  let [line, at] = [1, lineFrom(text, 0)[1]];
  while (at < text.length) {
    line += 1;
    const [end, next] = lineFrom(text, at);
    const content = text.slice(at, end);
    at = next;
    if (line % ROWS_A_TURN === 0) await turn();
    if (/^[\s,;]*$/.test(content)) continue;
    const cells = splitLine(content, separator);
    if (cells === undefined) {
      say(line, undefined, undefined, 'is not CSV: a quoted cell must end on its own line; write "" for a "');
      continue;
    }
    const row = readRow({ cells, columns, separator, line }, say);
    if (row === undefined) continue;
    if (row.currency !== undefined && currency !== undefined && row.currency !== currency) {
      say(line, 'currency', row.currency, `is another currency than ${currency} above it; a sheet has one`);
    }
    currency ??= row.currency;
    const before = lineOf.get(row.prefix);
    if (before !== undefined) {
      say(line, 'prefix', row.prefix, `stands in line ${before} already; keep one of the two`);
      continue;
    }
    lineOf.set(row.prefix, line);
    const { prefix, perMinuteMicros, connectionMicros, firstSeconds, nextSeconds } = row;
    rows.push({ prefix, perMinuteMicros, connectionMicros, firstSeconds, nextSeconds });
    if (rows.length > MOST_ROWS) {
      say(line, undefined, undefined, `has more than ${MOST_ROWS} rows`);
      break;
    }
  }
  if (rows.length === 0 && problems.length === 0) say(undefined, undefined, undefined, 'has no rows below the header');
  return problems.length > 0 ? refused() : { currency, rows };
}

type Say = (line: number | undefined, column: string | undefined, found: string | undefined, message: string) => void;

function decode(file: Uint8Array): string | { readonly problem: string } {
  if (file.length > LARGEST_RATE_FILE_BYTES)
    return { problem: `is larger than ${LARGEST_RATE_FILE_BYTES / 1024 ** 2} MiB` };
  try {
    // Drops a byte order mark by itself.
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    return { problem: 'is not UTF-8; save it as UTF-8' };
  }
}

/** Where a line ends and where the next one begins. */
function lineFrom(text: string, at: number): readonly [end: number, next: number] {
  const feed = text.indexOf('\n', at);
  const end = feed < 0 ? text.length : feed;
  return [text[end - 1] === '\r' ? end - 1 : end, feed < 0 ? text.length : feed + 1];
}

const separatorOf = (header: string): string =>
  [',', ';', '\t'].toSorted((one, other) => header.split(other).length - header.split(one).length)[0] ?? ',';

/** Nearly all lines have no quotes; undefined for one that is broken. */
function splitLine(line: string, separator: string): readonly string[] | undefined {
  if (!line.includes('"')) return line.split(separator);
  try {
    const [cells] = parse(line, { delimiter: separator, relax_column_count: true }) as string[][];
    return cells;
  } catch {
    return undefined;
  }
}

const isOneOf = (names: readonly string[], name: string): boolean => names.includes(name);

type Places = Readonly<Record<Column, number>>;

function columnsOf(header: readonly string[], say: Say): Places | undefined {
  const names = header.map((name) => name.trim().toLowerCase().replaceAll('_', ' '));
  const places = Object.fromEntries(
    NAMES.map((column) => [column, names.findIndex((name) => isOneOf(COLUMNS[column], name))]),
  ) as Record<Column, number>;
  const missing = (['prefix', 'price'] as const).filter((column) => places[column] < 0);
  for (const column of missing) {
    const hint = names.map((name) => didYouMean(name, NAMES)).find((each) => each.includes(`"${column}"`));
    const said = hint === undefined ? 'the columns are prefix, price, connection, increments, currency' : hint;
    say(1, column, undefined, `is missing in the header; ${said}`);
  }
  return missing.length > 0 ? undefined : places;
}

interface ReadRow extends RateRow {
  readonly currency: string | undefined;
}

function readRow(
  row: {
    readonly cells: readonly string[];
    readonly columns: Places;
    readonly separator: string;
    readonly line: number;
  },
  say: Say,
): ReadRow | undefined {
  const { cells, columns, separator, line } = row;
  const cellOf = (column: Column): string =>
    columns[column] < 0 ? '' : unguard((cells[columns[column]] ?? '').trim()).trim();
  const moneyOf = (column: 'price' | 'connection', absent: Micros | undefined): Micros | undefined => {
    const cell = cellOf(column);
    // With ; or tab between cells a comma is free to stand for the point.
    const micros = cell === '' ? absent : parseMoney(separator === ',' ? cell : cell.replace(',', '.'));
    if (micros !== undefined && micros <= DEAREST_MICROS) return micros;
    say(line, column, cell === '' ? undefined : cell, PRICE_HINT);
    return undefined;
  };
  const prefix = prefixOf(cellOf('prefix'));
  if ('problem' in prefix) say(line, 'prefix', cellOf('prefix'), prefix.problem);
  const perMinuteMicros = moneyOf('price', undefined);
  const connectionMicros = moneyOf('connection', 0);
  const increments = incrementsOf(cellOf('increments'));
  if (increments === undefined) say(line, 'increments', cellOf('increments'), INCREMENTS_HINT);
  const currency = cellOf('currency');
  if (!/^([A-Z]{3})?$/.test(currency))
    say(line, 'currency', currency, 'is no currency; write three letters such as USD');
  if (
    'problem' in prefix ||
    perMinuteMicros === undefined ||
    connectionMicros === undefined ||
    increments === undefined
  )
    return undefined;
  const [firstSeconds, nextSeconds] = increments;
  const price = { perMinuteMicros, connectionMicros, firstSeconds, nextSeconds };
  return { prefix: prefix.prefix, ...price, currency: currency === '' ? undefined : currency };
}

const PRICE_HINT = 'is no price; write a number from 0 to 1000000 with at most six decimals, such as 0.0125';
const INCREMENTS_HINT =
  'are no increments; write first/next in whole seconds from 1 to 3600, such as 60/60 or 30/6, or one number for both';

/** Carriers write country codes without +. What is dialled and is no such number begins with "dialled:". */
function prefixOf(cell: string): { readonly prefix: string } | { readonly problem: string } {
  const [, dialled] = /^dialled:(.*)$/.exec(cell) ?? [];
  if (dialled !== undefined) return parsePrefix(dialled);
  return parsePrefix(cell.startsWith('+') ? cell : `+${cell}`);
}

const DEFAULT_INCREMENTS: readonly [number, number] = [60, 60];

function incrementsOf(cell: string): readonly [first: number, next: number] | undefined {
  if (cell === '') return DEFAULT_INCREMENTS;
  const [, first, next = first] = /^(\d{1,4})(?:\s*\/\s*(\d{1,4}))?$/.exec(cell) ?? [];
  const pair = [Number(first), Number(next)] as const;
  return pair.every((seconds) => seconds >= 1 && seconds <= LONGEST_INCREMENT_SECONDS) ? pair : undefined;
}
