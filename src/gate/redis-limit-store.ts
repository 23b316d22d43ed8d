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
import type { BudgetLevel } from '../policy/budget.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Rule } from '../policy/rule.ts';
import type { Price } from '../rates/price.ts';
import { storeTimeMs } from '../redis/command-at.ts';
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
import { noteReached } from '../redis/note-reached.ts';
import { countSpend, type SaidOfSpend, type SpentInWindow } from '../redis/spend-script.ts';
import { createChargePacker, subjectKey } from './charge-packer.ts';
import {
  amountOfItem,
  type Charge,
  callRecordSeconds,
  type LimitStore,
  type MeterReading,
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

/** Of a budget. */
interface SpendItem extends ReceiptItem {
  readonly key: string;
  readonly level: BudgetLevel;
  readonly periodSeconds: number;
  /** Absent: talk is counted. */
  readonly price?: Price;
  /** When the call went out, by the store's clock, epoch ms. */
  readonly atMs: number;
}

/** As many as Redis counts in two milliseconds, in which it decides no call. */
const MOST_AT_ONCE = 100;

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
    const storeMs = await storeTimeMs(redis, keys.probe);
    storeClock.observe(sentMs, clock.monotonicMs(), storeMs);
    return storeMs;
  };

  const sayAll = async (said: readonly SaidOfSpend[]): Promise<readonly SpentInWindow[]> => {
    const all: SpentInWindow[] = [];
    for (let at = 0; at < said.length; at += MOST_AT_ONCE) {
      all.push(...(await countSpend(redis, said.slice(at, at + MOST_AT_ONCE))));
    }
    return all;
  };

  const returnThem = async ({ payer, items }: Receipt, needsRecord: boolean): Promise<void> => {
    const spentKey = keys.spent(payer.callId, payer.destination);
    const spent = spendItemsOf(items).map(({ key, periodSeconds }) => {
      return { spentKey, key, periodSeconds, what: 'void', amount: 0, limit: undefined } as const;
    });
    if (spent.length > 0) await sayAll(spent);
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
      const packedCharges = charges.map((charge) => pack(charge, payer));
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
      const packedCharges = charges.map((charge) => pack(charge));
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
    meter: async (calls, ceilingOf) => {
      const said = calls.flatMap(({ receipt: { payer, items }, talkMs, isOver }) => {
        const spentKey = keys.spent(payer.callId, payer.destination);
        return spendItemsOf(items).map((item) => {
          const limit = item.level === 'hard' ? ceilingOf(item) : undefined;
          const amount = amountOfItem(item.price, talkMs);
          const what = isOver ? ('over' as const) : ('under-way' as const);
          return { item, said: { spentKey, key: item.key, what, amount, limit, periodSeconds: item.periodSeconds } };
        });
      });
      const counted = await sayAll(said.map((each) => each.said));
      const readings = said.map(({ item, said: { limit } }, at): MeterReading => {
        const { used, overAtMs } = counted[at] ?? { used: 0, overAtMs: 0 };
        return { item, used, isReached: limit !== undefined && overAtMs >= item.atMs };
      });
      let done = 0;
      return calls.map(({ receipt }) => {
        const from = done;
        done += spendItemsOf(receipt.items).length;
        return readings.slice(from, done);
      });
    },
    beginHold: async (items, outcome) => {
      for (const item of storedOf(items, 'hold')) {
        if (item['outcome'] === outcome) await beginHold(redis, item.key, item.lasts);
      }
    },
    reach: async (subjects, place) => {
      await noteReached(
        redis,
        subjects.map((subject) => ({ key: keys.reached(subjectKey(subject), place) })),
      );
    },
    learn: async (reached, dryRun) => {
      const all = reached.map(({ subject, place, at }) => ({
        key: keys.reached(subjectKey(subject), place),
        atMs: at,
      }));
      return await noteReached(redis, all, dryRun);
    },
    refill: async (rule, subject) => {
      const all = keysOf(rule, subject);
      if (all.length > 0) await redis.del(...all);
    },
  };
}

const spendItemsOf = (items: readonly ReceiptItem[]): readonly SpendItem[] =>
  // Made by receiptOf below, or read back from where its JSON was kept.
  (items as readonly SpendItem[]).filter(({ kind }) => kind === 'spend' || kind === 'minutes');

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
  const items = charges.flatMap(({ rule, subject, count, reserves }, index): (StoredItem | SpendItem)[] => {
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
      case 'spend':
      case 'minutes': {
        // A shadow rule that was exceeded counts no further call.
        if (taken.after[0] === taken.before[0]) return [];
        const { kind, level, limits } = count;
        const price = reserves?.price === undefined ? {} : { price: reserves.price };
        const { periodSeconds } = limits[0];
        return [{ rule: rule.id, subject, kind, level, key: charge.key, periodSeconds, ...price, atMs: reply.nowMs }];
      }
      case 'lock':
      case 'first-call':
        return [];
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
