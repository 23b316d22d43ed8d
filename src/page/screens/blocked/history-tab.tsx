/** What became of blocks: made, changed, unblocked by whom, ended, put back; and who came again. */
import { type ReactNode, useMemo } from 'react';
import type { BanChangeReport } from '../../../api/bans-history-routes.ts';
import { withQuery } from '../../api/client.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressFilters } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { FilterChips } from '../../parts/filter-chips.tsx';
import { formatActor, formatDuration, sentence } from '../../parts/format.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { blockRange, defenseType, pathOf, seenBy } from './bans.ts';

const texts = blockedTexts.history;
const words = blockedTexts.drawer.change;
type What = BanChangeReport['what'];

interface Row extends BanChangeReport {
  readonly key: string;
  /** When it was blocked again after this end. */
  readonly againAt: string | undefined;
}

const WHATS: readonly What[] = ['add', 'change', 'lift', 'expire', 'restore'];
const FILTERS = [
  { name: 'what', label: texts.whatFilter, values: WHATS.map((value) => ({ value, label: words[value] })) },
] as const;

const isEnd = (what: What): boolean => what === 'lift' || what === 'expire';

/** @param changes the newest first */
function rowsOf(changes: readonly BanChangeReport[]): readonly Row[] {
  const later = new Map<string, string>();
  return changes.map((change, index) => {
    const { what, at, ban } = change;
    const againAt = isEnd(what) ? later.get(ban.address) : undefined;
    if (what === 'add') later.set(ban.address, at);
    return { ...change, key: `${at} ${ban.address} ${changes.length - index}`, againAt };
  });
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'when', header: texts.when, cell: ({ at }) => <Time at={at} /> },
  {
    id: 'what',
    header: texts.what,
    cell: ({ what, at, againAt }) => (
      <>
        {words[what]}
        {againAt !== undefined && (
          <span className="muted">
            {', '}
            {texts.again(formatDuration(Date.parse(againAt) - Date.parse(at)))}
          </span>
        )}
      </>
    ),
  },
  {
    id: 'range',
    header: blockedTexts.blockRange,
    cell: ({ ban }) => <span className="mono">{blockRange(ban.address)}</span>,
  },
  { id: 'who', header: texts.who, cell: whoOf },
  { id: 'defense', header: blockedTexts.defenseType, cell: ({ ban }) => defenseType(ban) },
  {
    id: 'reason',
    header: blockedTexts.reason,
    cell: ({ ban }) => <span title={ban.reason}>{sentence(ban.reason)}</span>,
  },
  {
    id: 'lasted',
    header: texts.lasted,
    isNumber: true,
    cell: ({ what, at, ban }) => (isEnd(what) ? formatDuration(Date.parse(at) - Date.parse(ban.since)) : '–'),
  },
  { id: 'service', header: blockedTexts.seenBy, cell: ({ ban }) => seenBy(ban), isHiddenAtFirst: true },
];

function whoOf({ what, by, ban }: BanChangeReport): string {
  const who = what === 'add' || what === 'change' ? ban.by : by;
  return who === '' ? blockedTexts.drawer.itself : formatActor(who);
}

export function HistoryTab(): ReactNode {
  const open = useDrawerOpener();
  const { values, set } = useAddressFilters(['search', 'what']);
  const { search, ...chips } = values;
  const found = useApi<readonly BanChangeReport[]>(withQuery('bans/history', { ...values, limit: 1000 }), {
    keepsOld: true,
  });
  const rows = useMemo(() => rowsOf(found.data ?? []), [found.data]);
  return (
    <div className="stack">
      <div className="list-filters">
        <FilterChips filters={FILTERS} values={chips} onChange={set} />
        <SearchField label={texts.search} value={search ?? ''} onSearch={(text) => set({ search: text })} />
      </div>
      <Shown found={found} rows={8}>
        {() => (
          <DataTable
            name={texts.name}
            columns={COLUMNS}
            rows={rows}
            keyOf={({ key }) => key}
            nameOf={({ ban }) => ban.address}
            phone={(row) => ({
              title: <span className="mono">{row.ban.address}</span>,
              aside: <Time at={row.at} />,
              detail: (
                <>
                  {words[row.what]} · {whoOf(row)} · {row.ban.reason}
                </>
              ),
            })}
            onOpen={({ ban }) => open(`/blocked-ips/${pathOf(ban.address)}`)}
            empty={
              <Empty>
                {Object.keys(values).length === 0
                  ? texts.empty
                  : blockedTexts.emptyFiltered(Object.values(values).join(', '))}
              </Empty>
            }
          />
        )}
      </Shown>
    </div>
  );
}
