/**
 * What a schedule means, written for reading and not for speed: the reference that src/policy/schedule.ts is compared
 * with. It asks luxon for the clock on the wall and then tries every window on today and on the day before, by the
 * names of days and the texts of times, without a timeline of minutes.
 */
import { DateTime } from 'luxon';

export interface ModelSchedule {
  readonly windows: readonly {
    readonly days: readonly string[];
    readonly from: string;
    readonly to: string;
    readonly nextDay?: boolean | undefined;
  }[];
  readonly holidays: readonly string[];
}

/** The clock on the wall at an instant. */
export interface ModelWall {
  /** `18:00` */
  readonly time: string;
  /** `2026-12-25` */
  readonly date: string;
  /** Today and yesterday: `fri`, `thu`. */
  readonly days: readonly [string, string];
}

const NAMES = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const two = (value: number): string => String(value).padStart(2, '0');

export function modelWall(epochMs: number, zone: string): ModelWall {
  const local = DateTime.fromMillis(epochMs, { zone });
  const name = (daysAgo: number): string => NAMES[(local.weekday - daysAgo + 14) % 7] ?? '';
  return {
    time: `${two(local.hour)}:${two(local.minute)}`,
    date: `${local.year}-${two(local.month)}-${two(local.day)}`,
    days: [name(0), name(1)],
  };
}

export function modelIsOpen(schedule: ModelSchedule, { time, date, days }: ModelWall): boolean {
  if (schedule.holidays.includes(date)) return true;
  return schedule.windows.some((window) => {
    const endsNextDay = window.nextDay === true || window.to <= window.from;
    const [today, yesterday] = days.map((day) => window.days.includes(day));
    if (today === true && time >= window.from && (endsNextDay || time < window.to)) return true;
    return yesterday === true && endsNextDay && time < window.to;
  });
}
