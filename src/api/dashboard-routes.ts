/**
 * `GET /api/v1/dashboard`: whether anything is wrong right now, in one answer. What the one who asks may not see, or what
 * cannot be read just now, is null, and the rest is there.
 */
import { IANAZone } from 'luxon';
import { z } from 'zod';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { Defence } from '../bans/defence.ts';
import type { FirewallService } from '../bans/firewall-service.ts';
import type { Clock } from '../clock.ts';
import { createPatterns } from '../gate/call-patterns.ts';
import type { Journal } from '../gate/journal.ts';
import type { SeenByAll } from '../gate/seen-by-all.ts';
import type { CallEnder } from '../live-calls/call-ender.ts';
import type { Permission } from '../people/roles.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Status } from '../status.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { AllowlistStore } from '../store/allowlist-store.ts';
import type { LastHits } from '../store/last-hits.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { pattern, verdict } from './call-answers.ts';
import {
  accountAttacks,
  defenceReports,
  emergencyCalls,
  exemptPhones,
  look,
  manyRefusals,
  mendedDrift,
  partsDown,
  ranked,
  ruleFindings,
  unusedEntries,
} from './dashboard-looks.ts';
import { type Api, instant, list, orNull, text } from './schema.ts';
import { rightsOf } from './who-asks.ts';

const count = z.number();
const dashboard = z.strictObject({
  at: instant,
  health: z.strictObject({
    state: z.enum(['working', 'degraded']),
    since: instant,
    parts: list(z.strictObject({ name: text, state: z.enum(['up', 'down']), since: instant, remedy: text })),
  }),
  /**
   * Calls by verdict in each of the last 60 minutes, the oldest first; the last one is under way. Null: no daemon was there,
   * so nothing is known of that minute.
   */
  minutes: orNull(list(z.strictObject({ at: instant, verdicts: orNull(z.partialRecord(verdict, count)) }))),
  /** Calls under way of all daemons, and the least ceiling for the whole system; null where there is none. */
  callsAtOnce: orNull(z.strictObject({ now: count, ceiling: orNull(count) })),
  /** Limits nearest to their end, of the calls that any daemon decided. */
  limits: orNull(list(z.strictObject({ rule: text, name: text, subject: text, limit: text, used: count, of: count }))),
  held: orNull(z.strictObject({ waiting: count, nextExpiresAt: orNull(instant) })),
  bans: orNull(
    z.strictObject({
      total: count,
      lastHour: count,
      recent: list(z.strictObject({ address: text, reason: text, since: instant, until: orNull(instant) })),
    }),
  ),
  /** Hostile events that the defence counted in each of the same minutes, and addresses that it banned. */
  attacks: orNull(list(z.strictObject({ at: instant, events: orNull(count), bans: count }))),
  /** What the packet filter of this node dropped since its table was made; null where nothing is counted. */
  drops: orNull(
    z.strictObject({ node: text, packets: count, sources: list(z.strictObject({ address: text, packets: count })) }),
  ),
  /** Since midnight in the policy's zone, of all daemons. How many, and nothing else of them. */
  emergencyCallsToday: orNull(count),
  /** Most urgent first. */
  needsALook: list(look),
  /** Of what was refused in the last hour. */
  patterns: orNull(list(pattern)),
});
export type Dashboard = z.input<typeof dashboard>;

const MINUTES = 60;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MOST_LIMITS = 8;
const MOST_BANS = 6;
const MOST_LOOKS = 40;
const MOST_SOURCES = 3;
const MOST_PATTERNS = 5;
const HISTORY_READ = 2000;
/** Reading the journal of a busy hour takes some hundred milliseconds; many pages are open at once. */
const KEPT_MS = 2000;
/** Whether a rule ever matched is seen by the counts of a week: 168 reads. */
const WEEK_KEPT_MS = 300_000;
const DAYS_COUNTED = 7;

export function dashboardRoutes(
  app: Api,
  deps: {
    readonly journal: Pick<Journal, 'perMinute' | 'list' | 'countsOf'>;
    readonly ender: Pick<CallEnder, 'list'>;
    readonly seen: Pick<SeenByAll, 'minutes' | 'limits'>;
    readonly desk: Pick<ApprovalDesk, 'list'>;
    readonly bans: Pick<BanList, 'list' | 'history'>;
    readonly defence: Pick<Defence, 'reports' | 'phones'>;
    readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'>;
    readonly allowlist: Pick<AllowlistStore, 'current'>;
    readonly allowHits: Pick<LastHits, 'of'>;
    readonly firewall: Pick<FirewallService, 'state' | 'counters'>;
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly status: () => Status;
    readonly node: string;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const { journal, policies, clock, bans, seen, firewall } = deps;
  const iso = (at: number): string => new Date(at).toISOString();

  const callsByMinute = async () => {
    const [calls, lately] = await Promise.all([journal.perMinute(MINUTES), seen.minutes.lately(MINUTES)]);
    const known = new Set(lately.flatMap(({ at, isKnown }) => (isKnown ? [at] : [])));
    return calls.map(({ at, verdicts }) => ({
      at,
      verdicts: known.has(at) || Object.keys(verdicts).length > 0 ? verdicts : null,
    }));
  };
  const attackCounts = async (now: EpochMs) => {
    const [history, lately] = await Promise.all([bans.history({ limit: HISTORY_READ }), seen.minutes.lately(MINUTES)]);
    const made = history.filter(({ what, at }) => what === 'add' && at > now - HOUR_MS);
    const automatic = made
      .filter(({ ban }) => ban.origin === 'automatic')
      .map(({ at }) => iso(Math.floor(at / 60_000) * 60_000));
    const attacks = lately.map(({ at, isKnown, hostile }) => ({
      at,
      events: isKnown ? hostile : null,
      bans: automatic.filter((minute) => minute === at).length,
    }));
    return { lastHour: made.length, attacks, accounts: accountAttacks(history, now) };
  };
  const drops = async () => {
    const counters = await firewall.counters();
    if (counters === undefined) return null;
    const sources = [...counters.bans, ...counters.blocked.map((each) => [each.address, each] as const)]
      .map(([address, { packets }]) => ({ address, packets }))
      .filter(({ packets }) => packets > 0)
      .sort((a, b) => b.packets - a.packets);
    return {
      node: deps.node,
      packets: Object.values(counters.dropped).reduce((sum, { packets }) => sum + packets, 0),
      sources: sources.slice(0, MOST_SOURCES),
    };
  };

  const kept = new Map<string, { readonly atMs: number; readonly value: Promise<unknown> }>();
  /** What many pages ask for at once is read once. */
  const once = <T>(name: string, read: () => Promise<T>, keptMs = KEPT_MS): Promise<T | null> => {
    const known = kept.get(name);
    const nowMs = performance.now();
    if (known === undefined || nowMs - known.atMs > keptMs) {
      const value = read().catch(() => null);
      kept.set(name, { atMs: nowMs, value });
      return value;
    }
    // Kept under a name that one reader alone has.
    return known.value as Promise<T | null>;
  };

  app.get(
    '/api/v1/dashboard',
    { schema: { summary: 'Whether anything is wrong right now', response: { 200: dashboard } } },
    async (request): Promise<Dashboard> => {
      const rights = rightsOf(request);
      const now = clock.now();
      const ifMay = async <T>(right: Permission, read: () => Promise<T | null>): Promise<T | null> =>
        rights.has(right) ? await read() : null;
      const current = policies.current().policy;
      const midnight = startOfDay(now, current.document.timezone);
      const [minutes, calls, held, made, patterns, told, exempt, unused, limits, dropped, emergencies, week] =
        await Promise.all([
          ifMay('calls:read', () => once('minutes', callsByMinute)),
          ifMay('calls:read', () => once('calls', () => deps.ender.list())),
          ifMay('approvals:read', () => once('held', () => deps.desk.list('open', 1000))),
          ifMay('bans:read', () => once('bans', () => attackCounts(now))),
          ifMay('calls:read', () => once('patterns', () => refusedPatterns(journal, (now - HOUR_MS) as EpochMs))),
          ifMay('bans:read', () => once('reports', () => defenceReports(deps.defence, now))),
          ifMay('allowlist:read', () => once('exempt', () => exemptPhones(deps.defence, deps.allowed))),
          ifMay('allowlist:read', () => once('unused', () => unusedEntries(deps, now))),
          ifMay('policy:read', () => once('limits', () => seen.limits.list(MOST_LIMITS))),
          ifMay('bans:read', () => once('drops', drops)),
          ifMay('calls:read', () => once('emergencies', () => seen.minutes.emergencies(midnight))),
          ifMay('policy:read', () => once('week', () => journal.countsOf(DAYS_COUNTED), WEEK_KEPT_MS)),
        ]);
      const { state, since, parts } = deps.status();
      const ceilings = current.document.rules
        .filter(({ enabled, mode, countPer }) => enabled && mode === 'enforce' && countPer === 'system')
        .flatMap(({ concurrent }) => concurrent ?? []);
      const listed = bans.list({ limit: MOST_BANS });
      const deadlines = (held ?? []).map(({ approval }) => approval.expiresAt).sort((a, b) => a - b);
      return {
        at: iso(now),
        health: {
          state,
          since,
          parts: parts.map((part) => ({ name: part.name, state: part.state, since: part.since, remedy: part.remedy })),
        },
        minutes,
        callsAtOnce:
          calls === null ? null : { now: calls.length, ceiling: ceilings.length === 0 ? null : Math.min(...ceilings) },
        limits,
        held:
          held === null
            ? null
            : { waiting: held.length, nextExpiresAt: deadlines[0] === undefined ? null : iso(deadlines[0]) },
        bans: !rights.has('bans:read')
          ? null
          : {
              total: listed.total,
              lastHour: made?.lastHour ?? 0,
              recent: listed.bans.map(({ address, reason, since: from, until }) => ({
                ...{ address, reason, since: iso(from) },
                until: until === null ? null : iso(until),
              })),
            },
        attacks: made?.attacks ?? null,
        drops: dropped,
        emergencyCallsToday: emergencies,
        needsALook: ranked([
          ...partsDown(parts),
          ...(rights.has('bans:read') ? mendedDrift(firewall.state(), now) : []),
          ...manyRefusals(patterns ?? []),
          ...(told ?? []),
          ...(made?.accounts ?? []),
          ...(rights.has('policy:read') ? ruleFindings(current, now, week) : []),
          ...emergencyCalls(emergencies ?? 0),
          ...(exempt ?? []),
          ...(unused ?? []),
        ]).slice(0, MOST_LOOKS),
        patterns,
      };
    },
  );
}

async function refusedPatterns(journal: Pick<Journal, 'list'>, since: EpochMs) {
  const found = createPatterns();
  await journal.list({
    limit: 1,
    since,
    matches: (call) => {
      if (call.verdict === 'block') found.add(call);
      // Counted as it passes, and never collected.
      return false;
    },
  });
  return found.list(MOST_PATTERNS);
}

/** The midnight before, on the clock of a zone. */
function startOfDay(now: EpochMs, zoneName: string): EpochMs {
  const zone = IANAZone.create(zoneName);
  const offsetMs = (at: number): number => zone.offset(at) * 60_000;
  const midnight = Math.floor((now + offsetMs(now)) / DAY_MS) * DAY_MS;
  // Clocks may have changed since.
  return (midnight - offsetMs(midnight - offsetMs(now))) as EpochMs;
}
