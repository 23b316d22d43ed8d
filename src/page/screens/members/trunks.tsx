/** Trunks: those of the policy and of Asterisk, with the calls that go over each now. */
import { type ReactNode, useMemo } from 'react';
import { useParams } from 'react-router';
import type { TrunkRow } from '../../../api/member-overview-routes.ts';
import type { PolicyDocument, RuleDocument } from '../../../policy/document.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { membersTexts } from '../../texts/members.ts';

const texts = membersTexts.trunks;

export interface Endpoints {
  readonly endpoints: readonly {
    readonly name: string;
    readonly kind: 'extension' | 'trunk';
    readonly hosts: readonly string[];
    readonly state: string;
  }[];
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly calls: number | undefined;
  readonly ceiling: number | undefined;
  readonly rate: string;
  /** Null: none is known of. */
  readonly failedAt: string | null;
  readonly state: string;
  readonly hosts: string;
}

const isOver = (rule: RuleDocument, trunk: string): boolean =>
  rule.enabled &&
  rule.mode === 'enforce' &&
  rule.countPer === 'trunk' &&
  (rule.appliesTo === 'all' || rule.appliesTo.trunks?.includes(trunk) === true);

const callsText = ({ calls, ceiling }: Row): string => {
  const now = calls === undefined ? membersTexts.none : formatCount(calls);
  return ceiling === undefined ? now : texts.ceiling(now, formatCount(ceiling));
};

const COLUMNS: readonly Column<Row>[] = [
  { id: 'name', header: membersTexts.name, cell: ({ name }) => name },
  { id: 'id', header: membersTexts.id, cell: ({ id }) => <span className="mono">{id}</span> },
  { id: 'now', header: texts.now, isNumber: true, cell: callsText },
  { id: 'rate', header: texts.rate, cell: ({ rate }) => <span className="mono">{rate}</span> },
  {
    id: 'failed',
    header: texts.lastFailure,
    cell: ({ failedAt }) => (failedAt === null ? membersTexts.none : <Time at={failedAt} as="age" />),
  },
  { id: 'state', header: texts.state, cell: ({ state }) => state },
  { id: 'hosts', header: texts.hosts, cell: ({ hosts }) => <span className="mono">{hosts}</span> },
];

export function Trunks({ document }: { readonly document: PolicyDocument }): ReactNode {
  const { kind, id: opened } = useParams();
  const open = useDrawerOpener();
  const live = useApi<readonly { readonly trunk: string | null }[]>('calls/live', { everyMs: 5000 }).data;
  const asterisk = useApi<Endpoints>('asterisk/endpoints').data;
  const overview = useApi<readonly TrunkRow[]>('policy/trunks', { everyMs: 30_000 }).data;
  const rows = useMemo(() => {
    const known = (asterisk?.endpoints ?? []).filter((each) => each.kind === 'trunk');
    const ids = [...new Set([...Object.keys(document.trunks), ...known.map(({ name }) => name)])];
    return ids.map((id): Row => {
      const endpoint = known.find(({ name }) => name === id);
      const rules = document.rules.filter((rule) => isOver(rule, id));
      const ceilings = rules.flatMap(({ concurrent }) => (concurrent === undefined ? [] : [concurrent]));
      return {
        id,
        name: (Object.hasOwn(document.trunks, id) ? document.trunks[id]?.name : undefined) ?? id,
        calls: live?.filter(({ trunk }) => trunk === id).length,
        ceiling: ceilings.length === 0 ? undefined : Math.min(...ceilings),
        rate: rules.flatMap(({ limits }) => limits).join(' · ') || membersTexts.none,
        failedAt: overview?.find((each) => each.id === id)?.lastFailure ?? null,
        state: endpoint?.state ?? membersTexts.none,
        hosts: endpoint?.hosts.join(', ') || membersTexts.none,
      };
    });
  }, [document, asterisk, live, overview]);
  return (
    <DataTable
      name={texts.list}
      columns={COLUMNS}
      rows={rows}
      keyOf={({ id }) => id}
      nameOf={({ name }) => name}
      opened={kind === 'trunks' ? opened : undefined}
      onOpen={({ id }) => open(`/members/edit/trunks/${encodeURIComponent(id)}`)}
      phone={(row) => ({
        title: row.name,
        aside: callsText(row),
        detail: (
          <>
            {row.rate} · {row.state}
            {row.failedAt !== null && (
              <>
                {' '}
                · {texts.failed} <Time at={row.failedAt} as="age" />
              </>
            )}
          </>
        ),
      })}
      empty={<Empty>{texts.empty}</Empty>}
    />
  );
}
