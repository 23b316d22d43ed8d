/** What was counted, read back over days: hours in a real Redis, a clock that stands where the test puts it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createJournal, MOST_DAYS_COUNTED } from '../../src/gate/journal.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const NOW = Date.UTC(2026, 10, 18, 12, 30) as EpochMs;
const HOUR_MS = 3_600_000;
const keys = createKeys({ prefix: 'test', tenant: 'default' });

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(() => redis.client().flushall());

const journalOf = (maxAgeDays: number) =>
  createJournal({
    redis: redis.client(),
    keys,
    clock: { now: () => NOW, monotonicMs: () => 0 },
    node: 'test',
    maxEntries: 100,
    maxAgeSeconds: maxAgeDays * 86_400,
    log: { warn: () => undefined },
  });

/** Counts of the hour that began so many hours before the one that is under way. */
const put = (hoursAgo: number, counts: Readonly<Record<string, number>>): Promise<unknown> =>
  redis.client().hset(keys.counts(new Date(NOW - hoursAgo * HOUR_MS).toISOString().slice(0, 13)), counts);

test('counts are added up over minutes, verdicts and hours, for each rule and for all calls', async () => {
  await put(0, { '12:01|-|allow': 3, '12:01|staff|allow': 2, '12:02|staff|block': 1, '12:02|-|block': 1 });
  await put(30, { '06:59|-|alert': 5, '06:59|night.1_x|alert': 5 });
  const { days, calls, byRule } = await journalOf(31).countsOf(7);
  expect({ days, calls }).toEqual({ days: 7, calls: 9 });
  expect([...byRule].sort()).toEqual([
    ['night.1_x', 5],
    ['staff', 3],
  ]);
});

test('what lies before the days that were asked for is not counted', async () => {
  await put(23, { '13:00|-|allow': 1 });
  await put(24, { '12:00|-|allow': 10 });
  await put(7 * 24 - 1, { '13:00|-|allow': 100 });
  await put(7 * 24, { '12:00|-|allow': 1000 });
  const journal = journalOf(31);
  expect((await journal.countsOf(1)).calls).toBe(1);
  expect((await journal.countsOf(7)).calls).toBe(111);
});

test('days are cut to what is kept, and to what is read at most', async () => {
  expect((await journalOf(3).countsOf(7)).days).toBe(3);
  expect((await journalOf(0.2).countsOf(7)).days).toBe(1);
  expect((await journalOf(400).countsOf(365)).days).toBe(MOST_DAYS_COUNTED);
});

test('a rule with a name that every object has is counted like any other', async () => {
  await put(0, { '12:01|constructor|allow': 2, '12:01|toString|block': 1 });
  expect([...(await journalOf(7).countsOf(1)).byRule].sort()).toEqual([
    ['constructor', 2],
    ['toString', 1],
  ]);
});
