/**
 * Which country an address is in, and whether calls from there are refused.
 *
 * The operator supplies the data: a database or a list, read into memory at the start and again whenever the file changes.
 * A file that cannot be read never takes the place of one that could. Without any, nothing is refused: a firewall that
 * guesses would keep everybody out.
 *
 * A look-up is synchronous. Measured with 400,000 networks: see docs/addresses.md. Never refused are addresses that belong
 * to no country because they are nobody's in particular: private, shared, link-local and loopback ones.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { createAddressSet } from '../policy/address-set.ts';
import { type Address, asNetwork, formatAddress, readAddress, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Settings } from '../policy/settings.ts';
import { isCountryDatabase, openCountryDatabase } from './country-database.ts';
import { type CountryTable, readCountryList } from './country-list.ts';

export interface Countries {
  /** Why an address is refused, as a sentence without its full stop; undefined if it is not. */
  readonly refusalOf: (address: Address) => string | undefined;
  /** Two capital letters; undefined for what is no address, or in no country that the file knows. */
  readonly countryOf: (address: string) => string | undefined;
  /** Undefined where countries are neither restricted nor known. */
  readonly state: () => CountryState | undefined;
  readonly close: () => void;
}

export interface CountryState {
  readonly since: EpochMs;
  readonly detail: string;
  /** Empty unless countries are restricted and cannot be told, or the file is not the one in use. */
  readonly problem: string;
}

const LOOK_EVERY_MS = 5000;
/** Twice the largest database of countries and cities that is known. */
const MOST_BYTES = 256 * 1024 * 1024;

export async function openCountries(deps: {
  /** Absolute path; undefined where none is configured. */
  readonly file: string | undefined;
  readonly settings: () => Pick<Settings, 'country'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly lookEveryMs?: number;
}): Promise<Countries> {
  const { file, settings, clock, log } = deps;
  let table: CountryTable | undefined;
  let mark = '';
  let problem = '';
  let since = clock.now();
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const say = (next: string): void => {
    if (next === problem) return;
    if (next !== '') log.error({ file, problem: next }, 'the file of countries cannot be used');
    problem = next;
    since = clock.now();
  };

  const look = async (path: string): Promise<void> => {
    try {
      const { size, mtimeMs, ino } = await stat(path);
      const seen = `${size} ${mtimeMs} ${ino}`;
      if (seen === mark) return;
      mark = seen;
      if (size > MOST_BYTES) throw new Error(`is larger than ${MOST_BYTES / 1024 / 1024} MB`);
      table = await readTable(await readFile(path));
      log.info({ file, holds: table.what }, 'countries of addresses are known');
      say('');
    } catch (error) {
      if (isMissing(error)) mark = '';
      say(`${file} ${isMissing(error) ? 'is not there' : messageOf(error)}`);
    }
  };

  const follow = (path: string): void => {
    if (closed) return;
    timer = setTimeout(() => void look(path).then(() => follow(path)), deps.lookEveryMs ?? LOOK_EVERY_MS);
    timer.unref();
  };

  if (file !== undefined) {
    await look(file);
    follow(file);
  }

  return {
    refusalOf: (address) => {
      const { mode, countries } = settings().country;
      if (mode === 'off' || table === undefined || NOBODYS.find(address) !== undefined) return undefined;
      const country = table.of(address);
      if (mode === 'refuse') {
        return country !== undefined && countries.includes(country)
          ? `the address ${formatAddress(address)} is in ${country}, a country that is refused`
          : undefined;
      }
      if (country !== undefined && countries.includes(country)) return undefined;
      const where = country ?? 'no country that is known';
      return `the address ${formatAddress(address)} is in ${where}, and only ${listOf(countries)} may call`;
    },
    countryOf: (text) => {
      const address = table === undefined ? undefined : readAddress(text);
      return address === undefined || NOBODYS.find(address) !== undefined ? undefined : table?.of(address);
    },
    state: () => {
      const { mode } = settings().country;
      if (file === undefined && mode === 'off') return undefined;
      const detail = `${mode === 'off' ? 'not restricted' : `mode ${mode}`}, ${table?.what ?? 'no data'}`;
      const restricted = 'countries are restricted, and no file says which addresses are where: nothing is refused';
      const kept = table === undefined ? 'nothing is refused' : 'what was read before is used';
      const trouble = problem === '' ? '' : `${problem}; ${kept}`;
      return { since, detail, problem: file === undefined ? restricted : trouble };
    },
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

const readTable = async (bytes: Buffer): Promise<CountryTable> =>
  isCountryDatabase(bytes) ? openCountryDatabase(bytes) : await readCountryList(bytes.toString('utf8'));

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT';

const MOST_NAMED = 6;
const listOf = (countries: readonly string[]): string =>
  countries.length > MOST_NAMED ? `${countries.length} countries` : countries.join(', ');

/** RFC 1918, 6598, 3927, 1122; RFC 4193, 4291. */
const NOBODYS = createAddressSet<true>();
for (const text of [
  ...['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '169.254.0.0/16', '127.0.0.0/8', '0.0.0.0/8'],
  ...['fc00::/7', 'fe80::/10', '::1', '::'],
]) {
  const read = readRange(text);
  const network = 'range' in read ? asNetwork(read.range) : undefined;
  if (network !== undefined) NOBODYS.set(network, true);
}
