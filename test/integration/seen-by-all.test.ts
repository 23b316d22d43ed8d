/** What daemons of one tenant see together, in a real Redis: two of them, a clock that stands where the test puts it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LimitReading } from '../../src/gate/fullest-limits.ts';
import { createMinuteCounts } from '../../src/gate/minute-counts.ts';
import { shareLimits } from '../../src/gate/shared-limits.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const NOON = Date.UTC(2026, 10, 20, 12, 0, 10);
const MINUTE_MS = 60_000;
const keys = createKeys({ prefix: 'test', tenant: 'default' });

let redis: TestRedis;
let now = NOON;
const clock = { now: () => now as EpochMs };
const open: { readonly close: () => unknown }[] = [];
const own = <T extends { readonly close: () => unknown }>(part: T): T => {
  open.push(part);
  return part;
};

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => {
  now = NOON;
  await redis.client().flushall();
});
afterEach(async () => {
  for (const part of open.splice(0)) await part.close();
});
const minutesOf = () => own(createMinuteCounts({ redis: redis.client(), keys, clock }));

describe('minutes', () => {
  test('in which no daemon was there are known as such, and events of all daemons are added up', async () => {
    const first = minutesOf();
    first.note('hostile');
    first.note('hostile');
    await first.close();
    now += 3 * MINUTE_MS;
    const second = minutesOf();
    second.note('hostile');
    const seen = await second.lately(5);
    expect(seen.map(({ at, isKnown, hostile }) => [at.slice(11, 16), isKnown, hostile])).toEqual([
      ['11:59', false, 0],
      ['12:00', true, 2],
      ['12:01', false, 0],
      ['12:02', false, 0],
      ['12:03', true, 1],
    ]);
  });

  test('count emergency calls of all daemons since a time, over hours', async () => {
    const first = minutesOf();
    first.note('emergency');
    await first.close();
    now += 5 * 60 * MINUTE_MS;
    const second = minutesOf();
    second.note('emergency');
    expect(await second.emergencies(NOON as EpochMs)).toBe(2);
    expect(await second.emergencies((NOON + MINUTE_MS) as EpochMs)).toBe(1);
  });
});

describe('limits nearest to their end', () => {
  const reading = (more: Partial<LimitReading>): LimitReading => ({
    ...{ rule: 'staff', name: 'Staff', subject: 'extension 1001', limit: '10/1m', used: 5, of: 10 },
    ...{ at: NOON as EpochMs, periodSeconds: 60, ...more },
  });
  const sharing = (node: string, readings: readonly LimitReading[]) =>
    own(shareLimits({ redis: redis.client(), keys, clock, node, fullest: { readings: () => readings } }));

  test('are those of all daemons; of one that two saw, the later reading counts', async () => {
    sharing('pbx1', [reading({ used: 9 }), reading({ subject: 'extension 1002', used: 8 })]);
    const here = sharing('pbx2', [reading({ used: 2, at: (NOON + 1) as EpochMs })]);
    await expect
      .poll(async () => (await here.list(8)).map(({ subject, used }) => [subject, used]), { timeout: 30_000 })
      .toEqual([
        ['extension 1002', 8],
        ['extension 1001', 2],
      ]);
  });

  test('are forgotten when what was used has come back, and are not led astray by what no daemon wrote', async () => {
    await redis.client().hset(keys.fullestLimits, 'old', '{"not":"a list"}');
    const here = sharing('pbx1', [reading({ used: 4 })]);
    expect(await here.list(8)).toHaveLength(1);
    now += 30_000;
    expect(await here.list(8)).toEqual([]);
  });
});
