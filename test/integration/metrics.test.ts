/** `/metrics` of a real daemon: what stands there, how much of it there can be, and who may read it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { type Family, readExposition, sampleOf } from '../support/exposition.ts';
import { startHttpReceiver } from '../support/http-receiver.ts';
import { ensurePromtool } from '../support/promtool.ts';
import { startRedis } from '../support/redis.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> {
  const tollgate = await startTestDaemon({ env });
  closers.push(tollgate.stop);
  return tollgate;
}
const page = ({ webPort }: TestDaemon, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${webPort}/metrics`, { headers });
const scrape = async (tollgate: TestDaemon): Promise<ReadonlyMap<string, Family>> =>
  readExposition(await (await page(tollgate)).text());
const call = (tollgate: TestDaemon, destination: string, extension = '1001'): ReturnType<typeof placeAgiCall> =>
  placeAgiCall(tollgate.agiPort, { destination, extension, trunk: 'carrier-a' });

/** The tables of docs/metrics.md. */
const documented = new Map(
  [
    ...readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8').matchAll(
      /^\| `(tollgate_\w+)` \| (\w+) \|([^|]*)\|/gm,
    ),
  ].map(([, name = '', type = '', labels = '']) => [
    name,
    { type, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label ?? '').sort() },
  ]),
);

describe('the metrics', () => {
  test('are well-formed in the eyes of Prometheus, and each is documented with its type and its labels', async () => {
    const tollgate = await start();
    await call(tollgate, '15551234567');
    await sleep(1100);
    const answer = await page(tollgate);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    const families = readExposition(text);
    const inForce = [...families].map(([name, { type, series }]) => {
      const labels = new Set(series.flatMap((each) => Object.keys(each.labels)).filter((label) => label !== 'le'));
      const known = documented.get(name);
      // Of what has not happened no series stands there, so its labels are not seen.
      return [name, { type, labels: series.length === 0 ? (known?.labels ?? []) : [...labels].sort() }] as const;
    });
    expect(Object.fromEntries(inForce)).toEqual(Object.fromEntries(documented));
    const promtool = await ensurePromtool({ env: process.env });
    if (promtool !== undefined) expect(await promtool(['check', 'metrics'], text)).toEqual({ good: true, said: '' });
  }, 180_000);

  test('count each decided call once by its layer and verdict, and by the rule that decided', async () => {
    const tollgate = await start();
    await tollgate.apply('rules: [{ id: tight, limits: [4/1m] }, { id: trial, limits: [1/1m], mode: shadow }]');
    for (let calls = 0; calls < 3; calls++) await call(tollgate, '15551234567');
    const before = await scrape(tollgate);
    expect(sampleOf(before, 'tollgate_rule_used_ratio', { rule: 'tight', counts: 'limits' })).toBeCloseTo(0.75, 2);
    expect(sampleOf(before, 'tollgate_decisions_total', { layer: 'rules', verdict: 'block' })).toBe(0);
    for (let calls = 0; calls < 3; calls++) await call(tollgate, '15551234567');
    await call(tollgate, '911');
    const families = await scrape(tollgate);
    const decided = (layer: string, verdict: string): number | undefined =>
      sampleOf(families, 'tollgate_decisions_total', { layer, verdict });
    expect([decided('rules', 'allow'), decided('rules', 'block'), decided('emergency', 'allow')]).toEqual([4, 2, 1]);
    const tight = { rule: 'tight', action: 'block', verdict: 'block' };
    expect(sampleOf(families, 'tollgate_rule_verdicts_total', tight)).toBe(2);
    expect(sampleOf(families, 'tollgate_rule_shadow_verdicts_total', { rule: 'trial', verdict: 'block' })).toBe(5);
    expect(sampleOf(families, 'tollgate_decision_duration_seconds_count')).toBe(7);
    expect(sampleOf(families, 'tollgate_answers_total', { outcome: 'delivered' })).toBe(7);
    expect(sampleOf(families, 'tollgate_rule_used_ratio', { rule: 'tight', counts: 'limits' })).toBeGreaterThan(0.95);
  });

  test('stay as few with 5000 rules and hundreds of extensions, and forget rules that are taken out', async () => {
    const tollgate = await start();
    const ids = Array.from({ length: 5000 }, (_, at) => at);
    const rules = ids.map((at) => ({
      id: `rule-${at}`,
      appliesTo: { extensions: [String(20000 + at)] },
      limits: ['1/1h'],
    }));
    await tollgate.apply(stringify({ rules }));
    const callAll = async (): Promise<void> => {
      for (let from = 0; from < 300; from += 20)
        await Promise.all(
          ids.slice(from, from + 20).map((at) => call(tollgate, `1555${1000000 + at}`, String(20000 + at))),
        );
    };
    await callAll();
    await callAll();
    const text = await (await page(tollgate)).text();
    const families = readExposition(text);
    const verdicts = families.get('tollgate_rule_verdicts_total')?.series ?? [];
    expect(verdicts).toHaveLength(201);
    expect(
      sampleOf(families, 'tollgate_rule_verdicts_total', { rule: 'other', action: 'block', verdict: 'block' }),
    ).toBe(100);
    expect(families.get('tollgate_rule_used_ratio')?.series).toHaveLength(201);
    const all = [...families.values()].reduce((sum, { series }) => sum + series.length, 0);
    expect(all).toBeLessThan(700);
    // Neither a number nor an extension, and of 5000 rules no more than their share.
    expect(text).not.toMatch(/"[^"]*(?:1555\d{7}|\b2\d{4}\b)[^"]*"/);
    await tollgate.apply('rules: [{ id: rule-0, limits: [1/1h] }]');
    const after = await scrape(tollgate);
    expect(after.get('tollgate_rule_verdicts_total')?.series.map(({ labels }) => labels['rule'])).toEqual([
      'rule-0',
      'other',
    ]);
  });

  test('are there while the store is away, and say so', async () => {
    const store = await startRedis();
    closers.push(store.stop);
    const tollgate = await start({ TOLLGATE_REDIS__URL: store.socketPath });
    closers.push(() => process.kill(store.pid, 'SIGCONT'));
    await tollgate.apply('rules: [{ id: tight, limits: [1/1h], whenStoreFails: block }]');
    expect(sampleOf(await scrape(tollgate), 'tollgate_part_up', { part: 'store' })).toBe(1);
    process.kill(store.pid, 'SIGSTOP');
    for (let calls = 0; calls < 4; calls++) await call(tollgate, '15551234567');
    await sleep(300);
    const families = await scrape(tollgate);
    expect(sampleOf(families, 'tollgate_part_up', { part: 'store' })).toBe(0);
    expect(sampleOf(families, 'tollgate_decisions_without_store_total')).toBe(4);
    expect(sampleOf(families, 'tollgate_journal_waiting')).toBe(4);
    expect(sampleOf(families, 'tollgate_journal_lag_seconds')).toBeGreaterThan(0.3);
    process.kill(store.pid, 'SIGCONT');
    for (let tries = 0; sampleOf(await scrape(tollgate), 'tollgate_journal_waiting') !== 0; tries++) {
      if (tries > 100) throw new Error('the journal is never written');
      await sleep(50);
    }
    expect(sampleOf(await scrape(tollgate), 'tollgate_journal_lag_seconds')).toBe(0);
    expect(
      sampleOf(await scrape(tollgate), 'tollgate_store_ping_seconds_count', { connection: 'decisions' }),
    ).toBeGreaterThan(0);
  });

  test('count bans without naming anybody, and a service that somebody made up with the others', async () => {
    const tollgate = await start();
    await tollgate.run(['bans', 'add', '203.0.113.9']);
    await tollgate.run(['bans', 'add', '203.0.113.10', '--service', 'sipCall']);
    for (const last of [11, 12])
      await tollgate.run(['bans', 'add', `203.0.113.${last}`, '--service', `made-up-${last}`]);
    const text = await (await page(tollgate)).text();
    const families = readExposition(text);
    const bans = (service: string): number | undefined =>
      sampleOf(families, 'tollgate_bans', { origin: 'manual', service });
    expect([bans('all'), bans('sipCall'), bans('other')]).toEqual([1, 1, 2]);
    expect(text).not.toMatch(/203\.0\.113|made-up/);
  });

  test('count each attempt to send an alert, by channel', async () => {
    const receiver = await startHttpReceiver();
    closers.push(receiver.stop);
    const hook = (url: string): object => ({ kind: 'webhook', url, secret: 'a secret of 20 chars' });
    const channels = { good: hook(receiver.url), gone: hook('http://127.0.0.1:1/') };
    const tollgate = await start({ TOLLGATE_ALERTS: JSON.stringify({ channels, allowNetworks: ['127.0.0.0/8'] }) });
    expect((await tollgate.run(['alerts', 'test'])).out).toMatch(/good/);
    const families = await scrape(tollgate);
    const sent = (channel: string, outcome: string): number | undefined =>
      sampleOf(families, 'tollgate_alert_deliveries_total', { channel, outcome });
    expect([
      sent('good', 'taken'),
      sent('good', 'not-taken'),
      sent('gone', 'taken'),
      sent('gone', 'not-taken'),
    ]).toEqual([1, 0, 0, 1]);
  });

  test('are whole for each of many who ask at once', async () => {
    const tollgate = await start();
    const texts = await Promise.all(Array.from({ length: 20 }, async () => (await page(tollgate)).text()));
    for (const text of texts) expect(readExposition(text).size).toBe(documented.size);
  });
});

describe('who may read the metrics', () => {
  test('is nobody but whom the configuration names', async () => {
    const tollgate = await start({ TOLLGATE_METRICS__ALLOW_FROM: '203.0.113.7' });
    const answer = await page(tollgate);
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringMatching(/metrics\.allowFrom/)]);
  });

  test('is, through a proxy that is trusted, whoever the proxy says', async () => {
    const env = { TOLLGATE_METRICS__ALLOW_FROM: '203.0.113.7', TOLLGATE_HTTP__TRUSTED_PROXIES: '127.0.0.1' };
    const tollgate = await start(env);
    expect((await page(tollgate, { 'x-forwarded-for': '203.0.113.7' })).status).toBe(200);
    expect((await page(tollgate, { 'x-forwarded-for': '203.0.113.7, 198.51.100.1' })).status).toBe(403);
  });

  test('is nobody who comes through a proxy of this host that is not trusted', async () => {
    const tollgate = await start();
    expect((await page(tollgate)).status).toBe(200);
    for (const header of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via'])
      expect((await page(tollgate, { [header]: '127.0.0.1' })).status).toBe(403);
  });
});
