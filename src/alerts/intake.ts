/**
 * Where alerts come in. Raising one never waits, never throws and costs a call next to nothing: alerts about one thing are
 * one entry with a count until they are written, which begins at once and goes on as fast as the store takes them.
 *
 * Bounded: of one kind and rule, so many subjects in a window have entries of their own, and the rest share one; beyond
 * a thousand entries alerts are dropped and counted. While the store is away entries stay here and in a file, and critical
 * ones are sent without it.
 */
import { randomBytes } from 'node:crypto';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import { type Alert, type AlertKind, completeAlert, familyOf, keyOf, kindOf, type NewAlert, oneLine } from './alert.ts';
import type { Intake } from './incidents.ts';
import type { AlertSpool } from './spool.ts';

export interface AlertIntake {
  readonly raise: (alert: NewAlert) => void;
  /** The same for what comes often: the alert is made only if none about the same thing waits. */
  readonly raiseOften: (
    of: Pick<NewAlert, 'kind' | 'about'> & { readonly rule: string },
    count: number,
    make: () => NewAlert,
  ) => void;
  /** What lasted is over. */
  readonly resolve: (kind: AlertKind, about: string, why: string) => void;
  readonly dropped: () => number;
  readonly waiting: () => number;
  /** Begins to write. Before, alerts wait. */
  readonly start: () => void;
  /** Writes what waits, if the store takes it. */
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly id: string;
  readonly key: string;
  alert: Alert | undefined;
  count: number;
  over: string | undefined;
  batch: string;
  already: readonly string[];
}

const MOST_ENTRIES = 1000;
/** Subjects of one kind and rule that are told of one by one. */
const MOST_SUBJECTS = 5;
const MOST_FAMILIES = 1000;
const MOST_SUBJECTS_COUNTED = 10_000;
const TRY_AGAIN_MS = 500;
/** Under load, what comes in this time is written as one. */
const GATHER_MS = 100;

export function createIntake(deps: {
  readonly take: (intake: Intake) => Promise<void>;
  /** The store is away: sends what is critical without it, and answers with the channels that have it now. */
  readonly sendDirectly: (intake: Intake) => Promise<readonly string[]>;
  readonly spool: AlertSpool;
  readonly clock: { readonly now: () => EpochMs; readonly monotonicMs: () => number };
  readonly node: string;
  readonly windowMs: number;
  readonly log: Log;
}): AlertIntake {
  const { clock, node, log, spool } = deps;
  let waiting = new Map<string, Entry>();
  const families = new Map<
    string,
    { readonly sinceMs: number; readonly singles: Set<string>; readonly others: Set<string> }
  >();
  let dropped = 0;
  let isStarted = false;
  let closed = false;
  let running: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let wasAway = false;

  for (const { id, key, batch, over, already } of spool.kept) {
    waiting.set(key, {
      id,
      key,
      alert: batch?.alert,
      count: batch?.count ?? 0,
      over,
      batch: batch?.id ?? newId(),
      already,
    });
  }

  /** Whether alerts about this are told of by themselves; else they share one with others of their family. */
  const isSingle = (family: string, about: string): boolean => {
    const nowMs = clock.monotonicMs();
    let known = families.get(family);
    if (known === undefined || nowMs - known.sinceMs >= deps.windowMs) {
      known = { sinceMs: nowMs, singles: new Set(), others: new Set() };
      families.delete(family);
      families.set(family, known);
      const [oldest] = families.keys();
      if (families.size > MOST_FAMILIES && oldest !== undefined) families.delete(oldest);
    }
    const { singles, others } = known;
    if (singles.has(about)) return true;
    if (singles.size < MOST_SUBJECTS) {
      singles.add(about);
      return true;
    }
    if (others.size < MOST_SUBJECTS_COUNTED) others.add(about);
    return false;
  };
  const sharedBy = (family: string): string => `many ${family}`;
  const gathered = (alert: Alert): Alert => {
    const family = familyOf(alert);
    if (kindOf(alert.kind).lasts || isSingle(family, alert.about)) return alert;
    const of = alert.rule === null ? '' : ` by rule ${alert.rule}`;
    return {
      ...alert,
      about: sharedBy(family),
      subject: `${families.get(family)?.others.size ?? 'many'} different ones`,
      title: `Several ${kindOf(alert.kind).many}${of}`,
      sentence: oneLine(`The latest: ${alert.sentence}`, 600),
    };
  };

  const entryOf = (key: string): Entry | undefined => {
    const known = waiting.get(key);
    if (known !== undefined) return known;
    if (waiting.size >= MOST_ENTRIES) {
      dropped += 1;
      return undefined;
    }
    const entry: Entry = { id: newId(), key, alert: undefined, count: 0, over: undefined, batch: newId(), already: [] };
    waiting.set(key, entry);
    return entry;
  };

  const raise = (wanted: NewAlert, count = 1): void => {
    try {
      const alert = gathered(completeAlert(wanted, node, clock.now()));
      const entry = entryOf(keyOf(alert));
      if (entry === undefined) return;
      entry.alert = alert;
      entry.count += count;
      entry.over = undefined;
      wake();
    } catch (error) {
      // A source must not fail because it has something to say.
      log.error({ problem: messageOf(error) }, 'an alert could not be raised');
    }
  };

  const intakeOf = (entry: Entry): Intake => ({
    id: entry.id,
    key: entry.key,
    batch: entry.alert === undefined ? undefined : { id: entry.batch, alert: entry.alert, count: entry.count },
    over: entry.over,
    already: entry.already,
  });

  /** What came while this was tried goes behind it; the batch stays the same for what may have been written. */
  const putBack = (entries: readonly Entry[]): void => {
    const since = waiting;
    waiting = new Map(entries.map((entry) => [entry.key, entry]));
    for (const entry of since.values()) {
      const before = waiting.get(entry.key);
      if (before === undefined) {
        if (waiting.size < MOST_ENTRIES) waiting.set(entry.key, entry);
        else dropped += entry.count;
        continue;
      }
      before.alert = entry.alert ?? before.alert;
      before.count += entry.count;
      before.over = entry.over ?? (entry.alert === undefined ? before.over : undefined);
    }
  };

  const sendDirectly = async (entries: readonly Entry[]): Promise<void> => {
    for (const entry of entries) {
      if (entry.alert?.severity !== 'critical' || entry.over !== undefined) continue;
      const told = await deps.sendDirectly(intakeOf(entry)).catch(() => []);
      entry.already = [...new Set([...entry.already, ...told])];
    }
  };

  const flush = async (): Promise<void> => {
    const entries = [...waiting.values()];
    waiting = new Map();
    let done = 0;
    try {
      for (const entry of entries) {
        await deps.take(intakeOf(entry));
        done += 1;
      }
      if (wasAway) log.info('alerts are written to the store again');
      wasAway = false;
      await spool.keep([]);
    } catch (error) {
      if (!wasAway) log.warn({ problem: messageOf(error) }, 'alerts cannot be written to the store; they wait here');
      wasAway = true;
      putBack(entries.slice(done));
      await spool.keep([...waiting.values()].map(intakeOf));
      if (!closed) await sendDirectly([...waiting.values()]);
    }
  };

  function wake(inMs = 0): void {
    if (!isStarted || closed || running !== undefined || timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      running = flush().finally(() => {
        running = undefined;
        if (waiting.size > 0) wake(wasAway ? TRY_AGAIN_MS : GATHER_MS);
      });
    }, inMs);
    timer.unref();
  }

  return {
    raise,
    raiseOften: ({ kind, about, rule }, count, make) => {
      const family = familyOf({ kind, rule });
      const known = waiting.get(keyOf({ kind, about: isSingle(family, about) ? about : sharedBy(family) }));
      if (known?.alert === undefined) return raise(make(), count);
      known.count += count;
      known.over = undefined;
    },
    resolve: (kind, about, why) => {
      const entry = entryOf(keyOf({ kind, about: oneLine(about, 200) }));
      if (entry === undefined) return;
      entry.over = oneLine(why, 300);
      wake();
    },
    dropped: () => dropped,
    waiting: () => waiting.size,
    start: () => {
      isStarted = true;
      if (waiting.size > 0) wake();
    },
    close: async () => {
      clearTimeout(timer);
      timer = undefined;
      await running;
      closed = true;
      if (isStarted && waiting.size > 0) await flush();
    },
  };
}

/** Hexadecimal: people type it, and what begins with a dash would be an option. */
const newId = (): string => randomBytes(8).toString('hex');
