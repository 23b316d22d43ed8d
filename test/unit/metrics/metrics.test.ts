/** What a scrape costs, and what it does not wait for. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { FirewallCounters } from '../../../src/bans/firewall/firewall.ts';
import type { FirewallState } from '../../../src/bans/firewall-service.ts';
import { systemClock } from '../../../src/clock.ts';
import { defenceMetrics } from '../../../src/metrics/defence-metrics.ts';
import { createMetrics } from '../../../src/metrics/metrics.ts';
import { readExposition, sampleOf } from '../../support/exposition.ts';
import { NOW, policyOf } from '../../support/policy.ts';

describe('a scrape', () => {
  test('is one for all who ask at once, and a new one for who asks later', async () => {
    const metrics = createMetrics({ policy: () => policyOf({ rules: [] }), node: 'pbx1', clock: systemClock });
    try {
      const [one, other] = await Promise.all([metrics.render(), metrics.render()]);
      expect(one.text).toBe(other.text);
      metrics.pinged('decisions', 1);
      expect((await metrics.render()).text).toContain('tollgate_store_ping_seconds_count{connection="decisions"} 1');
    } finally {
      metrics.close();
    }
  });

  test('does not wait for the counts of the kernel, and asks for them no oftener than it can bear', async () => {
    const register = new Registry();
    let nowMs = 0;
    const asked: ((packets: number) => void)[] = [];
    const none = { packets: 0, bytes: 0 };
    const dropped = { banned: none, blocked: none, flood: none, portal: none, isolated: none, leaving: none };
    const limited = { connections: none, new_connections: none, packets: none };
    const state: FirewallState = {
      ...{ backend: 'nftables', inForce: true, drift: 0, lastDrift: undefined, lastCheckAt: NOW, since: NOW },
      ...{ lastFullCheckAt: NOW, waitsForBans: false, unusable: [], problem: undefined },
    };
    const counters = (): Promise<FirewallCounters> =>
      new Promise((resolve) => {
        asked.push((packets) =>
          resolve({
            dropped: { ...dropped, banned: { packets, bytes: 0 } },
            ...{ limited, bans: new Map(), allowed: new Map(), blocked: [] },
          }),
        );
      });
    const attacks = { waiting: 0, counted: 0, lost: 0, bans: 0, problem: undefined, since: NOW };
    defenceMetrics(register, {
      bans: { all: () => [] },
      defence: { state: () => ({ ...attacks, enabled: true, peers: 0, silent: [] }) },
      firewall: { state: () => state, counters },
      registrations: {
        state: () => ({ restricted: 0, removed: 0, unproven: 0, last: undefined, problem: '' }),
      },
      clock: { monotonicMs: () => nowMs },
    });
    const packets = async (atMs: number): Promise<number | undefined> => {
      nowMs = atMs;
      const families = readExposition(await register.metrics());
      return sampleOf(families, 'tollgate_firewall_dropped_packets_total', { reason: 'banned' });
    };
    expect(await packets(0)).toBeUndefined();
    expect(await packets(500)).toBeUndefined();
    expect(asked).toHaveLength(1);
    nowMs = 1000;
    asked[0]?.(7);
    await nextTurn();
    expect(await packets(50_000)).toBe(7);
    expect(asked).toHaveLength(1);
    expect(await packets(51_001)).toBe(7);
    expect(asked).toHaveLength(2);
  });
});
