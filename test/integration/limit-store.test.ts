/**
 * The limit store on a real Redis that stands still, goes away, answers late or has its clock set: a call gets its answer
 * in time whatever the store does, and pays for nothing that it was not given.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Charge, LimitStore, Taken } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore, StoreTimeout } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker, type StoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock, type StoreClock } from '../../src/gate/store-clock.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { ruleOf } from '../support/policy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

let server: TestRedis;
let proxy: StallingProxy;
let connection: RedisConnection<TestClient>;
let breaker: StoreBreaker;
let storeClock: StoreClock;
let store: LimitStore;
let opened: string[];
let closed: number;

type TestClient = ReturnType<TestRedis['client']>;

beforeEach(async () => {
  server = await startRedis();
  proxy = await startStallingProxy(server.socketPath);
  connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log: keptLog().log, heartbeatMs: 150 });
  await connection.untilUp(5000);
  opened = [];
  closed = 0;
  breaker = createStoreBreaker({
    clock: systemClock,
    probe: async () => {
      let timer: NodeJS.Timeout | undefined;
      const silence = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Error('silence')), 150);
      });
      await Promise.race([connection.redis.ping(), silence]).finally(() => clearTimeout(timer));
    },
    onOpen: (why) => opened.push(why),
    onClosed: () => {
      closed += 1;
    },
  });
  storeClock = createStoreClock();
  const keys = createKeys({ prefix: `s${randomBytes(8).toString('hex')}`, tenant: 't' });
  store = createRedisLimitStore({ redis: connection.redis, keys, clock: systemClock, storeClock, breaker });
});

afterEach(async () => {
  breaker.close();
  connection.close();
  await proxy.stop();
  await server.stop();
});

const perHour = ruleOf({ id: 'per-hour', limits: ['5/1h'] });
const perTrunk = ruleOf({ id: 'per-trunk', countPer: 'trunk', limits: ['5/1h'] });

const limitsOf = (rule: Rule): Charge['count'] => {
  const count = rule.counts.find(({ kind }) => kind === 'limits');
  if (count === undefined) throw new Error('a rule with limits');
  return count;
};
const onExtension = (rule: Rule = perHour, demand: Charge['demand'] = 'required'): Charge => ({
  rule,
  subject: { kind: 'extension', id: '1001' },
  count: limitsOf(rule),
  demand,
});
const onTrunk = (trunk: string): Charge => ({
  rule: perTrunk,
  subject: { kind: 'trunk', id: trunk },
  count: limitsOf(perTrunk),
  demand: 'required',
});
const payer = (callId: string) => ({ callId, destination: '3055550100' });
const GENEROUS_MS = 5000;

/** Calls counted as used by the first limit of each charge. */
async function used(...charges: readonly Charge[]): Promise<number[]> {
  const { readings } = await store.peek(charges, undefined, 1000);
  return readings.map(({ limits: [first] }) => (first === undefined ? Number.NaN : first.used));
}

async function timeoutOf(asked: Promise<Taken>): Promise<StoreTimeout> {
  const outcome = await asked.catch((error: unknown) => error);
  if (!(outcome instanceof StoreTimeout)) throw new Error(`not a time-out: ${JSON.stringify(outcome)}`);
  return outcome;
}

async function eventually(holds: () => boolean): Promise<void> {
  const untilMs = performance.now() + 5000;
  while (!holds() && performance.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(holds()).toBe(true);
}

test('a store that stands still costs a call its time limit, and the late request spends nothing', async () => {
  await store.take(payer('before'), [onExtension()], GENEROUS_MS);
  process.kill(server.pid, 'SIGSTOP');
  const beganMs = performance.now();
  const timeout = await timeoutOf(store.take(payer('stalled'), [onExtension()], 80));
  expect(timeout.code).toBe('STORE_TIMEOUT');
  // No measure of speed: without the bound this would take as long as the store stands still.
  expect(performance.now() - beganMs).toBeLessThan(500);
  process.kill(server.pid, 'SIGCONT');
  expect(await timeout.late).toBeUndefined();
  expect(await used(onExtension())).toEqual([1]);
});

test('a store that stood still from the first request on is not charged either', async () => {
  process.kill(server.pid, 'SIGSTOP');
  const timeout = await timeoutOf(store.take(payer('stalled'), [onExtension()], 80));
  process.kill(server.pid, 'SIGCONT');
  expect(await timeout.late).toBeUndefined();
  expect(await used(onExtension())).toEqual([0]);
});

test('a request that waited in a stopped store spends nothing even if its connection was given up meanwhile', async () => {
  await store.take(payer('before'), [onExtension()], GENEROUS_MS);
  process.kill(server.pid, 'SIGSTOP');
  const timeout = await timeoutOf(store.take(payer('stalled'), [onExtension()], 40));
  await eventually(() => connection.state() === 'down');
  expect(await timeout.late).toBeUndefined();
  process.kill(server.pid, 'SIGCONT');
  await eventually(() => connection.state() === 'up');
  expect(await used(onExtension())).toEqual([1]);
});

test('what the store took in time and answered too late can be given back, once', async () => {
  await store.take(payer('before'), [onExtension()], GENEROUS_MS);
  proxy.holdAnswers();
  const timeout = await timeoutOf(store.take(payer('late'), [onExtension()], 80));
  proxy.release();
  const late = await timeout.late;
  expect(late?.outcome).toBe('taken');
  expect(await used(onExtension())).toEqual([2]);
  if (late !== undefined) await store.giveBack(late.receipt);
  expect(await used(onExtension())).toEqual([1]);
  if (late !== undefined) await store.giveBack(late.receipt);
  expect(await used(onExtension())).toEqual([1]);
});

test('a call whose connection breaks is told so, and a late answer never comes', async () => {
  proxy.holdAnswers();
  const timeout = await timeoutOf(store.take(payer('broken'), [onExtension()], 50));
  proxy.cut();
  expect(await timeout.late).toBeUndefined();
});

test('after three time-outs calls fail without asking the store, until it answers again', async () => {
  await store.take(payer('before'), [onExtension()], GENEROUS_MS);
  process.kill(server.pid, 'SIGSTOP');
  for (const call of ['one', 'two']) await timeoutOf(store.take(payer(call), [onExtension()], 40));
  expect(breaker.isOpen()).toBe(false);
  await timeoutOf(store.take(payer('three'), [onExtension()], 40));
  expect(breaker.isOpen()).toBe(true);
  await expect(store.take(payer('four'), [onExtension()], GENEROUS_MS)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  });
  await expect(store.peek([onExtension()], undefined, 1000)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(opened).toHaveLength(1);
  process.kill(server.pid, 'SIGCONT');
  await eventually(() => closed === 1);
  expect((await store.take(payer('five'), [onExtension()], GENEROUS_MS)).outcome).toBe('taken');
  expect(await used(onExtension())).toEqual([2]);
});

test('a lost connection opens the breaker at the first call, and it closes by itself when the store is back', async () => {
  await store.take(payer('before'), [onExtension()], GENEROUS_MS);
  proxy.cut();
  await eventually(() => connection.state() === 'down');
  await expect(store.take(payer('lost'), [onExtension()], GENEROUS_MS)).rejects.toMatchObject({
    code: 'STORE_UNAVAILABLE',
  });
  expect(breaker.isOpen()).toBe(true);
  expect(opened).toHaveLength(1);
  proxy.mend();
  await eventually(() => closed === 1);
  expect((await store.take(payer('after'), [onExtension()], GENEROUS_MS)).outcome).toBe('taken');
  expect(await used(onExtension())).toEqual([2]);
});

test('the death of the store during a call is a lost connection', async () => {
  proxy.holdAnswers();
  const asked = store.take(payer('dying'), [onExtension()], GENEROUS_MS);
  process.kill(server.pid, 'SIGKILL');
  await expect(asked).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(breaker.isOpen()).toBe(true);
});

test.each([
  ['forward', -3_600_000],
  ['back', 3_600_000],
])(
  'a store whose clock was set %s an hour still decides the next call, and its time is known after it',
  async (_, errorMs) => {
    const nowMs = performance.now();
    // What would be known if the store had been an hour off until now.
    storeClock.observe(nowMs - 1, nowMs, Date.now() + errorMs);
    const taken = await store.take(payer('stepped'), [onExtension()], GENEROUS_MS);
    expect(taken.outcome).toBe('taken');
    expect(await used(onExtension())).toEqual([1]);
    expect(Math.abs((storeClock.at(performance.now()) ?? 0) - Date.now())).toBeLessThan(1000);
  },
);

test('the same call over a second trunk pays for its extension once and for each trunk', async () => {
  const charges = [onExtension(), onTrunk('a'), onTrunk('b')];
  await store.take(payer('one'), [onExtension(), onTrunk('a')], GENEROUS_MS);
  const second = await store.take(payer('one'), [onExtension(), onTrunk('b')], GENEROUS_MS);
  expect(second.readings.map(({ state }) => state)).toEqual(['counted', 'room']);
  expect(await used(...charges)).toEqual([1, 1, 1]);
  // Only what this attempt paid comes back.
  await store.giveBack(second.receipt);
  expect(await used(...charges)).toEqual([1, 1, 0]);
});

test('the same call id to another destination is another call', async () => {
  await store.take({ callId: 'one', destination: '3055550100' }, [onExtension()], GENEROUS_MS);
  await store.take({ callId: 'one', destination: '3055550199' }, [onExtension()], GENEROUS_MS);
  expect(await used(onExtension())).toEqual([2]);
});

test('a call that was given back and asks again pays again', async () => {
  const taken = await store.take(payer('one'), [onExtension()], GENEROUS_MS);
  await store.giveBack(taken.receipt);
  await store.take(payer('one'), [onExtension()], GENEROUS_MS);
  expect(await used(onExtension())).toEqual([1]);
});

test('giving back after a refusal changes nothing', async () => {
  const one = ruleOf({ id: 'one', limits: ['1/1h'] });
  await store.take(payer('first'), [onExtension(one)], GENEROUS_MS);
  const refused = await store.take(payer('second'), [onExtension(one), onExtension()], GENEROUS_MS);
  expect(refused.outcome).toBe('refused');
  await store.giveBack(refused.receipt);
  expect(await used(onExtension(one), onExtension())).toEqual([1, 0]);
});

test('a rule that is asked in another manner is asked in that manner', async () => {
  const one = ruleOf({ id: 'one', limits: ['1/1h'] });
  const ask = async (call: string, demand: Charge['demand']) =>
    (await store.take(payer(call), [onExtension(one, demand)], GENEROUS_MS)).outcome;
  expect(await ask('first', 'required')).toBe('taken');
  expect(await ask('second', 'required')).toBe('refused');
  expect(await ask('third', 'lenient')).toBe('taken');
  expect(await used(onExtension(one))).toEqual([1]);
});

test('only the limits that gave a token get it back', async () => {
  const two = ruleOf({ id: 'two', limits: ['5/1m', '1/1h'], action: 'alert' });
  const lenient = onExtension(two, 'lenient');
  await store.take(payer('first'), [lenient], GENEROUS_MS);
  const second = await store.take(payer('second'), [lenient], GENEROUS_MS);
  const used = async () => (await store.peek([lenient], undefined, 1000)).readings[0]?.limits.map((each) => each.used);
  expect(await used()).toEqual([2, 1]);
  await store.giveBack(second.receipt);
  // The second limit had no token to give.
  expect(await used()).toEqual([1, 1]);
});

test('a peek at another time says what will be, and a refilled bucket is full', async () => {
  await store.take(payer('one'), [onExtension()], GENEROUS_MS);
  const { readings } = await store.peek([onExtension()], (Date.now() + 3_600_000) as EpochMs, 1000);
  expect(readings[0]?.limits[0]?.used).toBe(0);
  expect(await used(onExtension())).toEqual([1]);
  await store.refill(perHour, { kind: 'extension', id: '1001' });
  expect(await used(onExtension())).toEqual([0]);
});
