/** What is told live: its kinds, and a call as short as a list of calls needs it. */
import type { DecisionReport } from '../gate/report.ts';
import { wouldHaveActed } from '../gate/shadow-report.ts';

/**
 * - `call`: a decision; `approval`: one was opened, seconded or settled; `ban`: one was made, changed or ended;
 *   `alert`: an incident changed; `rule`: the policy changed; `health`: a part of a node went down or came back;
 *   `firewall`: portal, isolation, or a change that waits for its confirmation; `lock`: an extension was locked or freed;
 *   `allowlist` and `settings`: they changed.
 * - `resync`: something was not told; whoever shows lists reads them again.
 */
export const EVENT_TYPES = [
  'call',
  'approval',
  'ban',
  'alert',
  'rule',
  'health',
  'firewall',
  'lock',
  'allowlist',
  'settings',
  'resync',
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

export interface LiveEvent {
  /** Of the stream in the store: `1763719200000-0`. Later ones compare greater, see {@link isLater}. */
  readonly id: string;
  readonly type: EventType;
  /** JSON. */
  readonly data: string;
}

export const EVENT_ID = /^\d{1,16}-\d{1,10}$/;

/** Whether one id of the stream is later than another. */
export function isLater(id: string, than: string): boolean {
  const [ms = 0, count = 0] = id.split('-').map(Number);
  const [otherMs = 0, otherCount = 0] = than.split('-').map(Number);
  return ms === otherMs ? count > otherCount : ms > otherMs;
}

/** A decision without its findings. */
export interface CallEvent extends Omit<DecisionReport, 'findings' | 'rulesNotListed' | 'tookMs' | 'storeProblem'> {
  /** Rules in shadow that would have acted. */
  readonly shadow: readonly string[];
}

export function callEvent(decision: DecisionReport): CallEvent {
  const { findings, rulesNotListed: _, tookMs: __, storeProblem: ___, ...rest } = decision;
  const inShadow = findings.filter(({ mode, applies }) => applies && mode === 'shadow').map(({ rule }) => rule);
  return { ...rest, shadow: inShadow.filter((rule) => wouldHaveActed(decision, rule)) };
}
