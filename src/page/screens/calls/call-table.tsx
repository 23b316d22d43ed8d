/** All calls, or those that were refused: filters, search, the list, and what came meanwhile. */
import { Button, CloseButton } from '@mantine/core';
import { type ReactNode, useRef } from 'react';
import type { CallEnd } from '../../../gate/call-sequels.ts';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressFilters } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { type Filter, FilterChips } from '../../parts/filter-chips.tsx';
import { capital, formatCount, formatDuration, formatMoment, formatPhone, sentence } from '../../parts/format.ts';
import { SearchField } from '../../parts/search-field.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time, useNow, useZone } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { callTexts } from '../../texts/calls.ts';
import { partTexts } from '../../texts/frame.ts';
import { verdictTexts } from '../../texts/verdicts.ts';
import { useCallList } from './call-list.ts';
import { CALL_FILTERS, type CallFilters, type CallRow } from './call-rows.ts';
import { costOf, holdOf, trunksOf } from './call-words.ts';
import { RowActions } from './raise.tsx';

export const verdictChips = (row: CallRow): ReactNode => (
  <span className="calls-verdicts">
    <Verdict verdict={row.verdict} />
    {row.shadow.length > 0 && (
      <span title={callTexts.wouldToo(row.shadow.map((rule) => row.names.get(rule) ?? rule).join(', '))}>
        <Verdict verdict="block" isShadow />
      </span>
    )}
  </span>
);

/** What decided: a rule by its name, or what is asked before rules. */
export function decidedBy({ rule, layer, names, store }: CallRow): string {
  if (layer !== 'rules') return callTexts.layer[layer];
  if (rule !== null) return names.get(rule) ?? rule;
  return store === 'failed' ? callTexts.storeAway : '–';
}

const who = ({ extension, extensionName }: CallRow): ReactNode => (
  <span className="calls-clip">
    {extension ?? callTexts.unknownExtension}
    {extensionName !== null && <span className="muted"> {extensionName}</span>}
  </span>
);

const Lasted = ({ end: { seconds, talkSeconds } }: { readonly end: CallEnd }): ReactNode => (
  <span title={talkSeconds === null ? callTexts.notAnswered : callTexts.talked(formatDuration(talkSeconds * 1000))}>
    {formatDuration(seconds * 1000)}
  </span>
);

const number = ({ destination, dialled }: CallRow): ReactNode => (
  <span className="mono" title={dialled}>
    {formatPhone(destination)}
  </span>
);

const COLUMNS: readonly Column<CallRow>[] = [
  { id: 'time', header: callTexts.time, cell: ({ at }) => <Time at={at} /> },
  { id: 'verdict', header: callTexts.verdict, cell: verdictChips },
  { id: 'extension', header: callTexts.extension, cell: who },
  {
    id: 'destination',
    header: callTexts.destination,
    cell: (row) => (
      <>
        {number(row)}{' '}
        <span className="muted calls-label" title={row.destinationLabel}>
          {row.destinationLabel === 'unknown' ? '' : row.destinationLabel}
        </span>
      </>
    ),
  },
  { id: 'trunk', header: callTexts.trunks, cell: trunksOf },
  {
    id: 'rule',
    header: callTexts.rule,
    cell: (row) => (
      <span className="calls-clip" title={`${decidedBy(row)}: ${sentence(row.reason)}`}>
        {decidedBy(row)}
      </span>
    ),
  },
  {
    id: 'reason',
    header: callTexts.reason,
    cell: ({ reason }) => sentence(reason),
    isHiddenAtFirst: true,
  },
  {
    id: 'duration',
    header: callTexts.duration,
    isNumber: true,
    cell: ({ end }) => (end === null ? '–' : <Lasted end={end} />),
  },
  { id: 'cost', header: callTexts.cost.column, isNumber: true, cell: ({ end }) => (end === null ? '–' : costOf(end)) },
  {
    id: 'source',
    header: callTexts.source,
    cell: ({ source }) => <span className="mono">{source ?? '–'}</span>,
    isHiddenAtFirst: true,
  },
  { id: 'campaign', header: callTexts.campaign, cell: ({ campaign }) => campaign ?? '–', isHiddenAtFirst: true },
  { id: 'agent', header: callTexts.agent, cell: ({ dialler }) => dialler?.agent ?? '–', isHiddenAtFirst: true },
  {
    id: 'dialled',
    header: callTexts.dialledBy,
    cell: ({ dialler }) => (dialler === undefined ? '–' : capital(dialler.kind)),
    isHiddenAtFirst: true,
  },
  {
    id: 'waited',
    header: callTexts.waited,
    isNumber: true,
    cell: ({ waitMs, held }) =>
      (waitMs ?? held?.waitedMs) === undefined ? '–' : callTexts.ms(formatCount(waitMs ?? held?.waitedMs ?? 0)),
    isHiddenAtFirst: true,
  },
  {
    id: 'hold',
    header: callTexts.hold,
    cell: ({ held }) => (held === null ? '–' : holdOf(held)),
    isHiddenAtFirst: true,
  },
  { id: 'box', header: callTexts.box, cell: ({ node }) => node, isHiddenAtFirst: true },
  { id: 'id', header: callTexts.decision, cell: ({ id }) => <span className="mono">{id}</span>, isHiddenAtFirst: true },
];

const actionsColumn = (onWhy: (row: CallRow) => void): Column<CallRow> => ({
  id: 'actions',
  header: callTexts.raise.header,
  cell: (row) => <RowActions row={row} onWhy={() => onWhy(row)} />,
});

type FilterName = Exclude<(typeof CALL_FILTERS)[number], 'text' | 'since' | 'until'>;
const FILTERS: readonly Filter<FilterName>[] = [
  {
    name: 'verdict',
    label: callTexts.verdict.toLowerCase(),
    values: Object.entries(verdictTexts.does).map(([value, label]) => ({ value, label })),
  },
  { name: 'extension', label: callTexts.extension.toLowerCase() },
  { name: 'destination', label: callTexts.destination.toLowerCase() },
  { name: 'rule', label: callTexts.rule.toLowerCase() },
  { name: 'trunk', label: callTexts.trunk.toLowerCase() },
  { name: 'label', label: callTexts.label },
  { name: 'shadow', label: callTexts.shadow },
];

export function CallTable({
  isRefused,
  isPaused,
  onPause,
}: {
  readonly isRefused: boolean;
  readonly isPaused: boolean;
  readonly onPause: () => void;
}): ReactNode {
  const around = useRef<HTMLDivElement>(null);
  const open = useDrawerOpener();
  const { values, set } = useAddressFilters(CALL_FILTERS);
  const filters: CallFilters = isRefused ? { ...values, verdict: 'block' } : values;
  const { rows, waiting, showWaiting, ...pages } = useCallList(filters, isPaused, around);
  const { text, since, until, ...chosen } = values;
  const columns = [...COLUMNS, actionsColumn((row) => open(`/calls/${row.id}`))];
  const isFiltered = Object.keys(values).length > 0;
  useKeys([
    { keys: ' ', says: callTexts.pauseKey, run: onPause },
    {
      keys: 'f',
      says: callTexts.filterKey,
      run: () => around.current?.querySelector<HTMLElement>('.chips [aria-haspopup]')?.click(),
    },
    {
      keys: 'w',
      says: callTexts.why.key,
      run: () => {
        const at = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
        const row = at == null ? undefined : rows[Number(at)];
        if (row !== undefined) open(`/calls/${row.id}`);
      },
    },
  ]);
  return (
    <div className="stack" ref={around}>
      <div className="calls-filters">
        <FilterChips
          filters={isRefused ? FILTERS.filter(({ name }) => name !== 'verdict') : FILTERS}
          values={chosen}
          onChange={set}
        />
        <PeriodChip since={since} until={until} onRemove={() => set({ since: undefined, until: undefined })} />
        <SearchField label={callTexts.search} value={text ?? ''} onSearch={(found) => set({ text: found })} />
      </div>
      {waiting > 0 && (
        <Button
          className="calls-waiting"
          onClick={() => {
            around.current?.querySelector('.table-scroller')?.scrollTo({ top: 0 });
            scrollTo({ top: 0 });
            showWaiting();
          }}
        >
          {callTexts.newOnes(waiting)}
        </Button>
      )}
      <DataTable
        name={callTexts.list}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ extension, destination }) => `${extension ?? callTexts.unknownExtension} ${destination}`}
        phone={(row) => ({
          title: verdictChips(row),
          aside: <Time at={row.at} />,
          detail: (
            <>
              {row.extension ?? callTexts.unknownExtension}
              {row.extensionName === null ? '' : ` ${row.extensionName}`} → {number(row)}
              {decidedBy(row) === '–' ? '' : ` · ${decidedBy(row)}`}
              {row.held === null ? '' : ` · ${holdOf(row.held)}`}
              {row.end === null ? '' : ` · ${formatDuration(row.end.seconds * 1000)}`}
              {row.end === null || row.end.cost === null ? '' : ` · ${costOf(row.end)}`}
              <FreeIn row={row} />
            </>
          ),
        })}
        onOpen={({ id }) => open(`/calls/${id}`)}
        pages={pages}
        empty={
          pages.more.isThere ? (
            <Empty
              action={
                <Button loading={pages.more.isLoading} onClick={pages.more.load}>
                  {partTexts.loadMore}
                </Button>
              }
            >
              {callTexts.lookFurther}
            </Empty>
          ) : (
            <Empty>{isFiltered ? callTexts.emptyFiltered : isRefused ? callTexts.emptyRefused : callTexts.empty}</Empty>
          )
        }
      />
      {!isRefused && <p className="muted">{callTexts.keptHelp}</p>}
    </div>
  );
}

function FreeIn({ row }: { readonly row: CallRow }): ReactNode {
  const now = useNow();
  if (row.verdict !== 'block' || row.retryAfterSeconds === null) return null;
  const leftMs = Date.parse(row.at) + row.retryAfterSeconds * 1000 - now;
  return leftMs <= 0 ? null : ` · ${callTexts.freeIn(formatDuration(leftMs))}`;
}

function PeriodChip({
  since,
  until,
  onRemove,
}: {
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly onRemove: () => void;
}): ReactNode {
  const zone = useZone();
  const now = useNow(60_000);
  if (since === undefined && until === undefined) return null;
  const shown = (at: string | undefined): string => (at === undefined ? '…' : formatMoment(Date.parse(at), now, zone));
  return (
    <span className="chip">
      {callTexts.period}: <strong>{callTexts.until(shown(since), shown(until))}</strong>
      <CloseButton size="sm" aria-label={callTexts.removePeriod} onClick={onRemove} />
    </span>
  );
}
