import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMoney, parseMoney } from '../../../src/policy/money.ts';
import { billedSeconds, costOf, type Price, secondsFor } from '../../../src/rates/price.ts';

const price = (perMinute: string, increments: readonly [number, number], connection = '0'): Price => ({
  perMinuteMicros: parseMoney(perMinute) ?? Number.NaN,
  connectionMicros: parseMoney(connection) ?? Number.NaN,
  firstSeconds: increments[0],
  nextSeconds: increments[1],
});

describe('what a call costs', () => {
  it.each([
    ['60/60', price('0.60', [60, 60]), 0, '0.60'],
    ['60/60', price('0.60', [60, 60]), 60_000, '0.60'],
    ['60/60', price('0.60', [60, 60]), 60_001, '1.20'],
    ['30/6', price('0.60', [30, 6]), 29_000, '0.30'],
    ['30/6', price('0.60', [30, 6]), 31_000, '0.36'],
    ['1/1 with a connection fee', price('0.60', [1, 1], '0.05'), 2500, '0.08'],
    ['a connection fee alone', price('0', [60, 60], '0.05'), 600_000, '0.05'],
    ['a cost between two millionths', price('0.000001', [1, 1]), 1000, '0.000001'],
  ])('%s: begun increments are owed', (_name, of, talkMs, cost) => {
    expect(formatMoney(costOf(of, talkMs))).toBe(cost);
  });

  const anyPrice = fc.record({
    perMinuteMicros: fc.integer({ min: 0, max: 1e12 }),
    connectionMicros: fc.integer({ min: 0, max: 1e12 }),
    firstSeconds: fc.integer({ min: 1, max: 3600 }),
    nextSeconds: fc.integer({ min: 1, max: 3600 }),
  });

  it('never falls while a call goes on, is whole, and is the exact cost of the billed seconds, rounded up', () => {
    fc.assert(
      fc.property(anyPrice, fc.nat(86_400_000), fc.nat(100_000), (of, talkMs, moreMs) => {
        const cost = costOf(of, talkMs);
        expect(costOf(of, talkMs + moreMs)).toBeGreaterThanOrEqual(cost);
        const product = BigInt(billedSeconds(of, talkMs)) * BigInt(of.perMinuteMicros);
        expect(BigInt(cost)).toBe(BigInt(of.connectionMicros) + (product + 59n) / 60n);
      }),
    );
  });

  it('is paid for by just as much talk as fits', () => {
    fc.assert(
      fc.property(anyPrice, fc.nat(1e12), (of, micros) => {
        const seconds = secondsFor(of, micros);
        if (seconds === 0) expect(costOf(of, 0)).toBeGreaterThan(micros);
        else if (Number.isFinite(seconds)) {
          expect(costOf(of, seconds * 1000)).toBeLessThanOrEqual(micros);
          expect(costOf(of, seconds * 1000 + 1)).toBeGreaterThan(micros);
        } else expect(costOf(of, 9e11)).toBeLessThanOrEqual(micros);
      }),
    );
  });
});

describe('money as text', () => {
  it('is read and written without loss', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (micros) => {
        expect(parseMoney(formatMoney(micros))).toBe(micros);
      }),
    );
  });
  it.each(['', '.', '-1', '1e3', '1,5', '0.0000001', '1234567890', ' 1'])(
    'is refused where it is none: "%s"',
    (text) => {
      expect(parseMoney(text)).toBeUndefined();
    },
  );
  it.each([
    ['0.8500', 850_000],
    ['.5', 500_000],
    ['12.', undefined],
    ['12', 12_000_000],
  ])('%s', (text, micros) => {
    expect(parseMoney(text)).toBe(micros);
  });
});
