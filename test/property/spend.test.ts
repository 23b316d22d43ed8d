/**
 * Money as the scripts count it on a real Redis, as the memory store counts it, and as a naive ledger does: over random
 * calls that overlap, are said again, are lost, are never answered, and over clocks that are set back.
 * `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newKept } from '../../src/gate/memory-counters.ts';
import { spendCounter } from '../../src/gate/memory-spend.ts';
import { SLOTS } from '../../src/policy/spend-window.ts';
import { type TakenCharge, takeLimits } from '../../src/redis/limit-scripts.ts';
import { countSpend, packSpend } from '../../src/redis/spend-script.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';

const seed = runSeed('spend');
const { server, redis } = await startEmptyRedis();

const NOW_MS = 1_795_000_000_123;
const KEY = '{t}m:rule:e1001:spend-hard';

interface LedgerEntry {
  readonly call: number;
  /** By a clock that nobody sets. */
  readonly atMs: number;
  amount: number;
}

/** What each call has cost, and when: everything is kept, nothing is clever. */
function createLedger() {
  const entries: LedgerEntry[] = [];
  const ofCall = (call: number): number => sum(entries.filter((entry) => entry.call === call));
  return {
    ofCall,
    total: () => sum(entries),
    /** Exactly what was spent in the last so many milliseconds. */
    within: (nowMs: number, ms: number) => sum(entries.filter(({ atMs }) => atMs > nowMs - ms)),
    becomes: (call: number, cost: number, atMs: number) => {
      const before = ofCall(call);
      if (cost > before) entries.push({ call, atMs, amount: cost - before });
      else for (const entry of entries) if (entry.call === call) entry.amount = 0;
    },
  };
}
const sum = (entries: readonly LedgerEntry[]): number => entries.reduce((all, { amount }) => all + amount, 0);

const step = fc.record({
  kind: fc.constantFrom('take', 'take', 'take', 'grow', 'grow', 'grow', 'say again', 'over', 'unanswered', 'void'),
  call: fc.nat(7),
  amount: fc.integer({ min: 1, max: 4_000_000 }),
  lenient: fc.boolean(),
  /** Fractions of the period: calls overlap, and some outlive the window. */
  waits: fc.oneof(
    { weight: 8, arbitrary: fc.double({ min: 0, max: 0.1, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1.3, noNaN: true }) },
  ),
  setBack: fc.oneof(
    { weight: 30, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 2, noNaN: true }) },
  ),
});

test('what is counted is what calls cost, to the millionth, on Redis and in memory, whatever is lost or said twice', async () => {
  const tally = { taken: 0, refused: 0, grown: 0, settled: 0, unanswered: 0, setBack: 0, outlived: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 30, maxLength: 80, size: 'max' }),
      fc.constantFrom(1, 60, 3600, 86_400, 31 * 86_400),
      fc.integer({ min: 1, max: 20_000_000 }),
      async (steps, periodSeconds, limit) => {
        await redis.flushall();
        const ledger = createLedger();
        const counter = spendCounter({ count: limit, periodSeconds, text: '' });
        const kept = newKept();
        /** Which run of a caller is under way, and whether it has grown. */
        const live = new Map<number, { readonly id: number; grown: boolean }>();
        let [wallMs, trueMs, runs, wasSetBack] = [NOW_MS, NOW_MS, 0, false];
        const say = async (id: number, what: 'under-way' | 'over' | 'void', amount: number): Promise<void> => {
          const said = { spentKey: `{t}s${id}`, key: KEY, what, amount, limit, periodSeconds };
          const [counted] = await countSpend(redis, [said], wallMs);
          expect(counted?.used).toBe(counter.count(kept, wallMs, { call: `${id}`, what, amount }));
        };
        for (const { kind, call, amount, lenient, waits, setBack } of steps) {
          const passesMs = Math.floor(waits * periodSeconds * 1000);
          trueMs += passesMs;
          wallMs += passesMs - Math.floor(setBack * periodSeconds * 1000);
          if (setBack > 0) [wasSetBack, tally.setBack] = [true, tally.setBack + 1];
          const known = live.get(call);
          const cost = known === undefined ? 0 : ledger.ofCall(known.id);
          if (kind === 'take' && known === undefined) {
            const id = runs++;
            const charge = packSpend(lenient ? 'lenient' : 'required', KEY, {
              limit,
              amount,
              periodSeconds,
              spentKey: `{t}s${id}`,
            });
            const options = {
              callKey: `{t}c${id}`,
              charges: [charge],
              nowMs: wallMs,
              deadlineMs: 0,
              recordSeconds: 20,
            };
            const reply = await takeLimits(redis, options);
            if (reply.status === 'late') throw new Error('no deadline was given');
            const seen = counter.look(kept, wallMs, `${id}`, amount);
            const takes = seen.state === 'room' || (seen.state === 'lacking' && lenient);
            const after = takes ? seen.after : seen.before;
            const expected: Partial<TakenCharge> = { state: seen.state, before: seen.before, after };
            expect(reply.charges[0]).toMatchObject(expected);
            expect(reply.charges[0]?.rolling?.roomAtMs).toEqual(seen.roomAtMs);
            expect(reply.status).toBe(takes ? 'taken' : 'refused');
            if (takes) {
              counter.take(kept, wallMs, `${id}`, seen);
              ledger.becomes(id, amount, trueMs);
              live.set(call, { id, grown: false });
              tally.taken += 1;
            } else tally.refused += 1;
          } else if (known !== undefined && kind === 'grow') {
            await say(known.id, 'under-way', cost + amount);
            ledger.becomes(known.id, cost + amount, trueMs);
            known.grown = true;
            tally.grown += 1;
          } else if (known !== undefined && kind === 'say again') {
            // As much as before, or an older, lower figure that was late.
            await say(known.id, 'under-way', Math.max(0, cost - amount));
          } else if (known !== undefined && kind === 'over') {
            await say(known.id, 'over', cost + amount);
            const [again] = await countSpend(
              redis,
              [{ spentKey: `{t}s${known.id}`, key: KEY, what: 'over', amount: cost + amount, limit, periodSeconds }],
              wallMs,
            );
            ledger.becomes(known.id, cost + amount, trueMs);
            expect(again?.used).toBe(counter.look(kept, wallMs, 'another', 1).before[0]);
            live.delete(call);
            tally.settled += 1;
          } else if (known !== undefined && !known.grown && (kind === 'unanswered' || kind === 'void')) {
            await say(known.id, kind === 'void' ? 'void' : 'over', 0);
            ledger.becomes(known.id, 0, trueMs);
            live.delete(call);
            tally.unanswered += 1;
          }
          const used = counter.look(kept, wallMs, 'another', 1).before[0] ?? Number.NaN;
          const periodMs = periodSeconds * 1000;
          // Nothing is forgotten before its time, and nothing is kept much longer.
          expect(used).toBeGreaterThanOrEqual(ledger.within(trueMs, periodMs));
          expect(used).toBeLessThanOrEqual(
            wasSetBack ? ledger.total() : ledger.within(trueMs, periodMs + periodMs / SLOTS + 1),
          );
          if (used < ledger.total()) tally.outlived += 1;
        }
      },
    ),
    { seed, numRuns: 150 },
  );
  for (const [what, count] of Object.entries(tally)) expect(count, what).toBeGreaterThan(20);
});

test('many calls at once never reserve more than the budget, and what they come to is counted once each', async () => {
  const connections = Array.from({ length: 8 }, () => server.client());
  const [limit, amount, periodSeconds] = [10_000_000, 370_000, 86_400];
  const outcomes = await Promise.all(
    Array.from({ length: 400 }, async (_, call) => {
      const charge = packSpend('required', KEY, { limit, amount, periodSeconds, spentKey: `{t}s${call}` });
      const connection = connections[call % 8] ?? redis;
      const reply = await takeLimits(connection, {
        callKey: `{t}c${call}`,
        charges: [charge],
        deadlineMs: 0,
        recordSeconds: 20,
      });
      return reply.status;
    }),
  );
  const out = outcomes.flatMap((status, call) => (status === 'taken' ? [call] : []));
  expect(out).toHaveLength(Math.floor(limit / amount));
  // Each is said by two daemons at the same time, twice.
  const said = out.map((call) => ({
    spentKey: `{t}s${call}`,
    key: KEY,
    what: 'over' as const,
    amount: 100_000 + call,
    limit,
    periodSeconds,
  }));
  await Promise.all(
    connections.map((connection, at) => countSpend(connection, at % 2 === 0 ? said : said.toReversed())),
  );
  const [end] = await countSpend(redis, said.slice(0, 1));
  expect(end?.used).toBe(out.reduce((all, call) => all + 100_000 + call, 0));
});

test('a ceiling that calls under way run into is seen by every node, until it is long past', async () => {
  const said = { spentKey: '{t}s1', key: KEY, what: 'under-way' as const, limit: 1_000_000, periodSeconds: 3600 };
  const [below] = await countSpend(redis, [{ ...said, amount: 1_000_000 }], NOW_MS);
  expect(below).toEqual({ used: 1_000_000, overAtMs: 0 });
  const [over] = await countSpend(redis, [{ ...said, amount: 1_000_001 }], NOW_MS + 5);
  expect(over).toEqual({ used: 1_000_001, overAtMs: NOW_MS + 5 });
  await countSpend(redis, [{ ...said, what: 'over', amount: 900_000 }], NOW_MS + 10);
  const other = { ...said, spentKey: '{t}s2', amount: 10 };
  expect(await countSpend(redis, [other], NOW_MS + 20)).toEqual([{ used: 900_010, overAtMs: NOW_MS + 5 }]);
});

test('a changed period keeps what was spent', async () => {
  const charge = (periodSeconds: number) =>
    packSpend('required', KEY, { limit: 100, amount: 60, periodSeconds, spentKey: '{t}s' });
  const ask = (call: number, periodSeconds: number, nowMs: number) =>
    takeLimits(redis, {
      callKey: `{t}c${call}`,
      charges: [{ ...charge(periodSeconds), spentKey: `{t}s${call}` }],
      nowMs,
      deadlineMs: 0,
      recordSeconds: 20,
    });
  expect(await ask(1, 3600, NOW_MS)).toMatchObject({ status: 'taken' });
  expect(await ask(2, 86_400, NOW_MS + 1000)).toMatchObject({ status: 'refused', charges: [{ before: [60] }] });
});
