/**
 * Which limits are nearest to their end: what the latest calls of this node left of each, and what has come back since.
 * Of all nodes: shared-limits.ts.
 *
 * Bounded: of the limits that were touched, the one that was touched longest ago is forgotten. Never throws.
 */
import { describeSubject, type EpochMs, type Subject } from '../policy/call.ts';
import type { Decision } from './gate.ts';

export interface FullLimit {
  readonly rule: string;
  readonly name: string;
  /** `extension 1001`. */
  readonly subject: string;
  readonly limit: string;
  /** Whole calls; of a bucket, with what has refilled since. */
  readonly used: number;
  readonly of: number;
}

export interface FullestLimits {
  readonly decided: (decision: Decision) => void;
  readonly list: (most: number, now: EpochMs) => readonly FullLimit[];
  /** The fullest first, as they were read; those whose calls have all come back since are left out. */
  readonly readings: (most: number, now: EpochMs) => readonly LimitReading[];
  /** On whom a rule counted the calls that this node decided last, budgets and rules in shadow among them. */
  readonly subjectsOf: (rule: string) => readonly Subject[];
}

/** What a call left of a limit when it was decided. */
export interface LimitReading extends FullLimit {
  readonly at: EpochMs;
  readonly periodSeconds: number;
}

interface Kept extends LimitReading {
  /** Rules in shadow have no end; budgets are used by calls as they go on, which no decision tells. */
  readonly isListed: boolean;
  readonly whose: Subject;
}

const MOST_KEPT = 2000;
/** Calls at once have no period; what nobody touched for so long is not shown. */
const SHOWN_FOR_MS = 300_000;

export function createFullestLimits(): FullestLimits {
  const kept = new Map<string, Kept>();
  const fullest = (most: number, now: EpochMs) =>
    [...kept.values()]
      .flatMap(({ whose: _, isListed, ...reading }) => {
        const used = isListed ? usedBy(reading, now) : 0;
        return used === 0 ? [] : [{ reading, used }];
      })
      .sort((a, b) => b.used / b.reading.of - a.used / a.reading.of)
      .slice(0, most);
  return {
    decided: ({ findings, at }) => {
      for (const finding of findings) {
        const { rule } = finding;
        if (!finding.applies || rule.action.name === 'alert') continue;
        for (const { subject, limits } of finding.readings) {
          for (const { limit, usedAfter } of limits) {
            const key = `${rule.id} ${limit.text} ${subject.kind} ${subject.id}`;
            const { count, periodSeconds, text, unit } = limit;
            kept.delete(key);
            const oldest = kept.size >= MOST_KEPT ? kept.keys().next().value : undefined;
            if (oldest !== undefined) kept.delete(oldest);
            const reading = {
              subject: describeSubject(subject),
              limit: text,
              used: usedAfter,
              of: count,
            };
            const isListed = rule.mode === 'enforce' && unit === undefined;
            const about = { at, periodSeconds, whose: subject, isListed };
            kept.set(key, { rule: rule.id, name: rule.name, ...reading, ...about });
          }
        }
      }
    },
    list: (most, now) =>
      fullest(most, now).map(({ reading: { at: _, periodSeconds: __, ...limit }, used }) => ({ ...limit, used })),
    readings: (most, now) => fullest(most, now).map(({ reading }) => reading),
    subjectsOf: (rule) => [...kept.values()].filter((each) => each.rule === rule).map(({ whose }) => whose),
  };
}

/** Whole calls that still count of a reading; 0 too where it is too old to be shown. */
export function usedBy({ at, periodSeconds, used, of }: LimitReading, now: EpochMs): number {
  const sinceMs = Math.max(0, now - at);
  if (sinceMs > Math.max(SHOWN_FOR_MS, periodSeconds * 1000)) return 0;
  const back = periodSeconds === 0 ? 0 : (of * sinceMs) / (periodSeconds * 1000);
  return Math.max(0, Math.round(used - back));
}
