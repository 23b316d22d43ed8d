/**
 * A schedule shown to people: as one sentence, and as a picture of a week for the terminal.
 *
 * Both say what is written, by the clock on the wall: a half hour that the clock skips that week is drawn like any other,
 * and a line below the picture says when the clock is moved. Whether an instant is open, schedule.ts alone decides.
 */
import type { EpochMs } from './call.ts';
import {
  MINUTE_MS,
  readWallMinute,
  type Schedule,
  type ScheduleWindow,
  type WallMinute,
  WEEKDAYS,
  windowMinutes,
} from './schedule.ts';

const DAY_MINUTES = 1440;
const CELL_MINUTES = 30;

const DAY_NAMES = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'] as const;
const dayName = (weekday: number): string => DAY_NAMES[weekday] ?? '';

/**
 * `Monday to Friday 18:00 to 08:00 the next day, Saturday all day; also all day on 2026-12-25; America/New_York`, or at
 * the end `by the clock of whoever is called`.
 */
export function describeSchedule(schedule: Schedule): string {
  const { windows, holidays } = schedule.document;
  const parts = windows.map((window) => `${describeDays(window)} ${describeHours(window)}`);
  const [first, second] = holidays.toSorted();
  const dates =
    first === undefined
      ? []
      : [
          second === undefined
            ? `all day on ${first}`
            : holidays.length === 2
              ? `all day on ${first} and ${second}`
              : `all day on ${holidays.length} holidays`,
        ];
  const also = parts.length > 0 && dates.length > 0 ? '; also ' : '';
  return `${parts.join(', ')}${also}${dates.join('')}; ${clockOf(schedule)}`;
}

/** Whose clock it is. */
const clockOf = (schedule: Schedule): string =>
  schedule.isCalled ? 'by the clock of whoever is called' : schedule.zone;

function describeDays({ days }: Pick<ScheduleWindow, 'days'>): string {
  const chosen = WEEKDAYS.map((day) => days.includes(day));
  if (chosen.every(Boolean)) return 'every day';
  const runs: string[] = [];
  for (let start = 0; start < 7; start++) {
    if (chosen[start] !== true) continue;
    let end = start;
    while (chosen[end + 1] === true) end++;
    if (end - start < 2) for (let each = start; each <= end; each++) runs.push(dayName(each));
    else runs.push(`${dayName(start)} to ${dayName(end)}`);
    start = end;
  }
  const last = runs.pop() ?? '';
  return runs.length === 0 ? last : `${runs.join(', ')} and ${last}`;
}

function describeHours(window: ScheduleWindow): string {
  const { from, to } = windowMinutes(window);
  if (from === 0 && to === DAY_MINUTES) return 'all day';
  return `${window.from} to ${window.to}${to > DAY_MINUTES ? ' the next day' : ''}`;
}

const BLOCKS = { open: '█', partly: '▒', closed: '·' } as const;
const PLAIN_BLOCKS = { open: '#', partly: '+', closed: '.' } as const;

const HEAD_COLUMNS = 'mon 11-16 '.length;
const HOURS_ON_RULER = Array.from({ length: 12 }, (_, at) => String(at * 2).padStart(2, '0'));

/**
 * The week around an instant, Monday first: a row for each day, a column for each half hour, at most 80 columns wide. By
 * the clock of whoever is called there is no now: the picture then says so and marks none.
 *
 * @param options.ascii only characters of ASCII, for terminals without block characters
 * @returns lines without a last line feed
 */
export function weekPicture(schedule: Schedule, at: EpochMs, options: { readonly ascii?: boolean } = {}): string {
  const blocks = options.ascii === true ? PLAIN_BLOCKS : BLOCKS;
  const now = schedule.wallMinute(at);
  const today = readWallMinute(now);
  const monday = today.day - today.weekday;
  const cells = WEEKDAYS.map((_, weekday) =>
    Array.from({ length: DAY_MINUTES / CELL_MINUTES }, (_, cell) =>
      blockAt(schedule, (monday + weekday) * DAY_MINUTES + cell * CELL_MINUTES, blocks),
    ).join(''),
  );
  const rows = cells.map((row, weekday) => {
    const midnight = (monday + weekday) * DAY_MINUTES;
    const isToday = !schedule.isCalled && weekday === today.weekday;
    const marks = [schedule.isHoliday(midnight) ? ' holiday' : '', isToday ? ' today' : ''];
    return `${WEEKDAYS[weekday]} ${isoDate(monday + weekday).slice(5)} ${row}${marks.join('')}`;
  });
  const ruler = `${' '.repeat(HEAD_COLUMNS)}${HOURS_ON_RULER.join('  ')}`;
  const partly = cells.some((row) => row.includes(blocks.partly)) ? `  ${blocks.partly} open for a part of it` : '';
  const legend = `${' '.repeat(HEAD_COLUMNS)}${blocks.open} open  ${blocks.closed} closed${partly}`;
  if (schedule.isCalled) return [`${clockOf(schedule)}: now depends on the number`, ruler, ...rows, legend].join('\n');
  return [
    schedule.zone,
    describeNow(schedule, at),
    ruler,
    ...rows,
    `${' '.repeat(HEAD_COLUMNS + Math.floor(today.minute / CELL_MINUTES))}^ now`,
    legend,
    ...clockChanges(schedule, at).map((line) => `${' '.repeat(HEAD_COLUMNS)}${line}`),
  ].join('\n');
}

function blockAt(schedule: Schedule, wall: WallMinute, blocks: Readonly<Record<keyof typeof BLOCKS, string>>): string {
  let open = 0;
  for (let minute = 0; minute < CELL_MINUTES; minute++) if (schedule.isOpenAtWall(wall + minute)) open++;
  if (open === 0) return blocks.closed;
  return open === CELL_MINUTES ? blocks.open : blocks.partly;
}

/** `thu 10:20: closed, opens thu 18:00`. */
function describeNow(schedule: Schedule, at: EpochMs): string {
  const now = schedule.wallMinute(at);
  const change = schedule.nextChange(at);
  const [is, next] = schedule.isOpen(at) ? ['open', 'closes'] : ['closed', 'opens'];
  const then =
    change === undefined ? 'for good' : `${next} ${dayAndTime(schedule.wallMinute(change), readWallMinute(now).day)}`;
  return `${dayAndTime(now)}: ${is}, ${then}`;
}

/** `fri 18:00`, with the date when it is more than six days from the other day. */
function dayAndTime(wall: WallMinute, from?: number): string {
  const { day, weekday, minute } = readWallMinute(wall);
  const date = from === undefined || Math.abs(day - from) < 7 ? '' : ` ${isoDate(day)}`;
  return `${WEEKDAYS[weekday]}${date} ${clockTime(minute)}`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');
const clockTime = (minute: number): string => `${twoDigits(Math.floor(minute / 60))}:${twoDigits(minute % 60)}`;
const isoDate = (day: number): string => new Date(day * DAY_MINUTES * MINUTE_MS).toISOString().slice(0, 10);

/** Each move of the clock in the week around an instant: when, by the clock as it was, and where to. */
function clockChanges(schedule: Schedule, at: EpochMs): string[] {
  const wallAfter = (minutes: number): WallMinute => schedule.wallMinute((start + minutes * MINUTE_MS) as EpochMs);
  const { day, weekday, minute } = readWallMinute(schedule.wallMinute(at));
  // A day more on either side: with a change in between, counting back does not end at Monday 00:00.
  const start = Math.floor(at / MINUTE_MS) * MINUTE_MS - ((weekday + 1) * DAY_MINUTES + minute) * MINUTE_MS;
  const lines: string[] = [];
  for (let hour = 0; hour < 9 * 24; hour++) {
    if (wallAfter((hour + 1) * 60) - wallAfter(hour * 60) === 60) continue;
    for (let step = hour * 60; step < (hour + 1) * 60; step++) {
      const [before, after] = [wallAfter(step) + 1, wallAfter(step + 1)];
      const inDays = readWallMinute(before).day - (day - weekday);
      if (before === after || inDays < 0 || inDays > 6) continue;
      lines.push(`the clock goes from ${dayAndTime(before)} to ${dayAndTime(after)}`);
    }
  }
  return lines;
}
