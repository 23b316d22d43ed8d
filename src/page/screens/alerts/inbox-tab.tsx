/** What happened: each thing once, with how often, who was told, and who looks after it. */
import { Button, SegmentedControl } from '@mantine/core';
import { IconCheck, IconClock, IconX } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import { Link, useParams } from 'react-router';
import type { ListedAlert } from '../../../api/alerts-routes.ts';
import { usePages } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { useKeys } from '../../frame/keys.tsx';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { capital, formatActor, formatCount } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { alertTexts as texts } from '../../texts/alerts.ts';
import { useAcknowledge, useSnooze } from './acknowledging.ts';

export const stateOf = ({ state, acknowledgedBy, snoozedUntil }: ListedAlert): ReactNode =>
  state === 'acknowledged' && acknowledgedBy !== null ? (
    `${texts.states.acknowledged} ${texts.acknowledgedBy(formatActor(acknowledgedBy))}`
  ) : snoozedUntil !== null ? (
    <>
      {texts.snoozedUntil} <Time at={snoozedUntil} as="clock" />
    </>
  ) : state === 'open' ? (
    <strong>{texts.states.open}</strong>
  ) : (
    texts.states[state]
  );

const toldOf = ({ deliveries }: ListedAlert): ReactNode =>
  deliveries.length === 0 ? (
    texts.toldNobody
  ) : (
    <span className="alerts-told">
      {deliveries.map((each) => (
        <Delivery key={each.channel} delivery={each} />
      ))}
    </span>
  );

const DELIVERIES = { taken: IconCheck, waiting: IconClock, retrying: IconX, 'given-up': IconX } as const;

export const deliveryOf = ({ state, attempts }: ListedAlert['deliveries'][number]): string => {
  switch (state) {
    case 'taken':
      return texts.deliveries.taken;
    case 'waiting':
      return texts.deliveries.waiting;
    case 'retrying':
      return texts.deliveries.retrying(attempts);
    case 'given-up':
      return texts.deliveries.givenUp;
    default:
      return state satisfies never;
  }
};

/** `desk ✓`, `phone ✕ retry 2`. */
function Delivery({ delivery }: { readonly delivery: ListedAlert['deliveries'][number] }): ReactNode {
  const { channel, state, problem } = delivery;
  const Icon = DELIVERIES[state];
  return (
    <span className="alerts-delivery" data-state={state} title={problem ?? undefined}>
      {channel} <Icon size={14} stroke={2} aria-hidden />
      <span className={state === 'taken' ? 'unseen' : undefined}>{deliveryOf(delivery)}</span>
    </span>
  );
}

export function SnoozeButton({
  alert,
  isCompact = false,
}: {
  readonly alert: ListedAlert;
  readonly isCompact?: boolean;
}): ReactNode {
  const { may } = useSession();
  const { snooze, wake } = useSnooze();
  if (alert.state !== 'open') return null;
  const isMine = may('alerts:write');
  const isSnoozed = alert.snoozedUntil !== null;
  const does = isSnoozed ? texts.wake : texts.snooze;
  return (
    <Button
      {...(isCompact ? { size: 'compact-sm' } : {})}
      className="alerts-acknowledge"
      aria-label={`${does}: ${alert.title}`}
      disabled={!isMine}
      title={isMine ? undefined : texts.notYours}
      onClick={() => void (isSnoozed ? wake(alert.id) : snooze(alert.id))}
    >
      {does}
    </Button>
  );
}

export function AcknowledgeButton({
  alert,
  isCompact = false,
}: {
  readonly alert: ListedAlert;
  readonly isCompact?: boolean;
}): ReactNode {
  const { may } = useSession();
  const acknowledge = useAcknowledge();
  if (alert.state !== 'open') return null;
  const isMine = may('alerts:write');
  return (
    <Button
      {...(isCompact ? { size: 'compact-sm' } : {})}
      className="alerts-acknowledge"
      aria-label={`${texts.acknowledge}: ${alert.title}`}
      disabled={!isMine}
      title={isMine ? undefined : texts.notYours}
      onClick={() => void acknowledge(alert.id)}
    >
      {texts.acknowledge}
    </Button>
  );
}

const COLUMNS: readonly Column<ListedAlert>[] = [
  { id: 'what', header: texts.what, cell: ({ title }) => capital(title) },
  { id: 'state', header: texts.state, cell: stateOf },
  { id: 'severity', header: texts.severity, cell: severityOf },
  { id: 'count', header: texts.count, isNumber: true, cell: ({ count }) => formatCount(count) },
  { id: 'last', header: texts.last, cell: ({ lastAt }) => <Time at={lastAt} as="age" /> },
  { id: 'told', header: texts.told, cell: toldOf },
  {
    id: 'operations',
    header: texts.operations,
    cell: (alert) => (
      <span className="row">
        <AcknowledgeButton alert={alert} isCompact />
        <SnoozeButton alert={alert} isCompact />
      </span>
    ),
  },
  { id: 'first', header: texts.first, cell: ({ since }) => <Time at={since} />, isHiddenAtFirst: true },
  { id: 'kind', header: texts.kind, cell: kindOf, isHiddenAtFirst: true },
];

export function severityOf({ severity }: ListedAlert): string {
  return Object.entries(texts.severities).find(([name]) => name === severity)?.[1] ?? severity;
}
export function kindOf({ kind }: Pick<ListedAlert, 'kind'>): string {
  return Object.entries(texts.kinds).find(([name]) => name === kind)?.[1] ?? kind;
}

const readAlerts = (rows: readonly ListedAlert[]) => ({ rows });

export function InboxTab(): ReactNode {
  const { id: opened } = useParams();
  const { may } = useSession();
  const [state, setState] = useAddressValue('state');
  const open = useDrawerOpener();
  const acknowledge = useAcknowledge();
  const isAll = state === 'all';
  const { rows, ...pages } = usePages<readonly ListedAlert[], ListedAlert>(
    'alerts',
    { state: isAll ? 'all' : undefined },
    readAlerts,
  );
  useKeys(
    [
      {
        keys: 'a',
        says: texts.key,
        run: () => {
          const at = document.activeElement?.closest('[data-index]')?.getAttribute('data-index');
          const alert = at == null ? undefined : rows[Number(at)];
          if (alert?.state === 'open') void acknowledge(alert.id);
        },
      },
    ],
    may('alerts:write'),
  );
  return (
    <div className="stack">
      <div>
        <SegmentedControl
          aria-label={texts.show}
          value={isAll ? 'all' : 'open'}
          data={[
            { value: 'open', label: texts.onlyOpen },
            { value: 'all', label: texts.all },
          ]}
          onChange={(value) => setState(value === 'all' ? 'all' : '')}
        />
      </div>
      <DataTable
        name={texts.list}
        columns={COLUMNS}
        rows={rows}
        keyOf={({ id }) => id}
        nameOf={({ title }) => title}
        phone={(alert) => ({
          title: capital(alert.title),
          aside: <Time at={alert.lastAt} as="age" />,
          detail: (
            <>
              {stateOf(alert)} · {alert.count > 1 && `×${formatCount(alert.count)} · `}
              {texts.told}: {toldOf(alert)}
            </>
          ),
          ...(alert.state === 'open'
            ? {
                actions: (
                  <span className="row">
                    <AcknowledgeButton alert={alert} />
                    <SnoozeButton alert={alert} />
                  </span>
                ),
              }
            : {}),
        })}
        opened={opened}
        onOpen={({ id }) => open(`/alerts/${encodeURIComponent(id)}`)}
        pages={pages}
        empty={
          <Empty
            action={
              <Button component={Link} to="/alerts?tab=channels">
                {texts.tabs.channels}
              </Button>
            }
          >
            {isAll ? texts.emptyAll : texts.empty}
          </Empty>
        }
      />
    </div>
  );
}
