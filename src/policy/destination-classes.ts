/**
 * What kind of destination a call has: the classes that rules name.
 *
 * Every destination has at least one class and reading one never throws. Prefixes decide: the tables here, and a site's
 * own lists, go before what libphonenumber says of a line. What cannot be placed is `unknown`, so that a rule can name
 * it; nothing that may leave the country passes for `national`. Which rules follow from a class is decided elsewhere.
 *
 * - `emergency` and `internal` stand alone: no list and no other class ever touches such a call.
 * - `national`, `international`, `shortcode`, `unknown`: how far. International is whatever is not of the home country,
 *   so Canada and Puerto Rico are international for the United States, and every placed number is where no home country
 *   is set. A number of no known country behind a foreign code is `international` and `unknown`.
 * - `mobile`, `tollfree`, `premium`, `satellite`: what line, beside how far, but a premium number of the home country is
 *   not `national`: a rule that lets national calls go on must not mean those. Freephone of another country is
 *   `tollfree` and `international`, and often charged. North America cannot tell mobiles: there is no `mobile` there.
 * - `country:XX` where it is of one.
 * - The name of every own list that has a prefix of the number.
 */
import type { DialledNumber } from './destination.ts';
import { isDomestic, isInHomePlan, type PlacedNumber, toInternational } from './number-plan.ts';
import { createPrefixTable } from './prefix-table.ts';

export const BUILT_IN_CLASSES = [
  'emergency',
  'internal',
  'tollfree',
  'national',
  'mobile',
  'international',
  'premium',
  'satellite',
  'shortcode',
  'unknown',
] as const;
export type BuiltInClass = (typeof BUILT_IN_CLASSES)[number];

const COUNTRY_CLASS = /^country:[A-Z]{2}$/;

/** True for a name that a list must not have: a list called `emergency` would take every limit off its numbers. */
export const isBuiltInClass = (name: string): boolean =>
  BUILT_IN_CLASSES.some((builtIn) => builtIn === name) || name.startsWith('country:');

/** `country:US`: the class of one country. */
export const isCountryClass = (name: string): boolean => COUNTRY_CLASS.test(name);

export interface Classification {
  /** International form, `+` and digits, where the number could be placed; longer than E.164 allows if so dialled. */
  readonly e164: string | undefined;
  /** ISO 3166-1 alpha-2. */
  readonly country: string | undefined;
  readonly classes: ReadonlySet<string>;
  /** Which prefix decided for a class, in the order of the classes; none for what the numbering plan decided. */
  readonly decidedBy: readonly DecidingPrefix[];
}

/** What was dialled, read and placed: country and classes say what kind of call it is. */
export interface Destination extends DialledNumber, Omit<Classification, 'decidedBy'> {}

export interface DecidingPrefix {
  readonly class: string;
  readonly prefix: string;
}

export interface ClassifierOptions {
  /** ISO 3166-1 alpha-2. Without it only numbers in international form are placed. */
  readonly homeCountry: string | undefined;
  readonly isOwnExtension: (number: string) => boolean;
  /**
   * Own lists by name; prefixes as `parsePrefix` gives them. With `+` they are compared with the international form,
   * without it with the digits as dialled, so that `*67` and `118` can be listed too.
   */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

export type Classify = (dialled: Pick<DialledNumber, 'number' | 'isEmergency'>) => Classification;

type Line = 'mobile' | 'premium' | 'satellite' | 'tollfree';

/**
 * Lines that libphonenumber does not know or calls something else. `none`: it has no class of its own.
 *
 * Sources: ITU-T E.164 list of assigned country codes (870 Inmarsat, 878 universal personal telecommunications, 881
 * global mobile satellite systems, 882 and 883 international networks, 979 international premium rate, 800 and 808
 * international freephone and shared cost); Ofcom, National Telephone Numbering Plan (070 personal numbers, 076 radio
 * paging, of which 07624 are Isle of Man mobiles).
 */
const LINES = createPrefixTable<Line | 'none'>([
  ['+4470', 'premium'],
  ['+4476', 'premium'],
  ['+447624', 'mobile'],
  ['+800', 'tollfree'],
  ['+808', 'none'],
  ['+870', 'satellite'],
  // A number that follows a person, like 070 in the United Kingdom, at a price that its operator sets.
  ['+878', 'premium'],
  ['+881', 'satellite'],
  // Satellite (Thuraya is +88216), ships, aircraft and machines share these two, and cost alike.
  ['+882', 'satellite'],
  ['+883', 'satellite'],
  ['+979', 'premium'],
]);

/** Short codes that are not cheap: directory enquiries, at prices that their operators set. Country, then prefix. */
const PREMIUM_SHORT_CODES: Readonly<Record<string, string>> = {
  AT: '118',
  DE: '118',
  ES: '118',
  FR: '118',
  GB: '118',
  IE: '118',
};

const LONGEST_SHORT_CODE = 6;

/**
 * Compiles what every call is classified by. One classification takes 2 microseconds in North America, 6 to 20 elsewhere,
 * and up to 100 for digits that are no number; whoever asks for the same number often keeps the answer, which is frozen.
 *
 * @throws {RangeError} on a list with the name of a built-in class: documents are checked before they are compiled.
 */
export function createClassifier(options: ClassifierOptions): Classify {
  const { homeCountry, isOwnExtension } = options;
  const lists = compileLists(options.lists);
  const byLists = (number: string, placed: PlacedNumber | undefined): DecidingPrefix[] => {
    const found = new Map<string, string>();
    const matches = [...lists.all(number), ...(placed === undefined ? [] : lists.all(placed.international))];
    // The longest comes first, and is the one that a person looks for.
    for (const { prefix, value } of matches) for (const list of value) if (!found.has(list)) found.set(list, prefix);
    return [...found].map(([list, prefix]) => ({ class: list, prefix }));
  };
  return ({ number, isEmergency }) => {
    if (isEmergency) return EMERGENCY;
    if (!number.startsWith('+') && isOwnExtension(number)) return INTERNAL;
    const placed = toInternational(number, homeCountry);
    const own = placed === undefined ? classesOfUnplaced(number, homeCountry) : classesOfPlaced(placed, homeCountry);
    const listed = byLists(number.startsWith('+') ? '' : number, placed);
    return freeze(placed, [...own.classes, ...listed.map((each) => each.class)], [...own.decidedBy, ...listed]);
  };
}

/** Prefixes with the lists that have them. */
function compileLists(lists: ClassifierOptions['lists']) {
  const byPrefix = new Map<string, string[]>();
  for (const [list, prefixes] of Object.entries(lists)) {
    if (isBuiltInClass(list)) throw new RangeError(`a list cannot be called "${list}": that is a class of its own`);
    for (const prefix of prefixes) byPrefix.set(prefix, [...(byPrefix.get(prefix) ?? []), list]);
  }
  return createPrefixTable(byPrefix);
}

interface Decision {
  readonly classes: readonly string[];
  readonly decidedBy: readonly DecidingPrefix[];
}

function classesOfPlaced(placed: PlacedNumber, homeCountry: string | undefined): Decision {
  const own = LINES.longest(placed.international);
  const line = own === undefined ? placed.lineType : own.value;
  const country = placed.country === undefined ? [] : [`country:${placed.country}`];
  return {
    classes: [
      ...reachOf(placed, line, homeCountry),
      ...(line === undefined || line === 'none' ? [] : [line]),
      ...country,
    ],
    decidedBy: own === undefined || own.value === 'none' ? [] : [{ class: own.value, prefix: own.prefix }],
  };
}

function reachOf(
  placed: PlacedNumber,
  line: Line | 'none' | undefined,
  homeCountry: string | undefined,
): BuiltInClass[] {
  if (isDomestic(placed, homeCountry)) return line === 'premium' ? [] : ['national'];
  if (placed.isAssigned) return ['international'];
  return isInHomePlan(placed, homeCountry) ? ['unknown'] : ['international', 'unknown'];
}

function classesOfUnplaced(number: string, homeCountry: string | undefined): Decision {
  if (!/^\d+$/.test(number) || number.length > LONGEST_SHORT_CODE) return { classes: ['unknown'], decidedBy: [] };
  const prefix = homeCountry === undefined ? undefined : PREMIUM_SHORT_CODES[homeCountry];
  if (prefix === undefined || !number.startsWith(prefix)) return { classes: ['shortcode'], decidedBy: [] };
  return { classes: ['shortcode', 'premium'], decidedBy: [{ class: 'premium', prefix }] };
}

function freeze(
  placed: PlacedNumber | undefined,
  classes: readonly string[],
  decidedBy: readonly DecidingPrefix[],
): Classification {
  return Object.freeze({
    e164: placed?.international,
    country: placed?.country,
    classes: new Set(classes),
    decidedBy: Object.freeze(decidedBy.map((each) => Object.freeze(each))),
  });
}

const EMERGENCY = freeze(undefined, ['emergency'], []);
const INTERNAL = freeze(undefined, ['internal'], []);

const COUNTRY_NAMES = new Intl.DisplayNames('en', { type: 'region', fallback: 'code' });
const countryName = (country: string): string =>
  /^[A-Z]{2}$/.test(country) ? (COUNTRY_NAMES.of(country) ?? country) : country;

/** The most telling class first; of these a label has one. */
const LABELS: readonly BuiltInClass[] = [
  'emergency',
  'internal',
  'premium',
  'satellite',
  'tollfree',
  'mobile',
  'unknown',
  'national',
  'international',
  'shortcode',
];
const MOST_LISTS_SHOWN = 2;

/** `Cuba, international, high-risk`: country, the most telling class, and up to two own lists. For journals. */
export function describeDestination({ country, classes }: Pick<Classification, 'country' | 'classes'>): string {
  const lists = [...classes].filter((name) => !isBuiltInClass(name));
  const parts = [
    ...(country === undefined ? [] : [countryName(country)]),
    ...LABELS.filter((label) => classes.has(label)).slice(0, 1),
    ...lists.slice(0, MOST_LISTS_SHOWN),
    ...(lists.length > MOST_LISTS_SHOWN ? ['…'] : []),
  ];
  return parts.join(', ');
}
