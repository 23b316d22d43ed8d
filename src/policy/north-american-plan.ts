/**
 * The part of the world behind +1: 25 countries that dial each other like neighbours, and pay for it.
 *
 * Ten digits, of which the first three, the area code, tell the country. The area codes of the countries other than the
 * United States and Canada are listed here and decide, so that a Caribbean number is never taken for a domestic one;
 * those two are told apart by libphonenumber. An area code in neither is read as of no known country.
 * Sources: NANPA, "Area Codes" and "Geographic Area Codes outside the US"; 47 CFR 52.
 */
import parsePhoneNumber from 'libphonenumber-js/max';

export interface AreaCodeReading {
  /** Undefined for freephone and other services, which are of no one country, and for an area code that is nobody's. */
  readonly country: string | undefined;
  readonly isAssigned: boolean;
  readonly lineType: 'premium' | 'tollfree' | undefined;
}

/** By country, their area codes. */
const AREA_CODES: Readonly<Record<string, readonly string[]>> = {
  AG: ['268'],
  AI: ['264'],
  AS: ['684'],
  BB: ['246'],
  BM: ['441'],
  BS: ['242'],
  DM: ['767'],
  DO: ['809', '829', '849'],
  GD: ['473'],
  GU: ['671'],
  JM: ['658', '876'],
  KN: ['869'],
  KY: ['345'],
  LC: ['758'],
  MP: ['670'],
  MS: ['664'],
  PR: ['787', '939'],
  SX: ['721'],
  TC: ['649'],
  TT: ['868'],
  VC: ['784'],
  VG: ['284'],
  VI: ['340'],
};

const COUNTRY_OF = new Map(
  Object.entries(AREA_CODES).flatMap(([country, codes]) => codes.map((code) => [code, country])),
);

/** Of no country: freephone, the premium 900, personal 5XX, and those of services. */
const FREEPHONE = /^8(?:00|22|33|44|55|66|77|88)/;
const PREMIUM = /^900/;
/** An exchange that the United States and Canada keep for pay-per-call, behind any of their area codes. */
const PAY_PER_CALL = /^...976/;
const OF_SERVICES = /^(?:456|500|52[1-9]|53[235-8]|544|566|577|588|600|622|700|710)/;

const NUMBER = /^\+1([2-9]\d{2})\d{7}/;

export const isNorthAmerican = (country: string): boolean =>
  country === 'US' || country === 'CA' || Object.hasOwn(AREA_CODES, country);

/** Reads a number that begins with +1. Digits after the tenth are ignored, as switches do. */
export function readNorthAmerican(international: string): AreaCodeReading {
  const areaCode = NUMBER.exec(international)?.[1];
  if (areaCode === undefined) return { country: undefined, isAssigned: false, lineType: undefined };
  const national = international.slice(2);
  if (FREEPHONE.test(national)) return { country: undefined, isAssigned: true, lineType: 'tollfree' };
  if (PREMIUM.test(national)) return { country: undefined, isAssigned: true, lineType: 'premium' };
  const island = COUNTRY_OF.get(areaCode);
  if (island !== undefined) return { country: island, isAssigned: true, lineType: undefined };
  if (OF_SERVICES.test(national)) return { country: undefined, isAssigned: true, lineType: undefined };
  const country = mainlandOf(areaCode);
  const lineType = country !== undefined && PAY_PER_CALL.test(national) ? 'premium' : undefined;
  return { country, isAssigned: country !== undefined, lineType };
}

/** At most 800 area codes, each asked for once: libphonenumber takes 10 microseconds to tell these two apart. */
const mainland = new Map<string, string | undefined>();

function mainlandOf(areaCode: string): string | undefined {
  if (!mainland.has(areaCode)) {
    const country = parsePhoneNumber(`+1${areaCode}2345678`)?.country;
    mainland.set(areaCode, country === 'US' || country === 'CA' ? country : undefined);
  }
  return mainland.get(areaCode);
}

/**
 * The international form of digits that were dialled without `+` and without international prefix.
 *
 * Ten digits as they are written, or any number of them behind a 1, because switches ignore those in excess. Seven
 * digits are completed where the country has a single area code. Anything else is undefined: eleven digits without the 1
 * may well be a foreign number without its `+`, which many trunks accept.
 */
export function dialledInNorthAmerica(digits: string, homeCountry: string): string | undefined {
  if (/^1[2-9]\d{9,}$/.test(digits)) return `+${digits}`;
  if (/^[2-9]\d{2}[2-9]\d{6}$/.test(digits)) return `+1${digits}`;
  const [only, another] = AREA_CODES[homeCountry] ?? [];
  if (only !== undefined && another === undefined && /^[2-9]\d{6}$/.test(digits)) return `+1${only}${digits}`;
  return undefined;
}
