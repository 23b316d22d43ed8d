/**
 * Worker: the limit stores of many daemons in one process, each of a tenant of its own with a connection of its own to a
 * cluster; so many decisions of four charges outstanding together as one daemon has alone.
 *
 * Argument: where the cluster is, as JSON. Answers `{ tenants, forMs }` with rate, latency and CPU.
 */
import { systemClock } from '../../../src/clock.ts';
import type { LimitStore } from '../../../src/gate/limit-store.ts';
import { createRedisLimitStore } from '../../../src/gate/redis-limit-store.ts';
import { createStoreBreaker } from '../../../src/gate/store-breaker.ts';
import { createStoreClock } from '../../../src/gate/store-clock.ts';
import { createLog } from '../../../src/log.ts';
import type { RedisTarget } from '../../../src/redis/client.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import { createKeys } from '../../../src/redis/keys.ts';
import { commandsOf } from '../../../src/redis/open-store.ts';
import { answerQuestions } from '../processes.ts';
import { chargesOf, newPayer, roomyRules, WITHIN_MS } from '../subjects.ts';

const OUTSTANDING = 48;
const target = JSON.parse(process.argv[2] ?? '') as RedisTarget;
const { log } = createLog({ level: 'error', format: 'json' });
const rules = roomyRules(4);
const stores = new Map<string, LimitStore>();

async function storeOf(tenant: string): Promise<LimitStore> {
  const known = stores.get(tenant);
  if (known !== undefined) return known;
  const keys = createKeys({ prefix: 'tollgate', tenant });
  const connection = connectRedis(target, { log, name: tenant, probeKey: keys.probe });
  await connection.untilUp(5000);
  const breaker = createStoreBreaker({
    ...{ clock: systemClock, probe: connection.probe },
    ...{ onOpen: () => undefined, onClosed: () => undefined },
  });
  const made = createRedisLimitStore({
    ...{ redis: commandsOf(connection), keys, clock: systemClock, storeClock: createStoreClock(), breaker },
  });
  stores.set(tenant, made);
  return made;
}

answerQuestions(async ({ tenants, forMs }: { readonly tenants: readonly string[]; readonly forMs: number }) => {
  const used = await Promise.all(tenants.map(storeOf));
  const tookMs: number[] = [];
  const cpu = process.cpuUsage();
  const beganMs = performance.now();
  const endsMs = beganMs + forMs;
  let n = 0;
  await Promise.all(
    Array.from({ length: OUTSTANDING }, async (_, index) => {
      const limits = used[index % used.length];
      while (limits !== undefined && performance.now() < endsMs) {
        n += 1;
        const startMs = performance.now();
        await limits.take(newPayer(), chargesOf(rules, n), WITHIN_MS);
        tookMs.push(performance.now() - startMs);
      }
    }),
  );
  const { user, system } = process.cpuUsage(cpu);
  tookMs.sort((a, b) => a - b);
  const at = (share: number): number => tookMs[Math.floor(share * (tookMs.length - 1))] ?? Number.NaN;
  return {
    decisions: tookMs.length,
    perSecond: (1000 * tookMs.length) / (performance.now() - beganMs),
    p50: at(0.5),
    p99: at(0.99),
    cpuMicros: (user + system) / tookMs.length,
  };
});
