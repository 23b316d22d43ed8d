/** Limits for each address, in a real kernel with real floods. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Firewall } from '../../../src/bans/firewall/firewall.ts';
import type { PacketProtection } from '../../../src/policy/settings.ts';
import { HOUR_MS, nftablesIn, protection, thoroughly, wantedFirewall } from '../../support/firewall.ts';
import {
  ATTACKER,
  canHaveNetworks,
  createNetworkPair,
  HOST,
  type NetworkPair,
} from '../../support/network-namespace.ts';

const PORT = 5060;
const possible = await canHaveNetworks();

describe.skipIf(!possible)('packet protection', () => {
  let pair: NetworkPair;
  let firewall: Firewall;

  beforeAll(async () => {
    pair = await createNetworkPair();
    await pair.host.probe.echo(PORT);
  });
  afterAll(() => pair.close());
  beforeEach(async () => {
    await pair.host.run('nft', 'flush', 'ruleset');
    firewall = nftablesIn(pair.host);
  });

  const answers = (from: string = ATTACKER.v4): Promise<boolean> =>
    pair.attacker.probe.udp(from, from.includes(':') ? HOST.v6 : HOST.v4, PORT);
  const flood = (from: string | readonly string[], perSecond: number, forMs: number, manyPorts = false) =>
    pair.attacker.probe.flood({
      from,
      to: String(from).includes(':') ? HOST.v6 : HOST.v4,
      port: PORT,
      perSecond,
      forMs,
      manyPorts,
    });
  const protect = (settings: Partial<PacketProtection> = {}, allowed: readonly string[] = []) =>
    firewall.enforce(wantedFirewall({ allowed, packetProtection: { ...protection, ...settings } }), thoroughly);
  const blockedAddresses = async (): Promise<readonly string[]> =>
    (await firewall.counters()).blocked.map(({ address }) => address).sort();

  test('whoever sends more packets a second than is allowed is blocked for the set time, listed and counted', async () => {
    await protect({ packetsPerSecond: 1000, block: '2h' });
    const { sent, answered } = await flood(ATTACKER.v4, 4000, 1000);
    expect(answered).toBeGreaterThanOrEqual(1000);
    expect(answered).toBeLessThan(sent);
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([false, true]);
    const { blocked, limited, dropped } = await firewall.counters();
    expect(blocked).toEqual([
      { address: ATTACKER.v4, until: expect.any(Number), packets: expect.any(Number), bytes: expect.any(Number) },
    ]);
    expect((blocked[0]?.until ?? 0) - Date.now()).toBeGreaterThan(2 * HOUR_MS - 60_000);
    expect(blocked[0]?.packets).toBeGreaterThan(100);
    expect(limited.packets.packets).toBeGreaterThan(0);
    expect(dropped.blocked.packets).toBeGreaterThan(100);
    expect((await firewall.inKernel(ATTACKER.v4)).blocked).toBe(true);
  });

  test('whoever stays under every limit is left alone', async () => {
    await protect({ packetsPerSecond: 2000, newConnectionsPerSecond: 50 });
    const { sent, answered } = await flood(ATTACKER.v4, 1000, 1500);
    expect(answered).toBe(sent);
    expect(await blockedAddresses()).toEqual([]);
  });

  test('an allowed address may send as much as it likes', async () => {
    await protect({ packetsPerSecond: 1000 }, [ATTACKER.v4]);
    await flood(ATTACKER.v4, 6000, 700);
    expect([await answers(), await blockedAddresses()]).toEqual([true, []]);
  });

  test('a flood of new connections blocks its address, by TCP and by UDP from many ports', async () => {
    await protect({ newConnectionsPerSecond: 10 });
    const opened: (string | number)[] = [];
    for (let count = 0; count < 30; count += 1) {
      opened.push(await pair.attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT));
      if (opened.at(-1) === 'timeout') break;
    }
    expect(opened.at(-1)).toBe('timeout');
    await flood(ATTACKER.other4, 200, 500, true);
    expect(await blockedAddresses()).toEqual([ATTACKER.v4, ATTACKER.other4]);
    expect((await firewall.counters()).limited.new_connections.packets).toBeGreaterThan(0);
  });

  test('more connections at once than are allowed block their address', async () => {
    await protect({ connectionsPerAddress: 12, newConnectionsPerSecond: 100 });
    const opened: (string | number)[] = [];
    for (let count = 0; count < 14; count += 1) {
      opened.push(await pair.attacker.probe.open('tcp', ATTACKER.far4, HOST.v4, PORT));
    }
    expect(opened.filter((each) => typeof each === 'number')).toHaveLength(12);
    expect(await blockedAddresses()).toEqual([ATTACKER.far4]);
    expect((await firewall.counters()).limited.connections.packets).toBeGreaterThan(0);
  });

  test('an IPv6 host is blocked with its /64, from which it could send as anybody', async () => {
    await protect({ packetsPerSecond: 1000 });
    await flood(ATTACKER.v6, 4000, 1000);
    expect(await blockedAddresses()).toEqual(['fd77::/64']);
    expect([await answers(ATTACKER.other6), await answers()]).toEqual([false, true]);
    expect((await firewall.inKernel(ATTACKER.other6)).blocked).toBe(true);
  });

  test('a block is lifted at once, survives a restart of the daemon, and ends when protection is switched off', async () => {
    await protect({ packetsPerSecond: 1000 });
    await flood(ATTACKER.v4, 4000, 700);
    await flood(ATTACKER.other4, 4000, 700);
    firewall = nftablesIn(pair.host);
    await protect({ packetsPerSecond: 1000 });
    expect(await blockedAddresses()).toEqual([ATTACKER.v4, ATTACKER.other4]);
    expect([await firewall.unblock(ATTACKER.v4), await firewall.unblock(ATTACKER.v4)]).toEqual([true, false]);
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([true, false]);
    await firewall.enforce(wantedFirewall(), thoroughly);
    expect([await answers(ATTACKER.other4), await blockedAddresses()]).toEqual([true, []]);
  });

  test('a flood from many addresses is cut where each of them stays under its limit, and none of them is blocked', async () => {
    // Twenty times ten new connections a second for all together.
    await protect({ newConnectionsPerSecond: 10 });
    await pair.attacker.run('sh', '-c', 'for n in $(seq 100 199); do ip address add 10.77.0.$n/24 dev cable1; done');
    const from = Array.from({ length: 100 }, (_, index) => `10.77.0.${100 + index}`);
    const { sent, answered } = await flood(from, 700, 1000, true);
    expect([sent > 600, answered >= 200, answered < sent]).toEqual([true, true, true]);
    const { dropped, blocked } = await firewall.counters();
    expect(blocked).toEqual([]);
    expect(dropped.flood.packets).toBeGreaterThan(0);
  });

  test('what the host itself asked for is not counted against who answers', async () => {
    const { host, attacker } = pair;
    await attacker.probe.echo(7000);
    await protect({ packetsPerSecond: 1000, newConnectionsPerSecond: 10 });
    const { sent, answered } = await host.probe.flood({
      from: HOST.v4,
      to: ATTACKER.v4,
      port: 7000,
      perSecond: 3000,
      forMs: 1000,
    });
    expect(answered).toBeGreaterThan(sent * 0.9);
    expect(await blockedAddresses()).toEqual([]);
  });
});
