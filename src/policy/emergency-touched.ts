/**
 * Emergency numbers that a rule means to limit: those that an own list of destinations, which it names, begins.
 *
 * No rule is ever asked about an emergency call, so nothing comes of it but the belief that there is such a limit. Whoever
 * writes one is told. A policy that holds one stays readable: a store must not fail to load for it.
 */
import type { PolicyDocument } from './document.ts';

/** @param rule as it came, read or not */
export function emergencyTouched(
  rule: object,
  { emergencyNumbers, destinations }: Pick<PolicyDocument, 'emergencyNumbers' | 'destinations'>,
): readonly string[] {
  const scope = 'appliesTo' in rule ? rule.appliesTo : undefined;
  const named = typeof scope === 'object' && scope !== null && 'destinations' in scope ? scope.destinations : [];
  const prefixes = (Array.isArray(named) ? named : []).flatMap((id) =>
    typeof id === 'string' && Object.hasOwn(destinations, id) ? (destinations[id]?.prefixes ?? []) : [],
  );
  return emergencyNumbers.filter((number) => prefixes.some((prefix) => number.startsWith(prefix)));
}

/** What is said to whoever would save it. */
export const wouldLimit = (numbers: readonly string[]): string =>
  `would limit ${numbers.join(', ')}; emergency numbers are never limited, so take them out of the destinations`;
