import parsePhoneNumber from 'libphonenumber-js/max';
import metadata from 'libphonenumber-js/metadata.max.json' with { type: 'json' };
import { IANAZone } from 'luxon';
import { describe, expect, it } from 'vitest';
import { calledZones } from '../../../src/policy/called-zone.ts';
import { toInternational } from '../../../src/policy/number-plan.ts';
import {
  COUNTRIES_OF_ONE_ZONE,
  NUMBER_ZONES_REVIEWED,
  ZONES_OF_AREA_CODES,
  ZONES_OF_COUNTRIES,
  ZONES_OF_PREFIXES,
} from '../../../src/policy/number-zones.ts';

const zonesOf = (number: string): readonly string[] => {
  const placed = toInternational(number, undefined);
  return calledZones({ e164: placed?.international, country: placed?.country });
};
const short = (zones: readonly string[]): string =>
  zones
    .map((zone) => zone.split('/').at(-1))
    .sort()
    .join(' ');

const ROWS: ReadonlyArray<readonly [what: string, number: string, zones: string]> = [
  ['New York', '+12125550123', 'New_York'],
  ['Chicago', '+13125550123', 'Chicago'],
  ['Los Angeles', '+12135550123', 'Los_Angeles'],
  ['Arizona without daylight saving', '+16025550123', 'Phoenix'],
  ['Arizona with the Navajo Nation', '+19285550123', 'Denver Phoenix'],
  ['El Paso in Texas', '+19155550123', 'Denver'],
  ['the rest of Texas', '+12145550123', 'Chicago'],
  ['the Florida panhandle', '+18505550123', 'Chicago New_York'],
  ['the overlay of the Florida panhandle', '+14485550123', 'Chicago New_York'],
  ['Miami', '+13055550123', 'New_York'],
  ['Idaho', '+12085550123', 'Denver Los_Angeles'],
  ['the overlay of Idaho', '+19865550123', 'Denver Los_Angeles'],
  ['eastern Oregon', '+15415550123', 'Denver Los_Angeles'],
  ['Kansas in the west', '+17855550123', 'Chicago Denver'],
  ['Nebraska in the west', '+13085550123', 'Chicago Denver'],
  ['both Dakotas, south', '+16055550123', 'Chicago Denver'],
  ['Kentucky in the west', '+12705550123', 'Chicago New_York'],
  ['Tennessee in the east', '+14235550123', 'Chicago New_York'],
  ['the upper peninsula of Michigan', '+19065550123', 'Chicago New_York'],
  ['Alaska', '+19075550123', 'Adak Anchorage'],
  ['Hawaii', '+18085550123', 'Honolulu'],
  ['Oklahoma', '+14055550123', 'Chicago'],
  ['Puerto Rico', '+17875550123', 'Puerto_Rico'],
  ['Jamaica', '+18765550123', 'Jamaica'],
  ['Guam', '+16715550123', 'Guam'],
  ['Toronto', '+14165550123', 'Toronto'],
  ['Ontario in the west', '+18075550123', 'Toronto Winnipeg'],
  ['Saskatchewan by its newest area code', '+14745550123', 'Regina'],
  ['British Columbia beyond Vancouver', '+12505550123', 'Edmonton Vancouver'],
  ['an overlay of all British Columbia', '+12365550123', 'Edmonton Vancouver'],
  ['Quebec with the Magdalen Islands', '+14185550123', 'Halifax Toronto'],
  ['Newfoundland and Labrador', '+17095550123', 'Halifax St_Johns'],
  ['the three territories', '+18675550123', 'Edmonton Toronto Whitehorse Winnipeg'],
  ['Sydney', '+61290001234', 'Sydney'],
  ['Perth', '+61890001234', 'Perth'],
  ['Adelaide', '+61880001234', 'Adelaide'],
  ['Darwin', '+61889001234', 'Darwin'],
  ['Queensland without daylight saving', '+61730001234', 'Brisbane'],
  ['the Gold Coast with Tweed Heads, which has it', '+61755361234', 'Brisbane Sydney'],
  ['an Australian mobile, anywhere in it', '+61412345678', 'Adelaide Brisbane Darwin Eucla Lord_Howe Perth Sydney'],
  ['Sao Paulo', '+551123456789', 'Sao_Paulo'],
  ['a mobile of Manaus, with its area code', '+5592991234567', 'Manaus'],
  ['Acre', '+556832211234', 'Rio_Branco'],
  ['Moscow', '+74951234567', 'Moscow'],
  ['Vladivostok', '+74232201234', 'Vladivostok'],
  ['Kaliningrad', '+74012123456', 'Kaliningrad'],
  ['Saratov, which moved in 2016', '+78452123456', 'Samara'],
  [
    'a Russian mobile, from the Baltic to the Pacific',
    '+79161234567',
    'Irkutsk Kaliningrad Kamchatka Magadan Moscow Novosibirsk Omsk Samara Vladivostok Yakutsk Yekaterinburg',
  ],
  ['Kazakhstan, which shares +7', '+77271234567', 'Almaty'],
  ['Mexico City', '+525512345678', 'Mexico_City'],
  ['Tijuana', '+526641234567', 'Tijuana'],
  ['Cancun', '+529981234567', 'Cancun'],
  ['Jakarta', '+62215551234', 'Jakarta'],
  ['Bali', '+62361123456', 'Makassar'],
  ['an Indonesian mobile', '+628123456789', 'Jakarta Jayapura Makassar'],
  ['Madrid', '+34911234567', 'Madrid'],
  ['the Canary Islands', '+34928123456', 'Canary'],
  ['a Spanish mobile', '+34612345678', 'Canary Madrid'],
  ['the Azores', '+351296123456', 'Azores'],
  ['Germany', '+4930123456', 'Berlin'],
  ['the United Kingdom', '+442079460123', 'London'],
  ['Ireland', '+35312345678', 'Dublin'],
  ['Morocco', '+212522123456', 'Casablanca'],
  ['India', '+911123456789', 'Kolkata'],
  ['Nepal, a quarter of an hour off', '+97714123456', 'Kathmandu'],
  ['Mayotte, which shares +262', '+262269601234', 'Mayotte'],
  ['New Zealand', '+6493001234', 'Auckland'],
  ['the Chatham Islands', '+6433051234', 'Chatham'],
];

describe('the zones of a number', () => {
  it.each(ROWS)('%s: %s may be in %s', (_what, number, zones) => {
    expect(short(zonesOf(number))).toBe(zones);
  });

  it('are those of all the United States and Canada for freephone, and for an area code that nobody knows', () => {
    for (const number of ['+18005550123', '+19005550123', '+13225550123']) {
      expect(short(zonesOf(number))).toBe(
        'Adak Anchorage Chicago Denver Halifax Honolulu Los_Angeles New_York Phoenix Regina St_Johns',
      );
    }
  });

  it.each([
    ['no number', undefined],
    ['a satellite network', '+881612345678'],
    ['freephone of no country', '+80012345678'],
    ['a code that is nobody’s', '+9991234'],
    ['nothing but a plus', '+'],
  ])('are unknown for %s', (_what, number) => {
    const placed = number === undefined ? undefined : toInternational(number, undefined);
    expect(calledZones({ e164: number, country: placed?.country })).toEqual([]);
  });
});

const wordsOf = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

describe('the table of zones', () => {
  it('has every area code of the United States and Canada that libphonenumber takes for a place', () => {
    const known = new Set(Object.values(ZONES_OF_AREA_CODES).flatMap(wordsOf));
    const places: string[] = [];
    for (let code = 200; code < 1000; code++) {
      const number = parsePhoneNumber(`+1${code}2345678`);
      const isPlace = ['FIXED_LINE_OR_MOBILE', 'FIXED_LINE', 'MOBILE'].includes(number?.getType() ?? '');
      if (isPlace && (number?.country === 'US' || number?.country === 'CA')) places.push(String(code));
    }
    expect(places.length).toBeGreaterThan(400);
    expect(places.filter((code) => !known.has(code))).toEqual([]);
  });

  it('has a zone for every country that numbers are placed in', () => {
    const countries = Object.keys(metadata.countries);
    const behindOne = new Set<string>(metadata.country_calling_codes['1']);
    expect(countries.length).toBeGreaterThan(240);
    const without = countries.filter(
      (country) => !behindOne.has(country) && calledZones({ e164: '+0', country }).length === 0,
    );
    expect(without).toEqual([]);
  });

  it('names only zones that there are', () => {
    const many = [ZONES_OF_AREA_CODES, ZONES_OF_PREFIXES].flatMap((table) => Object.keys(table).flatMap(wordsOf));
    const single = Object.entries(COUNTRIES_OF_ONE_ZONE).flatMap(([area, list]) =>
      wordsOf(list).map((entry) => `${area}/${entry.split(':')[1]}`),
    );
    const all = [...new Set([...many, ...single, ...Object.values(ZONES_OF_COUNTRIES).flatMap(wordsOf)])];
    expect(all.length).toBeGreaterThan(250);
    expect(all.filter((zone) => !IANAZone.isValidZone(zone))).toEqual([]);
  });

  it('lists nothing twice, and no prefix that says the same as a shorter one', () => {
    const entriesOf = (table: Readonly<Record<string, string>>, before = '') =>
      Object.entries(table).flatMap(([zones, list]) =>
        wordsOf(list).map((prefix) => [before + prefix, zones] as const),
      );
    const entries = [...entriesOf(ZONES_OF_PREFIXES), ...entriesOf(ZONES_OF_AREA_CODES, '1')];
    const byPrefix = new Map(entries);
    expect(byPrefix.size).toBe(entries.length);
    const idle = entries.filter(([prefix, zones]) => {
      for (let end = prefix.length - 1; end > 0; end--) {
        const shorter = byPrefix.get(prefix.slice(0, end));
        if (shorter !== undefined) return shorter === zones;
      }
      return false;
    });
    expect(idle).toEqual([]);
  });

  it('says when it was reviewed', () => {
    expect(NUMBER_ZONES_REVIEWED).toMatch(/^20\d\d-\d\d-\d\d$/);
  });
});
