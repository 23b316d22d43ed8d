/**
 * Plays one history of calls to the scripts in a real Redis and to the reference model, and compares every number.
 *
 * The time of a history is made up, and so is the passing of a key's time to live: whenever a script gives a key one, it
 * is noted in the time of the history and taken off the key, and the key is deleted when that time has come, without
 * waiting. Nothing may be lost by it then.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { expect } from 'vitest';
import {
  type PackedCharge,
  type PackedDemand,
  packHold,
  packLeases,
  packLimits,
  type TakenCharge,
  takeLimits,
} from '../../src/redis/limit-scripts.ts';
import { createScript } from '../../src/redis/scripts.ts';
import { createCallsModel } from '../model/calls.ts';
import type { ModelCharge, Taken } from '../model/counter.ts';
import { giveBackTaken } from './give-back.ts';

export interface LimitNumbers {
  readonly count: number;
  readonly periodSeconds: number;
}

/** What is counted in one bucket, ring or set of leases, as one version of a rule would have it. */
export interface ChargeVersion {
  readonly demand: PackedDemand;
  /** Shortest period first. Of a hold and of leases only the first one counts. */
  readonly limits: readonly LimitNumbers[];
  /** Of the paced demands, and of no other. */
  readonly pace: { readonly maxWaitMs: number; readonly maxQueue: number; readonly burst: number } | undefined;
}

/** What these histories count; budgets have one of their own. */
type CountedKind = 'bucket' | 'rolling' | 'hold' | 'leases';

/** The versions that a rule has over time. */
export interface ChargePlan {
  readonly kind: CountedKind;
  readonly versions: readonly ChargeVersion[];
}

export function packVersion(kind: CountedKind, { demand, limits, pace }: ChargeVersion, key: string): PackedCharge {
  const [{ count, periodSeconds } = { count: 1, periodSeconds: 1 }] = limits;
  switch (kind) {
    case 'bucket':
    case 'rolling':
      return packLimits(demand, key, limits, kind, pace && { ...pace, placesKey: placesOf(key) });
    case 'hold':
      return packHold(demand, key, periodSeconds);
    case 'leases':
      return packLeases(demand, key, count, periodSeconds);
    default:
      return kind satisfies never;
  }
}
const placesOf = (key: string): string => `${key}:f`;

export type Step =
  | { readonly kind: 'tick'; readonly ms: number }
  | {
      readonly kind: 'take' | 'peek';
      readonly call: number;
      readonly charges: readonly number[];
      /** Milliseconds after now; undefined for none. */
      readonly deadlineInMs: number | undefined;
    }
  | { readonly kind: 'change'; readonly charge: number; readonly version: number }
  /** `which`: of the calls that took something, the last is 0. */
  | { readonly kind: 'give back'; readonly which: number; readonly needsRecord: boolean }
  | { readonly kind: 'keep' | 'end' | 'hold'; readonly which: number };

export interface Tally {
  taken: number;
  refused: number;
  late: number;
  counted: number;
  givenBack: number;
  /** Rolling windows without room, not paced. */
  closedWindows: number;
  /** Calls that got a place in the near future, in buckets and in rings, and in places that were given back. */
  waitInBucket: number;
  waitInRing: number;
  inFreedPlace: number;
  /** Paced charges without a place. */
  noPlace: number;
  leasesFull: number;
  leasesKept: number;
  held: number;
}

export const newTally = (): Tally => ({
  taken: 0,
  refused: 0,
  late: 0,
  counted: 0,
  givenBack: 0,
  closedWindows: 0,
  waitInBucket: 0,
  waitInRing: 0,
  inFreedPlace: 0,
  noPlace: 0,
  leasesFull: 0,
  leasesKept: 0,
  held: 0,
});

export const RECORD_SECONDS = 20;
const BEGINS_MS = 1_795_000_000_123;
const keepScript = createScript('keep-leases');

interface Given {
  readonly call: string;
  readonly charges: readonly { readonly packed: PackedCharge; readonly taken: TakenCharge }[];
  readonly model: readonly { readonly charge: ModelCharge; readonly taken: Taken }[];
}

/** @throws when any reply differs from the model's, a key has no time to live, or what it held is lost by its end */
export async function playHistory(
  redis: Redis,
  plans: readonly ChargePlan[],
  steps: readonly Step[],
  tally: Tally,
): Promise<void> {
  const prefix = `p${randomBytes(8).toString('hex')}:{t}`;
  const model = createCallsModel();
  const versions = plans.map(() => 0);
  const lives = createKeyLives(redis);
  const given: Given[] = [];
  let nowMs = BEGINS_MS;

  const keyOf = (charge: number): string => `${prefix}:b:${charge}`;
  const callOf = (call: number): string => `${prefix}:c:${call}`;
  const chargesOf = (chosen: readonly number[]): { packed: PackedCharge; model: ModelCharge }[] =>
    chosen.flatMap((index) => {
      const plan = plans[index];
      const version = plan?.versions[versions[index] ?? 0];
      if (plan === undefined || version === undefined) return [];
      const packed = packVersion(plan.kind, version, keyOf(index));
      return [{ packed, model: toModel(plan.kind, version, keyOf(index)) }];
    });

  const ask = async (step: Extract<Step, { kind: 'take' | 'peek' }>): Promise<void> => {
    const charges = chargesOf(step.charges);
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
        charges.forEach(({ packed }, index) => {
          tallyOne(tally, packed, reply.charges[index]);
        });
      }
    }
    if (!peeks && reply.status === 'taken' && expected.status === 'taken') {
      const own = charges.flatMap((charge, index) => {
        const taken = reply.charges[index];
        const wanted = expected.charges[index];
        return taken === undefined || wanted === undefined || taken.state === 'counted' || charge.packed.kind === 'hold'
          ? []
          : [{ ...charge, taken, wanted }];
      });
      given.push({
        call,
        charges: own.map(({ packed, taken }) => ({ packed, taken })),
        model: own.map(({ model: charge, wanted }) => ({ charge, taken: wanted })),
      });
    }
    await lives.note([call, ...charges.flatMap(({ packed }) => keysIn(packed))], nowMs);
  };

  for (const step of steps) {
    switch (step.kind) {
      case 'tick':
        nowMs += step.ms;
        model.forgetCalls(BigInt(nowMs));
        for (const key of await lives.endThoseDue(nowMs)) {
          const [, bucket] = /^(.*):f$/.exec(key) ?? [];
          // A shorter wait in a later version may let the places of an earlier one go: they are not handed out then.
          if (bucket !== undefined) model.forgetPlaces(BigInt(nowMs), bucket);
          else expect(model.expire(BigInt(nowMs), key), `${key} was of no more use when it expired`).toBe(true);
        }
        break;
      case 'take':
      case 'peek':
        await ask(step);
        break;
      case 'change':
        versions[step.charge] = step.version;
        break;
      case 'give back': {
        const which = given.at(-1 - (step.which % Math.max(1, given.length)));
        if (which === undefined) break;
        const { call, charges } = which;
        const returned = await giveBackTaken(redis, { callKey: call, charges, needsRecord: step.needsRecord });
        expect(returned).toBe(model.giveBack(call, which.model, step.needsRecord));
        tally.givenBack += returned;
        await lives.note([call, ...charges.flatMap(({ packed }) => keysIn(packed))], nowMs);
        break;
      }
      case 'keep':
      case 'end': {
        const which = given.at(-1 - (step.which % Math.max(1, given.length)));
        const leases = which?.model.filter(({ charge }) => charge.kind === 'leases').map(({ charge }) => charge) ?? [];
        for (const { key, limits } of which === undefined ? [] : leases) {
          await lives.restore(key, nowMs);
          const lastsMs = step.kind === 'end' ? 0n : (limits[0]?.periodMs ?? 0n);
          const found = await keepScript(redis, [which?.call ?? '', key], [Number(lastsMs) / 1000, nowMs]);
          expect(found).toBe(model.keep(BigInt(nowMs), which?.call ?? '', [key], lastsMs));
          tally.leasesKept += Number(found);
          await lives.note([key], nowMs);
        }
        break;
      }
      case 'hold': {
        for (const { packed, model: charge } of chargesOf(plans.map((_, at) => at))) {
          if (packed.kind !== 'hold') continue;
          const at = Buffer.alloc(6);
          at.writeUIntLE(nowMs, 0, 6);
          // As beginHold does by the server's own time.
          await redis.set(packed.key, at, 'EX', Number(charge.limits[0]?.periodMs) / 1000 + 1);
          model.beginHold(BigInt(nowMs), charge);
          await lives.note([packed.key], nowMs);
        }
        break;
      }
      default:
        step satisfies never;
    }
  }
  await ask({ kind: 'peek', call: -1, charges: plans.map((_, index) => index), deadlineInMs: undefined });
  await lives.endAll();
}

function tallyOne(tally: Tally, { kind, paced }: PackedCharge, taken: TakenCharge | undefined): void {
  if (taken === undefined) return;
  const { state, before, after } = taken;
  if (state === 'counted') tally.counted += 1;
  if (state === 'later' && kind === 'rolling') tally.waitInRing += 1;
  if (state === 'later' && kind === 'bucket') {
    const isFreed = before.every((debt, at) => debt === after[at]);
    tally[isFreed ? 'inFreedPlace' : 'waitInBucket'] += 1;
  }
  if (state !== 'lacking') return;
  if (paced) tally.noPlace += 1;
  else if (kind === 'rolling') tally.closedWindows += 1;
  else if (kind === 'leases') tally.leasesFull += 1;
  else if (kind === 'hold') tally.held += 1;
}

const keysIn = ({ key, placesKey }: PackedCharge): readonly string[] =>
  placesKey === undefined ? [key] : [key, placesKey];

function toModel(kind: CountedKind, { demand, limits, pace }: ChargeVersion, key: string): ModelCharge {
  const numbers = limits.map(({ count, periodSeconds }) => ({
    count: kind === 'hold' ? 1n : BigInt(count),
    periodMs: BigInt(periodSeconds) * 1000n,
  }));
  return {
    key,
    kind,
    demand,
    limits: kind === 'hold' || kind === 'leases' ? numbers.slice(0, 1) : numbers,
    pace: pace && {
      maxWaitMs: BigInt(pace.maxWaitMs),
      maxQueue: BigInt(pace.maxQueue),
      burst: BigInt(pace.burst),
    },
  };
}

function toComparable(reply: Awaited<ReturnType<typeof takeLimits>>): unknown {
  if (reply.status === 'late') return { status: 'late' };
  return {
    status: reply.status,
    charges: reply.charges.map(({ state, leavesAtMs, before, after, rolling }) => ({
      state,
      leavesAtMs: BigInt(leavesAtMs),
      before: before.map(BigInt),
      after: after.map(BigInt),
      atMs: BigInt(reply.nowMs),
      roomAtMs: rolling?.roomAtMs.map(BigInt),
    })),
  };
}

function createKeyLives(redis: Redis): {
  /** Takes over the time to live of those keys that were just given one. */
  readonly note: (keys: readonly string[], nowMs: number) => Promise<void>;
  /** Gives a key its time to live back, for a script that asks for it. */
  readonly restore: (key: string, nowMs: number) => Promise<void>;
  /** Deletes the keys whose time has come, and names them. */
  readonly endThoseDue: (nowMs: number) => Promise<readonly string[]>;
  readonly endAll: () => Promise<void>;
} {
  const endsMs = new Map<string, number>();
  const restored = new Set<string>();
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
          // Whole seconds were given, unless it is what was restored; the script ran a moment ago.
          const isRestored = restored.delete(key) && Math.abs((endsMs.get(key) ?? 0) - nowMs - life) < 500;
          if (!isRestored) endsMs.set(key, nowMs + Math.ceil(life / 1000) * 1000);
          renewed.push(key);
        }
      });
      await Promise.all(renewed.map((key) => redis.persist(key)));
    },
    restore: async (key, nowMs) => {
      const leftMs = (endsMs.get(key) ?? nowMs) - nowMs;
      if (leftMs <= 0) return;
      await redis.pexpire(key, leftMs);
      restored.add(key);
    },
    endThoseDue: async (nowMs) => {
      const due = [...endsMs].filter(([, ends]) => ends < nowMs).map(([key]) => key);
      await end(due);
      return due;
    },
    endAll: () => end([...endsMs.keys()]),
  };
}
