/**
 * Row `scaling`: decisions of many tenants on a cluster of one shard and of three, as ratios over one tenant on one shard
 * in the same round.
 *
 * One machine cannot show what three machines do: generator and shards share its cores. What does carry over is what the
 * busiest shard has to do for each decision of all tenants together, because that is what ends first.
 */
import { startCluster } from '../support/redis-fleet.ts';
import { type Figure, median, ratioOf, show } from './figure.ts';
import { cpuMicros, type Processes } from './processes.ts';

const SHARDS = [1, 3] as const;
const TENANTS = [1, 3, 12, 48] as const;

interface Measured {
  readonly perSecond: number[];
  readonly p50: number[];
  readonly p99: number[];
  readonly busiest: number[];
  readonly own: number[];
}

export async function measureScaling(
  processes: Processes,
  options: { readonly rounds: number; readonly forMs: number; readonly onRound: (round: number) => void },
): Promise<Figure[]> {
  const sides = await Promise.all(
    SHARDS.map(async (shards) => {
      const fleet = await startCluster({ shards });
      processes.onClose(fleet.stop);
      // As many on each shard as can be: an operator chooses names so.
      const spread = Array.from(fleet.servers, (): string[] => []);
      for (let number = 0; spread.some((names) => names.length < 48 / shards); number++) {
        const owner = fleet.servers.indexOf(await fleet.ownerOf(`tollgate:{t${number}}:x`));
        if ((spread[owner]?.length ?? 48) < 48 / shards) spread[owner]?.push(`t${number}`);
      }
      const names = Array.from(
        { length: 48 },
        (_, index) => spread[index % shards]?.[Math.floor(index / shards)] ?? '',
      );
      return { shards, fleet, names, worker: await processes.worker('scaling', JSON.stringify(fleet.target)) };
    }),
  );
  const cases = sides.flatMap((side) =>
    TENANTS.map((tenants) => {
      const measured: Measured = { perSecond: [], p50: [], p99: [], busiest: [], own: [] };
      return { side, tenants, measured };
    }),
  );
  const measure = async ({ side, tenants, measured }: (typeof cases)[number], keep: boolean): Promise<void> => {
    for (const server of side.fleet.servers) await server.ask('flushall', 'sync');
    const before = side.fleet.servers.map(({ pid }) => cpuMicros(pid));
    const forMs = keep ? options.forMs : 200;
    const answer = await side.worker.ask({ tenants: side.names.slice(0, tenants), forMs });
    const spent = side.fleet.servers.map(({ pid }, index) => cpuMicros(pid) - (before[index] ?? 0));
    if (!keep) return;
    measured.perSecond.push(answer['perSecond'] ?? Number.NaN);
    measured.p50.push(answer['p50'] ?? Number.NaN);
    measured.p99.push(answer['p99'] ?? Number.NaN);
    measured.own.push(answer['cpuMicros'] ?? Number.NaN);
    measured.busiest.push(Math.max(...spent) / (answer['decisions'] ?? Number.NaN));
  };
  for (const each of cases) await measure(each, false);
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound(round);
    for (const each of round % 2 === 0 ? cases : cases.toReversed()) await measure(each, true);
  }
  const base = cases[0]?.measured;
  if (base === undefined) return [];
  return cases.flatMap(({ side, tenants, measured }): Figure[] => {
    const what = `${tenants} ${tenants === 1 ? 'tenant' : 'tenants'} on ${side.shards} ${side.shards === 1 ? 'shard' : 'shards'}`;
    const row = (figure: string, unit: string, own: readonly number[], other: readonly number[]): Figure => ({
      row: 'scaling',
      figure: `${figure}, ${what}`,
      tollgate: `${show(median(own))}${unit}`,
      against: `1 tenant on 1 shard ${show(median(other))}${unit}`,
      ratio: ratioOf(own, other),
    });
    return [
      row('decisions/s', '/s', measured.perSecond, base.perSecond),
      row('median latency', ' ms', measured.p50, base.p50),
      row('p99 latency', ' ms', measured.p99, base.p99),
      row('CPU of the busiest shard per decision', ' us', measured.busiest, base.busiest),
      row('CPU of the daemons per decision', ' us', measured.own, base.own),
    ];
  });
}
