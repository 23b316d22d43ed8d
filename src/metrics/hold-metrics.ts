/**
 * Held calls of this node as metrics: how many wait, and how long they waited by how it ended.
 *
 * Every node hears of the holds of all; each counts its own, so that the sum over nodes is right.
 */
import { Histogram, type Registry } from 'prom-client';
import { SETTLED } from '../approvals/approval.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { Clock } from '../clock.ts';
import type { EpochMs } from '../policy/call.ts';
import { gauge } from './collected.ts';

const WAITED_SECONDS = [1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 300, 600];
/** Whose end was not heard of within this is not waiting any more: every hold has an end, which is known at its start. */
const OVERDUE_MS = 60_000;

/** @returns how to stop */
export function holdMetrics(
  register: Registry,
  deps: {
    readonly desk: Pick<ApprovalDesk, 'onOpened' | 'onSettled'>;
    readonly node: string;
    readonly clock: Pick<Clock, 'now'>;
  },
): () => void {
  const { desk, node, clock } = deps;
  const open = new Map<string, EpochMs>();
  gauge(register, {
    name: 'tollgate_holds_open',
    help: 'Held calls of this node that wait for a decision.',
    read: () => {
      const now = clock.now();
      for (const [id, expiresAt] of open) if (expiresAt + OVERDUE_MS < now) open.delete(id);
      return open.size;
    },
  });
  const waited = new Histogram({
    name: 'tollgate_hold_wait_seconds',
    help: 'How long held calls of this node waited, by how it ended.',
    labelNames: ['outcome'],
    buckets: WAITED_SECONDS,
    registers: [register],
  });
  for (const outcome of SETTLED) waited.zero({ outcome });
  const stops = [
    desk.onOpened((approval) => {
      if (approval.node === node) open.set(approval.id, approval.expiresAt);
    }),
    desk.onSettled(({ approval, settlement }) => {
      if (approval.node !== node) return;
      open.delete(approval.id);
      waited.observe({ outcome: settlement.state }, Math.max(0, settlement.at - approval.openedAt) / 1000);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}
