/** What a schedule says, from the daemon: its sentence, gaps, what comes next, and when the clocks change. */
import { IconCheck } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import type { ScheduleState } from '../../../api/schedule-state-routes.ts';
import type { ScheduleDocument } from '../../../policy/schedule.ts';
import { sentence } from '../../parts/format.ts';
import { useZoneName } from '../../parts/time.tsx';
import { schedulesTexts } from '../../texts/schedules.ts';
import { clock, DAY, spansOf, stretches, WEEK } from './week.ts';

const texts = schedulesTexts.form;

export function Said({
  state,
  schedule,
}: {
  readonly state: ScheduleState;
  readonly schedule: ScheduleDocument;
}): ReactNode {
  const here = useZoneName();
  const [next] = state.changes;
  const open = stretches(spansOf(schedule.windows));
  const isWhole = open.some(({ from, to }) => to - from >= WEEK);
  // Worth saying where several windows, or days, make one stretch.
  const joined = open.find(({ from, to }) => to - from > DAY && to - from < WEEK);
  const at = (minute: number): string =>
    `${schedulesTexts.days[Math.floor(minute / DAY) % 7] ?? ''} ${clock(minute % DAY)}`;
  const wallHere = (iso: string): string =>
    new Intl.DateTimeFormat('en-GB', { timeZone: here, weekday: 'short', hour: '2-digit', minute: '2-digit' }).format(
      new Date(iso),
    );
  return (
    <>
      <p className="rule-sentence">“{sentence(state.sentence)}”</p>
      {isWhole && <p>{texts.whole}</p>}
      {joined !== undefined && (
        <p className="schedule-check">
          <IconCheck size={16} stroke={1.75} aria-hidden />
          {texts.noGap(at(joined.from), at(joined.to))}
        </p>
      )}
      {!state.isCalled && state.changes.length > 0 && (
        <p>
          <strong>{texts.next}</strong>{' '}
          {state.changes
            .map(({ opens, wall }) => (opens ? schedulesTexts.opens(wall) : schedulesTexts.closes(wall)))
            .join(', ')}
        </p>
      )}
      {state.clockChange !== null && !state.isCalled && (
        <p className="muted">
          {texts.clocks}{' '}
          {new Intl.DateTimeFormat('en-GB', {
            timeZone: state.zone,
            day: 'numeric',
            month: 'short',
            year: 'numeric',
          }).format(new Date(state.clockChange))}
        </p>
      )}
      {next !== undefined && !state.isCalled && here !== state.zone && (
        <p className="muted">{texts.yours(next.wall, wallHere(next.at).replace(',', ''))}</p>
      )}
    </>
  );
}
