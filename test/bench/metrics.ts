/**
 * Row `metrics`: decisions a second of the gate that are counted for Prometheus, over the same that are not. Eight charges,
 * one Node process, no telephony; and what counting one decision takes by itself.
 *
 * A round is cut into slices that alternate, so that other load on the machine meets both alike.
 */
import { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import { createGate, type Decision } from '../../src/gate/gate.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { compilePolicy } from '../../src/policy/policy.ts';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
import type { Store } from './processes.ts';
import { DESTINATION, documentOf, drive, limitStoreOn, newPayer, ROOMY, SUBJECTS, WITHIN_MS } from './subjects.ts';

const OUTSTANDING = 50;
const SLICES = 8;
const COUNTED_ALONE = 200_000;

const POLICY = compilePolicy(
  documentOf({
    groups: { agents: { members: ['10000-14999'] } },
    trunks: { 'carrier-a': {} },
    rules: [
      ...(['extension', 'group', 'trunk', 'system'] as const).flatMap((countPer) => [
        { id: `${countPer}-rate`, countPer, limits: ROOMY },
        { id: `${countPer}-day`, countPer, limits: ROOMY },
      ]),
    ],
  }),
);

/** Of what a decision takes: less than any rate can show, so the part is judged and the rates are for information. */
const TARGET: Bound = { most: 0.01, failsAbove: 0.03 };

export async function measureMetrics(
  store: Store,
  options: { readonly rounds: number; readonly decisions: number; readonly onRound: (round: number) => void },
): Promise<Figure[]> {
  const redis = new Redis(store.port);
  const metrics = createMetrics({ policy: () => POLICY, node: 'bench', clock: systemClock });
  const gate = createGate({
    ...{ policy: () => POLICY, limits: limitStoreOn(redis), clock: systemClock, deadlineMs: WITHIN_MS, newDecisionId },
    log: { warn: (data, message) => console.error(message, data) },
  });
  const decide = (n: number): Promise<Decision> => {
    const extension = String(10_000 + (n % SUBJECTS));
    const request = { dialled: DESTINATION, extension, trunk: 'carrier-a' };
    const unknown = { campaign: undefined, source: undefined, calledZone: undefined, sourceOf: undefined };
    return gate.decide({ ...request, ...unknown }, newPayer().callId, systemClock.monotonicMs());
  };
  const decided = async (n: number): Promise<void> => {
    const decision = await decide(n);
    if (decision.store !== 'asked') throw new Error('a decision did not ask the store');
  };
  const counted = async (n: number): Promise<void> => metrics.decided(await decide(n), 'delivered');

  const microsOf = async (work: (n: number) => Promise<void>, decisions: number): Promise<number> => {
    const startMs = systemClock.monotonicMs();
    await drive(OUTSTANDING, (n) => (n < decisions ? work(n) : undefined));
    return ((systemClock.monotonicMs() - startMs) * 1000) / decisions;
  };
  const rates: { readonly own: number[]; readonly other: number[] } = { own: [], other: [] };
  const alone: number[] = [];
  try {
    const sample = await decide(0);
    await microsOf(decided, SUBJECTS);
    await microsOf(counted, SUBJECTS);
    for (let round = 0; round < options.rounds; round += 1) {
      options.onRound(round);
      await store.admin.flushall('SYNC');
      await microsOf(decided, SUBJECTS);
      const [own, other]: [number[], number[]] = [[], []];
      for (let slice = 0; slice < SLICES; slice += 1) {
        const both = [
          async () => own.push(await microsOf(counted, options.decisions / SLICES)),
          async () => other.push(await microsOf(decided, options.decisions / SLICES)),
        ];
        for (const run of slice % 2 === 0 ? both : both.toReversed()) await run();
      }
      rates.own.push(1e6 / median(own));
      rates.other.push(1e6 / median(other));
      const startMs = systemClock.monotonicMs();
      for (let times = 0; times < COUNTED_ALONE; times += 1) metrics.decided(sample, 'delivered');
      alone.push(((systemClock.monotonicMs() - startMs) * 1000) / COUNTED_ALONE);
    }
  } finally {
    metrics.close();
    redis.disconnect();
  }
  return [
    {
      row: 'metrics',
      figure: 'decisions/s of the gate, 8 charges, counted for Prometheus, over not counted',
      tollgate: `${show(median(rates.own))}/s`,
      against: `${show(median(rates.other))}/s`,
      ratio: ratioOf(rates.own, rates.other),
    },
    {
      row: 'metrics',
      figure: 'counting one decision for Prometheus, over one decision',
      tollgate: `${show(median(alone))} us`,
      against: `${show(1e6 / median(rates.other))} us`,
      ratio: ratioOf(
        alone,
        rates.other.map((perSecond) => 1e6 / perSecond),
      ),
      bound: TARGET,
    },
  ];
}
