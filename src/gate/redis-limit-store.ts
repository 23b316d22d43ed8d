/**
 * Limits in Redis or Valkey: runs the atomic step, bounds its time, and says what it meant.
 *
 * It guarantees that a request which times out here spends nothing later: the script refuses to act after the deadline
 * that travels with it, and what it took just before is handed to the caller as a late answer to be given back.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { TollgateError } from '../errors.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Rule } from '../policy/rule.ts';
import type { Keys } from '../redis/keys.ts';
import {
  beginHold,
  keepLeases,
  type PackedCharge,
  returnLimits,
  type TakeReply,
  takeLimits,
  takenNumber,
} from '../redis/limit-scripts.ts';
import { createChargePacker } from './charge-packer.ts';
import {
  type Charge,
  callRecordSeconds,
  type LimitStore,
  type Payer,
  type Receipt,
  type ReceiptItem,
  type Taken,
} from './limit-store.ts';
import { readingsOf } from './readings.ts';
import type { StoreBreaker } from './store-breaker.ts';
import type { StoreClock } from './store-clock.ts';

/** How well the store's time is known, and how early a timer may fire: the store stops before the call is answered. */
const CLOCKS_AGREE_MS = 4;

/** A call that nobody ends, and that no rule bounds, is thought over after this. */
export const LONGEST_CALL_SECONDS = 4 * 3600;
export const longestCallSeconds = (rule: Rule): number => rule.maxDurationSeconds ?? LONGEST_CALL_SECONDS;

/** The store did not answer in time. What it had taken by then arrives as `late`; undefined when it took nothing. */
export class StoreTimeout extends TollgateError {
  readonly late: Promise<Taken | undefined>;
  constructor(message: string, late: Promise<Taken | undefined>) {
    super('STORE_TIMEOUT', message);
    this.late = late;
  }
}

type Answered = Extract<TakeReply, { status: 'taken' | 'refused' }>;

/** What stands in a receipt of this store. */
interface StoredItem extends ReceiptItem {
  readonly key: string;
  readonly placesKey?: string;
  /** The charge as the script has it, in base64. */
  readonly charge: string;
  /** @see takenNumber */
  readonly taken: number;
  /** Seconds that a lease, or a hold, lasts; 0 for limits. */
  readonly lasts: number;
}

export function createRedisLimitStore(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly storeClock: StoreClock;
  readonly breaker: StoreBreaker;
  /** How long a call of a rule counts as under way without anybody saying so again; absent: as long as a call may last. */
  readonly leaseSeconds?: (rule: Rule) => number;
}): LimitStore {
  const { redis, keys, clock, storeClock, breaker } = deps;
  const leaseSeconds = deps.leaseSeconds ?? longestCallSeconds;
  const { pack, keysOf } = createChargePacker(keys, leaseSeconds);
  const callKeyOf = ({ callId, destination }: Payer): string => keys.call(callId, destination);

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
    { endsMs, recordSeconds }: { readonly endsMs: number; readonly recordSeconds: number },
  ): Promise<Answered | undefined> => {
    // A second try after "late": the first reply has just corrected our idea of the store's clock.
    for (let attempt = 0; attempt < 2; attempt++) {
      const storeNow = storeClock.at(clock.monotonicMs()) ?? (await askTime());
      const leftMs = endsMs - clock.monotonicMs();
      if (leftMs <= 0) return undefined;
      const deadlineMs = Math.max(1, Math.floor(storeNow + leftMs - CLOCKS_AGREE_MS));
      const reply = await run(callKey, charges, { deadlineMs, recordSeconds });
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

  const returnThem = async ({ payer, items }: Receipt, needsRecord: boolean): Promise<void> => {
    const given = [...storedOf(items, 'limits'), ...storedOf(items, 'concurrent')];
    if (given.length === 0) return;
    await returnLimits(redis, {
      callKey: callKeyOf(payer),
      charges: given.map(({ key, placesKey, charge, taken }) => ({
        packed: { key, placesKey, bytes: Buffer.from(charge, 'base64') },
        taken,
      })),
      needsRecord,
    });
  };

  return {
    take: async (payer, charges, withinMs) => {
      if (breaker.isOpen()) throw new TollgateError('STORE_UNAVAILABLE', 'the store is not answering');
      const endsMs = clock.monotonicMs() + withinMs;
      const packedCharges = charges.map(pack);
      const callKey = callKeyOf(payer);
      const toTaken = (reply: Answered): Taken => ({
        outcome: reply.status,
        at: reply.nowMs as EpochMs,
        readings: readingsOf(charges, reply.charges, reply.nowMs),
        receipt: receiptOf(payer, charges, packedCharges, reply, leaseSeconds),
      });
      let timedOut = false;
      const recordSeconds = callRecordSeconds(charges);
      const answer = takeBefore(callKey, packedCharges, { endsMs, recordSeconds }).then((reply) => {
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
      return {
        outcome: reply.status,
        at: reply.nowMs as EpochMs,
        readings: readingsOf(charges, reply.charges, reply.nowMs),
      };
    },
    giveBack: (receipt) => returnThem(receipt, true),
    returnItems: (receipt) => returnThem(receipt, false),
    renew: async (receipts) => {
      await Promise.all(
        receipts.map(async ({ payer, items }) => {
          const leases = storedOf(items, 'concurrent');
          const [first] = leases;
          if (first === undefined) return;
          const seconds = Math.max(...leases.map(({ lasts }) => lasts));
          await keepLeases(redis, { callKey: callKeyOf(payer), keys: leases.map(({ key }) => key), seconds });
        }),
      );
    },
    end: async ({ payer, items }) => {
      const leases = storedOf(items, 'concurrent');
      if (leases.length === 0) return;
      await keepLeases(redis, { callKey: callKeyOf(payer), keys: leases.map(({ key }) => key), seconds: 0 });
    },
    beginHold: async (items, outcome) => {
      for (const item of storedOf(items, 'hold')) {
        if (item['outcome'] === outcome) await beginHold(redis, item.key, item.lasts);
      }
    },
    refill: async (rule, subject) => {
      const all = keysOf(rule, subject);
      if (all.length > 0) await redis.del(...all);
    },
  };
}

const storedOf = (items: readonly ReceiptItem[], kind: ReceiptItem['kind']): readonly StoredItem[] =>
  // Made by receiptOf below, or read back from where its JSON was kept.
  (items as readonly StoredItem[]).filter((item) => item.kind === kind);

function receiptOf(
  payer: Payer,
  charges: readonly Charge[],
  packed: readonly PackedCharge[],
  reply: Answered,
  leaseSeconds: (rule: Rule) => number,
): Receipt {
  if (reply.status === 'refused') return { payer, items: [] };
  const items = charges.flatMap(({ rule, subject, count }, index): StoredItem[] => {
    const [taken, charge] = [reply.charges[index], packed[index]];
    if (taken === undefined || charge === undefined || taken.state === 'counted') return [];
    const common = { rule: rule.id, subject, kind: count.kind, key: charge.key };
    const bytes = charge.bytes.toString('base64');
    switch (count.kind) {
      case 'limits': {
        const places = charge.placesKey === undefined ? {} : { placesKey: charge.placesKey };
        return [{ ...common, ...places, charge: bytes, taken: takenNumber(charge, taken), lasts: 0 }];
      }
      case 'concurrent':
        // A shadow rule that was full counts no further call.
        if (taken.after[0] === taken.before[0]) return [];
        return [{ ...common, charge: bytes, taken: 0, lasts: leaseSeconds(rule) }];
      case 'hold':
        return [{ ...common, outcome: count.outcome, charge: '', taken: 0, lasts: count.limits[0].periodSeconds }];
      default:
        return count satisfies never;
    }
  });
  return { payer, items };
}

function connectionError(error: unknown, breaker: StoreBreaker): TollgateError {
  const message = error instanceof Error ? error.message : String(error);
  breaker.failed(message, true);
  return new TollgateError('STORE_UNAVAILABLE', 'the store cannot be reached', { cause: error });
}
