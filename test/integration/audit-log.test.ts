/** The audit log on a real Redis: daemons at once, a store that goes away, daemons that are killed, and tampering. */
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AuditLog } from '../../src/people/audit-log.ts';
import { BEFORE_THE_FIRST, readRecord, sha256 } from '../../src/people/audit-record.ts';
import { createKeys, type Keys } from '../../src/redis/keys.ts';
import {
  allEntries,
  newStateDir,
  openTestAudit,
  removeStateDir,
  startAuditProcess,
  verdictOf,
} from '../support/audit.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';
import { type StallingProxy, startStallingProxy } from '../support/stalling-proxy.ts';

let server: TestRedis;
let redis: Redis;
let keys: Keys;
let prefix: string;
let stateDir: string;
const closers: Array<() => unknown> = [];

beforeAll(async () => {
  server = await startRedis();
  redis = server.client();
});
afterAll(() => server.stop());
beforeEach(async () => {
  prefix = `t${Math.random().toString(36).slice(2)}`;
  keys = createKeys({ prefix, tenant: 'd' });
  stateDir = await folder();
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function folder(): Promise<string> {
  const made = await newStateDir();
  closers.push(() => removeStateDir(made));
  return made;
}
const open = async (options: Partial<Parameters<typeof openTestAudit>[0]> = {}): Promise<AuditLog> => {
  const audit = await openTestAudit({ redis, keys, stateDir, ...options });
  closers.push(() => audit.close());
  return audit;
};
const add = async (audit: AuditLog, count: number, name = 'e'): Promise<void> => {
  for (let at = 1; at <= count; at++)
    await audit.audit({ by: 'cli anna', from: 'control socket', action: 'test.add', subject: `${name}${at}` });
};
async function throughProxy(): Promise<{ readonly proxy: StallingProxy; readonly client: Redis }> {
  const proxy = await startStallingProxy(server.socketPath);
  const client = new Redis({
    path: proxy.socketPath,
    disableClientInfo: true,
    retryStrategy: () => 20,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
  });
  client.on('error', () => undefined);
  closers.push(
    () => proxy.stop(),
    () => client.disconnect(),
  );
  await once(client, 'ready');
  return { proxy, client };
}

async function cutOff(proxy: StallingProxy, client: Redis): Promise<void> {
  // Not by `once` of node:events, which takes the error that comes before for its own.
  const closed = new Promise((resolve) => client.once('close', resolve));
  proxy.cut();
  await closed;
}

describe('entries', () => {
  test('of four daemons at once make one chain without fork or gap, each daemon in its own order', async () => {
    const daemons = await Promise.all(
      ['a', 'b', 'c', 'd'].map(async (node) => {
        const order = { socketPath: server.socketPath, stateDir: await folder(), node, prefix };
        return startAuditProcess({ ...order, entries: 150, atOnce: 5 });
      }),
    );
    await Promise.all(daemons.map((each) => each.untilAcknowledged(150)));
    await Promise.all(daemons.map((each) => each.kill('SIGTERM')));
    const audit = await open();
    expect(await verdictOf(audit)).toMatchObject({ intact: true, checked: 600, first: { seq: 1 }, last: { seq: 600 } });
    const entries = await allEntries(audit);
    expect(new Set(entries.map(({ subject }) => subject)).size).toBe(600);
    // They did write at the same time.
    expect(entries.filter(({ node }, at) => node !== entries[at + 1]?.node).length).toBeGreaterThan(20);
    for (const node of ['a', 'b', 'c', 'd']) {
      const times = entries.filter((each) => each.node === node).map(({ at }) => at);
      expect(times).toEqual([...times].sort());
    }
  });

  test('are listed newest first, by page, by what was done, by whom, about what and since when', async () => {
    const audit = await open();
    await add(audit, 5);
    await audit.audit({ by: 'phone 2001', action: 'other', subject: 'x', before: { a: 1 }, reason: 'why' });
    const newest = await audit.list({ limit: 2, order: 'newest', matches: () => true });
    expect(newest.entries.map(({ seq }) => seq)).toEqual([6, 5]);
    expect(newest.entries[0]).toMatchObject({
      by: 'phone 2001',
      from: null,
      before: { a: 1 },
      after: null,
      reason: 'why',
    });
    const rest = await audit.list({ limit: 9, order: 'newest', cursor: newest.cursor ?? '', matches: () => true });
    expect(rest).toMatchObject({ cursor: null, entries: [{ seq: 4 }, { seq: 3 }, { seq: 2 }, { seq: 1 }] });
  });

  test('beyond the number that is kept leave with an entry that says so, and the rest still fits', async () => {
    const first = await open();
    await add(first, 60);
    await first.close();
    const audit = await open({ maxEntries: 20 });
    await vi.waitFor(async () => expect(await redis.xlen(keys.audit)).toBe(20), { timeout: 5000 });
    const [newest] = (await audit.list({ limit: 1, order: 'newest', matches: () => true })).entries;
    expect(newest).toMatchObject({ seq: 61, by: 'clock', action: 'audit.trim', subject: 'entries 1 to 41' });
    expect(await verdictOf(audit)).toMatchObject({ intact: true, first: { seq: 42 }, last: { seq: 61 }, checked: 20 });
    await add(audit, 3);
    expect(await verdictOf(audit)).toMatchObject({ intact: true, last: { seq: 64 } });
  });
});

describe('while the store is away', () => {
  test('what was acknowledged waits on the disk, in order, and comes into the store once it is back', async () => {
    const { proxy, client } = await throughProxy();
    const audit = await open({ redis: client });
    await add(audit, 2, 'before');
    await cutOff(proxy, client);
    await add(audit, 3, 'away');
    expect(audit.waiting()).toBe(3);
    expect(await redis.xlen(keys.audit)).toBe(2);
    proxy.mend();
    await vi.waitFor(() => expect(audit.waiting()).toBe(0), { timeout: 5000 });
    await add(audit, 1, 'after');
    const subjects = (await allEntries(audit)).map(({ subject }) => subject);
    expect(subjects).toEqual(['before1', 'before2', 'away1', 'away2', 'away3', 'after1']);
    expect(await verdictOf(audit)).toMatchObject({ intact: true, waiting: 0 });
  });

  test('an entry that was written, and whose answer was lost, is in the log once', async () => {
    const { proxy, client } = await throughProxy();
    let losesAnswer = false;
    const audit = await open({
      redis: client,
      durably: (write) => {
        if (losesAnswer) proxy.holdAnswers();
        losesAnswer = false;
        return write();
      },
    });
    await add(audit, 1, 'before');
    for (let round = 1; round <= 3; round++) {
      losesAnswer = true;
      const adding = Promise.all([add(audit, 1, `one${round}-`), add(audit, 1, `two${round}-`)]);
      await vi.waitFor(async () => expect(await redis.xlen(keys.audit)).toBeGreaterThan(2 * round - 1), {
        interval: 5,
      });
      proxy.cut();
      proxy.release();
      await adding;
      expect(audit.waiting()).toBe(2);
      proxy.mend();
      await vi.waitFor(() => expect(audit.waiting()).toBe(0), { timeout: 5000 });
    }
    const subjects = (await allEntries(audit)).map(({ subject }) => subject);
    const rounds = [1, 2, 3].flatMap((round) => [`one${round}-1`, `two${round}-1`]);
    expect(subjects).toEqual(['before1', ...rounds]);
    expect(await verdictOf(audit)).toMatchObject({ intact: true });
  });

  test('a store that accepts and does not answer holds nobody up for long, and the entry is in the log once', async () => {
    const { proxy, client } = await throughProxy();
    const audit = await open({ redis: client });
    await add(audit, 1, 'before');
    proxy.holdAnswers();
    await add(audit, 1, 'stalled');
    expect(audit.waiting()).toBe(1);
    proxy.release();
    await vi.waitFor(() => expect(audit.waiting()).toBe(0), { timeout: 10_000 });
    expect((await allEntries(audit)).map(({ subject }) => subject)).toEqual(['before1', 'stalled1']);
  });

  test.each([1, 8])(
    'a daemon that is killed loses no entry that it had acknowledged, of %i at once',
    async (atOnce) => {
      const { proxy } = await throughProxy();
      const node = 'killed';
      const order = { socketPath: proxy.socketPath, stateDir, node, prefix, atOnce, entries: 100_000 };
      const daemon = startAuditProcess(order);
      await daemon.untilAcknowledged(50);
      proxy.cut();
      await daemon.untilAcknowledged(daemon.acknowledged.length + 100);
      await daemon.kill('SIGKILL');
      const spool = await readFile(join(stateDir, 'audit-spool.jsonl'), 'utf8');
      expect(spool.split('\n').length).toBeGreaterThan(50);
      const again = await open({ node });
      await vi.waitFor(() => expect(again.waiting()).toBe(0), { timeout: 20_000 });
      const written = (await allEntries(again)).map(({ subject }) => subject);
      expect(daemon.acknowledged.filter((subject) => !written.includes(subject))).toEqual([]);
      expect(written).toEqual(written.map((_, at) => `${node}-${at}`));
      expect(await verdictOf(again)).toMatchObject({ intact: true });
    },
  );

  test('half a line that a power cut left on the disk spoils nothing', async () => {
    const { proxy, client } = await throughProxy();
    const audit = await open({ redis: client });
    await cutOff(proxy, client);
    await add(audit, 2);
    await audit.close();
    const path = join(stateDir, 'audit-spool.jsonl');
    await writeFile(path, '{"at":"2026-11', { flag: 'a' });
    const again = await open();
    await vi.waitFor(() => expect(again.waiting()).toBe(0), { timeout: 5000 });
    await add(again, 1, 'after');
    expect((await allEntries(again)).map(({ subject }) => subject)).toEqual(['e1', 'e2', 'after1']);
  });

  test('a disk that cannot take it either is said, and the change is not acknowledged', async () => {
    const { proxy, client } = await throughProxy();
    const log = keptLog();
    const audit = await open({ redis: client, log });
    await cutOff(proxy, client);
    await removeStateDir(stateDir);
    await expect(add(audit, 1)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(log.lines.some(({ msg }) => String(msg).includes('neither in the store nor on the disk'))).toBe(true);
  });
});

interface Raw {
  readonly id: string;
  readonly text: string;
  readonly hash: string;
}
const rawEntries = async (): Promise<Raw[]> =>
  (await redis.xrange(keys.audit, '-', '+')).map(([id, [, text = '', , hash = '']]) => ({ id, text, hash }));
/** What somebody with access to the store can do: write the whole log anew. */
async function rewrite(entries: readonly Raw[]): Promise<void> {
  await redis.del(keys.audit);
  for (const { id, text, hash } of entries) await redis.xadd(keys.audit, id, 'e', text, 'h', hash);
}
/** With hashes and links that fit, from an entry on. */
function rechained(entries: readonly Raw[]): Raw[] {
  let previous = BEFORE_THE_FIRST.hash;
  return entries.map(({ id, text }, at) => {
    const [ms] = id.split('-');
    const fields = JSON.parse(text) as Record<string, unknown>;
    const changed = JSON.stringify({ ...fields, seq: at + 1, previous });
    previous = sha256(changed);
    return { id: `${ms}-${at + 1}`, text: changed, hash: previous };
  });
}
const edited = (entry: Raw | undefined): Raw => {
  if (entry === undefined) throw new Error('there is no such entry');
  return { ...entry, text: entry.text.replace('cli anna', 'cli mallory') };
};
const without = (entries: readonly Raw[], ...numbers: number[]): Raw[] =>
  entries.filter((_, at) => !numbers.includes(at + 1));
const swapped = (entries: readonly Raw[], one: number, other: number): Raw[] =>
  entries.map((entry, at) => {
    const from = at === one - 1 ? entries[other - 1] : at === other - 1 ? entries[one - 1] : entry;
    return from === undefined ? entry : { ...from, id: entry.id };
  });

describe('tampering in the store', () => {
  /** Ten entries that this node saw; what is done to them; the first that does not fit, and why. */
  const cases: readonly (readonly [string, (entries: readonly Raw[]) => readonly Raw[], number, RegExp])[] = [
    ['an entry is edited', (all) => all.with(4, edited(all[4])), 5, /entry 5 was changed: its content does not fit/],
    [
      'an entry is edited and gets a hash that fits',
      (all) => all.with(4, { ...edited(all[4]), hash: sha256(edited(all[4]).text) }),
      6,
      /entry 6 does not follow entry 5: one of the two was replaced/,
    ],
    [
      'an entry is edited and all after it are chained anew',
      (all) => rechained(all.with(4, edited(all[4]))),
      10,
      /entry 10 is not the one that this node saw/,
    ],
    ['an entry is removed', (all) => without(all, 5), 5, /entry 5 is missing/],
    ['several are removed', (all) => without(all, 5, 6, 7), 5, /entries 5 to 7 are missing/],
    [
      'an entry is removed and all after it are chained anew',
      (all) => rechained(without(all, 5)),
      10,
      /entry 10 is gone from the end/,
    ],
    [
      'an entry is inserted and all after it are chained anew',
      (all) => rechained([...all.slice(0, 5), edited(all[4]), ...all.slice(5)]),
      10,
      /entry 10 is not the one that this node saw/,
    ],
    [
      'an entry is repeated behind itself',
      (all) => [
        ...all.slice(0, 5),
        { ...edited(all[4]), id: (all[4]?.id ?? '').replace(/^\d+/, (ms) => `${Number(ms) + 1}`) },
        ...all.slice(5).map((each) => ({ ...each, id: each.id.replace(/^\d+/, (ms) => `${Number(ms) + 2}`) })),
      ],
      5,
      /entry 5 was changed/,
    ],
    ['two are swapped', (all) => swapped(all, 4, 5), 4, /entry 4 is not in its place: .* entry 5/],
    ['the beginning is removed', (all) => all.slice(3), 1, /entries 1 to 3 are gone, and no later entry says/],
    [
      'the end is removed',
      (all) => all.slice(0, 7),
      8,
      /entries 8 to 10 are gone from the end: this node saw entry 10/,
    ],
    ['all is removed', () => [], 1, /entries 1 to 10 are gone from the end/],
    [
      'an entry is replaced by something else',
      (all) => all.with(4, { ...edited(all[4]), text: '{}' }),
      5,
      /entry 5 is not as any daemon/,
    ],
  ];

  test.each(cases)('is found and named where %s', async (_what, tamper, seq, problem) => {
    const audit = await open();
    await add(audit, 10);
    expect(await verdictOf(audit)).toMatchObject({ intact: true, checked: 10 });
    const entries = await rawEntries();
    await rewrite(tamper(entries));
    const verdict = await verdictOf(audit);
    expect(verdict.intact).toBe(false);
    expect(verdict.problems[0]?.seq).toBe(seq);
    expect(verdict.problems[0]?.problem).toMatch(problem);
  });

  test.each(cases)('is still found after more was recorded where %s', async (_what, tamper) => {
    const audit = await open();
    await add(audit, 10);
    await rewrite(tamper(await rawEntries()));
    await add(audit, 2, 'later');
    expect((await verdictOf(audit)).intact).toBe(false);
  });

  test('of the end is noted in the log by whoever sees it first, and numbers are not given again', async () => {
    const audit = await open();
    await add(audit, 10);
    await redis.xtrim(keys.audit, 'MAXLEN', 0);
    await add(audit, 1, 'later');
    const entries = await allEntries(audit);
    expect(entries).toMatchObject([
      { seq: 11, action: 'audit.broken', subject: 'entry 10', by: 'tollgate' },
      { seq: 12, subject: 'later1' },
    ]);
    const { problems } = await verdictOf(audit);
    expect(problems.map(({ seq }) => seq)).toEqual([1, 11]);
    expect(problems[1]?.problem).toMatch(
      /^entry 11 was written by pbx1 because entry 10, which it had seen, was not there/,
    );
  });

  test('by raw commands on single entries is found: XDEL in the middle, XDEL of the last', async () => {
    const audit = await open();
    await add(audit, 6);
    const [, , third, , , sixth] = await rawEntries();
    await redis.xdel(keys.audit, third?.id ?? '', sixth?.id ?? '');
    expect((await verdictOf(audit)).problems.map(({ problem }) => problem)).toEqual([
      expect.stringMatching(/^entry 3 is missing/),
      expect.stringMatching(/^entry 6 is gone from the end/),
    ]);
  });

  test('is found by a node that was restarted, from what it noted on its host', async () => {
    const audit = await open();
    await add(audit, 5);
    await audit.close();
    await rewrite(rechained((await rawEntries()).with(1, edited((await rawEntries())[1]))));
    const again = await open();
    await vi.waitFor(async () => expect((await verdictOf(again)).intact).toBe(false), { timeout: 5000 });
  });

  test('of a log that another node trims meanwhile is not suspected', async () => {
    const audit = await open();
    await add(audit, 30);
    const other = await open({ stateDir: await folder(), node: 'pbx2', maxEntries: 10 });
    await vi.waitFor(async () => expect(await redis.xlen(keys.audit)).toBe(10), { timeout: 5000 });
    await add(audit, 2);
    for (const each of [audit, other]) expect(await verdictOf(each)).toMatchObject({ intact: true });
    expect((await allEntries(audit)).some(({ action }) => action === 'audit.broken')).toBe(false);
  });

  test('cannot take a text for an entry that no daemon would write', () => {
    expect(readRecord('{"seq":1}', '0'.repeat(64))).toHaveProperty('problem');
  });
});
