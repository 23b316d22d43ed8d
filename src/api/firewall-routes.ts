/**
 * `/api/v1/firewall`: what the packet filter of this node does and has dropped; the portal and isolation, each change of
 * which that closes something has to be confirmed by a new connection.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AsteriskPeers } from '../bans/asterisk-peers.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { DropReason, FirewallBackend, FirewallCounters, LimitName, Traffic } from '../bans/firewall/firewall.ts';
import type { PlanAnswer, PlanRequest } from '../bans/firewall-control.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { Audit } from '../people/audit-log.ts';
import { formatNetwork, networksOf, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import { CONFIRM_WITHIN_MS, type FirewallPlan, type PlanChange } from '../policy/firewall-plan.ts';
import {
  DEFAULT_PRESETS,
  PORT_PRESET_NAMES,
  type PortPreset,
  portsText,
  presetPorts,
  readPorts,
} from '../policy/port-presets.ts';
import { didYouMean, type Problem } from '../policy/problem.ts';
import type { PacketProtection } from '../policy/settings.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import { firewall as answer, changedFirewall } from './address-answers.ts';
import { ProblemError } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import type { Api } from './schema.ts';
import { callerOf } from './who-asks.ts';

/** The packet filter of one node. Times are ISO 8601, UTC; null where nothing is known. */
export interface FirewallReport {
  readonly node: string;
  readonly backend: FirewallBackend;
  /** What is wanted is what the kernel does. */
  readonly inForce: boolean;
  readonly problem: string | null;
  /** The ban list is not known yet; bans in the kernel are kept. */
  readonly waitsForBans: boolean;
  readonly lastCheckAt: string | null;
  readonly lastFullCheckAt: string | null;
  /** Differences that others made, found and mended since the start. */
  readonly drift: number;
  readonly lastDrift: { readonly at: string; readonly found: readonly string[] } | null;
  readonly unusable: readonly string[];
  /** On the list, and in the kernel as IPv4 and IPv6. */
  readonly bans: { readonly listed: number; readonly v4: number | null; readonly v6: number | null };
  readonly portal: { readonly ports: readonly string[] } | null;
  readonly isolation: { readonly reachable: readonly string[] } | null;
  readonly pending: PendingReport | null;
  /** The last change that was undone; `undoneBy` null: nobody confirmed it. */
  readonly lastUndone: {
    readonly what: PlanChange;
    readonly by: string;
    readonly at: string;
    readonly undoneBy: string | null;
  } | null;
  readonly dropped: Readonly<Record<DropReason, Traffic>> | null;
  readonly limited: Readonly<Record<LimitName, Traffic>> | null;
  /** From whom, and to whom, most was dropped. */
  readonly sources: readonly ({ readonly address: string; readonly why: 'banned' | 'blocked' } & Traffic)[];
  /** What packet protection keeps out by itself. */
  readonly blocked: readonly ({ readonly address: string; readonly until: string } & Traffic)[];
  readonly packetProtection: PacketProtection;
}

/** A change that is undone by itself unless it is confirmed. */
export interface PendingReport {
  readonly what: PlanChange;
  readonly by: string;
  readonly madeAt: string;
  readonly revertAt: string;
  readonly secondsLeft: number;
}

export interface ChangedFirewall extends FirewallReport {
  readonly changed: boolean;
  readonly notes: readonly string[];
}

const MOST_SHOWN = 1000;
const reportQuery = z.strictObject({ sources: z.coerce.number().int().min(0).max(MOST_SHOWN).default(10) });

const { least, most, standard } = CONFIRM_WITHIN_MS;
const seconds = `is not a number of seconds from ${least / 1000} to ${most / 1000}`;
const changing = {
  confirmWithinSeconds: z
    .number({ error: seconds })
    .min(least / 1000, { error: seconds })
    .max(most / 1000, { error: seconds })
    .default(standard / 1000),
  force: z.boolean({ error: 'is not known; write true or false' }).default(false),
};
const list = z.array(z.string().max(100)).max(MOST_SHOWN);
const portalBody = z.strictObject({
  state: z.enum(['on', 'off'], { error: 'is not known; write on or off' }),
  ports: list.default([]),
  presets: list.default([]),
  ...changing,
});
const isolateBody = z.strictObject({
  reachable: list.min(1, { error: 'is empty; name at least the address from which you would end the isolation' }),
  ...changing,
});
const releaseBody = z.strictObject({ force: changing.force }).default({ force: false });

export function firewallRoutes(
  app: Api,
  deps: {
    readonly firewall: FirewallService;
    readonly node: string;
    readonly bans: Pick<BanList, 'size'>;
    readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'covering'>;
    readonly peers: () => AsteriskPeers;
    readonly packetProtection: () => PacketProtection;
    readonly audit: Audit;
    readonly act: ActOf;
    readonly clock: Clock;
  },
): void {
  const { firewall, audit, act, clock } = deps;
  const { control } = firewall;

  const report = async (sources = 10): Promise<FirewallReport> => {
    const counters = await firewall.counters();
    const { plan, pending, lastUndone } = control.state();
    const status = firewall.state();
    return {
      node: deps.node,
      backend: status.backend,
      inForce: status.inForce,
      problem: status.problem ?? null,
      waitsForBans: status.waitsForBans,
      lastCheckAt: isoOrNull(status.lastCheckAt),
      lastFullCheckAt: isoOrNull(status.lastFullCheckAt),
      drift: status.drift,
      lastDrift:
        status.lastDrift === undefined ? null : { at: iso(status.lastDrift.at), found: status.lastDrift.found },
      unusable: status.unusable,
      bans: { listed: deps.bans.size(), ...bansInKernel(counters) },
      portal: shownPlan(plan).portal,
      isolation: plan.isolation,
      pending:
        pending === undefined
          ? null
          : {
              what: pending.what,
              by: pending.by,
              madeAt: iso(pending.madeAt),
              revertAt: iso(pending.revertAt),
              secondsLeft: Math.ceil((pending.revertAt - clock.now()) / 1000),
            },
      lastUndone: lastUndone === undefined ? null : { ...lastUndone, at: iso(lastUndone.at) },
      dropped: counters?.dropped ?? null,
      limited: counters?.limited ?? null,
      sources: counters === undefined ? [] : topSources(counters, sources),
      blocked: (counters?.blocked ?? []).slice(0, MOST_SHOWN).map((each) => ({ ...each, until: iso(each.until) })),
      packetProtection: deps.packetProtection(),
    };
  };

  const run = async (
    request: FastifyRequest,
    action: string,
    work: (who: Pick<PlanRequest, 'by' | 'caller'>) => Promise<PlanAnswer>,
    more: readonly string[] = [],
  ): Promise<ChangedFirewall> => {
    const what = act(request, action, `firewall ${deps.node}`);
    const answer = await work({ by: what.by, caller: callerOf(request) });
    if ('refused' in answer) throw new TollgateError('CONFLICT', answer.refused);
    const [before, after] = [shownPlan(answer.before), shownPlan(answer.after)];
    const changed = JSON.stringify(before) !== JSON.stringify(after);
    if (changed) await audit({ ...what, before, after });
    return { ...(await report()), changed, notes: [...answer.notes, ...(changed ? more : [])] };
  };

  app.get(
    '/api/v1/firewall',
    {
      schema: {
        summary: 'What the packet filter of this node does and has dropped',
        querystring: reportQuery,
        response: { 200: answer },
      },
    },
    ({ query }) => report(query.sources),
  );

  app.post(
    '/api/v1/firewall/portal',
    {
      schema: {
        summary: 'Close ports to all but the allowlist, or open them again',
        body: portalBody,
        response: { 200: changedFirewall },
      },
    },
    (request) => {
      const { body } = request;
      const options = { withinMs: body.confirmWithinSeconds * 1000, force: body.force };
      if (body.state === 'off')
        return run(request, 'firewall.portal', (who) => control.openPortal({ ...who, ...options }));
      const ports = wantedPorts(body);
      return run(
        request,
        'firewall.portal',
        (who) => control.closePortal(ports, { ...who, ...options }),
        notesOnPeers(deps.peers(), deps.allowed),
      );
    },
  );
  app.post(
    '/api/v1/firewall/isolate',
    {
      schema: {
        summary: 'Cut this machine off from all but who is named',
        body: isolateBody,
        response: { 200: changedFirewall },
      },
    },
    (request) => {
      const { body } = request;
      const reachable = wantedNetworks(body.reachable);
      const options = { withinMs: body.confirmWithinSeconds * 1000, force: body.force };
      return run(request, 'firewall.isolate', (who) => control.isolate(reachable, { ...who, ...options }));
    },
  );
  app.post(
    '/api/v1/firewall/release',
    { schema: { summary: 'End the isolation', body: releaseBody, response: { 200: changedFirewall } } },
    (request) => {
      const { force } = request.body;
      return run(request, 'firewall.release', (who) => control.release({ ...who, withinMs: standard, force }));
    },
  );
  app.post(
    '/api/v1/firewall/confirm',
    { schema: { summary: 'Keep the change that waits, over a new connection', response: { 200: changedFirewall } } },
    (request, reply) => {
      // Refused over a connection that is too old, a browser's next try comes over another one.
      reply.header('connection', 'close');
      return run(request, 'firewall.confirm', control.confirm);
    },
  );
  app.post(
    '/api/v1/firewall/undo',
    { schema: { summary: 'Put the old state back now', response: { 200: changedFirewall } } },
    (request) => run(request, 'firewall.undo', control.undo),
  );
}

/** @throws {ProblemError} with each that is none */
function wantedPorts(body: { readonly ports: readonly string[]; readonly presets: readonly string[] }) {
  const problems: Problem[] = [];
  const own = body.ports.flatMap((text, at) => {
    const ports = readPorts(text);
    if (ports !== undefined) return [ports];
    problems.push({ path: `ports[${at}]`, message: `"${text}" is no port; write tcp/443 or udp/10000-20000` });
    return [];
  });
  const presets = body.presets.flatMap((name, at) => {
    if (isPreset(name)) return presetPorts(name);
    const message = `"${name}" is not known; ${didYouMean(name, PORT_PRESET_NAMES)}`;
    problems.push({ path: `presets[${at}]`, message });
    return [];
  });
  if (problems.length > 0) throw new ProblemError('INVALID_REQUEST', problems);
  const asked = [...own, ...presets];
  return asked.length > 0 ? asked : DEFAULT_PRESETS.flatMap(presetPorts);
}

const isPreset = (name: string): name is PortPreset => PORT_PRESET_NAMES.some((known) => known === name);

/** @throws {ProblemError} with each that is none */
function wantedNetworks(texts: readonly string[]): readonly string[] {
  const problems: Problem[] = [];
  const networks = texts.flatMap((text, at) => {
    const read = readRange(text);
    if ('range' in read) return networksOf(read.range).map(formatNetwork);
    problems.push({ path: `reachable[${at}]`, message: `"${text}" ${read.problem}` });
    return [];
  });
  if (problems.length > 0) throw new ProblemError('INVALID_REQUEST', problems);
  return networks;
}

const MOST_NAMED = 5;

/** Whom a portal keeps out although he is here by right. */
function notesOnPeers(peers: AsteriskPeers, allowed: Pick<AllowedAddresses, 'covering'>): readonly string[] {
  const missing = (addresses: readonly string[]): readonly string[] =>
    addresses.filter((address) => {
      const read = readRange(address);
      return 'range' in read && allowed.covering(read.range) === undefined;
    });
  const say = (what: string, addresses: readonly string[]): string[] => {
    if (addresses.length === 0) return [];
    const more = addresses.length > MOST_NAMED ? ` and ${addresses.length - MOST_NAMED} more` : '';
    return [
      `not on the allowlist, and kept out of these ports: ${what} ${addresses.slice(0, MOST_NAMED).join(', ')}${more}`,
    ];
  };
  return [...say('trunks at', missing(peers.trunks)), ...say('registered phones at', missing(peers.phones))];
}

function bansInKernel(counters: FirewallCounters | undefined) {
  if (counters === undefined) return { v4: null, v6: null };
  let v6 = 0;
  for (const address of counters.bans.keys()) if (address.includes(':')) v6 += 1;
  return { v4: counters.bans.size - v6, v6 };
}

function topSources(counters: FirewallCounters, count: number): FirewallReport['sources'] {
  const bans = [...counters.bans].map(([address, traffic]) => ({ address, why: 'banned' as const, ...traffic }));
  const blocks = counters.blocked.map(({ address, packets, bytes }) => ({
    address,
    why: 'blocked' as const,
    packets,
    bytes,
  }));
  return [...bans, ...blocks]
    .filter(({ packets }) => packets > 0)
    .sort((a, b) => b.packets - a.packets)
    .slice(0, count);
}

/** A plan with its ports as text. */
const shownPlan = ({ portal, isolation }: FirewallPlan) => ({
  portal: portal === null ? null : { ports: portal.ports.map(portsText) },
  isolation,
});

const iso = (at: EpochMs): string => new Date(at).toISOString();
const isoOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : iso(at));
