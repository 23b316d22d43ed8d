import { getCountries, getCountryCallingCode } from 'libphonenumber-js/max';
import { describe, expect, it } from 'vitest';
import { isDomestic, isKnownCountry, toInternational } from '../../../src/policy/number-plan.ts';

interface Row {
  readonly name: string;
  readonly home: string;
  readonly dialled: string;
  readonly international: string;
  readonly country: string;
}
const row = (home: string, name: string, dialled: string, international: string, country: string): Row => ({
  name,
  home,
  dialled,
  international,
  country,
});

const PLACED: readonly Row[] = [
  row('US', 'ten digits', '3055550100', '+13055550100', 'US'),
  row('US', 'the trunk prefix 1', '13055550100', '+13055550100', 'US'),
  row('US', 'a Canadian area code', '16135550100', '+16135550100', 'CA'),
  row('US', 'a Caribbean area code', '18765550100', '+18765550100', 'JM'),
  row('US', 'a Caribbean area code in ten digits', '8095550100', '+18095550100', 'DO'),
  row('US', 'the international prefix where the site names none', '01153712345678', '+53712345678', 'CU'),
  row('US', 'digits in excess', '13055550100999', '+13055550100999', 'US'),
  row('US', 'a trunk prefix behind the country code', '+113055550100', '+13055550100', 'US'),
  row('CA', 'a number of the other large country', '12125550100', '+12125550100', 'US'),
  row('BS', 'seven digits, where there is one area code', '3225555', '+12423225555', 'BS'),
  row('GB', 'a fixed line', '02079460000', '+442079460000', 'GB'),
  row('GB', 'a mobile', '07400123456', '+447400123456', 'GB'),
  row('GB', 'Jersey, by its area code', '01534123456', '+441534123456', 'JE'),
  row('GB', 'Guernsey, among the mobiles', '07781123456', '+447781123456', 'GG'),
  row('GB', 'the Isle of Man, among the pagers', '07624123456', '+447624123456', 'IM'),
  row('GB', 'the country code without plus', '447400123456', '+447400123456', 'GB'),
  row('GB', 'the trunk prefix behind the country code', '+4402079460000', '+442079460000', 'GB'),
  row('GB', 'a number that was never allocated', '05551234567', '+445551234567', 'GB'),
  row('GB', 'digits in excess', '0207946000099', '+44207946000099', 'GB'),
  row('GB', 'the international prefix where the site names none', '0053712345678', '+53712345678', 'CU'),
  row('DE', 'a fixed line', '030123456', '+4930123456', 'DE'),
  row('DE', 'a mobile', '01711234567', '+491711234567', 'DE'),
  row('DE', 'the country code without plus', '4930123456', '+4930123456', 'DE'),
  row('FR', 'a fixed line', '0142685300', '+33142685300', 'FR'),
  row('FR', 'a mobile', '0612345678', '+33612345678', 'FR'),
  row('IT', 'a fixed line, which keeps its zero', '0612345678', '+390612345678', 'IT'),
  row('IT', 'a mobile, which has none', '3123456789', '+393123456789', 'IT'),
  row('IT', 'a fixed line with the country code', '+390612345678', '+390612345678', 'IT'),
  row('IT', 'the Vatican', '0669812345', '+390669812345', 'VA'),
  row('RU', 'the trunk prefix 8', '84951234567', '+74951234567', 'RU'),
  row('RU', 'freephone, which begins with 8 as well', '88005553535', '+78005553535', 'RU'),
  row('RU', 'Kazakhstan', '87011234567', '+77011234567', 'KZ'),
  row('RU', 'the international prefix 810', '81053712345678', '+53712345678', 'CU'),
  row('AU', 'a mobile', '0412345678', '+61412345678', 'AU'),
  row('AU', 'a fixed line', '0299991234', '+61299991234', 'AU'),
  row('AU', 'a six-digit number without trunk prefix', '131234', '+61131234', 'AU'),
  row('AU', 'the international prefix 0011', '0011442079460000', '+442079460000', 'GB'),
  row('MX', 'ten digits', '5512345678', '+525512345678', 'MX'),
  row('MX', 'the mobile 1 of before 2019', '+5215512345678', '+5215512345678', 'MX'),
  row('BR', 'a mobile', '011912345678', '+5511912345678', 'BR'),
  row('BR', 'a mobile with a carrier code', '01511912345678', '+5511912345678', 'BR'),
  row('BR', 'a mobile without trunk prefix', '11912345678', '+5511912345678', 'BR'),
  row('IN', 'a mobile', '09876543210', '+919876543210', 'IN'),
  row('IN', 'a mobile without trunk prefix', '9876543210', '+919876543210', 'IN'),
  row('IN', 'a fixed line', '01123456789', '+911123456789', 'IN'),
  row('US', 'both international prefixes at once', '+0053712345678', '+53712345678', 'CU'),
  row('US', 'a country, though the number is none', '+531', '+531', 'CU'),
  row('US', 'a country, though the number is far too long', `+53${'1'.repeat(60)}`, `+53${'1'.repeat(60)}`, 'CU'),
];

const NOT_PLACED: readonly (readonly [home: string | undefined, name: string, dialled: string])[] = [
  ['US', 'a foreign prefix that the country does not have', '0044207946000'],
  ['US', 'a foreign number without its plus', '442079460000'],
  ['US', 'seven digits where there are many area codes', '5550100'],
  ['US', 'digits and a star code', '*6713055550100'],
  ['US', 'a carrier access code', '101028813055550100'],
  ['GB', 'a national number without its trunk prefix', '2079460000'],
  ['DE', 'what would be Cuba with a plus', '53712345678'],
  ['RU', 'a national number without its trunk prefix', '4951234567'],
  ['IT', 'a fixed line without its zero', '612345678'],
  ['US', 'letters', '1800FLOWERS'],
  ['US', 'digits of another script', '١٢٣٤٥٦٧٨٩٠'],
  ['US', 'nothing', ''],
  ['US', 'a plus', '+'],
  ['US', 'zeros behind a plus', '+000'],
  [undefined, 'a national number without a home country', '13055550100'],
  ['ZZ', 'a national number of a country that is none', '13055550100'],
];

describe('the international form', () => {
  it.each(PLACED)('in $home, $name: $dialled is $international', ({ home, dialled, international, country }) => {
    expect(toInternational(dialled, home)).toMatchObject({ international, country, isAssigned: true });
  });

  it.each(NOT_PLACED)('in %s, %s is not placed: %s', (home, _name, dialled) => {
    expect(toInternational(dialled, home)).toBeUndefined();
  });

  it('is of no country behind a code that is nobody’s', () => {
    expect(toInternational('+999123456', 'US')).toMatchObject({ international: '+999123456', isAssigned: false });
    expect(toInternational('+15551234567', 'US')).toMatchObject({ country: undefined, isAssigned: false });
    expect(toInternational('+1876555', 'US')).toMatchObject({ country: undefined, isAssigned: false });
  });

  it('comes to rest where what a trunk prefix leaves begins with one again', () => {
    const placed = toInternational('88103511537', 'BY');
    expect(placed?.country).toBe('BY');
    expect(toInternational(placed?.international ?? '', undefined)).toEqual(placed);
  });

  it('needs no home country where there is a plus', () => {
    expect(toInternational('+53712345678', undefined)).toMatchObject({ country: 'CU' });
  });

  it('has the country of its code for every country that there is, whatever follows', () => {
    const wrong = getCountries().filter((country) => {
      const code = getCountryCallingCode(country);
      const found = toInternational(`+${code}00`, undefined)?.country;
      if (code === '1') return found !== undefined;
      return found === undefined || getCountryCallingCode(found as typeof country) !== code;
    });
    expect(wrong).toEqual([]);
  });
});

describe('a domestic call', () => {
  const domestic = (number: string, home: string): boolean => {
    const placed = toInternational(number, home);
    return placed !== undefined && isDomestic(placed, home);
  };

  it('stays in one country', () => {
    expect(domestic('13055550100', 'US')).toBe(true);
    expect(domestic('16135550100', 'US')).toBe(false);
    expect(domestic('17875550100', 'US')).toBe(false);
    expect(domestic('07781123456', 'GB')).toBe(false);
  });

  it('may go to another part of one state behind one country code', () => {
    expect(domestic('+35818123456', 'FI')).toBe(true);
    expect(domestic('+358912345678', 'AX')).toBe(true);
  });

  it('may go to freephone that several countries share, from each of them', () => {
    for (const home of ['US', 'CA', 'JM']) expect(domestic('18005550100', home)).toBe(true);
    expect(domestic('+18005550100', 'GB')).toBe(false);
  });
});

it('a known country is one that numbers can be placed in', () => {
  for (const country of ['US', 'GB', 'XK', 'AC']) expect(isKnownCountry(country)).toBe(true);
  for (const country of ['ZZ', 'us', '', 'constructor', '001']) expect(isKnownCountry(country)).toBe(false);
});
