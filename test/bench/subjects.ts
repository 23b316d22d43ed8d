/**
 * What is decided in the measurements: policies of four and of eight rules with two limits each, and thousands of
 * subjects of every kind, as a call would name them.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { systemClock } from '../../src/clock.ts';
import type { Charge, LimitStore, Payer } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import type { CountPer } from '../../src/policy/call.ts';
import { type PolicyDocument, readPolicyDocument } from '../../src/policy/document.ts';
import { compilePolicy } from '../../src/policy/policy.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { createKeys } from '../../src/redis/keys.ts';

export const SUBJECTS = 5000;
export const KEYS = createKeys({ prefix: 'tollgate', tenant: 'default' });
export const DESTINATION = '3055550100';
/** The store's time limit is not what is measured here. */
export const WITHIN_MS = 5000;

/** Two windows that no measurement fills. */
export const ROOMY = ['100000/1s', '1000000/1h'] as const;

/** @throws Error that lists what is wrong with it */
export function documentOf(value: object): PolicyDocument {
  const read = readPolicyDocument(value);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.document;
}

export const rulesOf = (rules: readonly object[]): readonly Rule[] => compilePolicy(documentOf({ rules })).rules;

/** Ids as long as people write them; the first four are the policy of four. */
const KINDS: ReadonlyArray<readonly [id: string, countPer: CountPer]> = [
  ['extension-rate', 'extension'],
  ['group-rate', 'group'],
  ['trunk-rate', 'trunk'],
  ['system-rate', 'system'],
  ['extension-day', 'extension'],
  ['group-day', 'group'],
  ['trunk-day', 'trunk'],
  ['campaign-day', 'extension'],
];

export const roomyRules = (buckets: number): readonly Rule[] =>
  rulesOf(KINDS.slice(0, buckets).map(([id, countPer]) => ({ id, countPer, limits: ROOMY })));

const NAMES: readonly string[] = Array.from({ length: SUBJECTS }, (_, index) => String(10_000 + index));
/** Steps through the names of each kind in an order of its own, so that subjects are not always met together. */
const STRIDES = [1, 7, 11, 13, 17, 19, 23, 29] as const;

/** The charges of decision `n`, as the gate would hand them to the store. All names are met in `SUBJECTS` decisions. */
/** What a budget of talk reserves. */
const MINUTE = { amount: 60, price: undefined, currency: undefined, note: undefined, talkSeconds: undefined } as const;

export const chargesOf = (rules: readonly Rule[], n: number): Charge[] =>
  rules.flatMap((rule, at) =>
    rule.counts.map((count) => ({
      rule,
      subject: {
        kind: rule.countPer,
        id: rule.countPer === 'system' ? '' : (NAMES[(n * (STRIDES[at] ?? 1)) % SUBJECTS] ?? ''),
      },
      count,
      demand: rule.action.demand,
      ...(count.kind === 'minutes' ? { reserves: MINUTE } : {}),
    })),
  );

let calls = 0;
const run = createHash('sha1').update(`${process.pid}.${process.hrtime.bigint()}`).digest('hex').slice(0, 6);
/** A call that has not asked before, with an id of the length of a real one. */
export const newPayer = (): Payer => {
  calls += 1;
  return { callId: run + calls.toString(16).padStart(10, '0'), destination: DESTINATION };
};

/** The limit store of the daemon on a given connection. */
export const limitStoreOn = (redis: Redis): LimitStore =>
  createRedisLimitStore({
    redis,
    keys: KEYS,
    clock: systemClock,
    storeClock: createStoreClock(),
    breaker: createStoreBreaker({
      clock: systemClock,
      probe: () => redis.ping(),
      onOpen: (why) => console.error(`the breaker opened: ${why}`),
      onClosed: () => undefined,
    }),
  });

/** Keeps `outstanding` tasks running until `next` gives no more. Resolves to how many were done. */
export async function drive(outstanding: number, next: (n: number) => Promise<unknown> | undefined): Promise<number> {
  let started = 0;
  const lane = async (): Promise<void> => {
    for (;;) {
      const task = next(started);
      if (task === undefined) return;
      started += 1;
      await task;
    }
  };
  await Promise.all(Array.from({ length: outstanding }, lane));
  return started;
}
