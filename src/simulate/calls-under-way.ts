/**
 * The calls that are under way in a replay: what they hold until they end, and what they spend as they talk.
 *
 * Live, calls that spend are counted every second. Here the clock jumps to the next moment at which a hard ceiling could be
 * reached at the earliest, never by less than that second; before each decision they are counted as well. So a replay ends
 * calls when the daemon would have, in a thousandth of the steps.
 */
import type { Decision } from '../gate/gate.ts';
import type { LimitStore, Metered, MeterReading, Receipt, ReceiptItem } from '../gate/limit-store.ts';
import type { CallAttempt, Subject } from '../policy/call.ts';
import type { Destination } from '../policy/destination-classes.ts';
import { placeOf } from '../policy/first-call.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Policy } from '../policy/policy.ts';
import { isHard, type Rule, subjectsOf } from '../policy/rule.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import type { CallHistory, ReplayedTry } from './call-history.ts';
import type { Ledger } from './ledger.ts';
import { createTimetable } from './timetable.ts';

export interface CallsUnderWay {
  /** What calls from before have reached; to be called first. */
  readonly learn: (before: CallHistory | undefined) => Promise<void>;
  readonly begin: (one: ReplayedTry, decision: Decision) => void;
  /** Everything that happens until then; the clock is set to each time before. */
  readonly runUntil: (untilMs: number) => Promise<void>;
  /** A refused call did not fit under this hard ceiling: the calls that it counts end. */
  readonly reached: (rule: Rule, subject: Subject) => Promise<void>;
  /** Ends the call with what its last try came to, because a further try is refused. */
  readonly endNow: (call: number) => Promise<void>;
}

/** As often as live calls are counted, and so the most that one talks beyond its ceiling. */
const BEAT_MS = 1000;
/** Live, what is said of a call is its cost so much later, so that it is ended before an increment that has no money. */
const AHEAD_MS = 2000;

/** One try that goes out. */
interface Try {
  readonly one: ReplayedTry;
  readonly destination: Destination;
  readonly endsMs: number;
  readonly talksMs: number;
}

interface Ending {
  readonly receipt: Receipt;
  readonly outcome: Outcome | undefined;
  /** How the try itself ended, should a refusal make it the last one. */
  readonly ofTry: Outcome | undefined;
  readonly call: number;
  readonly atMs: number;
  /** Of what it talks until `atMs`. */
  readonly talkMs: number;
  readonly spends: boolean;
  isOver: boolean;
}

export function createCallsUnderWay(deps: {
  readonly policy: Policy;
  readonly limits: LimitStore;
  readonly history: CallHistory;
  readonly ledger: Ledger;
  readonly rates: RateSheet | undefined;
  readonly setClock: (atMs: number) => void;
  /** @param rule whose ceiling ended it; undefined for a longest duration */
  readonly onCut: (call: number, rule: string | undefined) => void;
  /** The subject has reached a hard ceiling of the rule. */
  readonly onReached: (rule: Rule, subject: Subject) => Promise<void> | void;
}): CallsUnderWay {
  const { limits, history, ledger, setClock } = deps;
  const rules = new Map(deps.policy.rules.map((rule) => [String(rule.id), rule]));
  const timetable = createTimetable<Ending>();
  const answers = createTimetable<{ readonly subjects: readonly Subject[]; readonly place: string }>();
  /** Of calls with several tries, which a refusal may end early. */
  const ofCall = new Map<number, Ending[]>();
  const lastTry = new Map<number, Try>();
  const spending = new Set<Ending>();
  let [meteredMs, nextBeatMs] = [0, Number.POSITIVE_INFINITY];

  const isBudget = ({ kind }: ReceiptItem): boolean => kind === 'spend' || kind === 'minutes';
  const matters = (item: ReceiptItem): boolean =>
    item.kind !== 'limits' || rules.get(item.rule)?.giveBackOn.length !== 0;
  const ceilingOf = ({ rule, kind }: ReceiptItem): number | undefined =>
    rules.get(rule)?.counts.find((count) => count.kind === kind && isHard(count))?.limits[0]?.count;

  const talkAt = ({ atMs, talkMs }: Ending, nowMs: number): number | null => {
    const talked = Math.min(talkMs, nowMs - (atMs - talkMs));
    return talkMs > 0 && talked >= 0 ? talked : null;
  };

  /** @param talkMs what it had talked when it ended */
  const end = async (ending: Ending, outcome: Outcome | undefined, talkMs: number | null): Promise<void> => {
    const { receipt } = ending;
    ending.isOver = true;
    await limits.end(receipt);
    if (spending.delete(ending)) await limits.meter([{ receipt, talkMs, isOver: true }], ceilingOf);
    if (outcome === undefined) return;
    const unreached = receipt.items.filter(
      (item) => item.kind === 'limits' && rules.get(item.rule)?.giveBackOn.includes(outcome),
    );
    if (unreached.length > 0) await limits.returnItems({ ...receipt, items: unreached });
    await limits.beginHold(receipt.items, outcome);
  };

  const cut = async (call: number, nowMs: number, rule: string): Promise<void> => {
    const last = lastTry.get(call);
    if (last !== undefined && last.endsMs > nowMs) {
      const to = Math.max(0, last.talksMs - (last.endsMs - nowMs));
      ledger.cut(last.one, last.destination, { from: last.talksMs, to });
      deps.onCut(call, rule);
    }
    for (const ending of [...spending]) {
      if (ending.call === call) await end(ending, ending.outcome, talkAt(ending, nowMs));
    }
    await endAll(call);
  };

  const endAll = async (call: number): Promise<void> => {
    for (const ending of ofCall.get(call) ?? []) if (!ending.isOver) await end(ending, ending.ofTry, null);
    ofCall.delete(call);
    lastTry.delete(call);
  };

  /** @param reached names of budgets */
  const cutThose = async (reached: ReadonlySet<string>, nowMs: number): Promise<void> => {
    for (const ending of [...spending]) {
      const ended = ending.receipt.items.find((item) => reached.has(nameOf(item)));
      if (ended !== undefined && !ending.isOver) await cut(ending.call, nowMs, ended.rule);
    }
  };

  const meter = async (nowMs: number): Promise<void> => {
    meteredMs = nowMs;
    const calls = [...spending];
    const readings = await limits.meter(
      calls.map(
        (ending): Metered => ({ receipt: ending.receipt, talkMs: talkAt(ending, nowMs + AHEAD_MS), isOver: false }),
      ),
      ceilingOf,
    );
    const reached = new Map<string, MeterReading>();
    for (const reading of readings.flat()) if (reading.isReached) reached.set(nameOf(reading.item), reading);
    for (const { item } of reached.values()) {
      const rule = rules.get(item.rule);
      if (rule !== undefined) await deps.onReached(rule, item.subject);
    }
    await cutThose(new Set(reached.keys()), nowMs);
    nextBeatMs = spending.size === 0 ? Number.POSITIVE_INFINITY : nowMs + soonestMs(readings.flat());
  };

  /** No hard ceiling is reached earlier, if no call begins. */
  const soonestMs = (readings: readonly MeterReading[]): number => {
    const pace = { spend: 0, minutes: 0 };
    const step = { spend: 0, minutes: 0 };
    for (const { call } of spending) {
      const last = lastTry.get(call);
      const price = last && deps.rates?.priceOf(last.destination).price;
      if (price !== undefined) {
        pace.spend += price.perMinuteMicros / 60;
        // The first increment of one that is answered is owed at once.
        step.spend +=
          price.connectionMicros + (price.perMinuteMicros * Math.max(price.firstSeconds, price.nextSeconds)) / 60;
      }
      pace.minutes += 1;
    }
    let soonest = Number.POSITIVE_INFINITY;
    for (const { item, used } of readings) {
      const ceiling = ceilingOf(item);
      if (ceiling === undefined) continue;
      const kind = item.kind === 'spend' ? 'spend' : 'minutes';
      soonest = Math.min(soonest, ((ceiling - used - step[kind]) / pace[kind]) * 1000);
    }
    return Math.max(BEAT_MS, Math.floor(soonest));
  };

  /** Whoever a rule about first calls counts on has reached the place once the call is answered. */
  const noteReached = (call: CallAttempt, answeredMs: number): void => {
    const { firstCallsPer, groupsOf } = deps.policy;
    const place = firstCallsPer.length === 0 ? undefined : placeOf(call.destination);
    if (place === undefined) return;
    const subjects = firstCallsPer.flatMap((per) => {
      const found = subjectsOf(per, call, groupsOf(call.extension));
      return 'why' in found ? [] : found;
    });
    answers.put(answeredMs, { subjects, place });
  };

  const reachUntil = async (untilMs: number): Promise<void> => {
    for (let next = answers.next(untilMs); next !== undefined; next = answers.next(untilMs)) {
      setClock(next.atMs);
      await limits.reach(next.what.subjects, next.what.place);
    }
  };

  const learn: CallsUnderWay['learn'] = async (before) => {
    for (let at = 0; at < (before?.tries ?? 0); at += 1) {
      const one = before?.at(at);
      if (one?.outcome !== 'answered') continue;
      const { dialled, extension, trunk, campaign, startMs } = one;
      const destination = deps.policy.readDestination(dialled);
      noteReached({ destination, extension, trunk, campaign, source: undefined }, startMs);
    }
    await reachUntil(Number.POSITIVE_INFINITY);
  };

  return {
    learn,
    begin: (one, { call, receipt, verdict }) => {
      const { destination } = call;
      const longestMs = (verdict.maxSeconds ?? Number.POSITIVE_INFINITY) * 1000;
      const lastsMs = Math.min(one.durationMs, longestMs);
      const talksMs = Math.max(0, one.talkMs - (one.durationMs - lastsMs));
      ledger.goes(one, destination, talksMs);
      if (talksMs < one.talkMs) deps.onCut(one.call, undefined);
      if (one.outcome === 'answered') noteReached(call, one.startMs + verdict.waitMs + one.durationMs - one.talkMs);
      const items = receipt?.items.filter(matters) ?? [];
      if (receipt === undefined || items.length === 0) return;
      const endsMs = one.startMs + verdict.waitMs + lastsMs;
      const severalTries = history.triesOf(one.call) > 1;
      const wholeCall = history.endOf(one.call);
      const parts = [
        {
          items: items.filter((item) => item.subject.kind === 'trunk'),
          atMs: one.startMs + one.durationMs,
          talkMs: one.talkMs,
          outcome: one.outcome,
        },
        { items: items.filter((item) => item.subject.kind !== 'trunk'), ...wholeCall },
      ];
      for (const part of parts) {
        if (part.items.length === 0) continue;
        const wantedMs = part.atMs + verdict.waitMs;
        const atMs = Math.min(wantedMs, one.startMs + verdict.waitMs + longestMs);
        const ending: Ending = {
          receipt: { ...receipt, items: part.items },
          outcome: part.outcome,
          ofTry: one.outcome,
          call: one.call,
          atMs,
          talkMs: Math.max(0, part.talkMs - (wantedMs - atMs)),
          spends: part.items.some(isBudget),
          isOver: false,
        };
        timetable.put(atMs, ending);
        if (severalTries) ofCall.set(one.call, [...(ofCall.get(one.call) ?? []), ending]);
        if (!ending.spends) continue;
        spending.add(ending);
        nextBeatMs = Math.min(nextBeatMs, one.startMs + BEAT_MS);
      }
      if (severalTries || items.some(isBudget)) lastTry.set(one.call, { one, destination, endsMs, talksMs });
    },
    runUntil: async (untilMs) => {
      await reachUntil(untilMs);
      for (;;) {
        const next = timetable.next(Math.min(untilMs, nextBeatMs));
        if (next === undefined) {
          if (nextBeatMs > untilMs || !Number.isFinite(nextBeatMs)) break;
          setClock(nextBeatMs);
          await meter(nextBeatMs);
          continue;
        }
        const { what: ending, atMs } = next;
        if (ending.isOver) continue;
        setClock(atMs);
        await end(ending, ending.outcome, ending.talkMs > 0 ? ending.talkMs : null);
        if (history.triesOf(ending.call) === 1) lastTry.delete(ending.call);
      }
      if (Number.isFinite(untilMs)) setClock(untilMs);
      // The next decision sees what the calls have cost until now.
      if (spending.size > 0 && meteredMs < untilMs && Number.isFinite(untilMs)) await meter(untilMs);
    },
    reached: async (rule, subject) => {
      await deps.onReached(rule, subject);
      await cutThose(new Set([nameOf({ rule: rule.id, subject })]), meteredMs);
    },
    endNow: endAll,
  };
}

const nameOf = ({ rule, subject }: Pick<ReceiptItem, 'rule' | 'subject'>): string =>
  `${rule} ${subject.kind} ${subject.id}`;
