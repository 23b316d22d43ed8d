/** What was decided, by whom and how; and what is in force beyond single calls, to be ended. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import type { ApprovalReport } from '../../../approvals/approval.ts';
import type { GrantReport } from '../../../approvals/grant.ts';
import { api } from '../../api/client.ts';
import { useApi, usePages, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAction } from '../../parts/action.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatActor, formatDuration, formatPhone, sentence } from '../../parts/format.ts';
import { Empty, ErrorText } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { say } from '../../parts/undo.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { approvalTexts } from '../../texts/approvals.ts';

const { table, states, grants: grantTexts } = approvalTexts;

const VERDICT = {
  open: 'hold',
  approved: 'allow',
  refused: 'block',
  expired: 'block',
  withdrawn: 'hold',
  unanswerable: 'block',
} as const;

function Decision({ approval }: { readonly approval: ApprovalReport }): ReactNode {
  const isLetGo = (approval.state === 'expired' || approval.state === 'unanswerable') && approval.otherwise === 'allow';
  return <Verdict verdict={isLetGo ? 'allow' : VERDICT[approval.state]} word={states[approval.state]} />;
}

const COLUMNS: readonly Column<ApprovalReport>[] = [
  { id: 'time', header: table.time, cell: ({ decidedAt, openedAt }) => <Time at={decidedAt ?? openedAt} /> },
  { id: 'decision', header: table.decision, cell: (approval) => <Decision approval={approval} /> },
  { id: 'caller', header: table.caller, cell: ({ extension }) => extension ?? '–' },
  {
    id: 'number',
    header: table.number,
    cell: ({ destination }) => <span className="mono">{formatPhone(destination)}</span>,
  },
  { id: 'who', header: table.who, cell: ({ decidedBy }) => (decidedBy === null ? '–' : formatActor(decidedBy)) },
  { id: 'reason', header: table.reason, cell: ({ reason }) => reason ?? '–' },
  {
    id: 'waited',
    header: table.waited,
    isNumber: true,
    cell: ({ waitedSeconds }) => (waitedSeconds === null ? '–' : formatDuration(waitedSeconds * 1000)),
  },
  { id: 'why', header: table.why, cell: ({ because }) => sentence(because) },
  { id: 'grant', header: table.grant, cell: ({ grant }) => grant ?? '–', isHiddenAtFirst: true },
  { id: 'from', header: table.from, cell: ({ decidedFrom }) => decidedFrom ?? '–', isHiddenAtFirst: true },
];

const settledOf = (approvals: readonly ApprovalReport[]): { readonly rows: readonly ApprovalReport[] } => ({
  rows: approvals.filter(({ state }) => state !== 'open'),
});
const QUERY = { state: 'all', limit: 100 };

export function DecidedList(): ReactNode {
  const { rows, ...pages } = usePages<readonly ApprovalReport[], ApprovalReport>('approvals', QUERY, settledOf);
  return (
    <div className="stack">
      <GrantsInForce />
      <DataTable
        name={table.name}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ extension, destination }) => `${extension ?? ''} ${destination}`}
        phone={(approval) => ({
          title: <Decision approval={approval} />,
          aside: <Time at={approval.decidedAt ?? approval.openedAt} />,
          detail: [
            `${approval.extension ?? '–'} → ${formatPhone(approval.destination)}`,
            ...(approval.decidedBy === null ? [] : [formatActor(approval.decidedBy)]),
            ...(approval.reason === null ? [] : [`“${approval.reason}”`]),
          ].join(' · '),
        })}
        pages={pages}
        empty={<Empty>{table.empty}</Empty>}
      />
    </div>
  );
}

function GrantsInForce(): ReactNode {
  const { data: grants = [] } = useApi<readonly GrantReport[]>('grants');
  if (grants.length === 0) return null;
  return (
    <section className="panel">
      <h2>{grantTexts.title}</h2>
      <ul className="grants">
        {grants.map((grant) => (
          <OneGrant key={grant.id} grant={grant} />
        ))}
      </ul>
    </section>
  );
}

function OneGrant({ grant }: { readonly grant: GrantReport }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const { isRunning, error, run } = useAction();
  const { id, what, extension, number, calls, subjects, grantedBy, until } = grant;
  const end = async (): Promise<void> => {
    await api('DELETE', `grants/${id}`);
    await refresh('grants', 'approvals');
    say(grantTexts.ended);
  };
  return (
    <li>
      <div>
        {what === 'number'
          ? grantTexts.number(extension ?? '', formatPhone(number ?? ''))
          : grantTexts.limit(calls ?? 0, subjects.join(', '))}{' '}
        {grantTexts.until} <Time at={until} />
        <span className="muted">
          {' '}
          · {grantTexts.by(formatActor(grantedBy))}
          {grant.reason === null ? '' : ` · “${grant.reason}”`}
        </span>
        {error !== undefined && <ErrorText error={error} />}
      </div>
      <Button size="compact-sm" disabled={!may('approvals:decide')} loading={isRunning} onClick={() => void run(end)}>
        {grantTexts.end}
      </Button>
    </li>
  );
}
