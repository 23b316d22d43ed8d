/**
 * What becomes of calls that were let go, on a real Redis: counted until they end, given back or held by what became of
 * them, said again where the store was away, and found again after a restart.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import { createGate, type Decision, type Gate } from '../../src/gate/gate.ts';
import type { LimitStore } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker, type StoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import type { CallOver } from '../../src/live-calls/live-call.ts';
import { createLiveCallRecords } from '../../src/live-calls/live-call-records.ts';
import { type ChannelControl, createLiveCalls, type LiveCalls } from '../../src/live-calls/live-calls.ts';
import type { Outcome } from '../../src/policy/outcome.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { policyOf } from '../support/policy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

const LEASE_MS = 2000;
const keys = createKeys({ prefix: 'r', tenant: 't' });
const KEY = keys.liveCalls('node');
const clock = systemClock;
const { log } = keptLog();

let server: TestRedis;
let redis: ReturnType<TestRedis['client']>;
let proxy: StallingProxy;
let connection: RedisConnection;
let breaker: StoreBreaker;
let limits: LimitStore;
let gate: Gate;
let policy: Policy;
let liveCalls: LiveCalls;
/** What the manager interface would say; it is up unless a test says otherwise. */
let seesChannels: boolean;
let told: { readonly decision: string; readonly over: CallOver }[];
let lastChannel = 0;

const control: ChannelControl = { canSee: () => seesChannels, hangUp: async () => {} };
const start = async (): Promise<void> => {
  const records = createLiveCallRecords({ redis: connection.redis as typeof redis, key: KEY, log });
  liveCalls = createLiveCalls({
    limits,
    records,
    policy: () => policy,
    clock,
    log,
    control,
    leaseMs: LEASE_MS,
    node: 'node',
    onOver: ({ decision }, over) => void told.push({ decision, over }),
  });
  await liveCalls.restore();
};

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
beforeEach(async () => {
  await redis.flushall();
  proxy = await startStallingProxy(server.socketPath);
  connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log });
  await connection.untilUp(2000);
  const ignore = (): void => {};
  breaker = createStoreBreaker({ clock, probe: async () => {}, onOpen: ignore, onClosed: ignore });
  const storeClock = createStoreClock();
  const leaseSeconds = (): number => LEASE_MS / 1000;
  const store = connection.redis as typeof redis;
  limits = createRedisLimitStore({ redis: store, keys, clock, storeClock, breaker, leaseSeconds });
  gate = createGate({ policy: () => policy, limits, clock, deadlineMs: 2000, newDecisionId, log });
  seesChannels = true;
  told = [];
  await start();
});
afterEach(async () => {
  proxy.mend();
  await liveCalls.close();
  breaker.close();
  connection.close();
  await proxy.stop();
});
afterAll(() => server.stop());

interface Begun {
  readonly decision: Decision;
  readonly uniqueId: string;
}
async function begin(
  options: { readonly uniqueId?: string; readonly trunk?: string; readonly dialled?: string } = {},
): Promise<Begun> {
  const uniqueId = options.uniqueId ?? `${++lastChannel}.1`;
  const { dialled = '3055550100', trunk = 'carrier-a' } = options;
  const request = { dialled, extension: '1001', trunk, campaign: undefined, source: undefined, calledZone: undefined };
  const decision = await gate.decide(request, uniqueId, clock.monotonicMs());
  if (decision.verdict.name !== 'block') {
    liveCalls.began(decision, { name: `PJSIP/1001-${uniqueId}`, uniqueId, linkedId: uniqueId });
  }
  return { decision, uniqueId };
}
const outcome = ({ decision, uniqueId }: Begun, word: Outcome) =>
  liveCalls.reported({ decision: decision.id, what: 'outcome', outcome: word, uniqueId });
const ended = ({ decision, uniqueId }: Begun, word?: Outcome) =>
  liveCalls.reported({ decision: decision.id, what: 'ended', outcome: word, uniqueId });
const gone = ({ decision, uniqueId }: Begun) =>
  liveCalls.reported({ decision: decision.id, what: 'gone', outcome: undefined, uniqueId });
const explain = (trunk = 'carrier-a', dialled = '3055550100') =>
  gate.explain({ dialled, extension: '1001', trunk, campaign: undefined, source: undefined, calledZone: undefined });
/** What each rule that applies counts now, whole calls. */
const used = async (trunk?: string): Promise<readonly (number | undefined)[]> =>
  (await explain(trunk)).findings.flatMap((finding) =>
    finding.applies ? finding.readings.map(({ limits: [first] }) => first?.used) : [],
  );
async function until<T>(read: () => Promise<T>, wanted: T, withinMs = 4000): Promise<T> {
  for (let waitedMs = 0; ; waitedMs += 50) {
    const value = await read();
    if (JSON.stringify(value) === JSON.stringify(wanted) || waitedMs >= withinMs) return value;
    await sleep(50);
  }
}

const GIVING = { id: 'giving', limits: ['9/1h'], counting: 'rolling', giveBackOn: ['busy', 'failed'] };
const PACED = { limits: ['1/9m'], action: 'wait', burst: 1, maxWait: '10m', maxQueue: 5 };

test('an outcome that is said twice counts once, and so does the end', async () => {
  policy = policyOf({ rules: [GIVING] });
  await begin({ dialled: '3055550101' });
  const call = await begin();
  expect(await used()).toEqual([2]);
  await Promise.all([outcome(call, 'busy'), outcome(call, 'busy')]);
  await outcome(call, 'failed');
  expect(await used()).toEqual([1]);
  await ended(call, 'busy');
  await ended(call, 'busy');
  expect(await used()).toEqual([1]);
  expect(liveCalls.list()).toHaveLength(1);
});

test('a call that ends is given back by what dialling came to, unless its outcome was said before', async () => {
  policy = policyOf({ rules: [GIVING] });
  await ended(await begin(), 'busy');
  expect(await used()).toEqual([0]);
  const said = await begin();
  await outcome(said, 'no-answer');
  await ended(said, 'busy');
  expect(await used()).toEqual([1]);
  const seen = await begin();
  liveCalls.dialEnded(seen.uniqueId, 'failed');
  liveCalls.channelEnded(seen.uniqueId);
  expect(await until(used, [1])).toEqual([1]);
});

test('an answered call that turns out to have been a conversation begins both holds, once, and never goes back to less', async () => {
  policy = policyOf({ rules: [{ id: 'held', countPer: 'number', holdAfter: { answered: '1h', conversation: '2h' } }] });
  const call = await begin();
  await outcome(call, 'answered');
  expect(await used()).toEqual([1, 0]);
  await outcome(call, 'conversation');
  expect(await used()).toEqual([1, 1]);
  const [hold] = await redis.keys('*:conversation');
  const began = await redis.getBuffer(hold ?? '');
  await sleep(20);
  await outcome(call, 'conversation');
  await outcome(call, 'answered');
  await ended(call, 'answered');
  expect(await redis.getBuffer(hold ?? '')).toEqual(began);
});

test('a call at once counts until its last leg is gone, and its lease is renewed as long as it is there', async () => {
  policy = policyOf({ rules: [{ id: 'ceiling', concurrent: 5 }] });
  const call = await begin();
  liveCalls.dialled(call.uniqueId, 'leg.2');
  liveCalls.channelEnded(call.uniqueId);
  await sleep(LEASE_MS + 500);
  expect(await used()).toEqual([1]);
  liveCalls.channelEnded('leg.2');
  expect(await until(used, [0])).toEqual([0]);
});

test('what cannot be seen is ended by its report, and by no lease for longer than it lasts', async () => {
  policy = policyOf({ rules: [{ id: 'ceiling', concurrent: 5 }] });
  const reported = await begin();
  await begin();
  liveCalls.dialled(reported.uniqueId, 'leg.2');
  seesChannels = false;
  await ended(reported, 'answered');
  expect(await used()).toEqual([1]);
  expect(await until(used, [0])).toEqual([0]);
  expect(liveCalls.list()).toHaveLength(1);
  // It turns out to live.
  const [other] = liveCalls.list();
  seesChannels = true;
  liveCalls.reconcile([{ uniqueId: `${lastChannel}.1`, linkedId: `${lastChannel}.1` }]);
  expect(await until(used, [1])).toEqual([1]);
  expect(other?.destination).toBe('3055550100');
});

test('an end, a giving back and a hold that the store did not hear are said again until it has', async () => {
  policy = policyOf({ rules: [{ ...GIVING, concurrent: 5, holdAfter: { answered: '1h' } }] });
  const [busy, answered] = [await begin(), await begin({ dialled: '3055550101' })];
  expect(await used()).toEqual([2, 2, 0]);
  proxy.cut();
  seesChannels = false;
  await ended(busy, 'busy');
  await ended(answered, 'answered');
  expect(liveCalls.list()).toHaveLength(0);
  await sleep(1200);
  proxy.mend();
  await connection.untilUp(5000);
  expect(await until(used, [1, 0, 1], 6000)).toEqual([1, 0, 1]);
  await liveCalls.close();
  expect(await redis.hlen(KEY)).toBe(0);
});

test('calls are found again after a restart, and end then as they would have', async () => {
  policy = policyOf({ rules: [{ ...GIVING, concurrent: 5, holdAfter: { answered: '1h' } }] });
  const [busy, answered, lost] = [
    await begin(),
    await begin({ dialled: '3055550101' }),
    await begin({ dialled: '3055550102' }),
  ];
  // As a killed daemon leaves it: written down a moment after the call began.
  expect(await until(() => redis.hlen(KEY), 3)).toBe(3);
  await liveCalls.close();
  await start();
  expect(liveCalls.list()).toHaveLength(3);
  await ended(busy, 'busy');
  await ended(answered, 'answered');
  await sleep(3100);
  liveCalls.reconcile([]);
  expect(await until(used, [2, 0, 1])).toEqual([2, 0, 1]);
  expect(liveCalls.list()).toHaveLength(0);
  await ended(lost, 'busy');
  await liveCalls.close();
  expect(await redis.exists(KEY)).toBe(0);
});

test('a record that is damaged, or of another version, is left out', async () => {
  policy = policyOf({ rules: [{ id: 'ceiling', concurrent: 5 }] });
  const call = await begin();
  expect(await until(() => redis.hlen(KEY), 1)).toBe(1);
  await liveCalls.close();
  const record = (await redis.hget(KEY, call.decision.id)) ?? '';
  await redis.hset(KEY, 'a', '{', 'b', '{"version":0}', 'c', 'null', 'd', record);
  await start();
  expect(liveCalls.list().map(({ decision }) => decision)).toEqual([call.decision.id]);
});

test('a caller who hangs up while he waits is remembered for as long as the wait may last, and his lease without that', async () => {
  policy = policyOf({ rules: [{ id: 'pace', ...PACED, concurrent: 5 }] });
  await begin();
  const waiting = await begin({ dialled: '3055550101' });
  expect(waiting.decision.verdict.name).toBe('wait');
  const ttl = await redis.ttl(keys.call(waiting.uniqueId, waiting.decision.call.destination.number));
  expect(ttl).toBeGreaterThan(655);
  expect(ttl).toBeLessThanOrEqual(660);
  // A lease stands in no record, and is given back when that is gone as well.
  await redis.del(keys.call(waiting.uniqueId, waiting.decision.call.destination.number));
  await gone(waiting);
  await gone(waiting);
  expect((await used())[1]).toBe(1);
});

test('a caller who hangs up while he waits gives his place to the next', async () => {
  policy = policyOf({ rules: [{ id: 'pace', ...PACED }] });
  await begin();
  const waiting = await begin({ dialled: '3055550101' });
  await gone(waiting);
  const next = await begin({ dialled: '3055550102' });
  const leavesAt = ({ decision }: Begun): number => decision.at + decision.verdict.waitMs;
  expect(Math.abs(leavesAt(next) - leavesAt(waiting))).toBeLessThan(100);
});

test('a call that tries trunk after trunk counts on the one it is on, and on the first again when it comes back', async () => {
  policy = policyOf({
    trunks: { 'carrier-a': {}, 'carrier-b': {} },
    rules: [
      { id: 'per-trunk', countPer: 'trunk', concurrent: 5 },
      { id: 'all', countPer: 'system', concurrent: 5 },
    ],
  });
  const uniqueId = 'several.1';
  const counts = async () => [await used('carrier-a'), await used('carrier-b')];
  await begin({ uniqueId, trunk: 'carrier-a' });
  expect(await counts()).toEqual([
    [1, 1],
    [0, 1],
  ]);
  await begin({ uniqueId, trunk: 'carrier-b' });
  expect(
    await until(counts, [
      [0, 1],
      [1, 1],
    ]),
  ).toEqual([
    [0, 1],
    [1, 1],
  ]);
  await begin({ uniqueId, trunk: 'carrier-a' });
  expect(
    await until(counts, [
      [1, 1],
      [0, 1],
    ]),
  ).toEqual([
    [1, 1],
    [0, 1],
  ]);
  liveCalls.channelEnded(uniqueId);
  expect(
    await until(counts, [
      [0, 0],
      [0, 0],
    ]),
  ).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(liveCalls.list()).toHaveLength(0);
});

test('what a call took of a trunk is given back by what that trunk came to, not by what the next one did', async () => {
  policy = policyOf({
    trunks: { 'carrier-a': {}, 'carrier-b': {} },
    rules: [
      { ...GIVING, id: 'per-trunk', countPer: 'trunk' },
      { ...GIVING, id: 'per-extension' },
    ],
  });
  const uniqueId = 'several.2';
  const first = await begin({ uniqueId, trunk: 'carrier-a' });
  liveCalls.dialEnded(uniqueId, 'busy');
  const second = await begin({ uniqueId, trunk: 'carrier-b' });
  liveCalls.dialEnded(uniqueId, 'answered');
  expect(await until(() => used('carrier-a'), [0, 1])).toEqual([0, 1]);
  await ended(first, 'answered');
  await ended(second, 'answered');
  expect(await used('carrier-a')).toEqual([0, 1]);
  expect(await used('carrier-b')).toEqual([1, 1]);
});

test('the end of each try of a call is told once, of the one that it went over with what became of it', async () => {
  policy = policyOf({ rules: [{ id: 'per-trunk', countPer: 'trunk', concurrent: 5 }] });
  const first = await begin({ uniqueId: '77.1', trunk: 'carrier-a' });
  liveCalls.dialEnded('77.1', 'failed');
  const second = await begin({ uniqueId: '77.1', trunk: 'carrier-b' });
  expect(told).toEqual([{ decision: first.decision.id, over: { talkMs: null, outcome: 'failed' } }]);
  await ended(second, 'answered');
  await ended(second, 'answered');
  liveCalls.channelEnded('77.1');
  expect(told.slice(1)).toEqual([{ decision: second.decision.id, over: { talkMs: null, outcome: 'answered' } }]);
});
