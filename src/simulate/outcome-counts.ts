/**
 * What a simulation comes to, in numbers: how many calls met what, which rules refused or held whom and when, what it cost,
 * and what changes.
 */
import { MICROS } from '../policy/money.ts';
import type { CallHistory } from './call-history.ts';
import type { Fate, Simulated } from './simulation.ts';

export interface SimulationCounts {
  readonly calls: number;
  readonly allowed: number;
  readonly alerted: number;
  readonly waited: number;
  readonly held: number;
  readonly refused: number;
  /** Of those that went out: ended before their end, by a hard ceiling or a longest duration. */
  readonly cut: number;
  /** `refused` again, each time all of it; most first. */
  readonly by: {
    readonly rule: Counts;
    readonly extension: Counts;
    /** On the wall: `2026-11-21T09`. */
    readonly hour: Counts;
  };
  /** `held` again, each time all of it; most first. */
  readonly heldBy: { readonly rule: Counts; readonly extension: Counts };
  /** Undefined without a rate sheet. */
  readonly money: SimulatedMoney | undefined;
  /** Minutes of talk: as it was, and as it would have been. */
  readonly minutes: { readonly was: number; readonly would: number };
}

/** In units of the currency, to the cent. */
export interface SimulatedMoney {
  readonly currency: string;
  readonly was: number;
  readonly would: number;
  /** `was` less `would`: of calls refused, held and not approved, or ended. */
  readonly saved: number;
  /** `saved` again, by who called; most first. */
  readonly savedOf: Counts;
  /** Answered calls to numbers that the sheet has no prefix of, at the dearest price of their class. */
  readonly unpriced: number;
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
  const [heldByRule, heldOf, saved] = [createCounter(), createCounter(), createCounter()];
  let cut = 0;
  const sums = { was: 0, is: 0, talkedMs: 0, talksMs: 0 };
  for (let call = 0; call < history.calls; call++) {
    const fate = simulated.fateOf(call);
    totals[fate.verdict] += 1;
    if (fate.cut !== undefined) cut += 1;
    const cost = simulated.costOf(call);
    for (const what of SUMMED) sums[what] += cost[what];
    if (cost.was > cost.is) saved.count(fate.extension, cost.was - cost.is);
    if (fate.verdict === 'hold') {
      heldByRule.count(fate.rule ?? NO_RULE);
      heldOf.count(fate.extension);
    }
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
    cut,
    by: { rule: rule.counts(), extension: extension.counts(), hour: hour.counts() },
    heldBy: { rule: heldByRule.counts(), extension: heldOf.counts() },
    money:
      simulated.currency === undefined
        ? undefined
        : {
            currency: simulated.currency,
            was: inUnits(sums.was),
            would: inUnits(sums.is),
            saved: inUnits(sums.was - sums.is),
            savedOf: Object.fromEntries(Object.entries(saved.counts()).map(([who, micros]) => [who, inUnits(micros)])),
            unpriced: simulated.unpriced,
          },
    minutes: { was: inMinutes(sums.talkedMs), would: inMinutes(sums.talksMs) },
  };
}

const SUMMED = ['was', 'is', 'talkedMs', 'talksMs'] as const;
const inUnits = (micros: number): number => Math.round((100 * micros) / MICROS) / 100;
const inMinutes = (ms: number): number => Math.round(ms / 600) / 100;

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
    count: (name: string, by = 1): void => void counted.set(name, (counted.get(name) ?? 0) + by),
    counts: (): Counts => Object.fromEntries([...counted].sort(([, one], [, other]) => other - one)),
  };
}
