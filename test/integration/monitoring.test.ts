/** The dashboard and the alert rules that are shipped: Prometheus takes them, and what they name is there. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { startTestDaemon } from '../support/daemon.ts';
import { type Family, readExposition } from '../support/exposition.ts';
import { ensurePromtool, type Promtool } from '../support/promtool.ts';

const FOLDER = join(import.meta.dirname, '../../docker/monitoring');
const RULES = join(FOLDER, 'prometheus-alerts.yaml');

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          labels: z.object({ severity: z.enum(['info', 'warning', 'critical']) }),
          annotations: z.object({ summary: z.string(), description: z.string() }),
        }),
      ),
    }),
  ),
});
const panelSchema = z.object({
  id: z.int(),
  title: z.string().min(1),
  type: z.enum(['row', 'stat', 'timeseries']),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(z.object({ refId: z.string(), expr: z.string(), legendFormat: z.string() })).default([]),
});
const dashboardSchema = z.object({
  uid: z.literal('tollgate'),
  schemaVersion: z.int(),
  panels: z.array(panelSchema),
  templating: z.object({ list: z.array(z.object({ name: z.string() })) }),
});

const readRules = async (): Promise<z.output<typeof rulesSchema>['groups'][number]['rules']> =>
  rulesSchema.parse(parse(await readFile(RULES, 'utf8'))).groups.flatMap(({ rules }) => rules);
const readDashboard = async (): Promise<z.output<typeof dashboardSchema>> =>
  dashboardSchema.parse(JSON.parse(await readFile(join(FOLDER, 'grafana-dashboard.json'), 'utf8')));
const queriesOf = async (): Promise<readonly string[]> =>
  (await readDashboard()).panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

let promtool: Promtool | undefined;
let folder: string;
beforeAll(async () => {
  promtool = await ensurePromtool({ env: process.env });
  folder = await mkdtemp(join(tmpdir(), 'tollgate-monitoring-'));
}, 180_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What promtool says of a file; nothing where the machine can have none. */
async function check(kind: readonly string[], name: string, content: object): Promise<void> {
  const path = join(folder, name);
  await writeFile(path, stringify(content));
  const answer = await promtool?.([...kind, path]);
  if (answer?.good === false) throw new Error(answer.said);
}

/** Metrics and labels that a query names, functions and words of the language left out. */
function namedIn(query: string): { readonly metrics: readonly string[]; readonly labels: readonly string[] } {
  const bare = query.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  const inBraces = [...bare.matchAll(/\{([^}]*)\}/g)].flatMap(
    ([, inside = '']) => inside.match(/\w+(?=\s*(?:=|!))/g) ?? [],
  );
  const grouped = [...bare.matchAll(/\b(?:by|without|on|ignoring) \(([^)]*)\)/g)].flatMap(
    ([, list = '']) => list.match(/\w+/g) ?? [],
  );
  return { metrics: bare.match(/\btollgate_\w+/g) ?? [], labels: [...inBraces, ...grouped] };
}

describe('the alert rules', () => {
  test('are rules in the eyes of Prometheus', async () => {
    if (promtool !== undefined) expect(await promtool(['check', 'rules', RULES])).toMatchObject({ good: true });
    const names = (await readRules()).map(({ alert }) => alert);
    expect(new Set(names).size).toBe(names.length);
  });

  test('fire when they should, with a sentence that names what it is about, and not before', async () => {
    const at = (metric: string, labels: string, values: string): object => ({ series: `${metric}{${labels}}`, values });
    const fires = (alertname: string, evalTime: string, labels: object, summary: string | undefined): object => ({
      ...{ alertname, eval_time: evalTime },
      exp_alerts: summary === undefined ? [] : [{ exp_labels: labels, exp_annotations: { summary } }],
    });
    const of = { instance: 'pbx1', job: 'tollgate' };
    const series = [
      at('up', 'job="tollgate",instance="pbx1"', '1 0x20'),
      at('tollgate_part_up', 'job="tollgate",instance="pbx1",part="AMI pbx1"', '1 0x20'),
      at('tollgate_part_up', 'job="tollgate",instance="pbx1",part="store"', '1x20'),
      at('tollgate_decisions_without_store_total', 'job="tollgate",instance="pbx1"', '0 0 3x20'),
      at('tollgate_rule_used_ratio', 'job="tollgate",instance="pbx1",rule="day",counts="limits"', '0.5 0.95x20'),
      at('tollgate_rule_used_ratio', 'job="tollgate",instance="pbx1",rule="idle",counts="limits"', '0.5x20'),
      at('tollgate_hold_wait_seconds_count', 'job="tollgate",instance="pbx1",outcome="expired"', '0 0 1x20'),
      at('tollgate_decisions_total', 'job="tollgate",instance="pbx1",layer="rules",verdict="block"', '0+60x40'),
      at('tollgate_decisions_total', 'job="tollgate",instance="pbx1",layer="rules",verdict="allow"', '0+20x40'),
      at('tollgate_policy_version', 'job="tollgate",instance="pbx1"', '7x20'),
      at('tollgate_policy_version', 'job="tollgate",instance="pbx2"', '7 6x20'),
      at('tollgate_firewall_drift_total', 'job="tollgate",instance="pbx1"', '0 0 2x20'),
    ];
    const tests = [
      fires('TollgateDown', '1m', {}, undefined),
      fires('TollgateDown', '3m', { ...of, severity: 'critical' }, 'Tollgate on pbx1 does not answer'),
      fires('TollgatePartDown', '2m', {}, undefined),
      fires(
        'TollgatePartDown',
        '4m',
        { ...of, part: 'AMI pbx1', severity: 'critical' },
        'AMI pbx1 of Tollgate on pbx1 is down',
      ),
      fires('TollgateDecidesWithoutStore', '1m', {}, undefined),
      fires(
        'TollgateDecidesWithoutStore',
        '3m',
        { ...of, severity: 'critical' },
        'Calls on pbx1 are decided without the store',
      ),
      fires(
        'TollgateLimitNearlyUsed',
        '12m',
        { rule: 'day', counts: 'limits', severity: 'info' },
        'Rule day is at 95% of its limits',
      ),
      fires(
        'TollgateHoldsExpire',
        '3m',
        { ...of, outcome: 'expired', severity: 'warning' },
        'Nobody decided a held call on pbx1 (expired)',
      ),
      fires('TollgateRefusesMostCalls', '5m', {}, undefined),
      fires(
        'TollgateRefusesMostCalls',
        '25m',
        { instance: 'pbx1', severity: 'warning' },
        'pbx1 refuses 75% of all calls',
      ),
      fires(
        'TollgatePoliciesDiffer',
        '4m',
        { job: 'tollgate', severity: 'warning' },
        'Nodes of tollgate follow different versions of the policy',
      ),
      fires(
        'TollgateFirewallDrift',
        '3m',
        { ...of, severity: 'warning' },
        'Somebody changed the packet filter of pbx1',
      ),
    ];
    // A description may change without a test; promtool compares every annotation, so the rules are tried without it.
    const rules = parse(await readFile(RULES, 'utf8'));
    for (const group of rules.groups) for (const rule of group.rules) delete rule.annotations.description;
    await writeFile(join(folder, 'rules.yaml'), stringify(rules));
    await check(['test', 'rules'], 'rules-test.yaml', {
      rule_files: ['rules.yaml'],
      evaluation_interval: '1m',
      tests: [{ interval: '1m', input_series: series, alert_rule_test: tests }],
    });
  });
});

describe('the dashboard', () => {
  test('asks Prometheus in its language', async () => {
    const rules = (await queriesOf()).map((expr, at) => ({
      record: `tried:query:${at}`,
      expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*'),
    }));
    expect(rules.length).toBeGreaterThan(30);
    expect(rules.filter(({ expr }) => expr.includes('$'))).toEqual([]);
    await check(['check', 'rules'], 'queries.yaml', { groups: [{ name: 'dashboard', rules }] });
  });

  test('has panels that lie beside each other, each with a number of its own', async () => {
    const { panels } = await readDashboard();
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
  });
});

describe('dashboard and rules', () => {
  test('name only metrics that a daemon has, with labels that they have', async () => {
    const tollgate = await startTestDaemon();
    let families: ReadonlyMap<string, Family>;
    try {
      families = readExposition(await (await fetch(`http://127.0.0.1:${tollgate.webPort}/metrics`)).text());
    } finally {
      await tollgate.stop();
    }
    const docs = await readFile(join(FOLDER, '../../docs/metrics.md'), 'utf8');
    const labels = new Map(
      [...docs.matchAll(/^\| `(tollgate_\w+)` \| \w+ \|([^|]*)\|/gm)].map(([, name = '', list = '']) => [
        name,
        list.match(/\w+/g) ?? [],
      ]),
    );
    const wrong = (query: string): string[] => {
      const named = namedIn(query);
      const bases = named.metrics.map((name) =>
        families.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, ''),
      );
      // Every series has the first two by the one who scrapes it.
      const known = new Set(['instance', 'job', 'le', ...bases.flatMap((name) => labels.get(name) ?? [])]);
      return [...bases.filter((name) => !families.has(name)), ...named.labels.filter((label) => !known.has(label))];
    };
    const queries = [...(await readRules()).map(({ expr }) => expr), ...(await queriesOf())];
    expect(queries.map((query) => [query, wrong(query)] as const).filter(([, found]) => found.length > 0)).toEqual([]);
    expect(wrong('sum by (extension) (tollgate_nothing)')).toEqual(['tollgate_nothing', 'extension']);
  });

  test('show everything that is measured', async () => {
    const named = new Set(
      [...(await readRules()).map(({ expr }) => expr), ...(await queriesOf())].flatMap(
        (query) => namedIn(query).metrics,
      ),
    );
    const docs = await readFile(join(FOLDER, '../../docs/metrics.md'), 'utf8');
    const all = [...docs.matchAll(/^\| `(tollgate_\w+)` \|/gm)].map(([, name = '']) => name);
    const unseen = all.filter((name) => ![name, `${name}_bucket`, `${name}_count`].some((each) => named.has(each)));
    // What only explains the others.
    const explaining = [
      'info',
      'policy_rules',
      'web_connections',
      'agi_ended_total',
      'hostile_events_waiting',
      'process_open_fds',
      'process_start_time_seconds',
    ];
    expect(unseen.sort()).toEqual(explaining.map((name) => `tollgate_${name}`).sort());
  });
});
