/**
 * Many calls at once over rolling windows that they share, beside buckets: as many go as the smallest of them allows, and
 * a refused one leaves nothing behind.
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

const NOW_MS = 1_795_000_000_000;
const newPrefix = (): string => `r${randomBytes(8).toString('hex')}:{t}`;
const connection = (call: number): Redis => {
  const redis = connections[call % connections.length];
  if (redis === undefined) throw new Error('there are connections');
  return redis;
};

function charge(bucketKey: string, counting: 'bucket' | 'rolling', count: number): PackedCharge {
  const limits = [{ count, periodSeconds: 3600 }];
  return packLimits('required', bucketKey, limits, counting);
}

const place = (callKey: string, call: number, charges: readonly PackedCharge[], nowMs?: number): Promise<TakeReply> =>
  takeLimits(connection(call), { callKey, charges, nowMs, deadlineMs: 0, recordSeconds: 60 });

/** Calls that each charge has counted. */
async function counted(prefix: string, charges: readonly PackedCharge[], nowMs?: number): Promise<number[]> {
  const options = { callKey: `${prefix}:c:peek`, charges, nowMs, deadlineMs: 0, recordSeconds: 0 };
  const reply = await takeLimits(connection(0), options);
  if (reply.status === 'late') throw new Error('no deadline was given');
  return reply.charges.map(({ before: [used = 0], rolling }) => (rolling === undefined ? used / 3_600_000 : used));
}

test('of 200 calls at once over one rolling limit exactly as many go as it has', async () => {
  const prefix = newPrefix();
  const charges = [charge(`${prefix}:w`, 'rolling', 37)];
  // By the time of the server, as in production: the window is longer than the test.
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, call) => place(`${prefix}:c:${call}`, call, charges)),
  );
  expect(replies.filter(({ status }) => status === 'taken')).toHaveLength(37);
  expect(await counted(prefix, charges)).toEqual([37]);
});

test('200 calls at once over four windows and four buckets, each meeting some of them, are counted where they went and nowhere else', async () => {
  const prefix = newPrefix();
  const counts = [20, 25, 15, 40, 10, 30, 35, 60];
  const charges = counts.map((count, at) => charge(`${prefix}:b:${at}`, at % 2 === 0 ? 'rolling' : 'bucket', count));
  const chosen = Array.from({ length: 200 }, (_, call) =>
    charges.map((_, at) => ((call * 2654435761) >>> (at + 8)) % 3 === 0),
  );
  const replies = await Promise.all(
    chosen.map((picks, call) =>
      place(
        `${prefix}:c:${call}`,
        call,
        charges.filter((_, at) => picks[at]),
        NOW_MS,
      ),
    ),
  );
  const went = counts.map(
    (_, at) => chosen.filter((picks, call) => picks[at] && replies[call]?.status === 'taken').length,
  );
  const used = await counted(prefix, charges, NOW_MS);
  expect(used).toEqual(went);
  const refused = chosen.filter((_, call) => replies[call]?.status === 'refused');
  expect(refused.length).toBeGreaterThan(50);
  for (const picks of refused) expect(picks.some((picked, at) => picked && used[at] === counts[at])).toBe(true);
});

test('200 requests at once for the same call stand in a window once', async () => {
  const prefix = newPrefix();
  const charges = [charge(`${prefix}:w`, 'rolling', 7), charge(`${prefix}:b`, 'bucket', 7)];
  const replies = await Promise.all(
    Array.from({ length: 200 }, (_, request) => place(`${prefix}:c:same`, request, charges)),
  );
  expect(replies.filter(({ status }) => status === 'taken')).toHaveLength(200);
  expect((await counted(prefix, charges))[0]).toBe(1);
});
