import { describe, expect, it } from 'vitest';
import { compileRateSheet, type RateRow } from '../../../src/rates/rate-sheet.ts';
import { policyOf } from '../../support/policy.ts';

const row = (prefix: string, perMinuteMicros: number): RateRow => ({
  prefix,
  perMinuteMicros,
  connectionMicros: 0,
  firstSeconds: 60,
  nextSeconds: 60,
});
const sheet = compileRateSheet([
  row('+1', 10_000),
  row('+1809', 400_000),
  row('+1809201', 500_000),
  row('+535', 900_000),
  row('+537', 800_000),
  row('+88216', 5_000_000),
  row('118', 2_000_000),
]);
const policy = policyOf({
  homeCountry: 'US',
  dialling: { outside: ['9'], international: ['011'] },
  extensions: { '2001': {} },
});
const priced = (dialled: string) => {
  const { by, prefix, class: name, price } = sheet.priceOf(policy.readDestination(dialled));
  return [by, prefix ?? name, price.perMinuteMicros];
};

describe('a rate sheet', () => {
  it.each([
    ['the longest prefix decides', '0115371234567', ['prefix', '+537', 800_000]],
    ['a number as it is dialled at home', '8092015555', ['prefix', '+1809201', 500_000]],
    ['another of that area code', '18095555555', ['prefix', '+1809', 400_000]],
    ['digits that are no number', '118', ['prefix', '118', 2_000_000]],
    [
      'a number of a country that has prices, and none of it: the dearest of them',
      '0115399999999',
      ['class', '+535', 900_000],
    ],
    ['a number of a country without a price: the dearest of all', '01149301234567', ['class', '+88216', 5_000_000]],
    ['an emergency number', '911', ['free', undefined, 0]],
    ['an own extension', '2001', ['free', undefined, 0]],
  ])('%s', (_name, dialled, wanted) => {
    expect(priced(dialled)).toEqual(wanted);
  });

  it('names the class whose dearest price counts', () => {
    const classOf = (dialled: string) => sheet.priceOf(policy.readDestination(dialled)).class;
    expect([classOf('0115399999999'), classOf('01149301234567')]).toEqual(['country:CU', 'international']);
  });

  it('knows countries behind +1 by their area codes', () => {
    const islands = compileRateSheet([
      row('+1809', 400_000),
      row('+1829', 450_000),
      row('+1876', 700_000),
      row('+53', 1_000_000),
    ]);
    const price = islands.priceOf(policy.readDestination('8495555555'));
    expect([price.by, price.prefix]).toEqual(['class', '+1829']);
  });

  it('charges no domestic freephone that has no price, and one that has', () => {
    const abroad = compileRateSheet([row('+53', 1_000_000)]);
    expect(abroad.priceOf(policy.readDestination('8005551234')).by).toBe('free');
    const home = compileRateSheet([row('+1800', 20_000)]);
    expect(home.priceOf(policy.readDestination('8005551234')).price.perMinuteMicros).toBe(20_000);
  });

  it('without rows charges nothing', () => {
    expect(compileRateSheet([]).priceOf(policy.readDestination('0115371234567')).by).toBe('free');
  });
});
