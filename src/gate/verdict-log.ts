/** One line for each verdict; called numbers are masked unless the configuration says otherwise. */
import type { DeliveryOutcome } from '../asterisk/agi-connection.ts';
import { type Log, maskNumber, maskNumbersIn } from '../log.ts';
import type { Decision } from './gate.ts';

export function verdictLog(
  log: Log,
  numbers: 'masked' | 'full',
): (decision: Decision, outcome: DeliveryOutcome) => void {
  return (decision, outcome) => {
    const { verdict, call } = decision;
    const { number, e164, dialled, isEmergency } = call.destination;
    // Emergency numbers tell nothing about anyone, and their calls must be found at once.
    const inFull = numbers === 'full' || isEmergency;
    const line = {
      decision: decision.id,
      verdict: verdict.name,
      layer: verdict.layer,
      rule: verdict.rule?.id,
      extension: call.extension,
      destination: inFull ? number : maskNumber(number),
      trunk: call.trunk,
      reason: inFull ? verdict.reason : maskNumbersIn(verdict.reason, [e164, dialled, number]),
      tookMs: Math.round(decision.tookMs * 100) / 100,
    };
    if (decision.store === 'failed')
      log.warn({ ...line, storeProblem: decision.storeProblem }, 'verdict without the store');
    else log.info(outcome === 'delivered' ? line : { ...line, outcome }, 'verdict');
  };
}
