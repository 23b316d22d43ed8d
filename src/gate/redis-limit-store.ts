/**
 * Limits in Redis or Valkey: maps rules and subjects to buckets, runs the atomic step, bounds the time.
 *
 * It guarantees that a request which times out here spends nothing later: the script refuses to act after the deadline
 * that travels with it, and what it took just before is handed to the caller as a late answer to be given back.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import type { Demand } from '../policy/actions/action.ts';
import type { EpochMs, Subject } from '../policy/call.ts';
import { readWindow } from '../policy/rolling-window.ts';
import type { Rule } from '../policy/rule.ts';
import { readBucket } from '../policy/token-bucket.ts';
import type { Reading } from '../policy/verdict.ts';
import type { Keys } from '../redis/keys.ts';
import {
  type PackedCharge,
  packCharge,
  returnLimits,
  type TakeReply,
  takeLimits,
  wireOf,
} from '../redis/limit-scripts.ts';
import type { Charge, LimitStore, Taken } from './limit-store.ts';
import type { StoreBreaker } from './store-breaker.ts';
import type { StoreClock } from './store-clock.ts';

/** A call that asks again within this time is the same call. Longer than trying one trunk takes, shorter than a redial is honest. */
const CALL_RECORD_SECONDS = 120;
const REMEMBERED_SUBJECTS = 10_000;
/** How well the store's time is known, and how early a timer may fire: the store stops before the call is answered. */
const CLOCKS_AGREE_MS = 4;

/** The store did not answer in time. What it had taken by then arrives as `late`; undefined when it took nothing. */
export class StoreTimeout extends TollgateError {
  readonly late: Promise<Taken | undefined>;
  constructor(message: string, late: Promise<Taken | undefined>) {
    super('STORE_TIMEOUT', message);
    this.late = late;
  }
}

type Answered = Extract<TakeReply, { status: 'taken' | 'refused' }>;

export function createRedisLimitStore(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly breaker: StoreBreaker;
}): LimitStore {
  const { redis, keys, clock, storeClock, breaker } = deps;
  type OfSubjects = Map<string, PackedCharge>;
  // By demand, rule and id of the subject: a rule counts on subjects of one kind only.
  const packed: Readonly<Record<Demand, WeakMap<Rule, OfSubjects>>> = {
    required: new WeakMap(),
    lenient: new WeakMap(),
    shadow: new WeakMap(),
  };

  const pack = (charge: Charge): PackedCharge => {
    const { rule, subject } = charge;
    const rules = packed[charge.demand];
    let ofRule = rules.get(rule);
    if (ofRule === undefined) {
      ofRule = new Map();
      rules.set(rule, ofRule);
    }
    const known = ofRule.get(subject.id);
    if (known !== undefined) return known;
    if (ofRule.size >= REMEMBERED_SUBJECTS) ofRule.clear();
    const bucketKey = keyOf(keys, rule, subject);
    const bytes = packCharge(charge.demand, bucketKey, rule.limits, rule.counting);
    const made = { bucketKey, bytes, width: rule.limits.length };
    const kept = { ...made, wire: wireOf(made) };
    ofRule.set(subject.id, kept);
    return kept;
  };

  /** One run of the script, its time observed. */
  const run = async (
    callKey: string,
    charges: readonly PackedCharge[],
    options: { readonly deadlineMs: number; readonly recordSeconds: number; readonly nowMs?: number | undefined },
  ): Promise<TakeReply> => {
    const sentMs = clock.monotonicMs();
    const reply = await takeLimits(redis, { callKey, charges, ...options });
    if (options.nowMs === undefined) storeClock.observe(sentMs, clock.monotonicMs(), reply.nowMs);
    return reply;
  };

  const takeBefore = async (
    callKey: string,
    charges: readonly PackedCharge[],
    endsMs: number,
  ): Promise<Answered | undefined> => {
    // A second try after "late": the first reply has just corrected our idea of the store's clock.
    for (let attempt = 0; attempt < 2; attempt++) {
      const storeNow = storeClock.at(clock.monotonicMs()) ?? (await askTime());
      const leftMs = endsMs - clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      const deadlineMs = Math.max(1, Math.floor(storeNow + leftMs - CLOCKS_AGREE_MS));
      const reply = await run(callKey, charges, { deadlineMs, recordSeconds: CALL_RECORD_SECONDS });
      if (reply.status !== 'late') return reply;
    }
    return undefined;
  };

  const askTime = async (): Promise<number> => {
    const sentMs = clock.monotonicMs();
    const [seconds, micros] = await redis.time();
    const storeMs = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    storeClock.observe(sentMs, clock.monotonicMs(), storeMs);
    return storeMs;
  };

  return {
    take: async (payer, charges, withinMs) => {
      if (breaker.isOpen()) throw new TollgateError('STORE_UNAVAILABLE', 'the store is not answering');
      const endsMs = clock.monotonicMs() + withinMs;
      const packedCharges = charges.map(pack);
      const callKey = keys.call(payer.callId, payer.destination);
      const toTaken = (reply: Answered): Taken => ({
        outcome: reply.status,
        at: reply.nowMs as EpochMs,
        readings: readingsOf(charges, reply),
        giveBack: async () => {
          const own = reply.charges.map((taken, index) => ({ taken, packed: packedCharges[index] }));
          const paid = own.filter(
            (each): each is { taken: (typeof each)['taken']; packed: PackedCharge } =>
              each.packed !== undefined && each.taken.state !== 'counted',
          );
          if (reply.status === 'taken' && paid.length > 0) await returnLimits(redis, { callKey, charges: paid });
        },
      });
      let timedOut = false;
      const answer = takeBefore(callKey, packedCharges, endsMs).then((reply) => {
        if (reply === undefined) return undefined;
        if (!timedOut) breaker.succeeded();
        return toTaken(reply);
      });
      const taken = await within(answer, withinMs).catch((error: unknown) => {
        throw connectionError(error, breaker);
      });
      if (taken === TIMED_OUT || taken === undefined) {
        timedOut = true;
        breaker.failed('no answer in time', false);
        const late = answer.catch(() => undefined);
        throw new StoreTimeout(`the store did not answer within ${Math.round(withinMs)} ms`, late);
      }
      return taken;
    },
    peek: async (charges, at, withinMs) => {
      if (breaker.isOpen()) throw new TollgateError('STORE_UNAVAILABLE', 'the store is not answering');
      const packedCharges = charges.map(pack);
      const options = { deadlineMs: 0, recordSeconds: 0, nowMs: at };
      const reply = await within(run(keys.call('peek', ''), packedCharges, options), withinMs).catch(
        (error: unknown) => {
          throw new TollgateError('STORE_UNAVAILABLE', 'the store cannot be reached', { cause: error });
        },
      );
      if (reply === TIMED_OUT || reply.status === 'late')
        throw new TollgateError('STORE_TIMEOUT', 'the store did not answer in time');
      return { outcome: reply.status, at: reply.nowMs as EpochMs, readings: readingsOf(charges, reply) };
    },
    refill: async (rule, subject) => {
      await redis.del(keyOf(keys, rule, subject));
    },
  };
}

const SUBJECT_LETTERS = {
  extension: 'e',
  group: 'g',
  trunk: 't',
  number: 'n',
  'extension-number': 'x',
  system: 's',
} as const;
/** Subjects come from dialplans and phones: bounded, and prefixed by a letter of their kind. */
const subjectKey = (subject: Subject): string => `${SUBJECT_LETTERS[subject.kind]}${subject.id.slice(0, 160)}`;

/** Where a rule counts a subject. Another key for each manner of counting: what one wrote says nothing to the other. */
function keyOf(keys: Keys, rule: Rule, subject: Subject): string {
  const key = rule.counting === 'rolling' ? keys.ring : keys.bucket;
  return key(rule.id, rule.generation, subjectKey(subject));
}

function readingsOf(charges: readonly Charge[], reply: Answered): Reading[] {
  return charges.map((charge, index) => {
    const taken = reply.charges[index];
    return {
      subject: charge.subject,
      state: taken?.state ?? 'lacking',
      limits: charge.rule.limits.map((limit, at) => {
        const [before, after] = [taken?.before[at] ?? 0, taken?.after[at] ?? 0];
        if (taken?.rolling === undefined) return readBucket(limit, before, after);
        return readWindow(limit, { before, after, roomInMs: (taken.rolling.roomAtMs[at] ?? 0) - reply.nowMs });
      }),
    };
  });
}

function connectionError(error: unknown, breaker: StoreBreaker): TollgateError {
  const message = error instanceof Error ? error.message : String(error);
  breaker.failed(message, true);
  return new TollgateError('STORE_UNAVAILABLE', 'the store cannot be reached', { cause: error });
}
