/**
 * Row `memory`: bytes that one subject costs in the store, two windows, time to live included.
 *
 * By the growth of the whole store over twenty thousand subjects, because MEMORY USAGE leaves out the table of expiries
 * and the share of the tables themselves. The keys of 19 bytes are those of the target; the real ones come after.
 */
import { Redis } from 'ioredis';
import { packLimits, takeLimits } from '../../src/redis/limit-scripts.ts';
import { type Figure, show } from './figure.ts';
import type { Store } from './processes.ts';
import { drive, KEYS } from './subjects.ts';

const SUBJECTS = 20_000;
const LIMITS = [
  { count: 5, periodSeconds: 1 },
  { count: 1000, periodSeconds: 86_400 },
] as const;

async function usedMemory(admin: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1] ?? Number.NaN);
}

interface Bytes {
  readonly grown: number;
  readonly usage: number;
  readonly keyBytes: number;
}

async function bytesPerSubject(store: Store, redis: Redis, keyOf: (n: number) => string): Promise<Bytes> {
  await store.admin.flushall('SYNC');
  const take = async (n: number): Promise<void> => {
    const charges = [packLimits('required', keyOf(n), LIMITS)];
    const callKey = `{m}:c:${n}`;
    const reply = await takeLimits(redis, { callKey, charges, deadlineMs: 0, recordSeconds: 60 });
    if (reply.status !== 'taken') throw new Error(`a call was ${reply.status}`);
    // Only buckets are counted here; the record of a call is gone after two minutes by itself.
    await redis.del(callKey);
  };
  // Buffers of the connection and known scripts are there before the first look.
  await take(SUBJECTS);
  const before = await usedMemory(store.admin);
  // Twice, because a bucket is first written whole and then in place.
  for (let round = 0; round < 2; round += 1) await drive(50, (n) => (n < SUBJECTS ? take(n) : undefined));
  const after = await usedMemory(store.admin);
  const usage = await store.admin.memory('USAGE', keyOf(1), 'SAMPLES', 0);
  if ((await store.admin.ttl(keyOf(1))) <= 0) throw new Error('a bucket has no time to live');
  return { grown: (after - before) / SUBJECTS, usage: usage ?? Number.NaN, keyBytes: Buffer.byteLength(keyOf(1)) };
}

export async function measureMemory(store: Store): Promise<Figure[]> {
  const redis = new Redis(store.port);
  try {
    const short = await bytesPerSubject(store, redis, (n) => `tollgate:b:${String(10_000_000 + n)}`);
    const real = await bytesPerSubject(store, redis, (n) => KEYS.bucket('extension-rate', 0, `e${10_000 + n}`));
    const shown = ({ grown, usage }: Bytes): string => `${show(grown)} B (MEMORY USAGE ${usage})`;
    return [
      {
        row: 'memory',
        figure: `bytes per subject, two windows, key of ${short.keyBytes} bytes`,
        tollgate: shown(short),
        against: 'prototype 161-170 B',
        ratio: undefined,
        value: short.grown,
        bound: { most: 175, failsAbove: 250 },
      },
      {
        row: 'memory',
        figure: `same, a real key of ${real.keyBytes} bytes`,
        tollgate: shown(real),
        against: '',
        ratio: undefined,
        value: real.grown,
      },
    ];
  } finally {
    redis.disconnect();
  }
}
