/**
 * A daemon reduced to its limit store, to be run where the test's own process cannot reach: in a network of its own, or
 * with another idea of the time. Says `ready`, asks at a steady rate from the first line on its input until the second and,
 * if the store does not answer then, until it does; then prints what became of each request.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/clock.ts';
import type { Charge } from '../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../src/gate/redis-limit-store.ts';
import { createStoreClock } from '../../src/gate/store-clock.ts';
import { guardStore } from '../../src/gate/store-guard.ts';
import type { RedisTarget } from '../../src/redis/client.ts';
import { connectRedis } from '../../src/redis/connection.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { commandsOf } from '../../src/redis/open-store.ts';
import { ruleOf } from './policy.ts';
import { keptLog } from './silent-log.ts';

export interface LimitLoadOrder {
  readonly name: string;
  readonly target: RedisTarget;
  /** Fields of the one rule that every request is charged to. */
  readonly rule: object;
  readonly everyMs: number;
}

/** `failed`: the store gave no answer, so that the direction of the rule decides. Times by this process's monotonic clock. */
export interface LimitLoadResult {
  readonly outcomes: readonly (readonly [atMs: number, outcome: 'taken' | 'refused' | 'failed', callId: string])[];
  /** What it takes the time for at the end, epoch ms. */
  readonly nowMs: number;
}

const RECOVERS_WITHIN_MS = 20_000;

const order = JSON.parse(process.argv[2] ?? '') as LimitLoadOrder;
const { log } = keptLog();
const keys = createKeys({ prefix: 'tollgate', tenant: 'load' });
const connection = connectRedis(order.target, { log, probeKey: keys.probe });
await connection.untilUp(10_000);
const journal = { storeLost: () => undefined, storeBack: () => undefined };
const breaker = guardStore(connection, { journal, clock: systemClock, log });
const storeClock = createStoreClock();
const redis = commandsOf(connection);
const limits = createRedisLimitStore({ redis, keys, clock: systemClock, storeClock, breaker });
const rule = ruleOf({ countPer: 'system', ...order.rule });
const charges = rule.counts.map(
  (count): Charge => ({ rule, subject: { kind: 'system', id: '' }, count, demand: 'required' }),
);

const outcomes: Array<LimitLoadResult['outcomes'][number]> = [];
const asked: Promise<void>[] = [];
const ask = async (callId: string): Promise<void> => {
  const atMs = Number(process.hrtime.bigint() / 1_000_000n);
  const outcome = await limits.take({ callId, destination: '1' }, charges, 250).then(
    (taken) => taken.outcome,
    () => 'failed' as const,
  );
  outcomes.push([atMs, outcome, callId]);
};
const input = createInterface({ input: process.stdin });
process.stdout.write('ready\n');
await once(input, 'line');
const timer = setInterval(() => asked.push(ask(`${order.name}-${asked.length}`)), order.everyMs);
await once(input, 'line');
const giveUpMs = performance.now() + RECOVERS_WITHIN_MS;
while (outcomes.at(-1)?.[1] === 'failed' && performance.now() < giveUpMs) await sleep(order.everyMs);
clearInterval(timer);
await Promise.all(asked);
const result: LimitLoadResult = { outcomes, nowMs: Date.now() };
process.stdout.write(`${JSON.stringify(result)}\n`);
breaker.close();
connection.close();
input.close();
