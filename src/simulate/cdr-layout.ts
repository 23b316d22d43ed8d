/**
 * Which column of a file of call records is what.
 *
 * Asterisk's files have no header and come in two orders, with columns at the end that depend on cdr.conf; tables of
 * databases are exported with their column names. Everything else can be said column by column.
 *
 * Sources: cdr_csv.c and cdr_custom.conf.sample of Asterisk 16 to 22; the table `cdr` of FreePBX; the tables `call_log` and
 * `vicidial_log` of VICIdial (MySQL_AST_CREATE_tables.sql).
 */

/** What can be known of a call record, in the words of Asterisk; the last three are ours. */
export const CDR_FIELDS = [
  'start',
  'dst',
  'src',
  'clid',
  'channel',
  'dstchannel',
  'lastapp',
  'lastdata',
  'duration',
  'billsec',
  'disposition',
  'accountcode',
  'uniqueid',
  'linkedid',
  'extension',
  'trunk',
  'campaign',
] as const;
export type CdrField = (typeof CDR_FIELDS)[number];

/** Places from 0. */
export type CdrColumns = Readonly<Partial<Record<CdrField | 'countryCode', number>>>;

export interface CdrLayout {
  /** What it is called, for people. */
  readonly name: string;
  readonly hasHeader: boolean;
  /** Rows of one file may differ in their length: cdr.conf was changed meanwhile. */
  readonly columnsOf: (cells: readonly string[]) => CdrColumns;
}

/** What a person said: a place from 1, or the name of a column. */
export type ColumnMapping = ReadonlyMap<CdrField, number | string>;

const isField = (name: string): name is CdrField => CDR_FIELDS.some((field) => field === name);

/**
 * Reads `start=10,dst=3,campaign=userfield`.
 *
 * @returns the mapping, or a sentence that says what is wrong
 */
export function parseColumns(text: string): ColumnMapping | { readonly problem: string } {
  const mapping = new Map<CdrField, number | string>();
  for (const pair of text.split(',')) {
    const [, name = '', column = ''] = /^\s*([a-z]+)\s*=\s*(\S.*?)\s*$/i.exec(pair) ?? [];
    const field = name.toLowerCase();
    if (column === '') return { problem: `"${pair.trim()}" is not a column; write for example start=10 or dst=number` };
    if (!isField(field)) return { problem: `"${name}" is not known; of these there are: ${CDR_FIELDS.join(', ')}` };
    const place = /^\d+$/.test(column) ? Number(column) : column;
    if (place === 0) return { problem: `"${pair.trim()}": columns are counted from 1` };
    mapping.set(field, place);
  }
  return mapping;
}

/** The names that a column has in the tables that are exported; the first that a header has is taken. */
const HEADER_NAMES: Readonly<Record<CdrField | 'countryCode', readonly string[]>> = {
  // Epoch seconds need no time zone.
  start: ['start_epoch', 'start', 'calldate', 'start_time', 'call_date'],
  dst: ['dst', 'number_dialed', 'phone_number', 'destination'],
  src: ['src'],
  clid: ['clid', 'caller_code'],
  channel: ['channel'],
  dstchannel: ['dstchannel'],
  lastapp: ['lastapp'],
  lastdata: ['lastdata'],
  duration: ['duration', 'length_in_sec'],
  billsec: ['billsec'],
  disposition: ['disposition'],
  accountcode: ['accountcode'],
  uniqueid: ['uniqueid'],
  linkedid: ['linkedid'],
  extension: ['extension'],
  trunk: ['trunk'],
  campaign: ['campaign', 'campaign_id'],
  countryCode: [],
};
/** The agent calls; `extension` is what was dialled. */
const CALL_LOG = { extension: [] };
const VICIDIAL_LOG = { extension: ['user'], countryCode: ['phone_code'] };

/**
 * Finds out what the columns of a file are.
 *
 * @param first the first rows of the file, the header among them
 * @returns a sentence that says what was expected, where nothing is known of it
 */
export function findLayout(
  first: readonly (readonly string[])[],
  mapping: ColumnMapping | undefined,
): CdrLayout | { readonly problem: string } {
  const [head = []] = first;
  const header = head.map((name) => name.trim().toLowerCase());
  const named = columnsOfHeader(header);
  const hasHeader = (named.start !== undefined && named.dst !== undefined) || isHeaderFor(header, mapping);
  const found = hasHeader ? { name: nameOfHeader(header), columnsOf: () => named } : findOrder(first);
  if (mapping === undefined || mapping.size === 0) {
    return found === undefined || (hasHeader && named.dst === undefined)
      ? { problem: UNKNOWN }
      : { ...found, hasHeader };
  }
  const given = placesOf(header, hasHeader, mapping);
  if ('problem' in given) return given;
  // Who says where start and destination are describes the file; who does not, adds to what is known of it.
  if (given.columns.start !== undefined && given.columns.dst !== undefined) {
    return {
      name: 'the columns given',
      hasHeader: hasHeader || !isRow(head, given.columns),
      columnsOf: () => given.columns,
    };
  }
  if (found === undefined) return { problem: `${UNKNOWN} --columns needs at least start and dst.` };
  const { name, columnsOf } = found;
  return { name, hasHeader, columnsOf: (cells) => ({ ...columnsOf(cells), ...given.columns }) };
}

const UNKNOWN =
  'is no file of call records that is known. Expected are: Master.csv of cdr_csv or cdr_custom, without a header; or a header that names start (or calldate, start_time, call_date, start_epoch) and dst (or number_dialed, phone_number). Say which column is what with --columns, for example start=10,dst=3,channel=6,dstchannel=7.';

function columnsOfHeader(header: readonly string[]): CdrColumns {
  const names = {
    ...HEADER_NAMES,
    ...(header.includes('number_dialed') ? CALL_LOG : {}),
    ...(header.includes('phone_code') ? VICIDIAL_LOG : {}),
  };
  return Object.fromEntries(
    Object.entries(names).flatMap(([field, known]) => {
      const name = known.find((each) => header.includes(each));
      return name === undefined ? [] : [[field, header.indexOf(name)]];
    }),
  );
}

const nameOfHeader = (header: readonly string[]): string =>
  header.includes('phone_code')
    ? 'vicidial_log'
    : header.includes('number_dialed')
      ? 'call_log'
      : 'a table with a header';

const isHeaderFor = (header: readonly string[], mapping: ColumnMapping | undefined): boolean =>
  [...(mapping?.values() ?? [])].some((place) => typeof place === 'string' && header.includes(place.toLowerCase()));

function placesOf(
  header: readonly string[],
  hasHeader: boolean,
  mapping: ColumnMapping,
): { readonly columns: CdrColumns } | { readonly problem: string } {
  const columns: Partial<Record<CdrField, number>> = {};
  for (const [field, place] of mapping) {
    const at = typeof place === 'number' ? place - 1 : header.indexOf(place.toLowerCase());
    if (at < 0 || at >= header.length) {
      const named = hasHeader
        ? `; its columns are ${header.join(', ')}`
        : `; it has ${header.length} columns and no header`;
      return { problem: `has no column "${place}" for ${field}${named}` };
    }
    columns[field] = at;
  }
  return { columns };
}

const looksLikeTime = (cell: string | undefined): boolean =>
  /^(?:\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d|\d{9,10}(?:\.\d+)?$)/.test(cell ?? '');
const isRow = (cells: readonly string[], { start = -1 }: CdrColumns): boolean => looksLikeTime(cells[start]);

const CDR_CUSTOM: CdrColumns = {
  clid: 0,
  src: 1,
  dst: 2,
  channel: 4,
  dstchannel: 5,
  lastapp: 6,
  lastdata: 7,
  start: 8,
  duration: 11,
  billsec: 12,
  disposition: 13,
  accountcode: 15,
  uniqueid: 16,
};
const CDR_CSV: CdrColumns = {
  accountcode: 0,
  src: 1,
  dst: 2,
  clid: 4,
  channel: 5,
  dstchannel: 6,
  lastapp: 7,
  lastdata: 8,
  start: 9,
  duration: 12,
  billsec: 13,
  disposition: 14,
};

/** The order of a file without a header is seen from where the start stands. */
function findOrder(first: readonly (readonly string[])[]): Omit<CdrLayout, 'hasHeader'> | undefined {
  for (const cells of first) {
    if (cells.length < 15) continue;
    if (isRow(cells, CDR_CUSTOM)) return { name: 'Master.csv of cdr_custom', columnsOf: () => CDR_CUSTOM };
    if (isRow(cells, CDR_CSV)) return { name: 'Master.csv of cdr_csv', columnsOf: cdrCsvColumns };
  }
  return undefined;
}

/** Of the columns behind the sixteenth, `loguniqueid` brings one, `loguserfield` one, and `newcdrcolumns` three. */
function cdrCsvColumns(cells: readonly string[]): CdrColumns {
  const more = Math.min(cells.length - 16, 5);
  const [without, withId] = CDR_CSV_LONGER[more] ?? [CDR_CSV, CDR_CSV];
  return UNIQUE_ID.test(cells[16] ?? '') ? withId : without;
}

/** By how many columns there are behind the sixteenth, without a unique id and with one. Made once, not for each row. */
const CDR_CSV_LONGER = Array.from({ length: 6 }, (_, more): readonly [CdrColumns, CdrColumns] => {
  const without = more < 3 ? CDR_CSV : { ...CDR_CSV, linkedid: 14 + more };
  return [without, { ...without, uniqueid: 16 }];
});

/** `1795000000.42`, behind the name of the system where it has one. */
export const UNIQUE_ID = /(?:^|-)(\d{9,10})\.(\d+)$/;
