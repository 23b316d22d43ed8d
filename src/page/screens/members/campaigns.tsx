/** Campaigns of a dialler: those that rules name and those that came with the calls of the last day. */
import type { ReactNode } from 'react';
import { useNavigate } from 'react-router';
import type { DecisionReport } from '../../../gate/report.ts';
import type { PolicyDocument } from '../../../policy/document.ts';
import { useApi } from '../../api/queries.ts';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatCount } from '../../parts/format.ts';
import { Empty, Shown } from '../../parts/states.tsx';
import { membersTexts } from '../../texts/members.ts';

const texts = membersTexts.campaigns;

interface Row {
  readonly id: string;
  readonly calls: number;
  readonly refused: number;
  readonly limits: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { id: 'campaign', header: texts.campaign, cell: ({ id }) => id },
  { id: 'calls', header: texts.calls, isNumber: true, cell: ({ calls }) => formatCount(calls) },
  { id: 'refused', header: texts.refused, isNumber: true, cell: ({ refused }) => formatCount(refused) },
  { id: 'limits', header: texts.limits, cell: ({ limits }) => limits },
];

export function Campaigns({ document }: { readonly document: PolicyDocument }): ReactNode {
  const calls = useApi<{ readonly calls: readonly DecisionReport[] }>('calls?limit=1000', { everyMs: 60_000 });
  const navigate = useNavigate();
  return (
    <Shown found={calls}>
      {(found) => {
        const seen = found.calls.filter(({ at }) => Date.parse(at) > Date.now() - 86_400_000);
        const named = document.rules.flatMap(({ appliesTo }) =>
          appliesTo === 'all' ? [] : (appliesTo.campaigns ?? []),
        );
        const ids = [...new Set([...named, ...seen.flatMap(({ campaign }) => (campaign === null ? [] : [campaign]))])];
        const rows = ids.map((id): Row => {
          const its = seen.filter(({ campaign }) => campaign === id);
          const rules = document.rules.filter(
            ({ appliesTo }) => appliesTo !== 'all' && appliesTo.campaigns?.includes(id) === true,
          );
          return {
            id,
            calls: its.length,
            refused: its.filter(({ verdict }) => verdict === 'block').length,
            limits: rules.map((rule) => rule.name ?? rule.id).join(', ') || membersTexts.none,
          };
        });
        return (
          <DataTable
            name={texts.list}
            columns={COLUMNS}
            rows={rows}
            keyOf={({ id }) => id}
            nameOf={({ id }) => id}
            onOpen={({ id }) => void navigate(`/calls?campaign=${encodeURIComponent(id)}`)}
            phone={({ id, calls: count, limits }) => ({ title: id, aside: formatCount(count), detail: limits })}
            empty={<Empty>{texts.empty}</Empty>}
          />
        );
      }}
    </Shown>
  );
}
