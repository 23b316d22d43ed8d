/** What is blocked now: the nine columns that PBX manuals have, in their order, and then what explains them. */
import { Button } from '@mantine/core';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import type { BanReport, BansPage } from '../../../api/bans-routes.ts';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import { withQuery } from '../../api/client.ts';
import { useApi, usePages, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressFilters } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { type Filter, FilterChips } from '../../parts/filter-chips.tsx';
import { formatActor, formatCount, sentence } from '../../parts/format.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { blockedTexts as texts } from '../../texts/blocked.ts';
import { blockRange, blockType, countryWords, defenseType, kindOf, pathOf, seenBy, sourceOf } from './bans.ts';
import { Expires } from './expires.tsx';
import { LeftAlone, MisSetPhones } from './notices.tsx';
import { usePermanentAfter } from './permanent-after.ts';
import { PermanentlyButton } from './permanently-button.tsx';
import { useUnblock } from './unblock-context.ts';

type Row = BansPage['bans'][number];
const LOOK_AGAIN_MS = 30_000;
const FILTERS: readonly Filter<'service' | 'origin' | 'permanent'>[] = [
  { name: 'service', label: texts.filters.service },
  {
    name: 'origin',
    label: texts.filters.origin,
    values: [
      { value: 'manual', label: texts.origins.manual },
      { value: 'automatic', label: texts.origins.automatic },
    ],
  },
  {
    name: 'permanent',
    label: texts.filters.permanent,
    values: [
      { value: 'true', label: texts.ends.true },
      { value: 'false', label: texts.ends.false },
    ],
  },
];
const NAMES = ['search', 'service', 'origin', 'permanent'] as const;

function BlockType({ ban }: { readonly ban: BanReport }): ReactNode {
  const { data } = useApi<FirewallReport>('firewall?sources=10');
  const of = usePermanentAfter();
  return (
    <>
      {blockType(ban, of)} <span className="muted">{kindOf(ban.address)}</span>
      {data?.backend === 'dry-run' && (
        <span className="blocked-dry" title={texts.dryRunHelp}>
          {texts.dryRun}
        </span>
      )}
    </>
  );
}

function UnblockButton({ ban }: { readonly ban: BanReport }): ReactNode {
  const { may } = useSession();
  const unblock = useUnblock();
  const isAllowed = may('bans:write');
  return (
    <span title={isAllowed ? undefined : texts.mayNot}>
      <Button size="compact-sm" disabled={!isAllowed} onClick={() => unblock({ bans: [ban] })}>
        {texts.unblock}
      </Button>
    </span>
  );
}

const mono = (text: string): ReactNode => (
  <span className="mono" title={text}>
    {text}
  </span>
);

const COLUMNS: readonly Column<Row>[] = [
  { id: 'defense', header: texts.defenseType, cell: defenseType },
  { id: 'type', header: texts.blockType, cell: (ban) => <BlockType ban={ban} /> },
  { id: 'range', header: texts.blockRange, cell: ({ address }) => mono(blockRange(address)) },
  { id: 'since', header: texts.attackedAt, cell: ({ since }) => <Time at={since} /> },
  { id: 'protocol', header: texts.protocol, cell: ({ protocol }) => protocol?.toUpperCase() ?? texts.any },
  {
    id: 'port',
    header: texts.attackedPort,
    isNumber: true,
    cell: ({ attackedPort }) => attackedPort ?? texts.any,
  },
  { id: 'source', header: texts.source, cell: ({ address }) => mono(sourceOf(address)) },
  { id: 'until', header: texts.expires, cell: ({ until }) => <Expires until={until} /> },
  { id: 'operations', header: texts.operations, cell: (ban) => <UnblockButton ban={ban} /> },
  { id: 'reason', header: texts.reason, cell: ({ reason }) => <span title={reason}>{sentence(reason)}</span> },
  { id: 'country', header: texts.country, cell: ({ country }) => (country === null ? '–' : countryWords(country)) },
  {
    id: 'dropped',
    header: texts.drops,
    isNumber: true,
    cell: ({ dropped }) => (dropped === null ? '–' : formatCount(dropped)),
  },
  { id: 'service', header: texts.seenBy, cell: seenBy },
  {
    id: 'names',
    header: texts.namesTried,
    cell: ({ namesTried }) =>
      namesTried == null || namesTried.length === 0 ? (
        '–'
      ) : (
        <span className="blocked-names mono" title={namesTried.join(', ')}>
          {namesTried.join(', ')}
        </span>
      ),
  },
  {
    id: 'hit',
    header: texts.lastHit,
    cell: ({ lastHitAt }) => (lastHitAt === null ? texts.never : <Time at={lastHitAt} as="age" />),
    isHiddenAtFirst: true,
  },
  { id: 'by', header: texts.by, cell: ({ by }) => formatActor(by), isHiddenAtFirst: true },
];

const read = ({ bans, cursor }: BansPage): { readonly rows: readonly Row[]; readonly cursor: string | null } => ({
  rows: bans,
  cursor,
});

export function BlockedNow(): ReactNode {
  const { may } = useSession();
  const { address: opened } = useParams();
  const open = useDrawerOpener();
  const refresh = useRefresh();
  const unblock = useUnblock();
  const around = useRef<HTMLDivElement>(null);
  const { values, set } = useAddressFilters(NAMES);
  const { search, ...chips } = values;
  const { rows, ...pages } = usePages<BansPage, Row>('bans', { ...values, names: 'true' }, read);
  const { data: counted } = useApi<BansPage>(withQuery('bans', { ...values, limit: 1 }));
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setAll] = useState(false);
  const mayWrite = may('bans:write');
  const isFiltered = Object.keys(values).length > 0;
  const filterWords = useMemo(() => wordsOf(values), [values]);

  // Drops and last hits are no events; they are read again while somebody looks.
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) void refresh('bans');
    }, LOOK_AGAIN_MS);
    return () => clearInterval(timer);
  }, [refresh]);

  // What ended meanwhile is no longer there to be unblocked.
  const chosen = rows.filter(({ address }) => selected.has(address));
  const total = counted?.total ?? rows.length;
  const select = (after: ReadonlySet<string>): void => {
    setSelected(after);
    setAll(false);
  };
  const rowAtFocus = (): BanReport | undefined => {
    const at = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
    return at == null ? undefined : rows[Number(at)];
  };
  const ask = (): void => {
    if (isAll) unblock({ matching: values, says: filterWords });
    else if (chosen.length > 0) unblock({ bans: chosen });
  };
  useKeys(
    [
      {
        keys: 'u',
        says: texts.unblockKey,
        run: () => {
          const row = rowAtFocus();
          if (chosen.length === 0 && row !== undefined) unblock({ bans: [row] });
          else ask();
        },
      },
      {
        keys: 'p',
        says: texts.permanentKey,
        run: () => {
          const row = rowAtFocus();
          if (row !== undefined) open(`/blocked-ips/${pathOf(row.address)}`);
        },
      },
    ],
    mayWrite,
  );

  return (
    <div className="stack" ref={around}>
      <MisSetPhones />
      <LeftAlone />
      <div className="list-filters">
        <FilterChips filters={FILTERS} values={chips} onChange={set} />
        <SearchField label={texts.search} value={search ?? ''} onSearch={(text) => set({ search: text })} />
      </div>
      {chosen.length > 0 && (
        <SelectionBar
          count={isAll ? total : chosen.length}
          onAll={!isAll && total > chosen.length && chosen.length === rows.length ? () => setAll(true) : undefined}
          total={total}
          onUnblock={ask}
          onClear={() => select(new Set())}
          addresses={isAll ? [] : chosen.map(({ address }) => address)}
        />
      )}
      <DataTable
        name={texts.title}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ address }) => address}
        nameOf={({ address }) => address}
        phone={(ban) => ({
          title: mono(ban.address),
          aside: <Expires until={ban.until} isShort />,
          detail: (
            <>
              {defenseType(ban)} · {ban.reason}
            </>
          ),
          actions: <UnblockButton ban={ban} />,
        })}
        opened={opened}
        onOpen={({ address }) => open(`/blocked-ips/${pathOf(address)}`)}
        {...(mayWrite ? { selected, onSelect: select } : {})}
        pages={pages}
        empty={<Empty>{isFiltered ? texts.emptyFiltered(filterWords) : texts.empty}</Empty>}
      />
    </div>
  );
}

/** As a sentence can name them. */
const wordsOf = (values: Readonly<Partial<Record<(typeof NAMES)[number], string>>>): string =>
  [
    ...(values.search === undefined ? [] : [`“${values.search}”`]),
    ...FILTERS.flatMap(({ name, label, values: known }) => {
      const value = values[name];
      const word = known?.find((each) => each.value === value)?.label ?? value;
      return value === undefined ? [] : [`${label}: ${word}`];
    }),
  ].join(', ');

function SelectionBar({
  count,
  total,
  addresses,
  onAll,
  onUnblock,
  onClear,
}: {
  readonly count: number;
  readonly total: number;
  /** Empty: all that match. */
  readonly addresses: readonly string[];
  readonly onAll: (() => void) | undefined;
  readonly onUnblock: () => void;
  readonly onClear: () => void;
}): ReactNode {
  const navigate = useNavigate();
  const { may } = useSession();
  const [only] = addresses;
  return (
    <section className="selection-bar" aria-label={texts.selected(count)}>
      <strong role="status">{texts.selected(count)}</strong>
      {onAll !== undefined && (
        <Button variant="subtle" size="compact-sm" onClick={onAll}>
          {texts.selectMatching(total)}
        </Button>
      )}
      <Button size="compact-sm" onClick={onUnblock}>
        {texts.openUnblock(count)}
      </Button>
      {addresses.length > 0 && <PermanentlyButton size="compact-sm" addresses={addresses} onDone={onClear} />}
      {addresses.length === 1 && only !== undefined && may('allowlist:write') && (
        <Button size="compact-sm" onClick={() => void navigate(`/allowed-ips/new?value=${encodeURIComponent(only)}`)}>
          {texts.allow}
        </Button>
      )}
      <Button variant="subtle" size="compact-sm" onClick={onClear}>
        {texts.clearSelection}
      </Button>
    </section>
  );
}
