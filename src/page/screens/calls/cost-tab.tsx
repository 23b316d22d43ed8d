/** What is used of each budget of money and minutes. */
import type { ReactNode } from 'react';
import type { SpendReport } from '../../../api/spend-routes.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatMoney } from '../../parts/format.ts';
import { Empty, Shown } from '../../parts/states.tsx';
import { callTexts } from '../../texts/calls.ts';

const texts = callTexts.cost;
type Budget = SpendReport['budgets'][number];

export const amountIn = (currency: string | null, kind: Budget['kind'], amount: number): string =>
  kind === 'minutes'
    ? texts.minutes(String(Math.round(amount)))
    : currency === null
      ? amount.toFixed(2)
      : formatMoney(amount, currency);

export const shareOf = ({ used, of }: Pick<Budget, 'used' | 'of'>): number => Math.min(1, of === 0 ? 1 : used / of);

/** How full something is; the figures stand beside it. */
export const ShareBar = ({ share }: { readonly share: number }): ReactNode => (
  <svg className="share-bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden>
    <rect width="100" height="6" className="share-of" />
    <rect width={100 * share} height="6" className="share-used" />
  </svg>
);

const columnsIn = (currency: string | null): readonly Column<Budget>[] => [
  { id: 'rule', header: callTexts.rule, cell: ({ name }) => name },
  { id: 'whose', header: texts.whose, cell: ({ subject }) => subject },
  { id: 'used', header: texts.used, isNumber: true, cell: ({ kind, used }) => amountIn(currency, kind, used) },
  { id: 'of', header: texts.of, isNumber: true, cell: ({ kind, of }) => amountIn(currency, kind, of) },
  {
    id: 'share',
    header: texts.share,
    cell: (budget) => (
      <span className="calls-share">
        <ShareBar share={shareOf(budget)} />
        <span className="number">{Math.round(100 * shareOf(budget))} %</span>
      </span>
    ),
  },
  { id: 'limit', header: texts.limit, cell: ({ limit }) => <span className="mono">{limit}</span> },
  {
    id: 'level',
    header: texts.whenReached,
    cell: ({ level, isShadow }) => (isShadow ? texts.shadow : texts[level]),
  },
];
const keyOf = ({ rule, subject, limit, level }: Budget): string => `${rule} ${subject} ${limit} ${level}`;

export function CostTab(): ReactNode {
  const found = useApi<SpendReport>('spend', { everyMs: 10_000 });
  return (
    <Shown found={found}>
      {({ currency, budgets }) => (
        <div className="stack">
          <p className="muted">{currency === null ? texts.noSheet : texts.currency(currency)}</p>
          <DataTable
            name={texts.name}
            columns={columnsIn(currency)}
            rows={budgets}
            keyOf={keyOf}
            nameOf={({ name, subject }) => `${name} ${subject}`}
            phone={(budget) => ({
              title: budget.name,
              aside: `${amountIn(currency, budget.kind, budget.used)} / ${amountIn(currency, budget.kind, budget.of)}`,
              detail: `${budget.subject} · ${budget.isShadow ? texts.shadow : texts[budget.level]}`,
            })}
            empty={<Empty>{texts.empty}</Empty>}
          />
        </div>
      )}
    </Shown>
  );
}
