/**
 * Rows `agi`, `latency` and `pipelining`: the daemon as `tollgate serve` runs it, asked over FastAGI, against a server
 * that does nothing. Daemon, floor, store and the Asterisk that asks are processes of their own.
 *
 * There are two floors: one that sends one command, as Tollgate does, which judges; and one that sets two variables by
 * two commands, as servers usually do, for information.
 */
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultPolicyDocument, type PolicyDocument } from '../../src/policy/document.ts';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
import { cpuMicros, type Processes, type Store, until, type Worker } from './processes.ts';
import { documentOf, ROOMY } from './subjects.ts';

/** Eight charges for each call: two on the extension, three groups, two on the trunk, one for all. Two rules do not apply. */
const POLICY = documentOf({
  groups: Object.fromEntries(['agents', 'campaign-a', 'floor-2'].map((id) => [id, { members: ['10000-14999'] }])),
  trunks: Object.fromEntries(Array.from({ length: 8 }, (_, at) => [`trunk-${at}`, {}])),
  rules: [
    { id: 'extension-rate', countPer: 'extension', limits: ROOMY },
    { id: 'extension-day', countPer: 'extension', limits: ROOMY },
    { id: 'group-rate', countPer: 'group', limits: ROOMY },
    { id: 'trunk-rate', countPer: 'trunk', limits: ROOMY },
    { id: 'trunk-day', countPer: 'trunk', limits: ROOMY },
    { id: 'system-rate', countPer: 'system', limits: ROOMY },
    { id: 'lobby', appliesTo: { extensions: ['9000-9010'] }, limits: ['1/1m'] },
    { id: 'switched-off', limits: ['1/1m'], enabled: false },
  ],
});

interface Server {
  readonly port: number;
  readonly pid: number;
}

/** Starts the program itself on a state folder that holds the policy. @param more further sections of its configuration */
export async function startTollgate(
  processes: Processes,
  store: Store,
  tenant: string,
  document: PolicyDocument,
  more = '',
): Promise<Server & { readonly logPath: string }> {
  const state = await processes.folder();
  const config = join(state, 'tollgate.yaml');
  const logPath = join(state, 'log');
  await writeFile(
    config,
    `node: bench
redis: { url: ${store.socketPath}, tenant: ${tenant} }
agi: { listen: "127.0.0.1:0" }
http: { listen: "127.0.0.1:0" }
log: { format: json }
${more}`,
  );
  const kept = { policy: document, generations: {} };
  const snapshot = { version: 2, changedAt: new Date().toISOString(), changedBy: 'bench', document: kept };
  await writeFile(join(state, 'policy.json'), JSON.stringify(snapshot));
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const child = processes.program(main, ['serve', '--config', config, '--state', state], openSync(logPath, 'a'));
  let log = '';
  const reading = setInterval(() => void readFile(logPath, 'utf8').then((text) => (log = text)), 20);
  try {
    const port = await until('the daemon', () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended: ${log}`);
      return /"agi":"127\.0\.0\.1:(\d+)"/.exec(log)?.[1];
    });
    return { port: Number(port), pid: child.pid ?? -1, logPath };
  } finally {
    clearInterval(reading);
  }
}

async function startFloor(processes: Processes, commands: number): Promise<Server> {
  const worker = await processes.worker('agi-noop', String(commands));
  const { port } = await worker.ask({});
  return { port: port ?? 0, pid: worker.pid };
}

const SERVERS = ['tollgate', 'fresh', 'floor', 'floorTwo'] as const;
type ServerName = (typeof SERVERS)[number];
type Series = Record<ServerName, number[]>;
const series = (): Series => ({ tollgate: [], fresh: [], floor: [], floorTwo: [] });

const TARGETS = {
  oneWrite: { least: 0.65, failsBelow: 0.5 },
  lines: { least: 0.8, failsBelow: 0.65 },
  cpu: { most: 1.4, failsAbove: 1.8 },
  p50: { most: 1.5, failsAbove: 2 },
  p99: { most: 1.5, failsAbove: 2.5 },
} satisfies Record<string, Bound>;

export interface AgiOptions {
  readonly rounds: number;
  readonly forMs: number;
  readonly openForMs: number;
  readonly rows: { readonly agi: boolean; readonly latency: boolean; readonly pipelining: boolean };
  readonly onRound: (round: number) => void;
  /** Anything that makes the figures worth less. */
  readonly onDoubt: (text: string) => void;
}

export async function measureAgi(processes: Processes, store: Store, options: AgiOptions): Promise<Figure[]> {
  await store.admin.flushall('SYNC');
  const servers = {
    tollgate: await startTollgate(processes, store, 'eight', POLICY),
    fresh: await startTollgate(processes, store, 'fresh', defaultPolicyDocument()),
    floor: await startFloor(processes, 0),
    floorTwo: await startFloor(processes, 2),
  };
  const load = await processes.worker('agi-load');
  let asked = 0;
  let notAllowed = 0;
  const ask = async (name: ServerName, question: object) => {
    const answer = await load.ask({ ...question, port: servers[name].port });
    asked += answer['calls'] ?? 0;
    notAllowed += answer['notAllowed'] ?? 0;
    return answer;
  };

  const rate = { one: series(), lines: series() };
  const cpu = { one: series(), lines: series() };
  const p50 = series();
  const p99 = series();
  let early = 0;
  const closed = async (name: ServerName, writes: 'one' | 'lines', forMs: number, keep: boolean): Promise<void> => {
    const before = cpuMicros(servers[name].pid);
    const answer = await ask(name, { kind: 'closed', connections: 100, forMs, lines: writes === 'lines' });
    const micros = cpuMicros(servers[name].pid) - before;
    early += answer['pipelined'] ?? 0;
    if (!keep) return;
    rate[writes][name].push(answer['perSecond'] ?? Number.NaN);
    cpu[writes][name].push(micros / (answer['calls'] ?? Number.NaN));
  };
  const open = async (name: ServerName): Promise<void> => {
    const answer = await ask(name, { kind: 'open', perSecond: 500, forMs: options.openForMs, lines: true });
    p50[name].push(answer['p50'] ?? Number.NaN);
    p99[name].push(answer['p99'] ?? Number.NaN);
  };

  const { agi, latency, pipelining } = options.rows;
  if (agi || latency) {
    const warmMs = Math.min(1500, 2 * options.forMs);
    for (const name of SERVERS)
      for (const writes of ['one', 'lines'] as const) await closed(name, writes, warmMs, false);
    for (let round = 0; round < options.rounds; round += 1) {
      options.onRound(round);
      const order = round % 2 === 0 ? SERVERS : SERVERS.toReversed();
      if (agi) {
        for (const name of order) await closed(name, 'one', options.forMs, true);
        for (const name of order) if (name !== 'fresh') await closed(name, 'lines', options.forMs, true);
      }
      if (latency) for (const name of order) if (name !== 'fresh') await open(name);
    }
  }
  const figures = [
    ...(agi ? agiFigures(rate, cpu) : []),
    ...(latency ? latencyFigures(p50, p99) : []),
    ...(pipelining ? [await pipelined(load, servers.tollgate, early)] : []),
  ];
  const log = await readFile(servers.tollgate.logPath, 'utf8');
  const troubles = log.split('\n').filter((line) => /"level":"(warn|error|fatal)"/.test(line));
  if (troubles.length > 0) options.onDoubt(`${troubles.length} lines of trouble in the daemon's log: ${troubles[0]}`);
  if (notAllowed > 0) {
    // Quick answers that are not the right ones must not pass for speed.
    options.onDoubt(`${notAllowed} of ${asked} calls were not allowed: the AGI and latency rows are not judged`);
    return figures.map(({ bound, ...figure }) =>
      figure.row === 'pipelining' && bound ? { ...figure, bound } : figure,
    );
  }
  return figures;
}

function agiFigures(rate: Record<'one' | 'lines', Series>, cpu: typeof rate): Figure[] {
  const rated = (
    figure: string,
    writes: 'one' | 'lines',
    own: ServerName,
    floor: ServerName,
    bound?: Bound,
  ): Figure => ({
    row: 'agi',
    figure,
    tollgate: `${show(median(rate[writes][own]))}/s`,
    against: `${FLOORS[floor]} ${show(median(rate[writes][floor]))}/s`,
    ratio: ratioOf(rate[writes][own], rate[writes][floor]),
    ...(bound === undefined ? {} : { bound }),
  });
  const used = (
    figure: string,
    writes: 'one' | 'lines',
    own: ServerName,
    floor: ServerName,
    bound?: Bound,
  ): Figure => ({
    row: 'agi',
    figure,
    tollgate: `${show(median(cpu[writes][own]))} us`,
    against: `${FLOORS[floor]} ${show(median(cpu[writes][floor]))} us`,
    ratio: ratioOf(cpu[writes][own], cpu[writes][floor]),
    ...(bound === undefined ? {} : { bound }),
  });
  return [
    rated('AGI decisions/s, 8 charges, c=100, one write', 'one', 'tollgate', 'floor', TARGETS.oneWrite),
    rated('same', 'one', 'tollgate', 'floorTwo'),
    rated('same, policy of a new install (1 charge)', 'one', 'fresh', 'floor'),
    rated("same, 8 charges, Asterisk's line writes", 'lines', 'tollgate', 'floor', TARGETS.lines),
    rated('same', 'lines', 'tollgate', 'floorTwo'),
    used("server CPU per AGI decision, Asterisk's line writes", 'lines', 'tollgate', 'floor', TARGETS.cpu),
    used('same', 'lines', 'tollgate', 'floorTwo'),
    used('server CPU per AGI decision, one write', 'one', 'tollgate', 'floor'),
    used('same', 'one', 'tollgate', 'floorTwo'),
    used('same, policy of a new install (1 charge)', 'one', 'fresh', 'floor'),
  ];
}

const FLOORS: Readonly<Record<ServerName, string>> = {
  tollgate: '',
  fresh: '',
  floor: 'no-op, one EXEC',
  floorTwo: 'no-op, two SET VARIABLE',
};

function latencyFigures(p50: Series, p99: Series): Figure[] {
  const row = (name: string, values: Series, floor: 'floor' | 'floorTwo', bound?: Bound): Figure => ({
    row: 'latency',
    figure: `${name} at 500 calls/s, open loop`,
    tollgate: `${show(median(values.tollgate))} ms`,
    against: `${FLOORS[floor]} ${show(median(values[floor]))} ms`,
    ratio: ratioOf(values.tollgate, values[floor]),
    ...(bound === undefined ? {} : { bound }),
  });
  return [
    row('p50', p50, 'floor', TARGETS.p50),
    row('p50', p50, 'floorTwo'),
    row('p99', p99, 'floor', TARGETS.p99),
    row('p99', p99, 'floorTwo'),
  ];
}

/** Each command is answered 5 ms late; whatever comes meanwhile was sent too soon. */
async function pipelined(load: Worker, server: Server, early: number): Promise<Figure> {
  const calls = 400;
  const answer = await load.ask({ kind: 'slow', port: server.port, lines: true, calls, replyAfterMs: 5 });
  const value = early + (answer['pipelined'] ?? Number.NaN);
  return {
    row: 'pipelining',
    figure: 'AGI commands sent before the reply to the one before',
    tollgate: `${value} of ${calls} calls`,
    against: '',
    ratio: undefined,
    value,
    bound: { most: 0, failsAbove: 0 },
  };
}
