/** What property tests share: a seed that repeats a run, and a real Redis that is empty at the start of each test. */
import type { Redis } from 'ioredis';
import { afterAll, beforeEach } from 'vitest';
import { startRedis, type TestRedis } from './redis.ts';

const DAY_MS = 86_400_000;

/**
 * The seed of `SEED=… npx vitest run --project property`, else that of the day: whoever runs the tests again on the same
 * day sees what was seen before, and each day tries something new. Printed, so that a failed run can be repeated.
 */
export function runSeed(file: string): number {
  const seed = Number(process.env['SEED'] ?? Math.floor(Date.now() / DAY_MS));
  console.log(`${file}: SEED=${seed}`);
  return seed;
}

/** Starts a Redis for the test file that awaits this at its top, and stops it after the last test. */
export async function startEmptyRedis(): Promise<{ readonly server: TestRedis; readonly redis: Redis }> {
  const server = await startRedis();
  const redis = server.client();
  beforeEach(() => redis.flushall());
  afterAll(() => server.stop());
  return { server, redis };
}
