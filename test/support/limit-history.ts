/**
 * Plays one history of calls to the scripts in a real Redis and to the reference model, and compares every number.
 *
 * The time of a history is made up, and so is the passing of a key's time to live: whenever a script gives a key one, it
 * is noted in the time of the history and taken off the key, and the key is deleted when that time has come, without
 * waiting. The bucket must be full then.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import { type PackedCharge, packLimits, type TakenCharge, takeLimits } from '../../src/redis/limit-scripts.ts';
import { createTokenBucketModel, type ModelCharge, type ModelTaken } from '../model/token-bucket.ts';
import { giveBackTaken } from './give-back.ts';

export interface LimitNumbers {
  readonly count: number;
  readonly periodSeconds: number;
}

/** A bucket as a rule would have it, in the versions that the rule has over time. */
export interface BucketPlan {
  readonly demand: 'required' | 'lenient' | 'shadow';
  readonly counting: 'bucket' | 'rolling';
  /** Each: shortest period first. */
  readonly versions: readonly (readonly LimitNumbers[])[];
}

export type Step =
  | { readonly kind: 'tick'; readonly ms: number }
  | {
      readonly kind: 'take' | 'peek';
      readonly call: number;
      readonly buckets: readonly number[];
      /** Milliseconds after now; undefined for none. */
      readonly deadlineInMs: number | undefined;
    }
  | { readonly kind: 'change'; readonly bucket: number; readonly version: number }
  | { readonly kind: 'give back'; readonly which: number };

export interface Tally {
  taken: number;
  refused: number;
  late: number;
  counted: number;
  givenBack: number;
  /** Rolling windows without room. */
  closedWindows: number;
}

export const newTally = (): Tally => ({ taken: 0, refused: 0, late: 0, counted: 0, givenBack: 0, closedWindows: 0 });

export const RECORD_SECONDS = 20;
const BEGINS_MS = 1_795_000_000_123;

interface Given {
  readonly call: string;
  readonly charges: readonly { readonly packed: PackedCharge; readonly taken: TakenCharge }[];
  readonly model: readonly { readonly charge: ModelCharge; readonly taken: ModelTaken }[];
}

/** @throws when any reply differs from the model's, or a key has no time to live */
export async function playHistory(
  redis: Redis,
  plans: readonly BucketPlan[],
  steps: readonly Step[],
  tally: Tally,
): Promise<void> {
  const prefix = `p${randomBytes(8).toString('hex')}:{t}`;
  const model = createTokenBucketModel();
  const versions = plans.map(() => 0);
  const lives = createKeyLives(redis);
  const given: Given[] = [];
  let nowMs = BEGINS_MS;

  const keyOf = (bucket: number): string => `${prefix}:b:${bucket}`;
  const callOf = (call: number): string => `${prefix}:c:${call}`;
  const chargesOf = (buckets: readonly number[]): { packed: PackedCharge; model: ModelCharge }[] =>
    buckets.flatMap((index) => {
      const plan = plans[index];
      const limits = plan?.versions[versions[index] ?? 0];
      if (plan === undefined || limits === undefined) return [];
      const bucketKey = keyOf(index);
      const { demand, counting } = plan;
      const packed = packLimits(demand, bucketKey, limits, counting);
      return [{ packed, model: { bucket: bucketKey, demand, counting, limits: limits.map(toModel) } }];
    });

  const ask = async (step: Extract<Step, { kind: 'take' | 'peek' }>): Promise<void> => {
    const charges = chargesOf(step.buckets);
    const call = callOf(step.call);
    const peeks = step.kind === 'peek';
    const deadlineMs = peeks || step.deadlineInMs === undefined ? 0 : nowMs + step.deadlineInMs;
    const reply = await takeLimits(redis, {
      callKey: call,
      charges: charges.map(({ packed }) => packed),
      nowMs,
      deadlineMs,
      recordSeconds: peeks ? 0 : RECORD_SECONDS,
    });
    const modelCharges = charges.map((charge) => charge.model);
    const expected = peeks
      ? model.peek(BigInt(nowMs), call, modelCharges)
      : model.take(BigInt(nowMs), call, modelCharges, {
          deadlineMs: BigInt(deadlineMs),
          recordMs: BigInt(RECORD_SECONDS) * 1000n,
        });
    expect(reply.nowMs).toBe(nowMs);
    expect(toComparable(reply)).toEqual(expected);
    if (!peeks) {
      tally[reply.status] += 1;
      if (reply.status !== 'late') {
        tally.counted += reply.charges.filter(({ state }) => state === 'counted').length;
        tally.closedWindows += reply.charges.filter(({ state, rolling }) => rolling && state === 'lacking').length;
      }
    }
    if (!peeks && reply.status === 'taken' && expected.status === 'taken') {
      const own = charges.flatMap((charge, index) => {
        const taken = reply.charges[index];
        const wanted = expected.charges[index];
        return taken === undefined || wanted === undefined || taken.state === 'counted'
          ? []
          : [{ ...charge, taken, wanted }];
      });
      given.push({
        call,
        charges: own.map(({ packed, taken }) => ({ packed, taken })),
        model: own.map(({ model: charge, wanted }) => ({ charge, taken: wanted })),
      });
    }
    await lives.note([call, ...charges.map(({ packed }) => packed.key)], nowMs);
  };

  for (const step of steps) {
    switch (step.kind) {
      case 'tick':
        nowMs += step.ms;
        model.forgetCalls(BigInt(nowMs));
        for (const key of await lives.endThoseDue(nowMs)) {
          expect(model.expire(BigInt(nowMs), key), `${key} was full when it expired`).toBe(true);
        }
        break;
      case 'take':
      case 'peek':
        await ask(step);
        break;
      case 'change':
        versions[step.bucket] = step.version;
        break;
      case 'give back': {
        const which = given[step.which % Math.max(1, given.length)];
        if (which === undefined) break;
        const returned = await giveBackTaken(redis, { callKey: which.call, charges: which.charges });
        expect(returned).toBe(model.giveBack(which.call, which.model));
        tally.givenBack += returned;
        await lives.note([which.call], nowMs);
        break;
      }
      default:
        step satisfies never;
    }
  }
  await ask({ kind: 'peek', call: -1, buckets: plans.map((_, index) => index), deadlineInMs: undefined });
  await lives.endAll();
}

const toModel = (limit: LimitNumbers): ModelCharge['limits'][number] => ({
  count: BigInt(limit.count),
  periodMs: BigInt(limit.periodSeconds) * 1000n,
});

function toComparable(reply: Awaited<ReturnType<typeof takeLimits>>): unknown {
  if (reply.status === 'late') return { status: 'late' };
  return {
    status: reply.status,
    charges: reply.charges.map(({ state, before, after, rolling }) => ({
      state,
      before: before.map(BigInt),
      after: after.map(BigInt),
      rolling: rolling && { atMs: BigInt(rolling.atMs), roomAtMs: rolling.roomAtMs.map(BigInt) },
    })),
  };
}

function createKeyLives(redis: Redis): {
  /** Takes over the time to live of those keys that were just given one. */
  readonly note: (keys: readonly string[], nowMs: number) => Promise<void>;
  /** Deletes the keys whose time has come, and names them. */
  readonly endThoseDue: (nowMs: number) => Promise<readonly string[]>;
  readonly endAll: () => Promise<void>;
} {
  const endsMs = new Map<string, number>();
  const end = async (keys: readonly string[]): Promise<void> => {
    if (keys.length > 0) await redis.del(...keys);
    for (const key of keys) endsMs.delete(key);
  };
  return {
    note: async (keys, nowMs) => {
      const lives = await Promise.all(keys.map((key) => redis.pttl(key)));
      const renewed: string[] = [];
      keys.forEach((key, index) => {
        const life = lives[index] ?? -2;
        if (life === -2) endsMs.delete(key);
        else if (life === -1) expect(endsMs.has(key), `${key} has a time to live`).toBe(true);
        else {
          // Whole seconds were given; the script ran a moment ago.
          endsMs.set(key, nowMs + Math.ceil(life / 1000) * 1000);
          renewed.push(key);
        }
      });
      await Promise.all(renewed.map((key) => redis.persist(key)));
    },
    endThoseDue: async (nowMs) => {
      const due = [...endsMs].filter(([, ends]) => ends < nowMs).map(([key]) => key);
      await end(due);
      return due;
    },
    endAll: () => end([...endsMs.keys()]),
  };
}
