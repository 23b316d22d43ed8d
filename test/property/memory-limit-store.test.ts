/**
 * The store of limits in memory against the scripts in a real Redis: random rules, random histories of calls, every
 * number of every answer equal. `SEED=… npx vitest run --project property` repeats a run.
 *
 * The time of a history is made up. Keys of Redis never expire within it, since hardly any real time passes; what expiring
 * means is that a level has run out (take-limits.test.ts), save for the record of a call, which is deleted when its time
 * has come. The scripts' own guard against a clock set back has no counterpart: simulated time goes forward.
 */
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChargePacker } from '../../src/gate/charge-packer.ts';
import type { Charge, Receipt } from '../../src/gate/limit-store.ts';
import { createMemoryLimitStore } from '../../src/gate/memory-limit-store.ts';
import { readingsOf } from '../../src/gate/readings.ts';
import type { Demand } from '../../src/policy/actions/action.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import type { Rule } from '../../src/policy/rule.ts';
import { createKeys } from '../../src/redis/keys.ts';
import {
  keepLeases,
  type PackedCharge,
  returnLimits,
  type TakenCharge,
  takeLimits,
  takenNumber,
} from '../../src/redis/limit-scripts.ts';
import { ruleOf } from '../support/policy.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('memory-limit-store');
const { redis } = await startEmptyRedis();

const BEGINS_MS = 1_795_000_000_123;
const RECORD_MS = 120_000;
/** Longer than any history: here no call is lost. */
const LEASE_SECONDS = 4_000_000_000;

const RULES = 7;
const periods = ['1s', '2s', '3s', '10s', '1m'];
const limits = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 6 }), fc.constantFrom(...periods)), {
  minLength: 1,
  maxLength: 3,
  selector: ([, period]) => period,
});
const counts = fc.record({
  limits: fc.option(limits, { nil: undefined, freq: 6 }),
  counting: fc.constantFrom('bucket', 'rolling'),
  concurrent: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined, freq: 3 }),
  holdAfter: fc.option(fc.constant({ answered: '1m' }), { nil: undefined, freq: 3 }),
  mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow'),
});
const acts = fc.oneof(
  { weight: 3, arbitrary: fc.record({ action: fc.constantFrom('block', 'block', 'alert') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      action: fc.constant('wait'),
      maxWait: fc.constantFrom('500ms', '2s', '20s'),
      maxQueue: fc.integer({ min: 1, max: 4 }),
      burst: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    }),
  },
);
const rule: fc.Arbitrary<Rule> = fc.tuple(counts, acts).map(([counted, act]) => {
  const paced = act.action === 'wait';
  const some = counted.limits ?? (paced || (counted.concurrent ?? counted.holdAfter) === undefined ? [[3, '2s']] : []);
  const bursts = counted.counting === 'rolling' ? { burst: undefined } : {};
  return ruleOf(
    JSON.parse(JSON.stringify({ ...counted, ...act, ...bursts, limits: some.map(([n, per]) => `${n}/${per}`) })),
  );
});

const someRules = fc.uniqueArray(fc.nat(RULES - 1), { minLength: 1, maxLength: 5 });
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('take' as const),
      call: fc.oneof(fc.nat(5), fc.integer({ min: 6, max: 1_000_000 })),
      rules: someRules,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('peek' as const), rules: someRules }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('tick' as const),
      ms: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 0, max: 900 }) },
        { weight: 2, arbitrary: fc.integer({ min: 900, max: 30_000 }) },
        { weight: 2, arbitrary: fc.constantFrom(1000, 2000, 3000, 10_000, 60_000, RECORD_MS) },
        { weight: 1, arbitrary: fc.constantFrom(3_600_000, 400 * 86_400_000) },
      ),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('give back', 'return', 'end', 'hold'), which: fc.nat(30) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const tally = { taken: 0, refused: 0, counted: 0, later: 0, freedOrEnded: 0, held: 0 };

async function play(rules: readonly Rule[], steps: readonly Step[]): Promise<void> {
  let nowMs = BEGINS_MS;
  const keys = createKeys({ prefix: `m${randomBytes(6).toString('hex')}`, tenant: 't' });
  const store = createMemoryLimitStore({ clock: { now: () => nowMs as EpochMs } });
  const packers = rules.map((_, at) => createChargePacker(tenantOf(keys, at), () => LEASE_SECONDS));
  const records = new Map<string, number>();
  const given: { readonly receipt: Receipt; readonly stored: readonly Stored[]; readonly callKey: string }[] = [];

  const chargesOf = (chosen: readonly number[]) =>
    chosen.flatMap((at) => {
      const [own, packer] = [rules[at], packers[at]];
      if (own === undefined || packer === undefined) return [];
      return own.counts.map((count) => {
        const charge: Charge = { rule: own, subject: { kind: 'system', id: '' }, count, demand: demandOf(own, count) };
        return { charge, packed: packer.pack(charge) };
      });
    });

  const ask = async (call: string | undefined, chosen: readonly number[]): Promise<void> => {
    const both = chargesOf(chosen);
    const charges = both.map(({ charge }) => charge);
    const payer = { callId: call ?? '', destination: '1' };
    const callKey = keys.call(payer.callId, payer.destination);
    const recordBefore = await redis.getBuffer(callKey);
    const reply = await takeLimits(redis, {
      callKey,
      charges: both.map(({ packed }) => packed),
      nowMs,
      deadlineMs: 0,
      recordSeconds: call === undefined ? 0 : RECORD_MS / 1000,
    });
    if (reply.status === 'late') throw new Error('no deadline was given');
    const expected = { outcome: reply.status, at: nowMs, readings: readingsOf(charges, reply.charges, nowMs) };
    if (call === undefined) {
      expect(await store.peek(charges, undefined, 0)).toEqual(expected);
      return;
    }
    const { receipt, ...answer } = await store.take(payer, charges, 0);
    expect(answer).toEqual(expected);
    tally[reply.status] += 1;
    for (const { state } of reply.charges) if (state === 'counted' || state === 'later') tally[state] += 1;
    if (reply.status === 'refused') {
      expect(receipt.items).toEqual([]);
      return;
    }
    const record = await redis.getBuffer(callKey);
    if (record !== null && (recordBefore === null || !record.equals(recordBefore)))
      records.set(callKey, nowMs + RECORD_MS);
    const stored = both.flatMap(({ charge, packed }, at): Stored[] => {
      const taken = reply.charges[at];
      if (taken === undefined || taken.state === 'counted') return [];
      if (charge.count.kind === 'concurrent' && taken.after[0] === taken.before[0]) return [];
      return [{ packed, taken }];
    });
    expect(receipt.items.map((item) => item['taken'])).toEqual(stored.map(({ taken }) => taken));
    given.push({ receipt, stored, callKey });
  };

  for (const each of steps) {
    if (each.kind === 'tick') {
      nowMs += each.ms;
      for (const [key, untilMs] of records) if (untilMs < nowMs && records.delete(key)) await redis.del(key);
      continue;
    }
    if (each.kind === 'take' || each.kind === 'peek') {
      await ask(each.kind === 'take' ? String(each.call) : undefined, each.rules);
      continue;
    }
    const one = given[each.which % Math.max(1, given.length)];
    if (one === undefined) continue;
    const { receipt, stored, callKey } = one;
    tally.freedOrEnded += 1;
    switch (each.kind) {
      case 'give back':
      case 'return': {
        const needsRecord = each.kind === 'give back';
        const charges = stored
          .filter(({ packed }) => packed.kind !== 'hold')
          .map(({ packed, taken }) => ({ packed, taken: takenNumber(packed, taken) }));
        await returnLimits(redis, { callKey, charges, needsRecord });
        await (needsRecord ? store.giveBack(receipt) : store.returnItems(receipt));
        break;
      }
      case 'end': {
        const leases = stored.filter(({ packed }) => packed.kind === 'leases').map(({ packed }) => packed.key);
        if (leases.length > 0) await keepLeases(redis, { callKey, keys: leases, seconds: 0 });
        await store.end(receipt);
        break;
      }
      case 'hold': {
        const at = Buffer.alloc(6);
        at.writeUIntLE(nowMs, 0, 6);
        // As beginHold, which takes the server's time.
        for (const { packed } of stored) if (packed.kind === 'hold') await redis.set(packed.key, at);
        tally.held += stored.filter(({ packed }) => packed.kind === 'hold').length;
        await store.beginHold(receipt.items, 'answered');
        break;
      }
      default:
        each satisfies never;
    }
  }
  await ask(
    undefined,
    rules.map((_, at) => at),
  );
}

interface Stored {
  readonly packed: PackedCharge;
  readonly taken: TakenCharge;
}

/** The rules of a history have all the same id. */
const tenantOf = (keys: ReturnType<typeof createKeys>, at: number): typeof keys => ({
  ...keys,
  bucket: (rule, generation, subject) => keys.bucket(`${rule}${at}`, generation, subject),
  ring: (rule, generation, subject) => keys.ring(`${rule}${at}`, generation, subject),
  places: (rule, generation, subject) => keys.places(`${rule}${at}`, generation, subject),
  leases: (rule, generation, subject) => keys.leases(`${rule}${at}`, generation, subject),
  hold: (rule, generation, subject, outcome) => keys.hold(`${rule}${at}`, generation, subject, outcome),
});

/** As the gate has it. */
function demandOf({ action, mode }: Rule, { kind }: Charge['count']): Demand {
  if (action.demand === 'paced' && kind === 'limits') return mode === 'shadow' ? 'paced-shadow' : 'paced';
  if (mode === 'shadow') return 'shadow';
  return action.demand === 'lenient' ? 'lenient' : 'required';
}

test('a history of calls gets the same answers in memory and in Redis, whatever its rules count', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(rule, { minLength: RULES, maxLength: RULES }),
      fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }),
      play,
    ),
    { seed, numRuns: 800 },
  );
  console.log(`memory-limit-store: ${JSON.stringify(tally)}`);
  expect(tally.refused / (tally.refused + tally.taken)).toBeGreaterThan(0.2);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(200);
});
