/** Health: whether every part of this daemon works, since when, and what to do where one does not. */
import { type ReactNode, useId } from 'react';
import { Outlet, useParams } from 'react-router';
import type { PartStatus, Status } from '../../../status.ts';
import { useApi } from '../../api/queries.ts';
import { useAddressValue } from '../../parts/address-state.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { capital, formatActor, formatCount, sentence } from '../../parts/format.ts';
import { Screen } from '../../parts/screen.tsx';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { TabLinks } from '../../parts/tab-links.tsx';
import { Time } from '../../parts/time.tsx';
import { Verdict } from '../../parts/verdict.tsx';
import { healthTexts } from '../../texts/health.ts';
import { DoctorTab } from './doctor-tab.tsx';
import { Took } from './latency.tsx';
import { NodeTable } from './node-table.tsx';
import { Said } from './said.tsx';
import { State } from './state.tsx';
import './health.css';

export function HealthScreen(): ReactNode {
  const [chosen] = useAddressValue('tab');
  const tab = chosen === 'doctor' ? 'doctor' : '';
  const id = useId();
  return (
    <Screen title={healthTexts.title} purpose={healthTexts.purpose}>
      <TabLinks
        name="tab"
        current={tab}
        panel={id}
        tabs={[
          { value: '', label: healthTexts.tabs.status },
          { value: 'doctor', label: healthTexts.tabs.doctor },
        ]}
      />
      <div id={id}>{tab === 'doctor' ? <DoctorTab /> : <StatusTab />}</div>
      <Outlet />
    </Screen>
  );
}

function StatusTab(): ReactNode {
  const status = useApi<Status>('status', { everyMs: 15_000 });
  return (
    <Shown found={status}>
      {(found) => (
        <div className="stack">
          <Summary status={found} />
          <Down parts={found.parts} />
          <Parts parts={found.parts} />
          <NodeTable />
        </div>
      )}
    </Shown>
  );
}

function Summary({ status }: { readonly status: Status }): ReactNode {
  const down = status.parts.filter(({ state }) => state === 'down').length;
  const { policy, calls } = status;
  return (
    <section className="panel health-summary">
      <h2>
        <State isUp={down === 0}>{down === 0 ? healthTexts.allWell : healthTexts.down(down)}</State>
      </h2>
      <dl className="facts">
        <dt>{healthTexts.node}</dt>
        <dd>{status.node}</dd>
        <dt>{healthTexts.version}</dt>
        <dd>{status.version}</dd>
        <dt>{healthTexts.started}</dt>
        <dd>
          <Time at={status.startedAt} as="age" />
        </dd>
        <dt>{healthTexts.policy}</dt>
        <dd>
          {healthTexts.policyIs(policy.version, policy.rules)}, {healthTexts.changedBy(formatActor(policy.changedBy))},{' '}
          <Time at={policy.changedAt} as="age" />
        </dd>
        <dt>{healthTexts.took}</dt>
        <dd>
          <Took latency={status.latency.decisions} what={healthTexts.took} />
        </dd>
        <dt>{healthTexts.storeTook}</dt>
        <dd>
          <Took latency={status.latency.store} what={healthTexts.storeTook} />
        </dd>
        <dt>{healthTexts.decided}</dt>
        <dd className="row">
          {(['allow', 'alert', 'wait', 'hold', 'block'] as const).map((verdict) => (
            <span key={verdict} className="row health-count">
              <Verdict verdict={verdict} />
              <span className="number">{formatCount(calls[verdict])}</span>
            </span>
          ))}
        </dd>
      </dl>
    </section>
  );
}

/** What does not work: since when, what it says, what to do. */
function Down({ parts }: { readonly parts: readonly PartStatus[] }): ReactNode {
  const down = parts.filter(({ state }) => state === 'down');
  return down.map(({ name, since, detail, remedy }) => (
    <section key={name} className="panel health-down">
      <h2>
        <State isUp={false}>{healthTexts.downSince(capital(name))}</State> <Time at={since} as="age" />
      </h2>
      <p>
        <Said text={sentence(detail)} />
      </p>
      <p>
        <strong>{healthTexts.whatToDo}:</strong> <Said text={sentence(remedy)} />
      </p>
    </section>
  ));
}

const stateOf = ({ state }: PartStatus): ReactNode => (
  <State isUp={state === 'up'}>{state === 'up' ? healthTexts.up : healthTexts.isDown}</State>
);

const COLUMNS: readonly Column<PartStatus>[] = [
  { id: 'part', header: healthTexts.part, cell: ({ name }) => capital(name) },
  { id: 'state', header: healthTexts.state, cell: stateOf },
  { id: 'since', header: healthTexts.since, cell: ({ since }) => <Time at={since} /> },
  { id: 'detail', header: healthTexts.detail, cell: ({ detail }) => <Said text={detail} /> },
];

function Parts({ parts }: { readonly parts: readonly PartStatus[] }): ReactNode {
  const { name: opened } = useParams();
  const open = useDrawerOpener();
  // What does not work comes first.
  const rows = parts.toSorted((a, b) => a.state.localeCompare(b.state));
  return (
    <DataTable
      name={healthTexts.parts}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ name }) => name}
      nameOf={({ name }) => name}
      phone={(part) => ({ title: capital(part.name), aside: stateOf(part), detail: <Said text={part.detail} /> })}
      opened={opened}
      onOpen={({ name }) => open(`/health/parts/${encodeURIComponent(name)}`)}
      empty={<Empty>{healthTexts.allWell}</Empty>}
    />
  );
}
