/**
 * Honest traffic of four kinds of site, for weeks: who calls whom, when, and for how long.
 *
 * What matters for limits is in here: people who call the same number again and again until somebody answers, conference
 * calls of two hours, evenings and Sundays at the office, guests who call home at night, countries that are called for the
 * first time, an agent who places sixty calls an hour. What does not matter for them is left out.
 */
import { DAY_MS, FIRST_DAY_MS, HOUR_MS, SECOND_MS, type TrafficCall } from './call.ts';
import { createRandom, type Random } from './random.ts';

export const SITES = ['office', 'company', 'hotel', 'call-centre'] as const;
export type SiteName = (typeof SITES)[number];

/** Weights of the hours of a day, from midnight. */
type Hours = readonly number[];

/** People who call in much the same way. */
interface Crowd {
  readonly extensions: readonly string[];
  /** Calls of one extension on a day from Monday to Friday, and on one of the weekend. */
  readonly callsADay: readonly [weekday: number, weekend: number];
  readonly hours: Hours;
  readonly weekendHours?: Hours;
  readonly abroad: {
    /** Of all calls. */
    readonly share: number;
    /** Countries, as prefixes: the first are called most, by Zipf's law. */
    readonly countries: readonly string[];
    /** Calls a week, of all these extensions together, to somewhere that nobody has called before. */
    readonly newPlacesAWeek: number;
    readonly medianTalkSeconds: number;
  };
  readonly medianTalkSeconds: number;
  readonly answered: number;
  /** Chance that whoever is not answered dials the same number again at once, again and again. */
  readonly redials: number;
  /** Chance of a conference: one to two and a half hours. */
  readonly conferences: number;
  /** Numbers that one person calls; an agent calls each only once or twice. */
  readonly acquaintances: number;
}

export interface Site {
  readonly name: SiteName;
  readonly extensions: readonly string[];
  /** Countries that this site calls every week, ISO 3166-1 alpha-2: what whoever sets it up would say. */
  readonly knownCountries: readonly string[];
  readonly crowds: readonly Crowd[];
}

const range = (first: number, count: number): string[] => Array.from({ length: count }, (_, at) => String(first + at));

//                       0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23
const OFFICE_HOURS: Hours = [0, 0, 0, 0, 0, 0, 0, 1, 8, 14, 15, 13, 6, 9, 14, 13, 10, 6, 1, 0.4, 0.3, 0.2, 0.1, 0];
const WEEKEND_HOURS: Hours = [0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 4, 4, 2, 2, 3, 3, 2, 1, 1, 0.5, 0.3, 0.2, 0, 0];
const GUEST_HOURS: Hours = [3, 2, 1, 1, 1, 2, 4, 7, 9, 9, 7, 6, 6, 5, 5, 6, 8, 10, 12, 12, 11, 10, 8, 5];
const AGENT_HOURS: Hours = [0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 13, 13, 8, 11, 13, 13, 12, 11, 8, 5, 0, 0, 0, 0];

const OFFICE_ABROAD = ['1416', '4420', '4930', '5255', '331', '4478', '1604'];
const COMPANY_ABROAD = [
  ...['1416', '4420', '4930', '5255', '331', '4477', '8621', '9122', '813', '39', '3491', '31', '41', '5511', '613'],
  ...['43', '65', '852', '4822', '97150', '9723', '2711', '3906', '336', '4917', '822', '571', '562', '393', '316'],
];
/** Where guests come from; the end of the list is called once in a few months. */
const GUESTS_ABROAD = [
  ...['1416', '4479', '4917', '336', '5255', '813', '8613', '5511', '614', '9198', '393', '346', '316', '417', '436'],
  ...[
    '822',
    '5411',
    '571',
    '562',
    '511',
    '97250',
    '97150',
    '96650',
    '9053',
    '2782',
    '6421',
    '48',
    '4670',
    '479',
    '4520',
  ],
  ...[
    '3538',
    '324',
    '3519',
    '420',
    '36',
    '40',
    '30',
    '65',
    '852',
    '88693',
    '6017',
    '6681',
    '628',
    '8490',
    '639',
    '7916',
  ],
];
/** Where business takes somebody for the first time. */
const NEW_PLACES = [
  ...['359', '421', '352', '38050', '2010', '23480', '2547', '23320', '92', '88017', '50370', '5022', '5061', '5076'],
  ...[
    '5937',
    '59177',
    '5989',
    '5842',
    '9627',
    '9715',
    '9745',
    '9656',
    '97334',
    '9689',
    '9477',
    '97798',
    '855',
    '85620',
  ],
  ...['212', '2557', '2607', '2677', '26461', '2507', '2376', '2217', '2348', '35722', '3545', '3726', '3706', '3856'],
];

const STAFF_TALK = 95;

const office = (extensions: readonly string[]): Crowd => ({
  extensions,
  callsADay: [19, 0.6],
  hours: OFFICE_HOURS,
  weekendHours: WEEKEND_HOURS,
  abroad: { share: 0.03, countries: OFFICE_ABROAD, newPlacesAWeek: 0.25, medianTalkSeconds: 180 },
  medianTalkSeconds: STAFF_TALK,
  answered: 0.68,
  redials: 0.12,
  conferences: 0.004,
  acquaintances: 120,
});

const BUILD: Readonly<Record<SiteName, () => Omit<Site, 'name' | 'extensions'>>> = {
  office: () => ({ knownCountries: ['CA', 'GB', 'DE', 'MX', 'FR'], crowds: [office(range(1001, 15))] }),
  company: () => ({
    knownCountries: ['CA', 'GB', 'DE', 'MX', 'FR', 'CN', 'IN', 'JP', 'IT', 'ES', 'NL', 'CH', 'BR', 'AU', 'AT'],
    crowds: [
      { ...office(range(1001, 150)), callsADay: [11, 0.2], abroad: { ...office([]).abroad, newPlacesAWeek: 0.4 } },
      {
        ...office(range(1151, 50)),
        callsADay: [24, 0.5],
        abroad: { share: 0.22, countries: COMPANY_ABROAD, newPlacesAWeek: 1.2, medianTalkSeconds: 260 },
      },
    ],
  }),
  hotel: () => ({
    knownCountries: ['CA', 'GB', 'DE', 'FR', 'MX', 'JP', 'CN', 'BR', 'AU', 'IN', 'IT', 'ES'],
    crowds: [
      { ...office(range(1001, 20)), callsADay: [26, 14], weekendHours: OFFICE_HOURS },
      {
        extensions: range(2001, 150),
        callsADay: [1.1, 1.3],
        hours: GUEST_HOURS,
        abroad: { share: 0.3, countries: GUESTS_ABROAD, newPlacesAWeek: 0.4, medianTalkSeconds: 420 },
        medianTalkSeconds: 120,
        answered: 0.7,
        redials: 0.2,
        conferences: 0.004,
        // A guest stays for days: whom the next one in the room calls is somebody else.
        acquaintances: 2000,
      },
    ],
  }),
  'call-centre': () => ({
    knownCountries: ['CA'],
    crowds: [
      {
        extensions: range(2001, 40),
        callsADay: [310, 0],
        hours: AGENT_HOURS,
        abroad: { share: 0.04, countries: ['1416', '1604', '1514'], newPlacesAWeek: 0, medianTalkSeconds: 45 },
        medianTalkSeconds: 40,
        answered: 0.35,
        redials: 0.03,
        conferences: 0,
        acquaintances: 6000,
      },
      { ...office(range(1001, 10)), hours: AGENT_HOURS, abroad: { ...office([]).abroad, newPlacesAWeek: 0.2 } },
    ],
  }),
};

export function siteOf(name: SiteName): Site {
  const built = BUILD[name]();
  return { name, ...built, extensions: built.crowds.flatMap(({ extensions }) => extensions) };
}

/** Honest calls of so many weeks, in no order. */
export function honestCalls(site: Site, options: { readonly seed: number; readonly weeks: number }): TrafficCall[] {
  const random = createRandom(options.seed);
  const calls: TrafficCall[] = [];
  for (const crowd of site.crowds) {
    const people = crowd.extensions.map((extension) => personOf(extension, crowd, random));
    for (let day = 0; day < options.weeks * 7; day += 1) {
      const midnightMs = FIRST_DAY_MS + day * DAY_MS;
      for (const person of people) {
        // Days differ: some are spent on the telephone.
        const busy = random.logNormal(0.9, 0.4);
        const mean = crowd.callsADay[day % 7 < 5 ? 0 : 1] * busy;
        for (let left = random.poisson(mean); left > 0; left -= 1) calls.push(...oneCall(person, crowd, day, random));
      }
      if (people.length > 0 && random.chance(crowd.abroad.newPlacesAWeek / 5) && day % 7 < 5) {
        const place = random.pick(NEW_PLACES as [string, ...string[]]);
        const { extension } = random.pick(people as [Person, ...Person[]]);
        const startMs = atHour(midnightMs, OFFICE_HOURS, random);
        calls.push(talk(`011${fill(place, 11, random)}`, extension, startMs, 240, crowd.answered, random));
      }
    }
  }
  return onePhoneEach(calls);
}

interface Person {
  readonly extension: string;
  readonly national: readonly [string, ...string[]];
  readonly abroad: readonly [string, ...string[]];
}

function personOf(extension: string, crowd: Crowd, random: Random): Person {
  const places = crowd.abroad.countries.map((place, at) => [place, 1 / (at + 1)] as const);
  // How many numbers abroad somebody knows follows from how often he calls there.
  const abroad = Array.from({ length: Math.max(2, Math.round(crowd.acquaintances * crowd.abroad.share)) }, () => {
    const place = random.weighted(places);
    return place.startsWith('1')
      ? fill(place, 11, random)
      : `011${fill(place, place.startsWith('86') ? 13 : 12, random)}`;
  });
  const national = Array.from({ length: crowd.acquaintances }, () => nationalNumber(random));
  return { extension, national: national as [string, ...string[]], abroad: abroad as [string, ...string[]] };
}

/** Every tenth is freephone. No exchange is 976, which is premium wherever it is. */
export const nationalNumber = (random: Random): string =>
  random.chance(0.1)
    ? `1800555${String(random.below(10_000)).padStart(4, '0')}`
    : `1${random.pick(['212', '305', '415', '617', '312', '702', '404', '206'])}${String(2_000_000 + random.below(5_999_999))}`;

/** A prefix made as long as a number is. */
export function fill(prefix: string, length: number, random: Random): string {
  let number = prefix;
  // Behind an area code of North America no number begins with 0 or 1, and 976 is premium.
  if (number.length < length) number += String(2 + random.below(7));
  while (number.length < length) number += String(random.below(10));
  return number;
}

function oneCall(person: Person, crowd: Crowd, day: number, random: Random): TrafficCall[] {
  const isAbroad = random.chance(crowd.abroad.share);
  const dialled = random.pick(isAbroad ? person.abroad : person.national);
  const isWeekend = day % 7 >= 5;
  const hours = isWeekend ? (crowd.weekendHours ?? crowd.hours) : crowd.hours;
  let startMs = atHour(FIRST_DAY_MS + day * DAY_MS, hours, random);
  if (!isAbroad && random.chance(crowd.conferences)) {
    return [talk(dialled, person.extension, startMs, random.between(3600, 9000), 1, random)];
  }
  const median = isAbroad ? crowd.abroad.medianTalkSeconds : crowd.medianTalkSeconds;
  const calls: TrafficCall[] = [];
  for (let tries = 0; tries < 25; tries += 1) {
    const call = talk(dialled, person.extension, startMs, random.logNormal(median, 1), crowd.answered, random);
    calls.push(call);
    if (call.disposition === 'ANSWERED' || !random.chance(tries === 0 ? crowd.redials : 0.65)) break;
    startMs += (call.ringSeconds + 5 + random.below(90)) * SECOND_MS;
  }
  return calls;
}

function atHour(midnightMs: number, hours: Hours, random: Random): number {
  const hour = random.weighted(hours.map((weight, at) => [at, weight] as const));
  return midnightMs + hour * HOUR_MS + random.below(3600) * SECOND_MS;
}

/** @param seconds of talking, if somebody answers */
export function talk(
  dialled: string,
  extension: string,
  startMs: number,
  seconds: number,
  answered: number,
  random: Random,
): TrafficCall {
  const isAnswered = random.chance(answered);
  const isBusy = !isAnswered && random.chance(0.3);
  return {
    startMs,
    extension,
    dialled,
    ringSeconds: isBusy ? 2 : 4 + random.below(isAnswered ? 14 : 30),
    talkSeconds: isAnswered ? Math.max(1, Math.round(Math.min(seconds, 9000))) : 0,
    disposition: isAnswered ? 'ANSWERED' : isBusy ? 'BUSY' : 'NO ANSWER',
  };
}

/** A person has one mouth: who is talking when his next call was due places it a little later. */
function onePhoneEach(calls: readonly TrafficCall[]): TrafficCall[] {
  const freeMs = new Map<string, number>();
  return calls
    .toSorted((one, other) => one.startMs - other.startMs)
    .map((call) => {
      const startMs = Math.max(call.startMs, freeMs.get(call.extension) ?? 0);
      freeMs.set(call.extension, startMs + (call.ringSeconds + call.talkSeconds + 3) * SECOND_MS);
      return { ...call, startMs };
    });
}
