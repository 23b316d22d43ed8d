/** The nftables backend in a real kernel, met by real packets from another network. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { BanStep, Firewall } from '../../../src/bans/firewall/firewall.ts';
import { createNftables } from '../../../src/bans/firewall/nftables.ts';
import { systemClock } from '../../../src/clock.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { bansOf, HOUR_MS, inMs, nftablesIn, quickly, thoroughly, wantedFirewall } from '../../support/firewall.ts';
import {
  ATTACKER,
  canHaveNetworks,
  createNetworkPair,
  HOST,
  type NetworkPair,
} from '../../support/network-namespace.ts';

const PORT = 5060;
const possible = await canHaveNetworks();

describe.skipIf(!possible)('the table in the kernel', () => {
  let pair: NetworkPair;
  let firewall: Firewall;

  beforeAll(async () => {
    pair = await createNetworkPair();
    await pair.host.probe.echo(PORT);
  });
  afterAll(() => pair.close());
  afterEach(() => firewall.close());
  beforeEach(async () => {
    await pair.host.run('nft', 'flush', 'ruleset');
    firewall = nftablesIn(pair.host);
  });

  const answers = (from: string = ATTACKER.v4): Promise<boolean> =>
    pair.attacker.probe.udp(from, from.includes(':') ? HOST.v6 : HOST.v4, PORT);
  const change = async (steps: readonly BanStep[]): Promise<boolean> => {
    await firewall.change(steps);
    return await firewall.holds(steps);
  };
  const banNow = (...addresses: readonly string[]): Promise<boolean> =>
    change(bansOf(...addresses).map((ban) => ({ what: 'put', ban, fresh: true })));
  const lift = (...addresses: readonly string[]): Promise<boolean> =>
    change(addresses.map((address) => ({ what: 'lift', address })));

  test('a banned address is not answered, its neighbour is, and both are once the ban is lifted', async () => {
    await firewall.enforce(wantedFirewall(), thoroughly);
    expect(await answers()).toBe(true);
    expect(await banNow(ATTACKER.v4, ATTACKER.v6)).toBe(true);
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([false, false]);
    expect([await answers(ATTACKER.other4), await answers(ATTACKER.other6)]).toEqual([true, true]);
    expect(await lift(ATTACKER.v4, ATTACKER.v6)).toBe(true);
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([true, true]);
  });

  test('a network, an address inside it and a network around it are bans of their own', async () => {
    await firewall.enforce(wantedFirewall(), thoroughly);
    const inside = { address: ATTACKER.v4, until: inMs(2 * HOUR_MS) };
    await firewall.change([
      { what: 'put', ban: inside, fresh: true },
      ...bansOf('10.77.0.64/26', '10.0.0.0/8', 'fd77::/64').map((ban) => ({ what: 'put', ban, fresh: true }) as const),
    ]);
    expect((await firewall.inKernel(ATTACKER.v4)).bans).toEqual([ATTACKER.v4, '10.77.0.64/26', '10.0.0.0/8']);
    expect((await firewall.inKernel('10.77.0.64/26')).bans).toEqual(['10.77.0.64/26', '10.0.0.0/8']);
    await lift('10.0.0.0/8', '10.77.0.64/26');
    expect([await answers(), await answers(ATTACKER.other4), await answers(ATTACKER.v6)]).toEqual([false, true, false]);
    await lift('fd77::/64');
    expect(await answers(ATTACKER.v6)).toBe(true);
    expect(await firewall.enforce(wantedFirewall({ bans: [inside] }), thoroughly)).toMatchObject({ drift: 0 });
  });

  test('a ban ends by itself, and one made longer lasts as long as that says', async () => {
    await firewall.enforce(wantedFirewall(), thoroughly);
    const short = { address: ATTACKER.v4, until: inMs(700) };
    await firewall.change([{ what: 'put', ban: short, fresh: true }]);
    await firewall.change([{ what: 'put', ban: { address: ATTACKER.other4, until: inMs(700) }, fresh: true }]);
    await firewall.change([{ what: 'put', ban: bansOf(ATTACKER.other4)[0] ?? short, fresh: false }]);
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([false, false]);
    await new Promise((resolve) => setTimeout(resolve, 900));
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([true, false]);
  });

  test('bans for ever, for ten years and for milliseconds are read back as they were put', async () => {
    const bans = [
      { address: '192.0.2.1', until: null },
      { address: '192.0.2.2', until: inMs(3_649 * 24 * HOUR_MS) },
      { address: '192.0.2.3', until: inMs(100 * 365 * 24 * HOUR_MS) },
      { address: '192.0.2.4', until: inMs(90_061_001) },
      { address: '0.0.0.0/1', until: null },
      { address: '::/1', until: inMs(HOUR_MS) },
      // Which the C library prints in another way than RFC 5952.
      { address: '64:ff9b::102:304', until: null },
      { address: '::102:304', until: null },
      { address: '2001:db8:0:1::/64', until: null },
    ];
    await firewall.enforce(wantedFirewall({ bans }), thoroughly);
    expect(await firewall.enforce(wantedFirewall({ bans }), thoroughly)).toEqual({
      drift: 0,
      found: [],
      elements: bans.length,
      unusable: [],
    });
  });

  test('an allowed network goes before every ban that holds it', async () => {
    const bans = bansOf('10.77.0.0/24', ATTACKER.v4, 'fd77::/64');
    await firewall.enforce(wantedFirewall({ bans, allowed: ['10.77.0.66', '10.77.0.66', 'fd77::66'] }), thoroughly);
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([true, true]);
    expect([await answers(ATTACKER.other4), await answers(ATTACKER.other6)]).toEqual([false, false]);
    expect(await firewall.inKernel(ATTACKER.v4)).toMatchObject({
      allowed: [ATTACKER.v4],
      bans: [ATTACKER.v4, '10.77.0.0/24'],
    });
    await firewall.enforce(wantedFirewall({ bans }), quickly);
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([false, false]);
  });

  test('connections and WebSockets that are open die with the ban, on our end at the next thing we send', async () => {
    const { attacker, host } = pair;
    await firewall.enforce(wantedFirewall(), thoroughly);
    const tcp = await attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT);
    const web = await attacker.probe.open('ws', ATTACKER.v6, HOST.v6, PORT + 1);
    const other = await attacker.probe.open('tcp', ATTACKER.other4, HOST.v4, PORT);
    const ask = (connection: number | string): Promise<boolean> => attacker.probe.ask(Number(connection));
    expect([await ask(tcp), await ask(web), await ask(other)]).toEqual([true, true, true]);
    expect(await host.probe.standing()).toBe(3);
    await banNow(ATTACKER.v4, ATTACKER.v6);
    expect([await ask(tcp), await ask(web), await ask(other)]).toEqual([false, false, true]);
    await host.probe.shout();
    await expect.poll(() => host.probe.standing()).toBe(1);
    expect(await attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT)).toBe('timeout');
  });

  test('nobody can be kept from talking to himself', async () => {
    await firewall.enforce(
      wantedFirewall({ bans: bansOf('127.0.0.0/8', '10.77.0.0/24', '::1', 'fd77::/64'), isolation: { reachable: [] } }),
      thoroughly,
    );
    const { probe } = pair.host;
    expect(await probe.udp('127.0.0.1', '127.0.0.1', PORT)).toBe(true);
    expect(await probe.udp(HOST.v4, HOST.v4, PORT)).toBe(true);
    expect(await probe.udp(HOST.v6, HOST.v6, PORT)).toBe(true);
    expect(typeof (await probe.open('tcp', '::1', '::1', PORT))).toBe('number');
  });

  test('a ban of the whole link leaves the way to an allowed address beyond it', async () => {
    const beyond = 'fd88::66';
    const { host, attacker } = pair;
    const [, router = ''] =
      /inet6 (fe80:\S+)\//.exec(await attacker.run('ip', '-6', 'address', 'show', 'dev', 'cable1')) ?? [];
    await attacker.run('ip', 'address', 'add', `${beyond}/128`, 'dev', 'lo');
    await host.run('ip', '-6', 'route', 'add', beyond, 'via', router, 'dev', 'cable0');
    await firewall.enforce(wantedFirewall({ bans: bansOf('fe80::/10', 'fd77::/64'), allowed: [beyond] }), thoroughly);
    await host.run('ip', '-6', 'neighbour', 'flush', 'dev', 'cable0');
    await attacker.run('ip', '-6', 'neighbour', 'flush', 'dev', 'cable1');
    expect([await answers(beyond), await answers(ATTACKER.other6)]).toEqual([true, false]);
  });

  test('what others close stays closed, whomever we allow', async () => {
    await pair.host.run(
      'nft',
      'add table inet others; add chain inet others in { type filter hook input priority 0; }; add rule inet others in udp dport 5060 drop',
    );
    await firewall.enforce(wantedFirewall({ allowed: [ATTACKER.v4] }), thoroughly);
    expect(await answers()).toBe(false);
  });

  test('what others allow stays banned, also where they come first', async () => {
    await pair.host.run(
      'nft',
      'add table inet others; add chain inet others early { type filter hook prerouting priority -400; }; add rule inet others early accept; add chain inet others in { type filter hook input priority 0; }; add rule inet others in accept',
    );
    await firewall.enforce(wantedFirewall({ bans: bansOf(ATTACKER.v4) }), thoroughly);
    expect(await answers()).toBe(false);
  });

  test('other tables are byte for byte what they were, whatever happens to ours', async () => {
    await pair.host.run(
      'nft',
      'add table inet others; add set inet others s { type ipv4_addr; flags interval; }; add element inet others s { 192.0.2.0/24, 198.51.100.7 }; add chain inet others in { type filter hook input priority 0; policy accept; }; add rule inet others in ip saddr @s counter drop; add table ip tollgate; add table ip6 tollgate',
    );
    const seen = async (): Promise<string[]> =>
      await Promise.all(
        ['inet others', 'ip tollgate', 'ip6 tollgate'].map((table) =>
          pair.host.run('nft', '-a', 'list', 'table', ...table.split(' ')),
        ),
      );
    const before = await seen();
    await firewall.enforce(wantedFirewall({ bans: bansOf(ATTACKER.v4), allowed: ['10.77.0.1'] }), thoroughly);
    await firewall.enforce(wantedFirewall({ isolation: { reachable: [ATTACKER.v4] } }), thoroughly);
    await pair.host.run('nft', 'delete', 'table', 'inet', 'tollgate');
    await firewall.enforce(wantedFirewall(), thoroughly);
    await firewall.remove();
    expect(await seen()).toEqual(before);
    expect(await pair.host.run('nft', 'list', 'tables')).not.toContain('inet tollgate');
  });

  test('no packet of a banned address slips through while the table is made anew, again and again', async () => {
    const bans = bansOf(ATTACKER.v4);
    await firewall.enforce(wantedFirewall({ bans }), thoroughly);
    const flood = pair.attacker.probe.flood({
      from: ATTACKER.v4,
      to: HOST.v4,
      port: PORT,
      perSecond: 20_000,
      forMs: 1500,
    });
    let isOver = false;
    const over = flood.finally(() => {
      isOver = true;
    });
    let times = 0;
    for (; !isOver; times += 1) {
      await nftablesIn(pair.host).enforce(
        wantedFirewall({ bans, allowed: times % 2 === 0 ? [] : ['192.0.2.1'] }),
        thoroughly,
      );
    }
    const { sent, answered } = await over;
    expect({ sentEnough: sent > 5000, madeOften: times > 5, answered }).toEqual({
      sentEnough: true,
      madeOften: true,
      answered: 0,
    });
  });

  test('drops are counted by ban and by reason, and go on being counted after the table is made anew', async () => {
    const bans = bansOf('10.77.0.64/26', ATTACKER.v6, '192.0.2.9');
    await firewall.enforce(wantedFirewall({ bans, allowed: [ATTACKER.other4] }), thoroughly);
    await answers();
    await answers();
    await answers(ATTACKER.v6);
    await answers(ATTACKER.other4);
    const before = await firewall.counters();
    expect(before.bans.get('10.77.0.64/26')?.packets).toBe(2);
    expect(before.bans.get(ATTACKER.v6)?.packets).toBe(1);
    expect(before.bans.get('192.0.2.9')).toEqual({ packets: 0, bytes: 0 });
    expect(before.allowed.get(ATTACKER.other4)?.packets).toBe(2);
    expect(before.dropped.banned.packets).toBe(3);
    await nftablesIn(pair.host).enforce(wantedFirewall({ bans, allowed: [ATTACKER.other4] }), thoroughly);
    expect(await firewall.counters()).toEqual(before);
  });

  test('portal: chosen ports are open to the allowlist alone, all others and answers to ourselves pass', async () => {
    const { attacker, host } = pair;
    await attacker.probe.echo(7000);
    await firewall.enforce(
      wantedFirewall({
        allowed: [ATTACKER.other4, ATTACKER.other6],
        portal: {
          ports: [
            { protocol: 'udp', from: 5000, to: 6000 },
            { protocol: 'udp', from: 5060, to: 5061 },
            { protocol: 'tcp', from: 5060, to: 5060 },
          ],
        },
      }),
      thoroughly,
    );
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([false, false]);
    expect([await answers(ATTACKER.other4), await answers(ATTACKER.other6)]).toEqual([true, true]);
    expect(await attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT)).toBe('timeout');
    expect(typeof (await attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT + 1))).toBe('number');
    // From a port that the portal closes.
    expect(await host.probe.udp(HOST.v4, ATTACKER.v4, 7000, { fromPort: 5500 })).toBe(true);
    expect((await firewall.counters()).dropped.portal.packets).toBeGreaterThan(2);
    await firewall.enforce(wantedFirewall(), quickly);
    expect(await answers()).toBe(true);
  });

  test('portal: a connection from outside that was open before is cut', async () => {
    const open = await pair.attacker.probe.open('tcp', ATTACKER.v4, HOST.v4, PORT);
    await firewall.enforce(
      wantedFirewall({ portal: { ports: [{ protocol: 'tcp', from: PORT, to: PORT }] } }),
      thoroughly,
    );
    expect(await pair.attacker.probe.ask(Number(open))).toBe(false);
  });

  test('isolation: only the named can talk to the host and be talked to, allowlist or not', async () => {
    const { attacker, host } = pair;
    await attacker.probe.echo(7010);
    const open = await attacker.probe.open('tcp', ATTACKER.other4, HOST.v4, PORT);
    const bans = bansOf(ATTACKER.v4);
    const isolation = { reachable: [ATTACKER.v4, 'fd77::66'] };
    await firewall.enforce(wantedFirewall({ allowed: [ATTACKER.other4], bans, isolation }), thoroughly);
    expect([await answers(), await answers(ATTACKER.v6)]).toEqual([true, true]);
    expect([await answers(ATTACKER.other4), await answers(ATTACKER.other6)]).toEqual([false, false]);
    expect(await attacker.probe.ask(Number(open))).toBe(false);
    expect(await host.probe.udp(HOST.v4, ATTACKER.v4, 7010)).toBe(true);
    expect(await host.probe.udp(HOST.v4, ATTACKER.other4, 7010)).toBe(false);
    expect(await host.probe.open('tcp', HOST.v4, ATTACKER.other4, 7010)).toBe('ECONNREFUSED');
    const { dropped } = await firewall.counters();
    expect([dropped.isolated.packets > 1, dropped.leaving.packets > 1]).toEqual([true, true]);
    await firewall.enforce(wantedFirewall({ allowed: [ATTACKER.other4], bans }), quickly);
    expect([await answers(), await answers(ATTACKER.other4), await answers(ATTACKER.other6)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test('nothing that is no address gets to nft, and the rest is enforced', async () => {
    const names = [
      'localhost',
      '999.1.1.1',
      '10.0.0.1; flush ruleset',
      '10.0.0.1 }\nflush ruleset\n',
      '',
      '010.0.0.1',
      '10.0.0.9/24',
    ];
    const bans = bansOf(...names, ATTACKER.v4);
    const { unusable } = await firewall.enforce(
      wantedFirewall({ bans, allowed: ['example.com', ATTACKER.other4] }),
      thoroughly,
    );
    expect(unusable).toEqual(['example.com', ...names]);
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([false, true]);
    await expect(firewall.inKernel('localhost')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
    await expect(firewall.unblock('x')).rejects.toMatchObject({ code: 'INVALID_REQUEST' });
  });

  test('CAP_NET_ADMIN is all it takes, and without that the error says so', async ({ skip }) => {
    const nobody = [
      'setpriv',
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--no-new-privs',
      '--bounding-set=-all,+net_admin',
    ];
    const runs = await pair.host.run(nobody[0] ?? '', ...nobody.slice(1), 'nft', '--version').catch(() => undefined);
    if (runs === undefined) skip('nft lies where nobody but root may run it');
    const able = nftablesIn(pair.host, ...nobody, '--inh-caps=-all,+net_admin', '--ambient-caps=+net_admin');
    await able.enforce(
      wantedFirewall({
        bans: bansOf(ATTACKER.v4, '10.99.0.0/16'),
        portal: { ports: [{ protocol: 'tcp', from: 1, to: 9 }] },
      }),
      thoroughly,
    );
    expect(await able.enforce(wantedFirewall({ bans: bansOf(ATTACKER.v4, '10.99.0.0/16') }), thoroughly)).toMatchObject(
      { drift: 0 },
    );
    expect(await answers()).toBe(false);
    const unable = nftablesIn(pair.host, ...nobody, '--inh-caps=-all');
    await expect(unable.enforce(wantedFirewall(), thoroughly)).rejects.toMatchObject({
      code: 'FIREWALL_FAILED',
      message: expect.stringContaining('CAP_NET_ADMIN'),
    });
  });

  test('what somebody puts into the table just before its rules change does not pass for ours', async () => {
    const bans = bansOf(ATTACKER.v4);
    await firewall.enforce(wantedFirewall({ bans }), thoroughly);
    await pair.host.run(
      'nft',
      'add chain inet tollgate others { type filter hook prerouting priority -400; policy drop; }',
    );
    const wider = bansOf('192.0.2.0/25');
    await firewall.change(wider.map((ban) => ({ what: 'put', ban, fresh: true })));
    expect(await firewall.enforce(wantedFirewall({ bans: [...bans, ...wider] }), quickly)).toMatchObject({ drift: 1 });
    expect([await answers(), await answers(ATTACKER.other4)]).toEqual([false, true]);
  });

  test.each(['exit 1', 'exec sleep 60', 'echo "Error: no line editor" >&2; exit 1'])(
    'bans are made and lifted by an nft that has no use as a session: %s',
    async (instead) => {
      const folder = await mkdtemp(join(tmpdir(), 'tollgate-nft-'));
      const program = join(folder, 'nft');
      await writeFile(program, `#!/bin/sh\ncase "$*" in *-i*) ${instead} ;; esac\nexec nft "$@"\n`, { mode: 0o755 });
      firewall = createNftables({ clock: systemClock, command: [...pair.host.command, program] });
      try {
        await firewall.enforce(wantedFirewall(), thoroughly);
        expect([await banNow(ATTACKER.v4), await answers()]).toEqual([true, false]);
        expect([await lift(ATTACKER.v4), await answers()]).toEqual([true, true]);
        expect(await firewall.holds(bansOf(ATTACKER.v4).map((ban) => ({ what: 'put', ban, fresh: true })))).toBe(false);
      } finally {
        firewall.close();
        await rm(folder, { recursive: true });
      }
    },
  );

  test('a transaction that fails leaves the kernel as it was', async () => {
    await firewall.enforce(wantedFirewall({ bans: bansOf(ATTACKER.v4) }), thoroughly);
    const before = await pair.host.run('nft', '-s', 'list', 'ruleset');
    // A set of this name and another type cannot become ours.
    await pair.host.run('nft', 'add', 'set', 'inet', 'tollgate', 'banned4_24', '{ type inet_service; }');
    await expect(banNow('10.77.0.67', '10.77.0.0/24')).rejects.toMatchObject({ code: 'FIREWALL_FAILED' });
    await pair.host.run('nft', 'delete', 'set', 'inet', 'tollgate', 'banned4_24');
    const withoutTimes = (text: string): string => text.replaceAll(/expires \w+/g, '');
    expect(withoutTimes(await pair.host.run('nft', '-s', 'list', 'ruleset'))).toBe(withoutTimes(before));
    expect(await answers(ATTACKER.other4)).toBe(true);
  });

  test('everything is taken out with one command, and by remove()', async () => {
    await firewall.enforce(
      wantedFirewall({ bans: [{ address: ATTACKER.v4, until: null }], allowed: ['::1'] }),
      thoroughly,
    );
    await firewall.remove();
    expect(await pair.host.run('nft', 'list', 'ruleset')).toBe('');
    expect(await answers()).toBe(true);
    expect(await firewall.inKernel(ATTACKER.v4)).toEqual({ bans: [], allowed: [], blocked: false });
    await firewall.remove();
  });
});

test('without nft the error names the package that has it', async () => {
  const clock = { now: () => 0 as EpochMs, monotonicMs: () => 0 };
  const absent = createNftables({ clock, command: ['/nonexistent/nft'] });
  await expect(absent.enforce(wantedFirewall(), thoroughly)).rejects.toMatchObject({
    code: 'FIREWALL_FAILED',
    message: 'nft is not installed; on Debian: apt-get install nftables',
  });
});
