/**
 * Replays a history of calls against a policy: each one is decided by the very gate that decides live calls, on a clock
 * that is set to the time of the call.
 *
 * What a call does after it was allowed is what it did then: it lasts as long, ends the same way, and is one of the calls
 * at once until it ends. A call that waits begins later, one with a longest duration ends earlier, and one that is refused
 * ends there, with every further trunk that it tried. What people would have done instead (dialled again) nobody knows.
 */
import type { Clock } from '../clock.ts';
import { type Answer, type CallRequest, createGate, type Decision, type Gate } from '../gate/gate.ts';
import { createMemoryLimitStore } from '../gate/memory-limit-store.ts';
import { ceilingsReachedBy } from '../gate/refusing-rules.ts';
import type { VerdictName } from '../policy/actions/action.ts';
import { type EpochMs, UNKNOWN_EXTENSION } from '../policy/call.ts';
import type { Lock } from '../policy/lockout.ts';
import type { Policy } from '../policy/policy.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import type { CallHistory, ReplayedTry } from './call-history.ts';
import { createCallsUnderWay } from './calls-under-way.ts';
import { type CallCost, createLedger } from './ledger.ts';
import { createReplayLocks } from './replay-locks.ts';
import { createTexts } from './texts.ts';

/** What became of one record of the file. */
export interface RowDecision {
  readonly row: number;
  readonly verdict: VerdictName;
  readonly rule: string | null;
  /** Whole seconds until the same call would be allowed; null when it never will, or nobody can tell. */
  readonly retryAfterSeconds: number | null;
  /** On `wait`; null otherwise. */
  readonly waitMs: number | null;
  /** Null for no ceiling. */
  readonly maxSeconds: number | null;
}

/** Of one call: the most restrictive of what its tries met. */
export interface Fate {
  readonly verdict: VerdictName;
  readonly rule: string | undefined;
  readonly extension: string;
  /** It went out and was ended before its end: by the ceiling of a rule, or `undefined` by a longest duration. */
  readonly cut: { readonly rule: string | undefined } | undefined;
}

export interface Simulated {
  /** By the number of the call in the history. */
  readonly fateOf: (call: number) => Fate;
  readonly costOf: (call: number) => CallCost;
  /** Of the rate sheet; undefined where there was none. */
  readonly currency: string | undefined;
  /** Answered tries whose price is a guess, because the sheet has no prefix of the number. */
  readonly unpriced: number;
  /** Made, and not cleared. */
  readonly locks: readonly Lock[];
}

/** What supervisors say. */
export type Held = 'approve' | 'refuse';

const VERDICTS_BY_SEVERITY: readonly VerdictName[] = ['allow', 'alert', 'wait', 'hold', 'block'];
/** So often the event loop gets its turn: for progress, Ctrl-C and files that are written. */
const BATCH = 2000;

/**
 * @param options.held what becomes of a call that a supervisor would be asked about: of all, or of each
 * @param options.onBatch called every few thousand records with how many are done, and at the end; may throw to stop
 */
export async function simulate(options: {
  readonly policy: Policy;
  readonly history: CallHistory;
  readonly held: Held | ((one: ReplayedTry) => Held);
  readonly rates?: RateSheet | undefined;
  /** Calls from before: for rules about first calls, of what they reached. */
  readonly learn?: CallHistory | undefined;
  readonly onDecision?: (decision: RowDecision) => void;
  readonly onBatch?: (done: number) => Promise<void> | void;
}): Promise<Simulated> {
  const { policy, history, held } = options;
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs as EpochMs, monotonicMs: () => nowMs };
  const limits = createMemoryLimitStore({ clock });
  const locks = createReplayLocks(policy);
  const gate = createGate({
    policy: () => policy,
    limits,
    clock,
    locksOn: locks.locksOn,
    rates: () => options.rates,
    deadlineMs: Number.MAX_SAFE_INTEGER,
    newDecisionId: () => '',
    log: { warn: () => {} },
  });
  const ledger = createLedger(history, options.rates);
  const fates = createFates(history.calls);
  const underWay = createCallsUnderWay({
    policy,
    limits,
    history,
    ledger,
    rates: options.rates,
    setClock: (atMs) => {
      nowMs = atMs;
    },
    onCut: fates.cut,
    onReached: (rule, subject) => locks.lock(rule, subject, nowMs as EpochMs, 'a hard ceiling was reached'),
  });
  /** Of calls with several tries: the refusal that ended them. */
  const refusals = new Map<number, RowDecision>();

  await underWay.learn(options.learn);
  for (let index = 0; index < history.tries; index++) {
    if (index % BATCH === 0) {
      await options.onBatch?.(index);
      await new Promise(setImmediate);
    }
    const one = history.at(index);
    await underWay.runUntil(one.startMs);
    ledger.enter(one, policy.readDestination(one.dialled));
    const ended = refusals.get(one.call);
    if (ended !== undefined) {
      options.onDecision?.({ ...ended, row: one.row });
      continue;
    }
    const { dialled, extension, trunk, campaign, link } = one;
    const request = { dialled, extension, trunk, campaign, source: undefined };
    const decision = await gate.decide(request, String(link), nowMs);
    // No network is in between: this is a mistake of ours, and no rule's `whenStoreFails` may hide it.
    if (decision.store === 'failed') throw new Error(decision.storeProblem);
    const said = typeof held === 'string' ? held : held(one);
    const approved = await answerAll(gate, request, String(link), { held: decision, approved: said === 'approve' });
    locks.decided(approved);
    for (const { rule, subject } of ceilingsReachedBy(approved)) await underWay.reached(rule, subject);
    // Held is what the caller met; what became of it is told where another rule refused it in the end.
    const isRefusedToo = said === 'approve' && approved.verdict.name === 'block';
    const row = reportRow(one, isRefusedToo ? approved : decision);
    options.onDecision?.(row);
    fates.meet(one, row);
    if (row.verdict === 'block' || (row.verdict === 'hold' && said === 'refuse')) {
      await underWay.endNow(one.call);
      if (history.triesOf(one.call) > 1) refusals.set(one.call, row);
    } else underWay.begin(one, approved);
  }
  // What talks on after the last call began may still be ended.
  await underWay.runUntil(Number.POSITIVE_INFINITY);
  await options.onBatch?.(history.tries);
  return {
    fateOf: fates.of,
    costOf: ledger.costOf,
    currency: ledger.currency,
    unpriced: ledger.unpriced(),
    locks: locks.made(),
  };
}

/** A call as it is after a supervisor has spoken, and another one if it is held again. */
async function answerAll(
  gate: Gate,
  request: CallRequest,
  callId: string,
  { held, approved }: { readonly held: Decision; readonly approved: boolean },
): Promise<Decision> {
  const answers = new Map<string, Answer>();
  let decision = held;
  while (decision.verdict.name === 'hold' && decision.verdict.rule !== undefined) {
    answers.set(decision.verdict.rule.id, { approved, reason: 'so it was said for the whole replay' });
    decision = await gate.decide(request, callId, held.at, answers);
  }
  return decision;
}

const reportRow = ({ row }: ReplayedTry, { verdict }: Decision): RowDecision => ({
  row,
  verdict: verdict.name,
  rule: verdict.rule?.id ?? null,
  retryAfterSeconds: verdict.retryAfterMs === null ? null : Math.ceil(verdict.retryAfterMs / 1000),
  waitMs: verdict.name === 'wait' ? verdict.waitMs : null,
  maxSeconds: verdict.maxSeconds ?? null,
});

function createFates(calls: number) {
  const verdicts = new Uint8Array(calls);
  const rules = new Uint16Array(calls);
  const extensions = new Uint32Array(calls);
  const cuts = new Map<number, string | undefined>();
  const [ruleNames, extensionNames] = [createTexts(), createTexts()];
  return {
    meet: ({ call, extension }: ReplayedTry, { verdict, rule }: RowDecision): void => {
      const severity = VERDICTS_BY_SEVERITY.indexOf(verdict);
      extensions[call] = extensionNames.numberOf(extension ?? UNKNOWN_EXTENSION);
      if (severity < (verdicts[call] ?? 0)) return;
      verdicts[call] = severity;
      rules[call] = ruleNames.numberOf(rule ?? '');
    },
    cut: (call: number, rule: string | undefined): void => void cuts.set(call, rule),
    of: (call: number): Fate => ({
      cut: cuts.has(call) ? { rule: cuts.get(call) } : undefined,
      verdict: VERDICTS_BY_SEVERITY[verdicts[call] ?? 0] ?? 'allow',
      rule: ruleNames.textOf(rules[call] ?? 0) || undefined,
      extension: extensionNames.textOf(extensions[call] ?? 0),
    }),
  };
}
