import fc from 'fast-check';
import { getCountries, getCountryCallingCode } from 'libphonenumber-js/max';
import { describe, expect, it } from 'vitest';
import { readDestination } from '../../src/policy/destination.ts';
import { BUILT_IN_CLASSES, createClassifier, describeDestination } from '../../src/policy/destination-classes.ts';
import { HIGH_RISK_PREFIXES } from '../../src/policy/high-risk.ts';
import { toInternational } from '../../src/policy/number-plan.ts';
import { createPrefixTable } from '../../src/policy/prefix-table.ts';

const runs = { numRuns: 3000 };

const country = fc.constantFrom(...getCountries());
const home = fc.option(fc.oneof(country, fc.constantFrom('ZZ', '', 'constructor')), { nil: undefined });
const digits = fc.stringMatching(/^[0-9]{0,24}$/);
/** What makes plans strip something: trunk prefixes, carrier codes, prefixes of other countries. */
const prefix = fc.constantFrom('', '0', '00', '011', '1', '8', '80', '810', '06', '01', '15', '9', '001', '0011', '86');
const dialled = fc.oneof(
  fc.tuple(prefix, prefix, digits).map((parts) => parts.join('')),
  fc.tuple(country, prefix, digits).map(([of, before, rest]) => `+${getCountryCallingCode(of)}${before}${rest}`),
  fc.tuple(country, prefix, digits).map(([of, before, rest]) => `${before}${getCountryCallingCode(of)}${rest}`),
  digits.map((rest) => `+${rest}`),
);
const anything = fc.oneof(
  dialled,
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.stringMatching(/^[+*#0-9٠-٩x ]{0,40}$/),
);

const lists = { 'high-risk': HIGH_RISK_PREFIXES.map((entry) => entry.prefix), own: ['+4420', '00', '*'] };
const PLACES = new Set(['national', 'international', 'premium', 'shortcode', 'unknown', 'emergency', 'internal']);

describe('for any text that was dialled, anywhere', () => {
  it('classes are given, the same every time, and at least one says where to', () => {
    fc.assert(
      fc.property(home, anything, fc.boolean(), (homeCountry, text, isEmergency) => {
        const classify = createClassifier({ homeCountry, isOwnExtension: (number) => number === '2001', lists });
        const found = classify({ number: text, isEmergency });
        expect(classify({ number: text, isEmergency })).toEqual(found);
        expect([...found.classes].some((name) => PLACES.has(name))).toBe(true);
        expect(describeDestination(found)).not.toBe('');
        for (const each of found.decidedBy) expect(found.classes.has(each.class)).toBe(true);
        if (found.e164 !== undefined) expect(found.e164).toMatch(/^\+[1-9]\d*$/);
      }),
      runs,
    );
  });

  it('a call that a person may read as leaving the country is never national', () => {
    fc.assert(
      fc.property(country, anything, (homeCountry, text) => {
        const classify = createClassifier({ homeCountry, isOwnExtension: () => false, lists });
        const { classes, e164 } = classify({ number: text, isEmergency: false });
        const code = getCountryCallingCode(homeCountry);
        if (classes.has('national')) expect(e164?.startsWith(`+${code}`)).toBe(true);
        expect(classes.has('national') && ['international', 'unknown', 'premium'].some((c) => classes.has(c))).toBe(
          false,
        );
        const builtIn = [...classes].filter((name) => BUILT_IN_CLASSES.some((each) => each === name));
        expect(builtIn.length).toBeGreaterThan(0);
      }),
      runs,
    );
  });

  it('what the reader of dialled texts makes of it can be classified', () => {
    fc.assert(
      fc.property(home, fc.string({ unit: 'binary' }), (homeCountry, text) => {
        const classify = createClassifier({ homeCountry, isOwnExtension: () => false, lists });
        const read = readDestination({ outside: ['9'], international: ['00', '011'] }, new Set(['112']), text);
        expect(classify(read).classes.size).toBeGreaterThan(0);
      }),
      runs,
    );
  });
});

describe('the international form', () => {
  it('is read as itself, at home and anywhere else', () => {
    fc.assert(
      fc.property(country, home, dialled, (homeCountry, elsewhere, text) => {
        const placed = toInternational(text, homeCountry);
        if (placed === undefined) return;
        const again = toInternational(placed.international, elsewhere);
        expect(again).toEqual(placed);
      }),
      { numRuns: 20_000 },
    );
  });

  it('keeps the country when digits are added to a number that is long enough', () => {
    fc.assert(
      fc.property(
        country,
        fc.stringMatching(/^[1-9][0-9]{10,14}$/),
        fc.stringMatching(/^[0-9]{1,5}$/),
        (of, rest, more) => {
          const number = `+${getCountryCallingCode(of)}${rest}`;
          const [short, long] = [toInternational(number, undefined), toInternational(number + more, undefined)];
          expect(long?.callingCode).toBe(short?.callingCode);
        },
      ),
      runs,
    );
  });
});

describe('a prefix table', () => {
  const short = fc.stringMatching(/^[+01*]{0,5}$/);

  it('finds what a scan of all prefixes finds', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.oneof(short, fc.string()), fc.nat())),
        fc.oneof(short, fc.string()),
        (entries, number) => {
          const table = createPrefixTable(entries);
          const scan = [...new Map(entries)]
            .filter(([each]) => number.startsWith(each))
            .sort(([a], [b]) => b.length - a.length)
            .map(([each, value]) => ({ prefix: each, value }));
          expect(table.all(number)).toEqual(scan);
          expect(table.longest(number)).toEqual(scan[0]);
          expect(table.size).toBe(new Map(entries).size);
        },
      ),
      runs,
    );
  });
});
