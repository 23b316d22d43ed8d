/**
 * Internet addresses as people write them, as numbers, and back: one address, a network, a range from-to.
 *
 * - Nothing here throws, whatever it is given: text that cannot be read is a sentence that says what to write.
 * - One meaning has one text: IPv4 inside IPv6 (`::ffff:203.0.113.9`) is the IPv4 address, IPv6 is written as RFC 5952
 *   says, and a network of one address is that address.
 * - Only four decimal numbers are an IPv4 address. `010.0.0.1` and `127.1`, which some programs read as something else,
 *   are refused: a list of addresses must mean the same to everyone who reads it.
 * Knows numbers and text; names are never looked up.
 */
import ipaddr from 'ipaddr.js';

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

/** All addresses from `first` to `last`, both included. */
export interface AddressRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** All addresses whose leading `prefix` bits are those of `first`, in which every other bit is 0. */
export interface Network {
  readonly family: Family;
  readonly first: bigint;
  readonly prefix: number;
}

export type ReadRange = { readonly range: AddressRange } | { readonly problem: string };

const LONGEST_TEXT = 100;
const HINT = 'write 203.0.113.9, 203.0.113.0/24, 203.0.113.5-203.0.113.20 or 2001:db8::/32';

export const widthOf = (family: Family): 32 | 128 => (family === 4 ? 32 : 128);

/** One address; undefined for anything else, a network or a name included. An interface after `%` is left out. */
export function readAddress(text: string): Address | undefined {
  if (text.length > LONGEST_TEXT) return undefined;
  const [plain = ''] = text.trim().split('%', 1);
  // Asked only where it may be so: the package finds out that IPv6 is no IPv4 by an exception, which takes 20 µs.
  if (!plain.includes(':') && ipaddr.IPv4.isValidFourPartDecimal(plain)) {
    const number = plain.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
    return { family: 4, value: BigInt(number) };
  }
  const parts = plain.includes(':') ? ipv6Parts(plain) : undefined;
  if (parts === undefined) return undefined;
  const hex = parts.map((part) => part.toString(16).padStart(4, '0'));
  const value = BigInt(`0x${hex.join('')}`);
  return value >> 32n === IPV4_INSIDE_IPV6 ? { family: 4, value: value & 0xffff_ffffn } : { family: 6, value };
}

/** Asking first whether it is valid would read it twice. */
function ipv6Parts(text: string): readonly number[] | undefined {
  try {
    return ipaddr.IPv6.parse(text).parts;
  } catch {
    return undefined;
  }
}

/** `::ffff:0:0/96`, RFC 4291, section 2.5.5.2. */
const IPV4_INSIDE_IPV6 = 0xffffn;

/**
 * Reads an address, a network (`/24` or `/255.255.255.0`, also given apart as `mask`) or a range.
 *
 * @param mask of its own column or field; empty where there is none
 */
export function readRange(text: string, mask = ''): ReadRange {
  const wanted = text.trim();
  if (wanted === '') return { problem: `is empty; ${HINT}` };
  if (wanted.length > LONGEST_TEXT) return { problem: `is longer than ${LONGEST_TEXT} characters; ${HINT}` };
  if (wanted.includes('-')) {
    return mask.trim() === '' ? readFromTo(wanted) : { problem: 'is a range, and a range has no subnet mask' };
  }
  const [address = '', written, ...more] = wanted.split('/');
  if (more.length > 0) return { problem: `has more than one /; ${HINT}` };
  if (written !== undefined && mask.trim() !== '') return readBothMasks(address, written, mask);
  return readNetwork(address, written ?? mask.trim());
}

function readFromTo(text: string): ReadRange {
  const [from = '', to = '', ...more] = text.split('-');
  const [first, last] = [readAddress(from), readAddress(to)];
  if (first === undefined || last === undefined || more.length > 0) return { problem: `is not a range; ${HINT}` };
  if (first.family !== last.family) return { problem: 'begins with one kind of address and ends with another' };
  if (first.value > last.value) return { problem: `runs backwards; write ${to.trim()}-${from.trim()}` };
  return { range: { family: first.family, first: first.value, last: last.value } };
}

/** Files of other systems repeat the mask; what contradicts itself is refused. */
function readBothMasks(address: string, written: string, mask: string): ReadRange {
  const [one, other] = [readNetwork(address, written), readNetwork(address, mask.trim().replace(/^\//, ''))];
  if ('problem' in one) return one;
  if ('problem' in other || one.range.last !== other.range.last) {
    return { problem: `says /${written} and the subnet mask says ${mask.trim()}; leave one out` };
  }
  return one;
}

function readNetwork(text: string, mask: string): ReadRange {
  if (text.includes('%')) return { problem: 'names an interface after %; leave that out' };
  const address = readAddress(text);
  if (address === undefined) return { problem: `is not an address; ${HINT}` };
  const width = widthOf(address.family);
  if (mask === '') return { range: { family: address.family, first: address.value, last: address.value } };
  // In ::ffff:203.0.113.0/120 the mask counts the 96 bits that are no part of the IPv4 address.
  const mapped = address.family === 4 && text.includes(':') ? 96 : 0;
  const prefix = prefixOf(mask.replace(/^\//, ''), address.family, mapped);
  if (prefix === undefined) {
    const example = address.family === 4 ? '/24 or 255.255.255.0' : '/64';
    return { problem: `has the subnet mask ${mask}, which is none; write for example ${example}` };
  }
  const network = networkAround(address, prefix);
  if (network.first !== address.value) {
    return {
      problem: `is an address inside a network, not the network; did you mean ${formatNetwork(network)}, or ${formatAddress(address)} alone?`,
    };
  }
  return { range: rangeOf({ ...network, prefix: Math.min(prefix, width) }) };
}

function prefixOf(mask: string, family: Family, mapped: number): number | undefined {
  if (/^\d{1,3}$/.test(mask)) {
    const prefix = Number(mask) - mapped;
    return prefix >= 0 && prefix <= widthOf(family) ? prefix : undefined;
  }
  if (family !== 4 || mapped > 0 || !ipaddr.IPv4.isValidFourPartDecimal(mask)) return undefined;
  return ipaddr.IPv4.parse(mask).prefixLengthFromSubnetMask() ?? undefined;
}

/** The network of that size which holds an address. */
export function networkAround(address: Address, prefix: number): Network {
  const rest = BigInt(widthOf(address.family) - prefix);
  return { family: address.family, first: (address.value >> rest) << rest, prefix };
}

export const rangeOf = ({ family, first, prefix }: Network): AddressRange => ({
  family,
  first,
  last: first + (1n << BigInt(widthOf(family) - prefix)) - 1n,
});

/** Canonical text: the address, `203.0.113.0/24`, or `203.0.113.5-203.0.113.20` where it is no network. */
export function formatRange(range: AddressRange): string {
  const [network, ...more] = networksOf(range);
  if (network !== undefined && more.length === 0) return formatNetwork(network);
  const { family } = range;
  return `${formatAddress({ family, value: range.first })}-${formatAddress({ family, value: range.last })}`;
}

export function formatNetwork({ family, first, prefix }: Network): string {
  const address = formatAddress({ family, value: first });
  return prefix === widthOf(family) ? address : `${address}/${prefix}`;
}

export function formatAddress({ family, value }: Address): string {
  const bytes = Array.from({ length: widthOf(family) / 8 }, (_, at) =>
    Number((value >> BigInt(widthOf(family) - 8 * (at + 1))) & 0xffn),
  );
  return family === 4 ? bytes.join('.') : new ipaddr.IPv6(bytes).toRFC5952String();
}

/** `255.255.255.0`; for IPv6, where nobody writes masks, `/64`. Empty for a range that is no network. */
export function subnetMask(range: AddressRange): string {
  const network = asNetwork(range);
  if (network === undefined) return '';
  if (network.family === 6) return `/${network.prefix}`;
  return ipaddr.IPv4.subnetMaskFromPrefixLength(network.prefix).toString();
}

export function asNetwork(range: AddressRange): Network | undefined {
  const [network, ...more] = networksOf(range);
  return more.length === 0 ? network : undefined;
}

/** The fewest networks that hold exactly these addresses, in order: at most 62 for IPv4, 254 for IPv6. */
export function networksOf({ family, first, last }: AddressRange): Network[] {
  const width = widthOf(family);
  const networks: Network[] = [];
  let at = first;
  while (at <= last) {
    let bits = 0;
    // As large as the address it begins with and the addresses that are left allow.
    while (bits < width && ((at >> BigInt(bits)) & 1n) === 0n && at + (1n << BigInt(bits + 1)) - 1n <= last) bits += 1;
    networks.push({ family, first: at, prefix: width - bits });
    at += 1n << BigInt(bits);
  }
  return networks;
}

export const countOf = ({ first, last }: AddressRange): bigint => last - first + 1n;

/** `256`, `65,536`, `2^64`: what a person can take in. */
export function describeCount(count: bigint): string {
  if (count < 1_000_000_000_000n) return count.toLocaleString('en-US');
  const power = count.toString(2).length - 1;
  return count === 1n << BigInt(power) ? `2^${power}` : `about 2^${power}`;
}

export const contains = (outer: AddressRange, inner: AddressRange): boolean =>
  outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;

export const overlaps = (one: AddressRange, other: AddressRange): boolean =>
  one.family === other.family && one.first <= other.last && other.first <= one.last;

/** What is left of a range without the others, in order. */
export function without(range: AddressRange, holes: readonly AddressRange[]): AddressRange[] {
  const { family } = range;
  const inside = holes.filter((hole) => overlaps(hole, range)).sort((a, b) => (a.first < b.first ? -1 : 1));
  const left: AddressRange[] = [];
  let next = range.first;
  for (const hole of inside) {
    if (hole.first > next) left.push({ family, first: next, last: hole.first - 1n });
    if (hole.last >= next) next = hole.last + 1n;
  }
  if (next <= range.last) left.push({ family, first: next, last: range.last });
  return left;
}
