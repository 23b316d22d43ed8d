/**
 * What every part of the daemon says of itself: up or down, since when, and what to do.
 */
import type { Alerts } from './alerts/alerts.ts';
import type { WebServer } from './api/web-server.ts';
import type { AgiServer } from './asterisk/agi-server.ts';
import type { AmiConnection } from './asterisk/ami-connection.ts';
import type { AriConnection } from './asterisk/ari-connection.ts';
import type { Countries } from './bans/country.ts';
import type { Defence } from './bans/defence.ts';
import type { FirewallService } from './bans/firewall-service.ts';
import type { Clock } from './clock.ts';
import type { Journal } from './gate/journal.ts';
import type { StoreBreaker } from './gate/store-breaker.ts';
import type { Counts } from './gate/tally.ts';
import type { Latency } from './metrics/latencies.ts';
import type { EpochMs } from './policy/call.ts';
import type { Registrations } from './registrations/registrations.ts';
import type { PolicyStore } from './store/policy-store.ts';
import type { Vicidial } from './vicidial/vicidial.ts';

export interface PartStatus {
  readonly name: string;
  readonly state: 'up' | 'down';
  /** ISO 8601, UTC. */
  readonly since: string;
  readonly detail: string;
  /** What to do; empty when the part is up. */
  readonly remedy: string;
}

export interface Status {
  readonly node: string;
  readonly version: string;
  readonly state: 'working' | 'degraded';
  /** Since when it is in this state; ISO 8601, UTC. */
  readonly since: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly parts: readonly PartStatus[];
  readonly policy: {
    readonly version: number;
    readonly changedAt: string;
    readonly changedBy: string;
    readonly rules: number;
  };
  /** Verdicts since the start. */
  readonly calls: Counts;
  /** How long decisions and the store took in the last hour. */
  readonly latency: { readonly decisions: Latency; readonly store: Latency };
}

export function createStatus(deps: {
  readonly node: string;
  readonly version: string;
  readonly clock: Clock;
  readonly store: { readonly breaker: StoreBreaker; readonly place: string; readonly promise: () => string };
  readonly agi: AgiServer;
  readonly web: WebServer;
  readonly journal: Journal;
  readonly alerts: Pick<Alerts, 'state'>;
  readonly manager: readonly AmiConnection[];
  readonly holding: readonly AriConnection[];
  readonly countries: Countries;
  readonly registrations: Registrations;
  readonly defence: Pick<Defence, 'state'>;
  readonly firewall: Pick<FirewallService, 'state' | 'control'>;
  readonly policies: PolicyStore;
  readonly vicidial: Vicidial | undefined;
  readonly tally: { readonly counts: () => Counts };
  readonly metrics: { readonly latency: () => Status['latency'] };
}): () => Status {
  const { clock, store } = deps;
  const iso = (at: EpochMs): string => new Date(at).toISOString();
  const startedAt = iso(clock.now());

  const storeStatus = (): PartStatus => {
    const up = !store.breaker.isOpen();
    return {
      name: 'store',
      state: up ? 'up' : 'down',
      since: iso(store.breaker.since()),
      detail: up ? `${store.place}; ${store.promise()}` : store.place,
      remedy: up
        ? ''
        : `start the store or see its log; the daemon reconnects by itself. Until then ${withoutStore()}; nothing can be saved`,
    };
  };
  /** Which way calls go. */
  const withoutStore = (): string => {
    const rules = deps.policies.current().policy.document.rules.filter(({ enabled }) => enabled);
    const passing = rules.filter(({ whenStoreFails }) => whenStoreFails === 'allow').length;
    const several = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;
    return `calls go by whenStoreFails of each rule: ${several(passing, 'rule lets', 'rules let')} them pass, ${several(rules.length - passing, 'rule refuses', 'rules refuse')} them`;
  };
  const agiStatus = (): PartStatus => ({
    name: 'FastAGI',
    state: 'up',
    since: startedAt,
    detail: `${describeListen(deps.agi.address)}, ${deps.agi.connections()} connections`,
    remedy: '',
  });
  const webStatus = (): PartStatus => {
    const { address, baseUrl, connections } = deps.web;
    return {
      name: 'HTTP',
      state: 'up',
      since: startedAt,
      detail: `${describeListen(address)}, links lead to ${baseUrl().url}, ${connections()} connections`,
      remedy: '',
    };
  };
  const journalStatus = (): PartStatus => {
    const { waiting, lost } = deps.journal.backlog();
    return {
      name: 'journal',
      state: lost === 0 ? 'up' : 'down',
      since: startedAt,
      detail: `${waiting} decisions waiting to be written`,
      remedy:
        lost === 0 ? '' : `${lost} decisions were not kept while the store was away; nothing can be done about them`,
    };
  };

  const alertsStatus = (): PartStatus => {
    const { dropped, waiting, failing } = deps.alerts.state();
    const failed = failing.map(({ channel, problem }) => `channel ${channel} fails: ${problem}`);
    const remedies = [
      ...(failing.length === 0
        ? []
        : [`try it with tollgate alerts test ${failing[0]?.channel}; messages wait for a day`]),
      ...(dropped === 0 ? [] : [`${dropped} were dropped for want of room; nothing can be done about them`]),
    ];
    return {
      name: 'alerts',
      state: remedies.length === 0 ? 'up' : 'down',
      since: failed.length === 0 || dropped > 0 ? startedAt : failing.map(({ since }) => iso(since)).reduce(earlier),
      detail: [...failed, `${waiting} waiting to be written`].join('; '),
      remedy: remedies.join('; '),
    };
  };

  const managerStatus = (connection: AmiConnection): PartStatus => {
    const { up, since, problem } = connection.state();
    return {
      name: `AMI ${connection.name}`,
      state: up ? 'up' : 'down',
      since: iso(since),
      detail: up ? 'connected' : problem,
      remedy: up
        ? ''
        : 'see manager.conf and that Asterisk runs; until then the ends of calls are known from the dialplan alone',
    };
  };

  const holdingStatus = (connection: AriConnection): PartStatus => {
    const { up, since, problem } = connection.state();
    const remedy =
      'see ari.conf and http.conf, and that Asterisk runs; until then calls that need approval go by otherwise';
    return {
      name: `ARI ${connection.name}`,
      state: up ? 'up' : 'down',
      since: iso(since),
      detail: up ? 'connected' : problem,
      remedy: up ? '' : remedy,
    };
  };

  const defenceStatus = (): PartStatus => {
    const { enabled, peers, bans, waiting, lost, silent, problem, since } = deps.defence.state();
    const counts = `${bans} bans since the start, ${waiting} events waiting, ${lost} not counted, ${peers} known phones and trunks`;
    const trouble = problem ?? (silent.length === 0 ? undefined : `no security events from ${silent.join(', ')}`);
    return {
      name: 'automatic bans',
      state: trouble === undefined ? 'up' : 'down',
      since: iso(since),
      detail: `${enabled ? '' : 'switched off; '}${trouble === undefined ? counts : `${trouble}; ${counts}`}`,
      remedy:
        trouble === undefined
          ? ''
          : problem === undefined
            ? 'give the manager user read=security in manager.conf and reload it'
            : 'hostile events are counted again when the store is back; bans in force stay',
    };
  };

  const firewallStatus = (): PartStatus => {
    const { backend, since, problem, lastCheckAt, drift, waitsForBans } = deps.firewall.state();
    const { plan, pending } = deps.firewall.control.state();
    const facts = [
      BACKENDS[backend],
      ...(plan.portal === null ? [] : ['portal on']),
      ...(plan.isolation === null ? [] : ['ISOLATED']),
      ...(backend === 'none' ? [] : [`checked ${lastCheckAt === undefined ? 'never' : iso(lastCheckAt)}`]),
      ...(drift === 0 ? [] : [`${drift} differences mended`]),
      ...(waitsForBans && backend !== 'none' ? ['the bans are not known yet'] : []),
      ...(pending === undefined ? [] : [`${pending.what} not confirmed, undone at ${iso(pending.revertAt)}`]),
    ];
    return {
      name: 'firewall',
      state: problem === undefined ? 'up' : 'down',
      since: iso(since),
      detail: problem === undefined ? facts.join(', ') : problem,
      remedy:
        problem === undefined
          ? ''
          : 'see that nft is installed and that the daemon may use it (CAP_NET_ADMIN); it is tried again every few seconds, and calls from banned addresses are refused all the same',
    };
  };

  const countryStatus = (): PartStatus[] => {
    const state = deps.countries.state();
    if (state === undefined) return [];
    const { since, detail, problem } = state;
    return [
      {
        name: 'countries',
        state: problem === '' ? 'up' : 'down',
        since: iso(since),
        detail: problem === '' ? detail : problem,
        remedy:
          problem === ''
            ? ''
            : 'mend the file that countries.file names in the configuration; it is read again by itself',
      },
    ];
  };

  const registrationStatus = (): PartStatus[] => {
    const { restricted, removed, unproven, last, problem } = deps.registrations.state();
    if (restricted === 0) return [];
    const counts = `${restricted} restricted, ${removed} registrations removed, ${unproven} of unknown address`;
    const latest = last === undefined ? '' : `; last: ${last.extension} from ${last.address} at ${iso(last.at)}`;
    return [
      {
        name: 'registrations',
        state: problem === '' ? 'up' : 'down',
        since: last === undefined ? startedAt : iso(last.at),
        detail: problem === '' ? `${counts}${latest}` : problem,
        remedy:
          problem === ''
            ? ''
            : 'see docs/registrations.md for what it takes; calls from elsewhere are refused all the same',
      },
    ];
  };

  const vicidialStatus = (): PartStatus[] => {
    if (deps.vicidial === undefined) return [];
    const { up, since, problem } = deps.vicidial.state();
    const { onFailure } = deps.vicidial;
    const remedy = `see section vicidial of the configuration and that MariaDB runs; until then ${
      onFailure === 'continue' ? 'agents are charged by their session' : "the dialler's calls are refused"
    }`;
    return [
      {
        name: 'VICIdial',
        state: up ? 'up' : 'down',
        since: iso(since),
        detail: up ? 'its database answers' : problem,
        remedy: up ? '' : remedy,
      },
    ];
  };

  return () => {
    const parts = [
      storeStatus(),
      agiStatus(),
      webStatus(),
      journalStatus(),
      alertsStatus(),
      ...deps.manager.map(managerStatus),
      ...deps.holding.map(holdingStatus),
      defenceStatus(),
      firewallStatus(),
      ...countryStatus(),
      ...registrationStatus(),
      ...vicidialStatus(),
    ];
    const down = parts.filter((part) => part.state === 'down');
    const sinces = parts.map((part) => part.since);
    const { version, policy, changedAt, changedBy } = deps.policies.current();
    return {
      node: deps.node,
      version: deps.version,
      state: down.length === 0 ? 'working' : 'degraded',
      // Working since the last part came back; degraded since the first one that is down went.
      since: down.length === 0 ? sinces.reduce(later, startedAt) : down.map((part) => part.since).reduce(earlier),
      startedAt,
      parts,
      policy: { version, changedAt, changedBy, rules: policy.rules.length },
      calls: deps.tally.counts(),
      latency: deps.metrics.latency(),
    };
  };
}

const BACKENDS = {
  nftables: 'nftables',
  'dry-run': 'dry run: nothing is dropped',
  none: 'no packet filter: calls from banned addresses are refused, their packets are not dropped',
} as const;

const later = (a: string, b: string): string => (a > b ? a : b);
const earlier = (a: string, b: string): string => (a < b ? a : b);

export const describeListen = (listen: AgiServer['address']): string =>
  'path' in listen ? listen.path : `${listen.host}:${listen.port}`;
