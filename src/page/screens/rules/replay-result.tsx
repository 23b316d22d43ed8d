/** What a replay came to: totals, when it refused, and whom by which rule; of two policies side by side. */
import { Button } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import type { ReplayReport } from '../../../simulate/replay-report.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount, formatMoney } from '../../parts/format.ts';
import { Empty } from '../../parts/states.tsx';
import { replayTexts as texts } from '../../texts/replay.ts';

const TOTALS = ['allowed', 'alerted', 'waited', 'held', 'refused'] as const;
type Counts = Readonly<Record<string, number>>;

export function ReplayResult({ report }: { readonly report: ReplayReport }): ReactNode {
  const { compared, notices, rows, calls, notOutbound, unread } = report;
  return (
    <section className="stack" aria-labelledby="replay-result">
      <h2 id="replay-result">{texts.result}</h2>
      <p role="status">
        {texts.found(formatCount(calls), formatCount(report.refused), formatCount(rows))}
        {compared === undefined
          ? ''
          : ` ${texts.changes(formatCount(compared.changes.newlyRefused), formatCount(compared.changes.newlyAllowed))}`}
        <span className="muted"> {texts.leftOut(formatCount(notOutbound), formatCount(unread))}</span>
      </p>
      {notices.map((notice) => (
        <p key={notice} className="rules-warning">
          {notice}
        </p>
      ))}
      <Totals report={report} />
      {report.refused > 0 && <ByDay hours={report.by.hour} />}
      <div className="replay-lists">
        <Refused title={texts.byRule} of={report.by.rule} was={compared?.by.rule} />
        <Refused title={texts.byExtension} of={report.by.extension} was={compared?.by.extension} />
      </div>
    </section>
  );
}

function Totals({ report }: { readonly report: ReplayReport }): ReactNode {
  const { compared, money, calls } = report;
  const share = (count: number): string => (calls === 0 ? '' : ` (${((100 * count) / calls).toFixed(1)} %)`);
  return (
    <table className="table replay-totals">
      <thead>
        <tr>
          <th scope="col">{texts.outcome}</th>
          {compared !== undefined && (
            <th scope="col" data-number>
              {texts.todays}
            </th>
          )}
          <th scope="col" data-number>
            {compared === undefined ? texts.todays : texts.proposed}
          </th>
        </tr>
      </thead>
      <tbody>
        {TOTALS.map((name) => (
          <tr key={name}>
            <th scope="row">{texts.totals[name]}</th>
            {compared !== undefined && (
              <td data-number>
                {formatCount(compared[name])}
                {share(compared[name])}
              </td>
            )}
            <td data-number>
              {formatCount(report[name])}
              {share(report[name])}
            </td>
          </tr>
        ))}
        {money !== undefined && (
          <tr>
            <th scope="row">{texts.saves}</th>
            {compared !== undefined && (
              <td data-number>
                {compared.money === undefined ? '–' : formatMoney(compared.money.saved, money.currency)}
              </td>
            )}
            <td data-number>{formatMoney(money.saved, money.currency)}</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

const MOST_BARS = 92;
/** So that two days are not two walls. */
const FEWEST_PLACES = 31;
const SHOWN_AT_FIRST = 12;

/** Of what the tried policy refuses; the table of rules says the same in figures. */
function ByDay({ hours }: { readonly hours: Counts }): ReactNode {
  const days = new Map<string, number>();
  for (const [hour, count] of Object.entries(hours)) {
    const day = hour.slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + count);
  }
  const bars = [...days].sort(([a], [b]) => (a < b ? -1 : 1)).slice(-MOST_BARS);
  const most = Math.max(...bars.map(([, count]) => count), 1);
  const [worst = '', worstCount = 0] = bars.toSorted(([, a], [, b]) => b - a)[0] ?? [];
  const summary = texts.perDay(bars.length, worst, formatCount(worstCount));
  return (
    <figure className="replay-chart">
      <figcaption>{summary}</figcaption>
      <svg
        viewBox={`0 0 ${Math.max(FEWEST_PLACES, bars.length) * 10} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={summary}
      >
        {bars.map(([day, count], at) => (
          <rect key={day} x={at * 10 + 1} y={100 - (100 * count) / most} width={8} height={(100 * count) / most}>
            <title>
              {day}: {formatCount(count)}
            </title>
          </rect>
        ))}
      </svg>
      <p className="muted number">{texts.daysShown(bars[0]?.[0] ?? '', bars.at(-1)?.[0] ?? '')}</p>
    </figure>
  );
}

interface Line {
  readonly name: string;
  readonly count: number;
  readonly was: number | undefined;
}

const columnsOf = (title: string, compares: boolean): readonly Column<Line>[] => [
  { id: 'name', header: title, cell: ({ name }) => name },
  ...(compares
    ? [{ id: 'was', header: texts.todays, isNumber: true, cell: ({ was }: Line) => formatCount(was ?? 0) }]
    : []),
  {
    id: 'count',
    header: compares ? texts.proposed : texts.refused,
    isNumber: true,
    cell: ({ count }) => formatCount(count),
  },
];

function Refused({
  title,
  of,
  was,
}: {
  readonly title: string;
  readonly of: Counts;
  readonly was: Counts | undefined;
}) {
  const [isWhole, setWhole] = useState(false);
  const names = new Set([...Object.keys(of), ...Object.keys(was ?? {})]);
  const rows = [...names]
    .map((name): Line => ({ name, count: of[name] ?? 0, was: was?.[name] ?? (was === undefined ? undefined : 0) }))
    .sort((a, b) => b.count + (b.was ?? 0) - a.count - (a.was ?? 0))
    .slice(0, 5000);
  const shown = isWhole ? rows : rows.slice(0, SHOWN_AT_FIRST);
  return (
    <div className="stack">
      <DataTable
        name={title}
        columns={columnsOf(title, was !== undefined)}
        rows={shown}
        keyOf={({ name }) => name}
        nameOf={({ name }) => name}
        phone={({ name, count, was: before }) => ({
          title: name,
          aside: before === undefined ? formatCount(count) : `${formatCount(before)} → ${formatCount(count)}`,
        })}
        empty={<Empty>{texts.nothing}</Empty>}
      />
      {shown.length < rows.length && (
        <Button onClick={() => setWhole(true)}>{texts.showAll(formatCount(rows.length))}</Button>
      )}
    </div>
  );
}
