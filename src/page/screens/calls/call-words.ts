/** What became of a call, in words. Pure. */
import type { CallEnd, HoldEnd } from '../../../gate/call-sequels.ts';
import type { DecisionReport } from '../../../gate/report.ts';
import { formatActor, formatMoney } from '../../parts/format.ts';
import { approvalTexts } from '../../texts/approvals.ts';
import { callTexts } from '../../texts/calls.ts';

/** By the rate sheet; a call that nobody answered cost nothing. */
export const costOf = ({ cost, currency }: CallEnd): string =>
  cost === null || currency === null ? '–' : formatMoney(cost, currency);

/** `Approved by dana`. */
export function holdOf({ state, by }: HoldEnd): string {
  const word = approvalTexts.states[state as keyof typeof approvalTexts.states] ?? state;
  return by === null ? word : callTexts.why.heldBy(word, formatActor(by));
}

/** In their order; where the call went on to one that another decision let it go over, that one last. */
export function trunksOf({ trunk, trunksTried, end }: Pick<DecisionReport, 'trunk' | 'trunksTried' | 'end'>): string {
  const tried = trunksTried.length === 0 && trunk !== null ? [trunk] : trunksTried;
  const all = end === null || end.trunk === null || tried.at(-1) === end.trunk ? tried : [...tried, end.trunk];
  return all.length === 0 ? '–' : all.join(' → ');
}

const days = new Intl.DateTimeFormat('en-GB', { timeZone: 'UTC', weekday: 'short', day: 'numeric', month: 'short' });
/** `Thu 19 Nov`. @param day `2026-11-19`, of any time zone */
export const formatDay = (day: string): string => days.format(Date.parse(day)).replace(',', '');
