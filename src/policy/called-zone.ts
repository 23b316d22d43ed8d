/**
 * Where the called party may be: from a number to the time zones that it may be in.
 *
 * Never guesses one of several: an area code that spans two zones has both, a mobile of a country with several has them
 * all, and whoever must not disturb anybody asks all of them. A number tells where it was given out, not where its owner
 * is; who knows better passes a zone. Facts are in number-zones.ts. Knows nothing of schedules.
 */
import type { Destination } from './destination-classes.ts';
import { COUNTRIES_OF_ONE_ZONE, ZONES_OF_AREA_CODES, ZONES_OF_COUNTRIES, ZONES_OF_PREFIXES } from './number-zones.ts';

type Zones = readonly string[];

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

const prefixes = new Map<string, Zones>();
for (const [table, before] of [
  [ZONES_OF_PREFIXES, ''],
  [ZONES_OF_AREA_CODES, '1'],
] as const) {
  for (const [names, list] of Object.entries(table)) {
    const zones = Object.freeze(wordsOf(names));
    for (const prefix of wordsOf(list)) prefixes.set(before + prefix, zones);
  }
}
const LONGEST_PREFIX = Math.max(...[...prefixes.keys()].map(({ length }) => length));

const countries = new Map<string, Zones>(
  Object.entries(ZONES_OF_COUNTRIES).map(([country, names]) => [country, Object.freeze(wordsOf(names))]),
);
for (const [area, list] of Object.entries(COUNTRIES_OF_ONE_ZONE)) {
  for (const entry of wordsOf(list)) {
    const [country = '', place = ''] = entry.split(':');
    countries.set(country, Object.freeze([`${area}/${place}`]));
  }
}

/**
 * The zones that a number may be in, by their names in the IANA data; takes less than a microsecond.
 *
 * @returns none where nothing is known: what could not be placed in the world, short codes, networks of no country
 */
export function calledZones({ e164, country }: Pick<Destination, 'e164' | 'country'>): Zones {
  if (e164 === undefined) return NOWHERE;
  for (let end = LONGEST_PREFIX + 1; end > 1; end--) {
    const zones = prefixes.get(e164.slice(1, end));
    if (zones !== undefined) return zones;
  }
  return countries.get(country ?? '') ?? NOWHERE;
}

const NOWHERE: Zones = Object.freeze([]);
