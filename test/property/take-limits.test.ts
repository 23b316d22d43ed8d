/**
 * take-limits.lua and return-limits.lua against the reference model: random histories in a real Redis, every number of
 * every reply equal. `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plans, step } from '../support/limit-arbitraries.ts';
import { newTally, playHistory } from '../support/limit-history.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('take-limits');
const { redis } = await startEmptyRedis();

test('a history of calls over buckets, rolling windows, leases and holds, paced or not, gets exactly the replies of the reference model', async () => {
  const tally = newTally();
  await fc.assert(
    fc.asyncProperty(plans, fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), (world, steps) =>
      playHistory(redis, world, steps, tally),
    ),
    { seed, numRuns: 2000 },
  );
  const share = tally.refused / (tally.refused + tally.taken);
  console.log(`take-limits: ${JSON.stringify(tally)}, ${(100 * share).toFixed(0)} % refused`);
  // A generator that hardly ever refuses tests next to nothing.
  expect(share).toBeGreaterThan(0.25);
  expect(share).toBeLessThan(0.75);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(300);
});
