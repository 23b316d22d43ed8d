/**
 * `60/1d`: so much money, or so many minutes of talk, in such a period. Parsing, bounds and the words for it.
 *
 * A budget is a limit whose count is not calls but millionths of the currency, or seconds of talk. Whatever a rule's
 * `counting` says, its window rolls: in no period is more spent than the budget, but for what calls under way had begun.
 * What a window is, exactly, stands in spend-window.ts.
 */
import { type Limit, parsePeriod } from './limit.ts';
import { MICROS, parseMoney } from './money.ts';

/** What is counted: `spend` money by the rate sheet, `minutes` talk. */
export const BUDGET_KINDS = ['spend', 'minutes'] as const;
export type BudgetKind = (typeof BUDGET_KINDS)[number];
/** Soft: the action of the rule meets the next call. Hard: no call goes, and those under way are ended. */
export type BudgetLevel = 'soft' | 'hard';

/** Reserved for a call when it goes out, in seconds: talk that is not paid for in increments has none of its own. */
export const FIRST_MINUTES_SECONDS = 60;

const LARGEST = 1_000_000_000;

/**
 * Reads one budget.
 *
 * @returns the limit, its count in the units of its kind, or a sentence that says what is wrong and what is expected.
 */
export function parseBudget(text: string, kind: BudgetKind): Limit | { readonly problem: string } {
  const example = kind === 'spend' ? 'money/period such as 30/1d or 7.50/1h' : 'minutes/period such as 120/1d';
  const [amountText = '', periodText, ...rest] = text.split('/').map((part) => part.trim());
  const period = periodText === undefined ? undefined : parsePeriod(periodText);
  const micros = parseMoney(amountText);
  if (micros === undefined || period === undefined || rest.length > 0) {
    const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
    return { problem: `"${shown}" is not a budget; write ${example}` };
  }
  if ('problem' in period) return { problem: `"${text}" ${period.problem}` };
  const count = kind === 'spend' ? micros : Math.round((micros * 60) / MICROS);
  if (count === 0)
    return { problem: `"${text}" would never let a call pass; to refuse every call leave limits and budgets out` };
  if (micros > LARGEST * MICROS) return { problem: `"${text}" is too large to count exactly; at most ${LARGEST}` };
  return { count, periodSeconds: period.seconds, text: `${amountText}/${period.text}`, unit: kind };
}
