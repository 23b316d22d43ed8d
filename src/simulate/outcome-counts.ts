/** What a simulation comes to, in numbers: how many calls met what, which rules refused whom and when, and what changes. */
import type { CallHistory } from './call-history.ts';
import type { Fate, Simulated } from './simulation.ts';

export interface SimulationCounts {
  readonly calls: number;
  readonly allowed: number;
  readonly alerted: number;
  readonly waited: number;
  readonly held: number;
  readonly refused: number;
  /** `refused` again, each time all of it; most first. */
  readonly by: {
    readonly rule: Counts;
    readonly extension: Counts;
    /** On the wall: `2026-11-21T09`. */
    readonly hour: Counts;
  };
}
export type Counts = Readonly<Record<string, number>>;

export interface Change {
  readonly newlyRefused: number;
  readonly newlyAllowed: number;
}
export interface Comparison extends Change {
  readonly by: {
    /** The rule that refuses, of the policy that has it. */
    readonly rule: Readonly<Record<string, Change>>;
    readonly extension: Readonly<Record<string, Change>>;
  };
}

const NO_RULE = 'no rule';

/** @param hourOf the hour of a time on the wall */
export function countOutcomes(
  history: CallHistory,
  simulated: Simulated,
  hourOf: (atMs: number) => string,
): SimulationCounts {
  const totals = { allow: 0, alert: 0, wait: 0, hold: 0, block: 0 };
  const [rule, extension, hour] = [createCounter(), createCounter(), createCounter()];
  for (let call = 0; call < history.calls; call++) {
    const fate = simulated.fateOf(call);
    totals[fate.verdict] += 1;
    if (fate.verdict !== 'block') continue;
    rule.count(fate.rule ?? NO_RULE);
    extension.count(fate.extension);
    hour.count(hourOf(history.startOf(call)));
  }
  return {
    calls: history.calls,
    allowed: totals.allow,
    alerted: totals.alert,
    waited: totals.wait,
    held: totals.hold,
    refused: totals.block,
    by: { rule: rule.counts(), extension: extension.counts(), hour: hour.counts() },
  };
}

/**
 * Which calls one policy lets go out and the other does not.
 *
 * @param goesOut whether a call with that fate leaves: a held one does where supervisors are taken to approve
 */
export function compareOutcomes(
  history: CallHistory,
  before: Simulated,
  after: Simulated,
  goesOut: (fate: Fate) => boolean,
): Comparison {
  const total = { newlyRefused: 0, newlyAllowed: 0 };
  const [rule, extension] = [new Map<string, typeof total>(), new Map<string, typeof total>()];
  for (let call = 0; call < history.calls; call++) {
    const [was, is] = [before.fateOf(call), after.fateOf(call)];
    if (goesOut(was) === goesOut(is)) continue;
    const change = goesOut(was) ? 'newlyRefused' : 'newlyAllowed';
    const refuses = (goesOut(was) ? is : was).rule ?? NO_RULE;
    total[change] += 1;
    for (const [counts, name] of [
      [rule, refuses],
      [extension, is.extension],
    ] as const) {
      const own = counts.get(name) ?? { newlyRefused: 0, newlyAllowed: 0 };
      own[change] += 1;
      counts.set(name, own);
    }
  }
  const sorted = (counts: ReadonlyMap<string, Change>) =>
    Object.fromEntries([...counts].sort(([, one], [, other]) => sum(other) - sum(one)));
  return { ...total, by: { rule: sorted(rule), extension: sorted(extension) } };
}

const sum = ({ newlyRefused, newlyAllowed }: Change): number => newlyRefused + newlyAllowed;

function createCounter() {
  const counted = new Map<string, number>();
  return {
    count: (name: string): void => void counted.set(name, (counted.get(name) ?? 0) + 1),
    counts: (): Counts => Object.fromEntries([...counted].sort(([, one], [, other]) => other - one)),
  };
}
