/** Decisions that are alike taken together: who, where to, and what became of it. Pure. */
import type { VerdictName } from '../policy/actions/action.ts';
import type { DecisionReport } from './report.ts';

export interface CallPattern {
  readonly extension: string | null;
  /** Of the destination, in words: `Cuba, high-risk`. */
  readonly destinationLabel: string;
  readonly verdict: VerdictName;
  readonly calls: number;
  /** ISO 8601, UTC: the first and the last of them. */
  readonly from: string;
  readonly to: string;
  /** Rules that decided. */
  readonly rules: readonly string[];
  /** Ids of the latest. */
  readonly sample: readonly string[];
}

const MOST_PATTERNS = 10_000;
const SAMPLE = 3;

/** @returns collects decisions, the newest first; what is beyond ten thousand patterns is left out */
export function createPatterns(): {
  readonly add: (call: DecisionReport) => void;
  /** Those of most calls first. */
  readonly list: (most: number) => readonly CallPattern[];
} {
  const found = new Map<string, { pattern: CallPattern; readonly rules: Set<string> }>();
  return {
    add: (call) => {
      const { extension, destinationLabel, verdict, at, rule, id } = call;
      const key = JSON.stringify([extension, destinationLabel, verdict]);
      const known = found.get(key);
      if (known === undefined) {
        if (found.size >= MOST_PATTERNS) return;
        const pattern = { extension, destinationLabel, verdict, calls: 1, from: at, to: at, rules: [], sample: [id] };
        found.set(key, { pattern, rules: new Set(rule === null ? [] : [rule]) });
        return;
      }
      if (rule !== null) known.rules.add(rule);
      const { pattern } = known;
      known.pattern = {
        ...pattern,
        calls: pattern.calls + 1,
        from: at,
        sample: pattern.sample.length < SAMPLE ? [...pattern.sample, id] : pattern.sample,
      };
    },
    list: (most) =>
      [...found.values()]
        .map(({ pattern, rules }) => ({ ...pattern, rules: [...rules].slice(0, 20) }))
        .sort((a, b) => b.calls - a.calls || (a.to < b.to ? 1 : -1))
        .slice(0, most),
  };
}
