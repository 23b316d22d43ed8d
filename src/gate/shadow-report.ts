/**
 * What a rule in shadow would have done: which decisions it would have acted on, and what that comes to for a time.
 *
 * Reads the journal, where every call that a shadow rule would have acted on is kept, refused by another rule or not.
 */
import type { EpochMs } from '../policy/call.ts';
import type { Journal } from './journal.ts';
import type { ExplanationReport } from './report.ts';

export interface ShadowReport {
  readonly rule: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Calls that the rule would have acted on. */
  readonly calls: number;
  /** Of these, the calls that another rule refused anyway. */
  readonly refusedAnyway: number;
  /** Those that it would have met most, at most five; null is an unknown extension. */
  readonly extensions: readonly { readonly extension: string | null; readonly calls: number }[];
  /** False where the journal holds more of that time than was read; the figures are then too low. */
  readonly complete: boolean;
}

const MOST_EXTENSIONS = 5;

/** True where the rule was in shadow at this decision and would have acted. */
export const wouldHaveActed = ({ findings }: Pick<ExplanationReport, 'findings'>, rule: string): boolean =>
  findings.some((each) => each.rule === rule && each.mode === 'shadow' && each.applies && each.exceeded);

export async function reportShadow(
  journal: Pick<Journal, 'list'>,
  rule: string,
  since: EpochMs,
): Promise<ShadowReport> {
  const byExtension = new Map<string | null, number>();
  let calls = 0;
  let refusedAnyway = 0;
  const { cursor } = await journal.list({
    limit: 1,
    since,
    matches: (call) => {
      if (wouldHaveActed(call, rule)) {
        calls += 1;
        if (call.verdict === 'block') refusedAnyway += 1;
        byExtension.set(call.extension, (byExtension.get(call.extension) ?? 0) + 1);
      }
      // Counted as it passes, and never collected.
      return false;
    },
  });
  const extensions = [...byExtension]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_EXTENSIONS)
    .map(([extension, count]) => ({ extension, calls: count }));
  return {
    rule,
    since: new Date(since).toISOString(),
    calls,
    refusedAnyway,
    extensions,
    complete: cursor === null,
  };
}
