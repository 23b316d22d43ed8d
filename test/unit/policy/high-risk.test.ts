import { getCountries, getExampleNumber } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/mobile/examples';
import { describe, expect, it } from 'vitest';
import { createClassifier } from '../../../src/policy/destination-classes.ts';
import {
  HIGH_RISK_PREFIXES,
  HIGH_RISK_REASONS,
  HIGH_RISK_REVIEWED,
  HIGH_RISK_SOURCES,
} from '../../../src/policy/high-risk.ts';
import { toInternational } from '../../../src/policy/number-plan.ts';
import { createPrefixTable, parsePrefix } from '../../../src/policy/prefix-table.ts';

const table = createPrefixTable(HIGH_RISK_PREFIXES.map((entry) => [entry.prefix, entry] as const));

describe('the shipped list of high-risk destinations', () => {
  it('says when it was reviewed', () => {
    expect(new Date(HIGH_RISK_REVIEWED).toISOString().slice(0, 10)).toBe(HIGH_RISK_REVIEWED);
  });

  it('has prefixes that the reader of lists gives back as they are, each once, in order', () => {
    const prefixes = HIGH_RISK_PREFIXES.map((entry) => entry.prefix);
    for (const prefix of prefixes) expect(parsePrefix(prefix)).toEqual({ prefix });
    expect(prefixes).toEqual([...new Set(prefixes)].sort());
    expect(prefixes.length).toBeGreaterThan(70);
  });

  it('gives for each a reason and at least one source, and uses every source', () => {
    const used = new Set(HIGH_RISK_PREFIXES.flatMap((entry) => entry.sources));
    expect([...used].sort()).toEqual(Object.keys(HIGH_RISK_SOURCES).sort());
    for (const entry of HIGH_RISK_PREFIXES) {
      expect(Object.keys(HIGH_RISK_REASONS)).toContain(entry.reason);
      expect(new Set(entry.sources).size).toBe(entry.sources.length);
    }
  });

  it('names publisher and place of every source, and the date where it has one', () => {
    for (const source of Object.values(HIGH_RISK_SOURCES)) {
      expect(new URL(source.url).protocol).toMatch(/^https?:$/);
      expect(source.publisher).not.toBe('');
      expect(source.date ?? '2000').toMatch(/^20\d\d(?:-\d\d){0,2}$/);
    }
  });

  it('calls every prefix by the name of the country that has it', () => {
    const names = new Intl.DisplayNames('en', { type: 'region' });
    const wrong = HIGH_RISK_PREFIXES.filter(({ prefix, name }) => {
      const padded = prefix.startsWith('+1') ? `${prefix}2345678` : `${prefix}1234567`;
      const country = toInternational(padded, undefined)?.country;
      return country !== undefined && !name.includes((names.of(country) ?? '').replace(/\s*\(.*\)/, ''));
    });
    expect(wrong).toEqual([]);
  });

  it('has every satellite and premium prefix among those classes', () => {
    const classify = createClassifier({ homeCountry: 'DE', isOwnExtension: () => false, lists: {} });
    for (const { prefix, reason } of HIGH_RISK_PREFIXES) {
      if (reason !== 'satellite' && reason !== 'premium') continue;
      const { classes } = classify({ number: `${prefix}12345678`, isEmergency: false });
      expect([prefix, classes.has(reason)]).toEqual([prefix, true]);
    }
  });

  it('leaves the mobiles of large countries alone', () => {
    for (const country of [
      'US',
      'CA',
      'GB',
      'DE',
      'FR',
      'IT',
      'ES',
      'AU',
      'MX',
      'BR',
      'IN',
      'JP',
      'LV',
      'MA',
    ] as const) {
      const number = getExampleNumber(country, examples)?.number ?? '';
      expect([country, table.longest(number)]).toEqual([country, undefined]);
    }
    expect(getCountries().length).toBeGreaterThan(200);
  });

  it.each([
    ['+5371234567', 'Cuba'],
    ['+2521234567', 'Somalia'],
    ['+21671234567', 'Tunisia'],
    ['+37190123456', 'Latvia'],
    ['+9607712345', 'Maldives'],
    ['+18765550100', 'Jamaica'],
    ['+16585550100', 'Jamaica'],
    ['+12845550100', 'British Virgin Islands'],
    ['+881612345678', 'global mobile satellite systems'],
    ['+88216123456', 'international networks'],
    ['+979123456789', 'international premium rate'],
  ])('has %s: %s', (number, name) => {
    expect(table.longest(number)?.value.name).toBe(name);
  });
});
