/**
 * A text file that says which networks belong to which country, read into a table.
 *
 * One network a line, with its country of two letters before or behind it, or a range as first address, last address,
 * country. Blanks, tabs, commas and semicolons divide; quotation marks are dropped; `#` begins a comment. Where networks
 * overlap, the narrowest counts. Every line that cannot be read is named; a file with one such line is not used.
 */
import { setImmediate as pause } from 'node:timers/promises';
import { type Address, type AddressRange, type Family, readRange } from '../policy/addresses.ts';

export interface CountryTable {
  /** Two capital letters; undefined for an address that the file does not know. */
  readonly of: (address: Address) => string | undefined;
  /** What it is, for people: `list of 350,000 networks`. */
  readonly what: string;
}

interface Listed {
  readonly range: AddressRange;
  readonly country: string;
}

/** All countries of the world are about 600,000 networks. */
const MOST_NETWORKS = 1_500_000;
const MOST_PROBLEMS_SHOWN = 3;
/** A few milliseconds of work each, between which calls are answered. */
const LINES_AT_ONCE = 250;
const SORTED_AT_ONCE = 5000;

/** @throws Error with the first problems and their lines */
export async function readCountryList(text: string): Promise<CountryTable> {
  const listed: Readonly<Record<Family, Listed[]>> = { 4: [], 6: [] };
  /** One text for each country, however many networks it has. */
  const names = new Map<string, string>();
  const problems: string[] = [];
  let problemCount = 0;
  let lineNumber = 0;
  let size = 0;
  for (let at = 0; at < text.length; ) {
    const found = text.indexOf('\n', at);
    const end = found === -1 ? text.length : found;
    lineNumber += 1;
    const read = readLine(text.slice(at, end));
    at = end + 1;
    if (read !== undefined && 'problem' in read) {
      problemCount += 1;
      if (problems.length < MOST_PROBLEMS_SHOWN) problems.push(`line ${lineNumber}: ${read.problem}`);
    } else if (read !== undefined) {
      const country = names.get(read.country) ?? read.country;
      names.set(country, country);
      listed[read.range.family].push({ range: read.range, country });
      size += 1;
      if (size > MOST_NETWORKS) throw new Error(`has more than ${MOST_NETWORKS.toLocaleString('en-US')} networks`);
    }
    if (lineNumber % LINES_AT_ONCE === 0) await pause();
  }
  if (problemCount > 0) {
    const more = problemCount > problems.length ? `; ${problemCount - problems.length} more lines` : '';
    throw new Error(`${problems.join('; ')}${more}`);
  }
  if (size === 0) throw new Error('holds no network');
  const borders = { 4: await bordersOf(await inOrder(listed[4])), 6: await bordersOf(await inOrder(listed[6])) };
  return {
    of: ({ family, value }) => {
      const { starts, countries } = borders[family];
      let [low, high] = [0, starts.length];
      while (low < high) {
        const middle = (low + high) >>> 1;
        const start = starts[middle];
        if (start !== undefined && start <= value) low = middle + 1;
        else high = middle;
      }
      return countries[low - 1];
    },
    what: `list of ${size.toLocaleString('en-US')} networks`,
  };
}

/** From each start to the next one, all addresses are in the country that stands beside it, or in none. */
interface Borders {
  readonly starts: readonly bigint[];
  readonly countries: readonly (string | undefined)[];
}

/** A range inside another one, or one that begins later, counts while it lasts. */
async function bordersOf(ranges: readonly Listed[]): Promise<Borders> {
  const starts: bigint[] = [];
  const countries: Array<string | undefined> = [];
  const open: Listed[] = [];
  const mark = (at: bigint, country: string | undefined): void => {
    if (starts.at(-1) === at) {
      starts.pop();
      countries.pop();
    }
    if (countries.at(-1) === country) return;
    starts.push(at);
    countries.push(country);
  };
  /** Ends what is over before an address; without one, everything. */
  const endBefore = (address?: bigint): void => {
    for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
      const { last } = top.range;
      if (address !== undefined && last >= address) return;
      while ((open.at(-1)?.range.last ?? last + 1n) <= last) open.pop();
      mark(last + 1n, open.at(-1)?.country);
    }
  };
  for (const [index, each] of ranges.entries()) {
    endBefore(each.range.first);
    open.push(each);
    mark(each.range.first, each.country);
    if (index % SORTED_AT_ONCE === 0) await pause();
  }
  endBefore();
  return { starts, countries };
}

/** By first address, the wider before the narrower. Most files are in order already. */
async function inOrder(listed: readonly Listed[]): Promise<readonly Listed[]> {
  let runs: Array<readonly Listed[]> = [];
  for (let at = 0; at < listed.length; at += SORTED_AT_ONCE) {
    runs.push(listed.slice(at, at + SORTED_AT_ONCE).sort(byPlace));
    await pause();
  }
  while (runs.length > 1) {
    const merged: Array<readonly Listed[]> = [];
    for (let at = 0; at < runs.length; at += 2) merged.push(await merge(runs[at] ?? [], runs[at + 1] ?? []));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function merge(one: readonly Listed[], other: readonly Listed[]): Promise<readonly Listed[]> {
  const merged: Listed[] = [];
  let [left, right] = [0, 0];
  for (;;) {
    const [a, b] = [one[left], other[right]];
    if (a === undefined && b === undefined) return merged;
    if (b === undefined || (a !== undefined && byPlace(a, b) <= 0)) {
      if (a !== undefined) merged.push(a);
      left += 1;
    } else {
      merged.push(b);
      right += 1;
    }
    if (merged.length % SORTED_AT_ONCE === 0) await pause();
  }
}

function byPlace({ range: a }: Listed, { range: b }: Listed): number {
  if (a.first !== b.first) return a.first < b.first ? -1 : 1;
  if (a.last !== b.last) return a.last > b.last ? -1 : 1;
  return 0;
}

const HINT = 'write US 203.0.113.0/24';

/** The file may be anything, a picture too. */
const shown = (text: string): string => text.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');

type Line = { readonly country: string; readonly range: AddressRange } | { readonly problem: string };

/** Undefined for a line without content. */
function readLine(line: string): Line | undefined {
  const [content = ''] = line.split('#', 1);
  const fields = content
    .replaceAll(/["']/g, '')
    .split(/[\s,;]+/)
    .filter((field) => field !== '');
  if (fields.length === 0) return undefined;
  const at = fields.findIndex((field) => /^[A-Za-z]{2}$/.test(field));
  const country = fields[at]?.toUpperCase();
  const addresses = fields.filter((_, index) => index !== at);
  if (country === undefined || addresses.length < 1 || addresses.length > 2) {
    return { problem: `"${shown(content.trim())}" is not a network and its country; ${HINT}` };
  }
  const text = addresses.join('-');
  const read = readRange(text);
  return 'problem' in read ? { problem: `"${shown(text)}" ${read.problem}` } : { country, range: read.range };
}
