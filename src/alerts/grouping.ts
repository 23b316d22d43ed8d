/**
 * An incident: many alerts about one thing, and what staff are told of it. Pure.
 *
 * Whoever has no time now snoozes it: until then nobody hears of it, unless it gets worse, and then the steps go on.
 *
 * The first alert is told at once. What follows is counted and told as one sentence at the end of a window, which doubles
 * each time (5, 10, 20 … 60 min), and once more when nothing further comes. Steps of escalation go on until somebody
 * acknowledges or it is over. What lasts is over when its source says so; what comes back soon after is the same incident,
 * and waits for the end of its window, so that a part which goes up and down is not told each time.
 */
import { z } from 'zod';
import type { EpochMs } from '../policy/call.ts';
import { type Alert, alertSchema, keyOf, kindOf } from './alert.ts';
import { notBefore, type PlannedStep, type Schedules } from './routing.ts';

const epochMs = z.int().transform((at) => at as EpochMs);

const stepSchema = z.object({
  at: epochMs,
  to: z.array(z.string()),
  quiet: z.string().nullable(),
  repeatMs: z.int().nullable(),
});

/** The form in the store, and the shape of the value. */
export const incidentSchema = z.object({
  id: z.string(),
  key: z.string(),
  /** Raised with each change. */
  version: z.int(),
  /** The latest; its severity is the highest so far. */
  alert: alertSchema,
  openedAt: epochMs,
  lastAt: epochMs,
  /** Alerts so far. */
  count: z.int(),
  /** Those of them that were told. */
  toldCount: z.int(),
  /** When the window began that is told at its end. */
  windowAt: epochMs,
  windowMs: z.int(),
  /** Steps not taken yet. */
  steps: z.array(stepSchema),
  /** Channels that were told, each with its quiet hours. */
  told: z.array(z.object({ channel: z.string(), quiet: z.string().nullable() })),
  acknowledged: z.object({ by: z.string(), at: epochMs }).nullable(),
  /** Nobody hears of it until then. With the steps as they were, for whoever takes that back. */
  snoozed: z
    .object({ by: z.string(), until: epochMs, steps: z.array(stepSchema) })
    .nullable()
    .default(null),
  over: z.object({ at: epochMs, why: z.string() }).nullable(),
  /** The latest batches, or `once` of their alerts. */
  seen: z.array(z.string()),
});
export type Incident = Readonly<z.infer<typeof incidentSchema>>;

/**
 * - `raised`: it began. `escalated`: nobody has acknowledged. `again`: more of the same.
 * - `acknowledged`: somebody has it. `resolved`: it is over.
 */
export const EVENTS = ['raised', 'escalated', 'again', 'acknowledged', 'resolved'] as const;
export type IncidentEvent = (typeof EVENTS)[number];

export interface Telling {
  readonly event: IncidentEvent;
  readonly channel: string;
  readonly at: EpochMs;
  /** It waits for the end of quiet hours. */
  readonly deferred: boolean;
}

/** What becomes of an incident, and what is to be sent in the same step. */
export interface Change {
  readonly incident: Incident;
  readonly tellings: readonly Telling[];
  /** When it has to be looked at again; undefined: when something happens. */
  readonly dueAt: EpochMs | undefined;
}

export interface GroupingRules {
  readonly schedules: Schedules;
  /** First window, and how long after its end an incident is the same when it comes back. */
  readonly windowMs: number;
  /** Wants to hear of every end, also of what does not last. */
  readonly tracks: (channel: string) => boolean;
}

/** A part that is down for the second time is not kept back for long. */
const FIRST_WINDOW_OF_LASTING_MS = 60_000;
const LONGEST_WINDOW_MS = 3_600_000;
const MOST_SEEN = 100;

const plus = (at: EpochMs, ms: number): EpochMs => (at + ms) as EpochMs;
const lasts = ({ alert }: Incident): boolean => kindOf(alert.kind).lasts;

/** Alerts of one kind about one thing that came close together. */
export interface Batch {
  /** Taken again, after the store failed to say whether it had it, it counts nothing twice. */
  readonly id: string;
  /** The latest. */
  readonly alert: Alert;
  readonly count: number;
}

/** @param already channels that have been told by another way */
export function openIncident(
  id: string,
  { id: batch, alert, count }: Batch,
  steps: readonly PlannedStep[],
  already: readonly string[],
  now: EpochMs,
  rules: GroupingRules,
): Change {
  const incident: Incident = {
    id,
    key: keyOf(alert),
    version: 1,
    alert,
    openedAt: alert.at,
    lastAt: alert.at,
    count,
    toldCount: count,
    windowAt: now,
    windowMs: kindOf(alert.kind).lasts ? Math.min(FIRST_WINDOW_OF_LASTING_MS, rules.windowMs) : rules.windowMs,
    steps: steps.map((step) => ({ ...step, to: [...step.to] })),
    told: already.map((channel) => ({ channel, quiet: null })),
    acknowledged: null,
    snoozed: null,
    over: null,
    seen: seenOf(batch, alert),
  };
  return after(takeSteps(incident, 'raised', now, rules));
}

/**
 * More of the same. Undefined where all of it was seen before.
 *
 * @param steps begun anew where it was over: that somebody had it then is no answer to this
 */
export function addAlert(
  before: Incident,
  { id: batch, alert, count }: Batch,
  steps: readonly PlannedStep[],
  now: EpochMs,
  rules: GroupingRules,
): Change | undefined {
  if (before.seen.includes(alert.once ?? batch)) return undefined;
  const isHigher = alert.severity === 'critical' && before.alert.severity !== 'critical';
  const begins = before.over !== null;
  const incident: Incident = {
    ...next(before),
    ...(begins ? { acknowledged: null, snoozed: null, steps: laterSteps(before, steps, now) } : {}),
    alert: { ...alert, severity: isHigher ? alert.severity : before.alert.severity },
    lastAt: later(before.lastAt, alert.at),
    count: before.count + count,
    over: null,
    seen: [...before.seen, ...seenOf(batch, alert)].slice(-MOST_SEEN),
  };
  return look(incident, now, rules, isHigher);
}

/** Who was told of it is told at the end of the window. */
const laterSteps = ({ told }: Incident, steps: readonly PlannedStep[], now: EpochMs): Incident['steps'] =>
  steps.filter(({ at }) => told.length === 0 || at > now).map((step) => ({ ...step, to: [...step.to] }));

/** Whether one that is over is the same when it happens again. */
export const mayReopen = ({ over, windowAt, windowMs }: Incident, now: EpochMs, rules: GroupingRules): boolean =>
  over === null || now < Math.max(over.at + rules.windowMs, windowAt + windowMs);

/** What is due by the clock. Undefined where nothing is. */
export function lookAt(before: Incident, now: EpochMs, rules: GroupingRules): Change | undefined {
  const due = dueAt(before);
  return due === undefined || due > now ? undefined : look(next(before), now, rules);
}

/** Undefined where somebody has, or it is over. */
export function acknowledge(before: Incident, by: string, now: EpochMs, rules: GroupingRules): Change | undefined {
  if (before.acknowledged !== null || before.over !== null) return undefined;
  const incident = { ...next(before), acknowledged: { by, at: now }, snoozed: null, steps: [] };
  return after({ incident, tellings: toldOf(incident, 'acknowledged', now, rules) });
}

/**
 * Nobody hears of it until then; the steps that were due before come at that time, and those who were told hear of it again.
 * Undefined where somebody has it, or it is over.
 */
export function snooze(before: Incident, by: string, until: EpochMs, now: EpochMs): Change | undefined {
  if (before.acknowledged !== null || before.over !== null) return undefined;
  const steps = isSnoozed(before, now) ? (before.snoozed?.steps ?? []) : before.steps;
  const again = before.told.map(({ channel, quiet }) => ({ at: until, to: [channel], quiet, repeatMs: null }));
  const moved = steps.map((step) => ({ ...step, at: later(step.at, until) }));
  return after({
    incident: { ...next(before), snoozed: { by, until, steps }, steps: [...again, ...moved] },
    tellings: [],
  });
}

/** The steps as they were; those that were due meanwhile are taken now. Undefined where it is not snoozed. */
export function wake(before: Incident, now: EpochMs, rules: GroupingRules): Change | undefined {
  if (!isSnoozed(before, now) || before.snoozed === null) return undefined;
  return look({ ...next(before), steps: before.snoozed.steps, snoozed: null }, now, rules);
}

export const isSnoozed = ({ snoozed }: Incident, now: EpochMs): boolean => snoozed !== null && snoozed.until > now;

/** Its source says that it is over. Undefined where it is. */
export function resolve(before: Incident, why: string, now: EpochMs, rules: GroupingRules): Change | undefined {
  return before.over === null ? end(next(before), why, now, rules) : undefined;
}

const seenOf = (batch: string, { once }: Alert): string[] => [once ?? batch];
const next = (before: Incident): Incident => ({ ...before, version: before.version + 1 });
const later = (one: EpochMs, other: EpochMs): EpochMs => (one > other ? one : other);

type Begun = Pick<Change, 'incident' | 'tellings'>;
const after = (begun: Begun): Change => ({ ...begun, dueAt: dueAt(begun.incident) });

/** @param isWorse does not wait for the end of the window */
function look(incident: Incident, now: EpochMs, rules: GroupingRules, isWorse = false): Change {
  const stepped = takeSteps(incident, incident.told.length === 0 ? 'raised' : 'escalated', now, rules);
  const summed = tellMore(stepped, now, rules, isWorse);
  const endsAt = endOf(summed.incident);
  if (endsAt === undefined || endsAt > now) return after(summed);
  const ended = end(summed.incident, 'nothing more came', now, rules);
  return { ...ended, tellings: [...summed.tellings, ...ended.tellings] };
}

function takeSteps(before: Incident, event: 'raised' | 'escalated', now: EpochMs, rules: GroupingRules): Begun {
  const told = new Map(before.told.map((each) => [each.channel, each]));
  const steps: Incident['steps'] = [];
  const tellings: Telling[] = [];
  for (const step of before.steps) {
    if (step.at > now) {
      steps.push(step);
      continue;
    }
    for (const channel of new Set(step.to)) {
      if (event === 'raised' && told.has(channel)) continue;
      if (tellings.some((telling) => telling.channel === channel)) continue;
      tellings.push(telling(before, event, channel, step.quiet, now, rules));
      told.set(channel, { channel, quiet: step.quiet });
    }
    // From now on and not from when it was due: a daemon that was away does not make up for each of them.
    if (step.repeatMs !== null) steps.push({ ...step, at: plus(now, step.repeatMs) });
  }
  return { incident: { ...before, steps, told: [...told.values()] }, tellings };
}

function tellMore({ incident, tellings }: Begun, now: EpochMs, rules: GroupingRules, isWorse: boolean): Begun {
  const { count, toldCount, windowAt, windowMs, acknowledged } = incident;
  const isHeldBack = windowAt + windowMs > now || isSnoozed(incident, now);
  if ((isHeldBack && !isWorse) || count === toldCount) return { incident, tellings };
  const told = acknowledged === null ? toldOf(incident, 'again', now, rules) : [];
  const longer = Math.min(windowMs * 2, LONGEST_WINDOW_MS);
  return {
    incident: { ...incident, toldCount: count, windowAt: now, windowMs: longer },
    tellings: [...tellings, ...told.filter(({ channel }) => !tellings.some((each) => each.channel === channel))],
  };
}

function end(incident: Incident, why: string, now: EpochMs, rules: GroupingRules): Change {
  // Whoever was not told that it came back needs not be told that it is over once more.
  const isKnown = !lasts(incident) || incident.count === incident.toldCount;
  const told = isKnown ? toldOf(incident, 'resolved', now, rules) : [];
  return {
    incident: { ...incident, over: { at: now, why }, snoozed: null, steps: [], toldCount: incident.count },
    tellings: told.filter(({ channel }) => lasts(incident) || rules.tracks(channel)),
    dueAt: undefined,
  };
}

/** When it is over by itself: nothing came for a whole window, and nobody is still to be asked. */
function endOf(incident: Incident): EpochMs | undefined {
  const { over, lastAt, windowAt, windowMs, steps } = incident;
  if (over !== null || lasts(incident) || steps.length > 0) return undefined;
  return plus(later(lastAt, windowAt), windowMs);
}

function dueAt(incident: Incident): EpochMs | undefined {
  if (incident.over !== null) return undefined;
  const { count, toldCount, windowAt, windowMs, steps, snoozed } = incident;
  const windowEnds = plus(windowAt, windowMs);
  const times = [
    ...steps.map(({ at }) => at),
    ...(count > toldCount ? [snoozed === null ? windowEnds : later(windowEnds, snoozed.until)] : []),
    endOf(incident) ?? [],
  ].flat();
  return times.length === 0 ? undefined : (Math.min(...times) as EpochMs);
}

function toldOf(incident: Incident, event: IncidentEvent, now: EpochMs, rules: GroupingRules): Telling[] {
  return incident.told.map(({ channel, quiet }) => telling(incident, event, channel, quiet, now, rules));
}

function telling(
  { alert }: Incident,
  event: IncidentEvent,
  channel: string,
  quiet: string | null,
  now: EpochMs,
  { schedules }: GroupingRules,
): Telling {
  const at = notBefore(alert.severity, quiet, now, schedules);
  return { event, channel, at, deferred: at > now };
}
