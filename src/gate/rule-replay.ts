/**
 * What a rule that is not in force yet would have done to the calls of the last days: those that the journal has are
 * decided again by this rule alone, in their order and at their times, and nothing is spent.
 *
 * The journal keeps what was refused, held, alerted or would have been, and counts plain allows; so a replay knows at
 * least what would have happened, and not all of it.
 */
import type { Clock } from '../clock.ts';
import type { VerdictName } from '../policy/actions/action.ts';
import type { EpochMs } from '../policy/call.ts';
import { type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { compilePolicy } from '../policy/policy.ts';
import { createGate } from './gate.ts';
import type { Journal } from './journal.ts';
import { createMemoryLimitStore } from './memory-limit-store.ts';
import type { DecisionReport } from './report.ts';

export interface RuleHits {
  /** ISO 8601, UTC. */
  readonly since: string;
  /** Decisions that were looked at, and of these those that the rule is for. */
  readonly looked: number;
  readonly matched: number;
  /** Calls that it would have acted on, by what it would have done. */
  readonly acted: Readonly<Partial<Record<VerdictName, number>>>;
  /** Those that it would have met most; null is an unknown extension. */
  readonly extensions: readonly {
    readonly extension: string | null;
    readonly calls: number;
    /** The latest, at most three. */
    readonly sample: readonly { readonly id: string; readonly at: string; readonly destination: string }[];
  }[];
  /** False where the journal has more of that time than was looked at. */
  readonly complete: boolean;
}

const MOST_CALLS = 5000;
const MOST_EXTENSIONS = 20;
const SAMPLE = 3;
/** So often calls that wait are answered in between. */
const PIECE = 200;

/** @param document sound, with the rule as it would be */
export async function replayRule(
  journal: Pick<Journal, 'list'>,
  document: PolicyDocument,
  rule: string,
  since: EpochMs,
): Promise<RuleHits> {
  const rules = document.rules
    .filter(({ id }) => id === rule)
    .map((each) => ({ ...each, mode: 'enforce' as const, enabled: true }));
  const read = readPolicyDocument({ ...document, rules });
  const policy = compilePolicy('document' in read ? read.document : document);
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs as EpochMs, monotonicMs: () => nowMs };
  const gate = createGate({
    ...{ policy: () => policy, limits: createMemoryLimitStore({ clock }), clock },
    deadlineMs: Number.MAX_SAFE_INTEGER,
    newDecisionId: () => '',
    log: { warn: () => {} },
  });

  const page = await journal.list({ limit: MOST_CALLS, since, matches: () => true });
  const acted = new Map<VerdictName, number>();
  const byExtension = new Map<string | null, DecisionReport[]>();
  let matched = 0;
  const oldestFirst = page.calls.toReversed();
  for (const [place, call] of oldestFirst.entries()) {
    if (place % PIECE === 0) await new Promise(setImmediate);
    nowMs = Math.max(nowMs, Date.parse(call.at));
    const request = {
      dialled: call.dialled,
      extension: call.extension ?? undefined,
      trunk: call.trunk ?? undefined,
      campaign: call.campaign ?? undefined,
      calledZone: call.zone ?? undefined,
      source: undefined,
    };
    const { verdict, findings } = await gate.decide(request, call.id, nowMs);
    if (findings.some(({ applies }) => applies)) matched += 1;
    if (verdict.name === 'allow') continue;
    acted.set(verdict.name, (acted.get(verdict.name) ?? 0) + 1);
    const calls = byExtension.get(call.extension);
    if (calls === undefined) byExtension.set(call.extension, [call]);
    else calls.push(call);
  }
  return {
    since: new Date(since).toISOString(),
    looked: oldestFirst.length,
    matched,
    acted: Object.fromEntries(acted),
    extensions: [...byExtension]
      .sort(([, a], [, b]) => b.length - a.length)
      .slice(0, MOST_EXTENSIONS)
      .map(([extension, calls]) => ({
        extension,
        calls: calls.length,
        sample: calls
          .slice(-SAMPLE)
          .toReversed()
          .map(({ id, at, destination }) => ({ id, at, destination })),
      })),
    complete: page.cursor === null,
  };
}
