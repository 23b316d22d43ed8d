/** Groups of extensions. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { GroupRow, GroupsAnswer } from '../../../api/member-overview-routes.ts';
import type { PolicyDocument } from '../../../policy/document.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { membersTexts } from '../../texts/members.ts';
import { usersOf } from './member-data.ts';

const texts = membersTexts.groups;

interface Row {
  readonly id: string;
  readonly name: string;
  readonly members: readonly string[];
  readonly used: number;
  /** Undefined until it is known. */
  readonly counted: GroupRow | undefined;
  readonly known: number;
}

const SHOWN = 6;

/** Members as chips; a range or pattern says how many of the known extensions it stands for. */
export function MemberChips({
  members,
  counted,
  known,
  most = SHOWN,
}: Pick<Row, 'members' | 'counted' | 'known'> & { readonly most?: number }): ReactNode {
  if (members.length === 0) return membersTexts.none;
  return (
    <span className="member-chips">
      {members.slice(0, most).map((member) => {
        const found = counted?.members.find((each) => each.member === member);
        return (
          <span key={member} className="member-chip">
            <span className="mono">{member}</span>
            {found !== undefined && !/^\d+$/.test(member) && (
              <span className="muted small">{texts.stands(formatCount(found.known), formatCount(known))}</span>
            )}
          </span>
        );
      })}
      {members.length > most && <span className="muted">{texts.more(formatCount(members.length - most))}</span>}
    </span>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: membersTexts.name, cell: ({ name }) => name },
  { id: 'id', header: membersTexts.id, cell: ({ id }) => <span className="mono">{id}</span> },
  {
    id: 'members',
    header: texts.members,
    cell: (row) => <MemberChips members={row.members} counted={row.counted} known={row.known} />,
  },
  { id: 'used', header: membersTexts.used, cell: ({ used }) => membersTexts.usedBy(used) },
];

export function Groups({ document }: { readonly document: PolicyDocument }): ReactNode {
  const { kind, id: opened } = useParams();
  const open = useDrawerOpener();
  const overview = useApi<GroupsAnswer>('policy/groups', { everyMs: 30_000 }).data;
  const rows = Object.entries(document.groups).map(
    ([id, { name, members }]): Row => ({
      id,
      name: name ?? id,
      members,
      used: usersOf(document, 'groups', id).length,
      counted: overview?.groups.find((each) => each.id === id),
      known: overview?.known ?? 0,
    }),
  );
  return (
    <DataTable
      name={texts.list}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ id }) => id}
      nameOf={({ name }) => name}
      opened={kind === 'groups' ? opened : undefined}
      onOpen={({ id }) => open(`/members/edit/groups/${encodeURIComponent(id)}`)}
      phone={(row) => ({
        title: row.name,
        aside: membersTexts.usedBy(row.used),
        detail: <MemberChips members={row.members} counted={row.counted} known={row.known} />,
      })}
      empty={<Empty>{texts.empty}</Empty>}
    />
  );
}
