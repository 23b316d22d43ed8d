/** Whatever is allowed and whatever is to be banned: no ban ever holds an allowed address. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { banRanges } from '../../src/bans/ban-guard.ts';
import { createAddressSet } from '../../src/policy/address-set.ts';
import {
  asNetwork,
  countOf,
  formatRange,
  type Network,
  networkAround,
  overlaps,
  rangeOf,
  without,
} from '../../src/policy/addresses.ts';
import type { AllowEntry } from '../../src/policy/allowlist.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('ban-guard');

const network: fc.Arbitrary<Network> = fc
  .tuple(fc.boolean(), fc.bigInt(0n, 255n), fc.integer({ min: 0, max: 9 }))
  .map(([six, low, bits]) =>
    six
      ? networkAround({ family: 6, value: (0x2001_0db8n << 96n) + low }, 128 - bits)
      : networkAround({ family: 4, value: 0xcb00_7100n + low }, 32 - bits),
  );

test('a ban is refused or made of networks that hold every address but the allowed ones', () => {
  const tally = { free: 0, refused: 0, around: 0, whole: 0 };
  fc.assert(
    fc.property(
      fc.array(network, { maxLength: 5 }),
      network,
      fc.boolean(),
      fc.boolean(),
      (allowed, wanted, around, force) => {
        const set = createAddressSet<{ readonly network: Network; readonly entry: AllowEntry }>();
        for (const each of allowed) {
          const value = formatRange(rangeOf(each));
          const text = { id: value, name: value, description: '', owner: '', createdAt: '', createdBy: '' };
          set.set(each, { network: each, entry: { ...text, type: 'address', value, exemptFromCallLimits: true } });
        }
        const range = rangeOf(wanted);
        const answer = banRanges(
          { address: formatRange(range), aroundAllowed: around, force },
          {
            covering: (asked) => set.covering(asked)?.entry,
            overlapping: (asked) => set.overlapping(asked),
          },
        );
        const holes = allowed.map(rangeOf).filter((hole) => overlaps(hole, range));
        if ('refused' in answer) {
          expect(answer.because).toBe('allowed');
          expect(holes.length).toBeGreaterThan(0);
          // The sentence names an entry that is in the way.
          expect(holes.some((hole) => answer.refused.includes(`"${formatRange(hole)}"`))).toBe(true);
          if (around) expect(without(range, holes)).toEqual([]);
          tally[around ? 'whole' : 'refused'] += 1;
          return;
        }
        for (const ban of answer.ranges) {
          expect(asNetwork(ban)).toBeDefined();
          expect(holes.some((hole) => overlaps(hole, ban))).toBe(false);
        }
        const banned = answer.ranges.reduce((sum, each) => sum + countOf(each), 0n);
        expect(banned).toBe(without(range, holes).reduce((sum, each) => sum + countOf(each), 0n));
        tally[holes.length > 0 ? 'around' : 'free'] += 1;
      },
    ),
    { seed, numRuns: 5000 },
  );
  console.log(`ban-guard: ${JSON.stringify(tally)}`);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(100);
});
