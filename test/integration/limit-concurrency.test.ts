/**
 * Many calls at once on one real Redis: as many go as there are tokens, and a refused one leaves nothing behind.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type PackedCharge, packLimits, type TakeReply, takeLimits } from '../../src/redis/limit-scripts.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let connections: readonly Redis[];
beforeAll(async () => {
  server = await startRedis();
  connections = [1, 2, 3, 4].map(() => server.client());
});
afterAll(() => server.stop());

const PERIOD_SECONDS = 3600;
const COST = PERIOD_SECONDS * 1000;
/** One moment for all calls: nothing is refilled, so that the outcome can be counted. */
const NOW_MS = 1_795_000_000_000;

const sharedBuckets = (prefix: string, counts: readonly number[]): PackedCharge[] =>
  counts.map((count, index) => {
    const bucketKey = `${prefix}:b:${index}`;
    return packLimits('required', bucketKey, [{ count, periodSeconds: PERIOD_SECONDS }]);
  });

const newPrefix = (): string => `c${randomBytes(8).toString('hex')}:{t}`;

const place = (prefix: string, call: number, charges: readonly PackedCharge[], nowMs?: number): Promise<TakeReply> => {
  const redis = connections[call % connections.length];
  if (redis === undefined) throw new Error('there are connections');
  return takeLimits(redis, { callKey: `${prefix}:c:${call}`, charges, nowMs, deadlineMs: 0, recordSeconds: 60 });
};

/** Calls that each bucket has given by now. */
async function takenFrom(prefix: string, charges: readonly PackedCharge[]): Promise<number[]> {
  const redis = connections[0];
  if (redis === undefined) throw new Error('there are connections');
  const options = { callKey: `${prefix}:c:peek`, charges, nowMs: NOW_MS, deadlineMs: 0, recordSeconds: 0 };
  const reply = await takeLimits(redis, options);
  if (reply.status === 'late') throw new Error('no deadline was given');
  return reply.charges.map(({ before }) => (before[0] ?? Number.NaN) / COST);
}

const admitted = (replies: readonly TakeReply[]): number => replies.filter(({ status }) => status === 'taken').length;

test('of 200 calls at once over eight shared limits as many go as the smallest limit has, and no limit gives more', async () => {
  const prefix = newPrefix();
  const charges = sharedBuckets(prefix, [90, 71, 200, 64, 37, 120, 38, 55]);
  const replies = await Promise.all(Array.from({ length: 200 }, (_, call) => place(prefix, call, charges, NOW_MS)));
  expect(admitted(replies)).toBe(37);
  expect(await takenFrom(prefix, charges)).toEqual(Array(8).fill(37));
});

test('of 200 calls at once with limits of their own choice none goes without its tokens and none is refused that had them', async () => {
  const prefix = newPrefix();
  const counts = [20, 25, 15, 40, 10, 30, 35, 60];
  const charges = sharedBuckets(prefix, counts);
  // Which limits a call meets: the bits of a number that has no pattern in it.
  const chosen = Array.from({ length: 200 }, (_, call) =>
    charges.map((_, bucket) => ((call * 2654435761) >>> (bucket + 8)) % 3 === 0),
  );
  const replies = await Promise.all(
    chosen.map((picks, call) =>
      place(
        prefix,
        call,
        charges.filter((_, bucket) => picks[bucket]),
        NOW_MS,
      ),
    ),
  );
  const taken = await takenFrom(prefix, charges);
  const paid = counts.map(
    (_, bucket) => chosen.filter((picks, call) => picks[bucket] && replies[call]?.status === 'taken').length,
  );
  expect(taken).toEqual(paid);
  for (const [bucket, calls] of taken.entries()) expect(calls).toBeLessThanOrEqual(counts[bucket] ?? 0);
  const refused = chosen.filter((_, call) => replies[call]?.status === 'refused');
  expect(refused.length).toBeGreaterThan(50);
  // Levels only rise here: a call that was refused met a limit that is used up to this moment.
  for (const picks of refused) {
    expect(picks.some((picked, bucket) => picked && taken[bucket] === counts[bucket])).toBe(true);
  }
});

test('200 requests at once for the same call are charged once', async () => {
  const prefix = newPrefix();
  const charges = sharedBuckets(prefix, [90, 71, 200, 64, 37, 120, 38, 55]);
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, request) => {
      const redis = connections[request % connections.length];
      if (redis === undefined) throw new Error('there are connections');
      const options = { callKey: `${prefix}:c:same`, charges, nowMs: NOW_MS, deadlineMs: 0, recordSeconds: 60 };
      return takeLimits(redis, options);
    }),
  );
  expect(admitted(replies)).toBe(200);
  expect(await takenFrom(prefix, charges)).toEqual(Array(8).fill(1));
});

test('seven calls in a row against limits of 10, 10, 10 and 2 take two from each', async () => {
  const prefix = newPrefix();
  const charges = sharedBuckets(prefix, [10, 10, 10, 2]);
  const replies: TakeReply[] = [];
  for (let call = 0; call < 7; call++) replies.push(await place(prefix, call, charges, NOW_MS));
  expect(admitted(replies)).toBe(2);
  expect(await takenFrom(prefix, charges)).toEqual([2, 2, 2, 2]);
});

test('forty calls at once against limits of 30, 30, 30 and 5 take five from each', async () => {
  const prefix = newPrefix();
  const charges = sharedBuckets(prefix, [30, 30, 30, 5]);
  const replies = await Promise.all(Array.from({ length: 40 }, (_, call) => place(prefix, call, charges, NOW_MS)));
  expect(admitted(replies)).toBe(5);
  expect(await takenFrom(prefix, charges)).toEqual([5, 5, 5, 5]);
});

test('calls at once by the time of the server get the tokens there are, and those refilled meanwhile', async () => {
  const prefix = newPrefix();
  const bucketKey = `${prefix}:b`;
  const limits = [{ count: 10, periodSeconds: 1 }];
  const charges = [packLimits('required', bucketKey, limits)];
  const replies: TakeReply[] = [];
  for (let wave = 0; wave < 10; wave++) {
    replies.push(...(await Promise.all(Array.from({ length: 20 }, (_, at) => place(prefix, wave * 20 + at, charges)))));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const times = replies.map(({ nowMs }) => nowMs);
  const spanMs = Math.max(...times) - Math.min(...times);
  expect(admitted(replies)).toBeGreaterThanOrEqual(10);
  // Ten at the start, and one for every 100 ms of the store's own time.
  expect(admitted(replies)).toBeLessThanOrEqual(10 + Math.floor(spanMs / 100));
});
