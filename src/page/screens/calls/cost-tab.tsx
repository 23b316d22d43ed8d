/** What calls cost: budgets that are used now, and what those that are over came to, as far back as it is kept. */
import { Button, NativeSelect } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { CostReport } from '../../../api/cost-routes.ts';
import type { SpendReport } from '../../../api/spend-routes.ts';
import { withQuery } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount, formatDuration, formatMoney } from '../../parts/format.ts';
import { Empty, Shown } from '../../parts/states.tsx';
import { callTexts } from '../../texts/calls.ts';
import { formatDay } from './call-words.ts';

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

const usedOf = (currency: string | null, { kind, used, of }: Budget): string =>
  texts.usedOf(amountIn(currency, kind, used), amountIn(currency, kind, of));

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

const BY = ['day', 'extension', 'group', 'trunk', 'country'] as const;
type By = (typeof BY)[number];
const isBy = (text: string): text is By => BY.some((each) => each === text);
type Sum = CostReport['rows'][number] & {
  readonly key: string;
  readonly share: number;
  readonly ceiling: Budget | undefined;
};

export function CostTab(): ReactNode {
  const budgets = useApi<SpendReport>('spend', { everyMs: 10_000 });
  return (
    <div className="stack">
      <History budgets={budgets.data?.budgets ?? []} />
      <section className="stack" aria-labelledby="calls-ceilings">
        <h2 id="calls-ceilings">{texts.ceilings}</h2>
        <Shown found={budgets}>{(report) => <Budgets {...report} />}</Shown>
      </section>
    </div>
  );
}

const Budgets = ({ currency, budgets }: SpendReport): ReactNode => (
  <>
    <p className="muted">{currency === null ? texts.noSheet : texts.currency(currency)}</p>
    <DataTable
      name={texts.name}
      columns={columnsIn(currency)}
      rows={budgets}
      keyOf={keyOf}
      nameOf={({ name, subject }) => `${name} ${subject}`}
      phone={(budget) => ({
        title: budget.name,
        aside: usedOf(currency, budget),
        detail: `${budget.subject} · ${budget.isShadow ? texts.shadow : texts[budget.level]}`,
      })}
      empty={<Empty>{texts.empty}</Empty>}
    />
  </>
);

function History({ budgets }: { readonly budgets: readonly Budget[] }): ReactNode {
  const [givenBy, setBy] = useAddressValue('by');
  const [givenDays, setDays] = useAddressValue('days');
  const by = isBy(givenBy) ? givenBy : 'day';
  const days = givenDays in texts.periods ? givenDays : '31';
  const found = useApi<CostReport>(withQuery('spend/history', { by, days }), { keepsOld: true, everyMs: 30_000 });
  return (
    <section className="stack" aria-labelledby="calls-came-to">
      <h2 id="calls-came-to">{texts.cameTo}</h2>
      <div className="calls-cost-bar">
        <NativeSelect
          label={texts.by}
          value={by}
          onChange={(event) => setBy(event.currentTarget.value)}
          data={BY.map((value) => ({ value, label: texts.kinds[value] }))}
        />
        <NativeSelect
          label={callTexts.patterns.period}
          value={days}
          onChange={(event) => setDays(event.currentTarget.value)}
          data={Object.entries(texts.periods).map(([value, label]) => ({ value, label }))}
        />
        <Button
          component="a"
          href={`/api/v1/${withQuery('spend/history/csv', { by, days })}`}
          download="cost.csv"
          leftSection={<IconDownload size={16} stroke={1.75} />}
        >
          {texts.export}
        </Button>
      </div>
      <Shown found={found}>{(report) => <Sums report={report} budgets={budgets} />}</Shown>
    </section>
  );
}

function Sums({ report, budgets }: { readonly report: CostReport; readonly budgets: readonly Budget[] }): ReactNode {
  const { by, currency, total, rows, from, to, zone, leftOut } = report;
  const measure = ({ cost, talkSeconds }: CostReport['rows'][number]): number =>
    currency === null ? talkSeconds : cost;
  const most = Math.max(...rows.map(measure), 0);
  const sums = rows.map((row, at): Sum => {
    const share = most === 0 ? 0 : measure(row) / most;
    return { ...row, key: `${at} ${row.name}`, share, ceiling: ceilingOf(by, row.name, budgets) };
  });
  const sum = texts.total(formatCount(total.calls), formatDuration(total.talkSeconds * 1000));
  return (
    <>
      <p>
        {sum}
        {currency === null ? '' : `, ${formatMoney(total.cost, currency)}`}
        <span className="muted">
          {' '}
          · {texts.between(formatDay(from), formatDay(to), zone)}
          {leftOut.length === 0 ? '' : ` · ${texts.leftOut(leftOut.join(', '))}`}
        </span>
      </p>
      <DataTable
        name={texts.sums}
        columns={sumColumns(by, currency)}
        rows={sums}
        keyOf={({ key }) => key}
        nameOf={(row) => nameOf(by, row)}
        phone={(row) => ({
          title: nameOf(by, row),
          aside: currency === null ? formatDuration(row.talkSeconds * 1000) : formatMoney(row.cost, currency),
          detail: [
            texts.total(formatCount(row.calls), formatDuration(row.talkSeconds * 1000)),
            ...(row.ceiling === undefined ? [] : [usedOf(currency, row.ceiling)]),
          ].join(' · '),
        })}
        empty={<Empty>{texts.noneOver}</Empty>}
      />
    </>
  );
}

const nameOf = (by: By, { name, label }: CostReport['rows'][number]): string =>
  by === 'day' ? formatDay(name) : name === '*' ? texts.others : label === null ? name : `${name} ${label}`;

/** The fullest budget of what a row is about: all calls together on a day are those of the whole system. */
const ceilingOf = (by: By, name: string, budgets: readonly Budget[]): Budget | undefined =>
  by === 'day' || by === 'country'
    ? undefined
    : budgets.find((budget) => budget.per === by && budget.subject === `${by} ${name}`);

const sumColumns = (by: By, currency: string | null): readonly Column<Sum>[] => [
  { id: 'name', header: texts.kinds[by], cell: (row) => nameOf(by, row) },
  { id: 'calls', header: texts.calls, isNumber: true, cell: ({ calls }) => formatCount(calls) },
  { id: 'talk', header: texts.talk, isNumber: true, cell: ({ talkSeconds }) => formatDuration(talkSeconds * 1000) },
  {
    id: 'cost',
    header: texts.column,
    isNumber: true,
    cell: ({ cost }) => (currency === null ? '–' : formatMoney(cost, currency)),
  },
  { id: 'bar', header: texts.compared, cell: ({ share }) => <ShareBar share={share} /> },
  ...(by === 'day' || by === 'country'
    ? []
    : [
        {
          id: 'ceiling',
          header: texts.ceiling,
          cell: ({ ceiling }: Sum) => (ceiling === undefined ? '–' : `${usedOf(currency, ceiling)} (${ceiling.limit})`),
        },
      ]),
];
