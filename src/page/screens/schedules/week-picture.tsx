/** A week of a schedule, to look at: seven bars of open time. What it says stands beside it as a sentence. */
import type { ReactNode } from 'react';
import type { ScheduleWindow } from '../../../policy/schedule.ts';
import { schedulesTexts as texts } from '../../texts/schedules.ts';
import { DAY, DAYS, merged, spansOf } from './week.ts';
import './week.css';

export interface WallNow {
  readonly weekday: number;
  readonly minute: number;
}

export function WeekPicture({
  windows,
  now,
  days = DAYS.map((_, day) => day),
}: {
  readonly windows: readonly ScheduleWindow[];
  readonly now: WallNow | undefined;
  /** Which of the week; all, if not given. */
  readonly days?: readonly number[];
}): ReactNode {
  const spans = merged(spansOf(windows));
  return (
    <div className="week-picture" aria-hidden>
      {days.map((day) => (
        <div key={day} className="week-day">
          <span className="week-name">{texts.shortDays[day]}</span>
          <svg viewBox={`0 0 ${DAY} 10`} preserveAspectRatio="none" aria-hidden>
            <rect className="week-closed" x={0} y={0} width={DAY} height={10} />
            {spans.map(({ from, to }) => {
              const [begin, end] = [Math.max(from, day * DAY), Math.min(to, (day + 1) * DAY)];
              return begin >= end ? null : (
                <rect key={from} className="week-open" x={begin - day * DAY} y={0} width={end - begin} height={10} />
              );
            })}
            {now?.weekday === day && <rect className="week-now" x={now.minute - 4} y={0} width={8} height={10} />}
          </svg>
        </div>
      ))}
      <div className="week-day">
        <span className="week-name" />
        <span className="week-ruler">
          {['00', '06', '12', '18', '24'].map((hour) => (
            <span key={hour}>{hour}</span>
          ))}
        </span>
      </div>
    </div>
  );
}
