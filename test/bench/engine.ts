/**
 * Row `engine`: decisions a second of the limit store from one Node process, against what the same store answers to
 * trivial commands of redis-benchmark, and against the nearest peer.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
import type { Processes, Store } from './processes.ts';

const run = promisify(execFile);

/** PING a second with 50 connections. */
async function pingsPerSecond(port: number, requests: number): Promise<number> {
  const args = ['-h', '127.0.0.1', '-p', String(port), '-c', '50', '-n', String(requests), '-t', 'ping_mbulk', '--csv'];
  const { stdout } = await run('redis-benchmark', args);
  const found = /^"PING_MBULK","([\d.]+)"/m.exec(stdout);
  if (found === null) throw new Error('redis-benchmark gave no figure');
  return Number(found[1]);
}

const BUCKETS = [8, 4] as const;
const ENGINES = ['own', 'peer', 'prototype'] as const;

const TARGETS: Readonly<Record<(typeof BUCKETS)[number], { readonly ping: Bound; readonly peer: Bound }>> = {
  8: { ping: { least: 0.4, failsBelow: 0.3 }, peer: { least: 2.8, failsBelow: 1.5 } },
  4: { ping: { least: 0.55, failsBelow: 0.4 }, peer: { least: 2, failsBelow: 1.5 } },
};

export async function measureEngine(
  processes: Processes,
  store: Store,
  options: { readonly rounds: number; readonly forMs: number; readonly onRound: (round: number) => void },
): Promise<Figure[]> {
  const workers = {
    own: await processes.worker('engine', 'tollgate', String(store.port)),
    peer: await processes.worker('engine', 'rate-limiter-flexible', String(store.port)),
    prototype: await processes.worker('engine', 'prototype', String(store.port)),
  };
  const pings: number[] = [];
  const series = (): Record<keyof typeof workers, Record<4 | 8, number[]>> => ({
    own: { 4: [], 8: [] },
    peer: { 4: [], 8: [] },
    prototype: { 4: [], 8: [] },
  });
  const rates = series();
  const cpu = series();

  const decisions = async (engine: keyof typeof workers, buckets: 4 | 8, keep: boolean): Promise<void> => {
    // The records of calls stay for two minutes; without this a long benchmark would measure a growing store.
    await store.admin.flushall('SYNC');
    const { perSecond, cpuMicros } = await workers[engine].ask({ buckets, forMs: keep ? options.forMs : 300 });
    if (!keep) return;
    rates[engine][buckets].push(perSecond ?? Number.NaN);
    cpu[engine][buckets].push(cpuMicros ?? Number.NaN);
  };
  for (const engine of ENGINES) for (const buckets of BUCKETS) await decisions(engine, buckets, false);
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound(round);
    pings.push(await pingsPerSecond(store.port, Math.round(options.forMs * 60)));
    const order = round % 2 === 0 ? ENGINES : ENGINES.toReversed();
    for (const engine of order) for (const buckets of BUCKETS) await decisions(engine, buckets, true);
  }

  return BUCKETS.flatMap((buckets): Figure[] => {
    const own = rates.own[buckets];
    const peer = rates.peer[buckets];
    const prototype = rates.prototype[buckets];
    const tollgate = `${show(median(own))}/s, ${show(median(cpu.own[buckets]))} us CPU`;
    return [
      {
        row: 'engine',
        figure: `decisions/s, ${buckets} charges, two windows, over PING`,
        tollgate,
        against: `redis-benchmark PING ${show(median(pings))}/s`,
        ratio: ratioOf(own, pings),
        bound: TARGETS[buckets].ping,
      },
      {
        row: 'engine',
        figure: `decisions/s, ${buckets} charges, over the peer`,
        tollgate,
        against: `rate-limiter-flexible ${show(median(peer))}/s, ${show(median(cpu.peer[buckets]))} us CPU`,
        ratio: ratioOf(own, peer),
        bound: TARGETS[buckets].peer,
      },
      // Says how much of a distance to PING is the machine's: the least that a script can do stands in the same place.
      {
        row: 'engine',
        figure: `decisions/s, ${buckets} charges, over the prototype`,
        tollgate,
        against: `one-window prototype ${show(median(prototype))}/s, ${show(median(cpu.prototype[buckets]))} us CPU`,
        ratio: ratioOf(own, prototype),
      },
      {
        row: 'engine',
        figure: `for comparison: the prototype itself, ${buckets} keys, over PING`,
        tollgate: '',
        against: `${show(median(prototype))}/s over ${show(median(pings))}/s`,
        ratio: ratioOf(prototype, pings),
      },
    ];
  });
}
