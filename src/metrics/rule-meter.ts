/**
 * What rules did to calls, counted by rule, and how full their limits are.
 *
 * Guarantees a bound whatever the policy is: the first {@link MOST_RULES} rules that have something to count are counted
 * by their own name, all others together as `other`. A rule that left the policy gives its name free and is forgotten;
 * what `other` has counted is never taken back. Extensions, numbers and other subjects are never kept.
 */
import type { VerdictName } from '../policy/actions/action.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Policy } from '../policy/policy.ts';
import type { CountKind, Rule } from '../policy/rule.ts';
import type { Finding, Verdict } from '../policy/verdict.ts';

export const MOST_RULES = 200;
export const OTHER_RULES = 'other';

/** A hold is on or off, so nothing of it comes near its end. */
export type Filling = Exclude<CountKind, 'hold'>;

export interface RuleReading {
  readonly rule: string;
  readonly verdicts: readonly { readonly action: string; readonly verdict: VerdictName; readonly count: number }[];
  /** What the rule would have done, had it been enforced. */
  readonly shadow: ReadonlyMap<VerdictName, number>;
  /**
   * Of the subject that was nearest to the end of a limit after its call, in this minute and the one before: how much of
   * the limit is used, 1 for all. Absent where no call was counted in that time.
   */
  readonly used: ReadonlyMap<Filling, number>;
}

export interface RuleMeter {
  /** Never throws. */
  readonly decided: (decision: {
    readonly at: EpochMs;
    readonly verdict: Pick<Verdict, 'name' | 'rule'>;
    readonly findings: readonly Finding[];
  }) => void;
  /** Forgets rules that are no longer in the policy. */
  readonly read: (now: EpochMs) => readonly RuleReading[];
}

/** The greatest share of a minute, and of the one before it. */
interface Fullest {
  minute: number;
  share: number;
  before: number;
}

interface Counted {
  readonly verdicts: Map<string, { readonly action: string; readonly verdict: VerdictName; count: number }>;
  readonly shadow: Map<VerdictName, number>;
  readonly used: Map<Filling, Fullest>;
}

export function createRuleMeter(policy: () => Policy): RuleMeter {
  const named = new Map<string, Counted>();
  const others = nothingCounted();
  let sweptPolicy: Policy | undefined;

  const sweep = (): void => {
    const now = policy();
    if (now === sweptPolicy) return;
    sweptPolicy = now;
    const ids = new Set<string>(now.rules.map(({ id }) => id));
    for (const id of named.keys()) if (!ids.has(id)) named.delete(id);
  };

  const countedOf = ({ id }: Rule): Counted => {
    const known = named.get(id);
    if (known !== undefined) return known;
    if (named.size >= MOST_RULES) sweep();
    if (named.size >= MOST_RULES || id === OTHER_RULES) return others;
    const fresh = nothingCounted();
    named.set(id, fresh);
    return fresh;
  };

  return {
    decided: ({ at, verdict, findings }) => {
      if (verdict.rule !== undefined) {
        const action = verdict.rule.action.name;
        const { verdicts } = countedOf(verdict.rule);
        const key = `${action} ${verdict.name}`;
        const known = verdicts.get(key);
        if (known === undefined) verdicts.set(key, { action, verdict: verdict.name, count: 1 });
        else known.count += 1;
      }
      const minute = minuteOf(at);
      for (const finding of findings) {
        if (!finding.applies) continue;
        const { rule } = finding;
        if (rule.mode === 'enforce') noteUsed(finding, minute, countedOf);
        else if (finding.verdict !== 'allow') {
          const { shadow } = countedOf(rule);
          shadow.set(finding.verdict, (shadow.get(finding.verdict) ?? 0) + 1);
        }
      }
    },
    read: (now) => {
      sweep();
      const minute = minuteOf(now);
      return [...named, [OTHER_RULES, others] as const].map(([rule, { verdicts, shadow, used }]) => ({
        ...{ rule, verdicts: [...verdicts.values()], shadow },
        used: new Map([...used].flatMap(([kind, fullest]) => shareOf(kind, fullest, minute))),
      }));
    },
  };
}

const nothingCounted = (): Counted => ({ verdicts: new Map(), shadow: new Map(), used: new Map() });

const minuteOf = (at: EpochMs): number => Math.floor(at / 60_000);

type AppliedFinding = Extract<Finding, { applies: true }>;

function noteUsed(finding: AppliedFinding, minute: number, countedOf: (rule: Rule) => Counted): void {
  for (const { count, limits } of finding.readings) {
    if (count.kind === 'hold') continue;
    let share = 0;
    for (const { limit, usedAfter } of limits) share = Math.max(share, usedAfter / limit.count);
    const { used } = countedOf(finding.rule);
    const known = used.get(count.kind);
    if (known === undefined) used.set(count.kind, { minute, share, before: Number.NaN });
    else if (known.minute === minute) known.share = Math.max(known.share, share);
    else {
      known.before = known.minute === minute - 1 ? known.share : Number.NaN;
      known.minute = minute;
      known.share = share;
    }
  }
}

/** Nothing where no call was counted in this minute or the one before. */
function shareOf(kind: Filling, { minute, share, before }: Fullest, now: number): [Filling, number][] {
  if (minute < now - 1) return [];
  return [[kind, minute < now || Number.isNaN(before) ? share : Math.max(share, before)]];
}
