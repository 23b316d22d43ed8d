/**
 * Locks and first calls on a real Redis, with several daemons that share nothing but it, against a naive model: whoever
 * sees a refusal, an answered call or a clearing, every other daemon's next call goes by it.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import type { LimitStore } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreBreaker } from '../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import { type Locks, openLocks } from '../../src/locks/locks.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { policyOf } from '../support/policy.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';
import { keptLog } from '../support/silent-log.ts';

const seed = runSeed('locks-and-first-calls');
const { redis } = await startEmptyRedis();
const folder = await mkdtemp(join(tmpdir(), 'tollgate-locks-'));
afterAll(() => rm(folder, { recursive: true }));
const { log } = keptLog();
const clock = systemClock;

const EXTENSIONS = ['1001', '1002'] as const;
const PLACES = { CU: '+5355512345', DE: '+493012345678', home: '+13055550100' } as const;
type Place = keyof typeof PLACES;
const AFTER = 3;
/** Satellite calls are refused, and after three of them a subject calls abroad no more. First calls are held. */
const POLICY = policyOf({
  homeCountry: 'US',
  rules: [
    { id: 'strict', appliesTo: { destinations: ['satellite'] }, lockout: { after: AFTER, within: '1h' } },
    {
      id: 'first',
      appliesTo: { destinations: ['international'] },
      action: 'approve',
      firstCallTo: { what: 'country', within: '90d' },
    },
    {
      id: 'first-few',
      appliesTo: { destinations: ['international'] },
      limits: ['2/1d'],
      counting: 'rolling',
      action: 'alert',
      firstCallTo: { what: 'country', within: '90d' },
    },
  ],
});
const SATELLITE = '+88161234567';

interface TestDaemon {
  readonly gate: Gate;
  readonly limits: LimitStore;
  readonly locks: Locks;
}

let lastDaemon = 0;
/** It hears no notes: the store alone tells it what others did. */
async function startDaemon(prefix: string): Promise<TestDaemon> {
  const keys = createKeys({ prefix, tenant: 't' });
  const ignore = (): void => {};
  const breaker = createStoreBreaker({ clock, probe: async () => {}, onOpen: ignore, onClosed: ignore });
  const limits = createRedisLimitStore({ redis, keys, clock, storeClock: createStoreClock(), breaker });
  const stateDir = await mkdtemp(join(folder, `${++lastDaemon}-`));
  const locks = await openLocks({
    ...{ redis, keys, clock, log, stateDir, policy: () => POLICY },
    notes: { onNote: () => ignore },
    durably: (write) => write(),
    audit: async () => {},
  });
  const locksOn = locks.locksOn;
  const gate = createGate({ policy: () => POLICY, limits, locksOn, clock, deadlineMs: 5000, newDecisionId, log });
  return { gate, limits, locks };
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('call' as const),
      by: fc.nat(2),
      extension: fc.constantFrom(...EXTENSIONS),
      to: fc.constantFrom<Place>('CU', 'DE', 'home'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('refused' as const),
      by: fc.nat(2),
      extension: fc.constantFrom(...EXTENSIONS),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('answered' as const),
      by: fc.nat(2),
      extension: fc.constantFrom(...EXTENSIONS),
      to: fc.constantFrom<Place>('CU', 'DE'),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('clear' as const),
      by: fc.nat(2),
      extension: fc.constantFrom(...EXTENSIONS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), by: fc.nat(2) }) },
);

const tally = { locked: 0, cleared: 0, held: 0, passed: 0, refusedByLock: 0 };
let lastHistory = 0;
let lastCall = 0;

test('every daemon goes by the refusals, locks, clearings and answered calls of all others, and by nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80 }), async (steps) => {
      const prefix = `h${++lastHistory}`;
      const daemons = await Promise.all([0, 1, 2].map(() => startDaemon(prefix)));
      const refusals = new Map<string, number>();
      const locked = new Set<string>();
      const reached = new Set<string>();
      const at = (by: number): TestDaemon => {
        const daemon = daemons[by];
        if (daemon === undefined) throw new Error('there are three daemons');
        return daemon;
      };
      const decide = async (by: number, extension: string, dialled: string) => {
        const { gate, locks } = at(by);
        const request = { dialled, extension, trunk: undefined, campaign: undefined, source: undefined };
        const decision = await gate.decide(request, `call-${++lastCall}`, clock.monotonicMs());
        locks.decided(decision);
        await locks.idle();
        return decision.verdict;
      };
      for (const one of steps) {
        switch (one.do) {
          case 'refused': {
            const { name, layer } = await decide(one.by, one.extension, SATELLITE);
            expect([name, layer]).toEqual(['block', locked.has(one.extension) ? 'lock' : 'rules']);
            if (locked.has(one.extension)) break;
            const count = (refusals.get(one.extension) ?? 0) + 1;
            refusals.set(one.extension, count);
            if (count < AFTER) break;
            locked.add(one.extension);
            refusals.delete(one.extension);
            tally.locked += 1;
            break;
          }
          case 'call': {
            const { name, layer, rule } = await decide(one.by, one.extension, PLACES[one.to]);
            if (one.to === 'home') expect([name, layer]).toEqual(['allow', 'rules']);
            else if (locked.has(one.extension)) {
              expect([name, layer, rule?.id]).toEqual(['block', 'lock', 'strict']);
              tally.refusedByLock += 1;
            } else if (reached.has(`${one.extension} ${one.to}`)) {
              expect([name, rule]).toEqual(['allow', undefined]);
              tally.passed += 1;
            } else {
              expect([name, rule?.id]).toEqual(['hold', 'first']);
              tally.held += 1;
            }
            break;
          }
          case 'answered':
            await at(one.by).limits.reach([{ kind: 'extension', id: one.extension }], one.to);
            reached.add(`${one.extension} ${one.to}`);
            break;
          case 'clear': {
            const { locks } = at(one.by);
            await locks.refresh();
            const lock = locks.list().find(({ subject }) => subject.id === one.extension);
            expect(lock !== undefined).toBe(locked.has(one.extension));
            if (lock === undefined) break;
            expect(await locks.clear(lock.id, { by: 'test' })).toEqual(lock);
            locked.delete(one.extension);
            tally.cleared += 1;
            break;
          }
          case 'restart':
            await at(one.by).locks.close();
            daemons[one.by] = await startDaemon(prefix);
            break;
          default:
            one satisfies never;
        }
      }
      await Promise.all(daemons.map(({ locks }) => locks.close()));
    }),
    { seed, numRuns: 120 },
  );
  console.log(`locks-and-first-calls: ${JSON.stringify(tally)}`);
  for (const count of Object.values(tally)) expect(count).toBeGreaterThan(10);
});
