/**
 * Decided calls as metrics: verdicts by layer and by rule, how long a decision took, what became of the answer.
 *
 * What runs for each call adds to plain numbers, and to one histogram without labels; `npm run bench -- --only metrics`
 * says what that costs.
 */
import { Histogram, type Registry } from 'prom-client';
import type { DeliveryOutcome } from '../asterisk/agi-connection.ts';
import type { Clock } from '../clock.ts';
import type { Decision } from '../gate/gate.ts';
import { VERDICTS, type VerdictName } from '../policy/actions/action.ts';
import type { Policy } from '../policy/policy.ts';
import { LAYERS, type Layer } from '../policy/verdict.ts';
import { byName, counter, gauge, type Sample } from './collected.ts';
import { createRuleMeter } from './rule-meter.ts';

/** Counts one decision. Never throws. */
export type Decided = (
  decision: Pick<Decision, 'at' | 'verdict' | 'findings' | 'store' | 'tookMs'>,
  outcome: DeliveryOutcome,
) => void;

/** What each layer can answer, so that its counts begin at 0 and not at their first call. */
const VERDICTS_OF: Readonly<Record<Layer, readonly VerdictName[]>> = {
  emergency: ['allow'],
  registration: ['block'],
  allowlist: ['allow'],
  ban: ['block'],
  country: ['block'],
  lock: ['block'],
  rules: VERDICTS,
};

/** From half a millisecond to the longest `agi.deadlineMs`. */
const DECISION_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export function decisionMetrics(
  register: Registry,
  deps: { readonly policy: () => Policy; readonly clock: Pick<Clock, 'now'> },
): Decided {
  const byLayer = new Map(
    LAYERS.map((layer) => [layer, new Map(VERDICTS_OF[layer].map((verdict): [VerdictName, number] => [verdict, 0]))]),
  );
  const outcomes: Record<DeliveryOutcome, number> = { delivered: 0, 'hung-up': 0, failed: 0 };
  const rules = createRuleMeter(deps.policy);
  let withoutStore = 0;

  counter(register, {
    name: 'tollgate_decisions_total',
    help: 'Decided calls, by the layer that decided and the verdict.',
    labelNames: ['layer', 'verdict'],
    read: () =>
      [...byLayer].flatMap(([layer, verdicts]) =>
        [...verdicts].map(([verdict, value]): Sample => ({ labels: { layer, verdict }, value })),
      ),
  });
  counter(register, {
    name: 'tollgate_rule_verdicts_total',
    help: 'Calls that this rule decided, by its action and the verdict.',
    labelNames: ['rule', 'action', 'verdict'],
    read: () =>
      rules
        .read(deps.clock.now())
        .flatMap(({ rule, verdicts }) =>
          verdicts.map(({ action, verdict, count: value }): Sample => ({ labels: { rule, action, verdict }, value })),
        ),
  });
  counter(register, {
    name: 'tollgate_rule_shadow_verdicts_total',
    help: 'Calls that this rule in shadow would have decided, by the verdict.',
    labelNames: ['rule', 'verdict'],
    read: () =>
      rules
        .read(deps.clock.now())
        .flatMap(({ rule, shadow }) =>
          [...shadow].map(([verdict, value]): Sample => ({ labels: { rule, verdict }, value })),
        ),
  });
  gauge(register, {
    name: 'tollgate_rule_used_ratio',
    help: 'How much of the fullest limit of this rule was used after a call of the last one to two minutes; 1 is all.',
    labelNames: ['rule', 'counts'],
    read: () =>
      rules
        .read(deps.clock.now())
        .flatMap(({ rule, used }) => [...used].map(([counts, value]): Sample => ({ labels: { rule, counts }, value }))),
  });
  counter(register, {
    name: 'tollgate_decisions_without_store_total',
    help: 'Calls that were decided by whenStoreFails.',
    read: () => withoutStore,
  });
  counter(register, {
    name: 'tollgate_answers_total',
    help: 'Answers to the dialplan, by what became of them.',
    labelNames: ['outcome'],
    read: () => byName('outcome', outcomes),
  });
  const seconds = new Histogram({
    name: 'tollgate_decision_duration_seconds',
    help: 'From the arrival of a request to its verdict.',
    buckets: DECISION_SECONDS,
    registers: [register],
  });

  return (decision, outcome) => {
    const { layer, name } = decision.verdict;
    const verdicts = byLayer.get(layer);
    verdicts?.set(name, (verdicts.get(name) ?? 0) + 1);
    outcomes[outcome] += 1;
    if (decision.store === 'failed') withoutStore += 1;
    seconds.observe(decision.tookMs / 1000);
    rules.decided(decision);
  };
}
