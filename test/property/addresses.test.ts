/** Addresses, ranges and sets of networks against naive models on plain numbers and lists. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAddressSet } from '../../src/policy/address-set.ts';
import {
  type Address,
  type AddressRange,
  contains,
  countOf,
  formatAddress,
  formatRange,
  type Network,
  networkAround,
  networksOf,
  overlaps,
  rangeOf,
  readAddress,
  readRange,
  widthOf,
  without,
} from '../../src/policy/addresses.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('addresses');

/** Few leading bits, so that networks and addresses meet. */
const address: fc.Arbitrary<Address> = fc.oneof(
  fc.record({ family: fc.constant<4>(4), value: fc.bigInt(0n, 1023n).map((low) => 0xcb00_7000n + low) }),
  fc.record({
    family: fc.constant<6>(6),
    value: fc.bigInt(0n, 1023n).map((low) => (0x2001_0db8n << 96n) + (low << 54n)),
  }),
  fc.record({ family: fc.constant<4>(4), value: fc.bigInt(0n, 2n ** 32n - 1n) }),
  fc
    .record({ family: fc.constant<6>(6), value: fc.bigInt(0n, 2n ** 128n - 1n) })
    .filter(({ value }) => value >> 32n !== 0xffffn),
);
const network: fc.Arbitrary<Network> = fc
  .tuple(address, fc.nat(128))
  .map(([at, bits]) => networkAround(at, bits % (widthOf(at.family) + 1)));
const range: fc.Arbitrary<AddressRange> = fc
  .tuple(address, fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 2n ** 40n)))
  .map(([{ family, value }, more]) => {
    const largest = (1n << BigInt(widthOf(family))) - 1n;
    return { family, first: value, last: value + more > largest ? largest : value + more };
  });

test('nothing that is read ever throws, whatever it is given', () => {
  const pieces = fc.constantFrom(
    '0',
    '9',
    '255',
    '256',
    '.',
    ':',
    '::',
    '-',
    '/',
    '%',
    'f',
    'x',
    ' ',
    '2001:db8::1',
    '203.0.113.9',
    '::ffff:',
    '\u0000',
    'é',
    '24',
  );
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 150 }),
    fc.array(pieces, { maxLength: 12 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, text, (one, other) => {
      const read = readRange(one, other);
      readAddress(one);
      if ('range' in read) expect(read.range.first <= read.range.last).toBe(true);
      else expect(read.problem.length).toBeGreaterThan(10);
    }),
    { seed, numRuns: 5000 },
  );
});

test('what is written of a range or an address is read as the same', () => {
  fc.assert(
    fc.property(range, address, (one, at) => {
      expect(readRange(formatRange(one))).toEqual({ range: one });
      expect(readAddress(formatAddress(at))).toEqual(at);
    }),
    { seed, numRuns: 3000 },
  );
});

test('the networks of a range touch one another, hold all of it, and nothing else', () => {
  fc.assert(
    fc.property(range, (one) => {
      const parts = networksOf(one).map(rangeOf);
      expect(parts[0]?.first).toBe(one.first);
      expect(parts.at(-1)?.last).toBe(one.last);
      parts.forEach((part, at) => {
        if (at > 0) expect(part.first).toBe((parts[at - 1]?.last ?? 0n) + 1n);
      });
    }),
    { seed, numRuns: 2000 },
  );
});

test('a range without others and those others make up the range again', () => {
  fc.assert(
    fc.property(range, fc.array(range, { maxLength: 6 }), (one, holes) => {
      const left = without(one, holes);
      for (const part of left) {
        expect(contains(one, part)).toBe(true);
        expect(holes.some((hole) => overlaps(hole, part))).toBe(false);
      }
      const taken = without(one, left).reduce((sum, part) => sum + countOf(part), 0n);
      expect(taken + left.reduce((sum, part) => sum + countOf(part), 0n)).toBe(countOf(one));
      for (const part of without(one, left)) expect(without(part, holes)).toEqual([]);
    }),
    { seed, numRuns: 3000 },
  );
});

test('a set of networks answers as a list that is searched from end to end', () => {
  const tally = { held: 0, free: 0, overlapping: 0 };
  const step = fc.record({ drop: fc.integer({ min: 0, max: 3 }).map((n) => n === 0), network });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.array(address, { maxLength: 30 }),
      range,
      (steps, asked, wide) => {
        const set = createAddressSet<string>();
        const model = new Map<string, Network>();
        for (const { drop, network: each } of steps) {
          const key = formatRange(rangeOf(each));
          if (drop) {
            set.delete(each);
            model.delete(key);
          } else {
            set.set(each, key);
            model.set(key, each);
          }
        }
        expect(set.size()).toBe(model.size);
        const holding = (one: AddressRange): string[] =>
          [...model]
            .filter(([, each]) => contains(rangeOf(each), one))
            .sort(([, a], [, b]) => b.prefix - a.prefix)
            .map(([key]) => key);
        for (const at of asked) {
          const wanted = holding({ family: at.family, first: at.value, last: at.value });
          expect(set.holding(at)).toEqual(wanted);
          expect(set.find(at)).toBe(wanted[0]);
          expect(set.find(at, (key) => key !== wanted[0])).toBe(wanted[1]);
          if (wanted.length > 0) tally.held += 1;
          else tally.free += 1;
        }
        expect(set.covering(wide)).toBe(holding(wide)[0]);
        const touching = [...model].filter(([, each]) => overlaps(rangeOf(each), wide)).map(([key]) => key);
        expect([...set.overlapping(wide)].sort()).toEqual(touching.sort());
        tally.overlapping += touching.length;
      },
    ),
    { seed, numRuns: 1000 },
  );
  console.log(`addresses: ${JSON.stringify(tally)}`);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(300);
});
