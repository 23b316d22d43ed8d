/** Calls that are alike as one row; a row opens the list of them. */
import { NativeSelect } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useNavigate } from 'react-router';
import type { CallPattern } from '../../../gate/call-patterns.ts';
import { withQuery } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { serverNow } from '../../api/server-clock.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { capital, formatCount } from '../../parts/format.ts';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { callTexts } from '../../texts/calls.ts';

const texts = callTexts.patterns;

const when = ({ from, to }: CallPattern): ReactNode => (
  <>
    <Time at={from} /> – <Time at={to} as="clock" />
  </>
);
const where = ({ destinationLabel }: CallPattern): string =>
  destinationLabel === '' || destinationLabel === 'unknown' ? texts.unknown : capital(destinationLabel);

const COLUMNS: readonly Column<CallPattern>[] = [
  { id: 'who', header: texts.who, cell: ({ extension }) => extension ?? callTexts.unknownExtension },
  { id: 'what', header: texts.what, cell: where },
  { id: 'verdict', header: callTexts.verdict, cell: ({ verdict }) => <Verdict verdict={verdict} /> },
  { id: 'calls', header: texts.calls, isNumber: true, cell: ({ calls }) => formatCount(calls) },
  { id: 'when', header: texts.when, cell: when },
  { id: 'rules', header: texts.rules, cell: ({ rules }) => (rules.length === 0 ? '–' : rules.join(', ')) },
];
const keyOf = ({ extension, destinationLabel, verdict }: CallPattern): string =>
  JSON.stringify([extension, destinationLabel, verdict]);

export function PatternsTab(): ReactNode {
  const [given, setPeriod] = useAddressValue('period');
  const period = given in texts.periods ? given : '24';
  const navigate = useNavigate();
  // By the minute, so that it is one question while somebody looks.
  const [openedAt] = useState(() => Math.floor(serverNow() / 60_000) * 60_000);
  const since = new Date(openedAt - Number(period) * 3_600_000).toISOString();
  const found = useApi<{ readonly patterns: readonly CallPattern[]; readonly complete: boolean }>(
    withQuery('calls', { groupBy: 'pattern', since, limit: 500 }),
    { keepsOld: true },
  );
  const open = ({ extension, destinationLabel, verdict, from, to }: CallPattern): void => {
    const query = new URLSearchParams({
      verdict,
      ...(extension === null ? {} : { extension }),
      ...(destinationLabel === '' ? {} : { label: destinationLabel }),
      since: from,
      until: to,
    });
    void navigate(`/calls?${query}`);
  };
  return (
    <div className="stack">
      <NativeSelect
        className="calls-period"
        label={texts.period}
        value={period}
        onChange={(event) => setPeriod(event.currentTarget.value)}
        data={Object.entries(texts.periods).map(([value, label]) => ({ value, label }))}
      />
      <Shown found={found}>
        {({ patterns, complete }) => (
          <>
            {!complete && <p>{texts.incomplete}</p>}
            <DataTable
              name={texts.name}
              columns={COLUMNS}
              rows={patterns}
              keyOf={keyOf}
              nameOf={(each) => `${each.extension ?? callTexts.unknownExtension} ${where(each)}`}
              phone={(each) => ({
                title: <Verdict verdict={each.verdict} />,
                aside: formatCount(each.calls),
                detail: (
                  <>
                    {each.extension ?? callTexts.unknownExtension} → {where(each)} · {when(each)}
                  </>
                ),
              })}
              onOpen={open}
              empty={<Empty>{texts.empty}</Empty>}
            />
          </>
        )}
      </Shown>
    </div>
  );
}
