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
import type { LimitStore, Receipt, ReceiptItem } from '../gate/limit-store.ts';
import { createMemoryLimitStore } from '../gate/memory-limit-store.ts';
import type { VerdictName } from '../policy/actions/action.ts';
import { type EpochMs, UNKNOWN_EXTENSION } from '../policy/call.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Policy } from '../policy/policy.ts';
import type { CallHistory, ReplayedTry } from './call-history.ts';
import { createTexts } from './texts.ts';
import { createTimetable } from './timetable.ts';

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
}

export interface Simulated {
  /** By the number of the call in the history. */
  readonly fateOf: (call: number) => Fate;
}

const VERDICTS_BY_SEVERITY: readonly VerdictName[] = ['allow', 'alert', 'wait', 'hold', 'block'];
/** So often the event loop gets its turn: for progress, Ctrl-C and files that are written. */
const BATCH = 2000;

/**
 * @param options.held what becomes of a call that a supervisor would be asked about
 * @param options.onBatch called every few thousand records with how many are done, and at the end; may throw to stop
 */
export async function simulate(options: {
  readonly policy: Policy;
  readonly history: CallHistory;
  readonly held: 'approve' | 'refuse';
  readonly onDecision?: (decision: RowDecision) => void;
  readonly onBatch?: (done: number) => Promise<void> | void;
}): Promise<Simulated> {
  const { policy, history, held } = options;
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs as EpochMs, monotonicMs: () => nowMs };
  const limits = createMemoryLimitStore({ clock });
  const gate = createGate({
    policy: () => policy,
    limits,
    clock,
    deadlineMs: Number.MAX_SAFE_INTEGER,
    newDecisionId: () => '',
    log: { warn: () => {} },
  });
  const underWay = createCallsUnderWay({ policy, limits, history });
  const fates = createFates(history.calls);
  /** Of calls with several tries: the refusal that ended them. */
  const refusals = new Map<number, RowDecision>();

  for (let index = 0; index < history.tries; index++) {
    if (index % BATCH === 0) {
      await options.onBatch?.(index);
      await new Promise(setImmediate);
    }
    const one = history.at(index);
    await underWay.endUntil(one.startMs, (atMs) => {
      nowMs = atMs;
    });
    nowMs = one.startMs;
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
    const approved = held === 'approve' ? await approveAll(gate, request, String(link), decision) : decision;
    // Held is what the caller met; what became of it is told where another rule refused it in the end.
    const row = reportRow(one, approved.verdict.name === 'block' ? approved : decision);
    options.onDecision?.(row);
    fates.meet(one, row);
    if (row.verdict === 'block' || (row.verdict === 'hold' && held === 'refuse')) {
      await underWay.endNow(one.call);
      if (history.triesOf(one.call) > 1) refusals.set(one.call, row);
    } else underWay.begin(one, approved);
  }
  await options.onBatch?.(history.tries);
  return { fateOf: fates.of };
}

/** A call as it is after a supervisor let it go, and another one if it is held again. */
async function approveAll(gate: Gate, request: CallRequest, callId: string, held: Decision): Promise<Decision> {
  const answers = new Map<string, Answer>();
  let decision = held;
  while (decision.verdict.name === 'hold' && decision.verdict.rule !== undefined) {
    answers.set(decision.verdict.rule.id, { approved: true, reason: 'approved in the replay' });
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

interface Ending {
  readonly receipt: Receipt;
  readonly outcome: Outcome | undefined;
  /** How the try itself ended, should a refusal make it the last one. */
  readonly ofTry: Outcome | undefined;
  isOver: boolean;
}

/** What calls hold until they end. What they hold of a trunk ends with the try over it. */
function createCallsUnderWay(deps: {
  readonly policy: Policy;
  readonly limits: LimitStore;
  readonly history: CallHistory;
}) {
  const { limits, history } = deps;
  const givesBackOn = new Map(deps.policy.rules.map((rule) => [String(rule.id), rule.giveBackOn]));
  const timetable = createTimetable<Ending>();
  /** Of calls with several tries, which a refusal may end early. */
  const ofCall = new Map<number, Ending[]>();

  const matters = (item: ReceiptItem): boolean => item.kind !== 'limits' || givesBackOn.get(item.rule)?.length !== 0;

  const end = async (ending: Ending, outcome: Outcome | undefined): Promise<void> => {
    const { receipt } = ending;
    ending.isOver = true;
    await limits.end(receipt);
    if (outcome === undefined) return;
    const unreached = receipt.items.filter(
      (item) => item.kind === 'limits' && givesBackOn.get(item.rule)?.includes(outcome),
    );
    if (unreached.length > 0) await limits.returnItems({ ...receipt, items: unreached });
    await limits.beginHold(receipt.items, outcome);
  };

  return {
    begin: (one: ReplayedTry, { receipt, verdict }: Decision): void => {
      const items = receipt?.items.filter(matters) ?? [];
      if (receipt === undefined || items.length === 0) return;
      const leavesMs = one.startMs + verdict.waitMs;
      const latestMs = leavesMs + (verdict.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000;
      const call = history.endOf(one.call);
      const parts = [
        {
          items: items.filter((item) => item.subject.kind === 'trunk'),
          atMs: one.startMs + one.durationMs,
          outcome: one.outcome,
        },
        { items: items.filter((item) => item.subject.kind !== 'trunk'), ...call },
      ];
      for (const part of parts) {
        if (part.items.length === 0) continue;
        const ending: Ending = {
          receipt: { ...receipt, items: part.items },
          outcome: part.outcome,
          ofTry: one.outcome,
          isOver: false,
        };
        timetable.put(Math.min(part.atMs + verdict.waitMs, latestMs), ending);
        if (history.triesOf(one.call) > 1) ofCall.set(one.call, [...(ofCall.get(one.call) ?? []), ending]);
      }
    },
    endUntil: async (untilMs: number, setClock: (atMs: number) => void): Promise<void> => {
      for (let next = timetable.next(untilMs); next !== undefined; next = timetable.next(untilMs)) {
        if (next.what.isOver) continue;
        setClock(next.atMs);
        await end(next.what, next.what.outcome);
      }
    },
    endNow: async (call: number): Promise<void> => {
      for (const ending of ofCall.get(call) ?? []) if (!ending.isOver) await end(ending, ending.ofTry);
      ofCall.delete(call);
    },
  };
}

function createFates(calls: number) {
  const verdicts = new Uint8Array(calls);
  const rules = new Uint16Array(calls);
  const extensions = new Uint32Array(calls);
  const [ruleNames, extensionNames] = [createTexts(), createTexts()];
  return {
    meet: ({ call, extension }: ReplayedTry, { verdict, rule }: RowDecision): void => {
      const severity = VERDICTS_BY_SEVERITY.indexOf(verdict);
      extensions[call] = extensionNames.numberOf(extension ?? UNKNOWN_EXTENSION);
      if (severity < (verdicts[call] ?? 0)) return;
      verdicts[call] = severity;
      rules[call] = ruleNames.numberOf(rule ?? '');
    },
    of: (call: number): Fate => ({
      verdict: VERDICTS_BY_SEVERITY[verdicts[call] ?? 0] ?? 'allow',
      rule: ruleNames.textOf(rules[call] ?? 0) || undefined,
      extension: extensionNames.textOf(extensions[call] ?? 0),
    }),
  };
}
