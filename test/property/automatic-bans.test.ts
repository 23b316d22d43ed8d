/** Automatic bans on a real Redis: who is banned when, whatever happens around it. The clock is the test's. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SERVICES } from '../../src/policy/settings.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { autoBan, openTestDefence } from '../support/defence.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`automatic-bans: SEED=${seed}`);

let server: TestRedis;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

const START = Date.UTC(2026, 10, 21, 9, 0, 0);
const MINUTE_MS = 60_000;
const newKeys = () => createKeys({ prefix: `t${Math.random().toString(36).slice(2)}`, tenant: 'd' });
/** So far apart that no detector takes two of them for neighbours. */
const address = fc.nat(3).map((each) => `198.51.${each}.7`);
const NO_DETECTORS = {
  manyAddressesOneAccount: false,
  slowGuessing: false,
  neighbours: false,
  manyAccounts: false,
  scans: false,
  callPatterns: false,
};

test('an address is banned at exactly the attempt that the settings name, whoever else attacks and whichever daemon sees it', async () => {
  let bans = 0;
  const attempt = fc.record({
    address,
    node: fc.nat(1),
    /** In tenths of the window, so that the edges are met. */
    passes: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(0, 1, 7) },
      { weight: 1, arbitrary: fc.constantFrom(99_999, 100_000) },
    ),
    account: fc.constantFrom('1001', '1002', 'admin', undefined),
    kind: fc.constantFrom('wrong-password' as const, 'unknown-account' as const),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 3, max: 10 }),
      fc.integer({ min: 5, max: 60 }),
      fc.constantFrom(...SERVICES),
      fc.array(attempt, { minLength: 20, maxLength: 80, size: 'max' }),
      async (attempts, minutes, service, history) => {
        let now = START;
        const windowMs = minutes * MINUTE_MS;
        const services = { [service]: { attempts, window: `${minutes}m` } };
        const settings = autoBan({ services, detect: NO_DETECTORS });
        const keys = newKeys();
        const open = () => openTestDefence({ server, keys, now: () => now, settings: () => settings });
        const nodes = await Promise.all([open(), open()]);
        const times = new Map<string, number[]>();
        const banned = new Set<string>();
        for (const { address, node, passes, account, kind } of history) {
          now += Math.floor((passes * windowMs) / 100_000);
          await nodes[node]?.offend({ service, address, account, kind });
          if (!banned.has(address)) {
            const recent = [...(times.get(address) ?? []), now].filter((at) => now - at < windowMs);
            times.set(address, recent);
            if (recent.length >= attempts) {
              banned.add(address);
              bans += 1;
              expect(nodes[node]?.bans.get(address)).toMatchObject({ offences: attempts, timesBanned: 1 });
            }
          }
          // The other daemon's picture follows.
          if (banned.size > 0) await Promise.all(nodes.map((each) => each.bans.lift(['192.0.2.1'], 'nobody')));
          expect([...(nodes[node]?.bans.all() ?? [])].map((ban) => ban.address).sort()).toEqual([...banned].sort());
        }
        for (const each of nodes) await each.close();
      },
    ),
    { seed, numRuns: 40, interruptAfterTimeLimit: 60_000 },
  );
  expect(bans).toBeGreaterThan(20);
});

const anyOffence = fc.record({
  address: fc.constantFrom('203.0.113.1', '203.0.113.2', '203.0.113.3', '198.51.100.9', '2001:db8::1', '2001:db8::2'),
  service: fc.constantFrom(...SERVICES),
  account: fc.oneof(fc.constantFrom('1001', '1002'), fc.nat(50).map(String)),
  kind: fc.constantFrom(
    'wrong-password' as const,
    'unknown-account' as const,
    'scan' as const,
    'call-pattern' as const,
  ),
  isSpoofable: fc.boolean(),
  passes: fc.oneof({ weight: 40, arbitrary: fc.nat(1000) }, { weight: 1, arbitrary: fc.constant(6 * 3_600_000) }),
});

test('an allowed address is never banned whatever the offences, and those around it are', async () => {
  const allowed = new Set(['203.0.113.2', '2001:db8::1']);
  let bans = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyOffence, { minLength: 50, maxLength: 200, size: 'max' }), async (history) => {
      let now = START;
      const defence = await openTestDefence({ server, keys: newKeys(), now: () => now, allowed });
      for (const { passes, ...offence } of history) {
        now += passes;
        await defence.offend(offence);
      }
      for (const address of allowed) expect(defence.bans.isBanned(address)).toBe(false);
      bans += defence.bans.size();
      await defence.close();
    }),
    { seed, numRuns: 15, interruptAfterTimeLimit: 60_000 },
  );
  expect(bans).toBeGreaterThan(15);
});

test('a spoofed UDP flood in the name of a trunk never bans it, alone or as part of its network', async () => {
  const trunks = new Set(['203.0.113.2', '2001:db8::1']);
  let bans = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyOffence, { minLength: 50, maxLength: 200, size: 'max' }), async (history) => {
      let now = START;
      const defence = await openTestDefence({ server, keys: newKeys(), now: () => now, trunks });
      for (const { passes, ...offence } of history) {
        now += passes;
        // SIP over UDP; its other doors are no business of a trunk's.
        await defence.offend({ ...offence, service: 'sipRegistration', isSpoofable: true });
      }
      for (const trunk of trunks) expect(defence.bans.isBanned(trunk)).toBe(false);
      bans += defence.bans.size();
      await defence.close();
    }),
    { seed, numRuns: 15, interruptAfterTimeLimit: 60_000 },
  );
  expect(bans).toBeGreaterThan(15);
});
