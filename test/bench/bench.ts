/**
 * Measures every row of the target table for Tollgate as it is: `npm run bench [-- --quick] [-- --only ROW]`.
 *
 * Ends with code 1 if a row is past the bound at which it fails; a missed target is shown and does not fail. Started by
 * run.ts, compiled.
 */
import { accessSync, constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseArgs } from 'node:util';
import { PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import { measureAgi } from './agi.ts';
import { measureAlerts } from './alerts.ts';
import { measureAppendOnlyFile } from './append-only-file.ts';
import { measureApprovals } from './approvals.ts';
import { measureCounting } from './counting.ts';
import { measureEngine } from './engine.ts';
import { type Figure, judge } from './figure.ts';
import { measureFirewall } from './firewall.ts';
import { measureFraud } from './fraud.ts';
import { measureLeaks } from './leaks.ts';
import { measureMemory } from './memory.ts';
import { measureMetrics } from './metrics.ts';
import { createProcesses } from './processes.ts';
import { measureScaling } from './scaling.ts';
import { measureScriptCost } from './script-cost.ts';
import { readEnvironment, renderTable } from './table.ts';

const ROWS = [
  'leaks',
  'script',
  'counting',
  'engine',
  'metrics',
  'alerts',
  'agi',
  'latency',
  'memory',
  'aof',
  'pipelining',
  'approvals',
  'firewall',
  'scaling',
  'fraud',
] as const;
type Row = (typeof ROWS)[number];

const FULL = {
  rounds: 9,
  decisions: 12_000,
  engineMs: 1200,
  agiMs: 1500,
  openMs: 4000,
  heldCalls: 34,
  bans: 100,
  floodMs: 5000,
};
const QUICK = {
  rounds: 5,
  decisions: 3000,
  engineMs: 250,
  agiMs: 350,
  openMs: 800,
  heldCalls: 20,
  bans: 50,
  floodMs: 3000,
};

const NOTES = [
  'Ratios are taken round by round, in one run; the median decides. Absolute figures are of this machine and its other load.',
  'Everything (store, daemon, floor, generator) shares the cores listed above: the closed-loop AGI rates are bounded by the generator as well, which flatters the slower side; the rows of CPU per decision depend on it less.',
  'The floors of the AGI rows that are judged send one EXEC, as Tollgate does; the ones with two SET VARIABLE are shown for comparison.',
  'The peer has one fixed window where Tollgate has two token buckets and a record of the call.',
  'Latency is until the server has closed, from the time at which the call was due, with the environment written line by line.',
  'Other load is not neutral: Tollgate keeps both Node and the store busy, the floors need less, so a busy machine lowers its ratios. Compare wide spreads with a run on a quiet machine.',
  'How far a decision is from PING or a no-op depends on what a system call costs on the machine; the rows over the prototype do not.',
  'The fraud rows are counts of a replay, the same on every machine; docs/traffic.md says of what.',
  'Decisions are measured with buckets that exist already, as on a busy system.',
  'The approvals rows are milliseconds, because people wait for them: from POST at the control socket to the INVITE by the carrier, with the decision on disk before it is acknowledged, and with all other calls of the round held meanwhile.',
  'The firewall rows are milliseconds from the datagram with the last wrong password to the first datagram of its sender that the host does not hear, one being sent each millisecond; the floor is from the start of nft to the same.',
  'In the rows of alerts every call of the storm exceeds a limit and raises an alert, and is kept in the journal in full, which the calm ones are not.',
  'The scaling rows share the cores listed above between the daemons of all tenants and all shards: their rates say what sharing costs, not what more machines give. The CPU of the busiest shard per decision of all tenants is what carries over.',
  'The rows of counting are of calls that go, in the state in which they cost most: a place in advance, a full ring, slots in use. A refusal costs less.',
];

const isRow = (text: string): text is Row => (ROWS as readonly string[]).includes(text);

function isProgram(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { quick: { type: 'boolean', default: false }, only: { type: 'string', multiple: true } },
  });
  const chosen = values.only ?? ROWS;
  const unknown = chosen.filter((row) => !isRow(row));
  if (unknown.length > 0) {
    console.error(`no such row: ${unknown.join(', ')}; there are ${ROWS.join(', ')}`);
    return 2;
  }
  const wanted = (row: Row): boolean => chosen.includes(row);
  const size = values.quick ? QUICK : FULL;
  const programs = ['redis-server', 'valkey-server'].filter(isProgram);
  if (!programs.includes('redis-server') || !isProgram('redis-benchmark')) {
    console.error('redis-server and redis-benchmark are needed on PATH');
    return 2;
  }

  const startMs = performance.now();
  const say = (text: string): void => {
    const seconds = String(Math.round((performance.now() - startMs) / 1000)).padStart(4);
    console.error(`${seconds} s  ${text}`);
  };
  const environment = await readEnvironment(programs);
  const doubts = new Set<string>();
  const figures: Figure[] = [];
  const processes = createProcesses();
  process.once('SIGINT', () => void processes.close().then(() => process.exit(130)));
  try {
    const store = await processes.store('redis-server');
    if (wanted('leaks')) {
      say('leaks');
      figures.push(...(await measureLeaks(store)));
    }
    for (const program of wanted('script') ? programs : []) {
      const measured = program === 'redis-server' ? store : await processes.store(program);
      const onRound = (round: number): void => say(`script on ${program}, round ${round + 1} of ${size.rounds}`);
      figures.push(...(await measureScriptCost(measured, { ...size, onRound })));
    }
    if (wanted('counting')) {
      const onRound = (round: number): void => say(`counting, round ${round + 1} of ${size.rounds}`);
      figures.push(...(await measureCounting(await processes.store('redis-server'), { ...size, onRound })));
    }
    if (wanted('engine')) {
      const onRound = (round: number): void => say(`engine, round ${round + 1} of ${size.rounds}`);
      figures.push(...(await measureEngine(processes, store, { rounds: size.rounds, forMs: size.engineMs, onRound })));
    }
    if (wanted('metrics')) {
      const onRound = (round: number): void => say(`metrics, round ${round + 1} of ${size.rounds}`);
      figures.push(...(await measureMetrics(await processes.store('redis-server'), { ...size, onRound })));
    }
    if (wanted('alerts')) {
      say('alerts: starting daemons and warming up');
      const onRound = (round: number): void => say(`alerts, round ${round + 1} of ${size.rounds}`);
      const onDoubt = (text: string): void => void doubts.add(text);
      const measured = await processes.store('redis-server');
      figures.push(...(await measureAlerts(processes, measured, { ...size, onRound, onDoubt })));
    }
    if (wanted('agi') || wanted('latency') || wanted('pipelining')) {
      say('AGI: starting daemons and warming up');
      figures.push(
        ...(await measureAgi(processes, store, {
          rounds: size.rounds,
          forMs: size.agiMs,
          openForMs: size.openMs,
          rows: { agi: wanted('agi'), latency: wanted('latency'), pipelining: wanted('pipelining') },
          onRound: (round) => say(`AGI, round ${round + 1} of ${size.rounds}`),
          onDoubt: (text) => doubts.add(text),
        })),
      );
    }
    if (wanted('memory')) {
      say('memory');
      figures.push(...(await measureMemory(await processes.store('redis-server'))));
    }
    if (wanted('aof')) {
      say('append-only file');
      figures.push(...(await measureAppendOnlyFile(await processes.store('redis-server', { appendOnly: true }))));
    }
    if (wanted('approvals')) {
      say('approvals: starting Asterisk, a carrier and a daemon');
      const onRound = (round: number): void => say(`approvals, round ${round + 1} of ${size.rounds}`);
      const onDoubt = (text: string): void => void doubts.add(text);
      try {
        const { rounds, heldCalls: calls } = size;
        figures.push(...(await measureApprovals(processes, { rounds, calls, onRound, onDoubt })));
      } catch (error) {
        if (!(error instanceof PackagesUnavailable)) throw error;
        onDoubt(`approvals were not measured, there is no Asterisk: ${error.message}`);
      }
    }
    if (wanted('fraud')) {
      const onRound = (what: string): void => say(`fraud, ${what}`);
      figures.push(...(await measureFraud({ quick: values.quick, onRound })));
    }
    if (wanted('firewall')) {
      say('firewall: starting Asterisk');
      const onRound = (text: string): void => say(`firewall, ${text}`);
      const onDoubt = (text: string): void => void doubts.add(text);
      try {
        const { bans, floodMs } = size;
        figures.push(...(await measureFirewall(processes, { bans, floodMs, onRound, onDoubt })));
      } catch (error) {
        if (!(error instanceof PackagesUnavailable)) throw error;
        onDoubt(`the firewall was not measured, there is no Asterisk: ${error.message}`);
      }
    }
    if (wanted('scaling')) {
      const onRound = (round: number): void => say(`scaling, round ${round + 1} of ${size.rounds}`);
      figures.push(...(await measureScaling(processes, { rounds: size.rounds, forMs: size.engineMs, onRound })));
    }
  } finally {
    await processes.close();
  }

  const loadAfter = loadavg()[0] ?? Number.NaN;
  const { node, stores, cores, processor, loadBefore } = environment;
  console.log(`\nNode ${node}; ${stores.join('; ')}; ${cores} cores, ${processor}`);
  console.log(`load ${loadBefore.toFixed(2)} before, ${loadAfter.toFixed(2)} after; ${size.rounds} rounds\n`);
  console.log(renderTable(figures));
  const notes = [...NOTES, ...[...doubts].map((doubt) => `DOUBT: ${doubt}`)];
  if (values.quick) notes.push('A quick run: short rounds, so the spreads are wide.');
  console.log(`\n${notes.map((note) => `- ${note}`).join('\n')}\n`);

  await mkdir('bench-results', { recursive: true });
  const judged = figures.map((figure) => ({ ...figure, verdict: judge(figure) || 'info' }));
  const result = { at: new Date().toISOString(), quick: values.quick, environment, loadAfter, figures: judged, notes };
  await writeFile(join('bench-results', 'bench.json'), `${JSON.stringify(result, undefined, 2)}\n`);
  const failed = judged.filter(({ verdict }) => verdict === 'FAIL');
  const missed = judged.filter(({ verdict }) => verdict === 'missed');
  say(`${failed.length} failed, ${missed.length} missed; bench-results/bench.json`);
  return failed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
