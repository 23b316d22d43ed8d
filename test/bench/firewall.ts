/**
 * Row `firewall`: from an attack to the first packet that the kernel drops, and how many hostile events a second are
 * counted without loss. On a real Asterisk, with the real packet filter in a network of its own.
 *
 * When dropping began is seen from outside: the attacker sends a datagram each millisecond, and the host says which came.
 * The floor is the least that any program which bans by nftables must do: one `nft add element`, seen in the same way, in
 * turns with the bans. Asterisk's own part, from the guess to its event, is shown by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { BanAnswerReport } from '../../src/api/bans-routes.ts';
import { connectAmi } from '../../src/asterisk/ami-connection.ts';
import { openBanList } from '../../src/bans/ban-list.ts';
import { startDefence } from '../../src/bans/defence.ts';
import { systemClock } from '../../src/clock.ts';
import { startAsterisk } from '../../src/demo/asterisk.ts';
import { createLog } from '../../src/log.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/policy/settings.ts';
import { type Actor, startActor } from '../support/actor.ts';
import { canHaveNetworks } from '../support/network-namespace.ts';
import { attackerAt, SIP, type Siege, startSiege } from '../support/siege.ts';
import { type Figure, show } from './figure.ts';
import { type Processes, type Store, until } from './processes.ts';
import { KEYS } from './subjects.ts';

export interface FirewallOptions {
  readonly bans: number;
  readonly floodMs: number;
  readonly onRound: (text: string) => void;
  /** Anything that makes the figures worth less. */
  readonly onDoubt: (text: string) => void;
}

const STREAM_PORT = 7777;
const ATTEMPTS = 5;
/** An answer that is late by this is taken for none to come; whether it was is checked. */
const STREAM = { streamTo: STREAM_PORT, silenceMs: 150, withinMs: 3000 } as const;
const FLOOR = `table inet floor {
  set banned {
    type ipv4_addr; flags timeout; counter;
  }
  chain arriving {
    type filter hook prerouting priority -311; policy accept;
    ip saddr @banned drop
  }
}
`;

/** @throws PackagesUnavailable where no Asterisk is to be had */
export async function measureFirewall(processes: Processes, options: FirewallOptions): Promise<Figure[]> {
  const counted = await measureCounting(processes, options);
  if (!(await canHaveNetworks())) {
    options.onDoubt('bans were not timed: that needs root, ip and nft');
    return counted;
  }
  return [...(await measureBans(processes, options)), ...counted];
}

interface Times {
  /** From the packet of the last guess, or the start of nft, to the first packet dropped. */
  readonly droppedMs: number[];
  /** From the same to Asterisk's event. */
  readonly eventMs: number[];
}

async function measureBans(processes: Processes, { bans, onRound, onDoubt }: FirewallOptions): Promise<Figure[]> {
  const siege = await startSiege({ attempts: ATTEMPTS });
  processes.onClose(siege.stop);
  const host = await startActor(siege.pair.host.command);
  processes.onClose(host.end);
  await host.ask('hear', { address: SIP.to, port: STREAM_PORT });
  await siege.pair.host.run('nft', FLOOR);
  const own: Times = { droppedMs: [], eventMs: [] };
  const floor: number[] = [];
  for (let each = 0; each < bans; each += 1) {
    if (each % 10 === 0) onRound(`ban ${each} of ${bans}`);
    const turns = [
      () => timeBan(siege, host, attackerAt(each), own),
      async () => void floor.push(await timeFloor(siege, host, attackerAt(1000 + each))),
    ];
    for (const turn of each % 2 === 0 ? turns : turns.reverse()) await turn();
  }
  const unseen = [...own.droppedMs, ...floor].filter((ms) => !Number.isFinite(ms)).length;
  if (unseen > 0) onDoubt(`${unseen} of ${2 * bans} addresses were not seen to be dropped within 3 s`);
  const row = (name: string, part: number, bound?: Figure['bound']): Figure => ({
    row: 'firewall',
    figure: `last guess to the first packet dropped, ${name} of ${bans}, ms`,
    tollgate: `${show(quantile(own.droppedMs, part))} ms, of which ${show(quantile(own.eventMs, part))} to Asterisk's event`,
    against: `nft add element ${show(quantile(floor, part))} ms`,
    ratio: undefined,
    value: quantile(own.droppedMs, part),
    ...(bound === undefined ? {} : { bound }),
  });
  return [row('p50', 0.5, { most: 50, failsAbove: 250 }), row('p99', 0.99, { most: 250, failsAbove: 1000 })];
}

async function timeBan(siege: Siege, host: Actor, from: string, times: Times): Promise<void> {
  const seen = await siege.outside.ask('provoke', { ...SIP, from, passwords: ATTEMPTS, ...STREAM });
  times.droppedMs.push((await firstDropped(host, from, seen.sentMs)) - seen.lastMs);
  const ban = JSON.parse(await siege.cli('bans', 'show', from, '--json')) as BanAnswerReport;
  times.eventMs.push(Date.parse(ban.evidence?.at(-1)?.at ?? '') - seen.lastAt);
}

async function timeFloor(siege: Siege, host: Actor, from: string): Promise<number> {
  const streaming = siege.outside.ask('provoke', { ...SIP, from, passwords: 0, ...STREAM });
  await sleep(100);
  const startMs = await host.ask('runAt', [
    'nft',
    'add',
    'element',
    'inet',
    'floor',
    'banned',
    `{ ${from} timeout 1h }`,
  ]);
  const { sentMs } = await streaming;
  return (await firstDropped(host, from, sentMs)) - startMs;
}

/** Not a number where the last one that was sent still came. */
const firstDropped = async (host: Actor, from: string, sentMs: readonly number[]): Promise<number> =>
  sentMs[(await host.ask('lastHeard', from)) + 1] ?? Number.NaN;

function quantile(values: readonly number[], part: number): number {
  const sorted = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

/** So long without another event, and there are no more. */
const QUIET_MS = 1500;
const RATES = [1000, 2000, 4000] as const;
/** Nobody is banned, so that every event is counted. */
const PATIENT: Settings = {
  ...DEFAULT_SETTINGS,
  autoBan: {
    ...DEFAULT_SETTINGS.autoBan,
    services: {
      ...DEFAULT_SETTINGS.autoBan.services,
      sipRegistration: { ...DEFAULT_SETTINGS.autoBan.services.sipRegistration, attempts: 1_000_000 },
    },
  },
};

async function measureCounting(processes: Processes, { floodMs, onRound }: FirewallOptions): Promise<Figure[]> {
  const store: Store = await processes.store('redis-server');
  const asterisk = await startAsterisk({ env: process.env, carriers: {}, dialplan: '[from-phones]\n' });
  processes.onClose(asterisk.stop);
  const { log } = createLog({ level: 'silent' });
  const connection = connectAmi({ name: 'pbx', ...asterisk.ami, log, clock: systemClock });
  processes.onClose(connection.close);
  await until('the manager interface is up', () => connection.state().up || undefined);
  const redis: Redis = store.admin.duplicate();
  processes.onClose(async () => redis.disconnect());
  const deps = { redis, keys: KEYS, clock: systemClock, log };
  const nobody = { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined };
  const bans = await openBanList({ ...deps, allowed: nobody, durably: (write) => write() });
  const defence = startDefence({
    ...{ ...deps, node: 'bench', manager: [connection], bans, allowed: { entryOf: () => undefined } },
    settings: () => PATIENT,
  });
  processes.onClose(async () => {
    await defence.close();
    bans.close();
  });
  let told = 0;
  connection.onEvent(['InvalidAccountID'], () => {
    told += 1;
  });
  const flood = await processes.worker('security-flood');
  const figures: Figure[] = [];
  for (const perSecond of RATES) {
    onRound(`${perSecond} events a second`);
    const before = { told, ...defence.state() };
    const startMs = performance.now();
    const { sent = 0 } = await flood.ask({ port: asterisk.sipPort, perSecond, forMs: floodMs });
    // Until no more come, and what came is counted.
    let doneMs = performance.now();
    for (let last = ''; ; ) {
      const now = defence.state();
      const seen = `${told} ${now.counted} ${now.lost}`;
      if (seen !== last) doneMs = performance.now();
      else if (performance.now() - doneMs > QUIET_MS) break;
      last = seen;
      await sleep(20);
    }
    const seconds = (doneMs - startMs) / 1000;
    const counted = defence.state().counted - before.counted;
    const lost = told - before.told - counted;
    figures.push({
      row: 'firewall',
      figure: `hostile events told by Asterisk and not counted, ${perSecond}/s for ${floodMs / 1000} s`,
      tollgate: `${lost} of ${show(told - before.told)}, ${show(counted / seconds)}/s counted`,
      against: `${show(sent)} attempts sent`,
      ratio: undefined,
      value: lost,
      ...(perSecond === RATES[0] ? { bound: { most: 0, failsAbove: 0 } } : {}),
    });
  }
  return figures;
}
