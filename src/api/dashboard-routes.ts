/**
 * `GET /api/v1/dashboard`: whether anything is wrong right now, in one answer. What the one who asks may not see, or what
 * cannot be read just now, is null, and the rest is there.
 */
import { z } from 'zod';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { Defence } from '../bans/defence.ts';
import type { Clock } from '../clock.ts';
import { createPatterns } from '../gate/call-patterns.ts';
import type { FullestLimits } from '../gate/fullest-limits.ts';
import type { Journal } from '../gate/journal.ts';
import type { CallEnder } from '../live-calls/call-ender.ts';
import type { Permission } from '../people/roles.ts';
import type { EpochMs } from '../policy/call.ts';
import { diagnoseRules } from '../policy/rules-doctor.ts';
import type { Status } from '../status.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { pattern, verdict } from './call-answers.ts';
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
  /** Calls by verdict in each of the last 60 minutes, the oldest first; the last one is under way. */
  minutes: orNull(list(z.strictObject({ at: instant, verdicts: z.partialRecord(verdict, count) }))),
  /** Calls under way of all daemons, and the least ceiling for the whole system; null where there is none. */
  callsAtOnce: orNull(z.strictObject({ now: count, ceiling: orNull(count) })),
  /** Limits nearest to their end, of the calls that this node decided. */
  limits: orNull(list(z.strictObject({ rule: text, name: text, subject: text, limit: text, used: count, of: count }))),
  held: orNull(z.strictObject({ waiting: count, nextExpiresAt: orNull(instant) })),
  bans: orNull(
    z.strictObject({
      total: count,
      lastHour: count,
      recent: list(z.strictObject({ address: text, reason: text, since: instant, until: orNull(instant) })),
    }),
  ),
  /** Bans that were made by the defence in each of the last 60 minutes, as far as the history goes. */
  attacks: orNull(list(z.strictObject({ at: instant, bans: count }))),
  /** Most urgent first. */
  needsALook: list(
    z.strictObject({
      kind: z.enum(['part', 'pattern', 'report', 'rule', 'exempt']),
      severity: z.enum(['error', 'warning', 'info']),
      sentence: text,
      /** What to open: a rule, a decision, an address; null where there is nothing more. */
      about: orNull(text),
      at: orNull(instant),
    }),
  ),
  /** Of what was refused in the last hour. */
  patterns: orNull(list(pattern)),
});
export type Dashboard = z.input<typeof dashboard>;
type Look = Dashboard['needsALook'][number];

const MINUTES = 60;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MOST_LIMITS = 8;
const MOST_BANS = 6;
const MOST_LOOKS = 20;
const MOST_PATTERNS = 5;
/** Refusals of one kind within an hour, from which somebody should look. */
const MANY_REFUSALS = 10;
const HISTORY_READ = 2000;
/** Reading the journal of a busy hour takes some hundred milliseconds; many pages are open at once. */
const KEPT_MS = 2000;

export function dashboardRoutes(
  app: Api,
  deps: {
    readonly journal: Pick<Journal, 'perMinute' | 'list'>;
    readonly ender: Pick<CallEnder, 'list'>;
    readonly fullest: Pick<FullestLimits, 'list'>;
    readonly desk: Pick<ApprovalDesk, 'list'>;
    readonly bans: Pick<BanList, 'list' | 'history'>;
    readonly defence: Pick<Defence, 'reports' | 'phones'>;
    readonly allowed: Pick<AllowedAddresses, 'entryOf' | 'exempts'>;
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly status: () => Status;
    readonly clock: Pick<Clock, 'now'>;
  },
): void {
  const { journal, policies, clock, bans } = deps;
  const iso = (at: number): string => new Date(at).toISOString();

  const banCounts = async (now: number) => {
    const history = await bans.history({ limit: HISTORY_READ });
    const made = history.filter(({ what, at }) => what === 'add' && at > now - HOUR_MS);
    const last = Math.floor(now / 60_000);
    const attacks = Array.from({ length: MINUTES }, (_, place) => {
      const minute = last - MINUTES + 1 + place;
      const automatic = made.filter(({ at, ban }) => ban.origin === 'automatic' && Math.floor(at / 60_000) === minute);
      return { at: iso(minute * 60_000), bans: automatic.length };
    });
    return { lastHour: made.length, attacks };
  };
  const exemptPhones = async (): Promise<Look[]> => {
    const phones = await deps.defence.phones();
    const exempt = phones.filter(({ address }) => {
      const entry = deps.allowed.entryOf(address);
      return entry !== undefined && deps.allowed.exempts(entry);
    });
    const number = new Set(exempt.map(({ extension }) => extension)).size;
    if (number === 0) return [];
    const sentence = `${number} ${number === 1 ? 'extension is' : 'extensions are'} exempt from call limits because of the allowlist`;
    return [{ kind: 'exempt', severity: 'info', sentence, about: null, at: null }];
  };
  const reports = async (now: number): Promise<Look[]> =>
    (await deps.defence.reports(50))
      .filter(({ at }) => at > now - DAY_MS)
      .map(({ at, sentence, address, account }) => ({
        ...{ kind: 'report', severity: 'warning', sentence, at: iso(at) },
        about: address ?? account,
      }));
  const findings = (): Look[] =>
    diagnoseRules(policies.current().policy, clock.now())
      .filter(({ severity, check }) => severity !== 'info' && check !== 'disabled')
      .map(({ severity, what, rule }) => ({ kind: 'rule', severity, sentence: what, about: rule, at: null }));

  const kept = new Map<string, { readonly atMs: number; readonly value: Promise<unknown> }>();
  /** What many pages ask for at once is read once. */
  const once = <T>(name: string, read: () => Promise<T>): Promise<T | null> => {
    const known = kept.get(name);
    const nowMs = performance.now();
    if (known === undefined || nowMs - known.atMs > KEPT_MS) {
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
      const [minutes, calls, held, made, patterns, told, exempt] = await Promise.all([
        ifMay('calls:read', () => once('minutes', () => journal.perMinute(MINUTES))),
        ifMay('calls:read', () => once('calls', () => deps.ender.list())),
        ifMay('approvals:read', () => once('held', () => deps.desk.list('open', 1000))),
        ifMay('bans:read', () => once('bans', () => banCounts(now))),
        ifMay('calls:read', () => once('patterns', () => refusedPatterns(journal, (now - HOUR_MS) as EpochMs))),
        ifMay('bans:read', () => once('reports', () => reports(now))),
        ifMay('allowlist:read', () => once('exempt', exemptPhones)),
      ]);
      const { state, since, parts } = deps.status();
      const down: Look[] = parts
        .filter((part) => part.state === 'down')
        .map((part) => ({
          ...{ kind: 'part', severity: 'error', about: part.name, at: part.since },
          sentence: `${part.name} is down: ${part.detail}`,
        }));
      const many: Look[] = (patterns ?? [])
        .filter((each) => each.calls >= MANY_REFUSALS)
        .map(({ extension, destinationLabel, calls: number, verdict: what, to, sample }) => ({
          ...{ kind: 'pattern', severity: 'warning', about: sample[0] ?? null, at: to },
          sentence: `${number} calls of ${extension ?? 'an unknown extension'} to ${destinationLabel || 'numbers that are not known'}: ${what}`,
        }));
      const ceilings = policies
        .current()
        .policy.document.rules.filter(
          ({ enabled, mode, countPer }) => enabled && mode === 'enforce' && countPer === 'system',
        )
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
        limits: rights.has('policy:read') ? deps.fullest.list(MOST_LIMITS, now) : null,
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
        needsALook: [
          ...down,
          ...many,
          ...(told ?? []),
          ...(rights.has('policy:read') ? findings() : []),
          ...(exempt ?? []),
        ].slice(0, MOST_LOOKS),
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
