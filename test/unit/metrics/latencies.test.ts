import { expect, test } from 'vitest';
import { createLatencies } from '../../../src/metrics/latencies.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

const MINUTE_MS = 60_000;

test('the middle one and the slowest of a hundred are said within a twelfth', () => {
  const took = createLatencies({ now: () => 0 as EpochMs });
  for (let at = 0; at < 98; at++) took.add(0.6);
  took.add(20);
  took.add(20);
  const { count, p50Ms, p99Ms } = took.read();
  expect(count).toBe(100);
  expect(Math.abs((p50Ms ?? 0) - 0.6) / 0.6).toBeLessThan(1 / 12);
  expect(Math.abs((p99Ms ?? 0) - 20) / 20).toBeLessThan(1 / 12);
});

test('an hour is looked at, minute by minute, and what is older is forgotten', () => {
  let now = 1000 * MINUTE_MS;
  const took = createLatencies({ now: () => now as EpochMs });
  took.add(5);
  now += 59 * MINUTE_MS;
  took.add(1);
  const { minutes, count } = took.read();
  expect([minutes.length, minutes[0] !== null, minutes[1], minutes[59] !== null, count]).toEqual([
    60,
    true,
    null,
    true,
    2,
  ]);
  now += MINUTE_MS;
  expect(took.read().count).toBe(1);
});

test('where there was nothing nothing is said, and the longest counts as five seconds', () => {
  const took = createLatencies({ now: () => 0 as EpochMs });
  expect(took.read()).toMatchObject({ count: 0, p50Ms: null, p99Ms: null });
  took.add(1e9);
  expect(took.read().p99Ms).toBeGreaterThan(4500);
});
