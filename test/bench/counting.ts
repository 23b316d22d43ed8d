/**
 * Row `counting`: what each manner of counting costs over a plain bucket, in the script's time by the store's own count,
 * and what a policy of all of them costs over one of as many buckets.
 *
 * Each is measured in the state in which it costs most while the call still goes: places are taken in advance, rings are
 * full, slots are in use. That state is laid anew before every round, so that all rounds measure the same.
 */
import { Redis } from 'ioredis';
import { createChargePacker } from '../../src/gate/charge-packer.ts';
import { longestCallSeconds } from '../../src/gate/redis-limit-store.ts';
import type { Limit } from '../../src/policy/limit.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
import type { Store } from './processes.ts';
import { scriptMicros } from './script-cost.ts';
import {
  chargesOf,
  drive,
  KEYS,
  limitStoreOn,
  newPayer,
  ROOMY,
  roomyRules,
  rulesOf,
  SUBJECTS,
  WITHIN_MS,
} from './subjects.ts';

const OUTSTANDING = 50;
const HOUR_MS = 3_600_000;
/** A round is cut up, so that other load on the machine meets all kinds alike; the median of the slices is the round. */
const SLICES = 6;
/** Each subject is met once to make its keys, and then no more than three times. */
const CALLS_IN_A_ROUND = 4;
/** A thousand calls up for each of them are members enough. */
const BUSY_SUBJECTS = 200;

/** One a minute, and up to ten wait: within a round every call of a subject but the first takes a place in advance. */
const PACED = { limits: ['1/1m'], action: 'wait', burst: 1, maxWait: '10m', maxQueue: 1000 } as const;
const PLAIN = { limits: ['1000000/1h'] } as const;
const WEEK_RING = { limits: ['7/7d'], counting: 'rolling' } as const;
const DAY_RING = { limits: ['1000/1d'], counting: 'rolling' } as const;
const CEILING = { concurrent: 100_000 } as const;
const BUDGET = { minutes: { hard: '1000000/1d' } } as const;
const HOLD = { holdAfter: { answered: '7d' } } as const;

const KINDS = [
  'bucket',
  'pace',
  'sevenInWeek',
  'thousandInDay',
  'tenUp',
  'thousandUp',
  'hold',
  'budget',
  'one',
  'eight',
  'allIn',
] as const;
type Kind = (typeof KINDS)[number];

const one = (id: string, counted: object): readonly Rule[] => rulesOf([{ id, ...counted }]);

const RULES: Readonly<Record<Kind, readonly Rule[]>> = {
  bucket: one('plain-rate', PLAIN),
  pace: one('paced-rate', PACED),
  sevenInWeek: one('week-ring', WEEK_RING),
  thousandInDay: one('day-ring', DAY_RING),
  tenUp: one('few-at-once', CEILING),
  thousandUp: one('many-at-once', CEILING),
  hold: one('after-answer', HOLD),
  budget: one('talk-of-a-day', BUDGET),
  one: roomyRules(1),
  eight: roomyRules(8),
  allIn: rulesOf([
    { id: 'mix-extension', limits: ROOMY },
    { id: 'mix-group', countPer: 'group', limits: ROOMY },
    { id: 'mix-trunk', countPer: 'trunk', limits: ROOMY },
    { id: 'mix-system', countPer: 'system', limits: ROOMY },
    { id: 'mix-ring', ...WEEK_RING },
    { id: 'mix-ceiling', ...CEILING },
    { id: 'mix-pace', ...PACED },
    { id: 'mix-hold', ...HOLD },
  ]),
};

/**
 * What a decision may cost: eight buckets are held to 4.5 times one (script-cost.ts), so no single rule may cost more than
 * that, nor may a policy of all kinds. The ring of a thousand calls is 6 kB that are read, copied and written for each.
 */
const TARGETS = {
  pace: { most: 1.5, failsAbove: 2.2 },
  sevenInWeek: { most: 1.2, failsAbove: 1.6 },
  thousandInDay: { most: 4.5, failsAbove: 6 },
  tenUp: { most: 1.6, failsAbove: 2.2 },
  thousandUp: { most: 1.7, failsAbove: 2.4 },
  hold: { most: 0.7, failsAbove: 1 },
  budget: { most: 2.6, failsAbove: 3.5 },
  allIn: { most: 1.3, failsAbove: 1.6 },
  allInOverOne: { most: 4.5, failsAbove: 6 },
} as const satisfies Record<string, Bound>;

/** How many subjects the decisions of a kind go round. */
const subjectsOf = (kind: Kind): number => (kind === 'thousandUp' ? BUSY_SUBJECTS : SUBJECTS);

export async function measureCounting(
  store: Store,
  options: { readonly rounds: number; readonly decisions: number; readonly onRound: (round: number) => void },
): Promise<Figure[]> {
  const redis = new Redis(store.port);
  const limits = limitStoreOn(redis);
  const micros = emptySeries();
  const rates = emptySeries();

  const decide = async (kind: Kind, n: number, laid: boolean): Promise<void> => {
    const charges = chargesOf(RULES[kind], n % subjectsOf(kind));
    const { outcome, readings } = await limits.take(newPayer(), charges, WITHIN_MS);
    if (outcome !== 'taken') throw new Error(`${kind}: a call was ${outcome}`);
    if (!laid) return;
    charges.forEach(({ demand, rule }, at) => {
      const state = readings[at]?.state;
      if (state !== (demand === 'paced' ? 'later' : 'room')) throw new Error(`${kind}: ${rule.id} found ${state}`);
    });
  };
  const run = (kind: Kind, from: number, to: number, laid: boolean): Promise<number> =>
    drive(OUTSTANDING, (n) => (from + n < to ? decide(kind, from + n, laid) : undefined));
  const slice = Math.ceil(options.decisions / SLICES);

  try {
    for (let round = -1; round < options.rounds; round += 1) {
      if (round >= 0) options.onRound(round);
      // The records of calls as well: a store that grows would be in the later figures.
      await store.admin.flushall('SYNC');
      for (const kind of KINDS) {
        await layState(redis, RULES[kind], subjectsOf(kind), kind === 'thousandUp' ? 1000 : 10);
        await run(kind, 0, subjectsOf(kind), false);
      }
      const [spent, rate] = [emptySeries(), emptySeries()];
      for (let at = 0; at < SLICES; at += 1) {
        for (const kind of (round + at) % 2 === 0 ? KINDS : KINDS.toReversed()) {
          const startMs = performance.now();
          spent[kind].push(await scriptMicros(store.admin, () => run(kind, at * slice, (at + 1) * slice, true)));
          rate[kind].push((slice / (performance.now() - startMs)) * 1000);
        }
      }
      // The first round teaches store and engine their scripts.
      if (round < 0) continue;
      for (const kind of KINDS) {
        micros[kind].push(median(spent[kind]));
        rates[kind].push(median(rate[kind]));
      }
    }
  } finally {
    redis.disconnect();
  }

  const row = (name: string, own: Kind, bound: Bound, other: Kind = 'bucket', words = 'a bucket'): Figure => ({
    row: 'counting',
    figure: `script, ${name}`,
    tollgate: `${show(median(micros[own]))} us`,
    against: `${words} ${show(median(micros[other]))} us`,
    ratio: ratioOf(micros[own], micros[other]),
    bound,
  });
  return [
    row('a place in advance over a bucket', 'pace', TARGETS.pace),
    row('7/7d, ring full, over a bucket', 'sevenInWeek', TARGETS.sevenInWeek),
    row('1000/1d, ring full, over a bucket', 'thousandInDay', TARGETS.thousandInDay),
    row('ceiling, 10 calls up, over a bucket', 'tenUp', TARGETS.tenUp),
    row('ceiling, 1000 calls up, over a bucket', 'thousandUp', TARGETS.thousandUp),
    row('hold looked at over a bucket', 'hold', TARGETS.hold),
    row('budget of a day over a bucket', 'budget', TARGETS.budget),
    row('8 rules of all kinds over 8 buckets', 'allIn', TARGETS.allIn, 'eight', '8 buckets of two windows'),
    row('8 rules of all kinds over 1 bucket', 'allIn', TARGETS.allInOverOne, 'one', '1 bucket of two windows'),
    {
      row: 'counting',
      figure: 'decisions/s from Node, 8 rules of all kinds over 8 buckets',
      tollgate: `${show(median(rates.allIn))}/s`,
      against: `8 buckets of two windows ${show(median(rates.eight))}/s`,
      ratio: ratioOf(rates.allIn, rates.eight),
    },
  ];
}

const emptySeries = (): Record<Kind, number[]> => ({
  bucket: [],
  pace: [],
  sevenInWeek: [],
  thousandInDay: [],
  tenUp: [],
  thousandUp: [],
  hold: [],
  budget: [],
  one: [],
  eight: [],
  allIn: [],
});

/**
 * Fills the rings and the slots of every subject. A ring is full, and as many of its calls have left the window as the
 * subject places in a round: each of them goes, and pushes the oldest out.
 */
async function layState(redis: Redis, rules: readonly Rule[], subjects: number, callsUp: number): Promise<void> {
  const nowMs = Date.now();
  const packer = createChargePacker(KEYS, longestCallSeconds);
  const slots = slotsInUse(callsUp, nowMs);
  const laid = new Set<string>();
  let pipeline = redis.pipeline();
  for (let n = 0; n < subjects; n += 1) {
    for (const charge of chargesOf(rules, n)) {
      const { key, kind } = packer.pack(charge);
      const [{ count, periodSeconds }] = charge.count.limits as readonly [Limit];
      if (laid.has(key)) continue;
      laid.add(key);
      if (kind === 'rolling') pipeline.set(key, fullRing(count, periodSeconds, nowMs), 'EX', 2 * periodSeconds);
      if (kind === 'leases') for (const some of slots) pipeline.zadd(key, ...some);
    }
    if (n % 100 < 99) continue;
    await pipeline.exec();
    pipeline = redis.pipeline();
  }
  await pipeline.exec();
}

/** As take-limits.lua lays it out: six bytes for each call, oldest first. */
function fullRing(calls: number, periodSeconds: number, nowMs: number): Buffer {
  const ring = Buffer.alloc(6 * calls);
  for (let call = 0; call < calls; call += 1) {
    const isOut = call < CALLS_IN_A_ROUND;
    ring.writeUIntLE(nowMs - (isOut ? periodSeconds * 1000 : 1000) + call, 6 * call, 6);
  }
  return ring;
}

/** Calls that last longer than the measurement, as arguments of ZADD, a hundred in each. */
const slotsInUse = (calls: number, nowMs: number): (string | number)[][] =>
  Array.from({ length: Math.ceil(calls / 100) }, (_, hundred) =>
    Array.from({ length: Math.min(100, calls - hundred * 100) }, (_, at) => [
      nowMs + HOUR_MS + hundred * 100 + at,
      String(hundred * 100 + at).padStart(16, '0'),
    ]).flat(),
  );
