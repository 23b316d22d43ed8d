/** Schedules: which there are, whether each is open, and who uses it. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link, useNavigate } from 'react-router';
import type { ListedSchedule } from '../../../api/schedule-state-routes.ts';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { sentence } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { say } from '../../parts/undo.tsx';
import { schedulesTexts as texts } from '../../texts/schedules.ts';
import './schedules.css';

export function SchedulesScreen(): ReactNode {
  const { may } = useSession();
  const navigate = useNavigate();
  useKeys([{ keys: 'n', says: texts.keys.add, run: () => void navigate('/schedules/new') }], may('policy:write'));
  const schedules = useApi<readonly ListedSchedule[]>('policy/schedules', { everyMs: 30_000 });
  const add = may('policy:write') ? (
    <Button component={Link} to="/schedules/new" variant="filled">
      {texts.add}
    </Button>
  ) : (
    <Button disabled title={texts.mayNotWrite}>
      {texts.add}
    </Button>
  );
  return (
    <Screen title={texts.title} purpose={texts.purpose} actions={add}>
      <Shown found={schedules}>
        {(rows) => (
          <DataTable
            name={texts.list}
            columns={COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            nameOf={({ name }) => name}
            phone={(row) => ({
              title: row.name,
              aside: <Now schedule={row} />,
              detail: `${sentence(row.sentence)} ${texts.usedBy(row.usedBy.length)}`,
            })}
            onOpen={({ id }) => void navigate(`/schedules/edit/${encodeURIComponent(id)}`)}
            empty={<Empty>{texts.empty}</Empty>}
          />
        )}
      </Shown>
    </Screen>
  );
}

const Now = ({ schedule: { isOpen, isCalled } }: { readonly schedule: ListedSchedule }): ReactNode => (
  <span className="schedule-state" data-open={isOpen || undefined}>
    {isCalled ? '–' : isOpen ? texts.open : texts.closed}
  </span>
);

export function nextOf({ changes, isCalled }: Pick<ListedSchedule, 'changes' | 'isCalled'>): string {
  const [next] = changes;
  if (isCalled) return texts.called;
  if (next === undefined) return texts.forGood;
  return next.opens ? texts.opens(next.wall) : texts.closes(next.wall);
}

function Delete({ schedule: { id, name, usedBy } }: { readonly schedule: ListedSchedule }): ReactNode {
  const { may } = useSession();
  const refresh = useRefresh();
  const isUsed = usedBy.length > 0;
  const why = !may('policy:remove')
    ? texts.ownerDeletes
    : isUsed
      ? texts.isUsed(usedBy.map((rule) => rule.name).join(', '))
      : undefined;
  return (
    <ConfirmButton
      size="compact-sm"
      variant="subtle"
      aria-label={texts.removeNamed(name)}
      disabled={why !== undefined}
      title={why}
      consequence={texts.removeMeans}
      confirms={texts.remove}
      onConfirm={async () => {
        const before = await api<Readonly<Record<string, unknown>>>('GET', `schedules/${encodeURIComponent(id)}`);
        await api('DELETE', `schedules/${encodeURIComponent(id)}`);
        await refresh('schedules', 'policy');
        const { id: _, ...body } = before;
        say(texts.removed(name), () =>
          api('PUT', `schedules/${encodeURIComponent(id)}`, { body }).then(() => refresh('schedules', 'policy')),
        );
      }}
    >
      {texts.remove}
    </ConfirmButton>
  );
}

const UsedBy = ({ schedule: { usedBy } }: { readonly schedule: ListedSchedule }): ReactNode => (
  <span title={usedBy.map(({ name }) => name).join(', ')}>{texts.usedBy(usedBy.length)}</span>
);

const { columns } = texts;
const COLUMNS: readonly Column<ListedSchedule>[] = [
  { id: 'name', header: columns.name, cell: ({ name }) => name },
  { id: 'now', header: columns.now, cell: (schedule) => <Now schedule={schedule} /> },
  { id: 'next', header: columns.next, cell: nextOf },
  {
    id: 'sentence',
    header: columns.sentence,
    cell: (row) => <span title={sentence(row.sentence)}>{sentence(row.sentence)}</span>,
  },
  { id: 'zone', header: columns.zone, cell: ({ zone, isCalled }) => (isCalled ? texts.called : zone) },
  { id: 'used', header: columns.usedBy, cell: (schedule) => <UsedBy schedule={schedule} /> },
  { id: 'operations', header: columns.operations, cell: (schedule) => <Delete schedule={schedule} /> },
];
