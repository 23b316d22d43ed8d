/**
 * Which limits are nearest to their end: what the latest calls of this node left of each, and what has come back since.
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
  /** On whom a rule counted the calls that this node decided last, budgets and rules in shadow among them. */
  readonly subjectsOf: (rule: string) => readonly Subject[];
}

interface Kept extends FullLimit {
  readonly at: EpochMs;
  readonly periodSeconds: number;
  /** Rules in shadow have no end; budgets are used by calls as they go on, which no decision tells. */
  readonly isListed: boolean;
  readonly whose: Subject;
}

const MOST_KEPT = 2000;
/** Calls at once have no period; what nobody touched for so long is not shown. */
const SHOWN_FOR_MS = 300_000;

export function createFullestLimits(): FullestLimits {
  const kept = new Map<string, Kept>();
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
      [...kept.values()]
        .flatMap(({ at, periodSeconds, whose: _, isListed, ...limit }) => {
          if (!isListed) return [];
          const sinceMs = Math.max(0, now - at);
          if (sinceMs > Math.max(SHOWN_FOR_MS, periodSeconds * 1000)) return [];
          const back = periodSeconds === 0 ? 0 : (limit.of * sinceMs) / (periodSeconds * 1000);
          const used = Math.max(0, Math.round(limit.used - back));
          return used === 0 ? [] : [{ ...limit, used }];
        })
        .sort((a, b) => b.used / b.of - a.used / a.of)
        .slice(0, most),
    subjectsOf: (rule) => [...kept.values()].filter((each) => each.rule === rule).map(({ whose }) => whose),
  };
}
