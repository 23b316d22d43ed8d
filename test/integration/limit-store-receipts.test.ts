/**
 * What the limit store says of rules that pace, count calls at once or hold, on a real Redis; and what can still be done
 * with a receipt that was written down and read again, as after a restart.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Charge, LimitStore, Receipt, Taken } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker, type StoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { type Finding, findingOf, verdictOf } from '../../src/policy/verdict.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { ruleOf } from '../support/policy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

let server: TestRedis;
let redis: ReturnType<TestRedis['client']>;
let breaker: StoreBreaker;
let store: LimitStore;
const LEASE_SECONDS = 300;
const keys = createKeys({ prefix: 'r', tenant: 't' });

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
beforeEach(async () => {
  await redis.flushall();
  const ignore = (): void => {};
  breaker = createStoreBreaker({ clock: systemClock, probe: async () => {}, onOpen: ignore, onClosed: ignore });
  const storeClock = createStoreClock();
  const leaseSeconds = (): number => LEASE_SECONDS;
  store = createRedisLimitStore({ redis, keys, clock: systemClock, storeClock, breaker, leaseSeconds });
});
afterEach(() => breaker.close());
afterAll(() => server.stop());

/** All that a rule counts, as the gate asks for it. */
const chargesOf = (rule: Rule): Charge[] =>
  rule.counts.map((count) => ({
    rule,
    subject: { kind: 'trunk', id: 'carrier-a' },
    count,
    demand: rule.action.demand === 'paced' && count.kind !== 'limits' ? 'required' : rule.action.demand,
  }));
const payer = (callId: string) => ({ callId, destination: '3055550100' });
const take = (rule: Rule, callId: string): Promise<Taken> => store.take(payer(callId), chargesOf(rule), 5000);
const peek = async (rule: Rule) => (await store.peek(chargesOf(rule), undefined, 5000)).readings;
/** Calls used of the first limit of each count. */
const used = async (rule: Rule) => (await peek(rule)).map(({ limits: [first] }) => first?.used);
const finding = (rule: Rule, { readings }: Taken): Finding => findingOf(rule, { why: 'every-call' }, readings);
const verdict = (rule: Rule, taken: Taken) => verdictOf([finding(rule, taken)]);
const writtenDown = ({ receipt }: Taken): Receipt => JSON.parse(JSON.stringify(receipt));

// Slow, so that the time between two requests matters little: one call a minute.
const slow = { limits: ['1/1m'], action: 'wait', maxWait: '10m', maxQueue: 2 };

test.each(['bucket', 'rolling'])(
  'a rule that paces in a %s says how long each call waits, and refuses beyond its queue',
  async (counting) => {
    const rule = ruleOf({ ...slow, counting });
    const [first, second, third, fourth] = [
      await take(rule, '1'),
      await take(rule, '2'),
      await take(rule, '3'),
      await take(rule, '4'),
    ];
    expect(verdict(rule, first)).toMatchObject({ name: 'allow', waitMs: 0 });
    for (const [taken, waitMs] of [
      [second, 60_000],
      [third, 120_000],
    ] as const) {
      expect(taken).toMatchObject({ outcome: 'taken', readings: [{ state: 'later' }] });
      const said = verdict(rule, taken);
      expect(said).toMatchObject({ name: 'wait', retryAfterMs: 0 });
      expect(said.waitMs).toBeGreaterThan(waitMs - 5000);
      expect(said.waitMs).toBeLessThanOrEqual(waitMs);
      expect(said.reason).toMatch(
        /^Rule tested lets trunk carrier-a wait \d+ ms for its place in 1 call per 1 minute$/,
      );
    }
    expect(fourth.outcome).toBe('refused');
    expect(fourth.receipt.items).toEqual([]);
    expect(verdict(rule, fourth)).toMatchObject({ name: 'block', waitMs: 0 });
    expect(verdict(rule, fourth).retryAfterMs).toBeGreaterThan(0);
  },
);

test.each(['bucket', 'rolling'])(
  'a call that hangs up while it waits in a %s gives its place to the next',
  async (counting) => {
    const rule = ruleOf({ ...slow, counting });
    await take(rule, '1');
    await take(rule, '2');
    const last = await take(rule, '3');
    const receipt = writtenDown(last);
    await store.giveBack(receipt);
    await store.giveBack(receipt);
    const next = await take(rule, '4');
    expect(next.readings[0]?.waitMs).toBeGreaterThan(115_000);
    expect(next.at + (next.readings[0]?.waitMs ?? 0)).toBe(last.at + (last.readings[0]?.waitMs ?? 0));
    // Given back once, handed out once.
    expect((await take(rule, '5')).outcome).toBe('refused');
  },
);

test('a place in a bucket is handed on with the time that was promised, before those that wait behind it', async () => {
  const rule = ruleOf({ ...slow, maxQueue: 3 });
  await take(rule, '1');
  const second = await take(rule, '2');
  await take(rule, '3');
  await store.giveBack(writtenDown(second));
  const next = await take(rule, '4');
  expect(next.at + (next.readings[0]?.waitMs ?? 0)).toBe(second.at + (second.readings[0]?.waitMs ?? 0));
});

test('a peek says how long a call would wait, and a call that waits and asks again is charged once', async () => {
  const rule = ruleOf(slow);
  await take(rule, '1');
  for (let turn = 0; turn < 3; turn++) {
    expect((await peek(rule))[0]).toMatchObject({ state: 'later' });
  }
  expect((await take(rule, '2')).readings[0]).toMatchObject({ state: 'later' });
  const again = await take(rule, '2');
  expect(again.readings[0]).toMatchObject({ state: 'counted', waitMs: 0 });
  expect(again.receipt.items).toEqual([]);
  expect((await take(rule, '3')).readings[0]?.waitMs).toBeGreaterThan(115_000);
});

test('calls at once are counted until they end, and a receipt that was written down ends them, once', async () => {
  const rule = ruleOf({ concurrent: 2 });
  const first = await take(rule, '1');
  const second = await take(rule, '2');
  const refused = await take(rule, '3');
  expect(refused).toMatchObject({ outcome: 'refused', readings: [{ state: 'lacking' }] });
  expect(verdict(rule, refused)).toMatchObject({ name: 'block', retryAfterMs: null });
  expect(verdict(rule, refused).reason).toContain('2 of 2 calls at once');
  expect(await used(rule)).toEqual([2]);
  await store.end(writtenDown(first));
  await store.end(writtenDown(first));
  expect(await used(rule)).toEqual([1]);
  expect((await take(rule, '4')).outcome).toBe('taken');
  await store.giveBack(writtenDown(second));
  expect(await used(rule)).toEqual([1]);
});

test('a call that is said to be under way is counted for another lease, also when its lease had been lost', async () => {
  const rule = ruleOf({ concurrent: 1 });
  const taken = await take(rule, '1');
  const key = keys.leases('tested', 0, 'tcarrier-a');
  await redis.expire(key, 10);
  await store.renew([writtenDown(taken)]);
  expect(await redis.ttl(key)).toBeGreaterThan(LEASE_SECONDS - 5);
  await redis.del(key);
  await store.renew([writtenDown(taken), { payer: payer('none'), items: [] }]);
  expect(await used(rule)).toEqual([1]);
  expect((await take(rule, '2')).outcome).toBe('refused');
});

test('an alert beyond the ceiling counts the call, and a shadow rule counts none that it would refuse', async () => {
  const alert = ruleOf({ concurrent: 1, action: 'alert' });
  await take(alert, '1');
  const second = await take(alert, '2');
  expect(verdict(alert, second).name).toBe('alert');
  expect(second.receipt.items).toHaveLength(1);
  const shadow = ruleOf({ id: 'shadow', concurrent: 1, mode: 'shadow' });
  const inShadow = (callId: string) =>
    store.take(
      payer(callId),
      chargesOf(shadow).map((charge): Charge => ({ ...charge, demand: 'shadow' })),
      5000,
    );
  await inShadow('1');
  const full = await inShadow('2');
  expect(full).toMatchObject({ outcome: 'taken', readings: [{ state: 'lacking' }], receipt: { items: [] } });
});

test.each(['bucket', 'rolling'])(
  'what a call took is given back when its record is long gone (%s)',
  async (counting) => {
    const rule = ruleOf({ limits: ['2/1h'], counting });
    await take(rule, '1');
    const second = await take(rule, '2');
    await redis.del(keys.call('2', '3055550100'));
    await store.giveBack(writtenDown(second));
    expect(await used(rule)).toEqual([2]);
    await store.returnItems(writtenDown(second));
    expect(await used(rule)).toEqual([1]);
  },
);

test('a conversation begins a hold, of the outcome that it is for and of no other, and only where there is one', async () => {
  const rule = ruleOf({ holdAfter: { answered: '7d', conversation: '30d' } });
  const taken = await take(rule, '1');
  expect(taken.outcome).toBe('taken');
  const { items } = writtenDown(taken);
  await store.beginHold(items, 'busy');
  expect(await used(rule)).toEqual([0, 0]);
  await store.beginHold(items, 'answered');
  expect(await used(rule)).toEqual([1, 0]);
  // A call that was let go before is held as well when it asks again.
  const refused = await take(rule, '1');
  expect(refused.outcome).toBe('refused');
  expect(verdict(rule, refused).reason).toBe(
    'Rule tested refuses: trunk carrier-a had an answered call less than 7 days ago',
  );
  const { retryAfterMs } = verdict(rule, refused);
  expect(retryAfterMs).toBeGreaterThan(7 * 86_400_000 - 5000);
  expect(retryAfterMs).toBeLessThanOrEqual(7 * 86_400_000);
  expect(refused.receipt.items).toEqual([]);
});

test('a rule that paces, has a ceiling and holds takes all of it or nothing', async () => {
  const rule = ruleOf({ ...slow, concurrent: 2, holdAfter: { conversation: '1h' } });
  const first = await take(rule, '1');
  expect(first.receipt.items.map(({ kind }) => kind)).toEqual(['limits', 'concurrent', 'hold']);
  const second = await take(rule, '2');
  expect(second.readings.map(({ state }) => state)).toEqual(['later', 'room', 'room']);
  // The ceiling is reached: no place is taken.
  const third = await take(rule, '3');
  expect(third.outcome).toBe('refused');
  await store.giveBack(writtenDown(second));
  const fourth = await take(rule, '4');
  expect(fourth.at + (fourth.readings[0]?.waitMs ?? 0)).toBe(second.at + (second.readings[0]?.waitMs ?? 0));
  await store.beginHold(writtenDown(fourth).items, 'conversation');
  expect((await take(rule, '5')).outcome).toBe('refused');
  expect(await used(rule)).toEqual([1, 2, 1]);
});
