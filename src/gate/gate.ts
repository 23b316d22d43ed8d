/**
 * "May this call go out?" The one application function.
 *
 * 1. An emergency number goes, before anything else is looked at; no store and no rule is asked.
 * 2. The rules that apply to the call are found in one snapshot of the policy.
 * 3. All their limits are asked in one atomic step: every required limit gives its token, or none does.
 * 4. The findings make one verdict.
 *
 * Where a rule without limits refuses already, the limits are only looked at: a refused call costs nothing.
 * When the store cannot be asked, each rule's `whenStoreFails` stands in for its finding. Writing the journal, counting
 * and logging follow the answer and are not here.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallAttempt, EpochMs } from '../policy/call.ts';
import type { Policy, RuleMatch } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';
import {
  type Finding,
  findingOf,
  findingWithoutStore,
  type Reading,
  type Verdict,
  verdictOf,
} from '../policy/verdict.ts';
import type { Charge, LimitStore, Taken } from './limit-store.ts';
import { StoreTimeout } from './redis-limit-store.ts';

/** A call as its edge understood it; nothing in it is normalised yet. */
export interface CallRequest extends Omit<CallAttempt, 'destination'> {
  readonly dialled: string;
}

export interface Decision {
  readonly id: string;
  readonly at: EpochMs;
  readonly call: CallAttempt;
  readonly verdict: Verdict;
  /** One for every rule of the policy, in its order. */
  readonly findings: readonly Finding[];
  readonly store: 'asked' | 'not-needed' | 'failed';
  readonly storeProblem: string | undefined;
  readonly tookMs: number;
  /** For a call that does not go out after all: what it took is given back. Never rejects. */
  readonly giveBack: () => Promise<void>;
}

export type Explanation = Pick<Decision, 'at' | 'call' | 'verdict' | 'findings' | 'store' | 'storeProblem'>;

export interface Gate {
  /**
   * Decides and charges one call. Always answers, within the deadline plus a few milliseconds; never rejects.
   *
   * @param callId which call this is: asking again with the same id and destination charges nothing twice
   * @param sinceMs when the request arrived, by the monotonic clock
   */
  readonly decide: (request: CallRequest, callId: string, sinceMs: number) => Promise<Decision>;
  /** What `decide` would answer, now or at a given time. Charges nothing. */
  readonly explain: (request: CallRequest, at?: EpochMs) => Promise<Explanation>;
}

/** Kept back from the deadline for building and sending the answer. */
const ANSWER_TAKES_MS = 15;
/** A person waits for an explanation, not a call. */
const EXPLAIN_WITHIN_MS = 1000;

export function createGate(deps: {
  readonly policy: () => Policy;
  readonly limits: LimitStore;
  readonly clock: Clock;
  readonly deadlineMs: number;
  readonly newDecisionId: (at: EpochMs) => string;
  readonly log: { readonly warn: (data: object, message: string) => void };
}): Gate {
  const { clock, limits, log } = deps;

  const step = async (
    matches: readonly RuleMatch[],
    ask: (charges: readonly Charge[]) => Promise<readonly Reading[]>,
  ): Promise<Pick<Decision, 'findings' | 'store' | 'storeProblem'> & { readonly error?: unknown }> => {
    const charges = chargesOf(matches);
    if (charges.length === 0)
      return { findings: findingsOf(matches, charges, []), store: 'not-needed', storeProblem: undefined };
    try {
      return { findings: findingsOf(matches, charges, await ask(charges)), store: 'asked', storeProblem: undefined };
    } catch (error) {
      return {
        findings: findingsOf(matches, charges, undefined),
        store: 'failed',
        storeProblem: messageOf(error),
        error,
      };
    }
  };

  const explain: Gate['explain'] = async (request, at) => {
    const policy = deps.policy();
    const call = readCall(policy, request);
    const when = at ?? clock.now();
    if (call.destination.isEmergency)
      return { at: when, call, verdict: EMERGENCY, findings: [], store: 'not-needed', storeProblem: undefined };
    const { error: _, ...result } = await step(
      policy.match(call, when),
      async (charges) => (await limits.peek(charges, at, EXPLAIN_WITHIN_MS)).readings,
    );
    return { at: when, call, verdict: verdictOf(result.findings), ...result };
  };

  const decide: Gate['decide'] = async (request, callId, sinceMs) => {
    const policy = deps.policy();
    const at = clock.now();
    const call = readCall(policy, request);
    const done = (parts: Pick<Decision, 'verdict' | 'findings' | 'store' | 'storeProblem' | 'giveBack'>): Decision => ({
      id: deps.newDecisionId(at),
      at,
      call,
      tookMs: clock.monotonicMs() - sinceMs,
      ...parts,
    });
    if (call.destination.isEmergency) {
      return done({
        verdict: EMERGENCY,
        findings: [],
        store: 'not-needed',
        storeProblem: undefined,
        giveBack: nothingToGiveBack,
      });
    }
    const matches = policy.match(call, at);
    let taken: Taken | undefined;
    const withinMs = Math.max(0, deps.deadlineMs - ANSWER_TAKES_MS - (clock.monotonicMs() - sinceMs));
    const payer = { callId, destination: call.destination.number.slice(0, 64) };
    const { error, ...result } = await step(matches, async (charges) => {
      if (refusedAnyway(matches)) return (await limits.peek(charges, undefined, withinMs)).readings;
      taken = await limits.take(payer, charges, withinMs);
      return taken.readings;
    });
    const verdict = verdictOf(result.findings);
    const giveBack = giveBackOf(taken, log);
    if (verdict.name === 'block' && error instanceof StoreTimeout) void giveBackLate(error, log);
    return done({ ...result, verdict, giveBack });
  };

  return { decide, explain };
}

const EMERGENCY: Verdict = { name: 'allow', rule: undefined, reason: 'emergency number', retryAfterMs: 0 };
const nothingToGiveBack = async (): Promise<void> => {};

const readCall = (policy: Policy, request: CallRequest): CallAttempt => ({
  destination: policy.readDestination(request.dialled),
  extension: known(request.extension),
  trunk: known(request.trunk),
  campaign: known(request.campaign),
  source: known(request.source),
});

const known = (name: string | undefined): string | undefined => (name?.trim() === '' ? undefined : name?.trim());

const chargesOf = (matches: readonly RuleMatch[]): Charge[] =>
  matches.flatMap(({ rule, match }) =>
    match.applies && rule.limits.length > 0
      ? match.subjects.map(
          (subject): Charge => ({ rule, subject, demand: rule.mode === 'shadow' ? 'shadow' : rule.action.demand }),
        )
      : [],
  );

const refusedAnyway = (matches: readonly RuleMatch[]): boolean =>
  matches.some(
    ({ rule, match }) =>
      match.applies && rule.limits.length === 0 && rule.mode === 'enforce' && rule.action.verdict === 'block',
  );

/** @param readings in the order of the charges; undefined when the store could not be asked */
function findingsOf(
  matches: readonly RuleMatch[],
  charges: readonly Charge[],
  readings: readonly Reading[] | undefined,
): Finding[] {
  const byRule = new Map<Rule, Reading[]>();
  readings?.forEach((reading, index) => {
    const rule = charges[index]?.rule;
    if (rule === undefined) return;
    const known = byRule.get(rule);
    if (known === undefined) byRule.set(rule, [reading]);
    else known.push(reading);
  });
  return matches.map(({ rule, match }): Finding => {
    if (!match.applies) return { rule, applies: false, because: match.because };
    if (readings === undefined && rule.limits.length > 0) return findingWithoutStore(rule, match.because);
    return findingOf(rule, match.because, byRule.get(rule) ?? []);
  });
}

type WarnLog = { readonly warn: (data: object, message: string) => void };

const giveBackOf = (taken: Taken | undefined, log: WarnLog) => async (): Promise<void> => {
  try {
    await taken?.giveBack();
  } catch (error) {
    log.warn({ problem: messageOf(error) }, 'what a call took could not be given back');
  }
};

/** The store took the tokens in time but said so too late, and the call was refused meanwhile. */
async function giveBackLate(error: StoreTimeout, log: WarnLog): Promise<void> {
  await giveBackOf(await error.late, log)();
}
