/**
 * Random limits and random histories of calls. Their numbers decide whether a property tests anything: with large limits
 * hardly a call is refused, and with unrelated periods a changed limit hardly ever meets an old one.
 */
import fc from 'fast-check';
import { type ChargePlan, type ChargeVersion, type LimitNumbers, RECORD_SECONDS, type Step } from './limit-history.ts';

/** Charges in one history. */
export const CHARGES = 9;
const CALLS = 6;

// Few, small and related numbers, so that calls are refused, periods coincide after a change, and debts reach zero.
const periods = [1, 2, 3, 10, 60];
export const limits = (counts: fc.Arbitrary<number>): fc.Arbitrary<readonly LimitNumbers[]> =>
  fc
    .uniqueArray(fc.record({ count: counts, periodSeconds: fc.constantFrom(...periods) }), {
      minLength: 1,
      maxLength: 3,
      selector: ({ periodSeconds }) => periodSeconds,
    })
    .map((some) => some.toSorted((a, b) => a.periodSeconds - b.periodSeconds));
const pace = fc.record({
  maxWaitMs: fc.constantFrom(1, 400, 1000, 5000, 20_000),
  maxQueue: fc.constantFrom(1, 3, 12, 100),
  burst: fc.constantFrom(0, 0, 1, 2, 100),
});
const unpaced = fc.record({
  demand: fc.constantFrom('required', 'required', 'required', 'lenient', 'shadow'),
  limits: limits(fc.integer({ min: 1, max: 8 })),
  pace: fc.constant(undefined),
});
const paced = fc.record({
  demand: fc.constantFrom('paced', 'paced', 'paced', 'paced-shadow'),
  limits: limits(fc.integer({ min: 1, max: 8 })),
  pace,
});
const three = <Value>(each: fc.Arbitrary<Value>): fc.Arbitrary<readonly Value[]> =>
  fc.array(each, { minLength: 3, maxLength: 3 });
/** Mostly alike, so that most of a history is paced or not; some rules get another action over time. */
const versions: fc.Arbitrary<readonly ChargeVersion[]> = fc.oneof(
  three<ChargeVersion>(unpaced),
  three<ChargeVersion>(paced),
  three<ChargeVersion>(fc.oneof(unpaced, paced)),
);
/** How long a lease lasts is no part of a rule that changes while calls are under way. */
const leases = fc
  .tuple(
    fc.constantFrom(2, 10, 60),
    three(fc.record({ demand: unpaced.map(({ demand }) => demand), count: fc.integer({ min: 1, max: 4 }) })),
  )
  .map(([periodSeconds, some]) =>
    some.map(({ demand, count }): ChargeVersion => ({ demand, limits: [{ count, periodSeconds }], pace: undefined })),
  );
export const plan: fc.Arbitrary<ChargePlan> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('bucket', 'rolling'), versions }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('hold'), versions: three<ChargeVersion>(unpaced) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leases'), versions: leases }) },
);
export const plans = fc.array(plan, { minLength: CHARGES, maxLength: CHARGES });

export const chargeSet = fc.uniqueArray(fc.nat(CHARGES - 1), { minLength: 1, maxLength: 5 });
const freshCall = fc.integer({ min: CALLS, max: 1_000_000_000 });
const take = fc.record({
  kind: fc.constant('take' as const),
  call: fc.oneof({ weight: 2, arbitrary: freshCall }, { weight: 2, arbitrary: fc.nat(CALLS - 1) }),
  charges: chargeSet,
  deadlineInMs: fc.constantFrom(undefined, undefined, undefined, 250, 0, -1),
});
const peek = fc.record({
  kind: fc.constant('peek' as const),
  call: fc.nat(CALLS - 1),
  charges: chargeSet,
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
const change = fc.record({ kind: fc.constant('change' as const), charge: fc.nat(CHARGES - 1), version: fc.nat(2) });
const giveBack = fc.record({
  kind: fc.constant('give back' as const),
  which: fc.oneof(fc.nat(4), fc.nat(50)),
  needsRecord: fc.constantFrom(true, true, true, false),
});
const keep = fc.record({ kind: fc.constantFrom('keep' as const, 'end' as const, 'hold' as const), which: fc.nat(50) });
export const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 14, arbitrary: take },
  { weight: 4, arbitrary: tick },
  { weight: 2, arbitrary: peek },
  { weight: 2, arbitrary: change },
  { weight: 4, arbitrary: giveBack },
  { weight: 2, arbitrary: keep },
);
