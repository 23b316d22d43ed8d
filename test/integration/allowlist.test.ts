/** The allowlist on a real Redis, with domains asked of a real name server on UDP. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { type AllowlistDocument, addEntry, type EntryDraft, entryDraftSchema } from '../../src/policy/allowlist.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys, type Keys } from '../../src/redis/keys.ts';
import { type AllowedAddresses, createAllowedAddresses } from '../../src/store/allowed-addresses.ts';
import { type AllowlistStore, openAllowlistStore } from '../../src/store/allowlist-store.ts';
import { createDomainWatch, type DomainWatch, KEPT_WHILE_FAILING_MS } from '../../src/store/domain-watch.ts';
import { createLastHits } from '../../src/store/last-hits.ts';
import { type DnsServer, startDnsServer } from '../support/dns-server.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

let server: TestRedis;
let dns: DnsServer;
let keys: Keys;
let folders: string[];
const closers: Array<() => unknown> = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(async () => {
  dns = await startDnsServer();
  keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
  folders = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await dns.stop();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-allow-'));
  folders.push(folder);
  return folder;
};

interface Node {
  readonly store: AllowlistStore;
  readonly domains: DomainWatch;
  readonly allowed: AllowedAddresses;
  readonly folder: string;
}

async function node(options: { readonly folder?: string; readonly clock?: Clock } = {}): Promise<Node> {
  const folder = options.folder ?? (await newFolder());
  const clock = options.clock ?? systemClock;
  const { log } = keptLog();
  const redis = server.client();
  const store = await openAllowlistStore({ redis, keys, clock, stateDir: folder, log, durably: (write) => write() });
  const domains = await createDomainWatch({
    clock,
    log,
    copyPath: join(folder, 'allowlist-domains.json'),
    newResolver: dns.newResolver,
  });
  const allowed = createAllowedAddresses({ store, domains });
  closers.push(
    () => allowed.close(),
    () => domains.close(),
    () => store.close(),
  );
  return { store, domains, allowed, folder };
}

let made = 0;
const draft = (fields: Partial<EntryDraft> & Pick<EntryDraft, 'name' | 'value'>): EntryDraft =>
  entryDraftSchema.parse(fields);
const add =
  (fields: Parameters<typeof draft>[0]) =>
  (document: AllowlistDocument): AllowlistDocument => {
    const edited = addEntry(document, draft(fields), {
      newId: () => `id${++made}`,
      at: '2026-11-21T00:00:00Z',
      by: 'test',
    });
    if ('problems' in edited) throw new Error(JSON.stringify(edited.problems));
    return edited.document;
  };
const within = (check: () => void, timeout = 1000): Promise<void> => vi.waitFor(check, { timeout, interval: 10 });
const nameOf = (on: Node, address: string): string | undefined => on.allowed.entryOf(address)?.name;

describe('a change', () => {
  test('is in force here when it is acknowledged, and on another node within a second', async () => {
    const [one, other] = [await node(), await node()];
    await one.store.change(add({ name: 'Office', value: '203.0.113.0/24' }), 'kim');
    expect(nameOf(one, '203.0.113.77')).toBe('Office');
    await within(() => expect(nameOf(other, '::ffff:203.0.113.77')).toBe('Office'));
    await other.store.change((document) => ({ ...document, entries: [] }), 'kim');
    await within(() => expect(nameOf(one, '203.0.113.77')).toBeUndefined());
  });

  test('of two nodes at the same moment loses neither', async () => {
    const nodes = [await node(), await node()] as const;
    await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        nodes[at % 2 === 0 ? 0 : 1].store.change(add({ name: `n${at}`, value: `192.0.2.${at}` }), 'kim'),
      ),
    );
    await within(() => {
      for (const each of nodes) expect(each.store.current().document.entries).toHaveLength(20);
    });
  });

  test('is known to a start without the store, from the copy on this host', async () => {
    const one = await node();
    await one.store.change(add({ name: 'Office', value: '203.0.113.0/24' }), 'kim');
    const dead = server.client();
    dead.disconnect();
    const { log } = keptLog();
    const store = await openAllowlistStore({
      redis: dead,
      keys,
      clock: systemClock,
      stateDir: one.folder,
      log,
      durably: (write) => write(),
    });
    closers.push(() => store.close());
    expect(store.current().document.entries.map(({ name }) => name)).toEqual(['Office']);
    await expect(store.change(add({ name: 'B', value: '192.0.2.1' }), 'kim')).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
  });

  test('is written back from memory into a store that has lost it', async () => {
    const one = await node();
    await one.store.change(add({ name: 'Office', value: '203.0.113.0/24' }), 'kim');
    const redis = server.client();
    await redis.del(keys.allowlist);
    await vi.waitFor(async () => expect(await redis.hget(keys.allowlist, 'document')).toContain('Office'), 2000);
  });

  test('that cannot be read never replaces a good one', async () => {
    const one = await node();
    await one.store.change(add({ name: 'Office', value: '203.0.113.0/24' }), 'kim');
    await server.client().hset(keys.allowlist, 'version', 99, 'document', '{"entries":[{"id":7}]}');
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(nameOf(one, '203.0.113.1')).toBe('Office');
  });
});

describe('where entries overlap', () => {
  test('the narrowest decides, whichever was added first; a range too', async () => {
    const { store, allowed } = await node();
    await store.change(add({ name: 'Wide', value: '203.0.113.0/24' }), 'kim');
    await store.change(add({ name: 'Range', value: '203.0.113.5-203.0.113.20', exemptFromCallLimits: false }), 'kim');
    await store.change(add({ name: 'Widest', value: '203.0.112.0/20' }), 'kim');
    expect(
      ['203.0.113.4', '203.0.113.5', '203.0.113.20', '203.0.113.21', '203.0.112.1'].map(
        (at) => allowed.entryOf(at)?.name,
      ),
    ).toEqual(['Wide', 'Range', 'Range', 'Wide', 'Widest']);
    const range = allowed.entryOf('203.0.113.5');
    const wide = allowed.entryOf('203.0.113.4');
    expect([range, wide].map((entry) => entry !== undefined && allowed.exempts(entry))).toEqual([false, true]);
    await store.change((document) => ({ ...document, exemptions: 'off' }), 'kim');
    expect(wide !== undefined && allowed.exempts(wide)).toBe(false);
  });
});

describe('a domain', () => {
  const CARRIER = 'sip.carrier.example';
  const shift = { ms: 0 };
  const clock: Clock = {
    now: () => (Date.now() + shift.ms) as EpochMs,
    monotonicMs: () => performance.now() + shift.ms,
  };
  beforeEach(() => {
    shift.ms = 0;
  });
  const withCarrier = async (): Promise<Node> => {
    const one = await node({ clock });
    await one.store.change(add({ name: 'Carrier', value: CARRIER }), 'kim');
    await one.domains.lookUp(CARRIER);
    return one;
  };

  test('leads to the addresses of both families, and follows them when their time to live is over', async () => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10', '192.0.2.11', '2001:DB8::10'], ttlSeconds: 60 });
    const one = await withCarrier();
    expect(one.domains.state(CARRIER)?.addresses).toEqual(['192.0.2.10', '192.0.2.11', '2001:db8::10']);
    expect(nameOf(one, '2001:db8::10')).toBe('Carrier');
    dns.zone.set(CARRIER, { addresses: ['192.0.2.12'], ttlSeconds: 60 });
    shift.ms = 55_000;
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(nameOf(one, '192.0.2.10')).toBe('Carrier');
    shift.ms = 61_000;
    await within(() => expect(nameOf(one, '192.0.2.12')).toBe('Carrier'), 3000);
    expect(nameOf(one, '192.0.2.10')).toBeUndefined();
    expect(nameOf(one, '2001:db8::10')).toBeUndefined();
  });

  test.each([
    [1, 30_000],
    [300, 300_000],
    [604_800, 3_600_000],
  ])('of %i s to live is asked again after %i ms', async (ttlSeconds, afterMs) => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10'], ttlSeconds });
    const one = await withCarrier();
    const { resolvedAt = 0, nextLookupAt = 0 } = one.domains.state(CARRIER) ?? {};
    expect(nextLookupAt - resolvedAt).toBeGreaterThanOrEqual(afterMs - 5);
    expect(nextLookupAt - resolvedAt).toBeLessThan(afterMs + 1000);
  });

  test.each(['fail', 'silent'] as const)(
    'keeps its last addresses for a day while DNS is %s, and says so',
    async (behave) => {
      dns.zone.set(CARRIER, { addresses: ['192.0.2.10'], ttlSeconds: 60 });
      const one = await withCarrier();
      dns.behave = behave;
      const failing = await one.domains.lookUp(CARRIER);
      expect(failing).toMatchObject({
        addresses: ['192.0.2.10'],
        failing: { problem: expect.stringMatching(/name server/) },
      });
      expect(nameOf(one, '192.0.2.10')).toBe('Carrier');
      shift.ms = KEPT_WHILE_FAILING_MS + 1000;
      await one.domains.lookUp(CARRIER);
      expect(nameOf(one, '192.0.2.10')).toBeUndefined();
      dns.behave = 'answer';
      await one.domains.lookUp(CARRIER);
      expect(nameOf(one, '192.0.2.10')).toBe('Carrier');
      expect(one.domains.state(CARRIER)?.failing).toBeUndefined();
    },
  );

  test('that comes back is looked up again without anyone asking', async () => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10'], ttlSeconds: 60 });
    dns.behave = 'fail';
    const one = await withCarrier();
    expect(nameOf(one, '192.0.2.10')).toBeUndefined();
    dns.behave = 'answer';
    shift.ms = 31_000;
    await within(() => expect(nameOf(one, '192.0.2.10')).toBe('Carrier'), 3000);
  });

  test('of which one family fails keeps the addresses of that family only', async () => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10', '2001:db8::10'], ttlSeconds: 60 });
    const one = await withCarrier();
    dns.zone.set(CARRIER, { addresses: ['192.0.2.11'], ttlSeconds: 60 });
    dns.failingFamily = 6;
    expect((await one.domains.lookUp(CARRIER)).addresses).toEqual(['192.0.2.11', '2001:db8::10']);
    expect(one.domains.state(CARRIER)?.failing?.problem).toMatch(/^IPv6: /);
  });

  test('that does not exist says so, and one with a thousand addresses is cut', async () => {
    const one = await withCarrier();
    expect(one.domains.state(CARRIER)).toMatchObject({
      addresses: [],
      failing: { problem: 'there is no such domain' },
    });
    const many = Array.from({ length: 80 }, (_, at) => `192.0.2.${at}`);
    dns.zone.set(CARRIER, { addresses: many, ttlSeconds: 60 });
    const { addresses, cut } = await one.domains.lookUp(CARRIER);
    expect([addresses.length, cut]).toEqual([64, true]);
  });

  test('is known after a restart without DNS', async () => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10'], ttlSeconds: 60 });
    const one = await withCarrier();
    await one.domains.close();
    expect(await readFile(join(one.folder, 'allowlist-domains.json'), 'utf8')).toContain('192.0.2.10');
    dns.behave = 'silent';
    const again = await node({ folder: one.folder, clock });
    expect(nameOf(again, '192.0.2.10')).toBe('Carrier');
  });

  test('that nobody allows any more is not asked for', async () => {
    dns.zone.set(CARRIER, { addresses: ['192.0.2.10'], ttlSeconds: 60 });
    const one = await withCarrier();
    await one.store.change((document) => ({ ...document, entries: [] }), 'kim');
    const before = dns.questions();
    shift.ms = 100_000;
    await new Promise((resolve) => setTimeout(resolve, 1300));
    expect(dns.questions()).toBe(before);
    expect(nameOf(one, '192.0.2.10')).toBeUndefined();
  });
});

test('last hits are one time for each entry, kept over a restart, and gone with the entry', async () => {
  const redis = server.client();
  const listed = new Set(['a', 'b']);
  const hits = createLastHits({ redis, key: keys.allowlistHits, clock: systemClock, isListed: (id) => listed.has(id) });
  for (let at = 0; at < 1000; at++) hits.note('a');
  hits.note('gone');
  const first = (await hits.of(['a', 'b'])).get('a');
  expect(first).toBeGreaterThan(Date.now() - 5000);
  await hits.close();
  expect(await redis.hgetall(keys.allowlistHits)).toEqual({ a: String(first) });
  const again = createLastHits({ redis, key: keys.allowlistHits, clock: systemClock, isListed: () => true });
  expect([...(await again.of(['a', 'b']))]).toEqual([['a', first]]);
  await again.forget(['a']);
  expect(await redis.exists(keys.allowlistHits)).toBe(0);
  await again.close();
});
