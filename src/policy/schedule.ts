/**
 * When a rule holds: windows of the week, holidays, and the two questions "open now?" and "until when?".
 *
 * A schedule is a set of wall-clock minutes. An instant is open exactly when what a clock on the wall of its zone shows
 * then, date and hour and minute, lies on a holiday or in a window: on or after `from` on a day of the window, and before
 * `to` on that day or, where the window crosses midnight or says so, on the following one. Nothing else is asked.
 *
 * So a minute that the clock skips in spring is never reached: 02:15 to 02:45 is closed that night, 02:30 to 05:00 opens
 * at 03:00. A minute that it shows twice in autumn counts both times: 01:00 to 02:00 lasts two hours, and 22:00 to 01:30
 * closes, opens again as the clock goes back, and closes for good. The other way, to translate each edge into an instant,
 * has to invent an instant for an edge that does not exist (luxon moves 02:30 to 03:30); people who read the clock beside
 * the rule would find it wrong. A day that a zone leaves out, as Samoa did 30 December 2011, is never reached either, but a
 * window that begins on it still reaches into the next.
 *
 * Exact for every zone since January 1972, when the last offset with seconds in it ended (Africa/Monrovia).
 */
import { IANAZone } from 'luxon';
import { z } from 'zod';
import type { EpochMs } from './call.ts';

/** In the order of the week, as documents write them. */
export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** The epoch, day 0, was a Thursday. */
const EPOCH_WEEKDAY = WEEKDAYS.indexOf('thu');

const MOST_WINDOWS = 100;
const MOST_HOLIDAYS = 1000;

const shown = (text: string): string => (text.length > 20 ? `${text.slice(0, 20)}…` : text);

/**
 * Reads a time of day.
 *
 * @returns minutes after midnight, 1440 for `24:00`; or a sentence that says what to write.
 */
export function parseTime(text: string): { readonly minutes: number } | { readonly problem: string } {
  const [, hour, minute] = /^(\d{1,2}):(\d\d)$/.exec(text) ?? [];
  const minutes = Number(hour) * 60 + Number(minute);
  if (hour === undefined || Number(minute) > 59 || minutes > DAY_MINUTES) {
    return { problem: `"${shown(text)}" is not a time; write hours and minutes such as 08:30, at most 24:00` };
  }
  if (hour.length < 2) return { problem: `"${text}" is not a time; write 0${text}` };
  return { minutes };
}

/** @returns days since 1970-01-01, or a sentence that says what to write. */
function parseDate(text: string): { readonly day: number } | { readonly problem: string } {
  const [, year, month, dayOfMonth] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? [];
  if (year === undefined) {
    return { problem: `"${shown(text)}" is not a date; write year, month and day such as 2026-12-25` };
  }
  if (Number(year) < 1970) return { problem: `"${text}" is before 1970` };
  const epochMs = Date.UTC(Number(year), Number(month) - 1, Number(dayOfMonth));
  // 30 February would be taken for 2 March.
  if (new Date(epochMs).toISOString().slice(0, 10) !== text) return { problem: `"${text}" is not in the calendar` };
  return { day: epochMs / DAY_MS };
}

const isMissing = (input: unknown): boolean => input === undefined;

/** YAML of old, and some programs, read an unquoted 18:00 as a number and a date as an object. */
const textLike = (sample: string, what: string) =>
  z.string({
    error: ({ input }) => (isMissing(input) ? undefined : `is not a ${what}; write it in quotes such as "${sample}"`),
  });

const time = textLike('18:00', 'time').check((context) => {
  const parsed = parseTime(context.value);
  if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
});

const date = textLike('2026-12-25', 'date').check((context) => {
  const parsed = parseDate(context.value);
  if ('problem' in parsed) context.issues.push({ code: 'custom', message: parsed.problem, input: context.value });
});

const weekday = textLike('mon', 'day').transform((text, context): Weekday => {
  const day = WEEKDAYS.find((each) => each === text);
  if (day !== undefined) return day;
  context.issues.push({ code: 'custom', message: notADay(text), input: text });
  return z.NEVER;
});

function notADay(text: string): string {
  const [first, last, ...rest] = text
    .toLowerCase()
    .split(/\s*(?:-|–|to)\s*/)
    .map((word) => WEEKDAYS.findIndex((day) => word.startsWith(day)));
  const start = `"${shown(text)}" is not a day; `;
  const known = `write ${WEEKDAYS.join(', ')}`;
  if (first === undefined || first < 0 || rest.length > 0) return `${start}${known}`;
  if (last === undefined) return `${start}write ${WEEKDAYS[first]}`;
  if (last < 0) return `${start}${known}`;
  const length = ((last - first + 7) % 7) + 1;
  const days = Array.from({ length }, (_, step) => WEEKDAYS[(first + step) % 7]);
  return `${start}write each one: ${days.join(', ')}`;
}

/** Reports every entry that stood in the list before. */
const withoutRepeats = <T extends string>(context: z.core.ParsePayload<T[]>): void => {
  context.value.forEach((entry, at) => {
    if (context.value.indexOf(entry) === at) return;
    const message = `"${entry}" is listed twice`;
    context.issues.push({ code: 'custom', message, input: entry, path: [at], continue: true });
  });
};

const windowSchema = z
  .strictObject({
    days: z
      .array(weekday)
      .nonempty({ error: `is empty; name at least one of ${WEEKDAYS.join(', ')}` })
      .check(withoutRepeats),
    from: time,
    /** Not after `from`: on the following day. */
    to: time,
    /** Ends on the following day although `to` is after `from`. False is the same as leaving it out. */
    nextDay: z.boolean().optional(),
  })
  .check((context) => {
    const { from, to, nextDay } = context.value;
    if (context.issues.length > 0) return;
    if (from === '24:00') {
      const message = '"24:00" is the end of a day and begins nothing; write 00:00 and the day after';
      context.issues.push({ code: 'custom', message, input: from, path: ['from'], continue: true });
    } else if (from === to && nextDay !== true) {
      const message = `"${to}" is where the window begins, so it never opens; for a whole day write from "00:00" to "24:00", to end a day later add nextDay: true`;
      context.issues.push({ code: 'custom', message, input: to, path: ['to'], continue: true });
    }
  });

/** A time zone by its name in the IANA data. */
export const timezoneSchema = textLike('America/New_York', 'time zone').refine((zone) => IANAZone.isValidZone(zone), {
  error: 'is not a time zone; write one like America/New_York',
});

/** As the time zone of a schedule: the clock where the called party is, see called-hours.ts. */
export const CALLED_ZONE = 'called';

const scheduleTimezone = textLike('America/New_York', 'time zone').refine(
  (zone) => zone === CALLED_ZONE || IANAZone.isValidZone(zone),
  { error: `is not a time zone; write one like America/New_York, or ${CALLED_ZONE} for that of the called party` },
);

export const scheduleSchema = z
  .strictObject({
    name: z
      .string()
      .max(127, { error: 'is longer than 127 characters' })
      // Control characters would let a name break a log line or a table.
      .regex(/^[^\p{Cc}]*$/u, { error: 'holds a control character' })
      .optional(),
    /** Absent: the time zone of the policy. */
    timezone: scheduleTimezone.optional(),
    windows: z
      .array(windowSchema)
      .max(MOST_WINDOWS, { error: `has more than ${MOST_WINDOWS} entries` })
      .default([]),
    /** Dates, each open all day by the clock of the zone. */
    holidays: z
      .array(date)
      .max(MOST_HOLIDAYS, { error: `has more than ${MOST_HOLIDAYS} entries` })
      .check(withoutRepeats)
      .default([]),
  })
  .check((context) => {
    const { windows, holidays } = context.value;
    if (context.issues.length > 0 || windows.length > 0 || holidays.length > 0) return;
    const message = 'is never open; add a window or a holiday';
    context.issues.push({ code: 'custom', message, input: context.value, continue: true });
  });

export type ScheduleDocument = z.infer<typeof scheduleSchema>;
export type ScheduleWindow = ScheduleDocument['windows'][number];

/** A minute on the wall: minutes from 1970-01-01 00:00 as the clock of the zone shows them, without regard to offsets. */
export type WallMinute = number;

/** @returns days since 1970-01-01, its place in the week (0 is Monday) and minutes after midnight */
export function readWallMinute(wall: WallMinute): {
  readonly day: number;
  readonly weekday: number;
  readonly minute: number;
} {
  const day = Math.floor(wall / DAY_MINUTES);
  return { day, weekday: modulo(day + EPOCH_WEEKDAY, 7), minute: wall - day * DAY_MINUTES };
}

export interface Schedule {
  readonly document: ScheduleDocument;
  /** The zone whose clock counts, by its IANA name. */
  readonly zone: string;
  /** Means the clock of whoever is called: what is said here is for a number of which nothing is known. */
  readonly isCalled: boolean;
  readonly isOpen: (at: EpochMs) => boolean;
  /**
   * The next instant after `at` that is open where `at` is closed, or closed where it is open: always a whole minute.
   * Undefined when there is none, because the schedule covers the whole week or only days that are over.
   */
  readonly nextChange: (at: EpochMs) => EpochMs | undefined;
  /** What the clock on the wall shows. */
  readonly wallMinute: (at: EpochMs) => WallMinute;
  /** By the clock on the wall alone, whether or not that minute is ever reached. */
  readonly isOpenAtWall: (wall: WallMinute) => boolean;
  readonly isHoliday: (wall: WallMinute) => boolean;
}

/**
 * Compiles a document that `scheduleSchema` accepted.
 *
 * `isOpen` remembers the last minute that it was asked about, so that a busy minute costs one look at the time zone
 * (3 µs) and every further call next to nothing; `nextChange` remembers the change that it named last.
 *
 * @param defaultZone the zone where the document names none, or `called`
 * @throws {RangeError} on times, dates and zones that the schema refuses: documents are checked before they are compiled
 */
export function compileSchedule(document: ScheduleDocument, defaultZone: string): Schedule {
  const isCalled = document.timezone === CALLED_ZONE;
  const zone = IANAZone.create(isCalled ? defaultZone : (document.timezone ?? defaultZone));
  if (!zone.isValid) throw new RangeError(`"${zone.name}" is not a time zone`);
  const spans = openSpans(document.windows);
  const holidayDays = document.holidays.map(dayOf).sort((a, b) => a - b);
  const holidays = new Set(holidayDays);

  const wallMinute = (at: number): WallMinute => Math.floor(at / MINUTE_MS + zone.offset(at));
  const isHoliday = (wall: WallMinute): boolean => holidays.has(Math.floor(wall / DAY_MINUTES));
  const isOpenAtWall = (wall: WallMinute): boolean => {
    const inWeek = weekMinute(wall);
    return isHoliday(wall) || spans.some(({ from, to }) => inWeek >= from && inWeek < to);
  };

  /** The first wall minute from `begin` on, before `end`, that is not in the state `open`. */
  const firstOther = (open: boolean, begin: WallMinute, end: WallMinute): WallMinute | undefined => {
    let wall = begin;
    while (wall < end) {
      if (isOpenAtWall(wall) !== open) return wall;
      wall = nextEdge(spans, wall);
    }
    return undefined;
  };

  /** The end of the stretch of one offset that begins here, after a day at most. */
  const endOfStretch = (begin: number): number => {
    const offset = zone.offset(begin);
    let same = begin;
    let end = begin + DAY_MS;
    // No two changes of any zone since 1972 lie within a day of each other; the closest are a week apart (America/Boa_Vista).
    if (zone.offset(end) === offset) return end;
    while (end - same > MINUTE_MS) {
      const middle = same + Math.floor((end - same) / MINUTE_MS / 2) * MINUTE_MS;
      if (zone.offset(middle) === offset) same = middle;
      else end = middle;
    }
    return end;
  };

  let rememberedMinute = Number.NaN;
  let rememberedOpen = false;
  const isOpen = (at: EpochMs): boolean => {
    const minute = Math.floor(at / MINUTE_MS);
    if (minute !== rememberedMinute) {
      rememberedOpen = isOpenAtWall(wallMinute(at));
      rememberedMinute = minute;
    }
    return rememberedOpen;
  };

  const isAlways = spans[0]?.from === 0 && spans[0].to === WEEK_MINUTES;
  // A change waits for no more than the holidays in a row, a week, and the few days on which a zone leaves an edge out.
  const mostStretches = 4 * holidayDays.length + 60;
  const findChange = (at: EpochMs): EpochMs | undefined => {
    if (isAlways) return undefined;
    const open = isOpen(at);
    let begin = Math.floor(at / MINUTE_MS) * MINUTE_MS;
    for (let left = mostStretches; left > 0; left--) {
      if (spans.length === 0 && !open) {
        // Offsets are less than a day: a day begins within a day of its date in UTC, before or after, or is left out; and it
        // ends up to a day behind that date, where a clock set back may begin it anew.
        const next = holidayDays.find((day) => (day + 2) * DAY_MS > begin);
        if (next === undefined) return undefined;
        begin = Math.max(begin, (next - 1) * DAY_MS);
      }
      const end = endOfStretch(begin);
      const wall = wallMinute(begin);
      const other = firstOther(open, wall, wall + (end - begin) / MINUTE_MS);
      if (other !== undefined) return (begin + (other - wall) * MINUTE_MS) as EpochMs;
      begin = end;
    }
    return undefined;
  };

  // Its last answer holds until the change that it names: calls come much more often than changes.
  let askedAt = Number.POSITIVE_INFINITY;
  let lastChange: EpochMs | undefined;
  const nextChange = (at: EpochMs): EpochMs | undefined => {
    if (lastChange !== undefined && at >= askedAt && at < lastChange) return lastChange;
    askedAt = at;
    lastChange = findChange(at);
    return lastChange;
  };

  return Object.freeze({
    document,
    zone: zone.name,
    isCalled,
    isOpen,
    nextChange,
    wallMinute,
    isOpenAtWall,
    isHoliday,
  });
}

/** Minutes after Monday 00:00, `to` not included. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The windows as spans of the week in order, apart from each other; what runs over Sunday goes on at its beginning. */
function openSpans(windows: readonly ScheduleWindow[]): readonly Span[] {
  const pieces = windows
    .flatMap((window) => {
      const { from, to } = windowMinutes(window);
      return window.days.map((day) => {
        const midnight = WEEKDAYS.indexOf(day) * DAY_MINUTES;
        return { from: midnight + from, to: midnight + to };
      });
    })
    .flatMap(({ from, to }) =>
      to <= WEEK_MINUTES
        ? [{ from, to }]
        : [
            { from, to: WEEK_MINUTES },
            { from: 0, to: to - WEEK_MINUTES },
          ],
    )
    .sort((a, b) => a.from - b.from);
  const spans: Span[] = [];
  for (const piece of pieces) {
    const last = spans.at(-1);
    if (last === undefined || piece.from > last.to) spans.push(piece);
    else spans[spans.length - 1] = { from: last.from, to: Math.max(last.to, piece.to) };
  }
  return spans;
}

/** @returns minutes after the midnight that the window's day begins with; `to` above 1440 is on the following day */
export function windowMinutes({ from, to, nextDay }: Pick<ScheduleWindow, 'from' | 'to' | 'nextDay'>): Span {
  const begin = minutesOf(from);
  const end = minutesOf(to);
  return { from: begin, to: nextDay === true || end <= begin ? end + DAY_MINUTES : end };
}

function minutesOf(text: string): number {
  const parsed = parseTime(text);
  if ('problem' in parsed) throw new RangeError(parsed.problem);
  return parsed.minutes;
}

function dayOf(text: string): number {
  const parsed = parseDate(text);
  if ('problem' in parsed) throw new RangeError(parsed.problem);
  return parsed.day;
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by;
const weekMinute = (wall: WallMinute): number => modulo(wall + EPOCH_WEEKDAY * DAY_MINUTES, WEEK_MINUTES);

/** The next minute at which anything can change: an edge of a span, or the midnight at which a holiday begins or ends. */
function nextEdge(spans: readonly Span[], wall: WallMinute): WallMinute {
  const midnight = (Math.floor(wall / DAY_MINUTES) + 1) * DAY_MINUTES;
  const inWeek = weekMinute(wall);
  const edges = spans.flatMap(({ from, to }) => [from, to]).filter((edge) => edge > inWeek);
  return Math.min(midnight, wall + Math.min(...edges) - inWeek);
}
