import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Dialling, readDestination } from '../../../src/policy/destination.ts';

const OFFICE: Dialling = { outside: ['9'], international: ['011', '00'] };
const PLAIN: Dialling = { outside: [], international: [] };
const EMERGENCY: ReadonlySet<string> = new Set(['911', '112']);

interface Row {
  readonly name: string;
  readonly dialled: string;
  readonly number: string;
  readonly isEmergency: boolean;
  readonly dialling?: Dialling;
}
const emergency = (name: string, dialled: string, number: string, dialling?: Dialling): Row =>
  dialling === undefined
    ? { name, dialled, number, isEmergency: true }
    : { name, dialled, number, isEmergency: true, dialling };
const ordinary = (name: string, dialled: string, number: string, dialling?: Dialling): Row =>
  dialling === undefined
    ? { name, dialled, number, isEmergency: false }
    : { name, dialled, number, isEmergency: false, dialling };

const ROWS: readonly Row[] = [
  emergency('an emergency number as it is', '911', '911'),
  emergency('the other emergency number', '112', '112'),
  emergency('an emergency number behind the outside line, whose digits begin with that prefix', '9911', '911'),
  emergency('the other one behind the outside line', '9112', '112'),
  emergency('an emergency number where the site has no outside line', '911', '911', PLAIN),
  emergency('behind the second of two outside lines', '8112', '112', { outside: ['9', '8'], international: [] }),
  emergency('behind a longer outside line', '90911', '911', { outside: ['9', '90'], international: [] }),
  emergency('with separators', ' 9-1.1 ', '911'),
  emergency('with separators behind the outside line', '9 (911)', '911'),
  emergency('with SIP parameters', '911;phone-context=+1', '911'),
  emergency('with SIP parameters behind the outside line', '9911;user=phone', '911'),
  emergency('with SIP parameters longer than what is kept', `911;phone-context=${'x'.repeat(500)}`, '911'),
  emergency('with a host', '112@pbx.example.com', '112'),
  emergency('as a tel URI', 'tel:911', '911'),
  emergency('as a tel URI with its context', 'TEL:911;phone-context=example.com', '911'),
  emergency('as a SIP URI', 'sip:911@example.com', '911'),
  emergency('as a secure SIP URI with a parameter', 'sips:112;user=phone@example.com', '112'),

  ordinary('+911 is a number of another country code', '+911', '+911'),
  ordinary('an emergency number and one digit more', '9115', '115'),
  ordinary('an emergency number and one digit more without an outside line', '9115', '9115', PLAIN),
  ordinary('an emergency number in front of another number', '911/5312345678', '115312345678'),
  ordinary('an emergency number far in front of another number', `911${'-'.repeat(200)}53123`, '1153123'),
  ordinary('two outside prefixes are not one', '99911', '9911'),
  ordinary('an international prefix is no outside line', '011911', '+911'),
  ordinary('a number with the outside prefix', '913055550100', '13055550100'),
  ordinary('the outside prefix alone', '9', '9'),
  ordinary('nothing', '', ''),
  ordinary('only parameters', ';911', ''),
  ordinary('an international prefix', '01153123456', '+53123456'),
  ordinary('an international prefix behind the outside line', '901153123456', '+53123456'),
  ordinary('the other international prefix behind the outside line', '9 00 53 123', '+53123'),
  ordinary('an international prefix alone', '011', '011'),
  ordinary('a plus', '+1 (305) 555-0100', '+13055550100'),
  ordinary('a plus behind the outside line', '9+13055550100', '+13055550100'),
  ordinary('a tel URI', 'tel:+1-305-555-0100;ext=5', '+13055550100'),
  ordinary('a feature code', '*97', '*97'),
  ordinary('a name', 'reception', 'reception'),
  ordinary('a name that begins like a URI', 'telephone', 'telephone'),
  ordinary('the longer of two outside prefixes wins', '905550100', '5550100', {
    outside: ['9', '90'],
    international: [],
  }),
  ordinary('the longer of two international prefixes wins', '001153', '+53', {
    outside: [],
    international: ['00', '0011'],
  }),
];

describe('what was dialled', () => {
  it.each(ROWS)('$name ($dialled)', ({ dialled, number, isEmergency, dialling }) => {
    const destination = readDestination(dialling ?? OFFICE, EMERGENCY, dialled);
    expect({ number: destination.number, isEmergency: destination.isEmergency }).toEqual({ number, isEmergency });
  });

  it('is kept as it was dialled, up to 128 characters and without half a character at the cut', () => {
    expect(readDestination(OFFICE, EMERGENCY, '9 911').dialled).toBe('9 911');
    expect(readDestination(OFFICE, EMERGENCY, '7'.repeat(200))).toEqual({
      dialled: '7'.repeat(128),
      number: '7'.repeat(128),
      isEmergency: false,
    });
    expect(readDestination(OFFICE, EMERGENCY, `${'7'.repeat(127)}😀`).dialled).toBe('7'.repeat(127));
  });

  it('is an emergency behind every outside prefix, whatever separators stand in it', () => {
    const separators = fc.string({ unit: fc.constantFrom(...' -.()/\t'), maxLength: 5 });
    fc.assert(
      fc.property(
        fc.constantFrom('', ...OFFICE.outside),
        fc.constantFrom(...EMERGENCY),
        fc.array(separators, { minLength: 8, maxLength: 8 }),
        fc.constantFrom('', ';', '@host', ';phone-context=1'),
        (prefix, number, gaps, rest) => {
          const dialled = [...`${prefix}${number}`].map((digit, at) => `${gaps[at]}${digit}`).join('') + gaps[7] + rest;
          expect(readDestination(OFFICE, EMERGENCY, dialled)).toMatchObject({ number, isEmergency: true });
        },
      ),
    );
  });

  it('is an emergency only when nothing but an emergency number and a prefix are left of its digits', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'91120'), maxLength: 8 });
    const allowed = new Set([...EMERGENCY].flatMap((number) => [number, `9${number}`, `0${number}`]));
    let emergencies = 0;
    fc.assert(
      fc.property(digits, (text) => {
        const { isEmergency } = readDestination(OFFICE, EMERGENCY, text);
        if (isEmergency) emergencies += 1;
        expect(isEmergency).toBe(allowed.has(text));
      }),
      { numRuns: 5000 },
    );
    expect(emergencies).toBeGreaterThan(0);
  });

  it('is read without an exception and within bounds, whatever characters it is made of', () => {
    const unicode = fc.string({ unit: 'binary', maxLength: 400 });
    const anyUnits = fc.array(fc.nat(0xffff), { maxLength: 300 }).map((units) => String.fromCharCode(...units));
    const within = (text: string): void => {
      const destination = readDestination(OFFICE, EMERGENCY, text);
      expect(destination.dialled.length).toBeLessThanOrEqual(128);
      expect(destination.number.length).toBeLessThanOrEqual(128);
    };
    fc.assert(fc.property(anyUnits, within), { numRuns: 1000 });
    fc.assert(
      fc.property(unicode, (text) => {
        within(text);
        // Throws on half of a surrogate pair.
        encodeURIComponent(readDestination(OFFICE, EMERGENCY, text).dialled);
      }),
      { numRuns: 1000 },
    );
  });
});
