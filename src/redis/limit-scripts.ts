/**
 * The typed face of take-limits.lua and return-limits.lua: it alone knows the order of their arguments and the bytes of
 * a charge. It knows nothing of rules.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import { evalPacked, type WirePart, wireNumber, wirePart } from './packed-eval.ts';
import { createScript, loadScript } from './scripts.ts';
import { storeError } from './store-error.ts';

export interface PackedCharge {
  /** Key of its bucket, or of the ring of a rolling one. */
  readonly bucketKey: string;
  /** As `packCharge` made it. */
  readonly bytes: Buffer;
  /** Number of limits. */
  readonly width: number;
  /** Key and bytes as they go over the wire, for a charge that is kept; see `wireOf`. */
  readonly wire?: WireCharge;
}

/** @see PackedCharge.wire */
export interface WireCharge {
  readonly key: WirePart;
  readonly charge: WirePart;
}

export interface TakenCharge {
  readonly state: 'room' | 'lacking' | 'counted';
  /**
   * Of each limit, shortest period first: the debt of a bucket in the units of the script; of a rolling window the calls
   * in it, more than its count after a lenient charge or a lowered limit.
   */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Undefined for a bucket. */
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

const DEMANDS = { required: 'r', lenient: 'l', shadow: 's' } as const;

/**
 * Packs one charge for the scripts.
 *
 * @param identity what makes the charge the same one when a call asks again; two different ones of one call collide with
 *   a chance of about 2^-48
 * @param limits shortest period first
 * @param counting of a rolling charge, no count is larger than 1000
 */
export function packCharge(
  demand: keyof typeof DEMANDS,
  identity: string,
  limits: readonly { readonly count: number; readonly periodSeconds: number }[],
  counting: 'bucket' | 'rolling' = 'bucket',
): Buffer {
  const bytes = Buffer.alloc(counting === 'bucket' ? 7 + 12 * limits.length : 8 + 8 * limits.length);
  bytes.write(DEMANDS[demand], 0, 'latin1');
  bytes.writeUIntBE(hash48(identity), 1, 6);
  if (counting === 'rolling') {
    bytes.write('w', 7, 'latin1');
    limits.forEach((limit, index) => {
      bytes.writeUInt32LE(limit.count, 8 + 8 * index);
      bytes.writeUInt32LE(limit.periodSeconds, 12 + 8 * index);
    });
    return bytes;
  }
  limits.forEach((limit, index) => {
    bytes.writeUInt32LE(limit.count, 7 + 8 * index);
    bytes.writeUInt32LE(limit.periodSeconds, 11 + 8 * index);
    bytes.writeUInt32LE(limit.periodSeconds, 7 + 8 * limits.length + 4 * index);
  });
  return bytes;
}

/** Only a rolling charge has an even number of bytes. */
const isRolling = ({ bytes }: PackedCharge): boolean => bytes.length % 2 === 0;

/** Two FNV-1a hashes with different seeds, 24 bits of each. A cryptographic hash costs ten times as much and guards nothing here. */
function hash48(text: string): number {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    a = Math.imul(a ^ unit, 0x01000193);
    b = Math.imul(b ^ (unit + at), 0x85ebca6b);
  }
  return (a >>> 8) * 2 ** 24 + (b >>> 8);
}

const STATES = ['room', 'lacking', 'counted'] as const;

const takeSource = loadScript('take-limits');
const takeScript = createScript(takeSource);
const returnScript = createScript('return-limits');

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
  let wireKeys = wirePart(callKey);
  let wireCharges = '';
  for (const charge of charges) {
    const wire = charge.wire ?? wireOf(charge);
    keys.push(charge.bucketKey);
    wireKeys += wire.key;
    wireCharges += wire.charge;
  }
  const now = nowMs === undefined ? NO_TIME : wireNumber(nowMs);
  const parts = wireKeys + now + wireNumber(deadlineMs) + wireNumber(recordSeconds) + wireCharges;
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

/** A charge as it goes over the wire. */
export const wireOf = (charge: Omit<PackedCharge, 'wire'>): WireCharge => ({
  key: wirePart(charge.bucketKey),
  charge: wirePart(charge.bytes),
});

function decodeTakeReply(reply: unknown, charges: readonly PackedCharge[]): TakeReply {
  if (!isNumbers(reply)) throw new TypeError('take-limits answered something else than numbers');
  const [status, nowMs = Number.NaN] = reply;
  if (status === 2) return { status: 'late', nowMs };
  let at = 2;
  const taken = charges.map((charge): TakenCharge => {
    const state = STATES[reply[at++] ?? -1];
    if (state === undefined) throw new TypeError('take-limits answered too little');
    const before: number[] = [];
    const after: number[] = [];
    const rolling = isRolling(charge) ? { atMs: nowMs, roomAtMs: [] as number[] } : undefined;
    for (let limit = 0; limit < charge.width; limit++) {
      before.push(reply[at++] ?? Number.NaN);
      after.push(reply[at++] ?? Number.NaN);
      rolling?.roomAtMs.push(reply[at++] ?? Number.NaN);
    }
    return { state, before, after, rolling };
  });
  return { status: status === 1 ? 'taken' : 'refused', nowMs, charges: taken };
}

const isNumbers = (reply: unknown): reply is number[] =>
  Array.isArray(reply) && reply.every((value) => typeof value === 'number');

/** Gives back what `takeLimits` took of these charges; resolves to how many stood in the record of the call. */
export async function returnLimits(
  redis: Redis,
  options: {
    readonly callKey: string;
    readonly charges: readonly { readonly packed: PackedCharge; readonly taken: TakenCharge }[];
  },
): Promise<number> {
  const keys = [options.callKey];
  const args: (string | number | Buffer)[] = [];
  for (const { packed, taken } of options.charges) {
    keys.push(packed.bucketKey);
    const mask = taken.after.reduce(
      (bits, after, limit) => (after > (taken.before[limit] ?? after) ? bits | (1 << limit) : bits),
      0,
    );
    args.push(packed.bytes, taken.rolling === undefined || mask === 0 ? mask : taken.rolling.atMs);
  }
  return Number(await returnScript(redis, keys, args));
}
