/**
 * Row `fraud`: what each starter pack leaks of published patterns of fraud, and whom of honest callers it bothers.
 *
 * No time is measured: the figures are the same on every machine. The table for the documentation is written beside the
 * results. See docs/traffic.md for what is replayed.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Policy } from '../../src/policy/policy.ts';
import { ATTACK_NAMES, type AttackName, attackCalls } from '../traffic/attacks.ts';
import { DAY_MS, FIRST_DAY_MS, type TrafficCall } from '../traffic/call.ts';
import {
  type AttackFigures,
  type HonestFigures,
  measureAttack,
  measureHonest,
  trafficRates,
} from '../traffic/measure.ts';
import { defaultPolicy, packPolicy, scenarioPolicy } from '../traffic/site-policy.ts';
import { honestCalls, SITES, type Site, type SiteName, siteOf } from '../traffic/sites.ts';
import type { Bound, Figure } from './figure.ts';

/** Of the mean over all patterns. */
const LEAK: Bound = { most: 0.003, failsAbove: 0.01 };
const DEAREST_AT_AN_OFFICE: Bound = { most: 150, failsAbove: 300 };
const REFUSED: Bound = { most: 1, failsAbove: 3 };
const HELD: Bound = { most: 5, failsAbove: 10 };

/** Weeks of honest calls; of the first ones the policy learns which countries are called. */
const WEEKS: Readonly<Record<SiteName, readonly [learnt: number, counted: number]>> = {
  office: [6, 26],
  company: [6, 6],
  hotel: [6, 12],
  'call-centre': [2, 2],
};
const SEED = 20_260;
/** The longest pattern begins in the second week and lasts for three. */
const WEEKS_AROUND_AN_ATTACK = 5;

/** Rules that know where fraud has been before; a thief may know a place that they do not. */
const LISTS = ['premium', 'risks'];

interface SiteFigures {
  readonly site: Site;
  readonly policy: string;
  readonly honest: HonestFigures;
  readonly attacks: ReadonlyMap<AttackName, AttackFigures>;
}

export async function measureFraud(options: {
  readonly quick: boolean;
  readonly onRound: (what: string) => void;
}): Promise<Figure[]> {
  const measured: SiteFigures[] = [];
  for (const name of SITES) {
    const site = siteOf(name);
    options.onRound(name);
    measured.push(await measureSite(site, 'starter pack', packPolicy(site), options.quick));
  }
  const office = siteOf('office');
  options.onRound('the office with other policies');
  const others = [
    await measureSite(office, 'the pack without its lists', packPolicy(office, LISTS), options.quick),
    await measureSite(
      office,
      'neither lists nor first calls',
      packPolicy(office, [...LISTS, 'first-call']),
      options.quick,
    ),
    await measureSite(office, 'the default rule, 5/1s', defaultPolicy(office), options.quick),
    await measureSite(office, 'the six scenario rules', scenarioPolicy(office), options.quick),
  ];
  await mkdir('bench-results', { recursive: true });
  await writeFile(
    join('bench-results', 'fraud.md'),
    `${attackTable(measured)}\n${siteTable([...measured, ...others])}`,
  );
  return measured.flatMap(figuresOf);
}

async function measureSite(site: Site, name: string, policy: Policy, quick: boolean): Promise<SiteFigures> {
  const rates = trafficRates();
  const [learnt, counted] = quick ? [4, 2] : WEEKS[site.name];
  const calls = honestCalls(site, { seed: SEED, weeks: Math.max(learnt + counted, WEEKS_AROUND_AN_ATTACK) });
  const honest = await measureHonest(calls, policy, rates, FIRST_DAY_MS + learnt * 7 * DAY_MS);
  const attacks = new Map<AttackName, AttackFigures>();
  for (const attack of ATTACK_NAMES) {
    const made = attackCalls(attack, site, SEED);
    attacks.set(attack, await measureAttack(made, around(made, calls, policy), policy, rates));
  }
  return { site, policy: name, honest, attacks };
}

/** The honest calls that an attack can meet in a count: those abroad, and those of the one whose extension was stolen. */
function around(attack: readonly TrafficCall[], honest: readonly TrafficCall[], policy: Policy): TrafficCall[] {
  const victims = new Set(attack.map(({ extension }) => extension));
  const untilMs = FIRST_DAY_MS + WEEKS_AROUND_AN_ATTACK * 7 * DAY_MS;
  return honest.filter(
    ({ startMs, extension, dialled }) =>
      startMs < untilMs &&
      ((victims.size === 1 && victims.has(extension)) || policy.readDestination(dialled).classes.has('international')),
  );
}

const share = ({ leaked, loss }: AttackFigures): number => leaked / loss;
const meanShare = (attacks: SiteFigures['attacks']): number =>
  [...attacks.values()].reduce((sum, each) => sum + share(each), 0) / attacks.size;
const dearest = (attacks: SiteFigures['attacks']): number =>
  Math.max(...[...attacks.values()].map(({ leaked }) => leaked));
const per10k = (count: number, { calls }: HonestFigures): number => (10_000 * count) / calls;

function figuresOf({ site, honest, attacks }: SiteFigures): Figure[] {
  const row = (figure: string, tollgate: string, against: string, value: number, bound?: Bound): Figure => ({
    row: 'fraud',
    figure: `${site.name}: ${figure}`,
    tollgate,
    against,
    ratio: undefined,
    value,
    ...(bound && { bound }),
  });
  const mean = meanShare(attacks);
  const calls = `${honest.calls.toLocaleString('en-US')} calls`;
  return [
    row('leaked of the loss, mean of patterns', percent(mean), `${attacks.size} patterns`, mean, LEAK),
    row(
      'dearest pattern, dollars',
      dollars(dearest(attacks)),
      'what it costs a site',
      dearest(attacks),
      site.name === 'office' ? DEAREST_AT_AN_OFFICE : undefined,
    ),
    row('honest calls refused, of 10,000', String(honest.refused), calls, per10k(honest.refused, honest), REFUSED),
    row('honest calls held, of 10,000', String(honest.held), calls, per10k(honest.held, honest), HELD),
    row('honest calls ended, of 10,000', String(honest.cut), calls, per10k(honest.cut, honest), REFUSED),
  ];
}

const dollars = (value: number): string =>
  `$${value.toLocaleString('en-US', value < 100 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { maximumFractionDigits: 0 })}`;
const percent = (value: number): string => `${(100 * value).toFixed(value < 0.1 ? 2 : 0)} %`;

function time(seconds: number | undefined): string {
  if (seconds === undefined) return 'never';
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

const rowOf = (...cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** What each pack leaks of each pattern. */
function attackTable(measured: readonly SiteFigures[]): string {
  const head = rowOf('pattern', ...measured.map(({ site }) => site.name));
  const lines = ATTACK_NAMES.map((name) =>
    rowOf(
      name,
      ...measured.map(({ attacks }) => {
        const one = attacks.get(name);
        if (one === undefined) return '';
        return `${dollars(one.leaked)} of ${dollars(one.loss)}, ${percent(share(one))}, ${time(one.stoppedAfterSeconds)}`;
      }),
    ),
  );
  return [head, rowOf('---', ...measured.map(() => '---')), ...lines, ''].join('\n');
}

function siteTable(measured: readonly SiteFigures[]): string {
  const lines = measured.map(({ site, policy, honest, attacks }) =>
    rowOf(
      `${site.name}, ${policy}`,
      percent(meanShare(attacks)),
      dollars(dearest(attacks)),
      honest.calls.toLocaleString('en-US'),
      ...[honest.refused, honest.held, honest.cut].map((count) => per10k(count, honest).toFixed(1)),
    ),
  );
  const head = ['site and policy', 'leaked, mean', 'dearest pattern', 'honest calls', 'refused', 'held', 'ended'];
  return [rowOf(...head), rowOf(...head.map(() => '---')), ...lines, ''].join('\n');
}
