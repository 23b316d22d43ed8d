/** Held calls as metrics. */
import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import type { Approval, Settlement } from '../../../src/approvals/approval.ts';
import type { SettledApproval } from '../../../src/approvals/approval-desk.ts';
import { holdMetrics } from '../../../src/metrics/hold-metrics.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { readExposition, sampleOf } from '../../support/exposition.ts';
import { NOW } from '../../support/policy.ts';

const later = (seconds: number): EpochMs => (NOW + seconds * 1000) as EpochMs;
const held = (id: string, node: string): Approval => ({
  ...{ id, node, decision: 'd', callId: 'c', destination: '1', called: '1', dialled: '1', extension: '1001' },
  ...{ trunk: undefined, rule: 'r', ruleName: 'r', subjects: [], destinationIs: '', because: '', approvedBefore: [] },
  ...{ channel: 'PJSIP/1001-1', uniqueId: '1', openedAt: NOW, expiresAt: later(30) },
  hold: {
    timeoutSeconds: 30,
    otherwise: 'block',
    approvers: 1,
    supervisors: [],
    ring: 'all',
    ringSeconds: 20,
    answer: false,
  },
});

function watched(): {
  readonly opened: (approval: Approval) => void;
  readonly settled: (approval: Approval, settlement: Settlement) => void;
  readonly scrape: (at: EpochMs) => Promise<ReturnType<typeof readExposition>>;
} {
  const register = new Registry();
  let now = NOW;
  const openedListeners: ((approval: Approval) => void)[] = [];
  const settledListeners: ((settled: SettledApproval) => void)[] = [];
  const keep =
    <T>(listeners: T[]) =>
    (listener: T) => {
      listeners.push(listener);
      return () => {};
    };
  const desk = { onOpened: keep(openedListeners), onSettled: keep(settledListeners) };
  holdMetrics(register, { desk, node: 'pbx1', clock: { now: () => now } });
  return {
    opened: (approval) => openedListeners.forEach((listener) => void listener(approval)),
    settled: (approval, settlement) =>
      settledListeners.forEach(
        (listener) => void listener({ approval, settlement, approvers: [], resumedAt: undefined }),
      ),
    scrape: async (at) => {
      now = at;
      return readExposition(await register.metrics());
    },
  };
}

describe('held calls', () => {
  test('are open until they are settled, and counted with how long that took', async () => {
    const { opened, settled, scrape } = watched();
    opened(held('a', 'pbx1'));
    opened(held('b', 'pbx1'));
    expect(sampleOf(await scrape(later(1)), 'tollgate_holds_open')).toBe(2);
    settled(held('a', 'pbx1'), { state: 'approved', at: later(12) });
    const families = await scrape(later(12));
    expect(sampleOf(families, 'tollgate_holds_open')).toBe(1);
    const of = { outcome: 'approved' };
    expect(sampleOf(families, 'tollgate_hold_wait_seconds_sum', of)).toBe(12);
    expect(sampleOf(families, 'tollgate_hold_wait_seconds_bucket', { le: '10', ...of })).toBe(0);
    expect(sampleOf(families, 'tollgate_hold_wait_seconds_bucket', { le: '20', ...of })).toBe(1);
    expect(sampleOf(families, 'tollgate_hold_wait_seconds_count', { outcome: 'expired' })).toBe(0);
  });

  test('of other nodes are theirs, so that the sum over nodes is right', async () => {
    const { opened, settled, scrape } = watched();
    opened(held('a', 'pbx2'));
    settled(held('a', 'pbx2'), { state: 'refused', at: later(5) });
    const families = await scrape(later(6));
    expect(sampleOf(families, 'tollgate_holds_open')).toBe(0);
    expect(sampleOf(families, 'tollgate_hold_wait_seconds_count', { outcome: 'refused' })).toBe(0);
  });

  test('whose end nobody told are not open for ever', async () => {
    const { opened, scrape } = watched();
    opened(held('a', 'pbx1'));
    expect(sampleOf(await scrape(later(89)), 'tollgate_holds_open')).toBe(1);
    expect(sampleOf(await scrape(later(91)), 'tollgate_holds_open')).toBe(0);
  });
});
