/**
 * Dialled digits to the international form, by the numbering plan of the home country, and what that form tells.
 *
 * Guarantees: never throws; the same answer for the same input; an international form is read as itself again. The
 * country comes from the leading digits alone and stands whether or not the number is allocated or too long: fraud lives
 * in numbers that were never allocated, and switches ignore digits in excess. libphonenumber strips trunk prefixes and
 * labels the line; it refuses nothing here. Outside and international prefixes of a site are gone already: see
 * destination.ts. Knows nothing of classes, lists or extensions.
 */
import parsePhoneNumber, {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  Metadata,
  type NumberingPlan,
  type PhoneNumber,
} from 'libphonenumber-js/max';
import { dialledInNorthAmerica, isNorthAmerican, readNorthAmerican } from './north-american-plan.ts';

/** What libphonenumber or the North American plan says of the line. */
export type LineType = 'mobile' | 'premium' | 'tollfree';

export interface PlacedNumber {
  /** `+` and digits. More than the 15 of ITU-T E.164 where more were dialled. */
  readonly international: string;
  /** Undefined where the digits begin with none that is assigned. */
  readonly callingCode: string | undefined;
  /** ISO 3166-1 alpha-2, and XK, AC, TA; undefined where the number is of no one country, or of nobody knows which. */
  readonly country: string | undefined;
  /** False where the country code, or the area code behind +1, is nobody's. */
  readonly isAssigned: boolean;
  readonly lineType: LineType | undefined;
}

/** Country codes of no country, ITU-T E.164 list of assigned country codes. */
const OF_NO_COUNTRY = ['800', '808', '870', '878', '881', '882', '883', '888', '979'];

/** The countries of each calling code; the first is the one that most of its numbers are of. */
const COUNTRIES = new Map<string, CountryCode[]>(OF_NO_COUNTRY.map((code) => [code, []]));
for (const country of getCountries()) {
  const code = getCountryCallingCode(country);
  COUNTRIES.set(code, [...(COUNTRIES.get(code) ?? []), country]);
}
/** Where several share a code, who has the numbers that libphonenumber gives to none of them. */
const MAIN_COUNTRY: Readonly<Record<string, CountryCode>> = {
  '7': 'RU',
  '39': 'IT',
  '44': 'GB',
  '47': 'NO',
  '61': 'AU',
  '212': 'MA',
  '262': 'RE',
  '290': 'SH',
  '358': 'FI',
  '590': 'GP',
  '599': 'CW',
};

/** Parts of one state behind one country code, with one plan and one tariff: a call between them is national. */
const TOGETHER: readonly (readonly string[])[] = [
  ['FI', 'AX'],
  ['NO', 'SJ'],
  ['AU', 'CC', 'CX'],
  ['MA', 'EH'],
  ['GP', 'BL', 'MF'],
  ['RE', 'YT'],
  ['SH', 'TA'],
];

/** Where a number is also dialled without the trunk prefix that the plan asks for. */
const TRUNK_PREFIX_OPTIONAL: ReadonlySet<string> = new Set(['IN']);

interface HomePlan {
  readonly callingCode: string;
  readonly internationalPrefix: RegExp;
  readonly lengths: readonly number[];
}

/** `US`: one that numbers can be placed in. */
export const isKnownCountry = (country: string): boolean => isSupportedCountry(country);

/**
 * Places a number in the world.
 *
 * @param number digits, with `+` in front where they are in international form; anything else is not placed.
 * @param homeCountry whose plan digits without `+` follow; without it, or with one that is not known, those are not placed.
 */
export function toInternational(number: string, homeCountry: string | undefined): PlacedNumber | undefined {
  if (/^\+\d+$/.test(number)) {
    // No country code begins with 0: +0053 is +53 of someone who wrote both prefixes.
    const international = number.replace(/^\+0+/, '+');
    return international === '+' ? undefined : settle(international);
  }
  if (!/^\d+$/.test(number) || homeCountry === undefined || !isSupportedCountry(homeCountry)) return undefined;
  const dialled = dialledAtHome(number, homeCountry);
  return typeof dialled === 'string' ? settle(dialled) : dialled;
}

/** True for a call that stays in the plan and, as far as the number tells, in the country of the caller. */
export function isDomestic(placed: PlacedNumber, homeCountry: string | undefined): boolean {
  if (homeCountry === undefined || !placed.isAssigned) return false;
  if (placed.callingCode === '1' && placed.country === undefined) return isNorthAmerican(homeCountry);
  if (placed.country === undefined) return false;
  const { country } = placed;
  return country === homeCountry || TOGETHER.some((all) => all.includes(country) && all.includes(homeCountry));
}

/** Behind the home country's code, but nobody's: whether it is domestic cannot be told. */
export const isInHomePlan = (placed: PlacedNumber, homeCountry: string | undefined): boolean =>
  homeCountry !== undefined &&
  isSupportedCountry(homeCountry) &&
  placed.callingCode === getCountryCallingCode(homeCountry);

const MOST_STEPS = 4;

/**
 * A trunk prefix behind the country code (`+44 0 20…`) is stripped, and what is left is read again until it stays as it
 * is, so that the form is one that reads as itself. What does not come to rest is left as it was dialled.
 */
function settle(dialled: string): PlacedNumber {
  const first = read(dialled);
  let placed = first;
  for (let step = 0; step < MOST_STEPS; step++) {
    const again = placed.international === dialled ? placed : read(placed.international);
    if (again.international === placed.international) return again;
    placed = again;
  }
  return { ...first, international: dialled };
}

function read(international: string): PlacedNumber {
  const callingCode = callingCodeOf(international);
  const countries = callingCode === undefined ? undefined : COUNTRIES.get(callingCode);
  if (callingCode === undefined || countries === undefined) {
    return { international, callingCode: undefined, country: undefined, isAssigned: false, lineType: undefined };
  }
  if (callingCode === '1') {
    const withoutTrunkPrefix = international.replace(/^\+11(?=[2-9]\d{9})/, '+1');
    return { international: withoutTrunkPrefix, callingCode, ...readNorthAmerican(withoutTrunkPrefix) };
  }
  const [first] = countries;
  const country = countries.length === 1 ? first : MAIN_COUNTRY[callingCode];
  const placed = { callingCode, country, isAssigned: true, lineType: undefined };
  if (country === undefined) return { ...placed, international };
  const whole = parsePhoneNumber(international, { extract: false });
  const found = valid(whole);
  if (found !== undefined) return { ...placed, international: found.number.number, ...labelOf(found, country) };
  const stripped = whole !== undefined && whole.countryCallingCode === callingCode ? whole.number : international;
  const digits = callingCode.length + 1;
  for (const length of lengthsOf(country)) {
    if (stripped.length <= digits + length) continue;
    const cut = valid(parsePhoneNumber(stripped.slice(0, digits + length), { extract: false }));
    if (cut === undefined) continue;
    return { ...placed, international: cut.number.number + stripped.slice(digits + length), ...labelOf(cut, country) };
  }
  return { ...placed, country: whole?.country ?? country, international: stripped };
}

interface Valid {
  readonly number: PhoneNumber;
  readonly type: NonNullable<ReturnType<PhoneNumber['getType']>>;
}

/** A number that is allocated as far as libphonenumber knows: it has a type. */
function valid(number: PhoneNumber | undefined): Valid | undefined {
  const type = number?.getType();
  return number === undefined || type === undefined ? undefined : { number, type };
}

function labelOf({ number, type }: Valid, country: string): Pick<PlacedNumber, 'country' | 'lineType'> {
  return { country: number.country ?? country, lineType: LINE_TYPES[type] };
}

/** In North America and some other plans a number does not tell a mobile from a fixed line; then nothing is said. */
const LINE_TYPES: Readonly<Record<string, LineType>> = {
  MOBILE: 'mobile',
  PREMIUM_RATE: 'premium',
  TOLL_FREE: 'tollfree',
};

/** Country codes have one to three digits and none is the beginning of another. */
function callingCodeOf(international: string): string | undefined {
  for (let end = 2; end <= 4; end++) {
    const code = international.slice(1, end);
    if (COUNTRIES.has(code)) return code;
  }
  return undefined;
}

/** Shorter than this, what follows an international prefix is no number: `001` may be dialled for an operator. */
const SHORTEST_ABROAD = 5;

/** The number, or its international form where that is still to be read. */
function dialledAtHome(digits: string, home: CountryCode): PlacedNumber | string | undefined {
  const plan = planOf(home);
  // Sites configure their prefixes; one that did not must still not have its calls to Cuba read as something else.
  const abroad = digits.replace(plan.internationalPrefix, '');
  if (abroad !== digits && /^[1-9]/.test(abroad) && abroad.length >= SHORTEST_ABROAD) return `+${abroad}`;
  if (plan.callingCode === '1') return dialledInNorthAmerica(digits, home);
  const whole = homeNumber(digits, home, plan);
  if (whole !== undefined) return whole;
  const [longest = 0] = plan.lengths;
  const shortest = plan.lengths.at(-1) ?? longest;
  // Two more than the longest leave room for a trunk prefix.
  const from = Math.min(digits.length - 1, longest + 2);
  for (let length = from; length >= Math.max(shortest, from - MOST_CUTS); length--) {
    const cut = homeNumber(digits.slice(0, length), home, plan);
    if (cut !== undefined) return (typeof cut === 'string' ? cut : cut.international) + digits.slice(length);
  }
  return undefined;
}

/** Each costs up to 15 microseconds; in most plans the lengths differ by two or three. */
const MOST_CUTS = 8;

/**
 * What is dialled as the country dials it: with the trunk prefix where there is one, or with the country code. Digits
 * without either may be a foreign number without its `+`, which many trunks accept, and are not taken for domestic.
 */
function homeNumber(digits: string, home: CountryCode, plan: HomePlan): PlacedNumber | string | undefined {
  const number = parsePhoneNumber(digits, { defaultCountry: home, extract: false });
  if (number === undefined || number.countryCallingCode !== plan.callingCode) return undefined;
  const { nationalNumber } = number;
  const isStripped = nationalNumber !== digits;
  const found = valid(number);
  if (found === undefined) return isStripped && !nationalNumber.startsWith('0') ? number.number : undefined;
  const isAsDialled =
    isStripped || TRUNK_PREFIX_OPTIONAL.has(home) || number.formatNational().replace(/\D/g, '') === digits;
  if (!isAsDialled) return undefined;
  // A second reading could take another trunk prefix away; the first digit tells that it will not, and saves half the time.
  if (/^[08]/.test(nationalNumber)) return number.number;
  return { international: number.number, callingCode: plan.callingCode, isAssigned: true, ...labelOf(found, home) };
}

const plans = new Map<CountryCode, HomePlan>();

function planOf(country: CountryCode): HomePlan {
  const known = plans.get(country);
  if (known !== undefined) return known;
  const numbering = numberingPlan(country);
  const plan = {
    callingCode: getCountryCallingCode(country),
    internationalPrefix: new RegExp(`^(?:${numbering?.IDDPrefix() ?? '00'})`),
    lengths: [...(numbering?.possibleLengths() ?? [])].sort((a, b) => b - a),
  };
  plans.set(country, plan);
  return plan;
}

/** Of a subscriber number, the longest first. */
const lengthsOf = (country: CountryCode): readonly number[] => planOf(country).lengths;

function numberingPlan(country: CountryCode): NumberingPlan | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan;
}
