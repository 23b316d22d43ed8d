/**
 * The typed face of take-limits.lua, return-limits.lua and keep-leases.lua: it alone knows the order of their arguments and
 * the bytes of a charge. It knows nothing of rules.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import { storeTimeMs } from './command-at.ts';
import { evalPacked, type WirePart, wireNumber, wirePart } from './packed-eval.ts';
import { createScript, loadPart, loadScript, luaScript } from './scripts.ts';
import { storeError } from './store-error.ts';

/** `paced`: the call may leave later, and takes its place now. */
export type PackedDemand = 'required' | 'lenient' | 'shadow' | 'paced' | 'paced-shadow';

/** How a charge counts: see the layouts in take-limits.lua. */
export type PackedKind = 'bucket' | 'rolling' | 'hold' | 'leases' | 'spend' | 'lock' | 'first-call';

export interface PackedCharge {
  /** Key of its bucket, its ring, its leases or its window. */
  readonly key: string;
  readonly bytes: Buffer;
  /** Number of limits. */
  readonly width: number;
  readonly kind: PackedKind;
  readonly paced: boolean;
  /** Key of the places given back, for a paced bucket; undefined for everything else. */
  readonly placesKey: string | undefined;
  /** Key of what the call has been charged, for spending; undefined for everything else. */
  readonly spentKey: string | undefined;
  /** Keys and bytes as they go over the wire. */
  readonly wire: WireCharge;
}

interface WireCharge {
  readonly key: WirePart;
  readonly charge: WirePart;
  readonly places: WirePart;
}

export interface TakenCharge {
  readonly state: 'room' | 'lacking' | 'counted' | 'later';
  /** When the call leaves by the server's clock, epoch ms: now where it goes at once; 0 where it gets no place. */
  readonly leavesAtMs: number;
  /**
   * Of each limit, shortest period first: the debt of a bucket in the units of the script; of a rolling window the calls
   * in it, more than its count after a lenient charge or a lowered limit; of leases the calls at once; of spending what
   * its window holds.
   */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Undefined for what has no window. */
  readonly rolling: TakenWindows | undefined;
}

/** Times by the server's clock, epoch ms. */
export interface TakenWindows {
  readonly atMs: number;
  /** For each limit: when one more call has room; 0 where it has. */
  readonly roomAtMs: readonly number[];
}

export type TakeReply =
  | { readonly status: 'taken' | 'refused'; readonly nowMs: number; readonly charges: readonly TakenCharge[] }
  | { readonly status: 'late'; readonly nowMs: number };

const DEMANDS = { required: 'r', lenient: 'l', shadow: 's', paced: 'p', 'paced-shadow': 'q' } as const;

/** Limits as they are packed, shortest period first. */
type PackedLimits = readonly { readonly count: number; readonly periodSeconds: number }[];

/** How calls are paced. */
export interface PackedPace {
  /** The longest that a call waits, and the most calls that do. */
  readonly maxWaitMs: number;
  readonly maxQueue: number;
  /** How many calls of the shortest period leave at once; 0 for its count. Of a bucket only. */
  readonly burst: number;
  /** Where places that were given back are kept. */
  readonly placesKey: string;
}

/**
 * A charge that counts in a bucket or in rolling windows.
 *
 * @param key also what makes the charge the same one when a call asks again; two different ones of one call collide with a
 *   chance of about 2^-48
 * @param counting of a rolling charge, no count is larger than 1000
 * @param pace for the paced demands, and for no other
 */
export function packLimits(
  demand: PackedDemand,
  key: string,
  limits: PackedLimits,
  counting: 'bucket' | 'rolling' = 'bucket',
  pace?: PackedPace,
): PackedCharge {
  const pairs = limits.flatMap(({ count, periodSeconds }) => [count, periodSeconds]);
  if (counting === 'rolling') {
    const head = pace === undefined ? [] : [pace.maxWaitMs, pace.maxQueue];
    return packed({ kind: 'rolling', demand, key, letter: 'w', numbers: [...head, ...pairs], width: limits.length });
  }
  const head = pace === undefined ? [] : [pace.maxWaitMs, pace.maxQueue, pace.burst];
  const numbers = [...head, ...pairs, ...limits.map((limit) => limit.periodSeconds)];
  return packed({ kind: 'bucket', demand, key, numbers, width: limits.length, placesKey: pace?.placesKey });
}

/** A ring that is only looked at; it is written by `beginHold`. */
export const packHold = (demand: PackedDemand, key: string, seconds: number): PackedCharge =>
  packed({ kind: 'hold', demand, key, letter: 'v', numbers: [1, seconds], width: 1 });

/** A ceiling of calls at once. */
export const packLeases = (demand: PackedDemand, key: string, most: number, leaseSeconds: number): PackedCharge =>
  packed({ kind: 'leases', demand, key, letter: 'c', numbers: [most, leaseSeconds], width: 1 });

function packed(charge: {
  readonly kind: PackedKind;
  readonly demand: PackedDemand;
  readonly key: string;
  readonly letter?: string;
  readonly numbers: readonly number[];
  readonly width: number;
  readonly placesKey?: string | undefined;
}): PackedCharge {
  const numbers = Buffer.alloc(4 * charge.numbers.length);
  charge.numbers.forEach((number, index) => {
    numbers.writeUInt32LE(number, 4 * index);
  });
  return packBytes({ ...charge, numbers });
}

/** Whether a subject is locked. @param field of the hash of locks, of an even length */
export const packLock = (demand: PackedDemand, key: string, field: string): PackedCharge =>
  packBytes({ kind: 'lock', demand, key, letter: 'k', numbers: Buffer.from(field, 'utf8'), width: 1 });

/**
 * Whether a place is reached for the first time.
 *
 * @param first.hanging how many charges behind it are asked about on a first call only
 * @param first.alone a first call lacks by itself
 */
export const packFirstCall = (
  demand: PackedDemand,
  key: string,
  first: { readonly withinSeconds: number; readonly hanging: number; readonly alone: boolean },
): PackedCharge => {
  const numbers = [first.withinSeconds, first.hanging, first.alone ? 1 : 0];
  return packed({ kind: 'first-call', demand, key, letter: 'f', numbers, width: 1 });
};

/** A charge from its numbers as the script reads them. */
export function packBytes(charge: {
  readonly kind: PackedKind;
  readonly demand: PackedDemand;
  readonly key: string;
  readonly letter?: string;
  readonly numbers: Buffer;
  readonly width: number;
  readonly placesKey?: string | undefined;
  readonly spentKey?: string | undefined;
}): PackedCharge {
  const { kind, demand, key, letter = '', numbers, width, placesKey, spentKey } = charge;
  const head = 7 + letter.length;
  const bytes = Buffer.alloc(head + numbers.length);
  bytes.write(DEMANDS[demand], 0, 'latin1');
  bytes.writeUIntBE(tagOf(key), 1, 6);
  bytes.write(letter, 7, 'latin1');
  numbers.copy(bytes, head);
  const paced = demand === 'paced' || demand === 'paced-shadow';
  const places = placesKey === undefined ? '' : wirePart(placesKey);
  const wire = { key: wirePart(key), charge: wirePart(bytes), places };
  return { key, bytes, width, kind, paced, placesKey, spentKey, wire };
}

/** What makes a charge the same one when its call asks again. Two FNV-1a hashes with different seeds, 24 bits of each. A cryptographic hash costs ten times as much and guards nothing here. */
export function tagOf(text: string): number {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ (unit + at), 0x85ebca6b);
  }
  return (a >>> 8) * 2 ** 24 + (b >>> 8);
}

const STATES = ['room', 'lacking', 'counted', 'later'] as const;

const takeSource = luaScript('take-limits', `${loadPart('spend-window')}\n${loadScript('take-limits').lua}`);
const takeScript = createScript(takeSource);
const returnScript = createScript('return-limits');
const keepScript = createScript('keep-leases');

/**
 * Runs the one atomic step of a call.
 *
 * @param options.nowMs undefined for the server's own time
 * @param options.deadlineMs epoch ms by the server's clock, 0 for none
 * @param options.recordSeconds how long a repeated request is recognised; 0 peeks
 * @throws {Error} when the store cannot be reached or answers something else than the script's reply
 */
export async function takeLimits(
  redis: Redis,
  options: {
    readonly callKey: string;
    readonly charges: readonly PackedCharge[];
    readonly nowMs?: number | undefined;
    readonly deadlineMs: number;
    readonly recordSeconds: number;
  },
): Promise<TakeReply> {
  const { callKey, charges, nowMs, deadlineMs, recordSeconds } = options;
  const keys = [callKey];
  const placesKeys: string[] = [];
  let wireKeys = wirePart(callKey);
  let wirePlaces = '';
  let wireCharges = '';
  let spentKey: string | undefined;
  for (const charge of charges) {
    keys.push(charge.key);
    wireKeys += charge.wire.key;
    wireCharges += charge.wire.charge;
    if (charge.spentKey !== undefined) spentKey = charge.spentKey;
    if (charge.placesKey === undefined) continue;
    placesKeys.push(charge.placesKey);
    wirePlaces += charge.wire.places;
  }
  keys.push(...placesKeys);
  if (spentKey !== undefined) {
    keys.push(spentKey);
    wirePlaces += wirePart(spentKey);
  }
  const now = nowMs === undefined ? NO_TIME : wireNumber(nowMs);
  const parts = wireKeys + wirePlaces + now + wireNumber(deadlineMs) + wireNumber(recordSeconds) + wireCharges;
  try {
    const reply = await evalPacked(redis, takeSource.sha, keys, parts, keys.length + 3 + charges.length);
    return decodeTakeReply(reply, charges);
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw storeError(error);
  }
  const args = [nowMs ?? '', deadlineMs, recordSeconds, ...charges.map((charge) => charge.bytes)];
  return decodeTakeReply(await takeScript(redis, keys, args), charges);
}

const NO_TIME = wirePart('');

function decodeTakeReply(reply: unknown, charges: readonly PackedCharge[]): TakeReply {
  if (!isNumbers(reply)) throw new TypeError('take-limits answered something else than numbers');
  const [status, nowMs = Number.NaN] = reply;
  if (status === 2) return { status: 'late', nowMs };
  let at = 2;
  const taken = charges.map((charge): TakenCharge => {
    const state = STATES[reply[at++] ?? -1];
    if (state === undefined) throw new TypeError('take-limits answered too little');
    const leavesAtMs = charge.paced ? (reply[at++] ?? Number.NaN) : 0;
    const before: number[] = [];
    const after: number[] = [];
    const isRing = charge.kind === 'rolling' || charge.kind === 'hold' || charge.kind === 'spend';
    const rolling = isRing ? { atMs: nowMs, roomAtMs: [] as number[] } : undefined;
    for (let limit = 0; limit < charge.width; limit++) {
      before.push(reply[at++] ?? Number.NaN);
      after.push(reply[at++] ?? Number.NaN);
      rolling?.roomAtMs.push(reply[at++] ?? Number.NaN);
    }
    return { state, leavesAtMs, before, after, rolling };
  });
  return { status: status === 1 ? 'taken' : 'refused', nowMs, charges: taken };
}

const isNumbers = (reply: unknown): reply is number[] =>
  Array.isArray(reply) && reply.every((value) => typeof value === 'number');

/** What a charge took, as `returnLimits` wants to be told: see ARGV[2i + 1] of return-limits.lua. 0 where nothing was. */
export function takenNumber(
  { kind, paced }: PackedCharge,
  { before, after, rolling, leavesAtMs }: TakenCharge,
): number {
  if (paced && kind === 'bucket') return leavesAtMs;
  const mask = after.reduce((bits, value, limit) => (value > (before[limit] ?? value) ? bits | (1 << limit) : bits), 0);
  if (rolling === undefined || mask === 0) return mask;
  return leavesAtMs === 0 ? rolling.atMs : leavesAtMs;
}

/**
 * Gives back what `takeLimits` took of these charges; resolves to how many were given back.
 *
 * @param options.needsRecord only those that stand in the record of the call, so that nothing is given back twice;
 *   false where the record may have lapsed and the caller sees to that himself
 */
export async function returnLimits(
  redis: Redis,
  options: {
    readonly callKey: string;
    readonly charges: readonly {
      readonly packed: Pick<PackedCharge, 'key' | 'bytes' | 'placesKey'>;
      /** As `takenNumber` gives it. */
      readonly taken: number;
    }[];
    readonly needsRecord: boolean;
  },
): Promise<number> {
  const keys = [options.callKey];
  const args: (string | number | Buffer)[] = [options.needsRecord ? 1 : 0];
  for (const { packed: charge, taken } of options.charges) {
    keys.push(charge.key);
    args.push(charge.bytes, taken);
  }
  for (const { packed: charge } of options.charges) if (charge.placesKey !== undefined) keys.push(charge.placesKey);
  return Number(await returnScript(redis, keys, args));
}

/**
 * Renews the leases of one call, or ends them.
 *
 * @param seconds from now; 0 ends them
 * @returns how many were there before
 */
export async function keepLeases(
  redis: Redis,
  options: { readonly callKey: string; readonly keys: readonly string[]; readonly seconds: number },
): Promise<number> {
  return Number(await keepScript(redis, [options.callKey, ...options.keys], [options.seconds]));
}

/** Begins a hold now, by the server's clock, or begins it anew. */
export async function beginHold(redis: Redis, key: string, seconds: number): Promise<void> {
  const at = Buffer.alloc(6);
  at.writeUIntLE(await storeTimeMs(redis, key), 0, 6);
  await redis.set(key, at, 'EX', seconds + 1);
}
