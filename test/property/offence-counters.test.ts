/** The counts of hostile events on a real Redis against a model that is a list: histories of two daemons, over days. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Offence } from '../../src/bans/offence.ts';
import { createOffenceCounters, networkOf } from '../../src/bans/offence-counters.ts';
import { eventsWithin, othersWithin, totalOf } from '../../src/bans/offence-record.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { createOffenceModel, type ModelCounts, type ModelEvent } from '../model/offences.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`offence-counters: SEED=${seed}`);

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 10, 21, 5, 59, 0);
const address = fc.oneof(
  { weight: 6, arbitrary: fc.constant('203.0.113.1') },
  { weight: 2, arbitrary: fc.constantFrom('203.0.113.2', '198.51.100.9', '2001:db8::1', '2001:db8::2') },
);
const account = fc.constantFrom('1001', '1002', 'a-name-of-more-than-24-characters', 'é');
const service = fc.oneof(
  { weight: 4, arbitrary: fc.constant('sipRegistration' as const) },
  { weight: 1, arbitrary: fc.constantFrom('sipCall' as const, 'web' as const) },
);
const passes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 60_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(299_999, 300_000, 300_001) },
  { weight: 1, arbitrary: fc.integer({ min: HOUR_MS, max: 30 * HOUR_MS }) },
);
const step = fc.oneof(
  {
    weight: 40,
    arbitrary: fc.record({
      what: fc.constant('offence' as const),
      passes,
      node: fc.nat(1),
      service,
      address,
      account,
      /** The attempt before once more: a daemon that has not told of it does, or it happens again in the same millisecond. */
      again: fc.nat(7).map((sides) => sides === 0),
      isCertain: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('success' as const), passes, node: fc.nat(1), service, address, account }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('forget' as const), passes, node: fc.nat(1), service, address }),
  },
);

const offenceOf = (event: ModelEvent): Offence => ({
  at: 0 as EpochMs,
  service: event.service,
  kind: 'wrong-password',
  address: event.address,
  port: 5062,
  attackedPort: 5060,
  transport: 'udp',
  account: event.account,
  session: event.id,
  isSpoofable: !event.isCertain,
  source: 'pbx1',
});

test('two daemons together count exactly what one list of all events counts, whatever is forgiven in between', async () => {
  let known = 0;
  let seen = 0;
  let full = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 250, size: 'max' }), async (steps) => {
      let now = START;
      const keys = createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
      const nodes = [server.client(), server.client()].map((redis) => ({
        redis,
        counters: createOffenceCounters(redis, keys, { now: () => now }),
      }));
      const model = createOffenceModel();
      let attempts = 0;
      let before: ModelEvent | undefined;
      const told = new Map<string, number>();
      for (const each of steps) {
        now += each.passes;
        const { counters } = nodes[each.node] ?? { counters: undefined };
        if (counters === undefined) throw new Error('no such node');
        if (each.what === 'forget') {
          await counters.forget(each.address, each.service);
          model.forget(each.service, each.address);
        } else if (each.what === 'success') {
          await counters.success({ ...each, at: now as EpochMs, transport: 'udp', source: 'pbx1' });
          const services = each.service === 'web' ? (['web'] as const) : (['sipRegistration', 'sipCall'] as const);
          model.success(services, each.address, networkOf(each.address) ?? '', each.account);
        } else {
          const network = networkOf(each.address) ?? '';
          attempts += 1;
          const event: ModelEvent =
            each.again && before !== undefined
              ? { ...before, at: now }
              : { ...each, at: now, id: String(attempts), network };
          before = event;
          const name = `${each.node} ${event.id}`;
          told.set(name, (told.get(name) ?? 0) + 1);
          const isNew = model.offence({ ...event, id: `${event.id}/${told.get(name)}` });
          const readings = await counters.offence(offenceOf(event));
          seen += 1;
          if (!isNew) known += 1;
          expect(readings.isNew).toBe(isNew);
          const at = readings.now;
          if (readings.address.events.length === 30) full += 1;
          const inWindow = eventsWithin(readings.address, at, 300_000);
          expect({
            inWindow: inWindow.length,
            certainInWindow: inWindow.filter(({ isCertain }) => isCertain).length,
            totals: [24, 72, 168].map((hours) => totalOf(readings.address, at, hours)),
            certainTotals: [24, 72, 168].map((hours) => totalOf(readings.address, at, hours, 'certain')),
            accounts: othersWithin(readings.address, at, 24),
            network: [totalOf(readings.network, at, 24), othersWithin(readings.network, at, 24)],
            account: [totalOf(readings.account, at, 24), othersWithin(readings.account, at, 24)],
          } satisfies ModelCounts).toEqual(model.counts(event, 300_000));
        }
      }
      for (const { redis } of nodes) redis.disconnect();
    }),
    { seed, numRuns: 60, interruptAfterTimeLimit: 60_000 },
  );
  // Histories that never repeat an attempt, or never fill a record, would test nothing.
  expect(known / seen).toBeGreaterThan(0.02);
  expect(full / seen).toBeGreaterThan(0.02);
});
