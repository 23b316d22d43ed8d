/** Groups of extensions. */
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { PolicyDocument } from '../../../policy/document.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
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
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: membersTexts.name, cell: ({ name }) => name },
  { id: 'id', header: membersTexts.id, cell: ({ id }) => <span className="mono">{id}</span> },
  {
    id: 'members',
    header: texts.members,
    cell: ({ members }) => <span className="mono">{members.join(', ') || membersTexts.none}</span>,
  },
  { id: 'used', header: membersTexts.used, cell: ({ used }) => membersTexts.usedBy(used) },
];

export function Groups({ document }: { readonly document: PolicyDocument }): ReactNode {
  const { kind, id: opened } = useParams();
  const open = useDrawerOpener();
  const rows = Object.entries(document.groups).map(
    ([id, { name, members }]): Row => ({
      id,
      name: name ?? id,
      members,
      used: usersOf(document, 'groups', id).length,
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
      phone={({ name, members, used }) => ({
        title: name,
        aside: membersTexts.usedBy(used),
        detail: members.join(', ') || membersTexts.none,
      })}
      empty={<Empty>{texts.empty}</Empty>}
    />
  );
}
