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
import { lostBy } from '../bans/lost-peers.ts';
import type { RegisteredPhone } from '../bans/registered-phones.ts';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import type { Audit } from '../people/audit-log.ts';
import { readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import { CONFIRM_WITHIN_MS, type FirewallPlan, type LostPeers, type PlanChange } from '../policy/firewall-plan.ts';
import { type PortPreset, portsText, presetsIn } from '../policy/port-presets.ts';
import type { PacketProtection } from '../policy/settings.ts';
import { partOf, TRIED_PARTS, type TriedPart, type TriedSettings } from '../policy/settings-trial.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import { firewall as answer, changedFirewall, firewallPreview, reach } from './address-answers.ts';
import { wantedNetworks, wantedPorts } from './firewall-requests.ts';
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
    readonly what: PlanChange | TriedPart;
    readonly by: string;
    readonly at: string;
    readonly undoneBy: string | null;
    readonly draft: FirewallDraft | null;
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
  readonly what: PlanChange | TriedPart;
  readonly by: string;
  readonly madeAt: string;
  readonly revertAt: string;
  readonly secondsLeft: number;
  /** Whom it keeps out who is here by right; null: no Asterisk could be asked. */
  readonly lost: LostPeers | null;
}

/** What was wanted when a change was undone, as it is asked for: of its kind alone. */
export interface FirewallDraft {
  readonly presets: readonly PortPreset[];
  readonly ports: readonly string[];
  readonly reachable: readonly string[];
  readonly settings: TriedSettings | null;
}

/** What a change would do; nothing is changed. */
export interface FirewallPreview {
  /** Why it would cut off who asks, or null. */
  readonly cutsOff: string | null;
  readonly lost: LostPeers | null;
}

/** Whether the one who asks would be believed if he confirmed. */
export interface Reach {
  readonly at: string;
  readonly address: string | null;
  /** Over a connection that was opened after the change that waits; null: none waits, or it is not in the kernel yet. */
  readonly isNew: boolean | null;
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
const previewBody = z.strictObject({
  portal: z.strictObject({ ports: list.default([]), presets: list.default([]) }).optional(),
  isolation: z.strictObject({ reachable: list.min(1) }).optional(),
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
    /** Asks every Asterisk. */
    readonly phones: () => Promise<readonly RegisteredPhone[]>;
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
              lost: 'lost' in pending ? pending.lost : NOBODY,
            },
      lastUndone:
        lastUndone === undefined
          ? null
          : {
              ...{ what: lastUndone.what, by: lastUndone.by, undoneBy: lastUndone.undoneBy },
              at: iso(lastUndone.at),
              draft: draftOf(lastUndone.draft),
            },
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
    const [before, after] =
      'settings' in answer
        ? [triedParts(answer.settings.before), triedParts(answer.settings.after)]
        : [shownPlan(answer.before), shownPlan(answer.after)];
    const changed = JSON.stringify(before) !== JSON.stringify(after);
    if (changed) await audit({ ...what, before, after });
    return { ...(await report()), changed, notes: [...answer.notes, ...(changed ? more : [])] };
  };

  const isAllowed = (range: string): boolean => {
    const read = readRange(range);
    return 'range' in read && deps.allowed.covering(read.range) !== undefined;
  };
  /** Whom a change keeps out, asked before it is made: afterwards they may be gone already. */
  const lost = async (change: Partial<FirewallPlan>): Promise<LostPeers | null> => {
    const phones = await within(deps.phones(), PHONES_WITHIN_MS).catch(() => undefined);
    if (phones === undefined || phones === TIMED_OUT) return null;
    const shown = phones.map(({ extension, address }) => ({ extension, address })).slice(0, MOST_SHOWN);
    const plan = { portal: null, isolation: control.state().plan.isolation, ...change };
    return lostBy(plan, { phones: shown, trunks: deps.peers().trunks }, isAllowed);
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
        async (who) => control.closePortal(ports, { ...who, ...options, lost: await lost({ portal: { ports } }) }),
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
      return run(request, 'firewall.isolate', async (who) =>
        control.isolate(reachable, { ...who, ...options, lost: await lost({ isolation: { reachable } }) }),
      );
    },
  );
  app.post(
    '/api/v1/firewall/preview',
    {
      schema: {
        summary: 'Whom a portal or an isolation would keep out, before it is made',
        body: previewBody,
        response: { 200: firewallPreview },
      },
    },
    async (request): Promise<FirewallPreview> => {
      const { portal, isolation } = request.body;
      const change: Partial<FirewallPlan> = {
        ...(portal === undefined ? {} : { portal: { ports: wantedPorts(portal) } }),
        ...(isolation === undefined ? {} : { isolation: { reachable: wantedNetworks(isolation.reachable) } }),
      };
      return { cutsOff: control.refusalOf(change, callerOf(request)) ?? null, lost: await lost(change) };
    },
  );
  app.get(
    '/api/v1/firewall/reach',
    { schema: { summary: 'Whether a confirmation over this connection would be believed', response: { 200: reach } } },
    (request, reply): Reach => {
      // The next question of a browser comes over another connection, until it is one that is new.
      reply.header('connection', 'close');
      const caller = callerOf(request);
      return { at: iso(clock.now()), address: caller.address ?? null, isNew: control.isNew(caller) ?? null };
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

/** Who changes the packet filter does not wait long for an Asterisk that hangs. */
const PHONES_WITHIN_MS = 3000;
const NOBODY: LostPeers = { phones: [], trunks: [] };
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

/** The sections of settings that can be tried. */
const triedParts = (settings: Parameters<typeof partOf>[0]): TriedSettings =>
  Object.assign({}, ...TRIED_PARTS.map((part) => partOf(settings, part)));

function draftOf(draft: FirewallPlan | TriedSettings | null): FirewallDraft | null {
  if (draft === null) return null;
  if (!('portal' in draft)) return { presets: [], ports: [], reachable: [], settings: draft };
  const { presets, rest } = presetsIn(draft.portal?.ports ?? []);
  return { presets, ports: rest.map(portsText), reachable: draft.isolation?.reachable ?? [], settings: null };
}

/** A plan with its ports as text. */
const shownPlan = ({ portal, isolation }: FirewallPlan) => ({
  portal: portal === null ? null : { ports: portal.ports.map(portsText) },
  isolation,
});

const iso = (at: EpochMs): string => new Date(at).toISOString();
const isoOrNull = (at: EpochMs | undefined): string | null => (at === undefined ? null : iso(at));
