import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCountryList } from '../../src/bans/country-list.ts';
import { formatAddress } from '../../src/policy/addresses.ts';

/** A few addresses at either end of the range, so that networks touch, overlap and repeat. */
const place = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 2 ** 32 - 30, max: 2 ** 32 - 1 }));
const listed = fc.record({
  ends: fc.tuple(place, place).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const),
  country: fc.constantFrom('US', 'DE', 'FR', 'JP'),
});
const text = (value: number): string => formatAddress({ family: 4, value: BigInt(value) });

test('an address is in the country of the range around it that begins last, of those the shortest, of those the last in the file', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(listed, { minLength: 1, maxLength: 12 }),
      fc.array(place, { maxLength: 20 }),
      async (list, asked) => {
        const file = list
          .map(({ ends: [first, last], country }) => `${text(first)},${text(last)},${country}`)
          .join('\n');
        const table = await readCountryList(file);
        for (const value of [
          ...asked,
          ...list.flatMap(({ ends: [first, last] }) => [first, last, last + 1, first - 1]),
        ]) {
          if (value < 0 || value >= 2 ** 32) continue;
          const [nearest] = list
            .filter(({ ends: [first, last] }) => first <= value && value <= last)
            .reverse()
            .sort((a, b) => b.ends[0] - a.ends[0] || a.ends[1] - b.ends[1]);
          expect([text(value), table.of({ family: 4, value: BigInt(value) })]).toEqual([text(value), nearest?.country]);
        }
      },
    ),
    { numRuns: 1000 },
  );
});
