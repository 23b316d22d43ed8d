/**
 * A database in MaxMind's format (`.mmdb`), asked for the country of an address: `country.iso_code` as GeoLite2 and DB-IP
 * lite have it, failing that `registered_country.iso_code`, or a plain `country_code` as ip-location-db has it.
 *
 * The format: https://maxmind.github.io/MaxMind-DB/. A record that cannot be read is an unknown address, not an error.
 */
import { Reader } from 'mmdb-lib';
import { type Address, formatAddress } from '../policy/addresses.ts';
import type { CountryTable } from './country-list.ts';

/** Records repeat: a database has about as many as there are countries, times a few flags. */
const MOST_REMEMBERED = 5000;
/** Public resolvers. A database that knows them and no country of theirs is about something else. */
const KNOWN_PLACES = ['8.8.8.8', '2001:4860:4860::8888'];

/** Whether the bytes are of this format: its mark stands before the description at the end. */
export const isCountryDatabase = (bytes: Buffer): boolean =>
  bytes.subarray(-128 * 1024).lastIndexOf(Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')) !== -1;

/** @throws Error if it is damaged, or of another kind than countries */
export function openCountryDatabase(bytes: Buffer): CountryTable {
  const countries = new Map<string | number, unknown>();
  const remember = {
    get: (key: string | number): unknown => countries.get(key),
    set: (key: string | number, value: unknown): void => {
      if (countries.size >= MOST_REMEMBERED) countries.clear();
      countries.set(key, value);
    },
  };
  const reader = new Reader(bytes, { cache: remember });
  const { databaseType, buildEpoch, nodeCount, nodeByteSize, treeDepth } = reader.metadata;
  if (nodeCount * nodeByteSize > bytes.length) throw new Error('is cut off');
  const isSixToo = treeDepth === 128;
  for (const text of KNOWN_PLACES.filter((each) => isSixToo || !each.includes(':'))) {
    const record: unknown = reader.get(text);
    if (record !== null && countryIn(record) === undefined) throw new Error(`is a ${databaseType}, without countries`);
  }
  return {
    of: (address: Address) => {
      if (address.family === 6 && !isSixToo) return undefined;
      try {
        return countryIn(reader.get(formatAddress(address)));
      } catch {
        return undefined;
      }
    },
    what: `${databaseType} of ${buildEpoch.toISOString().slice(0, 10)}`,
  };
}

function countryIn(record: unknown): string | undefined {
  for (const code of [
    field(field(record, 'country'), 'iso_code'),
    field(field(record, 'registered_country'), 'iso_code'),
    field(record, 'country_code'),
  ]) {
    if (typeof code === 'string' && /^[A-Z]{2}$/.test(code)) return code;
  }
  return undefined;
}

const field = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
