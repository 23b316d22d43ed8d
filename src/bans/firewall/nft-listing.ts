/**
 * What nft prints, read: our table within the ruleset, and the elements of a set as they stream in.
 *
 * Plain text and not JSON: for 100,000 elements nft takes 87 MB instead of 195 MB, and JSON gives whole seconds only. It
 * can be read in pieces, so a long list never keeps a call waiting. Attributes of an element are taken in any order, and
 * unknown ones are passed over, because both changed between versions of nft.
 */
import { isIP } from 'node:net';
import { formatAddress, readAddress } from '../../policy/addresses.ts';
import type { Traffic } from './firewall.ts';
import { TABLE } from './nft-ruleset.ts';

export interface ListedElement extends Traffic {
  readonly key: string;
  /** Until it goes by itself; null: never. */
  readonly expiresMs: number | null;
}

/** The text of our table in a listing of the ruleset; undefined if it is not there. */
export function ownTable(ruleset: string): string | undefined {
  const start = `\n${ruleset}`.indexOf(`\ntable ${TABLE} {\n`);
  if (start < 0) return undefined;
  const end = ruleset.indexOf('\n}', start);
  return end < 0 ? undefined : ruleset.slice(start, end + 2);
}

/** Names of the sets of a table. */
export const setsOf = (table: string): readonly string[] =>
  [...table.matchAll(/^\tset (\w+) \{$/gm)].map(([, name = '']) => name);

/** Named counters of a table. */
export const countersOf = (table: string): ReadonlyMap<string, Traffic> =>
  new Map(
    [...table.matchAll(/^\tcounter (\w+) \{\n\t\tpackets (\d+) bytes (\d+)$/gm)].map(
      ([, name = '', packets, bytes]) => [name, { packets: Number(packets), bytes: Number(bytes) }],
    ),
  );

const START = 'elements = {';

/** Takes a listing of sets in pieces of any length; what each piece completed comes out, set by set. */
export function createElementReader(onElement: (set: string, element: ListedElement) => void): {
  readonly read: (piece: string) => void;
} {
  let rest = '';
  let set = '';
  let isInside = false;
  /** nft never breaks a line within an element. */
  const readLine = (line: string): void => {
    const named = /^\tset (\w+) \{$/.exec(line);
    if (named !== null) set = named[1] ?? '';
    const start = line.indexOf(START);
    if (start < 0 && !isInside) return;
    const items = start < 0 ? line : line.slice(start + START.length);
    for (const item of items.split(',')) {
      const element = readElement(item);
      if (element !== undefined) onElement(set, element);
    }
    isInside = !items.includes('}');
  };
  return {
    read: (piece) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) readLine(line);
    },
  };
}

function readElement(item: string): ListedElement | undefined {
  const words = item.replace('}', '').trim().split(/\s+/);
  const [key = ''] = words;
  if (isIP(key) === 0) return undefined;
  const after = (word: string): string | undefined => {
    const at = words.indexOf(word);
    return at < 0 ? undefined : words[at + 1];
  };
  const expires = after('expires') ?? after('timeout');
  return {
    key: canonicalKey(key),
    expiresMs: expires === undefined ? null : readTime(expires),
    packets: Number(after('packets') ?? 0),
    bytes: Number(after('bytes') ?? 0),
  };
}

/** The C library ends some IPv6 addresses in four decimal numbers, where RFC 5952 does not: `::1.2.3.4`. */
function canonicalKey(key: string): string {
  if (!key.includes(':') || !key.includes('.')) return key;
  const hex = key.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: readonly string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const address = readAddress(hex);
  // IPv4 inside IPv6 is never an element of ours; it has to be lifted as it stands.
  return address?.family === 6 ? formatAddress(address) : key;
}

const UNITS: Readonly<Record<string, number>> = {
  w: 604_800_000,
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1000,
  ms: 1,
};

/** `2h59m57s996ms` in milliseconds. */
export const readTime = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[wdhms])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  );
