/** The reconciler on a real kernel: what others break is mended, and bans outlive whatever ends. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type BanList, openBanList } from '../../../src/bans/ban-list.ts';
import type { Firewall, WantedBan, WantedFirewall } from '../../../src/bans/firewall/firewall.ts';
import { createNftables } from '../../../src/bans/firewall/nftables.ts';
import { type Reconciler, startReconciler } from '../../../src/bans/firewall/reconciler.ts';
import { systemClock } from '../../../src/clock.ts';
import { createKeys } from '../../../src/redis/keys.ts';
import { bansOf, HOUR_MS, inMs, nftablesIn, wantedFirewall } from '../../support/firewall.ts';
import {
  ATTACKER,
  canHaveNetworks,
  createNetworkPair,
  HOST,
  type NetworkPair,
} from '../../support/network-namespace.ts';
import { startRedis, type TestRedis } from '../../support/redis.ts';
import { keptLog } from '../../support/silent-log.ts';

const PORT = 5060;
const EVERY_MS = 200;
const possible = await canHaveNetworks();

describe.skipIf(!possible)('the reconciler', () => {
  let pair: NetworkPair;
  const closers: Array<() => unknown> = [];

  beforeAll(async () => {
    pair = await createNetworkPair();
    await pair.host.probe.echo(PORT);
  });
  afterAll(() => pair.close());
  beforeEach(() => pair.host.run('nft', 'flush', 'ruleset'));
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  const answers = (from: string = ATTACKER.v4): Promise<boolean> =>
    pair.attacker.probe.udp(from, from.includes(':') ? HOST.v6 : HOST.v4, PORT);
  const nft = (...words: readonly string[]): Promise<string> => pair.host.run('nft', ...words);

  const start = (
    wanted: () => WantedFirewall,
    options: {
      readonly bans?: Pick<BanList, 'onChange'>;
      readonly isKnown?: () => boolean;
      readonly everyMs?: number;
      readonly log?: ReturnType<typeof keptLog>;
      readonly firewall?: Firewall;
    } = {},
  ): Reconciler => {
    const reconciler = startReconciler({
      firewall: options.firewall ?? nftablesIn(pair.host),
      wanted,
      bans: options.bans ?? { onChange: () => () => undefined },
      isKnown: options.isKnown ?? (() => true),
      clock: systemClock,
      log: (options.log ?? keptLog()).log,
      everyMs: options.everyMs ?? EVERY_MS,
    });
    closers.push(reconciler.close);
    return reconciler;
  };
  const drifted = (reconciler: Reconciler, count = 1): Promise<void> =>
    expect.poll(() => reconciler.status().drift, { timeout: 10_000 }).toBeGreaterThanOrEqual(count);

  const breakages: ReadonlyArray<readonly [string, string]> = [
    ['a flush of the whole ruleset', 'flush ruleset'],
    ['a table that was deleted', 'delete table inet tollgate'],
    ['a chain that was flushed', 'flush chain inet tollgate arriving'],
    ['a rule that lets everybody in', 'insert rule inet tollgate arriving accept'],
    ['a chain of others in our table', 'add chain inet tollgate mine'],
    ['a set that was flushed', 'flush set inet tollgate banned4_32'],
    ['a network that is missing', 'delete element inet tollgate banned6_64 { fd77:: }'],
    ['a ban that nobody made', 'add element inet tollgate banned4_32 { 10.77.0.67 }'],
    [
      'a ban with another time',
      'delete element inet tollgate banned4_32 { 10.77.0.66 }; add element inet tollgate banned4_32 { 10.77.0.66 timeout 1s }',
    ],
    ['an allowed address too many', 'add element inet tollgate allowed4_32 { 10.77.0.66 }'],
    ['an allowed address too few', 'delete element inet tollgate allowed4_32 { 10.77.0.200 }'],
  ];
  test.each(breakages)('%s is mended, counted as drift and told', async (_, breakage) => {
    const log = keptLog();
    const bans = bansOf(ATTACKER.v4, 'fd77::/64', '10.77.0.200');
    const reconciler = start(() => wantedFirewall({ bans, allowed: [ATTACKER.far4] }), { log });
    await reconciler.sync();
    expect(reconciler.status()).toMatchObject({ backend: 'nftables', inForce: true, drift: 0, problem: undefined });
    await nft(breakage);
    await drifted(reconciler);
    await reconciler.sync();
    expect([await answers(), await answers(ATTACKER.other4), await answers(ATTACKER.v6)]).toEqual([false, true, false]);
    expect(await answers(ATTACKER.far4)).toBe(true);
    expect(reconciler.status().lastDrift?.found.length).toBeGreaterThan(0);
    expect(log.lines.some(({ msg }) => String(msg).includes('it was mended'))).toBe(true);
    const { drift } = reconciler.status();
    await new Promise((resolve) => setTimeout(resolve, 4 * EVERY_MS));
    expect(reconciler.status().drift).toBe(drift);
  });

  test('a ban of the list is in the kernel when it was made, leaves when it is lifted, and is never called drift', async () => {
    const { list, redis } = await openList();
    const reconciler = start(() => wantedFirewall({ bans: list.all() }), { bans: list, everyMs: 50 });
    await reconciler.sync();
    for (let round = 0; round < 20; round += 1) {
      await list.add(manual(ATTACKER.v4));
      await list.add(manual('fd77::/64'));
      await reconciler.sync();
      expect((await reconciler.inKernel(ATTACKER.v4)).bans).toEqual([ATTACKER.v4]);
      await list.lift([ATTACKER.v4, 'fd77::/64'], 'a person');
      await reconciler.sync();
      expect((await reconciler.inKernel(ATTACKER.v4)).bans).toEqual([]);
    }
    await list.add({ ...manual(ATTACKER.v4), lastsMs: 2000 });
    await expect.poll(() => answers()).toBe(false);
    await expect.poll(() => answers(), { timeout: 6000 }).toBe(true);
    expect(reconciler.status().drift).toBe(0);
    expect(redis.pid).toBeGreaterThan(0);
  });

  test('bans stay in the kernel while the store is away, and while a daemon that starts cannot reach it', async () => {
    const { list, redis } = await openList();
    await list.add(manual(ATTACKER.v4));
    const reconciler = start(() => wantedFirewall({ bans: list.all() }), { bans: list });
    await reconciler.sync();
    process.kill(redis.pid, 'SIGSTOP');
    closers.push(() => process.kill(redis.pid, 'SIGCONT'));
    await new Promise((resolve) => setTimeout(resolve, 4 * EVERY_MS));
    await nft('flush', 'ruleset');
    await drifted(reconciler);
    expect(await answers()).toBe(false);
    await reconciler.close();
    expect(await answers()).toBe(false);

    let isKnown = false;
    let bans: readonly WantedBan[] = [];
    const next = start(() => wantedFirewall({ bans }), { isKnown: () => isKnown });
    await next.sync();
    expect([await answers(), next.status().waitsForBans]).toEqual([false, true]);
    // Even then the rules come back, with the bans that were found at the start.
    await nft('flush', 'ruleset');
    await expect.poll(() => answers(), { timeout: 5000 }).toBe(false);
    bans = bansOf(ATTACKER.other4);
    isKnown = true;
    await next.sync();
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([true, false]);
    expect(next.status().waitsForBans).toBe(false);
  });

  test('after a reboot the table is made from the list alone', async () => {
    const bans = bansOf(ATTACKER.v4, 'fd77::/64');
    await start(() => wantedFirewall({ bans })).sync();
    await closers.pop()?.();
    await nft('flush', 'ruleset');
    await start(() => wantedFirewall({ bans })).sync();
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([false, false]);
  });

  test('what beside the bans is wanted otherwise gets to the kernel at once, and is no drift', async () => {
    let wanted = wantedFirewall({ bans: bansOf(ATTACKER.v4) });
    const reconciler = start(() => wanted, { everyMs: 60_000 });
    await reconciler.sync();
    wanted = { ...wanted, allowed: ['10.77.0.64/27'] };
    reconciler.refresh();
    await expect.poll(() => answers()).toBe(true);
    wanted = { ...wanted, isolation: { reachable: [ATTACKER.far4] } };
    await reconciler.sync();
    expect([await answers(), await answers(ATTACKER.far4)]).toEqual([false, true]);
    wanted = { ...wanted, isolation: undefined, portal: { ports: [{ protocol: 'udp', from: PORT, to: PORT }] } };
    await reconciler.sync();
    expect([await answers(), await answers(ATTACKER.far4)]).toEqual([true, false]);
    expect(reconciler.status().drift).toBe(0);
  });

  test('a kernel that cannot be changed is said once, stands as it stood, and is mended when it can be again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-nft-'));
    closers.push(() => rm(folder, { recursive: true }));
    const program = join(folder, 'nft');
    await writeFile(program, '#!/bin/sh\nexec nft "$@"\n', { mode: 0o755 });
    const log = keptLog();
    let bans = bansOf(ATTACKER.v4);
    const firewall = createNftables({ clock: systemClock, command: [...pair.host.command, program] });
    const reconciler = start(() => wantedFirewall({ bans }), { firewall, log });
    await reconciler.sync();
    await rename(program, `${program}.away`);
    await expect.poll(() => reconciler.status().problem).toContain('failed to execute');
    expect([reconciler.status().inForce, await answers()]).toEqual([false, false]);
    await expect(reconciler.sync()).rejects.toMatchObject({ code: 'FIREWALL_FAILED' });
    bans = bansOf(ATTACKER.other4);
    await rename(`${program}.away`, program);
    await expect.poll(() => answers(), { timeout: 5000 }).toBe(true);
    expect([await answers(ATTACKER.other4), reconciler.status().problem]).toEqual([false, undefined]);
    expect(log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('100,000 bans are loaded and loaded again, and each can be asked for', async () => {
    const until = inMs(HOUR_MS);
    const bans = Array.from({ length: 100_000 }, (_, index) => ({
      address:
        index % 2 === 0
          ? `11.${index >> 16}.${(index >> 8) & 255}.${index & 255}`
          : `2001:db8:${(index >> 8).toString(16)}::${((index & 255) + 1).toString(16)}`,
      until,
    }));
    const reconciler = start(() => wantedFirewall({ bans }), { everyMs: 60_000 });
    await reconciler.sync();
    expect((await reconciler.counters()).bans.size).toBe(100_000);
    expect((await reconciler.inKernel('2001:db8:1::2')).bans).toEqual(['2001:db8:1::2']);
    await nft('flush', 'ruleset');
    await reconciler.sync();
    expect((await reconciler.counters()).bans.size).toBe(100_000);
    expect(reconciler.status().drift).toBe(1);
  });

  test('remove() takes the table away and ends the comparing', async () => {
    const reconciler = start(() => wantedFirewall({ bans: bansOf(ATTACKER.v4) }));
    await reconciler.sync();
    await reconciler.remove();
    await new Promise((resolve) => setTimeout(resolve, 3 * EVERY_MS));
    expect(await nft('list', 'ruleset')).toBe('');
  });

  const manual = (address: string) => ({
    address,
    service: 'all',
    origin: 'manual' as const,
    lastsMs: HOUR_MS,
    reason: 'a test',
    defenceType: 'by hand',
    by: 'a person',
    force: true,
  });

  async function openList(): Promise<{ readonly list: BanList; readonly redis: TestRedis }> {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const list = await openBanList({
      redis: redis.client(),
      keys: createKeys({ prefix: 't', tenant: 'd' }),
      clock: systemClock,
      allowed: { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined },
      log: keptLog().log,
      durably: (write) => write(),
    });
    closers.push(() => list.close());
    return { list, redis };
  }
});
