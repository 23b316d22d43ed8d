/**
 * What Prometheus reads: every series is named here or in a file beside this, and in docs/metrics.md.
 *
 * Guarantees
 * - Bounded: labels are rules (200 of them, see rule-meter.ts), parts, and words that stand in this program; never a
 *   number, an address or an extension.
 * - A scrape asks neither the store nor Asterisk, so it answers the same while they are away.
 * - A call pays for plain additions; the rest is done when somebody asks.
 *
 * Refuses to know who may ask.
 */
import { Histogram, Registry } from 'prom-client';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { Clock } from '../clock.ts';
import type { Policy } from '../policy/policy.ts';
import { type Decided, decisionMetrics } from './decision-metrics.ts';
import { defenceMetrics } from './defence-metrics.ts';
import { holdMetrics } from './hold-metrics.ts';
import { createLatencies, type Latency } from './latencies.ts';
import { partMetrics } from './part-metrics.ts';
import { processMetrics } from './process-metrics.ts';

/** Parts that are asked when somebody scrapes. */
export type MeasuredParts = Omit<Parameters<typeof partMetrics>[1], 'clock'> &
  Omit<Parameters<typeof defenceMetrics>[1], 'clock'> & {
    readonly desk: Pick<ApprovalDesk, 'onOpened' | 'onSettled'>;
  };

export interface Metrics {
  /** Counts one decision. Never throws. */
  readonly decided: Decided;
  /** A connection to the store answered a PING. */
  readonly pinged: (connection: string, tookMs: number) => void;
  /** Of the last hour, of this daemon: from the arrival of a request to its verdict, and of the store to a PING. */
  readonly latency: () => { readonly decisions: Latency; readonly store: Latency };
  /** Once, when all parts are there. */
  readonly watch: (parts: MeasuredParts) => void;
  /** In the text format of Prometheus, version 0.0.4. */
  readonly render: () => Promise<{ readonly contentType: string; readonly text: string }>;
  readonly close: () => void;
}

const PING_SECONDS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];

export function createMetrics(deps: {
  readonly policy: () => Policy;
  readonly node: string;
  readonly clock: Clock;
}): Metrics {
  const { clock, node } = deps;
  const register = new Registry();
  const decided = decisionMetrics(register, deps);
  const [decisionTimes, pingTimes] = [createLatencies(clock), createLatencies(clock)];
  const pings = new Histogram({
    name: 'tollgate_store_ping_seconds',
    help: 'How long the store took to answer a PING, one a second, by connection.',
    labelNames: ['connection'],
    buckets: PING_SECONDS,
    registers: [register],
  });
  const stops = [processMetrics(register)];
  let rendering: Promise<string> | undefined;
  return {
    decided: (decision, outcome) => {
      decided(decision, outcome);
      decisionTimes.add(decision.tookMs);
    },
    pinged: (connection, tookMs) => {
      pings.observe({ connection }, tookMs / 1000);
      pingTimes.add(tookMs);
    },
    latency: () => ({ decisions: decisionTimes.read(), store: pingTimes.read() }),
    watch: (parts) => {
      partMetrics(register, { ...parts, clock });
      defenceMetrics(register, { ...parts, clock });
      stops.push(holdMetrics(register, { desk: parts.desk, node, clock }));
    },
    render: async () => {
      // Many who ask at once cost as much as one.
      rendering ??= register.metrics().finally(() => {
        rendering = undefined;
      });
      return { contentType: register.contentType, text: await rendering };
    },
    close: () => {
      for (const stop of stops) stop();
    },
  };
}
