/** Calls under way on all boxes, and their end. */
import { type ReactNode, useState } from 'react';
import type { LiveCallView } from '../../../live-calls/live-call-view.ts';
import { api } from '../../api/client.ts';
import { useApi, useRefresh } from '../../api/queries.ts';
import { useSession } from '../../api/session.tsx';
import { ConfirmButton } from '../../parts/confirm.tsx';
import { type Column, DataTable } from '../../parts/data-table.tsx';
import { formatDuration, formatPhone } from '../../parts/format.ts';
import { useDrawerOpener } from '../../parts/side-drawer.tsx';
import { Empty, Shown } from '../../parts/states.tsx';
import { Time, useNow } from '../../parts/time.tsx';
import { say, sayProblem } from '../../parts/undo.tsx';
import { callTexts } from '../../texts/calls.ts';

const texts = callTexts.underWay;

interface Ended {
  readonly decision: string;
  readonly extension: string | null;
  readonly outcome: 'ended' | 'over' | 'failed';
  readonly detail: string;
}

function Lasts({ since }: { readonly since: string }): ReactNode {
  const now = useNow();
  return <span className="number">{formatDuration(now - Date.parse(since))}</span>;
}

const COLUMNS: readonly Column<LiveCallView>[] = [
  { id: 'since', header: texts.since, cell: ({ startedAt }) => <Time at={startedAt} /> },
  { id: 'lasts', header: texts.lasts, isNumber: true, cell: ({ startedAt }) => <Lasts since={startedAt} /> },
  { id: 'extension', header: callTexts.extension, cell: ({ extension }) => extension ?? callTexts.unknownExtension },
  {
    id: 'destination',
    header: callTexts.destination,
    cell: ({ destination }) => <span className="mono">{formatPhone(destination)}</span>,
  },
  { id: 'trunk', header: callTexts.trunk, cell: ({ trunk }) => trunk ?? '–' },
  {
    id: 'talk',
    header: texts.talk,
    isNumber: true,
    cell: ({ talkSeconds }) => (talkSeconds === null ? '–' : formatDuration(talkSeconds * 1000)),
  },
  { id: 'cost', header: texts.cost, isNumber: true, cell: ({ cost }) => (cost === null ? '–' : cost.toFixed(2)) },
  {
    id: 'most',
    header: texts.most,
    cell: ({ maxSeconds, startedAt }) =>
      maxSeconds === null ? '–' : <Time at={new Date(Date.parse(startedAt) + maxSeconds * 1000).toISOString()} />,
  },
  {
    id: 'box',
    header: callTexts.box,
    cell: ({ node, isCounted }) => (isCounted ? node : <span title={texts.notCounted}>{node} ?</span>),
  },
  { id: 'asterisk', header: texts.asterisk, cell: ({ asterisk }) => asterisk ?? '–', isHiddenAtFirst: true },
  {
    id: 'channel',
    header: texts.channel,
    cell: ({ channel }) => <span className="mono">{channel}</span>,
    isHiddenAtFirst: true,
  },
];

export function UnderWayTab(): ReactNode {
  const found = useApi<readonly LiveCallView[]>('calls/live', { everyMs: 3000 });
  return <Shown found={found}>{(calls) => <UnderWay calls={calls} />}</Shown>;
}

function UnderWay({ calls }: { readonly calls: readonly LiveCallView[] }): ReactNode {
  const { may } = useSession();
  const open = useDrawerOpener();
  const refresh = useRefresh();
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const mayEnd = may('calls:end');
  const selected = calls.filter(({ decision }) => chosen.has(decision));
  const end = async (): Promise<void> => {
    const answers: Ended[] = [];
    for (const { decision } of selected)
      answers.push(...(await api<readonly Ended[]>('POST', 'calls/live/end', { body: { decision } })));
    const count = (outcome: Ended['outcome']): number => answers.filter((each) => each.outcome === outcome).length;
    const over = count('over');
    if (count('ended') + over > 0)
      say([texts.ended(count('ended')), ...(over > 0 ? [texts.over(over)] : [])].join(' '));
    for (const { extension, detail } of answers.filter(({ outcome }) => outcome === 'failed'))
      sayProblem(texts.failed(extension ?? callTexts.unknownExtension, detail));
    setChosen(new Set(answers.filter(({ outcome }) => outcome === 'failed').map(({ decision }) => decision)));
    await refresh('calls', 'dashboard');
  };
  return (
    <div className="stack">
      {calls.length > 0 && (
        <div className="calls-bar">
          <span className="muted">{mayEnd ? texts.select : texts.mayNot}</span>
          {mayEnd && (
            <ConfirmButton
              disabled={selected.length === 0}
              consequence={texts.endMeans(selected.length)}
              confirms={texts.end(selected.length)}
              onConfirm={end}
            >
              {texts.end(selected.length)}
            </ConfirmButton>
          )}
        </div>
      )}
      <DataTable
        name={texts.name}
        columns={COLUMNS}
        rows={calls}
        keyOf={({ decision }) => decision}
        nameOf={({ extension, destination }) => `${extension ?? callTexts.unknownExtension} ${destination}`}
        phone={(call) => ({
          title: `${call.extension ?? callTexts.unknownExtension} → ${formatPhone(call.destination)}`,
          aside: <Lasts since={call.startedAt} />,
          detail: [
            ...(call.trunk === null ? [] : [call.trunk]),
            call.node,
            ...(call.cost === null ? [] : [texts.costs(call.cost.toFixed(2))]),
          ].join(' · '),
        })}
        onOpen={({ decision }) => open(`/calls/${decision}`)}
        {...(mayEnd ? { selected: chosen, onSelect: setChosen } : {})}
        empty={<Empty>{texts.empty}</Empty>}
      />
    </div>
  );
}
