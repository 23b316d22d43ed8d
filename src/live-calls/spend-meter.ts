/**
 * The meter of calls under way: how long each has talked, what that comes to in the budgets that count it, and that the
 * calls of a hard ceiling are ended when it is reached.
 *
 * Every second one step says for all calls of this node what they will have cost two seconds later, so that a call is ended
 * before it begins an increment that nobody has money for. What a call says is its whole cost, so nothing is lost with a
 * step that failed, and nothing is charged twice. Another node's calls are counted in the same windows, and each node sees
 * there that a ceiling was run into.
 *
 * Talk is measured by a clock that nobody sets. A call that nobody answered costs nothing. Where nobody could see the
 * answer, the call counts as answered when it went out, until the dialplan says how long it talked. Where nobody saw the
 * end, it ended when it was found over, but no later than a lease after it was last seen.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Decision } from '../gate/gate.ts';
import type { LimitStore, Metered, MeterReading, ReceiptItem } from '../gate/limit-store.ts';
import { ceilingsReachedBy, type ReachedCeiling } from '../gate/refusing-rules.ts';
import type { Log } from '../log.ts';
import { describeSubject } from '../policy/call.ts';
import { describeLimit, type Limit } from '../policy/limit.ts';
import { describeAmount } from '../policy/money.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Policy } from '../policy/policy.ts';
import { isHard, type Rule } from '../policy/rule.ts';
import type { LiveCall } from './live-call.ts';

/** What is known of a call that is over. */
export interface CallEnd {
  /** Somebody told of its end as it happened; otherwise it was found over. */
  readonly isSeen: boolean;
  /** Whether it was answered, as far as anybody said; undefined: nobody did. */
  readonly answered: boolean | undefined;
  /** As the dialplan says, begun seconds not counted; undefined where it does not. */
  readonly answeredSeconds: number | undefined;
}

/** The same as its parts were told, one by one. */
export interface ToldOfEnd extends Pick<CallEnd, 'isSeen' | 'answeredSeconds'> {
  readonly isAnswered: boolean;
  /** What the dialplan said became of it, and what dialling came to. */
  readonly outcome: Outcome | undefined;
  readonly dialOutcome: Outcome | undefined;
}

export interface SpendMeter {
  /** `ended` by what was told of the end, one by one. */
  readonly talked: (call: LiveCall, told: ToldOfEnd) => number | null;
  /** What a call that is over has to say of these of its budgets; undefined where none is among them. @param talkMs as `talked` said */
  readonly over: (call: LiveCall, items: readonly ReceiptItem[], talkMs: number | null) => Metered | undefined;
  /** Milliseconds of talk that a call has come to; null: nobody answered. Asked once; the call is forgotten then. */
  readonly ended: (call: LiveCall, end: CallEnd) => number | null;
  /** A call that was refused may have run into a hard ceiling as well as one under way. Never throws, never waits. */
  readonly decided: (decision: Decision) => void;
  /** One step, now: what runs every second. */
  readonly beat: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const isBudget = ({ kind }: ReceiptItem): boolean => kind === 'spend' || kind === 'minutes';

const BEAT_MS = 1000;
/** A beat, and the time that it takes to end a call. */
const AHEAD_MS = 2000;
/** Shorter gaps are a busy machine. Channels are compared within this time of a reconnect. */
const BLIND_AFTER_MS = 5000;
const END_AGAIN_MS = 5000;
const NOTE_SEEN_EVERY_MS = 5000;
const SEEN_KEPT_SECONDS = 7 * 86_400;

/** Of one call; times by the monotonic clock. */
interface Talk {
  readonly startedMs: number;
  answeredMs: number | undefined;
  /** Its answer may have been missed. */
  missed: boolean;
  /** Begun seconds that were last said; undefined: none. */
  saidSeconds: number | undefined;
}

export function createSpendMeter(deps: {
  readonly limits: Pick<LimitStore, 'meter'>;
  readonly policy: () => Policy;
  readonly calls: () => readonly LiveCall[];
  /** True while somebody would tell of a channel that is answered or ends. */
  readonly canSee: () => boolean;
  readonly onReached: (ceiling: ReachedCeiling) => Promise<void>;
  readonly redis: Redis;
  /** Where it is noted when this node last saw its calls, for after a restart. */
  readonly seenKey: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly log: Log;
}): SpendMeter {
  const { limits, clock, log } = deps;
  const talks = new Map<string, Talk>();
  const endedAt = new Map<string, number>();
  /** By the monotonic clock; undefined: not since this start. */
  let seenMs: number | undefined;
  let couldSeeSinceMs: number | undefined;
  /** When the daemon of before this start last saw its calls, epoch ms. */
  let seenBefore: number | undefined;
  let notedMs = Number.NEGATIVE_INFINITY;
  let running: Promise<void> | undefined;
  let closed = false;

  const reading = deps.redis.get(deps.seenKey).then(
    (text) => {
      seenBefore = text === null ? undefined : Number(text);
    },
    () => undefined,
  );

  const look = (): void => {
    const nowMs = clock.monotonicMs();
    if (!deps.canSee()) {
      couldSeeSinceMs = undefined;
      return;
    }
    couldSeeSinceMs ??= nowMs;
    const justConnected = seenMs === undefined || nowMs - seenMs > BLIND_AFTER_MS;
    if (justConnected && nowMs - couldSeeSinceMs < BLIND_AFTER_MS) return;
    seenMs = nowMs;
  };
  const isBlind = (): boolean => seenMs === undefined || clock.monotonicMs() - seenMs > BLIND_AFTER_MS;

  const talkOf = (call: LiveCall): Talk => {
    const [nowMs, now] = [clock.monotonicMs(), clock.now()];
    let talk = talks.get(call.decision);
    if (talk === undefined) {
      talk = {
        startedMs: nowMs - Math.max(0, now - call.startedAt),
        answeredMs: undefined,
        missed: false,
        saidSeconds: undefined,
      };
      talks.set(call.decision, talk);
    }
    if (talk.answeredMs === undefined && call.answeredAt !== undefined) {
      talk.answeredMs = nowMs - Math.max(0, now - call.answeredAt);
    }
    return talk;
  };
  const talkedMs = ({ startedMs, answeredMs, missed }: Talk, atMs: number): number | null => {
    const fromMs = answeredMs ?? (missed ? startedMs : undefined);
    return fromMs === undefined ? null : Math.max(0, atMs - fromMs);
  };

  const forgetEnded = (calls: readonly LiveCall[]): void => {
    const live = new Set(calls.map(({ decision }) => decision));
    for (const decision of talks.keys()) if (!live.has(decision)) talks.delete(decision);
  };

  /** Of budgets that no call has anything new to say of, each hard one is asked about once. */
  const toSay = (calls: readonly LiveCall[], growing: Map<Talk, number>): Metered[] => {
    const nowMs = clock.monotonicMs();
    const asked = new Set<unknown>();
    return calls.flatMap((call): Metered[] => {
      if (call.receipt === undefined) return [];
      const talk = talkOf(call);
      if (isBlind() && nowMs - talk.startedMs > BLIND_AFTER_MS) talk.missed = true;
      const talked = talkedMs(talk, nowMs + AHEAD_MS);
      const items = call.receipt.items.filter((item) => {
        if (!isBudget(item)) return false;
        const grows = talked !== null && secondsOf(talked) !== talk.saidSeconds;
        const asks = item['level'] === 'hard' && !asked.has(item['key']);
        if (grows || asks) asked.add(item['key']);
        return grows || asks;
      });
      if (items.length === 0) return [];
      if (talked !== null) growing.set(talk, talked);
      return [{ receipt: { payer: call.receipt.payer, items }, talkMs: talked, isOver: false }];
    });
  };

  const ceilingsOf = (policy: Policy): Map<string, { readonly rule: Rule; readonly limit: Limit }> =>
    new Map(
      policy.rules.flatMap((rule) =>
        rule.enabled && rule.mode === 'enforce'
          ? rule.counts
              .filter(isHard)
              .map((count) => [`${rule.id} ${count.kind}`, { rule, limit: count.limits[0] ?? NO_LIMIT }] as const)
          : [],
      ),
    );

  /** Once in some seconds, however many calls run into it. */
  const reached = async (ceiling: ReachedCeiling): Promise<void> => {
    const nowMs = clock.monotonicMs();
    const { rule, subject } = ceiling;
    for (const [key, at] of endedAt) if (nowMs - at > END_AGAIN_MS) endedAt.delete(key);
    const key = JSON.stringify([rule.id, subject]);
    if (endedAt.has(key)) return;
    endedAt.set(key, nowMs);
    log.warn({ rule: rule.id, subject, because: ceiling.because }, 'a hard ceiling was reached; its calls are ended');
    await deps.onReached(ceiling);
  };

  const endThoseOf = async (
    readings: readonly MeterReading[],
    ceilings: ReturnType<typeof ceilingsOf>,
  ): Promise<void> => {
    for (const { item, used, isReached } of readings) {
      const ceiling = ceilings.get(`${item.rule} ${item.kind}`);
      if (!isReached || ceiling === undefined) continue;
      const { rule, limit } = ceiling;
      const amount = limit.unit === undefined ? String(used) : describeAmount(limit.unit, used);
      const because = `${describeSubject(item.subject)} has come to ${amount} of at most ${describeLimit(limit)}, calls under way included`;
      await reached({ rule, subject: item.subject, because });
    }
  };

  const noteSeen = async (): Promise<void> => {
    if (isBlind() || clock.monotonicMs() - notedMs < NOTE_SEEN_EVERY_MS) return;
    notedMs = clock.monotonicMs();
    await deps.redis.set(deps.seenKey, clock.now(), 'EX', SEEN_KEPT_SECONDS);
  };

  const step = async (): Promise<void> => {
    look();
    const calls = deps.calls().filter(({ receipt }) => receipt?.items.some(isBudget) ?? false);
    forgetEnded(calls);
    if (calls.length === 0) return;
    const ceilings = ceilingsOf(deps.policy());
    const growing = new Map<Talk, number>();
    const said = toSay(calls, growing);
    if (said.length === 0) return;
    const readings = await limits.meter(said, (item) => ceilings.get(`${item.rule} ${item.kind}`)?.limit.count);
    for (const [talk, talkMs] of growing) talk.saidSeconds = secondsOf(talkMs);
    await noteSeen();
    await endThoseOf(readings.flat(), ceilings);
  };

  const beat = (): Promise<void> => {
    running ??= step()
      .catch((error: unknown) => {
        log.warn({ problem: messageOf(error) }, 'what calls under way cost could not be counted; it is said again');
      })
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  const timer = setInterval(() => void (closed ? undefined : beat()), BEAT_MS);
  timer.unref();

  const ended: SpendMeter['ended'] = (call, { isSeen, answered, answeredSeconds }) => {
    const talk = talkOf(call);
    talks.delete(call.decision);
    const nowMs = clock.monotonicMs();
    // The dialplan leaves a begun second out.
    const isTold = answeredSeconds !== undefined && (answeredSeconds > 0 || answered === true);
    const told = isTold ? (answeredSeconds + 1) * 1000 : undefined;
    if (talk.answeredMs === undefined && answered === false) return null;
    if (talk.answeredMs === undefined && told !== undefined) return told;
    if (answered === true) talk.missed = true;
    const lastSeenMs = seenMs ?? (seenBefore === undefined ? undefined : nowMs - Math.max(0, clock.now() - seenBefore));
    const endMs = isSeen || !isBlind() || lastSeenMs === undefined ? nowMs : Math.min(nowMs, lastSeenMs + deps.leaseMs);
    if (isBlind() && answered === undefined) talk.missed = true;
    return talkedMs(talk, endMs);
  };

  return {
    beat,
    decided: (decision) => {
      for (const ceiling of ceilingsReachedBy(decision)) {
        reached(ceiling).catch((error: unknown) => {
          log.warn({ problem: messageOf(error) }, 'the calls of a hard ceiling could not be ended');
        });
      }
    },
    ended,
    talked: (call, { isSeen, isAnswered, outcome, dialOutcome, answeredSeconds }) => {
      const said = outcome ?? dialOutcome;
      const heard = said === undefined ? undefined : said === 'answered' || said === 'conversation';
      return ended(call, { isSeen, answered: isAnswered || heard, answeredSeconds });
    },
    over: (call, items, talkMs) => {
      const budgets = items.filter(isBudget);
      if (call.receipt === undefined || budgets.length === 0) return undefined;
      return { receipt: { payer: call.receipt.payer, items: budgets }, talkMs, isOver: true };
    },
    close: async () => {
      closed = true;
      clearInterval(timer);
      await running;
      await reading;
    },
  };
}

const NO_LIMIT: Limit = { count: 1, periodSeconds: 1, text: '' };
/** No price has increments shorter than a second. */
const secondsOf = (talkMs: number): number => Math.ceil(talkMs / 1000);
