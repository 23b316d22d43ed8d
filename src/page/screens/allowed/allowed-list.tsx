/** The list of entries: what each holds, whether anybody comes from there, and what can be done about it. */
import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { Link, useNavigate, useParams } from 'react-router';
import type { AllowReport } from '../../../api/allowlist-routes.ts';
import { useMe } from '../../api/me.ts';
import { usePages } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressFilters } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { type Filter, FilterChips } from '../../parts/filter-chips.tsx';
import { formatCount } from '../../parts/format.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time, useNow } from '../../parts/time.tsx';
import { allowedTexts as texts } from '../../texts/allowed.ts';
import { DeleteButton } from './delete-button.tsx';
import { unusedDays } from './entries.ts';

type FilterName = 'unusedDays' | 'exempt' | 'failing';
const FILTERS: readonly Filter<FilterName>[] = [
  { name: 'unusedDays', label: texts.filters.unusedDays, values: [{ value: '30', label: texts.values.unusedDays }] },
  {
    name: 'exempt',
    label: texts.filters.exempt,
    values: [
      { value: 'true', label: texts.values.exemptOn },
      { value: 'false', label: texts.values.exemptOff },
    ],
  },
  { name: 'failing', label: texts.filters.failing, values: [{ value: 'true', label: texts.values.failing }] },
];

const HOUR_MS = 3_600_000;

function LastHit({ entry }: { readonly entry: AllowReport }): ReactNode {
  const days = unusedDays(entry, useNow(HOUR_MS));
  if (days !== undefined)
    return (
      <span className="allowed-warning">
        <IconAlertTriangle size={14} stroke={1.75} aria-hidden /> {texts.unused(days)}
      </span>
    );
  return entry.lastHitAt === null ? texts.never : <Time at={entry.lastHitAt} as="age" />;
}

function Value({ entry }: { readonly entry: AllowReport }): ReactNode {
  const isFailing = entry.resolved?.failingSince != null;
  return (
    <>
      <span className="mono" title={entry.value}>
        {entry.value}
      </span>
      {isFailing && (
        <span className="allowed-warning">
          {' '}
          <IconAlertTriangle size={14} stroke={1.75} aria-hidden /> {texts.noLongerResolves}
        </span>
      )}
    </>
  );
}

const holds = ({ addresses, type }: AllowReport): string =>
  type === 'domain' ? texts.now(formatCount(addresses)) : formatCount(addresses);

const exempt = ({ exemptFromCallLimits, exemptNow }: AllowReport): string =>
  !exemptFromCallLimits ? texts.off : exemptNow ? texts.on : texts.offForAll;

const purpose = ({ description, owner }: AllowReport): string =>
  [description, owner].filter((text) => text !== '').join(' · ');

function Operations({ entry }: { readonly entry: AllowReport }): ReactNode {
  const { may } = useSession();
  return (
    <span className="allowed-operations">
      {may('allowlist:write') ? (
        <Button size="compact-sm" component={Link} to={`/allowed-ips/${entry.id}`} state={{ keepsFocus: true }}>
          {texts.edit}
        </Button>
      ) : (
        <span title={texts.mayNot}>
          <Button size="compact-sm" disabled>
            {texts.edit}
          </Button>
        </span>
      )}
      <DeleteButton entries={[entry]} size="compact-sm">
        {texts.delete}
      </DeleteButton>
    </span>
  );
}

/** So that buttons at the end of the row stay on the screen. */
const Cut = ({ text }: { readonly text: string }): ReactNode => (
  <span className="allowed-cut" title={text}>
    {text}
  </span>
);

const COLUMNS: readonly Column<AllowReport>[] = [
  { id: 'name', header: texts.name, cell: ({ name }) => <Cut text={name} /> },
  { id: 'value', header: texts.value, cell: (entry) => <Value entry={entry} /> },
  { id: 'type', header: texts.type, cell: ({ type }) => texts.types[type], isHiddenAtFirst: true },
  { id: 'mask', header: texts.mask, cell: ({ mask }) => <span className="mono">{mask === '' ? '–' : mask}</span> },
  { id: 'holds', header: texts.holds, isNumber: true, cell: holds },
  { id: 'exempt', header: texts.exempt, cell: exempt },
  {
    id: 'description',
    header: texts.description,
    cell: (entry) => <Cut text={purpose(entry)} />,
  },
  {
    id: 'added',
    header: texts.added,
    cell: ({ createdAt }) => <Time at={createdAt} as="age" />,
    isHiddenAtFirst: true,
  },
  { id: 'hit', header: texts.lastHit, cell: (entry) => <LastHit entry={entry} /> },
  {
    id: 'resolved',
    header: texts.resolved,
    cell: ({ resolved }) =>
      resolved === null ? (
        '–'
      ) : (
        <>
          <span className="mono">{resolved.addresses.join(', ') || '–'}</span>{' '}
          <span className="muted">
            {texts.nextLookup} <Time at={resolved.nextLookupAt} as="age" />
          </span>
        </>
      ),
    isHiddenAtFirst: true,
  },
  { id: 'operations', header: texts.operations, cell: (entry) => <Operations entry={entry} /> },
];

const read = (entries: readonly AllowReport[]): { readonly rows: readonly AllowReport[] } => ({ rows: entries });

export function AllowedList({ onChanged }: { readonly onChanged: () => void }): ReactNode {
  const { may } = useSession();
  const navigate = useNavigate();
  const { id: opened } = useParams();
  const open = useDrawerOpener();
  const { data: me } = useMe();
  const { values, set } = useAddressFilters(['search', 'unusedDays', 'exempt', 'failing']);
  const { search, ...chips } = values;
  const { rows, ...pages } = usePages<readonly AllowReport[], AllowReport>(
    'allowlist',
    { ...values, limit: 200 },
    read,
  );
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const chosen = rows.filter(({ id }) => selected.has(id));
  const mayRemove = may('allowlist:remove');
  const isFiltered = Object.keys(values).length > 0;
  useKeys(
    [
      {
        keys: 'e',
        says: texts.editKey,
        run: () => {
          const at = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
          const row = at == null ? undefined : rows[Number(at)];
          if (row !== undefined) open(`/allowed-ips/${row.id}`);
        },
      },
    ],
    may('allowlist:write'),
  );
  const addMine = (): void => {
    const query = new URLSearchParams(me?.address == null ? {} : { value: me.address, name: texts.mine });
    void navigate(`/allowed-ips/new?${query}`, { state: { keepsFocus: true } });
  };
  return (
    <div className="stack">
      <div className="list-filters">
        <FilterChips filters={FILTERS} values={chips} onChange={set} />
        <SearchField label={texts.search} value={search ?? ''} onSearch={(text) => set({ search: text })} />
      </div>
      {chosen.length > 0 && (
        <section className="selection-bar" aria-label={texts.selected(chosen.length)}>
          <strong role="status">{texts.selected(chosen.length)}</strong>
          <DeleteButton entries={chosen} size="compact-sm" onDone={onChanged}>
            {texts.deleteMany(chosen.length)}
          </DeleteButton>
          <Button variant="subtle" size="compact-sm" onClick={() => setSelected(new Set())}>
            {texts.clear}
          </Button>
        </section>
      )}
      <DataTable
        name={texts.title}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ name }) => name}
        phone={(entry) => ({
          title: entry.name,
          aside: <LastHit entry={entry} />,
          detail: (
            <>
              <Value entry={entry} /> · {holds(entry)} · {texts.exempt.toLowerCase()}: {exempt(entry)}
            </>
          ),
        })}
        opened={opened}
        onOpen={({ id }) => open(`/allowed-ips/${id}`)}
        {...(mayRemove ? { selected, onSelect: setSelected } : {})}
        pages={pages}
        empty={
          isFiltered ? (
            <Empty>{texts.emptyFiltered(Object.values(values).join(', '))}</Empty>
          ) : (
            <Empty
              action={
                may('allowlist:write') && (
                  <Button variant="filled" onClick={addMine}>
                    {me?.address == null ? texts.newKey : texts.addMine}
                  </Button>
                )
              }
            >
              {me?.address == null ? texts.emptyNoAddress : texts.empty(me.address)}
            </Empty>
          )
        }
      />
    </div>
  );
}
