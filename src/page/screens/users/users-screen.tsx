/** Users: who may log in and as what; and API keys, for programs. */
import { Button } from '@mantine/core';
import { type ReactNode, useId } from 'react';
import { Outlet, useParams } from 'react-router';
import type { ListedUser } from '../../../api/users-routes.ts';
import { usePages } from '../../api/queries.ts';
import { useAccount } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatActor } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { Time } from '../../parts/time.tsx';
import { keyTexts, userTexts as texts } from '../../texts/users.ts';
import { KeyTable } from './key-table.tsx';
import './users.css';

export function UsersScreen(): ReactNode {
  const [tab] = useAddressValue('tab');
  const id = useId();
  const open = useDrawerOpener();
  const isKeys = tab === 'keys';
  const add = (): void => open(isKeys ? '/users/new-key' : '/users/new');
  useKeys([{ keys: 'n', says: isKeys ? keyTexts.add : texts.add, run: add }]);
  return (
    <Screen
      title={texts.title}
      purpose={texts.purpose}
      actions={
        <Button variant="filled" onClick={add}>
          {isKeys ? keyTexts.add : texts.add}
        </Button>
      }
    >
      <TabLinks
        name="tab"
        current={isKeys ? 'keys' : ''}
        panel={id}
        tabs={[
          { value: '', label: texts.tabs.users },
          { value: 'keys', label: texts.tabs.keys },
        ]}
      />
      <div id={id}>{isKeys ? <KeyTable onAdd={add} /> : <UserTable />}</div>
      <Outlet />
    </Screen>
  );
}

function NameOf({ user }: { readonly user: ListedUser }): ReactNode {
  const { user: me } = useAccount();
  return (
    <span className="users-name">
      {user.name} {user.name === me && <span className="muted">({texts.you})</span>}
    </span>
  );
}

/** A missing one is what an owner has to see. */
const factorOf = ({ secondFactor }: ListedUser): ReactNode =>
  secondFactor ? texts.factorOn : <span className="users-weak">{texts.factorOff}</span>;

const seenOf = ({ lastSeenAt }: ListedUser): ReactNode =>
  lastSeenAt === null ? texts.never : <Time at={lastSeenAt} as="age" />;

const COLUMNS: readonly Column<ListedUser>[] = [
  { id: 'name', header: texts.name, cell: (user) => <NameOf user={user} /> },
  { id: 'role', header: texts.role, cell: ({ roles }) => texts.rolesOf(roles) },
  { id: 'state', header: texts.state, cell: ({ enabled }) => (enabled ? texts.on : texts.off) },
  { id: 'factor', header: texts.factor, cell: factorOf },
  { id: 'sessions', header: texts.sessions, isNumber: true, cell: ({ sessions }) => sessions },
  { id: 'seen', header: texts.lastSeen, cell: seenOf },
  {
    id: 'password',
    header: texts.passwordSince,
    cell: ({ passwordChangedAt }) => <Time at={passwordChangedAt} as="age" />,
  },
  { id: 'created', header: texts.created, cell: ({ createdAt }) => <Time at={createdAt} />, isHiddenAtFirst: true },
  { id: 'by', header: texts.createdBy, cell: ({ createdBy }) => formatActor(createdBy), isHiddenAtFirst: true },
];

const readUsers = (rows: readonly ListedUser[]) => ({ rows });
const NO_QUERY = {};

function UserTable(): ReactNode {
  const { name: opened } = useParams();
  const open = useDrawerOpener();
  const { rows, ...pages } = usePages<readonly ListedUser[], ListedUser>('users', NO_QUERY, readUsers);
  return (
    <DataTable
      name={texts.list}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ name }) => name}
      nameOf={({ name }) => name}
      phone={(user) => ({
        title: <NameOf user={user} />,
        aside: seenOf(user),
        detail: (
          <>
            {texts.rolesOf(user.roles)} · {texts.factor}: {factorOf(user)}
            {!user.enabled && ` · ${texts.off}`}
          </>
        ),
      })}
      opened={opened}
      onOpen={({ name }) => open(`/users/of/${encodeURIComponent(name)}`)}
      pages={pages}
      empty={<Empty>{texts.empty}</Empty>}
    />
  );
}
