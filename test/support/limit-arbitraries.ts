/**
 * Random limits and random histories of calls. Their numbers decide whether a property tests anything: with large limits
 * hardly a call is refused, and with unrelated periods a changed limit hardly ever meets an old one.
 */
import fc from 'fast-check';
import { type BucketPlan, RECORD_SECONDS, type Step } from './limit-history.ts';

/** Buckets in one history. */
export const BUCKETS = 10;
const CALLS = 6;

// Few, small and related numbers, so that calls are refused, periods coincide after a change, and debts reach zero.
const periods = [1, 2, 3, 10, 60];
export const limits = (counts: fc.Arbitrary<number>): fc.Arbitrary<BucketPlan['versions'][number]> =>
  fc
    .uniqueArray(fc.record({ count: counts, periodSeconds: fc.constantFrom(...periods) }), {
      minLength: 1,
      maxLength: 3,
      selector: ({ periodSeconds }) => periodSeconds,
    })
    .map((some) => some.toSorted((a, b) => a.periodSeconds - b.periodSeconds));
export const plan: fc.Arbitrary<BucketPlan> = fc.record({
  demand: fc.constantFrom('required', 'required', 'required', 'lenient', 'shadow'),
  counting: fc.constantFrom('bucket', 'rolling'),
  versions: fc.array(limits(fc.integer({ min: 1, max: 8 })), { minLength: 3, maxLength: 3 }),
});
export const plans = fc.array(plan, { minLength: BUCKETS, maxLength: BUCKETS });

export const bucketSet = fc.uniqueArray(fc.nat(BUCKETS - 1), { minLength: 1, maxLength: 8 });
const freshCall = fc.integer({ min: CALLS, max: 1_000_000_000 });
const take = fc.record({
  kind: fc.constant('take' as const),
  call: fc.oneof({ weight: 2, arbitrary: freshCall }, { weight: 2, arbitrary: fc.nat(CALLS - 1) }),
  buckets: bucketSet,
  deadlineInMs: fc.constantFrom(undefined, undefined, undefined, 250, 0, -1),
});
const peek = fc.record({
  kind: fc.constant('peek' as const),
  call: fc.nat(CALLS - 1),
  buckets: bucketSet,
  deadlineInMs: fc.constant(undefined),
});
const tick = fc.record({
  kind: fc.constant('tick' as const),
  ms: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 900 }) },
    { weight: 2, arbitrary: fc.integer({ min: 900, max: 30_000 }) },
    { weight: 2, arbitrary: fc.constantFrom(...periods, RECORD_SECONDS).map((seconds) => seconds * 1000) },
    { weight: 2, arbitrary: fc.integer({ min: -5000, max: -1 }) },
    { weight: 1, arbitrary: fc.constantFrom(-3_600_000, 3_600_000, 400 * 86_400_000) },
  ),
});
const change = fc.record({ kind: fc.constant('change' as const), bucket: fc.nat(BUCKETS - 1), version: fc.nat(2) });
const giveBack = fc.record({ kind: fc.constant('give back' as const), which: fc.nat(50) });
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: take },
  { weight: 4, arbitrary: tick },
  { weight: 2, arbitrary: peek },
  { weight: 2, arbitrary: change },
  { weight: 2, arbitrary: giveBack },
);
