import { afterEach, expect, test, vi } from 'vitest';
import type { FirewallCounters } from '../../../src/bans/firewall/firewall.ts';
import { noCounters } from '../../../src/bans/firewall/no-firewall.ts';
import { followKernelHits, type KernelHits } from '../../../src/bans/kernel-hits.ts';

const closers: KernelHits[] = [];
afterEach(() => {
  for (const hits of closers.splice(0)) hits.close();
});

const counted = (bans: Record<string, number>, allowed: Record<string, number>): FirewallCounters => {
  const traffic = (counts: Record<string, number>) =>
    new Map(Object.entries(counts).map(([name, packets]) => [name, { packets, bytes: packets * 60 }]));
  return { ...noCounters(), bans: traffic(bans), allowed: traffic(allowed) };
};

test('an address is hit when its count grew since the last reading; the first reading and a failed one tell nothing', async () => {
  const readings = [
    counted({ a: 7, b: 1 }, { n: 5 }),
    new Error('no nft'),
    counted({ a: 9, b: 1, c: 0 }, { n: 5 }),
    counted({ a: 9, b: 1, c: 2 }, { n: 6 }),
  ];
  let at = 0;
  const [bans, allowed]: [string[], string[]] = [[], []];
  closers.push(
    followKernelHits({
      counters: () => {
        const next = readings[at++] ?? readings.at(-1);
        return next instanceof Error || next === undefined ? Promise.reject(next) : Promise.resolve(next);
      },
      onBan: (address) => bans.push(address),
      onAllowed: (network) => allowed.push(network),
      everyMs: 5,
    }),
  );
  await vi.waitFor(() => expect(at).toBeGreaterThan(5));
  expect([bans, allowed]).toEqual([['a', 'c'], ['n']]);
});
