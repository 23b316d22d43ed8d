/**
 * "May this call go out?" The one application function.
 *
 * 1. An emergency number goes, before anything else is looked at; no store and no rule is asked.
 * 2. The phone may be elsewhere than its extension may be, and the address exempt from limits, or kept out.
 * 3. The rules that apply to the call are found in one snapshot of the policy.
 * 4. All that they count is asked in one atomic step: everything required gives, or nothing does.
 * 5. The findings make one verdict.
 *
 * Where a rule that counts nothing refuses or holds already, the rest is only looked at: a call that does not go out costs
 * nothing.
 * When the store cannot be asked, each rule's `whenStoreFails` stands in for its finding. Writing the journal, counting
 * and logging follow the answer and are not here.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallAttempt, EpochMs, Subject } from '../policy/call.ts';
import type { AppliedRule, Policy, RuleMatch } from '../policy/policy.ts';
import { describeElsewhere } from '../policy/registration-places.ts';
import type { Rule } from '../policy/rule.ts';
import { type Finding, isExceeded, type Layer, type Reading, type Verdict, verdictOf } from '../policy/verdict.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import { chargesOf, findingsOf, staysAnyway } from './charges.ts';
import type { Charge, LimitStore, Receipt, Taken } from './limit-store.ts';
import { StoreTimeout } from './redis-limit-store.ts';
import { reservationBy } from './reservation.ts';

/** A call as its edge understood it; nothing in it is normalised yet. */
export interface CallRequest extends Omit<CallAttempt, 'destination'> {
  readonly dialled: string;
}

export interface Decision {
  readonly id: string;
  readonly at: EpochMs;
  /** One call that asks several times, for another trunk or after a hold, is several decisions of one id. */
  readonly callId: string;
  readonly call: CallAttempt;
  readonly verdict: Verdict;
  /** One for each rule that applies, in the order of the policy. */
  readonly findings: readonly Finding[];
  readonly passedOver: PassedOver;
  readonly store: 'asked' | 'not-needed' | 'failed';
  readonly storeProblem: string | undefined;
  readonly tookMs: number;
  /** What the call took; undefined where it took nothing. */
  readonly receipt: Receipt | undefined;
  /** For a call that does not go out after all: what it took is given back. Never rejects. */
  readonly giveBack: () => Promise<void>;
}

/** The rules that do not apply to a call. Why not is found out when somebody asks. */
export interface PassedOver {
  readonly count: number;
  /** At most so many, those that name the call before the others. */
  readonly first: (most: number) => readonly Finding[];
}

/** Has a finding for every rule of the policy, in its order. */
export type Explanation = Pick<Decision, 'at' | 'call' | 'verdict' | 'findings' | 'store' | 'storeProblem'>;

/** What became of an approval, for the rule that asked for it. */
export interface Answer {
  readonly approved: boolean;
  /** Goes on a sentence: `refused by cli anna: not her customer`. */
  readonly reason: string;
}
/** By rule id. */
export type Answers = ReadonlyMap<string, Answer>;
const NO_ANSWERS: Answers = new Map();
const NO_LOCKS: readonly AppliedRule[] = [];

/** What somebody allowed beforehand, for a rule that would hold a call. */
export interface Granted {
  readonly answer: Answer;
  /** Only so many calls: counted in the same atomic step as everything else. Absent: as many as come. */
  readonly counted?: { readonly rule: Rule; readonly subject: Subject };
}
export type GrantedBeforehand = (
  rule: Rule,
  subjects: readonly Subject[],
  call: CallAttempt,
  at: EpochMs,
) => Granted | undefined;

export interface Gate {
  /**
   * Decides and charges one call. Always answers, within the deadline plus a few milliseconds; never rejects.
   *
   * @param callId which call this is: asking again with the same id and destination charges nothing twice
   * @param sinceMs when the request arrived, by the monotonic clock
   * @param answers what people said of this call: an approved rule no longer holds it and takes what it can get, and
   *   every other rule is asked as ever; one answer that is no refuses the call
   */
  readonly decide: (request: CallRequest, callId: string, sinceMs: number, answers?: Answers) => Promise<Decision>;
  /** What `decide` would answer, now or at a given time. Charges nothing. */
  readonly explain: (request: CallRequest, at?: EpochMs) => Promise<Explanation>;
}

type Attempt<T> = (matches: readonly RuleMatch[], answers: Answers) => Promise<T>;

/** Kept back from the deadline for building and sending the answer. */
export const ANSWER_TAKES_MS = 15;
/** A person waits for an explanation, not a call. */
const EXPLAIN_WITHIN_MS = 1000;

/** What is known of an address before any rule is asked; undefined: nothing. */
export type Standing =
  | { readonly layer: 'allowlist'; readonly entry: string; readonly exempt: boolean }
  /** @property address what is banned, maybe a network that holds the call's; @property until null: for ever */
  | { readonly layer: 'ban'; readonly reason: string; readonly until: EpochMs | null; readonly address: string }
  | { readonly layer: 'country'; readonly reason: string };

export function createGate(deps: {
  readonly policy: () => Policy;
  readonly limits: LimitStore;
  /** Absent: no address is known. */
  readonly standingOf?: (
    source: string | undefined,
    purpose: 'call' | 'question',
    at: EpochMs | undefined,
  ) => Standing | undefined;
  readonly clock: Clock;
  /** Rules that ask whether the call is locked: see policy/lockout.ts. Absent: nothing ever is. */
  readonly locksOn?: (policy: Policy, call: CallAttempt) => readonly AppliedRule[];
  /** Absent: nothing is granted beforehand. */
  readonly grantedTo?: GrantedBeforehand;
  /** Absent: there is no rate sheet, and no money is counted. */
  readonly rates?: () => RateSheet | undefined;
  readonly deadlineMs: number;
  readonly newDecisionId: (at: EpochMs) => string;
  readonly log: { readonly warn: (data: object, message: string) => void };
}): Gate {
  const { clock, limits, log } = deps;
  const reserve = reservationBy(deps.rates ?? (() => undefined));

  const step = async (
    matches: readonly RuleMatch[],
    answers: Answers,
    ask: (charges: readonly Charge[]) => Promise<readonly Reading[]>,
    call: CallAttempt,
  ): Promise<Pick<Decision, 'findings' | 'store' | 'storeProblem'> & { readonly error?: unknown }> => {
    const charges = chargesOf(matches, answers, call, (kind) => reserve(kind, call));
    if (charges.length === 0)
      return { findings: findingsOf(matches, charges, [], answers), store: 'not-needed', storeProblem: undefined };
    try {
      return {
        findings: findingsOf(matches, charges, await ask(charges), answers),
        store: 'asked',
        storeProblem: undefined,
      };
    } catch (error) {
      return {
        findings: findingsOf(matches, charges, undefined, answers),
        store: 'failed',
        storeProblem: messageOf(error),
        error,
      };
    }
  };

  /** @param at of a question about another time */
  const beforeRules = (
    call: CallAttempt,
    { places }: Policy,
    purpose: 'call' | 'question',
    at?: EpochMs,
  ): Verdict | undefined => {
    if (call.destination.isEmergency) return withoutRules('allow', 'emergency', 'emergency number', 0);
    const phone = call.sourceOf ?? call.extension;
    if (phone !== undefined && call.source !== undefined && places.isElsewhere(phone, call.source))
      return withoutRules('block', 'registration', describeElsewhere(places, phone, call.source), null);
    const standing = deps.standingOf?.(call.source, purpose, at);
    if (standing === undefined) return undefined;
    switch (standing.layer) {
      case 'allowlist': {
        if (!standing.exempt) return undefined;
        const reason = `the phone is at an allowed address, ${standing.entry}, which is exempt`;
        return withoutRules('allow', 'allowlist', reason, 0);
      }
      case 'ban': {
        const { address, reason, until } = standing;
        const what = address.includes('/') ? 'network' : 'address';
        const endsInMs = until === null ? null : Math.max(0, until - (at ?? clock.now()));
        return withoutRules('block', 'ban', `the ${what} ${address} is banned: ${reason}`, endsInMs);
      }
      case 'country':
        return withoutRules('block', 'country', standing.reason, null);
      default:
        return standing satisfies never;
    }
  };

  /** The store may have taken in time and said so too late, when the call had been refused. */
  const giveBackTaken = async (taken: Taken | undefined): Promise<void> => {
    try {
      if (taken !== undefined) await limits.giveBack(taken.receipt);
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'what a call took could not be given back');
    }
  };

  /**
   * A call that would be held or refused by a rule is tried once more with what was granted beforehand: only then does it
   * use any of that. Such a call has taken nothing, so the second try is the only one that counts.
   */
  const orAsGranted = async <T extends Pick<Decision, 'verdict' | 'findings'>>(
    attempt: Attempt<T>,
    matches: readonly RuleMatch[],
    answers: Answers,
    call: CallAttempt,
    at: EpochMs,
  ): Promise<T> => {
    const first = await attempt(matches, answers);
    const { grantedTo } = deps;
    if (grantedTo === undefined || !isGrantable(first.verdict, answers)) return first;
    const more = new Map(answers);
    const counted: RuleMatch[] = [];
    for (const { rule, match } of matches) {
      if (!match.applies || rule.mode !== 'enforce' || answers.has(rule.id) || !canBeGranted(rule)) continue;
      if (!first.findings.some((finding) => finding.rule === rule && isExceeded(finding))) continue;
      const granted = grantedTo(rule, match.subjects, call, at);
      if (granted === undefined) continue;
      more.set(rule.id, granted.answer);
      if (granted.counted === undefined) continue;
      const { rule: counts, subject } = granted.counted;
      counted.push({ rule: counts, match: { applies: true, because: match.because, subjects: [subject] } });
    }
    if (more.size === answers.size) return first;
    const second = await attempt([...matches, ...counted], more);
    if (!counted.some(({ rule }) => rule === second.verdict.rule) || !isGrantable(second.verdict, answers))
      return second;
    const reason = `${first.verdict.reason}, and what was granted is used up`;
    return { ...first, verdict: { ...first.verdict, reason } };
  };

  const explain: Gate['explain'] = async (request, at) => {
    const policy = deps.policy();
    const call = readCall(policy, request);
    const when = at ?? clock.now();
    const before = beforeRules(call, policy, 'question', at);
    if (before !== undefined)
      return { at: when, call, verdict: before, findings: [], store: 'not-needed', storeProblem: undefined };
    const attempt: Attempt<Explanation> = async (matches, answers) => {
      const { error: _, ...result } = await step(
        matches,
        answers,
        async (charges) => (await limits.peek(charges, at, EXPLAIN_WITHIN_MS)).readings,
        call,
      );
      return { at: when, call, verdict: approvedBy(answers, verdictOf(result.findings)), ...result };
    };
    const matches = [...(deps.locksOn?.(policy, call) ?? []), ...policy.matchAll(call, when)];
    return await orAsGranted(attempt, matches, NO_ANSWERS, call, when);
  };

  const decide: Gate['decide'] = async (request, callId, sinceMs, answers = NO_ANSWERS) => {
    const policy = deps.policy();
    const at = clock.now();
    const call = readCall(policy, request);
    const done = (
      parts: Pick<Decision, 'verdict' | 'findings' | 'passedOver' | 'store' | 'storeProblem' | 'receipt' | 'giveBack'>,
    ): Decision => ({
      id: deps.newDecisionId(at),
      at,
      callId,
      call,
      tookMs: clock.monotonicMs() - sinceMs,
      ...parts,
    });
    const before = beforeRules(call, policy, 'call');
    if (before !== undefined) {
      return done({
        verdict: before,
        findings: [],
        passedOver: { count: 0, first: () => [] },
        store: 'not-needed',
        storeProblem: undefined,
        receipt: undefined,
        giveBack: nothingToGiveBack,
      });
    }
    const applied = policy.match(call, at);
    const locks = deps.locksOn?.(policy, call) ?? NO_LOCKS;
    const matches = locks.length === 0 ? applied : [...locks, ...applied];
    const passedOver: PassedOver = {
      count: policy.rules.length - applied.length,
      first: (most) => policy.passedOver(call, at, most).map((each) => ({ ...each, applies: false })),
    };
    const payer = { callId, destination: call.destination.number.slice(0, 64) };
    const attempt: Attempt<Decision> = async (tried, allAnswers) => {
      let taken: Taken | undefined;
      const withinMs = Math.max(0, deps.deadlineMs - ANSWER_TAKES_MS - (clock.monotonicMs() - sinceMs));
      const { error, ...result } = await step(
        tried,
        allAnswers,
        async (charges) => {
          if (staysAnyway(tried, allAnswers)) return (await limits.peek(charges, undefined, withinMs)).readings;
          taken = await limits.take(payer, charges, withinMs);
          return taken.readings;
        },
        call,
      );
      const verdict = refusalIn(allAnswers, policy) ?? approvedBy(allAnswers, verdictOf(result.findings));
      const giveBack = (): Promise<void> => giveBackTaken(taken);
      if (verdict.name === 'block' && error instanceof StoreTimeout) void error.late.then(giveBackTaken);
      const receipt = taken === undefined || taken.receipt.items.length === 0 ? undefined : taken.receipt;
      return done({ ...result, passedOver, verdict, receipt, giveBack });
    };
    return await orAsGranted(attempt, matches, answers, call, at);
  };

  return { decide, explain };
}

/** Nobody has said no, and a rule holds or refuses what somebody may have granted. */
const isGrantable = ({ name, layer, rule }: Verdict, answers: Answers): boolean =>
  (name === 'hold' || (name === 'block' && layer === 'rules' && rule !== undefined)) &&
  [...answers.values()].every(({ approved }) => approved);

/** Of rules that refuse, how many calls start; nothing else that they count. */
const canBeGranted = ({ action, limits }: Rule): boolean =>
  action.verdict === 'hold' || (action.verdict === 'block' && limits.length > 0);

const withoutRules = (name: 'allow' | 'block', layer: Layer, reason: string, retryAfterMs: number | null): Verdict => ({
  name,
  layer,
  rule: undefined,
  reason,
  retryAfterMs,
  waitMs: 0,
  maxSeconds: undefined,
});
function refusalIn(answers: Answers, policy: Policy): Verdict | undefined {
  const [no] = [...answers].filter(([, { approved }]) => !approved);
  if (no === undefined) return undefined;
  const [id, { reason }] = no;
  const rule = policy.rules.find((each) => each.id === id);
  return { ...withoutRules('block', 'rules', `Rule ${id} does not let the call go: ${reason}`, null), rule };
}

/** A plain allow that somebody had to give says so. */
function approvedBy(answers: Answers, verdict: Verdict): Verdict {
  if (answers.size === 0 || verdict.rule !== undefined || verdict.name !== 'allow') return verdict;
  const reason = [...answers].map(([id, answer]) => `Rule ${id}: ${answer.reason}`).join(', ');
  return { ...verdict, reason };
}

const nothingToGiveBack = async (): Promise<void> => {};

const readCall = (policy: Policy, request: CallRequest): CallAttempt => ({
  destination: policy.readDestination(request.dialled),
  extension: known(request.extension),
  trunk: known(request.trunk),
  campaign: known(request.campaign),
  source: known(request.source),
  calledZone: known(request.calledZone),
  sourceOf: known(request.sourceOf),
  dialler: request.dialler,
});

const known = (name: string | undefined): string | undefined => (name?.trim() === '' ? undefined : name?.trim());
