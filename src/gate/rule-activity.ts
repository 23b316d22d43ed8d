/**
 * What each rule did in the last day, hour by hour: on how many calls it acted, or would have, and when it last did.
 *
 * One look through the journal for all rules. Plain allows are not in there and are not asked for.
 */
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Journal } from './journal.ts';

export interface RuleActivity {
  readonly rule: string;
  /** Calls on which it acted, and calls on which it would have, had it not been in shadow. */
  readonly acted: number;
  readonly would: number;
  /** Both together, the oldest hour first; the last is the one that ends now. */
  readonly hours: readonly number[];
  /** ISO 8601, UTC. */
  readonly lastAt: string;
}

export interface ActivityReport {
  readonly rules: readonly RuleActivity[];
  /** False where the journal holds more of that day than was read. */
  readonly complete: boolean;
}

const HOURS = 24;
const HOUR_MS = 3_600_000;
/** Many pages on many screens ask for the same: the journal is read once for all of them. */
const GOOD_FOR_MS = 5000;

/** @returns how to ask for it; answers within five seconds are the same one */
export function createRuleActivity(
  journal: Pick<Journal, 'list'>,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
): () => Promise<ActivityReport> {
  let last: { readonly at: number; readonly report: Promise<ActivityReport> } | undefined;
  return () => {
    const at = clock.monotonicMs();
    if (last !== undefined && at - last.at < GOOD_FOR_MS) return last.report;
    const report = readActivity(journal, clock.now());
    last = { at, report };
    // What failed is asked again by the next one.
    report.catch(() => {
      if (last?.report === report) last = undefined;
    });
    return report;
  };
}

async function readActivity(journal: Pick<Journal, 'list'>, now: EpochMs): Promise<ActivityReport> {
  const since = (now - HOURS * HOUR_MS) as EpochMs;
  const found = new Map<string, { acted: number; would: number; readonly hours: number[]; lastAt: string }>();
  const { cursor } = await journal.list({
    limit: 1,
    since,
    matches: ({ at, findings }) => {
      const hour = Math.min(HOURS - 1, Math.max(0, Math.floor((Date.parse(at) - since) / HOUR_MS)));
      for (const { rule, mode, applies, exceeded } of findings) {
        if (!applies || !exceeded) continue;
        // The newest comes first.
        const kept = found.get(rule) ?? {
          acted: 0,
          would: 0,
          hours: Array.from({ length: HOURS }, () => 0),
          lastAt: at,
        };
        kept[mode === 'shadow' ? 'would' : 'acted'] += 1;
        kept.hours[hour] = (kept.hours[hour] ?? 0) + 1;
        found.set(rule, kept);
      }
      // Counted as it passes, and never collected.
      return false;
    },
  });
  return { rules: [...found].map(([rule, kept]) => ({ rule, ...kept })), complete: cursor === null };
}
