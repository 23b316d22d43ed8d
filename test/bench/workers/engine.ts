/**
 * Worker: one decision engine in a process of its own, fifty decisions outstanding, no telephony.
 *
 * Arguments: `tollgate`, `prototype` or the peer's name, then the port of the store. Answers `{ buckets, forMs }` with decisions, time and CPU.
 * Before the time runs, every subject is met once, so that all buckets exist.
 */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { systemClock } from '../../../src/clock.ts';
import { createLog } from '../../../src/log.ts';
import { connectRedis } from '../../../src/redis/connection.ts';
import { createScript, luaScript } from '../../../src/redis/scripts.ts';
import { createPeerLimits } from '../peers/rate-limiter-flexible.ts';
import { answerQuestions } from '../processes.ts';
import { chargesOf, drive, limitStoreOn, newPayer, roomyRules, SUBJECTS, WITHIN_MS } from '../subjects.ts';

const OUTSTANDING = 50;
const [engine = '', port = ''] = process.argv.slice(2);

/** One decision of number `n`. */
type Decide = (n: number) => Promise<void>;

async function tollgate(): Promise<(buckets: number) => Decide> {
  const { log } = createLog({ level: 'error', format: 'json' });
  const connection = connectRedis({ kind: 'url', url: `redis://127.0.0.1:${port}` }, { log, name: 'decisions' });
  await connection.untilUp(5000);
  const limits = limitStoreOn(connection.redis);
  return (buckets) => {
    const rules = roomyRules(buckets);
    return async (n) => {
      const taken = await limits.take(newPayer(), chargesOf(rules, n), WITHIN_MS);
      if (taken.outcome !== 'taken') throw new Error('a roomy limit refused');
    };
  };
}

function peer(): (buckets: number) => Decide {
  const redis = new Redis(Number(port));
  return (buckets) => {
    const limits = createPeerLimits(redis, Array(buckets).fill(1_000_000_000), 3600);
    const rules = roomyRules(buckets);
    return async (n) => {
      const subjects = chargesOf(rules, n).map(({ subject }) => subject.id);
      if (!(await limits.decide(subjects))) throw new Error('a roomy limit refused');
    };
  };
}

/** The one-window script of the floor, sent by the client library as it is. */
function prototype(): (buckets: number) => Decide {
  const redis = new Redis(Number(port));
  const run = createScript(luaScript('prototype', readFileSync(new URL('../prototype.lua', import.meta.url), 'utf8')));
  return (buckets) => {
    const rules = roomyRules(buckets);
    const args = Array.from({ length: buckets }, () => [10, 1_000_000]).flat();
    return async (n) => {
      const keys = chargesOf(rules, n).map(({ rule, subject }) => `{proto}:b:${rule.id}:${subject.id}`);
      const reply = await run(redis, keys, args);
      if (!Array.isArray(reply) || reply[0] !== 1) throw new Error('a roomy limit refused');
    };
  };
}

const engines = engine === 'tollgate' ? await tollgate() : engine === 'prototype' ? prototype() : peer();
const made = new Map<number, Decide>();

answerQuestions<{ readonly buckets: number; readonly forMs: number }>(async ({ buckets, forMs }) => {
  const decide = made.get(buckets) ?? engines(buckets);
  made.set(buckets, decide);
  await drive(OUTSTANDING, (n) => (n < SUBJECTS ? decide(n) : undefined));
  const cpuBefore = process.cpuUsage();
  const startMs = systemClock.monotonicMs();
  const decisions = await drive(OUTSTANDING, (n) =>
    systemClock.monotonicMs() - startMs < forMs ? decide(n) : undefined,
  );
  const tookMs = systemClock.monotonicMs() - startMs;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { decisions, perSecond: (decisions / tookMs) * 1000, cpuMicros: (user + system) / decisions };
});
