/**
 * Reads a file of call records, row by row, in any of the layouts that cdr-layout.ts knows.
 *
 * The file is never held as a whole. A row that cannot be read is counted, and the first of them are kept with their line;
 * only a file of which nothing can be read is an error. What a row means (who called, over what) is not decided here.
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type Info, parse } from 'csv-parse';
import { messageOf, TollgateError } from '../errors.ts';
import {
  type CdrColumns,
  type CdrField,
  type CdrLayout,
  type ColumnMapping,
  findLayout,
  UNIQUE_ID,
} from './cdr-layout.ts';
import { type CdrClock, createCdrClock } from './cdr-time.ts';

/** Of a text that the row does not have, the empty text. */
export interface CdrRow extends Readonly<Record<Exclude<CdrField, 'start' | 'duration' | 'billsec'>, string>> {
  /** Rows are counted from 1, the header not among them. */
  readonly row: number;
  readonly startMs: number;
  readonly durationMs: number;
  /** What is paid for if the call was answered. Where the file does not say, all of its duration. */
  readonly talkMs: number;
  /** The running number in the unique id: which of two channels of one second was made first. */
  readonly channelNumber: number | undefined;
  /** The layout says over what a call went: a row that names no trunk is no outbound call. */
  readonly tellsTrunk: boolean;
}

export interface CdrFile {
  readonly layout: string;
  readonly zone: string;
  readonly rows: number;
  readonly unread: number;
  /** The first of those that could not be read. */
  readonly problems: readonly CdrProblem[];
  /**
   * How far the times of the rows lie from those in their unique ids, which are in UTC, by the row in the middle; undefined
   * where too few have one. Much more than the time that calls take means another time zone.
   */
  readonly aheadMs: number | undefined;
}

export interface CdrProblem {
  /** Of the file, from 1. */
  readonly line: number;
  readonly problem: string;
}

const SHOWN_PROBLEMS = 20;
const SNIFFED_BYTES = 65_536;
/** A quote that is never closed must not swallow the file. */
const LONGEST_ROW = 65_536;
const COMPARED_TIMES = 1000;

/**
 * @param options.onRow called for each row that can be read, in the order of the file
 * @param options.onBytes how much of the file has been read
 * @throws {TollgateError} `INVALID_REQUEST`: the file cannot be read, is of no known layout, or no row of it can be read
 */
export async function readCdrFile(
  path: string,
  options: {
    readonly timezone: string;
    readonly columns?: ColumnMapping | undefined;
    readonly onRow: (row: CdrRow) => void;
    readonly onBytes?: (read: number, total: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<CdrFile> {
  const refuse = (problem: string): never => {
    throw new TollgateError('INVALID_REQUEST', `${path} ${problem}`);
  };
  const { first, separator, bytes } = await sniff(path).catch((error: unknown) =>
    refuse(`cannot be read: ${messageOf(error)}`),
  );
  if (first.length === 0) return refuse('is empty');
  const layout = findLayout(first, options.columns);
  if ('problem' in layout) return refuse(layout.problem);
  const clock = createCdrClock(options.timezone);
  const reader = createRowReader(layout, clock);
  const problems: CdrProblem[] = [];
  let [rows, unread] = [0, 0];
  const notRead = (line: number, problem: string): void => {
    unread += 1;
    if (problems.length < SHOWN_PROBLEMS) problems.push({ line, problem });
  };
  let header = layout.hasHeader;
  const parser = parse({
    delimiter: separator,
    bom: true,
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST_ROW,
    on_skip: (error) => {
      rows += 1;
      notRead(typeof error?.['lines'] === 'number' ? error['lines'] : rows, 'is not CSV');
      return undefined;
    },
    on_record: (cells: string[], { lines }: Info) => {
      if (header) {
        header = false;
        return null;
      }
      rows += 1;
      const row = reader.read(cells, rows);
      if ('problem' in row) notRead(lines, row.problem);
      else options.onRow(row);
      return null;
    },
  });
  const file = createReadStream(path, { highWaterMark: 1 << 18, ...(options.signal && { signal: options.signal }) });
  file.on('data', () => options.onBytes?.(file.bytesRead, bytes));
  parser.resume();
  await pipeline(file, parser);
  if (rows === unread) {
    const [one] = problems;
    return refuse(
      one === undefined
        ? 'has no row'
        : `has no row that can be read as ${layout.name}; line ${one.line} ${one.problem}`,
    );
  }
  return { layout: layout.name, zone: clock.zone, rows, unread, problems, aheadMs: reader.aheadMs() };
}

/** The first lines, and by what their cells are separated: whatever the first one has most of. */
async function sniff(path: string) {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SNIFFED_BYTES), 0, SNIFFED_BYTES, 0);
    const text = buffer.toString('utf8', 0, bytesRead).replace(/^\uFEFF/, '');
    const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== '');
    const bare = (lines[0] ?? '').replaceAll(/"[^"]*"/g, '');
    const separators = [',', ';', '\t'].map((each) => ({ each, count: bare.split(each).length }));
    const separator = separators.sort((one, other) => other.count - one.count)[0]?.each ?? ',';
    // Quoted line breaks would only make the last of these rows be cut.
    return { first: lines.slice(0, 20).map((line) => cellsOf(line, separator)), separator, bytes: size };
  } finally {
    await file.close();
  }
}

/** Enough for finding out the layout; the rows themselves are read by the library. */
const cellsOf = (line: string, separator: string): string[] =>
  [...line.matchAll(new RegExp(`(?:^|${separator})("(?:[^"]|"")*"|[^${separator}]*)`, 'g'))].map(([, cell = '']) =>
    cell.replace(/^"([\s\S]*)"$/, '$1').replaceAll('""', '"'),
  );

function createRowReader(layout: CdrLayout, clock: CdrClock) {
  const ahead: number[] = [];
  const read = (cells: readonly string[], row: number): CdrRow | { readonly problem: string } => {
    const columns = layout.columnsOf(cells);
    const cell = (field: keyof CdrColumns): string => {
      const at = columns[field];
      const text = at === undefined ? '' : (cells[at] ?? '').trim();
      return text === '\\N' || text === 'NULL' ? '' : text;
    };
    const start = columns.start ?? 0;
    if (start >= cells.length || (columns.dst ?? 0) >= cells.length) {
      return { problem: `has ${cells.length} columns; the start of the call stands in column ${start + 1}` };
    }
    const uniqueid = cell('uniqueid');
    const [, epoch, number] = UNIQUE_ID.exec(uniqueid) ?? [];
    const madeMs = epoch === undefined ? undefined : Number(epoch) * 1000;
    const startMs = clock.read(cell('start'), madeMs);
    if (startMs === undefined) {
      return {
        problem: `has "${cell('start').slice(0, 40)}" where the start of the call is expected (column ${start + 1})`,
      };
    }
    const seconds = Number(cell('duration') || '0');
    if (!(seconds >= 0 && seconds < 1e7)) {
      return { problem: `has "${cell('duration').slice(0, 40)}" where the duration in seconds is expected` };
    }
    const talked = cell('billsec') === '' ? seconds : Number(cell('billsec'));
    if (!(talked >= 0 && talked < 1e7)) {
      return { problem: `has "${cell('billsec').slice(0, 40)}" where the seconds of talking are expected` };
    }
    if (madeMs !== undefined && ahead.length < COMPARED_TIMES) ahead.push(startMs - madeMs);
    const countryCode = cell('countryCode').replace(/^\+|\D/g, '');
    const user = cell('extension');
    return {
      row,
      startMs,
      durationMs: Math.round(seconds * 1000),
      talkMs: Math.round(Math.min(talked, seconds) * 1000),
      dst: countryCode === '' ? cell('dst') : `+${countryCode}${cell('dst')}`,
      src: cell('src'),
      clid: cell('clid'),
      channel: cell('channel'),
      dstchannel: cell('dstchannel'),
      lastapp: cell('lastapp'),
      lastdata: cell('lastdata'),
      disposition: cell('disposition'),
      accountcode: cell('accountcode'),
      uniqueid,
      linkedid: cell('linkedid'),
      // VICIdial's own users, who are nobody: the dialler and the closer.
      extension: columns.countryCode !== undefined && /^VD(?:AD|CL)$/.test(user) ? '' : user,
      trunk: cell('trunk'),
      campaign: cell('campaign'),
      channelNumber: number === undefined ? undefined : Number(number),
      tellsTrunk: (columns.dstchannel ?? columns.lastdata ?? columns.trunk) !== undefined,
    };
  };
  const aheadMs = (): number | undefined =>
    ahead.length < 3 ? undefined : ahead.toSorted((one, other) => one - other)[Math.floor(ahead.length / 2)];
  return { read, aheadMs };
}
