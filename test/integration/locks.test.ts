/**
 * Locks and first calls where something is missing: the store, the rule that locked, an answer. On a real Redis behind a
 * link that can be cut. That they are exact stands in test/property/locks-and-first-calls.test.ts.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import { createGate, type Decision, type Gate } from '../../src/gate/gate.ts';
import type { LimitStore } from '../../src/gate/limit-store.ts';
import { createMemoryLimitStore } from '../../src/gate/memory-limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker, type StoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import { type Locks, openLocks } from '../../src/locks/locks.ts';
import type { Lock } from '../../src/policy/lockout.ts';
import type { Policy } from '../../src/policy/policy.ts';
import { connectRedis, type RedisConnection } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { policyOf } from '../support/policy.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

const clock = systemClock;
const { log } = keptLog();
const keys = createKeys({ prefix: 'k', tenant: 't' });
const ignore = (): void => {};

let server: TestRedis;
let redis: ReturnType<TestRedis['client']>;
let folder: string;
let proxy: StallingProxy;
let connection: RedisConnection;
let breaker: StoreBreaker;
let limits: LimitStore;
let gate: Gate;
let locks: Locks;
let policy: Policy;
let audited: string[];
let raised: Lock[];

const openThem = async (): Promise<void> => {
  locks = await openLocks({
    ...{ redis: connection.redis as typeof redis, keys, clock, log, stateDir: folder, policy: () => policy },
    notes: { onNote: () => ignore },
    durably: (write) => write(),
    audit: async ({ action, by, subject }) => void audited.push(`${by} ${action} ${subject}`),
    onLocked: (lock) => void raised.push(lock),
  });
  const { locksOn } = locks;
  gate = createGate({ policy: () => policy, limits, locksOn, clock, deadlineMs: 400, newDecisionId, log });
};

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
beforeEach(async () => {
  await redis.flushall();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-locks-'));
  proxy = await startStallingProxy(server.socketPath);
  connection = connectRedis({ kind: 'socket', path: proxy.socketPath }, { log });
  await connection.untilUp(2000);
  breaker = createStoreBreaker({ clock, probe: async () => {}, onOpen: ignore, onClosed: ignore });
  const store = connection.redis as typeof redis;
  limits = createRedisLimitStore({ redis: store, keys, clock, storeClock: createStoreClock(), breaker });
  [audited, raised] = [[], []];
  policy = policyOf({ homeCountry: 'US', rules: [STRICT] });
  await openThem();
});
afterEach(async () => {
  proxy.mend();
  await locks.close();
  breaker.close();
  connection.close();
  await proxy.stop();
  await rm(folder, { recursive: true });
});
afterAll(() => server.stop());

const STRICT = { id: 'strict', appliesTo: { destinations: ['satellite'] }, lockout: { after: 2, within: '1h' } };
const SATELLITE = '+88161234567';
const CUBA = '+5355512345';
const HOME = '+13055550100';

let lastCall = 0;
async function decide(dialled: string, extension = '1001', callId = `c${++lastCall}`): Promise<Decision> {
  const request = { dialled, extension, trunk: 'carrier-a', campaign: undefined, source: undefined };
  const decision = await gate.decide(request, callId, clock.monotonicMs());
  locks.decided(decision);
  await locks.idle();
  return decision;
}
const layerOf = async (dialled: string, extension?: string): Promise<string> => {
  const { verdict } = await decide(dialled, extension);
  return `${verdict.name} by ${verdict.layer}`;
};
const lockOut = async (): Promise<void> => {
  for (let call = 0; call < 2; call++) expect(await layerOf(SATELLITE)).toBe('block by rules');
  expect(locks.list()).toHaveLength(1);
};

describe('a subject that was refused once too often', () => {
  test('calls nothing abroad or dear any more, and everything at home, emergencies and own extensions among it', async () => {
    policy = policyOf({ homeCountry: 'US', extensions: { '1002': {} }, rules: [STRICT] });
    await lockOut();
    for (const dear of [CUBA, SATELLITE, '+19005550100', '99999999999'])
      expect([dear, await layerOf(dear)]).toEqual([dear, 'block by lock']);
    for (const home of [HOME, '3055550100', '1002'])
      expect([home, await layerOf(home)]).toEqual([home, 'allow by rules']);
    expect(await layerOf('911')).toBe('allow by emergency');
    expect(await layerOf(CUBA, '1002')).toBe('allow by rules');
    const { verdict } = await decide(CUBA);
    expect(verdict.rule?.id).toBe('strict');
    expect(verdict.reason).toMatch(
      /^extension 1001 is locked by rule strict until a person clears it: 2 calls were refused within 1 hour, the last/,
    );
    expect(verdict.retryAfterMs).toBeNull();
  });

  test('is locked and reported once, and only its own refusals count again after it was let go', async () => {
    await lockOut();
    await decide(SATELLITE);
    expect(raised).toHaveLength(1);
    expect(audited).toEqual(['rule strict locks.lock extension 1001']);
    const [lock] = locks.list();
    expect(await locks.clear(lock?.id ?? '', { by: 'cli anna', reason: 'new password' })).toEqual(lock);
    expect(await locks.clear(lock?.id ?? '', { by: 'cli bob' })).toBeUndefined();
    expect(audited.slice(1)).toEqual(['cli anna locks.clear extension 1001']);
    expect(await layerOf(CUBA)).toBe('allow by rules');
    await lockOut();
  });

  test('stays locked when its rule is put in shadow, disabled, changed or removed', async () => {
    await lockOut();
    const changed = [
      [{ ...STRICT, mode: 'shadow' }],
      [{ ...STRICT, enabled: false }],
      [{ ...STRICT, lockout: { after: 2, within: '1h', destinations: ['premium'] } }],
      [{ ...STRICT, countPer: 'system' }],
      [],
    ];
    for (const rules of changed) {
      policy = policyOf({ homeCountry: 'US', rules });
      expect([rules, await layerOf(CUBA)]).toEqual([rules, 'block by lock']);
    }
  });
});

describe('what counts towards a lock', () => {
  test('are refusals within the time, of a rule that is enforced, and none of a store that is away', async () => {
    policy = policyOf({ homeCountry: 'US', rules: [{ ...STRICT, lockout: { after: 2, within: '1s' } }] });
    await decide(SATELLITE);
    await sleep(1100);
    await decide(SATELLITE);
    policy = policyOf({ homeCountry: 'US', rules: [{ ...STRICT, mode: 'shadow' }] });
    for (let call = 0; call < 3; call++) expect(await layerOf(SATELLITE)).toBe('allow by rules');
    policy = policyOf({ rules: [{ ...STRICT, limits: ['9/1s'], whenStoreFails: 'block' }] });
    proxy.cut();
    for (let call = 0; call < 3; call++) await decide(SATELLITE);
    proxy.mend();
    await connection.untilUp(5000);
    await locks.refresh();
    expect(locks.list()).toEqual([]);
  });

  test('is what lacked: of two groups only the one whose limit refused is locked', async () => {
    const groups = { small: { members: ['1001'] }, large: { members: ['1001-1009'] } };
    const rule = {
      id: 'few',
      countPer: 'group',
      limits: ['2/1h'],
      counting: 'rolling',
      lockout: { after: 1, within: '1h' },
    };
    policy = policyOf({ homeCountry: 'US', groups, rules: [rule] });
    await decide(HOME, '1002');
    await decide(HOME, '1002');
    await decide(HOME, '1001');
    expect(locks.list().map(({ subject }) => subject)).toEqual([{ kind: 'group', id: 'large' }]);
    expect(await layerOf(CUBA, '1009')).toBe('block by lock');
  });
});

describe('while the store is away', () => {
  const cut = async (): Promise<void> => {
    proxy.cut();
    await until(() => connection.state() === 'down');
  };
  const until = async (isSo: () => boolean): Promise<void> => {
    for (let waited = 0; !isSo() && waited < 10_000; waited += 20) await sleep(20);
  };

  test('locks that are known stop calls, after a restart as well, and of the others whenStoreFails decides', async () => {
    await lockOut();
    await cut();
    expect(await layerOf(CUBA)).toBe('block by lock');
    expect(await layerOf(CUBA, '1002')).toBe('allow by rules');
    expect(await layerOf(HOME)).toBe('allow by rules');
    await locks.close();
    await openThem();
    expect(await layerOf(CUBA)).toBe('block by lock');
    policy = policyOf({ homeCountry: 'US', rules: [{ ...STRICT, whenStoreFails: 'block' }] });
    expect(await layerOf(CUBA, '1002')).toBe('block by lock');
    expect(await layerOf(HOME, '1002')).toBe('allow by rules');
  });

  test('a hard ceiling locks here at once, and everywhere as soon as the store is back', async () => {
    await cut();
    const [rule] = policy.rules;
    if (rule === undefined) throw new Error('the policy has a rule');
    const subject = { kind: 'extension', id: '1001' } as const;
    const lock = await locks.lock({ rule, subject, because: 'has spent 60.00' });
    expect(lock?.subject).toEqual(subject);
    expect(await layerOf(CUBA)).toBe('block by lock');
    proxy.mend();
    await connection.untilUp(10_000);
    await until(() => raised.length > 0);
    expect(Object.values(await redis.hgetall(keys.locks)).map((text) => JSON.parse(text))).toEqual([lock]);
    expect(await layerOf(CUBA)).toBe('block by lock');
  });
});

describe('a rule about first calls', () => {
  const FIRST = {
    id: 'first',
    appliesTo: { destinations: ['international'] },
    firstCallTo: { what: 'country', within: '90d' },
  };
  const stores = (): Readonly<Record<string, LimitStore>> => ({
    redis: limits,
    memory: createMemoryLimitStore({ clock }),
  });

  test.each(['redis', 'memory'])('with limits counts first calls and no others, in the %s store', async (name) => {
    const store = stores()[name];
    if (store === undefined) throw new Error('there is such a store');
    policy = policyOf({
      homeCountry: 'US',
      rules: [{ ...FIRST, limits: ['2/1h'], counting: 'rolling', maxDuration: '5m' }],
    });
    gate = createGate({ policy: () => policy, limits: store, clock, deadlineMs: 400, newDecisionId, log });
    await store.reach([{ kind: 'extension', id: '1001' }], 'DE');
    for (let call = 0; call < 4; call++) {
      const known = await decide('+493012345678');
      expect([known.verdict.name, known.verdict.maxSeconds]).toEqual(['allow', undefined]);
      expect(known.findings.map(({ applies, because }) => [applies, because.why])).toEqual([[false, 'reached']]);
    }
    const verdicts = [];
    for (let call = 0; call < 3; call++) verdicts.push((await decide(CUBA)).verdict);
    expect(verdicts.map(({ name: verdict, maxSeconds }) => [verdict, maxSeconds])).toEqual([
      ['allow', 300],
      ['allow', 300],
      ['block', 300],
    ]);
    expect(await layerOf('+493012345678')).toBe('allow by rules');
    await store.reach([{ kind: 'extension', id: '1001' }], 'CU');
    expect(await layerOf(CUBA)).toBe('allow by rules');
  });

  test('says nothing of calls at home, and asks a call that was let go for it no second time on another trunk', async () => {
    policy = policyOf({ homeCountry: 'US', rules: [{ ...FIRST, appliesTo: 'all', action: 'approve' }] });
    expect(await layerOf(HOME)).toBe('allow by rules');
    const request = { dialled: CUBA, extension: '1001', trunk: 'carrier-a', campaign: undefined, source: undefined };
    const answers = new Map([['first', { approved: true, reason: 'approved' }]]);
    expect((await gate.decide(request, 'one', clock.monotonicMs())).verdict.name).toBe('hold');
    expect((await gate.decide(request, 'one', clock.monotonicMs(), answers)).verdict.name).toBe('allow');
    expect((await gate.decide({ ...request, trunk: 'carrier-b' }, 'one', clock.monotonicMs())).verdict.name).toBe(
      'allow',
    );
    expect((await gate.decide(request, 'another', clock.monotonicMs())).verdict.name).toBe('hold');
  });

  test('leaves it to whenStoreFails whether a call abroad goes while the store is away', async () => {
    for (const whenStoreFails of ['allow', 'block']) {
      policy = policyOf({ homeCountry: 'US', rules: [{ ...FIRST, whenStoreFails }] });
      proxy.cut();
      expect(await layerOf(CUBA)).toBe(`${whenStoreFails} by rules`);
      expect(await layerOf(HOME)).toBe('allow by rules');
      proxy.mend();
      await connection.untilUp(10_000);
    }
  });
});
