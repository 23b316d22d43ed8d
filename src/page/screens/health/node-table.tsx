/** The daemons that share this store: whether each is there, and whether it has what the others have. */
import type { ReactNode } from 'react';
import type { ListedNode } from '../../../api/nodes-routes.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { healthTexts } from '../../texts/health.ts';
import { State } from './state.tsx';

const texts = healthTexts.nodes;

const nameOf = ({ node, isThis }: ListedNode): string =>
  isThis ? texts.thisOne(node) : node === '' ? texts.unnamed : node;
const stateOf = ({ isAlive, heardAt }: ListedNode): ReactNode => (
  <State isUp={isAlive}>
    {isAlive ? (
      texts.alive
    ) : (
      <span>
        {texts.silent} <Time at={heardAt} />
      </span>
    )}
  </State>
);
const policyOf = ({ documents, isCurrent, isAlive }: ListedNode): string => {
  const version = documents['policy'];
  return version === undefined ? '–' : isCurrent || !isAlive ? texts.policyIs(version) : texts.behind(version);
};

const COLUMNS: readonly Column<ListedNode>[] = [
  { id: 'node', header: healthTexts.node, cell: nameOf },
  { id: 'state', header: healthTexts.state, cell: stateOf },
  { id: 'version', header: healthTexts.version, cell: ({ version }) => (version === '' ? '–' : version) },
  { id: 'policy', header: healthTexts.policy, cell: policyOf },
  {
    id: 'started',
    header: healthTexts.started,
    cell: ({ startedAt }) => (startedAt === null ? '–' : <Time at={startedAt} as="age" />),
  },
];

export function NodeTable(): ReactNode {
  const found = useApi<readonly ListedNode[]>('nodes', { everyMs: 10_000 });
  return (
    <section className="stack">
      <h2>{texts.title}</h2>
      <Shown found={found} rows={1}>
        {(nodes) => {
          const versions = new Set(
            nodes.filter(({ isAlive, version }) => isAlive && version !== '').map((each) => each.version),
          );
          return (
            <>
              {versions.size > 1 && <p>{texts.differ([...versions].join(', '))}</p>}
              <DataTable
                name={texts.title}
                columns={COLUMNS}
                rows={nodes}
                keyOf={({ node, startedAt, heardAt }) => `${node} ${startedAt ?? heardAt}`}
                nameOf={nameOf}
                phone={(node) => ({
                  title: nameOf(node),
                  aside: stateOf(node),
                  detail: `${healthTexts.version} ${node.version || '–'}, ${policyOf(node)}`,
                })}
                empty={<Empty>{texts.unnamed}</Empty>}
              />
            </>
          );
        }}
      </Shown>
    </section>
  );
}
