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
import { type CallEnd, createCallSequels, type HoldEnd } from './call-sequels.ts';
import { callsPerMinute, type MinuteOfCalls } from './calls-per-minute.ts';
import { timeOfDecision } from './decision-id.ts';
import { createEarlierDecisions } from './earlier-decisions.ts';
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
  /** Whether the JSON of a decision can be one that matches: reading it takes ten times as long. */
  readonly mayMatch?: ((json: string) => boolean) | undefined;
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

/** Which call is over. */
export interface EndedCall {
  readonly decision: string;
  readonly callId: string | undefined;
  /** The decision stands in the journal, as {@link isKept} said. */
  readonly isKept: boolean;
}

export interface Journal {
  /** Never waits and never fails. */
  readonly record: (decision: Decision) => void;
  readonly storeLost: (why: string) => void;
  readonly storeBack: () => void;
  /** Newest first. */
  readonly list: (query: CallsQuery) => Promise<CallsPage>;
  /** A call of this decision is over. Never waits and never fails. */
  readonly ended: (call: EndedCall, end: CallEnd) => void;
  /** A held call of this decision is no longer held. */
  readonly settled: (decision: string, held: HoldEnd) => void;
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
  readonly extensionName?: (extension: string) => string | undefined;
  readonly log: { readonly warn: (data: object, message: string) => void };
}): Journal {
  const { redis, keys, clock, node } = deps;
  const sequels = createCallSequels(deps);
  const earlier = createEarlierDecisions();
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
  const recentAllows = new Map<string, DecisionAndTrunks>();
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

  const reportIt = ({ decision, trunksTried }: DecisionAndTrunks): DecisionReport => {
    const { extension } = decision.call;
    const extensionName = extension === undefined ? undefined : deps.extensionName?.(extension);
    return reportDecision(decision, { node, extensionName, trunksTried });
  };

  const record: Journal['record'] = (decision) => {
    if (decision.store === 'failed') {
      failing ??= { from: decision.at, allowed: 0, refused: 0 };
      failing[decision.verdict.name === 'block' ? 'refused' : 'allowed'] += 1;
    } else if (decision.store === 'asked' && outage === undefined) {
      failing = undefined;
    }
    count(counts, decision);
    const kept = isKept(decision);
    const trunksTried = earlier.trunksTried(decision, kept);
    if (kept || listeners.size > 0) {
      const report = reportIt({ decision, trunksTried });
      if (kept) keep(report);
      for (const listener of listeners) listener(report);
    }
    if (!kept) {
      if (recentAllows.size >= RECENT_ALLOWS) recentAllows.delete(recentAllows.keys().next().value ?? '');
      recentAllows.set(decision.id, { decision, trunksTried });
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

  const knownHere = (id: string): DecisionReport | undefined => {
    const recent = recentAllows.get(id);
    if (recent !== undefined) return reportIt(recent);
    return waiting.find((each) => each.id === id) ?? unwritten?.decisions.find((each) => each.id === id);
  };

  const findWritten = async (id: string): Promise<DecisionReport | undefined> => {
    const madeAt = timeOfDecision(id);
    if (madeAt === undefined) return undefined;
    // Written a moment after it was made, by the store's clock; after an outage much later, with skewed clocks earlier.
    const from = Math.max(0, madeAt - CLOCKS_DIFFER_MS);
    return (await scanFor(id, String(from), '+')) ?? (await scanFor(id, '-', `(${from}`));
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
    list: async ({ limit, cursor, since, matches, mayMatch }) => {
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
          const call = mayMatch?.(fields[1] ?? '') === false ? undefined : parseDecision(fields[1]);
          if (call !== undefined && wanted(call)) calls.push(call);
          if (calls.length >= limit) return { calls: await sequels.join(calls), cursor: place };
        }
        if (entries.length < SCAN_PAGE) return { calls: await sequels.join(calls), cursor: null };
      }
      return { calls: await sequels.join(calls), cursor: end.slice(1) };
    },
    find: async (id) => {
      const known = knownHere(id);
      if (known !== undefined) return { ...known, ...sequels.recall(id) };
      const found = await findWritten(id);
      return found === undefined ? undefined : (await sequels.join([found]))[0];
    },
    ended: ({ decision, callId, isKept: isWritten }, end) => {
      if (isWritten) return sequels.note(decision, { end });
      sequels.remember(decision, { end });
      // A call that was held and then went, or tried a second trunk, is found by its earlier decision.
      const kept = earlier.lastKept(callId);
      if (kept !== undefined) sequels.note(kept, { end });
    },
    settled: (decision, held) => sequels.note(decision, { held }),
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
      await sequels.close();
    },
  };
}

interface DecisionAndTrunks {
  readonly decision: Decision;
  readonly trunksTried: readonly string[];
}

/** Whether a decision stands in the journal in full; the others are counted. */
export const isKept = ({ verdict, store, findings }: Decision): boolean =>
  verdict.name !== 'allow' || store === 'failed' || findings.some(wouldAct);

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
    // Of older daemons without the first of these; all without the last two, which are kept beside it.
    return { call: null, extensionName: null, trunksTried: [], end: null, held: null, ...JSON.parse(text) };
  } catch {
    return undefined;
  }
}
