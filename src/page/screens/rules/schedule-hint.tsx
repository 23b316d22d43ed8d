/** The week of the schedule that was chosen: its sentence and a picture of it. */
import type { ReactNode } from 'react';
import type { ListedSchedule } from '../../../api/schedule-state-routes.ts';
import type { ScheduleDocument } from '../../../policy/schedule.ts';
import { useApi } from '../../api/queries.ts';
import { sentence } from '../../parts/format.ts';
import { WeekPicture } from '../schedules/week-picture.tsx';

export function ScheduleHint({ id }: { readonly id: string | undefined }): ReactNode {
  const states = useApi<readonly ListedSchedule[]>(id === undefined ? undefined : 'policy/schedules').data;
  const schedule = useApi<ScheduleDocument>(id === undefined ? undefined : `schedules/${encodeURIComponent(id)}`).data;
  const state = states?.find((each) => each.id === id);
  if (state === undefined || schedule === undefined) return null;
  return (
    <div className="stack">
      <p>“{sentence(state.sentence)}”</p>
      <WeekPicture windows={schedule.windows} now={state.isCalled ? undefined : state.now} />
    </div>
  );
}
