/**
 * Daemons of three tenants on a real cluster of three shards with a replica each: tenants are spread over the shards, and
 * what befalls a shard befalls its tenants alone.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { countOf, type PlacedCall, startCallLoad } from '../../support/call-load.ts';
import { startTestDaemon, type TestDaemon } from '../../support/daemon.ts';
import { type ClusterFleet, type FleetServer, startCluster } from '../../support/redis-fleet.ts';

const GENEROUS = { timeout: 60_000, interval: 50 };
const LONG_MS = 180_000;
const LIMIT = 3000;

describe('three tenants on three shards', () => {
  let fleet: ClusterFleet;
  /** One on each shard, in their order. */
  const tenants: string[] = [];
  const daemons: TestDaemon[] = [];
  const daemon = (index: number): TestDaemon => daemons[index] as TestDaemon;
  const shard = (index: number): FleetServer => fleet.servers[index] as FleetServer;
  const keyOf = (tenant: string): string => `tollgate:{${tenant}}:policy`;

  beforeAll(async () => {
    fleet = await startCluster({ password: 'of-the-shards', replicas: true });
    for (let number = 0; tenants.filter(Boolean).length < 3; number++) {
      const owner = fleet.servers.indexOf(await fleet.ownerOf(keyOf(`tenant-${number}`)));
      tenants[owner] ??= `tenant-${number}`;
    }
    daemons.push(
      ...(await Promise.all(
        tenants.map((tenant) =>
          startTestDaemon({
            // A machine that is busy with other tests is no failure of a shard.
            env: { ...fleet.env, TOLLGATE_REDIS__TENANT: tenant, TOLLGATE_AGI__DEADLINE_MS: '2000' },
          }),
        ),
      )),
    );
    for (const each of daemons) {
      await each.apply(`rules: [{ id: all, countPer: system, limits: ["${LIMIT}/1d"], whenStoreFails: block }]`);
    }
  });
  afterAll(async () => {
    for (const each of daemons) await each.stop();
    await fleet?.stop();
  });

  const json = async <T>(of: TestDaemon, ...words: string[]): Promise<T> => {
    const { out, error } = await of.run([...words, '--json']);
    if (error !== '') throw new Error(error);
    return JSON.parse(out) as T;
  };
  const usedBy = async (of: TestDaemon): Promise<number> => {
    const report = await json<{ findings: { used: number | null }[] }>(of, 'explain', '1555', '-e', '1001');
    return report.findings[0]?.used ?? Number.NaN;
  };
  /** The share that went; all of them on a machine that has time. */
  const undisturbed = (placed: readonly PlacedCall[]): number => countOf(placed, 'allowed') / placed.length;
  const settled = (placed: readonly PlacedCall[], sinceMs: number): number =>
    Math.max(sinceMs, ...placed.filter(({ outcome }) => outcome === 'failed').map(({ atMs }) => atMs)) - sinceMs;

  test('every part of a daemon works, and every key that it writes is on the shard of its tenant', async () => {
    for (const [index, each] of daemons.entries()) {
      const load = startCallLoad([each.agiPort], 5);
      await vi.waitUntil(() => load.placed.length >= 20, GENEROUS);
      const placed = await load.end();
      expect(countOf(placed, 'allowed')).toBe(placed.length);
      for (const words of [
        ['bans', 'add', '198.51.100.1', '--for', '1h'],
        ['allow', 'add', '192.0.2.1', '--name', 'one'],
        ['grants', 'add', '-e', '1001', '--calls', '3', '--for', '1h'],
      ]) {
        const ran = await each.run(words);
        expect(ran.error === '' || words[0] === 'grants', ran.error).toBe(true);
      }
      await vi.waitUntil(
        async () => (await each.run(['status'])).out.includes('changes are on 1 of 1 replica'),
        GENEROUS,
      );
      expect(await usedBy(each)).toBe(placed.length);
      const keys = (await shard(index).ask('--scan')).split('\n').filter(Boolean);
      expect(keys.length).toBeGreaterThan(20);
      expect(keys.filter((key) => !key.startsWith(`tollgate:{${tenants[index]}}:`))).toEqual([]);
    }
  });

  test('a slot that moves under load loses no decision: each call that passed is counted once, and it takes no restart', async () => {
    const slot = await fleet.slotOf(keyOf(tenants[0] ?? ''));
    const before = await usedBy(daemon(0));
    const loads = daemons.map((each) => startCallLoad([each.agiPort], 10));
    await vi.waitUntil(() => loads.every(({ placed }) => placed.length > 30), GENEROUS);
    const beganMs = performance.now();
    const openMs = await fleet.moveSlot(slot, shard(1), 50);
    await sleep(500);
    const [moved = [], ...others] = await Promise.all(loads.map((load) => load.end()));
    console.log(
      `slot moved in ${Math.round(openMs)} ms: ${countOf(moved, 'allowed')} admitted, ${countOf(moved, 'failed')} decided by direction; ` +
        `normal again ${Math.round(settled(moved, beganMs))} ms after it began`,
    );
    expect((await fleet.ownerOf(keyOf(tenants[0] ?? ''))).name).toBe(shard(1).name);
    expect(await usedBy(daemon(0))).toBe(before + countOf(moved, 'allowed'));
    expect(moved.at(-1)?.outcome).toBe('allowed');
    expect(undisturbed(others.flat())).toBeGreaterThan(0.9);
    await fleet.moveSlot(slot, shard(0));
    await vi.waitUntil(async () => (await usedBy(daemon(0))) >= before, GENEROUS);
  });

  test(
    'a shard that is killed touches its tenants alone; its replica takes over with what was counted',
    async () => {
      const before = await usedBy(daemon(2));
      const loads = daemons.map((each) => startCallLoad([each.agiPort], 10));
      await vi.waitUntil(() => loads.every(({ placed }) => placed.length > 30), GENEROUS);
      const killedMs = performance.now();
      await shard(2).kill();
      const [first, second, third] = loads as [
        ReturnType<typeof startCallLoad>,
        ReturnType<typeof startCallLoad>,
        ReturnType<typeof startCallLoad>,
      ];
      await vi.waitUntil(
        () => third.placed.at(-1)?.outcome === 'allowed' && countOf(third.placed, 'failed') > 0,
        GENEROUS,
      );
      await sleep(1500);
      const placed = await Promise.all([first, second, third].map((load) => load.end()));
      const hit = placed[2] ?? [];
      const lost = before + countOf(hit, 'allowed') - (await usedBy(daemon(2)));
      console.log(
        `shard killed: its tenant had ${countOf(hit, 'allowed')} admitted, ${lost} of them lost, ${countOf(hit, 'failed')} decided by direction; ` +
          `normal again after ${Math.round(settled(hit, killedMs))} ms`,
      );
      expect(lost).toBeLessThanOrEqual(
        hit.filter(({ atMs }) => atMs > killedMs - 1000 && atMs < killedMs + 100).length,
      );
      expect(undisturbed([...(placed[0] ?? []), ...(placed[1] ?? [])])).toBeGreaterThan(0.9);
      expect((await daemon(2).run(['bans', 'add', '198.51.100.2', '--for', '1h'])).exitCode).toBe(0);
    },
    LONG_MS,
  );

  test(
    'a shard without anybody to take over leaves the other tenants deciding',
    async () => {
      await shard(5).kill();
      const loads = daemons.map((each) => startCallLoad([each.agiPort], 10));
      await sleep(3000);
      const [first, second, third] = await Promise.all(loads.map((load) => load.end()));
      expect(undisturbed([...(first ?? []), ...(second ?? [])])).toBeGreaterThan(0.9);
      expect((third ?? []).every(({ outcome }) => outcome === 'failed')).toBe(true);
      // The one that took over last: the first of them has nothing left to take the slots back from.
      await shard(5).restart();
      await vi.waitUntil(async () => {
        const load = startCallLoad([daemon(2).agiPort], 20);
        await sleep(60);
        return (await load.end()).every(({ outcome }) => outcome === 'allowed');
      }, GENEROUS);
    },
    LONG_MS,
  );
});
