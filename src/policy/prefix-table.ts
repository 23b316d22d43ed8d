/**
 * Values by number prefix: which of them are prefixes of a number, the longest first.
 *
 * Built once, never changed: a lookup goes through the prefix lengths that occur, at most 16 for phone numbers, whatever
 * the number of prefixes. Lists of destinations use it, and rate sheets of some 300,000 prefixes can. What a prefix means
 * is the business of whoever built the table.
 */

export interface PrefixMatch<Value> {
  readonly prefix: string;
  readonly value: Value;
}

export interface PrefixTable<Value> {
  readonly size: number;
  /** The longest prefix of the number that is in the table. */
  readonly longest: (number: string) => PrefixMatch<Value> | undefined;
  /** Every prefix of the number that is in the table, the longest first. */
  readonly all: (number: string) => readonly PrefixMatch<Value>[];
}

/** Of two entries with the same prefix the later one stays. Matches are frozen; the values are not. */
export function createPrefixTable<Value>(
  entries: Iterable<readonly [prefix: string, value: Value]>,
): PrefixTable<Value> {
  const matches = new Map<string, PrefixMatch<Value>>();
  for (const [prefix, value] of entries) matches.set(prefix, Object.freeze({ prefix, value }));
  // A Map beats a trie of digits here: 300,000 prefixes are looked up in under a microsecond, with nothing to maintain.
  const lengths = [...new Set([...matches.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);
  return Object.freeze({
    size: matches.size,
    longest: (number: string) => {
      for (const length of lengths) {
        const match = length > number.length ? undefined : matches.get(number.slice(0, length));
        if (match !== undefined) return match;
      }
      return undefined;
    },
    all: (number: string) =>
      lengths.flatMap((length) => {
        const match = length > number.length ? undefined : matches.get(number.slice(0, length));
        return match === undefined ? [] : [match];
      }),
  });
}

const LONGEST_PREFIX = 15;

/**
 * Reads a prefix as people write it: `+53`, `+1 (809)`, `00`, `*67`. With `+` it is one of numbers in international form,
 * without it one of the digits as they were dialled.
 *
 * @returns the prefix without separators, or a sentence that says what is wrong.
 */
export function parsePrefix(text: string): { readonly prefix: string } | { readonly problem: string } {
  const prefix = text.replace(/[\s().\-/]/g, '');
  const shown = `"${text.length > 20 ? `${text.slice(0, 20)}…` : text}"`;
  if (/^\+0/.test(prefix)) return { problem: `${shown} is not a prefix; no country code begins with 0` };
  if (!/^(?:\+[1-9][0-9]*|[0-9*#]+)$/.test(prefix)) {
    return { problem: `${shown} is not a prefix; write + and digits such as +53, or digits as they are dialled` };
  }
  if (prefix.length > LONGEST_PREFIX + 1) return { problem: `${shown} is longer than ${LONGEST_PREFIX} digits` };
  return { prefix };
}
