/** API keys: what each may do, from where, until when. */
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { ListedKey } from '../../../api/keys-routes.ts';
import { usePages } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatActor } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time, useNow } from '../../parts/time.tsx';
import { keyTexts as texts } from '../../texts/users.ts';

export function Expiry({ at }: { readonly at: string | null }): ReactNode {
  const now = useNow(60_000);
  if (at === null) return texts.never;
  return (
    <>
      <Time at={at} as="age" />
      {Date.parse(at) <= now && <span className="users-weak"> ({texts.expired})</span>}
    </>
  );
}

const usedOf = ({ lastUsedAt }: ListedKey): ReactNode =>
  lastUsedAt === null ? texts.never : <Time at={lastUsedAt} as="age" />;
export const fromOf = ({ allowFrom }: Pick<ListedKey, 'allowFrom'>): string =>
  allowFrom.length === 0 ? texts.everywhere : allowFrom.join(', ');

const COLUMNS: readonly Column<ListedKey>[] = [
  { id: 'name', header: texts.name, cell: ({ name }) => name },
  { id: 'scopes', header: texts.scopes, cell: ({ scopes }) => scopes.join(', ') },
  { id: 'from', header: texts.addresses, cell: (key) => <span className="mono">{fromOf(key)}</span> },
  { id: 'used', header: texts.lastUsed, cell: usedOf },
  { id: 'expires', header: texts.expires, cell: ({ expiresAt }) => <Expiry at={expiresAt} /> },
  { id: 'created', header: texts.created, cell: ({ createdAt }) => <Time at={createdAt} />, isHiddenAtFirst: true },
  { id: 'by', header: texts.createdBy, cell: ({ createdBy }) => formatActor(createdBy) },
];

const readKeys = (rows: readonly ListedKey[]) => ({ rows });
const NO_QUERY = {};

export function KeyTable({ onAdd }: { readonly onAdd: () => void }): ReactNode {
  const { id: opened } = useParams();
  const open = useDrawerOpener();
  const { rows, ...pages } = usePages<readonly ListedKey[], ListedKey>('keys', NO_QUERY, readKeys);
  return (
    <DataTable
      name={texts.list}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ id }) => id}
      nameOf={({ name }) => name}
      phone={(key) => ({
        title: key.name,
        aside: usedOf(key),
        detail: `${texts.scopesOf(key.scopes.length)} · ${fromOf(key)}`,
      })}
      opened={opened}
      onOpen={({ id }) => open(`/users/keys/${id}`)}
      pages={pages}
      empty={<Empty action={<Button onClick={onAdd}>{texts.add}</Button>}>{texts.empty}</Empty>}
    />
  );
}
