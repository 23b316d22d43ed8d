/**
 * The typed face of count-spend.lua, and the bytes of what take-limits.lua reserves in its windows. It knows nothing of
 * rules, prices or calls.
 */
import type { Redis } from 'ioredis';
import { type PackedCharge, type PackedDemand, packBytes, tagOf } from './limit-scripts.ts';
import { createScript, loadPart, loadScript, luaScript } from './scripts.ts';

/** What is reserved of a budget; whole units, below 2^53. */
export interface Reserved {
  readonly limit: number;
  readonly amount: number;
  readonly periodSeconds: number;
  /** Key of what the call has been charged, the same for all of its charges. */
  readonly spentKey: string;
}

export function packSpend(
  demand: PackedDemand,
  key: string,
  { limit, amount, periodSeconds, spentKey }: Reserved,
): PackedCharge {
  const numbers = Buffer.alloc(18);
  writeU56(numbers, limit, 0);
  writeU56(numbers, amount, 7);
  numbers.writeUInt32LE(periodSeconds, 14);
  return packBytes({ kind: 'spend', demand, key, letter: 'm', numbers, width: 1, spentKey });
}

/** What a call says of one of its windows. */
export interface SaidOfSpend {
  /** Key of what the call has been charged. */
  readonly spentKey: string;
  /** Key of the window. */
  readonly key: string;
  /** `void`: it never went out, and all of it is given back. */
  readonly what: 'under-way' | 'over' | 'void';
  /** All that it has cost so far. */
  readonly amount: number;
  /** What the window holds at most before its calls are to end; undefined where they go on. */
  readonly limit: number | undefined;
  readonly periodSeconds: number;
}

export interface SpentInWindow {
  readonly used: number;
  /** When the window was last seen over its limit, by the server's clock, epoch ms; 0: never. */
  readonly overAtMs: number;
}

const WHAT = { 'under-way': 'u', over: 'o', void: 'v' } as const;

const window = loadPart('spend-window');
const countScript = createScript(luaScript('count-spend', `${window}\n${loadScript('count-spend').lua}`));

/**
 * Counts in one step what calls have cost so far.
 *
 * @param said at most some hundred: the server does nothing else meanwhile
 * @param nowMs undefined for the server's own time
 * @throws {TollgateError} of the store
 */
export async function countSpend(
  redis: Redis,
  said: readonly SaidOfSpend[],
  nowMs?: number,
): Promise<readonly SpentInWindow[]> {
  const keys = said.flatMap(({ spentKey, key }) => [spentKey, key]);
  const reply = await countScript(redis, keys, [nowMs ?? '', ...said.map(packSaid)]);
  if (!Array.isArray(reply) || reply.length !== 2 * said.length)
    throw new TypeError('count-spend answered something else than two numbers for each charge');
  return said.map((_, at) => ({ used: Number(reply[2 * at]), overAtMs: Number(reply[2 * at + 1]) }));
}

function packSaid({ key, what, amount, limit = 0, periodSeconds }: SaidOfSpend): Buffer {
  const bytes = Buffer.alloc(25);
  bytes.write(WHAT[what], 0, 'latin1');
  bytes.writeUIntBE(tagOf(key), 1, 6);
  writeU56(bytes, amount, 7);
  writeU56(bytes, limit, 14);
  bytes.writeUInt32LE(periodSeconds, 21);
  return bytes;
}

function writeU56(bytes: Buffer, value: number, at: number): void {
  bytes.writeUIntLE(value % 2 ** 48, at, 6);
  bytes.writeUInt8(Math.floor(value / 2 ** 48), at + 6);
}
