/** Bans, what leads to them, and the packet filter as metrics. Never an address. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry } from 'prom-client';
import type { Ban } from '../bans/ban.ts';
import type { Defence } from '../bans/defence.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Clock } from '../clock.ts';
import { SERVICES } from '../policy/settings.ts';
import type { Registrations } from '../registrations/registrations.ts';
import { byName, counter, gauge, type Reading, type Sample } from './collected.ts';

/** Whoever bans by hand may name any service. */
const NAMED_SERVICES: ReadonlySet<string> = new Set([...SERVICES, 'all']);
const SWEEP_PIECE = 2000;
/** Reading the packet counts of 100,000 bans takes a second; it rests fifty times as long as it took. */
const REST_TIMES = 50;

export function defenceMetrics(
  register: Registry,
  deps: {
    readonly bans: { readonly all: () => Iterable<Ban> };
    readonly defence: Pick<Defence, 'state'>;
    readonly firewall: Pick<FirewallService, 'state' | 'counters'>;
    readonly registrations: Pick<Registrations, 'state'>;
    readonly clock: Pick<Clock, 'monotonicMs'>;
  },
): void {
  const { defence, firewall, registrations } = deps;
  gauge(register, {
    name: 'tollgate_bans',
    help: 'Bans in force, by who made them and what was attacked. Every node of a tenant has the same.',
    labelNames: ['origin', 'service'],
    read: () => countBans(deps.bans.all()),
  });
  counter(register, {
    name: 'tollgate_automatic_bans_total',
    help: 'Bans that this node made by itself.',
    read: () => defence.state().bans,
  });
  counter(register, {
    name: 'tollgate_hostile_events_total',
    help: 'Hostile events that were counted.',
    read: () => defence.state().counted,
  });
  counter(register, {
    name: 'tollgate_hostile_events_lost_total',
    help: 'Hostile events that were not counted: too many waited, or the store was away.',
    read: () => defence.state().lost,
  });
  gauge(register, {
    name: 'tollgate_hostile_events_waiting',
    help: 'Hostile events that wait to be counted.',
    read: () => defence.state().waiting,
  });
  counter(register, {
    name: 'tollgate_registrations_removed_total',
    help: 'Registrations that were taken away because they came from elsewhere.',
    read: () => registrations.state().removed,
  });
  gauge(register, {
    name: 'tollgate_firewall_in_force',
    help: 'Whether the kernel does what is wanted, 1 or 0; absent where firewall.backend is none.',
    read: () => (firewall.state().backend === 'none' ? undefined : Number(firewall.state().inForce)),
  });
  counter(register, {
    name: 'tollgate_firewall_drift_total',
    help: 'Differences found in the kernel and mended that Tollgate had not made.',
    read: () => firewall.state().drift,
  });
  gauge(register, {
    name: 'tollgate_firewall_last_check_timestamp_seconds',
    help: 'When the kernel was last compared with what is wanted; absent where firewall.backend is none.',
    read: () => {
      const { backend, lastCheckAt } = firewall.state();
      return backend === 'none' || lastCheckAt === undefined ? undefined : lastCheckAt / 1000;
    },
  });
  counter(register, {
    name: 'tollgate_firewall_dropped_packets_total',
    help: 'Packets that the kernel dropped, by why; counted since its table was made, and read between two scrapes.',
    labelNames: ['reason'],
    read: lastDropped(firewall, deps.clock),
  });
}

async function countBans(bans: Iterable<Ban>): Promise<readonly Sample[]> {
  const counts = new Map<string, number>();
  let looked = 0;
  for (const { origin, service } of bans) {
    // Calls are decided in between.
    if (++looked % SWEEP_PIECE === 0) await nextTurn();
    const key = `${origin} ${NAMED_SERVICES.has(service) ? service : 'other'}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, value]) => {
    const [origin = '', service = ''] = key.split(' ');
    return { labels: { origin, service }, value };
  });
}

/** What is known by now; asks the kernel anew for the next time, so that nobody waits for it. */
function lastDropped(firewall: Pick<FirewallService, 'counters'>, clock: Pick<Clock, 'monotonicMs'>): () => Reading {
  let known: readonly Sample[] = [];
  let againAtMs = 0;
  const ask = async (): Promise<void> => {
    const startMs = clock.monotonicMs();
    againAtMs = Number.POSITIVE_INFINITY;
    const counters = await firewall.counters();
    againAtMs = clock.monotonicMs() + REST_TIMES * (clock.monotonicMs() - startMs);
    if (counters === undefined) return;
    const packets = Object.entries(counters.dropped).map(([reason, traffic]) => [reason, traffic.packets] as const);
    known = byName('reason', Object.fromEntries(packets));
  };
  return () => {
    if (clock.monotonicMs() >= againAtMs) void ask();
    return known;
  };
}
