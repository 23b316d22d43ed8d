/** The policy on a real Redis: several nodes, starts with stores that are new, older or of another form, and lost data. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { createKeys, type Keys } from '../../src/redis/keys.ts';
import { openPolicyStore, type PolicyStore } from '../../src/store/policy-store.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

let server: TestRedis;
let keys: Keys;
let folders: string[];
const closers: Array<() => void> = [];

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => {
  keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
  folders = [];
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) close();
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

interface Node {
  readonly store: PolicyStore;
  readonly folder: string;
  readonly logged: () => string;
}

async function node(folder?: string, redis = server.client()): Promise<Node> {
  const stateDir = folder ?? (await mkdtemp(join(tmpdir(), 'tollgate-policy-')));
  folders.push(stateDir);
  const { log, lines } = keptLog();
  const store = await openPolicyStore({
    redis,
    keys,
    clock: systemClock,
    stateDir,
    log,
    durably: (write) => write(),
  });
  closers.push(store.close);
  return { store, folder: stateDir, logged: () => JSON.stringify(lines) };
}

const rules = (...ids: readonly string[]) => ({ rules: ids.map((id) => ({ id, limits: ['5/1m'] })) });
const idsOf = ({ store }: Node): string[] => store.current().policy.rules.map(({ id }) => id);
const copyOf = ({ folder }: Node): Promise<string> => readFile(join(folder, 'policy.json'), 'utf8');
const versionInStore = (): Promise<string | null> => server.client().hget(keys.policy, 'version');
const within = (check: () => unknown, timeout = 2000) => vi.waitFor(check, { timeout, interval: 25 });

describe('a start', () => {
  test('with a new store keeps the default policy there and here, as version 1, and says nothing is wrong', async () => {
    const one = await node();
    expect(idsOf(one)).toEqual(['default']);
    expect(one.store.current()).toMatchObject({ version: 1, changedBy: 'new install', generations: {} });
    expect(await versionInStore()).toBe('1');
    expect(await copyOf(one)).toContain('"default"');
    expect(one.logged()).not.toContain('older');
  });

  test('believes a store that has an older policy than the copy here', async () => {
    const one = await node();
    const two = await node();
    await one.store.change(() => rules('a'), 'kim');
    await one.store.change(() => rules('b'), 'kim');
    await within(() => expect(idsOf(two)).toEqual(['b']));
    one.store.close();
    two.store.close();
    await server.client().del(keys.policy);
    const other = await node();
    expect(idsOf(other)).toEqual(['default']);
    other.store.close();
    expect(idsOf(await node(one.folder))).toEqual(['default']);
    expect(await versionInStore()).toBe('1');
  });

  test('without the store goes on with the copy here, and changes nothing', async () => {
    const one = await node();
    await one.store.change(() => rules('a'), 'kim');
    await one.store.resetRule('a', 'kim');
    one.store.close();
    const dead = server.client();
    dead.disconnect();
    const again = await node(one.folder, dead);
    expect(again.store.current()).toMatchObject({ version: 3, changedBy: 'kim', generations: { a: 1 } });
    expect(idsOf(again)).toEqual(['a']);
    await expect(again.store.change(() => rules('b'), 'kim')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(idsOf(again)).toEqual(['a']);
  });

  test('reads the form of earlier versions, from the store and from the copy', async () => {
    const earlier = { version: 7, changedAt: '2026-01-01T00:00:00.000Z', changedBy: 'kim' };
    await server
      .client()
      .hset(keys.policy, { ...earlier, document: JSON.stringify(rules('a')), generations: '{"a":2}' });
    expect((await node()).store.current()).toMatchObject(earlier);
    await server.client().del(keys.policy);
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-policy-'));
    await writeFile(join(folder, 'policy.json'), JSON.stringify({ ...earlier, generations: {}, document: rules('b') }));
    const dead = server.client();
    dead.disconnect();
    const again = await node(folder, dead);
    expect(again.store.current()).toMatchObject(earlier);
    expect(idsOf(again)).toEqual(['b']);
  });
});

describe('a change', () => {
  test('is in force here at once, and on another node within a second, the reset of a rule too', async () => {
    const [one, two] = [await node(), await node()];
    const change = await one.store.change(() => rules('a', 'b'), 'kim');
    expect(change).toMatchObject({ changed: true, snapshot: { version: 2, changedBy: 'kim' } });
    expect(idsOf(one)).toEqual(['a', 'b']);
    await within(() => expect(idsOf(two)).toEqual(['a', 'b']), 1000);
    await one.store.resetRule('constructor', 'kim');
    await one.store.resetRule('b', 'kim');
    await one.store.resetRule('b', 'kim');
    await within(() => expect(two.store.current().generations).toEqual({ constructor: 1, b: 2 }), 1000);
    expect(two.store.current().policy).toBe(two.store.current().policy);
  });

  test('that makes nothing new is no new version', async () => {
    const one = await node();
    const same = await one.store.change((document) => document, 'kim');
    expect(same).toMatchObject({ changed: true, snapshot: { version: 1, changedBy: 'new install' } });
    expect(await versionInStore()).toBe('1');
  });

  test('with mistakes is answered with them, and stores nothing', async () => {
    const one = await node();
    const bad = () => ({ rules: [{ id: 'a', limits: ['0/1s'] }] });
    const refused = await one.store.change(bad, 'kim');
    expect(refused.changed ? [] : refused.problems.map(({ path }) => path)).toEqual(
      one.store.check(bad).map(({ path }) => path),
    );
    expect(one.store.check(bad)).not.toEqual([]);
    expect(one.store.check((document) => document)).toEqual([]);
    expect(idsOf(one)).toEqual(['default']);
    expect(await versionInStore()).toBe('1');
  });

  test('for one version is refused for any other, also where another node was faster', async () => {
    const [one, two] = [await node(), await node()];
    await expect(one.store.change(() => rules('a'), 'kim', 2)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(() => one.store.check(() => rules('a'), 2)).toThrow('version 1, yours is 2');
    const both = await Promise.allSettled([
      one.store.change(() => rules('a'), 'kim', 1),
      two.store.change(() => rules('b'), 'lee', 1),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await versionInStore()).toBe('2');
  });

  test('of two nodes at the same moment loses neither', async () => {
    const nodes = [await node(), await node()] as const;
    const add = (id: string) => (document: PolicyDocument) => ({
      ...document,
      rules: [...document.rules, { id, limits: ['5/1m'] }],
    });
    await Promise.all(
      Array.from({ length: 12 }, (_, at) => nodes[at % 2 === 0 ? 0 : 1].store.change(add(`r${at}`), 'kim')),
    );
    await within(() => {
      for (const each of nodes) expect(idsOf(each)).toHaveLength(13);
    });
  });
});

test.each([
  ['lost it', (): Promise<unknown> => server.client().del(keys.policy)],
  ['has gone back in time', (): Promise<unknown> => server.client().hset(keys.policy, 'version', '1')],
])('the policy in force is written back from memory into a store that %s', async (_, harm) => {
  const one = await node();
  await one.store.change(() => rules('a'), 'kim');
  await one.store.resetRule('a', 'kim');
  await harm();
  await within(async () => expect(await versionInStore()).toBe('3'));
  expect((await node()).store.current()).toMatchObject({ version: 3, generations: { a: 1 } });
});

test('a policy in the store that cannot be read never replaces a good one', async () => {
  const one = await node();
  await one.store.change(() => rules('a'), 'kim');
  await server.client().hset(keys.policy, { version: '99', document: '{"rules":[{"id":"broken","limits":["0/1s"]}]}' });
  await within(() => expect(one.logged()).toContain('cannot be used'));
  expect(idsOf(one)).toEqual(['a']);
});
