/**
 * What was decided, kept so that "why was this call refused?" has one answer.
 *
 * Refused, alerted and failed-store decisions are kept in full, in a stream bounded by number and age; plain allows are
 * counted for each rule and minute, and the last thousand of this node can still be looked at. Calls never wait for it:
 * entries are collected and written a few times a second. While the store is away they stay here, bounded, and are
 * written with the outage when it is back.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { EpochMs } from '../policy/call.ts';
import { type Finding, isExceeded } from '../policy/verdict.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { callsPerMinute, type MinuteOfCalls } from './calls-per-minute.ts';
import type { Decision } from './gate.ts';
import { type DecisionReport, reportDecision } from './report.ts';

/** A time in which the store could not be asked, and what became of the calls. */
export interface Outage {
  /** ISO 8601, UTC. */
  readonly from: string;
  readonly to: string;
  readonly node: string;
  readonly why: string;
  readonly allowed: number;
  readonly refused: number;
  /** Decisions of that time that did not fit into memory. */
  readonly notKept: number;
}

export interface CallsQuery {
  readonly limit: number;
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
  /** Looks at no decision made before this. */
  readonly since?: EpochMs | undefined;
  readonly matches: (call: DecisionReport) => boolean;
}

export interface CallsPage {
  readonly calls: readonly DecisionReport[];
  /** For the next page; null when there is none. */
  readonly cursor: string | null;
}

/** What was counted in a time: calls altogether, and those that each rule decided or, on an allow, applied to. */
export interface RuleCounts {
  readonly days: number;
  readonly calls: number;
  readonly byRule: ReadonlyMap<string, number>;
}

export interface Journal {
  /** Never waits and never fails. */
  readonly record: (decision: Decision) => void;
  readonly storeLost: (why: string) => void;
  readonly storeBack: () => void;
  /** Newest first. */
  readonly list: (query: CallsQuery) => Promise<CallsPage>;
  readonly find: (id: string) => Promise<DecisionReport | undefined>;
  /** @param days whole days that end now, 1 or more; cut to what is kept and to {@link MOST_DAYS_COUNTED} */
  readonly countsOf: (days: number) => Promise<RuleCounts>;
  /** Calls by verdict in each of the last minutes, the oldest first; at most 24 hours. */
  readonly perMinute: (minutes: number) => Promise<readonly MinuteOfCalls[]>;
  readonly outages: () => Promise<readonly Outage[]>;
  /** Calls the listener with every decision of this node as it is made, plain allows included. Returns how to stop. */
  readonly follow: (listener: (decision: DecisionReport) => void) => () => void;
  /** How many decisions wait to be written, since when the oldest does, and how many were lost for want of room. */
  readonly backlog: () => { readonly waiting: number; readonly oldestAt: EpochMs | undefined; readonly lost: number };
  /** Writes what is left. */
  readonly close: () => Promise<void>;
}

const WRITE_EVERY_MS = 100;
const BATCH = 200;
const MOST_WAITING = 10_000;
const RECENT_ALLOWS = 1000;
const SCAN_PAGE = 500;
const CLOCKS_DIFFER_MS = 60_000;
/** A filter that finds nothing gives up after so many entries and says where it stopped. */
const MOST_SCANNED = 100_000;

/** A quarter is 2208 hours, some 370 round trips. */
export const MOST_DAYS_COUNTED = 92;
const HOUR_MS = 3_600_000;
/** An hour has a field for each minute, rule and verdict: with a thousand rules that apply 60 000. So many hours are read at once. */
const HOURS_AT_ONCE = 6;

const appendScript = createScript('append-journal');

interface Batch {
  readonly id: string;
  readonly decisions: readonly DecisionReport[];
  readonly outages: readonly Outage[];
  readonly counts: ReadonlyMap<string, number>;
  readonly hour: string;
}

export function createJournal(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
  readonly maxEntries: number;
  readonly maxAgeSeconds: number;
  readonly log: { readonly warn: (data: object, message: string) => void };
}): Journal {
  const { redis, keys, clock, node } = deps;
  let waiting: DecisionReport[] = [];
  let outages: Outage[] = [];
  let counts = new Map<string, number>();
  let lost = 0;
  /** Decisions without the store since it last answered; they become part of the outage once it is known as one. */
  let failing: { readonly from: EpochMs; allowed: number; refused: number } | undefined;
  let outage: { readonly why: string; readonly lostBefore: number } | undefined;
  let unwritten: Batch | undefined;
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();
  let closed = false;
  const recentAllows = new Map<string, Decision>();
  const listeners = new Set<(decision: DecisionReport) => void>();

  const schedule = (): void => {
    if (closed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writeAll();
    }, WRITE_EVERY_MS);
  };

  const writeAll = async (): Promise<void> => {
    try {
      while (unwritten !== undefined || waiting.length > 0 || outages.length > 0 || counts.size > 0) {
        // A batch whose answer was lost keeps its id, so that sending it again writes nothing twice.
        unwritten ??= nextBatch();
        await write(unwritten);
        unwritten = undefined;
      }
    } catch (error) {
      if (outage === undefined)
        deps.log.warn({ problem: messageOf(error) }, 'the journal could not be written; trying again');
      schedule();
    }
  };

  const nextBatch = (): Batch => {
    const batch = {
      id: randomBytes(9).toString('base64url'),
      decisions: waiting.slice(0, BATCH),
      outages,
      counts,
      hour: hourOf(clock.now()),
    };
    waiting = waiting.slice(BATCH);
    outages = [];
    counts = new Map();
    return batch;
  };

  const write = async (batch: Batch): Promise<void> => {
    await appendScript(
      redis,
      [keys.journalBatch(batch.id), keys.journal, keys.outages, keys.counts(batch.hour)],
      [
        deps.maxEntries,
        deps.maxAgeSeconds,
        batch.decisions.length,
        batch.outages.length,
        ...batch.decisions.map((decision) => JSON.stringify(decision)),
        ...batch.outages.map((each) => JSON.stringify(each)),
        ...[...batch.counts].flat(),
      ],
    );
  };

  const keep = (report: DecisionReport): void => {
    if (waiting.length >= MOST_WAITING) {
      lost += 1;
      return;
    }
    waiting.push(report);
  };

  const record: Journal['record'] = (decision) => {
    if (decision.store === 'failed') {
      failing ??= { from: decision.at, allowed: 0, refused: 0 };
      failing[decision.verdict.name === 'block' ? 'refused' : 'allowed'] += 1;
    } else if (decision.store === 'asked' && outage === undefined) {
      failing = undefined;
    }
    count(counts, decision);
    const kept = decision.verdict.name !== 'allow' || decision.store === 'failed' || decision.findings.some(wouldAct);
    if (kept || listeners.size > 0) {
      const report = reportDecision(decision, node);
      if (kept) keep(report);
      for (const listener of listeners) listener(report);
    }
    if (!kept) {
      if (recentAllows.size >= RECENT_ALLOWS) recentAllows.delete(recentAllows.keys().next().value ?? '');
      recentAllows.set(decision.id, decision);
    }
    schedule();
  };

  const scanFor = async (id: string, from: string, to: string): Promise<DecisionReport | undefined> => {
    let start = from;
    for (let scanned = 0; scanned < MOST_SCANNED; scanned += SCAN_PAGE) {
      const entries = await redis.xrange(keys.journal, start, to, 'COUNT', SCAN_PAGE);
      for (const [place, fields] of entries) {
        start = `(${place}`;
        if (!fields[1]?.includes(id)) continue;
        const decision = parseDecision(fields[1]);
        if (decision?.id === id) return decision;
      }
      if (entries.length < SCAN_PAGE) return undefined;
    }
    return undefined;
  };

  return {
    record,
    storeLost: (why) => {
      outage ??= { why, lostBefore: lost };
      failing ??= { from: clock.now(), allowed: 0, refused: 0 };
    },
    storeBack: () => {
      if (outage === undefined || failing === undefined) return;
      const { from, ...calls } = failing;
      const iso = (at: EpochMs): string => new Date(at).toISOString();
      outages.push({
        from: iso(from),
        to: iso(clock.now()),
        node,
        why: outage.why,
        ...calls,
        notKept: lost - outage.lostBefore,
      });
      outage = undefined;
      failing = undefined;
      schedule();
    },
    list: async ({ limit, cursor, since, matches }) => {
      const calls: DecisionReport[] = [];
      let end = cursor === undefined ? '+' : `(${cursor}`;
      // No decision is written before it is made, but for the difference of two clocks.
      const start = since === undefined ? '-' : String(Math.max(0, since - CLOCKS_DIFFER_MS));
      const wanted = (call: DecisionReport): boolean =>
        (since === undefined || Date.parse(call.at) >= since) && matches(call);
      for (let scanned = 0; scanned < MOST_SCANNED; scanned += SCAN_PAGE) {
        const entries = await redis.xrevrange(keys.journal, end, start, 'COUNT', SCAN_PAGE);
        for (const [place, fields] of entries) {
          end = `(${place}`;
          const call = parseDecision(fields[1]);
          if (call !== undefined && wanted(call)) calls.push(call);
          if (calls.length >= limit) return { calls, cursor: place };
        }
        if (entries.length < SCAN_PAGE) return { calls, cursor: null };
      }
      return { calls, cursor: end.slice(1) };
    },
    find: async (id) => {
      const recent = recentAllows.get(id);
      if (recent !== undefined) return reportDecision(recent, node);
      const queued = waiting.find((each) => each.id === id) ?? unwritten?.decisions.find((each) => each.id === id);
      if (queued !== undefined) return queued;
      const madeAt = timeOfDecision(id);
      if (madeAt === undefined) return undefined;
      // Written a moment after it was made, by the store's clock; after an outage much later, with skewed clocks earlier.
      const from = Math.max(0, madeAt - CLOCKS_DIFFER_MS);
      return (await scanFor(id, String(from), '+')) ?? (await scanFor(id, '-', `(${from}`));
    },
    countsOf: async (days) => {
      const daysKept = Math.max(1, Math.floor(deps.maxAgeSeconds / 86_400));
      const hours = 24 * Math.min(days, daysKept, MOST_DAYS_COUNTED);
      const now = clock.now();
      const byRule = new Map<string, number>();
      for (let back = 0; back < hours; back += HOURS_AT_ONCE) {
        const pipeline = redis.pipeline();
        for (let hour = back; hour < Math.min(back + HOURS_AT_ONCE, hours); hour++)
          pipeline.hgetall(keys.counts(hourOf(now - hour * HOUR_MS)));
        for (const [error, fields] of (await pipeline.exec()) ?? []) {
          if (error !== null) throw error;
          addCounts(byRule, fields);
        }
      }
      const calls = byRule.get('-') ?? 0;
      byRule.delete('-');
      return { days: hours / 24, calls, byRule };
    },
    perMinute: (minutes) => callsPerMinute(redis, keys, clock.now(), minutes),
    outages: async () => (await redis.lrange(keys.outages, 0, -1)).map((text) => JSON.parse(text) as Outage),
    follow: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    backlog: () => {
      const oldest = unwritten?.decisions[0] ?? waiting[0];
      const oldestAt = oldest === undefined ? undefined : (Date.parse(oldest.at) as EpochMs);
      return { waiting: waiting.length + (unwritten?.decisions.length ?? 0), oldestAt, lost };
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await writing;
      await writeAll();
    },
  };
}

const wouldAct = (finding: Finding): boolean =>
  finding.applies && isExceeded(finding) && finding.rule.mode === 'shadow';

/** One more for the rule that decided, or, on an allow, for every rule that applied; `-` counts all calls. */
function count(counts: Map<string, number>, decision: Decision): void {
  const minute = minuteOf(decision.at);
  const verdict = decision.verdict.name;
  const add = (rule: string): void => {
    const field = `${minute}|${rule}|${verdict}`;
    counts.set(field, (counts.get(field) ?? 0) + 1);
  };
  add('-');
  if (decision.verdict.rule !== undefined) add(decision.verdict.rule.id);
  else for (const finding of decision.findings) if (finding.applies) add(finding.rule.id);
}

/** @param fields of one hour: `09:41|rule|verdict` and how many */
function addCounts(byRule: Map<string, number>, fields: unknown): void {
  for (const [field, count] of Object.entries(fields ?? {})) {
    const [, rule] = field.split('|');
    if (rule !== undefined) byRule.set(rule, (byRule.get(rule) ?? 0) + Number(count));
  }
}

/** `2026-11-21T09`, UTC. */
const hourOf = (at: number): string => new Date(at).toISOString().slice(0, 13);

/** `09:41`, UTC. Kept for the minute: formatting a date costs half as much as counting a call in seven places. */
function minuteOf(at: EpochMs): string {
  const number = Math.floor(at / 60_000);
  if (number !== shownMinute.number) shownMinute = { number, text: new Date(at).toISOString().slice(11, 16) };
  return shownMinute.text;
}

let shownMinute = { number: Number.NaN, text: '' };

function parseDecision(text: string | undefined): DecisionReport | undefined {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as DecisionReport;
  } catch {
    return undefined;
  }
}

/** When a decision was made, from its id; undefined for what is no id. */
function timeOfDecision(id: string): number | undefined {
  if (!/^[0-9a-hjkmnp-tv-z]{15}$/.test(id)) return undefined;
  let at = 0;
  for (const letter of id.slice(0, 9)) at = at * 32 + ALPHABET.indexOf(letter);
  return at;
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/**
 * A decision's id: nine characters of time, then six random ones, in Crockford's base 32: ids sort by time, can be read
 * aloud, and cannot be guessed from their neighbours.
 */
export function newDecisionId(at: EpochMs): string {
  let time = '';
  for (let rest: number = at, place = 0; place < 9; place++, rest = Math.floor(rest / 32))
    time = ALPHABET.charAt(rest % 32) + time;
  let random = '';
  for (let place = 0; place < 6; place++) random += ALPHABET.charAt(randomByte() % 32);
  return `${time}${random}`;
}

const pool = { bytes: new Uint8Array(0), used: 0 };

/** Fetched a few thousand at a time: one trip to the generator costs as much as the rest of an id ten times over. */
function randomByte(): number {
  if (pool.used >= pool.bytes.length) {
    pool.bytes = randomBytes(4096);
    pool.used = 0;
  }
  return pool.bytes[pool.used++] ?? 0;
}
