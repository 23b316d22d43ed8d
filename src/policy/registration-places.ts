/**
 * Where phones may register and call from: the addresses of `registerFrom`, by extension.
 *
 * An extension without the field is not restricted. What counts is the address that packets come from; an address that
 * nobody knows is no reason to refuse.
 */
import { type Address, type AddressRange, formatRange, readAddress, readRange } from './addresses.ts';

export interface RegistrationPlaces {
  /** The restricted extensions, with the addresses that theirs may be. */
  readonly restricted: ReadonlyMap<string, readonly AddressRange[]>;
  /** Whether the extension is restricted, and not to this address. False for what is no address. */
  readonly isElsewhere: (extension: string, address: string) => boolean;
}

/** @param extensions those of a checked policy document */
export function compilePlaces(
  extensions: Readonly<Record<string, { readonly registerFrom?: readonly string[] | undefined }>>,
): RegistrationPlaces {
  const restricted = new Map<string, readonly AddressRange[]>();
  for (const [extension, { registerFrom }] of Object.entries(extensions)) {
    if (registerFrom !== undefined) restricted.set(extension, registerFrom.map(compileRange));
  }
  return {
    restricted,
    isElsewhere: (extension, text) => {
      const ranges = restricted.get(extension);
      const address = ranges === undefined ? undefined : readAddress(text);
      return ranges !== undefined && address !== undefined && !ranges.some((range) => holds(range, address));
    },
  };
}

/** Why a call is refused: a clause that goes into a sentence. */
export const describeElsewhere = ({ restricted }: RegistrationPlaces, extension: string, address: string): string => {
  const ranges = (restricted.get(extension) ?? []).map(formatRange);
  const named = ranges.length > MOST_NAMED ? `${ranges.slice(0, MOST_NAMED).join(', ')} …` : ranges.join(', ');
  return `extension ${extension} may register and call from ${named} only, and the phone is at ${address}`;
};

const MOST_NAMED = 3;

const holds = (range: AddressRange, { family, value }: Address): boolean =>
  range.family === family && range.first <= value && value <= range.last;

function compileRange(text: string): AddressRange {
  const read = readRange(text);
  if ('problem' in read) throw new RangeError(`${text} ${read.problem}`);
  return read.range;
}
