/** Extensions: those of Asterisk, of groups and of the policy in one list, with what is known of each now. */
import { IconAlertTriangle, IconCheck, IconLock } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { useParams } from 'react-router';
import type { ExtensionRow, ExtensionsAnswer } from '../../../api/extension-overview-routes.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { membersTexts } from '../../texts/members.ts';

const texts = membersTexts.extensions;

/** Where its phone is, and whether it may be there. */
export function Registered({ row }: { readonly row: ExtensionRow }): ReactNode {
  const [address] = row.registeredFrom;
  if (address === undefined)
    return <span className="muted">{row.state === null ? membersTexts.none : texts.notRegistered}</span>;
  return (
    <span className="member-mark">
      <span className="mono">{address}</span>
      {row.isElsewhere ? (
        <IconAlertTriangle size={16} stroke={1.75} role="img" aria-label={texts.wrongPlace(address)} />
      ) : (
        <IconCheck size={16} stroke={1.75} aria-hidden />
      )}
    </span>
  );
}

/** The limit that is nearest to its end, or why there is none. */
export function LimitsNow({ row }: { readonly row: ExtensionRow }): ReactNode {
  const [first] = row.limits;
  if (row.locks.length > 0)
    return (
      <span className="member-mark">
        <IconLock size={16} stroke={1.75} aria-hidden />
        {texts.locked}
      </span>
    );
  if (row.exemptBy !== null) return texts.exempt(row.exemptBy);
  if (first === undefined) return <span className="muted">{membersTexts.none}</span>;
  const text = texts.used(formatCount(first.used), formatCount(first.of), first.limit);
  return first.used >= first.of ? (
    <span className="member-mark" title={first.name}>
      <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
      {texts.limited}, {text}
    </span>
  ) : (
    <span title={first.name}>{text}</span>
  );
}

const COLUMNS: readonly Column<ExtensionRow>[] = [
  { id: 'number', header: texts.number, cell: ({ number }) => <span className="mono">{number}</span> },
  { id: 'name', header: texts.name, cell: ({ name }) => name ?? membersTexts.none },
  { id: 'groups', header: texts.groups, cell: ({ groups }) => groups.join(', ') || membersTexts.none },
  {
    id: 'permissions',
    header: texts.permissions,
    cell: ({ permissions }) => permissions.join(', ') || membersTexts.none,
  },
  { id: 'registered', header: texts.registered, cell: (row) => <Registered row={row} /> },
  { id: 'limits', header: texts.limits, cell: (row) => <LimitsNow row={row} /> },
  {
    id: 'restricted',
    header: texts.restricted,
    cell: ({ registerFrom }) => (registerFrom.length > 0 ? texts.on : membersTexts.none),
  },
];

export function Extensions(): ReactNode {
  const found = useApi<ExtensionsAnswer>('policy/extensions', { everyMs: 10_000 });
  const [search, setSearch] = useAddressValue('search');
  const { kind, id } = useParams();
  const open = useDrawerOpener();
  return (
    <>
      <SearchField label={membersTexts.search} value={search} onSearch={setSearch} />
      <Shown found={found} rows={8}>
        {({ extensions, problems }) => {
          const wanted = search.toLowerCase();
          const rows = extensions.filter(
            ({ number, name, groups }) =>
              number.includes(wanted) ||
              name?.toLowerCase().includes(wanted) === true ||
              groups.some((group) => group.toLowerCase().includes(wanted)),
          );
          return (
            <>
              {problems.map(({ asterisk, problem }) => (
                <p key={asterisk} className="member-mark" role="status">
                  <IconAlertTriangle size={16} stroke={1.75} aria-hidden />
                  {membersTexts.notAsked(asterisk, problem)}
                </p>
              ))}
              <DataTable
                name={texts.list}
                columns={COLUMNS}
                rows={rows}
                keyOf={({ number }) => number}
                nameOf={({ number }) => number}
                opened={kind === 'extensions' ? id : undefined}
                onOpen={({ number }) => open(`/members/edit/extensions/${encodeURIComponent(number)}`)}
                phone={(row) => ({
                  title: `${row.number} ${row.name ?? ''}`,
                  aside: <LimitsNow row={row} />,
                  detail: (
                    <>
                      {row.groups.join(', ')}
                      {row.groups.length > 0 && row.state !== null && ' · '}
                      {row.state !== null && <Registered row={row} />}
                    </>
                  ),
                })}
                empty={<Empty>{search === '' ? texts.empty : texts.noneFound(search)}</Empty>}
              />
            </>
          );
        }}
      </Shown>
    </>
  );
}
