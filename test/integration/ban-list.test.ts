/** The ban list on a real Redis: several nodes, restarts of the store, lost data, and the allowlist that goes before it. */
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Ban, BanChange } from '../../src/bans/ban.ts';
import type { AllowedLookup } from '../../src/bans/ban-guard.ts';
import { type BanList, type BanRequest, openBanList } from '../../src/bans/ban-list.ts';
import { systemClock } from '../../src/clock.ts';
import { createAddressSet } from '../../src/policy/address-set.ts';
import { networksOf, readRange } from '../../src/policy/addresses.ts';
import type { AllowEntry } from '../../src/policy/allowlist.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys, type Keys } from '../../src/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

let server: TestRedis;
let keys: Keys;
const closers: Array<() => unknown> = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** An allowlist of which a test says what is on it. */
function allowlist(): AllowedLookup & { readonly allow: (name: string, value: string) => void } {
  type Allowed = ReturnType<AllowedLookup['overlapping']>[number];
  const set = createAddressSet<Allowed>();
  const listeners = new Set<() => void>();
  return {
    covering: (range) => set.covering(range)?.entry,
    overlapping: (range) => set.overlapping(range),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    allow: (name, value) => {
      const read = readRange(value);
      if ('problem' in read) throw new Error(read.problem);
      const entry: AllowEntry = {
        id: name,
        name,
        value,
        type: 'address',
        description: '',
        owner: '',
        exemptFromCallLimits: true,
        createdAt: '',
        createdBy: '',
      };
      for (const network of networksOf(read.range)) set.set(network, { network, entry });
      for (const listener of listeners) listener();
    },
  };
}

const open = async (
  options: {
    readonly allowed?: AllowedLookup;
    readonly redis?: ReturnType<TestRedis['client']>;
    readonly log?: ReturnType<typeof keptLog>;
  } = {},
): Promise<BanList> => {
  const bans = await openBanList({
    redis: options.redis ?? server.client(),
    keys,
    clock: systemClock,
    allowed: options.allowed ?? allowlist(),
    log: (options.log ?? keptLog()).log,
    durably: (write) => write(),
  });
  closers.push(() => bans.close());
  return bans;
};

/** A client whose connection a test can cut. */
async function throughProxy(): Promise<{ readonly proxy: StallingProxy; readonly redis: Redis }> {
  const proxy = await startStallingProxy(server.socketPath);
  const redis = new Redis({
    path: proxy.socketPath,
    disableClientInfo: true,
    retryStrategy: () => 20,
    enableOfflineQueue: false,
  });
  // Failing commands say it; without a listener ioredis prints each error as well.
  redis.on('error', () => undefined);
  closers.push(
    () => proxy.stop(),
    () => redis.disconnect(),
  );
  await once(redis, 'ready');
  return { proxy, redis };
}

const HOUR_MS = 3_600_000;
const wish = (address: string, fields: Partial<BanRequest> = {}): BanRequest => ({
  address,
  service: 'sip',
  origin: 'automatic',
  lastsMs: HOUR_MS,
  offences: 10,
  reason: '10 failed SIP registrations',
  defenceType: 'SIP registration',
  protocol: 'udp',
  attackedPort: 5060,
  by: 'detector',
  ...fields,
});
const byHand = (address: string, fields: Partial<BanRequest> = {}): BanRequest =>
  wish(address, { origin: 'manual', offences: 0, reason: 'by hand', by: 'kim', ...fields });

const ban = async (bans: BanList, request: BanRequest): Promise<Ban> => {
  const answer = await bans.add(request);
  if ('refused' in answer) throw new Error(answer.refused);
  const [first] = answer.bans;
  if (first === undefined) throw new Error('no ban was made');
  return first.ban;
};
const within = (check: () => unknown, timeout = 1000): Promise<unknown> => vi.waitFor(check, { timeout, interval: 10 });
const addresses = (bans: BanList): string[] => [...bans.all()].map(({ address }) => address).sort();

describe('a ban', () => {
  test('is in force here when it is acknowledged, and on another node within a second; lifting it is too', async () => {
    const [one, other] = [await open(), await open()];
    await ban(one, wish('203.0.113.9'));
    expect(one.isBanned('203.0.113.9')).toBe(true);
    await within(() => expect(other.isBanned('::ffff:203.0.113.9')).toBe(true));
    const [lifted] = await other.lift(['203.0.113.9'], 'kim');
    expect(lifted?.reason).toBe('10 failed SIP registrations');
    expect(other.isBanned('203.0.113.9')).toBe(false);
    await within(() => expect(one.isBanned('203.0.113.9')).toBe(false));
    expect(await one.lift(['203.0.113.9', '192.0.2.1'], 'kim')).toEqual([undefined, undefined]);
  });

  test('of a network holds its addresses and no others', async () => {
    const bans = await open();
    await ban(bans, byHand('203.0.113.0/255.255.255.0'));
    await ban(bans, byHand('2001:db8::/64'));
    const asked = ['203.0.113.0', '203.0.113.255', '203.0.114.0', '2001:db8::ffff', '2001:db8:0:1::', 'nonsense', ''];
    expect(asked.map((each) => bans.isBanned(each))).toEqual([true, true, false, true, false, false, false]);
  });

  test('ends by itself at its time on every node, leaves the store, and is told of', async () => {
    const [one, other] = [await open(), await open()];
    await ban(one, wish('203.0.113.9', { lastsMs: 1000, evidence: [{ at: 5 as EpochMs, event: 'x' }] }));
    await within(() => expect(other.isBanned('203.0.113.9')).toBe(true));
    await within(() => expect([one, other].some((each) => each.isBanned('203.0.113.9'))).toBe(false), 1500);
    await within(() => expect([one.size(), other.size()]).toEqual([0, 0]), 3000);
    const redis = server.client();
    expect(await redis.exists(keys.bans, keys.banEnds, keys.banEvidence)).toBe(0);
    expect((await one.history({ address: '203.0.113.9', limit: 9 })).map(({ what }) => what)).toEqual([
      'expire',
      'add',
    ]);
  });

  test('for ever stays, and a restarted daemon knows all of it', async () => {
    const one = await open();
    const evidence = Array.from({ length: 30 }, (_, at) => ({ at: (1000 + at) as EpochMs, event: `failed as ${at}` }));
    const made = await ban(one, wish('203.0.113.9', { lastsMs: null, evidence }));
    one.close();
    const again = await open();
    expect(again.get('203.0.113.9')).toEqual(made);
    expect(made).toMatchObject({ until: null, offences: 10, timesBanned: 1, protocol: 'udp', attackedPort: 5060 });
    // Bounded: the last ones are kept.
    expect((await again.evidenceOf('203.0.113.9')).map(({ event }) => event)).toEqual(
      evidence.slice(-20).map(({ event }) => event),
    );
  });

  test('that was made permanent does not end when it would have before', async () => {
    const bans = await open();
    await ban(bans, wish('203.0.113.9', { lastsMs: 1000 }));
    await ban(bans, byHand('203.0.113.9', { lastsMs: null }));
    expect(await server.client().exists(keys.banEnds)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 2200));
    expect(bans.isBanned('203.0.113.9')).toBe(true);
  });

  test('keeps its last evidence only, however often there is more', async () => {
    const bans = await open();
    for (let round = 0; round < 3; round++) {
      const evidence = Array.from({ length: 15 }, (_, at) => ({ at: at as EpochMs, event: `${round}:${at}` }));
      await ban(bans, wish('203.0.113.9', { evidence }));
    }
    const kept = (await bans.evidenceOf('203.0.113.9')).map(({ event }) => event);
    expect([kept.length, kept[0], kept.at(-1)]).toEqual([20, '1:10', '2:14']);
  });

  test('made twice counts the offences, keeps the later end, and is one ban', async () => {
    const bans = await open();
    const first = await ban(
      bans,
      wish('203.0.113.9', { lastsMs: HOUR_MS, evidence: [{ at: 1 as EpochMs, event: 'a' }] }),
    );
    const shorter = await ban(
      bans,
      wish('203.0.113.9', { lastsMs: 1000, offences: 3, evidence: [{ at: 2 as EpochMs, event: 'b' }] }),
    );
    expect(shorter).toMatchObject({ until: first.until, since: first.since, offences: 13, timesBanned: 1 });
    const longer = await ban(bans, wish('203.0.113.9', { lastsMs: 2 * HOUR_MS }));
    expect(longer.until).toBeGreaterThan((first.until ?? 0) + HOUR_MS - 1000);
    expect((await bans.evidenceOf('203.0.113.9')).map(({ event }) => event)).toEqual(['a', 'b']);
  });

  test('by hand takes the place of an automatic one and may end it sooner; an automatic one never shortens it', async () => {
    const bans = await open();
    await ban(bans, wish('203.0.113.9', { lastsMs: null }));
    const hand = await ban(bans, byHand('203.0.113.9', { lastsMs: HOUR_MS }));
    expect(hand).toMatchObject({ origin: 'manual', reason: 'by hand', offences: 10 });
    expect(hand.until).not.toBeNull();
    const after = await ban(bans, wish('203.0.113.9', { lastsMs: 60_000 }));
    expect(after).toMatchObject({ origin: 'manual', reason: 'by hand', until: hand.until, offences: 20 });
  });

  test('is for ever once an address was banned more often than allowed, however many daemons see it at once', async () => {
    const nodes = [await open(), await open(), await open()] as const;
    for (const [round, until] of [
      [1, false],
      [2, false],
      [3, false],
      [4, true],
    ] as const) {
      await Promise.all(nodes.map((each) => each.add(wish('203.0.113.9', { permanentAfter: 3 }))));
      const seen = nodes[0].get('203.0.113.9');
      expect({ round, times: seen?.timesBanned, permanent: seen?.until === null }).toEqual({
        round,
        times: round,
        permanent: until,
      });
      expect(seen?.offences).toBe(30);
      await nodes[0].lift(['203.0.113.9'], 'kim');
    }
  });

  test('that others make or lift while a node is cut off is known to it soon after it is back', async () => {
    const { proxy, redis } = await throughProxy();
    const [cutOff, other] = [await open({ redis }), await open()];
    await ban(other, wish('203.0.113.1'));
    await within(() => expect(cutOff.size()).toBe(1));
    proxy.cut();
    await ban(other, wish('203.0.113.2'));
    await other.lift(['203.0.113.1'], 'kim');
    await expect(cutOff.add(wish('203.0.113.3'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(cutOff.isBanned('203.0.113.1')).toBe(true);
    proxy.mend();
    await within(() => expect(addresses(cutOff)).toEqual(['203.0.113.2']), 3000);
  });

  test('ends at its time even while the store is away', async () => {
    const { proxy, redis } = await throughProxy();
    const bans = await open({ redis });
    await ban(bans, wish('203.0.113.9', { lastsMs: 500 }));
    proxy.cut();
    expect(bans.isBanned('203.0.113.9')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect([bans.isBanned('203.0.113.9'), bans.get('203.0.113.9'), bans.holding('203.0.113.9')]).toEqual([
      false,
      undefined,
      [],
    ]);
    expect(bans.list({ limit: 9 }).total).toBe(0);
  });
});

describe('the allowlist goes first', () => {
  test('a ban of an allowed address is refused with the name of the entry, by hand, by force, and by a detector', async () => {
    const allowed = allowlist();
    allowed.allow('Main office', '203.0.113.0/24');
    const bans = await open({ allowed });
    for (const request of [wish('203.0.113.9'), byHand('203.0.113.9', { force: true }), byHand('203.0.113.0/25')]) {
      expect(await bans.add(request)).toEqual({
        because: 'allowed',
        refused: expect.stringContaining('"Main office" (203.0.113.0/24)'),
      });
    }
    expect(await bans.add(byHand('203.0.112.0/23'))).toMatchObject({ because: 'allowed' });
    expect(bans.size()).toBe(0);
  });

  test('a network is banned around the allowed addresses where that is asked for', async () => {
    const allowed = allowlist();
    allowed.allow('Office', '203.0.113.4');
    const bans = await open({ allowed });
    await ban(bans, byHand('203.0.113.0/29', { aroundAllowed: true }));
    expect(addresses(bans)).toEqual(['203.0.113.0/30', '203.0.113.5', '203.0.113.6/31']);
    expect(bans.isBanned('203.0.113.4')).toBe(false);
  });

  test('bans inside an entry that is added later are lifted on their own; a wider one stays', async () => {
    const allowed = allowlist();
    const bans = await open({ allowed });
    for (const address of ['203.0.113.9', '203.0.113.128/25', '203.0.112.0/22', '192.0.2.1'])
      await ban(bans, wish(address));
    allowed.allow('Main office', '203.0.113.0/24');
    await within(() => expect(addresses(bans)).toEqual(['192.0.2.1', '203.0.112.0/22']));
    const [last] = await bans.history({ address: '203.0.113.9', limit: 1 });
    expect(last).toMatchObject({ what: 'lift', by: 'allowlist: Main office' });
  });

  test('a ban by a node that does not know the entry yet is lifted by one that does', async () => {
    const knowing = allowlist();
    knowing.allow('Main office', '203.0.113.0/24');
    const [ignorant] = [await open(), await open({ allowed: knowing })];
    await ban(ignorant, wish('203.0.113.9'));
    await within(() => expect(ignorant.isBanned('203.0.113.9')).toBe(false), 2000);
  });
});

describe('a node follows the store', () => {
  test('by the whole list, where the log was cut behind it', async () => {
    const [one, other] = [await open(), await open()];
    await ban(one, wish('203.0.113.1'));
    await within(() => expect(other.size()).toBe(1));
    other.close();
    const redis = server.client();
    await one.lift(['203.0.113.1'], 'kim');
    await ban(one, wish('203.0.113.2'));
    await ban(one, wish('203.0.113.3'));
    await redis.xtrim(keys.banLog, 'MAXLEN', 1);
    // `catchUp` of an add is what the next poll would be.
    await other.add(wish('203.0.113.4'));
    expect(addresses(other)).toEqual(['203.0.113.2', '203.0.113.3', '203.0.113.4']);
  });

  test('and writes the bans back into a store that has lost everything', async () => {
    const [one, other] = [await open(), await open()];
    await ban(one, wish('203.0.113.1', { lastsMs: null }));
    const timed = await ban(one, byHand('203.0.113.0/28'));
    await within(() => expect(other.size()).toBe(2));
    const redis = server.client();
    await redis.del(keys.banState, keys.bans, keys.banEnds, keys.banLog, keys.banEvidence);
    await within(async () => expect(await redis.hlen(keys.bans)).toBe(2), 2000);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect([one.get('203.0.113.0/28'), other.get('203.0.113.0/28')]).toEqual([timed, timed]);
    expect(await redis.zscore(keys.banEnds, '203.0.113.0/28')).toBe(String(timed.until));
    expect(addresses(await open())).toEqual(['203.0.113.0/28', '203.0.113.1']);
  });

  test('even where a detector bans into the emptied store before anyone has noticed', async () => {
    const [one, other] = [await open(), await open()];
    await ban(one, wish('203.0.113.1'));
    await within(() => expect(other.size()).toBe(1));
    await server.client().del(keys.banState, keys.bans, keys.banEnds, keys.banLog);
    await ban(one, wish('203.0.113.2'));
    await within(() => {
      for (const each of [one, other]) expect(addresses(each)).toEqual(['203.0.113.1', '203.0.113.2']);
    }, 2000);
  });

  test('over a start without the store: none is known until it is there, then all', async () => {
    await ban(await open(), wish('203.0.113.1'));
    const { proxy, redis } = await throughProxy();
    const closed = once(redis, 'close');
    proxy.cut();
    await closed;
    const late = await open({ redis });
    expect(late.size()).toBe(0);
    proxy.mend();
    await within(() => expect(late.isBanned('203.0.113.1')).toBe(true), 3000);
  });
});

test('who reads all bans and then the changes after the cursor has missed nothing, also over a loss of the store', async () => {
  const [one, other] = [await open(), await open()];
  for (let at = 0; at < 20; at++) await ban(one, wish(`203.0.113.${at}`));
  await within(() => expect(other.size()).toBe(20));
  const kernel = new Set(addresses(other));
  let cursor = other.cursor();
  const told: BanChange[] = [];
  closers.push(other.onChange((changes) => told.push(...changes)));
  await one.lift(['203.0.113.1', '203.0.113.2'], 'kim');
  await ban(one, wish('203.0.113.0/24'));
  await ban(one, wish('203.0.113.3', { lastsMs: 2 * HOUR_MS }));
  await server.client().del(keys.banState, keys.bans, keys.banEnds, keys.banLog);
  await ban(one, wish('203.0.113.200'));
  await within(() => expect(addresses(other)).toEqual(addresses(one)), 2000);
  const changes = other.changesAfter(cursor) ?? [];
  for (const { what, ban: each } of changes) {
    if (what === 'lift' || what === 'expire') kernel.delete(each.address);
    else kernel.add(each.address);
  }
  cursor = other.cursor();
  expect([...kernel].sort()).toEqual(addresses(other));
  expect(told).toEqual(changes);
  expect(other.changesAfter(cursor)).toEqual([]);
  expect(other.changesAfter(cursor + 1)).toBeUndefined();
});

test('a list is found by text, service, origin and address, and read in pages that hold every ban once', async () => {
  const bans = await open();
  for (let at = 0; at < 25; at++) await ban(bans, wish(`203.0.113.${at}`, { reason: `reason ${at}` }));
  await ban(bans, byHand('203.0.112.0/22', { lastsMs: null, reason: 'Scans All Night' }));
  const found = (query: Partial<Parameters<BanList['list']>[0]>): string[] =>
    bans.list({ limit: 100, ...query }).bans.map(({ address }) => address);
  expect(found({ search: 'all night' })).toEqual(['203.0.112.0/22']);
  expect(found({ origin: 'manual' })).toEqual(['203.0.112.0/22']);
  expect(found({ permanent: true })).toEqual(['203.0.112.0/22']);
  expect(found({ service: 'web' })).toEqual([]);
  expect(found({ search: '203.0.113.7' }).sort()).toEqual(['203.0.112.0/22', '203.0.113.7']);
  expect(found({ search: '203.0.113.0/30' })).toHaveLength(5);
  const seen: string[] = [];
  let cursor: string | null | undefined;
  do {
    const page = bans.list({ limit: 4, cursor: cursor ?? undefined });
    expect(page.total).toBe(26);
    seen.push(...page.bans.map(({ address }) => address));
    cursor = page.cursor;
  } while (cursor !== null);
  expect(seen).toHaveLength(26);
  expect(new Set(seen).size).toBe(26);
});
