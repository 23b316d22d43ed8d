/** The audit log: who changed or decided what, when, from where, with before and after. It is read only. */
import { Button, Menu, TextInput } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { type ReactNode, useEffect } from 'react';
import { Outlet, useParams } from 'react-router';
import { withQuery } from '../../api/client.ts';
import { usePages, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useAddressFilters } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { type Filter, FilterChips } from '../../parts/filter-chips.tsx';
import { formatActor } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { auditTexts as texts } from '../../texts/audit.ts';
import { Chain } from './chain.tsx';
import {
  type AuditRow,
  type AuditRows,
  didOf,
  differences,
  placeOf,
  shortDifference,
  wayOf,
  whoOf,
} from './differences.ts';
import './audit.css';

const LOOK_AGAIN_MS = 15_000;
const NAMES = ['action', 'by', 'subject', 'since', 'until'] as const;
const FILTERS: readonly Filter<'action' | 'by'>[] = [
  {
    name: 'action',
    label: texts.filters.action,
    values: Object.entries(texts.kinds).map(([value, label]) => ({ value, label })),
  },
  { name: 'by', label: texts.filters.by },
];

const OWN_FILTERS = FILTERS.filter(({ name }) => name === 'action').map((filter) => ({
  ...filter,
  values: (filter.values ?? []).filter(({ value }) => value === 'approvals' || value === 'grants'),
}));

function Change({ entry }: { readonly entry: AuditRow }): ReactNode {
  const found = differences(entry);
  const [first] = found;
  if (first === undefined) return '–';
  const text = shortDifference(first);
  return (
    <span title={found.map(shortDifference).join('\n')}>
      {text.length > 60 ? `${text.slice(0, 60)}…` : text}
      {found.length > 1 && <span className="muted"> {texts.more(found.length - 1)}</span>}
    </span>
  );
}

const Cut = ({ text }: { readonly text: string }): ReactNode => (
  <span className="audit-cut" title={text}>
    {text}
  </span>
);

const COLUMNS: readonly Column<AuditRow>[] = [
  { id: 'when', header: texts.when, cell: ({ at }) => <Time at={at} /> },
  { id: 'who', header: texts.who, cell: ({ by }) => whoOf(by) },
  { id: 'what', header: texts.what, cell: ({ action }) => <span title={action}>{didOf(action)}</span> },
  { id: 'subject', header: texts.subject, cell: ({ subject }) => <Cut text={subject} /> },
  { id: 'change', header: texts.change, cell: (entry) => <Change entry={entry} /> },
  { id: 'reason', header: texts.reason, cell: ({ reason }) => (reason === null ? '–' : <Cut text={reason} />) },
  { id: 'way', header: texts.way, cell: ({ by }) => wayOf(by) },
  { id: 'from', header: texts.from, cell: ({ from }) => <span className="mono">{from ?? '–'}</span> },
  { id: 'box', header: texts.box, cell: ({ node }) => node, isHiddenAtFirst: true },
  { id: 'number', header: texts.number, isNumber: true, cell: ({ seq }) => seq ?? '–', isHiddenAtFirst: true },
];
const OWN_COLUMNS = COLUMNS.filter(({ id }) => id !== 'who' && id !== 'number');

const read = ({
  entries,
  cursor,
}: AuditRows): { readonly rows: readonly AuditRow[]; readonly cursor: string | null } => ({
  rows: entries,
  cursor,
});

export function AuditScreen(): ReactNode {
  const { values, set } = useAddressFilters(NAMES);
  const { may } = useSession();
  const isOwn = !may('audit:read');
  const { subject, since, until, ...chips } = values;
  const query = { ...values, ...(isOwn ? { by: undefined } : {}), since: startOf(since), until: endOf(until) };
  return (
    <Screen
      title={texts.title}
      purpose={isOwn ? texts.ownPurpose : texts.purpose}
      actions={
        <>
          <Chain />
          <Export query={query} />
        </>
      }
    >
      <div className="audit-filters">
        <FilterChips filters={isOwn ? OWN_FILTERS : FILTERS} values={chips} onChange={set} />
        <TextInput
          type="date"
          label={texts.since}
          value={since ?? ''}
          {...(until === undefined ? {} : { max: until })}
          onChange={(event) => set({ since: event.currentTarget.value })}
        />
        <TextInput
          type="date"
          label={texts.until}
          value={until ?? ''}
          {...(since === undefined ? {} : { min: since })}
          onChange={(event) => set({ until: event.currentTarget.value })}
        />
        <SearchField label={texts.search} value={subject ?? ''} onSearch={(text) => set({ subject: text })} />
      </div>
      <Entries isOwn={isOwn} query={query} filterWords={Object.values(values).join(', ')} />
      <Outlet />
    </Screen>
  );
}

type Query = Readonly<Partial<Record<(typeof NAMES)[number], string | undefined>>>;

/** Days of whoever looks. */
const startOf = (day: string | undefined): string | undefined => timeOf(day, 'T00:00:00');
const endOf = (day: string | undefined): string | undefined => timeOf(day, 'T23:59:59.999');
function timeOf(day: string | undefined, time: string): string | undefined {
  const at = new Date(`${day}${time}`);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

function Entries({
  isOwn,
  query,
  filterWords,
}: {
  readonly isOwn: boolean;
  readonly query: Query;
  readonly filterWords: string;
}): ReactNode {
  const { place } = useParams();
  const open = useDrawerOpener();
  const refresh = useRefresh();
  const { rows, ...pages } = usePages<AuditRows, AuditRow>(isOwn ? 'audit/own' : 'audit', query, read);
  // Entries are no events of the stream; they are read again while somebody looks.
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void refresh('audit');
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [refresh]);
  return (
    <DataTable
      name={texts.list}
      columns={isOwn ? OWN_COLUMNS : COLUMNS}
      rows={rows}
      keyOf={placeOf}
      nameOf={({ action, subject }) => `${didOf(action)} ${subject}`}
      phone={(entry) => ({
        title: `${formatActor(entry.by)}: ${didOf(entry.action).toLowerCase()}`,
        aside: <Time at={entry.at} />,
        detail: [entry.subject, ...(entry.reason === null ? [] : [`“${entry.reason}”`])].join(' · '),
      })}
      opened={place}
      onOpen={(entry) => open(`/audit-log/${placeOf(entry)}`)}
      pages={pages}
      empty={
        pages.more.isThere ? (
          <Empty
            action={
              <Button loading={pages.more.isLoading} onClick={pages.more.load}>
                {texts.loadMore}
              </Button>
            }
          >
            {texts.lookFurther}
          </Empty>
        ) : (
          <Empty>
            {filterWords === '' ? (isOwn ? texts.ownEmpty : texts.empty) : texts.emptyFiltered(filterWords)}
          </Empty>
        )
      }
    />
  );
}

function Export({ query }: { readonly query: Query }): ReactNode {
  const { may } = useSession();
  const icon = <IconDownload size={16} stroke={1.75} />;
  if (!may('audit:export'))
    return (
      <span title={texts.ownerExports}>
        <Button leftSection={icon} disabled>
          {texts.export}
        </Button>
      </span>
    );
  const link = (format: string): string => `/api/v1/${withQuery('audit/export', { format, ...query })}`;
  return (
    <Menu position="bottom-end" withinPortal={false}>
      <Menu.Target>
        <Button leftSection={icon}>{texts.export}</Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="a" href={link('csv')} download="audit.csv">
          {texts.exportCsv}
        </Menu.Item>
        <Menu.Item component="a" href={link('jsonl')} download="audit.jsonl">
          {texts.exportJson}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
