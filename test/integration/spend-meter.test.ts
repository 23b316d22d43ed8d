/**
 * What calls under way have cost, with a clock that can be set: on a real Redis, through the gate that lets them go.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import type { LimitStore } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import type { ReachedCeiling } from '../../src/gate/refusing-rules.ts';
import { createStoreBreaker, type StoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import { type LiveCall, liveCallOf } from '../../src/live-calls/live-call.ts';
import { viewLiveCall } from '../../src/live-calls/live-call-view.ts';
import { type CallEnd, createSpendMeter, type SpendMeter } from '../../src/live-calls/spend-meter.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { compileRateSheet } from '../../src/rates/rate-sheet.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { policyOf } from '../support/policy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

const LEASE_MS = 300_000;
const keys = createKeys({ prefix: 'r', tenant: 't' });
const { log } = keptLog();
/** A cent a second, each begun one paid for. */
const sheet = compileRateSheet([
  { prefix: '+53', perMinuteMicros: 600_000, connectionMicros: 0, firstSeconds: 1, nextSeconds: 1 },
  { prefix: '+54', perMinuteMicros: 600_000, connectionMicros: 0, firstSeconds: 60, nextSeconds: 60 },
  { prefix: '+55', perMinuteMicros: 2_000_000, connectionMicros: 0, firstSeconds: 60, nextSeconds: 60 },
]);
const policy = policyOf({
  homeCountry: 'US',
  dialling: { outside: [], international: ['011'] },
  rules: [{ id: 'money', spend: { hard: '1/1d' } }],
});

let server: TestRedis;
let redis: ReturnType<TestRedis['client']>;
let breaker: StoreBreaker;
let limits: LimitStore;
let gate: Gate;
let meter: SpendMeter;
let calls: LiveCall[];
let reached: ReachedCeiling[];
let sees: boolean;
let [wallMs, monotonicMs] = [0, 0];
let lastCall = 0;
const clock = { now: () => wallMs as EpochMs, monotonicMs: () => monotonicMs };
const pass = (ms: number): void => {
  wallMs += ms;
  monotonicMs += ms;
};
/** Beats as often as the meter would. */
async function passSeconds(seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    pass(1000);
    await meter.beat();
  }
}
const start = (): SpendMeter =>
  createSpendMeter({
    limits,
    policy: () => policy,
    calls: () => calls,
    canSee: () => sees,
    onReached: async (ceiling) => void reached.push(ceiling),
    redis,
    seenKey: 'seen',
    leaseMs: LEASE_MS,
    clock,
    log,
  });

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
beforeEach(async () => {
  await redis.flushall();
  [wallMs, monotonicMs, calls, reached, sees] = [Date.now(), 1_000_000, [], [], true];
  breaker = createStoreBreaker({ clock: systemClock, probe: async () => {}, onOpen: () => {}, onClosed: () => {} });
  limits = createRedisLimitStore({ redis, keys, clock: systemClock, storeClock: createStoreClock(), breaker });
  gate = createGate({
    policy: () => policy,
    limits,
    clock: systemClock,
    deadlineMs: 2000,
    newDecisionId,
    log,
    rates: () => sheet,
  });
  meter = start();
  // It has been connected for a while.
  for (let second = 0; second < 7; second++) {
    pass(1000);
    await meter.beat();
  }
});
afterEach(async () => {
  breaker.close();
  await meter.close();
});
afterAll(() => server.stop());

async function begin(): Promise<LiveCall> {
  const uniqueId = `${++lastCall}.1`;
  const decision = await gate.decide(
    { dialled: '0115355512345', extension: '1001', trunk: 'a', campaign: undefined, source: undefined },
    uniqueId,
    systemClock.monotonicMs(),
  );
  expect(decision.verdict.name).toBe('allow');
  const call = {
    ...liveCallOf(decision, { name: 'PJSIP/1001-1', uniqueId, linkedId: uniqueId }),
    startedAt: wallMs as EpochMs,
  };
  calls.push(call);
  return call;
}
const answer = (call: LiveCall): LiveCall => {
  const answered = { ...call, answeredAt: wallMs as EpochMs };
  calls = calls.map((each) => (each === call ? answered : each));
  return answered;
};
const SEEN: CallEnd = { isSeen: true, answered: undefined, answeredSeconds: undefined };
/** In cents. */
async function end(call: LiveCall, how: Partial<CallEnd> = {}): Promise<number> {
  calls = calls.filter((each) => each !== call);
  const talkMs = meter.ended(call, { ...SEEN, ...how });
  if (call.receipt === undefined) throw new Error('the call took nothing');
  const [readings] = await limits.meter([{ receipt: call.receipt, talkMs, isOver: true }], () => undefined);
  return Math.round((readings?.[0]?.used ?? Number.NaN) / 10_000);
}
const spentCents = async (): Promise<number> => {
  const { findings } = await gate.explain({
    dialled: '0115355512345',
    extension: '1001',
    trunk: 'a',
    campaign: undefined,
    source: undefined,
  });
  const [finding] = findings;
  return finding?.applies === true ? (finding.readings[0]?.limits[0]?.used ?? Number.NaN) / 10_000 : Number.NaN;
};

test('a call costs what it talked, from its answer to its end, and counts two seconds ahead meanwhile', async () => {
  const ringing = await begin();
  await passSeconds(10);
  expect(await spentCents()).toBe(1);
  const call = answer(ringing);
  await passSeconds(10);
  expect(await spentCents()).toBe(12);
  expect(await end(call, { answered: true })).toBe(10);
});

test('a call that nobody answers costs nothing', async () => {
  const call = await begin();
  await passSeconds(30);
  expect(await end(call, { answered: false })).toBe(0);
  const other = await begin();
  expect(await end(other)).toBe(0);
});

test('a clock that is set while a call talks neither frees money nor charges any', async () => {
  const call = answer(await begin());
  await passSeconds(5);
  wallMs += 3_600_000;
  await passSeconds(5);
  wallMs -= 7_200_000;
  await passSeconds(5);
  expect(await spentCents()).toBe(17);
  expect(await end(call)).toBe(15);
});

test('a call whose end nobody saw counts no longer than a lease after it was last seen', async () => {
  const call = answer(await begin());
  await passSeconds(5);
  sees = false;
  pass(LEASE_MS + 3_600_000);
  expect(await end(call, { isSeen: false })).toBe(5 + LEASE_MS / 1000);
});

test('where nobody sees the answer it counts from when it went out, until the dialplan says how long it talked', async () => {
  sees = false;
  await passSeconds(10);
  const call = await begin();
  await passSeconds(20);
  expect(await spentCents()).toBe(22);
  // The dialplan leaves the begun second out.
  expect(await end(call, { answered: true, answeredSeconds: 7 })).toBe(8);
  const unanswered = await begin();
  await passSeconds(10);
  expect(await end(unanswered, { answered: false })).toBe(8);
});

test('a restart goes on with the same call, and charges nothing again', async () => {
  const call = answer(await begin());
  await passSeconds(10);
  await meter.close();
  pass(5000);
  meter = start();
  await passSeconds(5);
  expect(await spentCents()).toBe(22);
  expect(await end(call)).toBe(20);
});

test('calls under way that run into a hard ceiling are told of together, once, before they pass it', async () => {
  for (let call = 0; call < 3; call++) answer(await begin());
  await passSeconds(31);
  expect(reached).toEqual([]);
  expect(await spentCents()).toBe(99);
  await passSeconds(2);
  expect(reached).toMatchObject([{ rule: { id: 'money' }, subject: { kind: 'extension', id: '1001' } }]);
  expect(reached[0]?.because).toContain('of at most 1.00 per 1 day, calls under way included');
  for (const call of [...calls]) await end(call);
  // Thirty-three seconds each, by the time that this test ended them.
  expect(await spentCents()).toBe(99);
});

test('a refused call that does not fit under a hard ceiling is told of once, and none that no ceiling of its height could pay for', async () => {
  answer(await begin());
  await passSeconds(50);
  const refused = async (dialled: string): Promise<void> => {
    const caller = { extension: '1001', trunk: 'a', campaign: undefined, source: undefined };
    const decision = await gate.decide({ dialled, ...caller }, `${++lastCall}.1`, systemClock.monotonicMs());
    expect(decision.verdict.name).toBe('block');
    meter.decided(decision);
  };
  await refused('0115511987654321');
  expect(reached).toEqual([]);
  for (let call = 0; call < 3; call++) await refused('011541123456789');
  expect(reached).toMatchObject([{ rule: { id: 'money' }, subject: { kind: 'extension', id: '1001' } }]);
  expect(reached[0]?.because).toBe(
    'extension 1001 has come to 0.52 of at most 1.00 per 1 day, and a call that begins with 0.60 was refused',
  );
});

test('what a call has cost so far is shown of each call under way, as it grows', async () => {
  const ringing = await begin();
  const shown = (call: LiveCall) => viewLiveCall(call, clock.now(), 'node');
  await passSeconds(10);
  expect(shown(ringing)).toMatchObject({ seconds: 10, talkSeconds: null, cost: 0 });
  const call = answer(ringing);
  await passSeconds(10);
  expect(shown(call)).toMatchObject({ seconds: 20, talkSeconds: 10, cost: 0.1 });
  await passSeconds(5);
  expect(shown(call)).toMatchObject({ talkSeconds: 15, cost: 0.15 });
  // Where no rule with a budget of money counts it.
  expect(shown({ ...call, receipt: undefined }).cost).toBeNull();
});
