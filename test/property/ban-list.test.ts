/** The ban list on a real Redis against a model that is a plain map: histories of bans and lifts on two nodes. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BanList, type BanRequest, openBanList } from '../../src/bans/ban-list.ts';
import { systemClock } from '../../src/clock.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { runSeed, startEmptyRedis } from '../support/property.ts';
import { keptLog } from '../support/silent-log.ts';

const seed = runSeed('ban-list');
const { server } = await startEmptyRedis();

interface ModelBan {
  readonly origin: 'manual' | 'automatic';
  readonly reason: string;
  /** In hours from now; 0: for ever. Hours do not pass in a test. */
  readonly hours: number;
  readonly offences: number;
  readonly times: number;
}

const address = fc.constantFrom('203.0.113.1', '203.0.113.2', '203.0.113.0/24', '2001:db8::/64', '2001:db8::7');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      node: fc.nat(1),
      address,
      manual: fc.boolean(),
      hours: fc.nat(3),
      offences: fc.nat(5),
      permanentAfter: fc.nat(3),
      reason: fc.constantFrom('a', 'b\nc', '"quoted" \\ é'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lift' as const), node: fc.nat(1), address }) },
);

function play(
  bans: Map<string, ModelBan>,
  times: Map<string, number>,
  each: typeof step extends fc.Arbitrary<infer Step> ? Step : never,
): void {
  if (each.kind === 'lift') {
    bans.delete(each.address);
    return;
  }
  const before = bans.get(each.address);
  if (before === undefined) {
    const count = (times.get(each.address) ?? 0) + 1;
    times.set(each.address, count);
    const forEver = each.hours === 0 || (each.permanentAfter > 0 && count > each.permanentAfter);
    const { reason, offences } = each;
    bans.set(each.address, {
      origin: each.manual ? 'manual' : 'automatic',
      reason,
      offences,
      times: count,
      hours: forEver ? 0 : each.hours,
    });
    return;
  }
  const offences = before.offences + each.offences;
  if (each.manual) {
    bans.set(each.address, { ...before, origin: 'manual', reason: each.reason, offences, hours: each.hours });
  } else {
    const later = before.hours === 0 || each.hours === 0 ? 0 : Math.max(before.hours, each.hours);
    bans.set(each.address, { ...before, offences, hours: later });
  }
}

const HOUR_MS = 3_600_000;
const seen = (bans: BanList): Record<string, ModelBan> =>
  Object.fromEntries(
    [...bans.all()].map((ban) => [
      ban.address,
      {
        origin: ban.origin,
        reason: ban.reason,
        hours: ban.until === null ? 0 : Math.round((ban.until - Date.now()) / HOUR_MS),
        offences: ban.offences,
        times: ban.timesBanned,
      },
    ]),
  );

test('after any history every node, and one that starts anew, has the bans of the model, and the changes lead there', async () => {
  const tally = { bans: 0, lifts: 0, forEver: 0, changed: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), async (steps) => {
      const keys = createKeys({ prefix: `p${Math.random().toString(36).slice(2)}`, tenant: 'd' });
      const redis = server.client();
      const open = (): Promise<BanList> =>
        openBanList({
          redis,
          keys,
          clock: systemClock,
          allowed: { covering: () => undefined, overlapping: () => [], onChange: () => () => undefined },
          log: keptLog().log,
          durably: (write) => write(),
        });
      const nodes = [await open(), await open()] as const;
      const [bans, times] = [new Map<string, ModelBan>(), new Map<string, number>()];
      for (const each of steps) {
        const node = each.node === 0 ? nodes[0] : nodes[1];
        if (each.kind === 'lift') {
          const [lifted] = await node.lift([each.address], 'x');
          expect(lifted !== undefined).toBe(bans.has(each.address));
          tally.lifts += lifted === undefined ? 0 : 1;
        } else {
          const known = bans.has(each.address);
          const request: BanRequest = {
            address: each.address,
            service: 'sip',
            origin: each.manual ? 'manual' : 'automatic',
            lastsMs: each.hours === 0 ? null : each.hours * HOUR_MS,
            offences: each.offences,
            permanentAfter: each.permanentAfter,
            reason: each.reason,
            defenceType: 'test',
            by: 'x',
          };
          const answer = await node.add(request);
          const outcome = 'bans' in answer ? answer.bans[0]?.outcome : 'refused';
          expect(known ? ['changed', 'unchanged'] : ['added']).toContain(outcome);
          tally[known ? 'changed' : 'bans'] += 1;
        }
        play(bans, times, each);
        // The node that was asked knows at once.
        expect(seen(node)).toEqual(Object.fromEntries(bans));
      }
      // Nothing to lift: it makes both catch up.
      for (const node of nodes) await node.lift(['192.0.2.1'], 'x');
      const anew = await open();
      for (const node of [...nodes, anew]) expect(seen(node)).toEqual(Object.fromEntries(bans));
      const projection = new Set<string>();
      for (const { what, ban } of nodes[0].changesAfter(0) ?? []) {
        if (what === 'lift' || what === 'expire') projection.delete(ban.address);
        else projection.add(ban.address);
      }
      expect([...projection].sort()).toEqual([...bans.keys()].sort());
      tally.forEver += [...bans.values()].filter(({ hours }) => hours === 0).length;
      for (const node of [...nodes, anew]) node.close();
      redis.disconnect();
    }),
    { seed, numRuns: 200 },
  );
  console.log(`ban-list: ${JSON.stringify(tally)}`);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(100);
});
