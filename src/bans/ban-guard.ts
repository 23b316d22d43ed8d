/**
 * What may be banned: reads the address of a request, and refuses what would hit the wrong ones.
 *
 * Pure, with the allowlist as an argument. A refusal is a sentence that names what stands in the way and what to do.
 */

import type { Network } from '../policy/addresses.ts';
import {
  type AddressRange,
  asNetwork,
  contains,
  countOf,
  describeCount,
  formatRange,
  networksOf,
  overlaps,
  rangeOf,
  readAddress,
  readRange,
  without,
} from '../policy/addresses.ts';
import type { AllowEntry } from '../policy/allowlist.ts';
import { WIDEST } from './ban.ts';
import { type LeftAlone, leavingAlone, leftAloneIn } from './left-alone.ts';

/** What the ban list asks the allowlist. */
export interface AllowedLookup {
  readonly covering: (range: AddressRange) => AllowEntry | undefined;
  readonly overlapping: (range: AddressRange) => readonly { readonly network: Network; readonly entry: AllowEntry }[];
  readonly onChange: (listener: () => void) => () => void;
}

export interface Refusal {
  /** `not-an-address` is a mistake of the request; the others are conflicts. */
  readonly because: 'not-an-address' | 'allowed' | 'left-alone' | 'own-address' | 'too-wide' | 'full';
  readonly refused: string;
}

export interface BanWish {
  readonly address: string;
  /** Make bans around allowed addresses instead of none. */
  readonly aroundAllowed?: boolean;
  /** Ban even a very wide network, addresses of this host, or the one who asks. Never an allowed address. */
  readonly force?: boolean;
  /** The address of the one who asks, where it is known. */
  readonly caller?: string | undefined;
}

/** Loopback and unspecified: RFC 1122 section 3.2.1.3, RFC 4291 section 2.5. */
const OWN = ['127.0.0.0/8', '0.0.0.0', '::1', '::'];
/** One hole in a /64 leaves 64 networks. */
const MOST_PIECES = 128;
const MOST_NAMED = 3;

/** The networks to ban, as one or more ranges of a network each. */
export function banRanges(
  wish: BanWish,
  allowed: Pick<AllowedLookup, 'covering' | 'overlapping'>,
  /** Who must not be banned by a machine now; none for a ban by hand. */
  left: readonly LeftAlone[] = [],
): { readonly ranges: readonly AddressRange[] } | Refusal {
  const read = readRange(wish.address);
  if ('problem' in read) return { because: 'not-an-address', refused: `"${wish.address}" ${read.problem}` };
  const { range } = read;
  const network = asNetwork(range);
  if (network === undefined) {
    const [first, second] = networksOf(range).map((each) => formatRange(rangeOf(each)));
    const refused = `"${wish.address}" is no network, and a ban is of one address or one network; ban ${first}, ${second} and so on`;
    return { because: 'not-an-address', refused };
  }
  const unsafe = wish.force === true ? undefined : refuseUnsafe(range, wish.caller);
  if (unsafe !== undefined) return unsafe;
  const alone = leavingAlone(left, range);
  if (alone !== undefined) {
    const until = new Date(alone.until).toISOString();
    return { because: 'left-alone', refused: `${formatRange(range)} is left alone until ${until} by ${alone.by}` };
  }
  const inTheWay = allowed.overlapping(range);
  const holes = [...inTheWay, ...leftAloneIn(left, range)];
  if (holes.length === 0) return { ranges: [range] };
  const pieces = without(
    range,
    holes.map((each) => rangeOf(each.network)),
  ).flatMap((piece) => networksOf(piece).map(rangeOf));
  if (wish.aroundAllowed === true && pieces.length > 0 && pieces.length <= MOST_PIECES) return { ranges: pieces };
  if (inTheWay.length === 0)
    return { because: 'left-alone', refused: `${formatRange(range)} holds addresses that are left alone for a time` };
  return { because: 'allowed', refused: describeAllowed(range, inTheWay, pieces) };
}

function refuseUnsafe(range: AddressRange, caller: string | undefined): Refusal | undefined {
  const text = formatRange(range);
  for (const own of OWN.map((own) => readRange(own))) {
    if ('range' in own && overlaps(own.range, range))
      return {
        because: 'own-address',
        refused: `${text} ${range.first === range.last ? 'is an address' : 'holds addresses'} of this host itself; force it if that is meant (--force)`,
      };
  }
  const address = caller === undefined ? undefined : readAddress(caller);
  if (address !== undefined && contains(range, { family: address.family, first: address.value, last: address.value })) {
    const refused = `${text} holds ${caller}, the address you are using: you would be cut off; force it if that is meant (--force)`;
    return { because: 'own-address', refused };
  }
  if (countOf(range) <= WIDEST[range.family]) return undefined;
  const refused = `${text} holds ${describeCount(countOf(range))} addresses; force it if that is meant (--force)`;
  return { because: 'too-wide', refused };
}

function describeAllowed(
  range: AddressRange,
  inTheWay: readonly { readonly network: Network; readonly entry: AllowEntry }[],
  pieces: readonly AddressRange[],
): string {
  const text = formatRange(range);
  const entries = [...new Map(inTheWay.map(({ entry }) => [entry.id, entry])).values()];
  const names = entries.slice(0, MOST_NAMED).map(({ name, value }) => `"${name}" (${value})`);
  const more = entries.length > MOST_NAMED ? ` and ${entries.length - MOST_NAMED} more` : '';
  const whose = `${names.join(', ')}${more}`;
  if (pieces.length === 0)
    return `${text} is allowed by ${whose}; an allowed address is never banned: change or remove that entry first`;
  const around =
    pieces.length <= MOST_PIECES
      ? 'ban around it (--around-allowed)'
      : `what is left are ${pieces.length} networks, too many to ban around it`;
  return `${text} holds addresses that are allowed by ${whose}; ${around}, ban a smaller network, or change that entry first`;
}
