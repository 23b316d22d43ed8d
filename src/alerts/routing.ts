/**
 * Which alerts go to which channels, when, and who is next if nobody acknowledges. Pure; schedules are asked as functions.
 *
 * Every route that an alert matches counts. Quiet hours hold back what is not critical until they are over. A schedule
 * that the policy does not have is never open: a route then leads nowhere by `during`, and is never quiet.
 */
import type { EpochMs } from '../policy/call.ts';
import { type Alert, type AlertKind, SEVERITIES, type Severity } from './alert.ts';

export interface Route {
  /** Absent: every kind. */
  readonly kinds?: readonly AlertKind[] | undefined;
  /** At least. */
  readonly severity: Severity;
  /** Absent: of any rule, and what has nothing to do with a rule. */
  readonly rules?: readonly string[] | undefined;
  /** Schedule of the policy in which the route holds; absent: always. */
  readonly during?: string | undefined;
  /** Schedule of the policy in which only critical alerts go out. */
  readonly quiet?: string | undefined;
  /** Each is taken unless somebody has acknowledged by then. */
  readonly steps: readonly RouteStep[];
  /** The last step again and again, until somebody acknowledges. */
  readonly repeatMs?: number | undefined;
}

export interface RouteStep {
  readonly to: readonly string[];
  /** From when the incident began. */
  readonly afterMs: number;
}

/** What a schedule of the policy says. */
export interface Schedules {
  readonly isOpen: (schedule: string, at: EpochMs) => boolean;
  /** When an open one closes; undefined: never. */
  readonly closesAt: (schedule: string, at: EpochMs) => EpochMs | undefined;
}

/** A step of an incident under way. */
export interface PlannedStep {
  readonly at: EpochMs;
  readonly to: readonly string[];
  readonly quiet: string | null;
  readonly repeatMs: number | null;
}

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

const matches = (route: Route, alert: Alert, at: EpochMs, schedules: Schedules): boolean =>
  rank(alert.severity) >= rank(route.severity) &&
  (route.kinds === undefined || route.kinds.includes(alert.kind)) &&
  (route.rules === undefined || (alert.rule !== null && route.rules.includes(alert.rule))) &&
  (route.during === undefined || schedules.isOpen(route.during, at));

/** The steps that an alert begins, in the order of time. */
export function planFor(alert: Alert, at: EpochMs, routes: readonly Route[], schedules: Schedules): PlannedStep[] {
  return routes
    .filter((route) => matches(route, alert, at, schedules))
    .flatMap(({ steps, quiet, repeatMs }) =>
      steps.map(
        ({ to, afterMs }, index): PlannedStep => ({
          at: (at + afterMs) as EpochMs,
          to,
          quiet: quiet ?? null,
          repeatMs: index === steps.length - 1 ? (repeatMs ?? null) : null,
        }),
      ),
    )
    .sort((one, other) => one.at - other.at);
}

/** Quiet hours that have no end end after a day. */
const LONGEST_QUIET_MS = 86_400_000;

/** From when something may be said to somebody whose quiet hours are these. */
export function notBefore(
  severity: Severity,
  quiet: string | null,
  at: EpochMs,
  { isOpen, closesAt }: Schedules,
): EpochMs {
  if (severity === 'critical' || quiet === null || !isOpen(quiet, at)) return at;
  const longest = at + LONGEST_QUIET_MS;
  return Math.min(closesAt(quiet, at) ?? longest, longest) as EpochMs;
}
