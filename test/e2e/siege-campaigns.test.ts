/**
 * Attackers who take their time, share the work, or hide behind others' addresses; and the means of staff against all of
 * them at once. The same host as in siege.test.ts; skipped without networks of its own.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FirewallReport } from '../../src/api/firewall-routes.ts';
import { startReconciler } from '../../src/bans/firewall/reconciler.ts';
import { systemClock } from '../../src/clock.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { openTestDefence } from '../support/defence.ts';
import { nftablesIn, wantedFirewall } from '../support/firewall.ts';
import { ATTACKER, canHaveNetworks, createNetworkPair, HOST } from '../support/network-namespace.ts';
import { startRedis } from '../support/redis.ts';
import { attackerAt, SILENCE_MS, SIP, type Siege, startSiege, TRUNK, until, WAIT } from '../support/siege.ts';
import { keptLog } from '../support/silent-log.ts';
import { testedAsterisk } from '../support/stage.ts';

const possible = await canHaveNetworks();
const ATTEMPTS = 10;
const PHONE = ATTACKER.far4;
const STRANGER = attackerAt(600);
const HOUR_MS = 3_600_000;

describe.skipIf(!possible)('a host under siege (needs root, ip and nft)', () => {
  let siege: Siege;

  beforeAll(async () => {
    siege = await startSiege({ version: testedAsterisk, attempts: ATTEMPTS });
    const password = siege.asterisk.phones['1001'] ?? '';
    await siege.outside.ask('phone', { ...SIP, name: 'phone', from: PHONE, user: '1001', password });
    expect(await siege.outside.ask('register', 'phone')).toBe(200);
  });
  afterAll(async () => {
    await siege?.stop();
  });
  const bannedOf = async (addresses: readonly string[]): Promise<number> => {
    const kernel = await siege.kernel();
    return addresses.filter((address) => kernel.has(address)).length;
  };

  test('twenty addresses that share the guessing at one account are banned at three attempts each', async () => {
    const addresses = Array.from({ length: 20 }, (_, each) => attackerAt(100 + each));
    for (const address of addresses) expect(await siege.open(address, 'udp')).toBe('open');
    const round = async (): Promise<void> => {
      for (const address of addresses) expect(await siege.guess(`udp ${address}`, 1)).toEqual([401]);
    };
    await round();
    await round();
    await siege.untilJudged();
    expect(await bannedOf(addresses)).toBe(0);
    for (const address of addresses) await siege.provoke(`udp ${address}`);
    await until('all are banned', async () => (await bannedOf(addresses)) === addresses.length);
    const silent = await Promise.all(addresses.map((address) => siege.knock(`udp ${address}`, SILENCE_MS)));
    expect(silent).toEqual(addresses.map(() => 0));
    const ban = (await siege.bans()).find(({ address }) => address === addresses[0]);
    expect(ban).toMatchObject({ defenceType: 'many addresses, one account', offences: 3 });
    siege.note(
      '20 addresses, one account',
      `none banned after 2 attempts each, all after 3 (${ATTEMPTS} for one alone)`,
    );
  });

  test('datagrams in the name of the trunk do not ban it, and calls through it go on', async () => {
    // The carrier has this address, and gets the answers; the attackers send from it and hear nothing.
    await siege.pair.attacker.run('ip', 'route', 'add', 'local', `${TRUNK}/32`, 'dev', 'lo');
    const stranger = attackerAt(300);
    await siege.outside.ask('keepCalling', { name: 'phone', destination: '3055550100', pauseMs: 200 });
    const forge = (from: string) => siege.outside.ask('forge', { ...SIP, from, user: '1002', count: 4 * ATTEMPTS });
    await forge(TRUNK);
    await forge(stranger);
    await siege.untilBanned(stranger);
    await expect.poll(siege.reports, WAIT).toContainEqual(expect.objectContaining({ kind: 'spared', address: TRUNK }));
    await siege.untilJudged();
    const calls = await siege.outside.ask('endCalls', 'phone');
    expect(await bannedOf([TRUNK, `${TRUNK.replace(/\d+$/, '0')}/24`])).toBe(0);
    expect((await siege.bans()).map(({ address }) => address)).not.toContain(TRUNK);
    expect(calls.failed).toEqual([]);
    expect(calls.answered).toBeGreaterThan(0);
    expect(await siege.outside.ask('call', { name: 'phone', destination: '3055550101' })).toBe(200);
    expect(await siege.trunk.ask('carried')).toBe(calls.answered + 1);
    await siege.pair.attacker.run('ip', 'route', 'delete', 'local', `${TRUNK}/32`, 'dev', 'lo');
    siege.note(
      'forged in the name of the trunk',
      `${4 * ATTEMPTS} datagrams: reported, not banned (a stranger is); ${calls.answered + 1} calls through it, none failed`,
    );
  });

  describe('portal and isolation', () => {
    const answered = async (from: string, withinMs?: number): Promise<boolean> => {
      await siege.open(from, 'udp');
      return (await siege.knock(`udp ${from}`, withinMs)) === 401;
    };
    const silent = async (from: string): Promise<boolean> => !(await answered(from, SILENCE_MS));
    const status = async (): Promise<FirewallReport> =>
      JSON.parse(await siege.cli('firewall', 'status', '--json')) as FirewallReport;

    beforeAll(async () => {
      await siege.cli('allow', 'add', PHONE, '--name', 'Phone');
      await siege.cli('allow', 'add', TRUNK, '--name', 'Carrier');
    });
    afterEach(async () => {
      await siege.cli('firewall', 'release', '--force');
      await siege.cli('firewall', 'portal', 'off', '--force');
    });

    test('behind the portal the phone on the allowlist registers and calls, and a stranger gets no answer', async () => {
      expect(await answered(STRANGER)).toBe(true);
      await siege.cli('firewall', 'portal', 'on', '--preset', 'sip');
      await siege.cli('firewall', 'confirm');
      const before = (await status()).dropped?.portal.packets ?? 0;
      expect(await silent(STRANGER)).toBe(true);
      // What is shown is up to two seconds old.
      await until('the drop is shown', async () => ((await status()).dropped?.portal.packets ?? 0) > before);
      expect(await siege.open(STRANGER, 'tcp')).toBe('timeout');
      expect(await siege.outside.ask('register', 'phone')).toBe(200);
      expect(await siege.outside.ask('call', { name: 'phone', destination: '3055550102' })).toBe(200);
      siege.note('portal', 'stranger silent by UDP and TCP; the phone registers and calls');
    });

    test('a portal that nobody confirms opens by itself', async () => {
      const startMs = performance.now();
      await siege.cli('firewall', 'portal', 'on', '--preset', 'sip', '--confirm-within', '10s');
      expect(await silent(STRANGER)).toBe(true);
      await until('the portal is open again', () => answered(STRANGER, SILENCE_MS));
      expect((await status()).lastUndone).toMatchObject({ what: 'portal', undoneBy: null });
      siege.note(
        'portal, confirm within 10 s',
        `nobody did: open again after ${Math.round(performance.now() - startMs)} ms`,
      );
    });

    test('an isolated host answers those who were named and nobody else, until it is released', async () => {
      await siege.cli('firewall', 'isolate', '--reachable', PHONE);
      expect(await siege.outside.ask('register', 'phone')).toBe(200);
      expect(await silent(STRANGER)).toBe(true);
      // The carrier was not named.
      expect(await siege.outside.ask('call', { name: 'phone', destination: '3055550103' }).catch(String)).not.toBe(200);
      await siege.cli('firewall', 'confirm');
      await siege.cli('firewall', 'release');
      expect(await answered(STRANGER)).toBe(true);
      expect(await siege.outside.ask('call', { name: 'phone', destination: '3055550104' })).toBe(200);
      siege.note('isolation', 'only the named phone is answered; after the release calls go out again');
    });
  });

  test('the tables of other programs are what they were', async () => {
    expect(await siege.foreignTable()).toBe(siege.foreignTableAtFirst);
  });
});

/** Days are lived through by the clock of the counts; a daemon has no clock that can be moved. */
describe.skipIf(!possible)('who guesses once in two hours (needs root, ip and nft)', () => {
  test('is banned within seven days, and the kernel drops him; who guesses once in three is not', async () => {
    const [pair, server, { log }] = [await createNetworkPair(), await startRedis(), keptLog()];
    const keys = createKeys({ prefix: 'siege', tenant: 'slow' });
    let now = Date.UTC(2026, 10, 2, 9, 0, 0);
    const defence = await openTestDefence({ server, keys, now: () => now });
    const reconciler = startReconciler({
      firewall: nftablesIn(pair.host),
      wanted: () => wantedFirewall({ bans: { [Symbol.iterator]: () => defence.bans.all() } }),
      bans: defence.bans,
      isKnown: () => true,
      clock: systemClock,
      log,
      everyMs: 60_000,
    });
    try {
      await pair.host.probe.echo(SIP.port);
      const [slow, slower] = [ATTACKER.v4, ATTACKER.other4];
      let attempts = 0;
      const end = now + 7 * 24 * HOUR_MS;
      for (; now < end && !defence.bans.isBanned(slow); now += HOUR_MS) {
        const hour = Math.round((end - now) / HOUR_MS);
        if (hour % 2 === 0) attempts += 1;
        if (hour % 2 === 0) await defence.offend({ address: slow });
        if (hour % 3 === 0) await defence.offend({ address: slower });
      }
      expect(defence.bans.get(slow)?.reason).toBe(`${attempts} failed SIP registrations within 7 days`);
      expect(attempts).toBeGreaterThanOrEqual(8 * ATTEMPTS);
      await reconciler.sync();
      expect(await pair.attacker.probe.udp(slow, HOST.v4, SIP.port)).toBe(false);
      expect(await pair.attacker.probe.udp(slower, HOST.v4, SIP.port)).toBe(true);
      console.log(
        `  one guess in two hours: banned at attempt ${attempts}, after ${((attempts - 1) / 12).toFixed(1)} days`,
      );
    } finally {
      await reconciler.close();
      await defence.close();
      await server.stop();
      await pair.close();
    }
  });
});
