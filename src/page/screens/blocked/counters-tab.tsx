/** What the packet filter dropped: by reason, by rule and by source. */
import type { ReactNode } from 'react';
import type { FirewallReport } from '../../../api/firewall-routes.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount, sentence } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { blockedTexts } from '../../texts/blocked.ts';
import { pathOf } from './bans.ts';

const texts = blockedTexts.counters;

interface Reason {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
}
type Source = FirewallReport['sources'][number];

const bytes = (count: number): string =>
  count < 1e4
    ? `${formatCount(count)} B`
    : count < 1e7
      ? `${formatCount(Math.round(count / 1e3))} kB`
      : `${formatCount(Math.round(count / 1e6))} MB`;

const REASONS: readonly Column<Reason>[] = [
  { id: 'what', header: texts.what, cell: ({ name }) => name },
  { id: 'packets', header: texts.packets, isNumber: true, cell: ({ packets }) => formatCount(packets) },
  { id: 'bytes', header: texts.bytes, isNumber: true, cell: (each) => bytes(each.bytes) },
];
const SOURCES: readonly Column<Source>[] = [
  { id: 'address', header: texts.address, cell: ({ address }) => <span className="mono">{address}</span> },
  { id: 'why', header: texts.why, cell: ({ why }) => texts.whys[why] },
  { id: 'packets', header: texts.packets, isNumber: true, cell: ({ packets }) => formatCount(packets) },
  { id: 'bytes', header: texts.bytes, isNumber: true, cell: (each) => bytes(each.bytes) },
];

export function CountersTab(): ReactNode {
  const found = useApi<FirewallReport>('firewall?sources=200', { everyMs: 10_000 });
  return <Shown found={found}>{(firewall) => <Counters firewall={firewall} />}</Shown>;
}

function Counters({ firewall }: { readonly firewall: FirewallReport }): ReactNode {
  const open = useDrawerOpener();
  const { dropped, limited, sources, blocked, node, backend, problem } = firewall;
  if (dropped === null) return <Empty>{problem === null ? texts.none : sentence(problem)}</Empty>;
  const reasons: readonly Reason[] = [
    ...namesOf(texts.reasons).map((name) => ({ name: texts.reasons[name], ...dropped[name] })),
    ...(limited === null ? [] : namesOf(texts.limits).map((name) => ({ name: texts.limits[name], ...limited[name] }))),
  ];
  const openOne = ({ address }: { readonly address: string }): void => open(`/blocked-ips/${pathOf(address)}`);
  return (
    <div className="stack">
      <p className="muted">
        {texts.box(node, backend)}. {texts.since} {texts.perPort}
      </p>
      <div className="blocked-counters">
        <section>
          <h2>{texts.name}</h2>
          <DataTable
            name={texts.name}
            columns={REASONS}
            rows={reasons}
            keyOf={({ name }) => name}
            nameOf={({ name }) => name}
            phone={(each) => ({ title: each.name, aside: formatCount(each.packets), detail: bytes(each.bytes) })}
            empty={<Empty>{texts.noSources}</Empty>}
          />
        </section>
        <section>
          <h2>{texts.sources}</h2>
          <DataTable
            name={texts.sources}
            columns={SOURCES}
            rows={sources}
            keyOf={({ address }) => address}
            nameOf={({ address }) => address}
            phone={(each) => ({
              title: <span className="mono">{each.address}</span>,
              aside: formatCount(each.packets),
              detail: `${texts.whys[each.why]} · ${bytes(each.bytes)}`,
            })}
            onOpen={openOne}
            empty={<Empty>{texts.noSources}</Empty>}
          />
        </section>
      </div>
      {blocked.length > 0 && (
        <section className="panel">
          <h2>{texts.blockedNow}</h2>
          <ul className="blocked-phones">
            {blocked.slice(0, 50).map(({ address, until, packets }) => (
              <li key={address}>
                <span className="mono">{address}</span>
                <span>
                  {texts.until} <Time at={until} />
                </span>
                <span className="muted">
                  {formatCount(packets)} {texts.packets.toLowerCase()}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

/** Keys of a text, typed. */
function namesOf<T extends object>(of: T): readonly (keyof T)[] {
  // Object.keys forgets which they are.
  return Object.keys(of) as (keyof T)[];
}
