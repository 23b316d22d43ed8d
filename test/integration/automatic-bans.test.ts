/** Automatic bans on a real Redis: what is banned, what is reported, and what happens when there is too much or no store. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createAutomaticBans } from '../../src/bans/automatic-bans.ts';
import { createDefenceReports } from '../../src/bans/defence-reports.ts';
import { createKnownPeers } from '../../src/bans/known-peers.ts';
import { createOffenceCounters, MOST_ADDRESSES } from '../../src/bans/offence-counters.ts';
import { systemClock } from '../../src/clock.ts';
import { DEFAULT_SETTINGS } from '../../src/policy/settings.ts';
import { createKeys, type Keys } from '../../src/redis/keys.ts';
import { autoBan, offenceOf, openTestDefence, type TestDefence } from '../support/defence.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { startStallingProxy } from '../support/stalling-proxy.ts';

let server: TestRedis;
let keys: Keys;
let now = 0;
const closers: Array<() => unknown> = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
  now = Date.UTC(2026, 10, 21, 9, 0, 0);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ATTACKER = '203.0.113.9';
const HOUR_MS = 3_600_000;

const open = async (options: Partial<Parameters<typeof openTestDefence>[0]> = {}): Promise<TestDefence> => {
  const defence = await openTestDefence({ server, keys, now: () => now, ...options });
  closers.push(() => defence.close());
  return defence;
};
const times = async (count: number, run: (each: number) => Promise<void>): Promise<void> => {
  for (let each = 0; each < count; each += 1) await run(each);
};

describe('without knowledge of the address', () => {
  test('ten failed SIP registrations in five minutes ban it for 24 hours, nine do not', async () => {
    const defence = await open();
    await times(9, () => defence.offend({ address: ATTACKER }));
    expect(defence.bans.isBanned(ATTACKER)).toBe(false);
    await defence.offend({ address: ATTACKER });
    const ban = defence.bans.get(ATTACKER);
    expect(ban).toMatchObject({
      service: 'sip',
      origin: 'automatic',
      offences: 10,
      timesBanned: 1,
      reason: '10 failed SIP registrations within 5m',
      defenceType: 'SIP registration',
      protocol: 'udp',
      attackedPort: 5060,
    });
    expect((ban?.until ?? 0) - (ban?.since ?? 0)).toBe(24 * HOUR_MS);
  });

  test.each(['web', 'api', 'ami'] as const)('five failed %s log-ins in five minutes ban it', async (service) => {
    const defence = await open();
    await times(4, () => defence.offend({ address: ATTACKER, service, kind: 'log-in' }));
    expect(defence.bans.isBanned(ATTACKER)).toBe(false);
    await defence.offend({ address: ATTACKER, service, kind: 'log-in' });
    expect(defence.bans.get(ATTACKER)?.service).toBe(service);
  });

  test('the events of every daemon are kept with the ban', async () => {
    const [one, other] = [await open(), await open()];
    await times(5, () => one.offend({ address: ATTACKER, account: '1001', port: 5062 }));
    await times(5, () => other.offend({ address: ATTACKER, account: '1002', kind: 'unknown-account', port: 5063 }));
    const evidence = await other.bans.evidenceOf(ATTACKER);
    expect(evidence.map(({ event }) => event)).toEqual([
      ...Array(5).fill('wrong password as 1001 (failed SIP registrations) from 203.0.113.9:5062 over UDP'),
      ...Array(5).fill('unknown account as 1002 (failed SIP registrations) from 203.0.113.9:5063 over UDP'),
    ]);
  });

  test('a hundred events at once over two daemons make one ban', async () => {
    const nodes = [await open(), await open()];
    for (let each = 0; each < 100; each += 1) nodes[each % 2]?.automatic.offence(offenceOf({ address: ATTACKER }));
    await Promise.all(nodes.map((node) => node.automatic.settled()));
    await nodes[0]?.bans.lift(['192.0.2.1'], 'nobody');
    const changes = await nodes[0]?.bans.history({ address: ATTACKER, limit: 10 });
    expect(changes?.map(({ what }) => what)).toEqual(['add']);
    // Whichever of them is first at the ban has seen the tenth event, and maybe some after it.
    expect(nodes[0]?.bans.get(ATTACKER)?.offences).toBeGreaterThanOrEqual(10);
  });

  test('an attempt that two daemons report counts once', async () => {
    const nodes = [await open(), await open()];
    await times(9, async (each) => {
      for (const node of nodes) await node.offend({ address: ATTACKER, session: `call-${each}` });
    });
    expect(nodes[0]?.bans.isBanned(ATTACKER)).toBe(false);
  });

  test('after as many bans as the settings name the next one is for ever', async () => {
    const defence = await open({ settings: () => autoBan({ permanentAfter: 3 }) });
    for (const ban of [1, 2, 3, 4]) {
      // What was counted before the ban is not counted again.
      await times(9, () => defence.offend({ address: ATTACKER }));
      expect(defence.bans.isBanned(ATTACKER)).toBe(false);
      await defence.offend({ address: ATTACKER });
      expect(defence.bans.get(ATTACKER)).toMatchObject({ timesBanned: ban });
      if (ban < 4) {
        await defence.bans.lift([ATTACKER], 'test');
        // What one daemon alone does, another may do after two seconds.
        await server.client().del(keys.claim(`ban ${ATTACKER}`));
      }
    }
    expect(defence.bans.get(ATTACKER)?.until).toBeNull();
  });

  test('a service that is switched off is not watched, and neither is any when all are', async () => {
    const off = await open({ settings: () => autoBan({ services: { sipRegistration: { enabled: false } } }) });
    await times(20, () => off.offend({ address: ATTACKER }));
    const none = await open({ settings: () => autoBan({ enabled: false }) });
    await times(20, () => none.offend({ address: ATTACKER }));
    expect([off.bans.size(), none.bans.size()]).toEqual([0, 0]);
  });
});

describe('beyond the count of one address', () => {
  test('three times the attempts in a day are too many, however slow', async () => {
    const defence = await open();
    now = Date.UTC(2026, 10, 21, 0, 0, 0);
    await times(29, async (each) => {
      now += (10 + (each % 7)) * 60_000;
      await defence.offend({ address: ATTACKER });
    });
    expect(defence.bans.isBanned(ATTACKER)).toBe(false);
    now += 600_000;
    await defence.offend({ address: ATTACKER });
    expect(defence.bans.get(ATTACKER)).toMatchObject({ defenceType: 'slow guessing', offences: 30 });
  });

  test('where ten addresses try one account, each has three attempts, and who was let in there is spared', async () => {
    const defence = await open();
    const botnet = Array.from({ length: 10 }, (_, each) => `198.51.${each}.7`);
    await defence.succeed({ address: '192.0.2.7' });
    for (const address of [...botnet, '192.0.2.7']) await defence.offend({ address });
    for (const address of botnet) await times(2, () => defence.offend({ address }));
    await times(3, () => defence.offend({ address: '192.0.2.7' }));
    expect([...defence.bans.all()].map(({ address }) => address).sort()).toEqual(botnet);
    expect(defence.bans.get('198.51.3.7')).toMatchObject({ defenceType: 'many addresses, one account', offences: 3 });
  });

  test('an attacker who uses a new address of his /64 for every attempt has its attempts together', async () => {
    const defence = await open();
    await times(9, (each) => defence.offend({ address: `2001:db8::${each + 1}` }));
    expect(defence.bans.size()).toBe(0);
    await defence.offend({ address: '2001:db8::a' });
    expect([...defence.bans.all()].map(({ address }) => address)).toEqual(['2001:db8::/64']);
  });

  test('five neighbours that stay below the count together ban their /24, but not one that holds a phone', async () => {
    const defence = await open({ trunks: new Set(['192.0.2.200']) });
    for (const network of ['203.0.113', '192.0.2']) {
      for (const host of [1, 2, 3, 4, 5]) {
        await times(8, () => defence.offend({ address: `${network}.${host}`, account: `${network}-${host}` }));
      }
    }
    expect([...defence.bans.all()].map(({ address }) => address)).toEqual(['203.0.113.0/24']);
    expect(defence.reports).toContainEqual(expect.objectContaining({ kind: 'spared' }));
  });

  test('ten accounts in a day are too many for one address, and three scans', async () => {
    const defence = await open();
    await times(10, async (each) => {
      now += 900_000;
      await defence.offend({ address: ATTACKER, account: String(2000 + each), kind: 'unknown-account' });
    });
    expect(defence.bans.get(ATTACKER)?.defenceType).toBe('many accounts');
    await times(3, () => defence.offend({ address: '198.51.100.1', kind: 'scan', account: undefined }));
    expect(defence.bans.get('198.51.100.1')?.defenceType).toBe('scan');
  });
});

describe('what speaks for an address', () => {
  test('a right password makes good the wrong ones of the same account, and of no other', async () => {
    const defence = await open({ settings: () => autoBan({ detect: { manyAccounts: false } }) });
    await times(9, () => defence.offend({ address: ATTACKER, account: '1001' }));
    await defence.succeed({ address: ATTACKER, account: '1001' });
    const { address } = await defence.counters.offence(offenceOf({ address: ATTACKER, account: '1001' }));
    expect(address.events).toHaveLength(1);
    await times(8, () => defence.offend({ address: ATTACKER, account: '1002' }));
    await defence.succeed({ address: ATTACKER, account: '1001' });
    const after = await defence.counters.offence(offenceOf({ address: ATTACKER, account: '1002' }));
    expect(after.address.events).toHaveLength(9);
  });

  test('who was let in within a day has three times the attempts over TCP, and none more at a fourth account', async () => {
    const defence = await open();
    const wrong = (account: string) =>
      defence.offend({ address: ATTACKER, account, transport: 'tcp', isSpoofable: false });
    await defence.succeed({ address: ATTACKER });
    await times(29, () => wrong('1002'));
    expect(defence.bans.isBanned(ATTACKER)).toBe(false);
    await wrong('1002');
    expect(defence.bans.get(ATTACKER)?.offences).toBe(30);
    await defence.succeed({ address: '198.51.100.1' });
    await times(10, (each) =>
      defence.offend({
        address: '198.51.100.1',
        account: `${2000 + (each % 4)}`,
        transport: 'tcp',
        isSpoofable: false,
      }),
    );
    expect(defence.bans.get('198.51.100.1')?.offences).toBe(10);
  });

  test('a phone that is set wrongly is reported: not banned if it was right before, never for ever if it was not', async () => {
    const defence = await open({ settings: () => autoBan({ permanentAfter: 3 }) });
    await defence.succeed({ address: ATTACKER });
    now += 48 * HOUR_MS;
    const turn = async (address: string) => {
      now += 20_000;
      await defence.offend({ address });
    };
    await times(14, () => turn(ATTACKER));
    expect(defence.bans.isBanned(ATTACKER)).toBe(false);
    expect(defence.reports.at(-1)).toMatchObject({ kind: 'mis-set-phone', address: ATTACKER, account: '1001' });
    const fresh = '198.51.100.1';
    for (const ban of [1, 2, 3, 4, 5]) {
      await times(10, () => turn(fresh));
      expect(defence.bans.get(fresh)).toMatchObject({ timesBanned: ban, until: expect.any(Number) });
      await defence.bans.lift([fresh], 'test');
      await server.client().del(keys.claim(`ban ${fresh}`));
    }
  });

  test('an allowed address and a trunk are reported instead of banned', async () => {
    const defence = await open({ allowed: new Set(['192.0.2.1']), trunks: new Set(['192.0.2.2']) });
    await times(30, () => defence.offend({ address: '192.0.2.1' }));
    await times(30, () => defence.offend({ address: '192.0.2.2' }));
    expect(defence.bans.size()).toBe(0);
    expect(new Set(defence.reports.map(({ kind, address }) => `${kind} ${address}`))).toEqual(
      new Set(['allowed-address 192.0.2.1', 'spared 192.0.2.2']),
    );
  });

  test('an address of this host is not banned, and that is said', async () => {
    const defence = await open();
    await times(10, () => defence.offend({ address: '127.0.0.5' }));
    expect(defence.reports).toEqual([expect.objectContaining({ kind: 'not-banned', address: '127.0.0.5' })]);
  });
});

describe('when there is too much', () => {
  test('what finds the row full is not counted, and the state says how many that were', async () => {
    const defence = await open();
    for (let each = 0; each < 25_000; each += 1) {
      defence.automatic.offence(offenceOf({ address: ATTACKER, session: 'the same' }));
    }
    expect(defence.automatic.state()).toMatchObject({ waiting: 20_000, lost: 5000 });
    await defence.automatic.settled();
    expect(defence.automatic.state()).toMatchObject({ waiting: 0, counted: 20_000, lost: 5000 });
  });

  test('more addresses than are kept push out those that came once, and not those that go on', async () => {
    const redis = server.client();
    const counters = createOffenceCounters(redis, keys, { now: () => now });
    const guessers = Array.from({ length: 20 }, (_, each) => `198.51.${each}.7`);
    for (const address of guessers) await times(2, async () => void (await counters.offence(offenceOf({ address }))));
    // As if 200,000 others had come once: what is kept of each is what one of them has.
    await counters.offence(offenceOf({ address: '192.0.2.1' }));
    const record = await redis.hgetBuffer(keys.offences('addresses'), 'r192.0.2.1');
    const room = MOST_ADDRESSES - (await redis.hlen(keys.offences('addresses')));
    for (let from = 0; from < room; from += 10_000) {
      const fields = Array.from({ length: Math.min(10_000, room - from) }, (_, each) => [
        `x${from + each}`,
        record ?? '',
      ]);
      await redis.hset(keys.offences('addresses'), ...fields.flat());
    }
    now += 1000;
    const flood = Array.from({ length: 5000 }, (_, each) => `10.${each % 250}.${Math.floor(each / 250)}.1`);
    await Promise.all(flood.map((address) => counters.offence(offenceOf({ address, kind: 'unknown-account' }))));
    expect(await redis.hlen(keys.offences('addresses'))).toBe(MOST_ADDRESSES);
    for (const address of guessers) {
      const readings = await counters.offence(offenceOf({ address }));
      expect(readings.address.events).toHaveLength(3);
    }
  });

  test('every key that is written runs out', async () => {
    const defence = await open();
    await defence.succeed({ address: ATTACKER });
    await times(3, (each) => defence.offend({ address: `2001:db8::${each}` }));
    const redis = server.client();
    const names = await redis.keys(`${keys.offences('addresses').split(':')[0]}:*`);
    const ours = names.filter((name) => /offences|successes/.test(name));
    expect(ours).toHaveLength(4);
    for (const name of ours) expect(await redis.ttl(name)).toBeGreaterThan(0);
  });
});

test('events while the store is away are lost and said to be, and the next one after it is back counts', async () => {
  const proxy = await startStallingProxy(server.socketPath);
  const redis = new Redis({
    path: proxy.socketPath,
    disableClientInfo: true,
    retryStrategy: () => 20,
    enableOfflineQueue: false,
  });
  redis.on('error', () => undefined);
  closers.push(
    () => proxy.stop(),
    () => redis.disconnect(),
  );
  await once(redis, 'ready');
  const defence = await open();
  const { log } = keptLog();
  const automatic = createAutomaticBans({
    counters: createOffenceCounters(redis, keys),
    bans: defence.bans,
    allowedBy: () => undefined,
    peers: { find: () => undefined, inNetwork: () => undefined },
    settings: () => DEFAULT_SETTINGS,
    reports: { report: () => undefined },
    clock: systemClock,
    log,
  });
  closers.push(() => automatic.close());
  redis.disconnect();
  automatic.offence(offenceOf({ address: ATTACKER }));
  await automatic.settled();
  expect(automatic.state()).toMatchObject({ counted: 0, lost: 1, problem: expect.any(String) });
  await redis.connect();
  automatic.offence(offenceOf({ address: ATTACKER }));
  await automatic.settled();
  expect(automatic.state()).toMatchObject({ counted: 1, lost: 1, problem: undefined });
});

test('a report is told once, by one daemon, and kept', async () => {
  const redis = server.client();
  const { claim } = createOffenceCounters(redis, keys);
  const told: string[] = [];
  const nodes = ['a', 'b'].map((node) =>
    createDefenceReports({
      ...{ redis, keys, node, claim, clock: systemClock, log: keptLog().log },
      onReport: ({ sentence }) => void told.push(sentence),
    }),
  );
  for (const each of [1, 2, 3]) {
    for (const node of nodes) {
      node.report({ kind: 'spared', sentence: `${each}`, address: ATTACKER, account: null, service: 'sipCall' });
    }
  }
  await expect.poll(() => nodes[1]?.list(10)).toHaveLength(1);
  expect(told).toEqual(['1']);
});

test('phones and trunks that one node knows are known on the others, after its restart, and for an hour after it is gone', async () => {
  const redis = server.client();
  const deps = { redis, keys, clock: systemClock, manager: [], log: keptLog().log };
  await redis.set(keys.knownPeers('pbx2'), 'p 203.0.113.9\nt 198.51.100.0/25\nt 2001:db8::7', 'PX', HOUR_MS);
  await redis.hset(keys.peerNodes, 'pbx2', 'stamp');
  const peers = createKnownPeers({ ...deps, node: 'pbx1' });
  closers.push(() => peers.close());
  await peers.refresh();
  expect(peers.find('203.0.113.9')).toBe('registered phone');
  expect(peers.find('198.51.100.77')).toBe('trunk');
  expect(peers.find('198.51.100.200')).toBeUndefined();
  expect(peers.inNetwork('203.0.113.0/24')).toBe('the registered phone 203.0.113.9');
  expect(peers.inNetwork('198.51.100.0/24')).toBe('the trunk 198.51.100.0/25');
  expect(peers.inNetwork('2001:db8::/64')).toBe('the trunk 2001:db8::7');
  expect(peers.inNetwork('192.0.2.0/24')).toBeUndefined();
  const restarted = createKnownPeers({ ...deps, node: 'pbx2' });
  closers.push(() => restarted.close());
  await restarted.refresh();
  expect(restarted.find('203.0.113.9')).toBe('registered phone');
  await redis.del(keys.knownPeers('pbx2'));
  await redis.hset(keys.peerNodes, 'pbx2', 'another stamp');
  await peers.refresh();
  expect(peers.size()).toBe(0);
});

describe('an address that was unblocked and is left alone', () => {
  const HOUR = 3_600_000;

  test('is banned by no daemon, however early it judged, and by hand all the same', async () => {
    const [one, other] = [await open(), await open()];
    await times(10, () => one.offend({ address: ATTACKER }));
    expect(one.bans.isBanned(ATTACKER)).toBe(true);
    // The other daemon has read no list of who is left alone, and is told by the store that there is one.
    await one.bans.lift([ATTACKER], 'dana', HOUR);
    await expect.poll(() => other.bans.isBanned(ATTACKER), { timeout: 10_000 }).toBe(false);
    for (const node of [one, other, one]) await times(10, () => node.offend({ address: ATTACKER }));
    expect([one.bans.get(ATTACKER), other.bans.get(ATTACKER), one.reports, other.reports]).toEqual([
      undefined,
      undefined,
      [],
      [],
    ]);
    expect(await other.bans.leftAlone.list()).toMatchObject([{ address: ATTACKER, by: 'dana' }]);
    expect(await other.bans.add({ ...manual, origin: 'manual', address: ATTACKER })).toMatchObject({
      bans: [{ outcome: 'added' }],
    });
  });

  test('is left out of a ban of its network, which holds the others', async () => {
    const [one, other] = [await open(), await open()];
    await one.bans.lift([ATTACKER], 'dana', HOUR);
    const answer = await other.bans.add({
      ...manual,
      origin: 'automatic',
      address: '203.0.113.0/24',
      aroundAllowed: true,
    });
    expect('bans' in answer && answer.bans.length).toBe(8);
    expect([other.bans.isBanned(ATTACKER), other.bans.isBanned('203.0.113.10')]).toEqual([false, true]);
  });

  test('is banned again when the time is over, or somebody ended it', async () => {
    const [one, other] = [await open(), await open()];
    await one.bans.lift([ATTACKER], 'dana', 200);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await times(10, () => other.offend({ address: ATTACKER }));
    expect(other.bans.isBanned(ATTACKER)).toBe(true);
    await one.bans.lift([ATTACKER], 'dana', HOUR);
    await expect.poll(() => other.bans.isBanned(ATTACKER), { timeout: 10_000 }).toBe(false);
    await times(10, () => other.offend({ address: ATTACKER }));
    expect(other.bans.isBanned(ATTACKER)).toBe(false);
    expect(await one.bans.leftAlone.end([ATTACKER, '192.0.2.1'])).toEqual([ATTACKER]);
    expect(await other.bans.leftAlone.list()).toEqual([]);
    // Whoever tried to ban has said so to the others for two seconds.
    const goOn = async (): Promise<boolean> => {
      await times(10, () => other.offend({ address: ATTACKER }));
      return other.bans.isBanned(ATTACKER);
    };
    await expect.poll(goOn, { timeout: 30_000, interval: 300 }).toBe(true);
  });

  test('is decided in one step with the ban: of a lift and a ban at the same time one comes second', async () => {
    const [one, other] = [await open(), await open()];
    for (let round = 0; round < 20; round += 1) {
      const address = `198.51.100.${round}`;
      await Promise.all([
        one.bans.lift([address], 'dana', HOUR),
        other.bans.add({ ...manual, origin: 'automatic', address }),
      ]);
      expect(await server.client().hexists(keys.bans, address)).toBe(0);
    }
  });
});

const manual = {
  ...{ service: 'all', lastsMs: 3_600_000, reason: 'by hand', defenceType: 'by hand', by: 'kim' },
} as const;
