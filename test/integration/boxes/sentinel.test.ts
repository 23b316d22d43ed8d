/**
 * Daemons on a primary with two replicas that three sentinels look after, all of them real: what a daemon does by way of
 * it, and what passes while the primary is replaced.
 *
 * The counts are exact. A call that was admitted leaves a record in the store; one whose record is not there after the
 * fail-over was lost by the asynchronous replication, and only such a call may exceed a limit.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createKeys } from '../../../src/redis/keys.ts';
import { countOf, startCallLoad } from '../../support/call-load.ts';
import { startTestDaemon, type TestDaemon } from '../../support/daemon.ts';
import type { LimitLoadResult } from '../../support/limit-load.ts';
import { type LimitLoad, startLimitLoad } from '../../support/limit-loads.ts';
import {
  ATTACKER,
  canHaveNetworks,
  createNetworkPair,
  HOST,
  type NetworkPair,
} from '../../support/network-namespace.ts';
import { type FleetServer, type SentinelFleet, startSentinels } from '../../support/redis-fleet.ts';

const GENEROUS = { timeout: 60_000, interval: 50 };
const LONG_MS = 180_000;
async function recordsAt(server: FleetServer, tenant: string): Promise<readonly string[]> {
  const pattern = createKeys({ prefix: 'tollgate', tenant }).call('*', '*');
  const found = await server.ask('--scan', '--pattern', pattern);
  return found.split('\n').filter(Boolean);
}

describe('two daemons by Sentinel, with TLS and passwords', () => {
  const LIMIT = 300;
  let fleet: SentinelFleet;
  let daemons: TestDaemon[] = [];
  const [first, second] = [() => daemons[0] as TestDaemon, () => daemons[1] as TestDaemon];
  const storeLine = async (daemon: TestDaemon): Promise<string> =>
    (await daemon.run(['status'])).out.split('\n').find((line) => line.startsWith('store ')) ?? '';
  const json = async <T>(daemon: TestDaemon, ...words: string[]): Promise<T> => {
    const { out, error } = await daemon.run([...words, '--json']);
    if (error !== '') throw new Error(error);
    return JSON.parse(out) as T;
  };

  beforeAll(async () => {
    fleet = await startSentinels({ tls: true, password: 'of-the-servers', sentinelPassword: 'of-the-sentinels' });
    daemons = await Promise.all(
      ['a', 'b'].map((node) => startTestDaemon({ env: { ...fleet.env, TOLLGATE_NODE: node } })),
    );
    await first().apply(`rules: [{ id: all, countPer: system, limits: ["${LIMIT}/1d"], whenStoreFails: block }]`);
  });
  afterAll(async () => {
    for (const each of daemons) await each.stop();
    await fleet?.stop();
  });

  /** Every way in which a daemon speaks with the store: scripts, followed streams, documents, durable writes. */
  const wholeLife = async (mark: string): Promise<void> => {
    await vi.waitUntil(
      async () => (await first().run(['bans', 'add', `198.51.100.${mark}`, '--for', '1h'])).exitCode === 0,
      GENEROUS,
    );
    await vi.waitUntil(
      async () => JSON.stringify(await json(second(), 'bans', 'list')).includes(`.100.${mark}`),
      GENEROUS,
    );
    expect((await first().run(['allow', 'add', `192.0.2.${mark}`, '--name', `added ${mark}`])).error).toBe('');
    await vi.waitUntil(
      async () => JSON.stringify(await json(second(), 'allow', 'list')).includes(`.0.2.${mark}`),
      GENEROUS,
    );
    const audited = JSON.stringify(await json(second(), 'audit', 'list'));
    expect(audited).toContain(`192.0.2.${mark}`);
  };

  test('follow each other by every stream, and say on how many replicas a change is', async () => {
    await wholeLife('1');
    await vi.waitUntil(async () => (await storeLine(first())).includes('changes are on 2 of 2 replicas'), GENEROUS);
  });

  test('a replica that stands still is said in the log and in the status, and the change is in force', async () => {
    const { pid } = fleet.servers[2];
    process.kill(pid, 'SIGSTOP');
    try {
      expect((await first().run(['bans', 'add', '198.51.100.99', '--for', '1h'])).exitCode).toBe(0);
      expect(await storeLine(first())).toContain('changes are on 1 of 2 replicas');
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect(JSON.stringify(first().log)).toContain('would be lost with the store as it is now');
  });

  test(
    'a primary that is killed under load makes no token, and loses no more than was under way; everything goes on by itself',
    async () => {
      const load = startCallLoad([first().agiPort, second().agiPort], 10);
      await vi.waitUntil(() => countOf(load.placed, 'allowed') > 100, GENEROUS);
      const killedMs = performance.now();
      await fleet.servers[0].kill();
      await vi.waitUntil(() => countOf(load.placed, 'refused') > 20, GENEROUS);
      const placed = await load.end();
      const primary = await fleet.primary();
      expect(primary.name).not.toBe('server-1');

      const allowed = placed.filter(({ outcome }) => outcome === 'allowed');
      const kept = (await recordsAt(primary, 'default')).length;
      const lost = allowed.length - kept;
      const normalMs = (daemon: number): number =>
        Math.max(
          ...placed.filter((call) => call.daemon === daemon && call.outcome === 'failed').map(({ atMs }) => atMs),
        ) - killedMs;
      console.log(
        `primary killed: ${allowed.length} admitted of a limit of ${LIMIT}, ${lost} of them lost; ` +
          `${countOf(placed, 'failed')} decided by direction; normal again after ${[0, 1].map((each) => `${Math.round(normalMs(each))} ms`).join(' and ')}`,
      );
      // A bucket of a day fills by less than one call while this test runs.
      expect(kept).toBeLessThanOrEqual(LIMIT);
      const underWay = allowed.filter(({ atMs }) => atMs > killedMs - 1000 && atMs < killedMs + 100).length;
      expect(lost).toBeLessThanOrEqual(underWay);
      expect(allowed.length).toBeLessThanOrEqual(LIMIT + underWay);
      // While nobody was the primary, nothing was admitted.
      expect(countOf(placed, 'failed')).toBeGreaterThan(0);
      await wholeLife('2');
    },
    LONG_MS,
  );
});

describe.skipIf(!(await canHaveNetworks()))('a primary on the wrong side of a network that breaks in two', () => {
  const LIMIT = 600;
  /** After which time without word from a replica a primary accepts no write. */
  const MAX_LAG_SECONDS = 2;
  let net: NetworkPair;
  let fleet: SentinelFleet;
  const loads: LimitLoad[] = [];

  beforeAll(async () => {
    net = await createNetworkPair();
    const settings = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', String(MAX_LAG_SECONDS)];
    fleet = await startSentinels({
      settings,
      places: [
        { command: net.host.command, host: HOST.v4 },
        { command: net.attacker.command, host: ATTACKER.v4 },
      ],
    });
    const rule = { id: 'all', limits: [`${LIMIT}/1d`] };
    for (const [name, { command }] of [
      ['island', net.host],
      ['mainland', net.attacker],
    ] as const) {
      loads.push(await startLimitLoad({ name, target: fleet.target, rule, everyMs: 10 }, { command }));
    }
  });
  afterAll(async () => {
    for (const load of loads) load.kill();
    await fleet?.stop();
    await net?.close();
  });

  test(
    'admits at most what the window of min-replicas-max-lag holds, and nothing when it is over',
    async () => {
      const nowMs = (): number => Number(process.hrtime.bigint() / 1_000_000n);
      for (const load of loads) load.begin();
      await sleep(2000);
      const cutMs = nowMs();
      await net.host.run('ip', 'link', 'set', 'cable0', 'down');
      await vi.waitUntil(async () => (await fleet.primary()).name !== 'server-1', GENEROUS);
      // The island's side is still cut off: its primary lives, and refuses what it cannot share.
      await sleep(3500);
      const mendedMs = nowMs();
      await net.host.run('ip', 'link', 'set', 'cable0', 'up');
      await sleep(500);
      const [island, mainland] = await Promise.all(loads.map((load) => load.end()));
      type Outcomes = LimitLoadResult['outcomes'];
      const all = [...(island?.outcomes ?? []), ...(mainland?.outcomes ?? [])];
      const taken = all.filter(([, outcome]) => outcome === 'taken');
      const kept = new Set((await recordsAt(await fleet.primary(), 'load')).map((key) => key.split(':')[3]));
      const lost = taken.filter(([, , callId]) => !kept.has(callId));
      const lastLostMs = Math.max(cutMs, ...lost.map(([atMs]) => atMs)) - cutMs;
      const failed = (of: Outcomes): number[] => of.filter(([, outcome]) => outcome === 'failed').map(([atMs]) => atMs);
      console.log(
        `primary cut off: ${taken.length} admitted of a limit of ${LIMIT}, ${lost.length} of them lost, the last ${lastLostMs} ms after the cut; ` +
          `by direction ${failed(island?.outcomes ?? []).length} on the island and ${failed(mainland?.outcomes ?? []).length} on the mainland; ` +
          `normal again ${Math.max(...failed(mainland?.outcomes ?? [])) - cutMs} ms after the cut on the mainland, ${Math.max(...failed(island?.outcomes ?? [])) - mendedMs} ms after the mending on the island`,
      );
      expect(taken.length - lost.length).toBeLessThanOrEqual(LIMIT);
      // Replicas report once a second, and the primary looks once a second.
      expect(lastLostMs).toBeLessThan((MAX_LAG_SECONDS + 4) * 1000);
      expect(lost.every(([atMs]) => atMs > cutMs - 1500)).toBe(true);
      const after = (of: Outcomes, fromMs: number, untilMs: number): string[] =>
        of.filter(([atMs]) => atMs > fromMs && atMs < untilMs).map(([, outcome]) => outcome);
      const whileCut = after(island?.outcomes ?? [], cutMs + (MAX_LAG_SECONDS + 4) * 1000, mendedMs);
      expect(whileCut.every((outcome) => outcome === 'failed')).toBe(true);
      expect(island?.outcomes.at(-1)?.[1]).not.toBe('failed');
      expect(mainland?.outcomes.at(-1)?.[1]).not.toBe('failed');
    },
    LONG_MS,
  );
});
