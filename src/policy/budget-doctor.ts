/** What the doctor of rules finds of budgets. */
import type { RuleDocument } from './document.ts';
import type { DoctorFinding } from './rule-finding.ts';

export const BUDGET_CHECKS = ['no-rate-sheet'] as const;

type BudgetFinding = DoctorFinding<(typeof BUDGET_CHECKS)[number]>;

/** @param hasRates undefined: nobody knows, and nothing is said of it */
export function diagnoseBudgets(rule: RuleDocument, hasRates: boolean | undefined): readonly BudgetFinding[] {
  if (rule.spend === undefined || hasRates !== false) return [];
  return [
    {
      severity: 'error',
      rule: rule.id,
      check: 'no-rate-sheet',
      what: 'The rule counts money, and there is no rate sheet.',
      why: 'Without one no call has a price, and the rule never acts on what calls cost.',
      command: 'tollgate rates import carrier.csv',
    },
  ];
}
