/**
 * The calls under way on this node: who counts as one of the calls at once, how long a call may last, and what becomes of
 * what it took.
 *
 * A call is over when the dialplan says so, when the manager interface says that its last channel is gone, or when it is
 * not among the channels that exist: whichever comes first. Until then its leases are renewed, as long as somebody can see
 * that it is there; a lease that nobody renews lapses by itself, so no lost report keeps a slot for ever. Ending a call
 * twice does nothing.
 *
 * Directions of failure. The store is away: ends are kept and said again until it is back; a lease may lapse meanwhile and
 * is counted again then. The manager interface is away: the dialplan's reports still end calls, leases are not renewed and
 * lapse. This daemon is killed: leases lapse; the next one finds the calls in the store and compares them with the
 * channels.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { CallReport, ChannelNames } from '../gate/agi-script.ts';
import type { Decision } from '../gate/gate.ts';
import type { LimitStore, ReceiptItem } from '../gate/limit-store.ts';
import { LONGEST_CALL_SECONDS } from '../gate/redis-limit-store.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Outcome } from '../policy/outcome.ts';
import type { Policy } from '../policy/policy.ts';
import { type CallOver, type LiveCall, liveCallOf, maxSecondsUnder, needsReport } from './live-call.ts';
import type { LiveCallRecords } from './live-call-records.ts';
import { type LiveCallView, viewLiveCall } from './live-call-view.ts';
import type { SpendMeter } from './spend-meter.ts';

/** What the manager interface can do for calls under way. */
export interface ChannelControl {
  /** True while it is connected and would tell of a channel that ends. */
  readonly canSee: () => boolean;
  /**
   * @param linkedId of the call that the channel belongs to; empty where nobody knows
   * @throws {TollgateError} `NOT_FOUND`: no Asterisk has it; others where one could not be told
   */
  readonly hangUp: (uniqueId: string, linkedId?: string) => Promise<void>;
}

/** A channel as it exists now. */
export interface ExistingChannel {
  readonly uniqueId: string;
  readonly linkedId: string;
  /** Name of the Asterisk that has it. */
  readonly asterisk?: string;
}

export interface LiveCalls {
  /** A call was let go and its answer delivered, as far as is known. */
  readonly began: (decision: Decision, channel: ChannelNames) => void;
  /** The dialplan wants to be asked to report the end of this call. */
  readonly wantsReport: (decision: Decision) => boolean;
  /** The dialplan says what became of a call. What it took is given back, and holds begin, before this resolves. */
  readonly reported: (report: CallReport) => Promise<void>;
  /** A channel is gone. */
  readonly channelEnded: (uniqueId: string) => void;
  /** A channel of a call made another one. */
  readonly dialled: (uniqueId: string, madeUniqueId: string, asterisk?: string) => void;
  /** What a dialling attempt of that channel came to. */
  readonly dialEnded: (uniqueId: string, outcome: Outcome | undefined) => void;
  /** All channels that exist now: calls without one of them are over. */
  readonly reconcile: (channels: readonly ExistingChannel[]) => void;
  readonly list: () => readonly LiveCallView[];
  readonly calls: () => readonly LiveCall[];
  /** Unique ids of the channels of a call that are known to exist; undefined where it is not under way here. */
  readonly channelsOf: (decision: string) => readonly string[] | undefined;
  readonly count: () => number;
  /** Finds the calls of before a restart. */
  readonly restore: () => Promise<void>;
  readonly close: () => Promise<void>;
}

interface Entry {
  call: LiveCall;
  /** The end of this decision was told: its call asked again. */
  isOver: boolean;
  /** Channels of the call that are known to exist. */
  readonly legs: Set<string>;
  /** What the dialplan said became of it. */
  outcome: Outcome | undefined;
  /** The last thing that dialling came to; an answer stays one. */
  dialOutcome: Outcome | undefined;
  /** Somebody picked up, and it was told. */
  isAnswered: boolean;
  /** How long it talked, as the dialplan said. */
  answeredSeconds: number | undefined;
  hungUpAt: EpochMs | undefined;
}

/** More calls than any node has; beyond it the oldest are forgotten and their leases lapse. */
const MOST_CALLS = 20_000;
/** A channel list is a moment old when it arrives, and a call may have begun since. */
const JUST_BEGUN_MS = 3000;
/** The dialplan ends the call at its ceiling; this is for those that it does not end. */
const DIALPLAN_GOES_FIRST_MS = 1000;
const SWEEP_MS = 500;
const HANG_UP_AGAIN_MS = 5000;
const STORE_AGAIN_MS = 1000;

export function createLiveCalls(deps: {
  readonly limits: LimitStore;
  readonly records: LiveCallRecords;
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly log: Log;
  /** Undefined where no manager interface is configured. */
  readonly control: ChannelControl | undefined;
  readonly leaseMs: number;
  readonly node: string;
  /** Called once for each call that is answered. */
  readonly onAnswered?: (call: LiveCall) => void;
  /** Beside what is counted for a call: somebody wants to learn what becomes of it. */
  readonly isWatched?: (decision: Decision) => boolean;
  /** Absent where nothing is spent. */
  readonly meter?: Pick<SpendMeter, 'talked' | 'over'>;
  /** Called once for each decision whose call is over, or asks again. Never throws. */
  readonly onOver?: (call: LiveCall, how: CallOver) => void;
}): LiveCalls {
  const { limits, records, clock, log, control } = deps;
  const entries = new Map<string, Entry>();
  const byLeg = new Map<string, Set<Entry>>();
  const unsaid: Array<() => Promise<void>> = [];
  let sweptPolicy = deps.policy();

  const addLeg = (entry: Entry, uniqueId: string): void => {
    if (uniqueId === '') return;
    entry.legs.add(uniqueId);
    const sharing = byLeg.get(uniqueId);
    if (sharing === undefined) byLeg.set(uniqueId, new Set([entry]));
    else sharing.add(entry);
  };
  const dropLeg = (entry: Entry, uniqueId: string): void => {
    entry.legs.delete(uniqueId);
    const sharing = byLeg.get(uniqueId);
    sharing?.delete(entry);
    if (sharing?.size === 0) byLeg.delete(uniqueId);
  };
  const forget = (entry: Entry): void => {
    entries.delete(entry.call.decision);
    for (const leg of [...entry.legs]) dropLeg(entry, leg);
    records.remove(entry.call.decision);
  };

  const dialCameTo = (entry: Entry, outcome: Outcome | undefined): void => {
    if (outcome !== undefined && entry.dialOutcome !== 'answered') entry.dialOutcome = outcome;
  };

  const change = (entry: Entry, changed: Partial<LiveCall>): void => {
    entry.call = { ...entry.call, ...changed };
    if (entries.has(entry.call.decision)) records.put(entry.call);
  };

  const answered = (entry: Entry): void => {
    if (entry.isAnswered) return;
    entry.isAnswered = true;
    deps.onAnswered?.(entry.call);
  };

  const needs = (decision: Decision): boolean => needsReport(decision) || (deps.isWatched?.(decision) ?? false);

  /** Says something to the store, and again until it has heard. */
  const say = async (what: string, sayIt: () => Promise<void>): Promise<void> => {
    try {
      await sayIt();
    } catch (error) {
      if (unsaid.length < MOST_CALLS) unsaid.push(sayIt);
      log.warn({ problem: messageOf(error), what }, 'the store could not be told of a call; it is told again');
    }
  };

  /** @param items those of its receipt that the outcome is for; absent: all */
  const settle = async (entry: Entry, outcome: Outcome, items = entry.call.receipt?.items): Promise<void> => {
    const { receipt, giveBackOn } = entry.call;
    if (receipt === undefined || items === undefined) return;
    const given = items.filter(({ kind, rule }) => kind === 'limits' && (giveBackOn[rule]?.includes(outcome) ?? false));
    if (given.length > 0) {
      // Out of the receipt first: said twice, it is given back once.
      keepItems(entry, (item) => !given.includes(item));
      await say('giving back', () => limits.returnItems({ payer: receipt.payer, items: given }));
    }
    const holds = items.filter(({ kind }) => kind === 'hold');
    if (holds.length === 0) return;
    if (outcome === 'conversation' || outcome === 'answered') {
      await say('a hold', () => limits.beginHold(holds, 'answered'));
    }
    if (outcome === 'conversation') await say('a hold', () => limits.beginHold(holds, 'conversation'));
  };

  const keepItems = (entry: Entry, keep: (item: ReceiptItem) => boolean): void => {
    const { receipt } = entry.call;
    if (receipt === undefined) return;
    change(entry, { receipt: { payer: receipt.payer, items: receipt.items.filter(keep) } });
  };

  /** What a call has cost is final. @param items those of its receipt that it leaves */
  const pay = async (entry: Entry, items: readonly ReceiptItem[], talkMs: number | null): Promise<void> => {
    const over = deps.meter?.over(entry.call, items, talkMs);
    if (over !== undefined) await say('its cost', async () => void (await limits.meter([over], () => undefined)));
  };

  /** @param isSeen it was told of as it happened, and not found out later @returns milliseconds of talk */
  const talked = (entry: Entry, isSeen: boolean): number | null =>
    deps.meter?.talked(entry.call, { isSeen, ...entry }) ?? null;

  const tellOver = (entry: Entry, talkMs: number | null): void => {
    if (!entry.isOver) deps.onOver?.(entry.call, { talkMs, outcome: entry.outcome ?? entry.dialOutcome });
    entry.isOver = true;
  };

  const leaveTrunk = (entry: Entry, talkMs: number | null): void => {
    const { receipt } = entry.call;
    const left = receipt?.items.filter(({ subject }) => subject.kind === 'trunk') ?? [];
    if (receipt === undefined || left.length === 0) return;
    void say('an end', () => limits.end({ payer: receipt.payer, items: left }));
    void pay(entry, left, talkMs);
    const { dialOutcome } = entry;
    if (dialOutcome !== undefined && entry.outcome === undefined) void settle(entry, dialOutcome, left);
    keepItems(entry, (item) => !left.includes(item));
  };

  const finish = async (entry: Entry, isSeen: boolean): Promise<void> => {
    forget(entry);
    const talkMs = talked(entry, isSeen);
    tellOver(entry, talkMs);
    const { receipt } = entry.call;
    if (receipt !== undefined) {
      await say('an end', () => limits.end(receipt));
      await pay(entry, receipt.items, talkMs);
    }
    const { dialOutcome } = entry;
    if (dialOutcome !== undefined && entry.outcome === undefined) await settle(entry, dialOutcome);
  };

  const legEnded = async (entry: Entry, uniqueId: string, outcome: Outcome | undefined): Promise<void> => {
    dialCameTo(entry, outcome);
    if (outcome === 'answered') answered(entry);
    dropLeg(entry, uniqueId);
    // Another leg may still be talking: a transfer, or a Local channel that stepped out of the way.
    if (entry.legs.size > 0 && control?.canSee() === true) return;
    await finish(entry, true);
  };

  const renewAll = (): void => {
    if (control?.canSee() !== true) return;
    const receipts = [...entries.values()].flatMap(({ call }) => (call.receipt === undefined ? [] : [call.receipt]));
    void limits.renew(receipts).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'leases could not be renewed');
    });
  };

  const sweep = (): void => {
    const now = clock.now();
    const policy = deps.policy();
    if (policy !== sweptPolicy) {
      sweptPolicy = policy;
      // Of the ceiling that the call was told and the one that is in force now, the shorter.
      for (const entry of entries.values()) {
        const maxSeconds = maxSecondsUnder(policy, entry.call, now);
        if (maxSeconds !== undefined && maxSeconds < (entry.call.maxSeconds ?? Number.POSITIVE_INFINITY)) {
          entry.call = { ...entry.call, maxSeconds };
        }
      }
    }
    if (control === undefined) {
      // Nobody can see that they are there, and their reports are lost: by now their leases have lapsed, too.
      for (const entry of [...entries.values()]) {
        if (now > entry.call.startedAt + LONGEST_CALL_SECONDS * 1000) forget(entry);
      }
      return;
    }
    if (!control.canSee()) return;
    for (const entry of entries.values()) {
      const { maxSeconds, startedAt } = entry.call;
      if (maxSeconds === undefined || now < startedAt + maxSeconds * 1000 + DIALPLAN_GOES_FIRST_MS) continue;
      if (entry.hungUpAt !== undefined && now < entry.hungUpAt + HANG_UP_AGAIN_MS) continue;
      entry.hungUpAt = now;
      log.info({ decision: entry.call.decision, maxSeconds }, 'a call reached its longest duration and is ended');
      for (const leg of entry.legs) {
        control.hangUp(leg, entry.call.channel.linkedId).catch((error: unknown) => {
          log.warn({ decision: entry.call.decision, problem: messageOf(error) }, 'a call could not be ended');
        });
      }
    }
  };

  const sayAgain = async (): Promise<void> => {
    for (const sayIt of unsaid.splice(0)) await sayIt().catch(() => unsaid.push(sayIt));
  };

  const timers = [
    setInterval(renewAll, Math.max(250, deps.leaseMs / 5)),
    setInterval(sweep, SWEEP_MS),
    setInterval(() => void sayAgain(), STORE_AGAIN_MS),
  ];
  for (const timer of timers) timer.unref();

  const add = (call: LiveCall): Entry => {
    const entry: Entry = {
      call,
      isOver: false,
      legs: new Set(),
      outcome: undefined,
      dialOutcome: undefined,
      isAnswered: call.answeredAt !== undefined,
      answeredSeconds: undefined,
      hungUpAt: undefined,
    };
    entries.set(call.decision, entry);
    addLeg(entry, call.channel.uniqueId);
    return entry;
  };

  return {
    wantsReport: needs,
    began: (decision, channel) => {
      if (control === undefined && !needs(decision)) return;
      if (decision.verdict.layer === 'emergency') return;
      for (const other of byLeg.get(channel.uniqueId) ?? []) {
        const talkMs = talked(other, true);
        if (other.call.channel.uniqueId === channel.uniqueId) tellOver(other, talkMs);
        // The same call tries another trunk, so it is no longer on the one before, and what becomes of it is not that one's.
        if (other.call.request.trunk !== decision.call.trunk) leaveTrunk(other, talkMs);
      }
      records.put(add(liveCallOf(decision, channel)).call);
      if (entries.size <= MOST_CALLS) return;
      const [oldest] = entries.values();
      if (oldest !== undefined) forget(oldest);
    },
    reported: async ({ decision, what, outcome, uniqueId, answeredSeconds }) => {
      const entry = entries.get(decision);
      if (entry === undefined) return;
      entry.answeredSeconds = answeredSeconds ?? entry.answeredSeconds;
      switch (what) {
        case 'gone': {
          forget(entry);
          tellOver(entry, null);
          const { receipt } = entry.call;
          if (receipt !== undefined) await say('giving back', () => limits.giveBack(receipt));
          return;
        }
        case 'ended':
          await legEnded(entry, uniqueId, outcome);
          return;
        case 'outcome':
          // What was said first counts, but a call that was answered may turn out to have been a conversation.
          if (outcome === undefined || outcome === entry.outcome) return;
          if (entry.outcome !== undefined && outcome !== 'conversation') return;
          entry.outcome = outcome;
          if (outcome === 'answered' || outcome === 'conversation') answered(entry);
          await settle(entry, outcome);
          return;
        default:
          what satisfies never;
      }
    },
    channelEnded: (uniqueId) => {
      for (const entry of [...(byLeg.get(uniqueId) ?? [])]) void legEnded(entry, uniqueId, undefined);
    },
    dialled: (uniqueId, madeUniqueId, asterisk) => {
      for (const entry of [...(byLeg.get(uniqueId) ?? [])]) {
        addLeg(entry, madeUniqueId);
        if (asterisk !== undefined && entry.call.asterisk !== asterisk) change(entry, { asterisk });
      }
    },
    dialEnded: (uniqueId, outcome) => {
      for (const entry of byLeg.get(uniqueId) ?? []) {
        dialCameTo(entry, outcome);
        if (outcome !== 'answered') continue;
        if (entry.call.answeredAt === undefined) change(entry, { answeredAt: clock.now() });
        answered(entry);
      }
    },
    reconcile: (channels) => {
      const existing = new Set(channels.map(({ uniqueId }) => uniqueId));
      const ofCall = new Map<string, string[]>();
      const places = new Map<string, string>();
      for (const { uniqueId, linkedId, asterisk } of channels) {
        ofCall.set(linkedId, [...(ofCall.get(linkedId) ?? []), uniqueId]);
        if (asterisk !== undefined) places.set(uniqueId, asterisk);
      }
      const young = clock.now() - JUST_BEGUN_MS;
      let ended = 0;
      for (const entry of [...entries.values()]) {
        for (const leg of [...entry.legs]) if (!existing.has(leg)) dropLeg(entry, leg);
        for (const leg of ofCall.get(entry.call.channel.linkedId) ?? []) addLeg(entry, leg);
        const asterisk = places.get([...entry.legs][0] ?? '');
        if (asterisk !== undefined && entry.call.asterisk === undefined) change(entry, { asterisk });
        if (entry.legs.size > 0) continue;
        if (entry.call.startedAt > young) {
          addLeg(entry, entry.call.channel.uniqueId);
          continue;
        }
        ended += 1;
        void finish(entry, false);
      }
      if (ended > 0) log.info({ ended }, 'calls were over whose end nobody had reported');
      renewAll();
    },
    list: () =>
      [...entries.values()]
        .map(({ call }) => viewLiveCall(call, clock.now(), deps.node))
        .sort((one, other) => other.seconds - one.seconds),
    calls: () => [...entries.values()].map(({ call }) => call),
    channelsOf: (decision) => {
      const legs = entries.get(decision)?.legs;
      return legs === undefined ? undefined : [...legs];
    },
    count: () => entries.size,
    restore: async () => {
      for (const call of await records.load()) if (!entries.has(call.decision)) add(call);
    },
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      await sayAgain();
      await records.close();
    },
  };
}
