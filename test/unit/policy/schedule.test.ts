import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import type { EpochMs } from '../../../src/policy/call.ts';
import { formatProblem, problemsOf } from '../../../src/policy/problem.ts';
import {
  compileSchedule,
  parseTime,
  readWallMinute,
  type Schedule,
  scheduleSchema,
} from '../../../src/policy/schedule.ts';
import { describeSchedule, weekPicture } from '../../../src/policy/schedule-week.ts';

type Written = z.input<typeof scheduleSchema>;
type Windows = NonNullable<Written['windows']>;

const NEW_YORK = 'America/New_York';
const WEEKDAYS: Windows[number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri'];
const EVERY_DAY: Windows[number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** "18:00-08:00 on weekdays and all weekend", as the contract writes it. */
const AFTER_HOURS: Windows = [
  { days: WEEKDAYS, from: '18:00', to: '08:00' },
  { days: ['sat'], from: '00:00', to: '24:00' },
  { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
];

const scheduleOf = (written: Written, zone = NEW_YORK): Schedule =>
  compileSchedule(scheduleSchema.parse(written), zone);
const instant = (text: string): EpochMs => Date.parse(text) as EpochMs;
const textOf = (at: EpochMs): string => new Date(at).toISOString().replace(':00.000Z', 'Z');

/** The next changes after an instant, each with what begins then. */
function changesAfter(schedule: Schedule, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at = schedule.nextChange(instant(from)); at !== undefined; at = schedule.nextChange(at)) {
    found.push(`${textOf(at)} ${schedule.isOpen(at) ? 'opens' : 'closes'}`);
    if (found.length === count) break;
  }
  return found;
}

const problemsWith = (value: unknown): string[] => {
  const parsed = scheduleSchema.safeParse(value, { reportInput: true });
  return parsed.success ? [] : problemsOf(scheduleSchema, parsed.error).map(formatProblem);
};
const problemsOfWindow = (window: object): string[] =>
  problemsWith({ windows: [{ days: ['mon'], from: '08:00', to: '17:00', ...window }] });

const BAD: ReadonlyArray<readonly [name: string, problems: () => string[], expected: string]> = [
  [
    'an hour that does not exist',
    () => problemsOfWindow({ from: '25:00' }),
    'windows[0].from: "25:00" is not a time; write hours and minutes such as 08:30, at most 24:00',
  ],
  [
    'a minute that does not exist',
    () => problemsOfWindow({ to: '17:60' }),
    'windows[0].to: "17:60" is not a time; write hours and minutes such as 08:30, at most 24:00',
  ],
  [
    'a time after the end of the day',
    () => problemsOfWindow({ to: '24:01' }),
    'windows[0].to: "24:01" is not a time; write hours and minutes such as 08:30, at most 24:00',
  ],
  [
    'a time with seconds',
    () => problemsOfWindow({ to: '17:00:00' }),
    'windows[0].to: "17:00:00" is not a time; write hours and minutes such as 08:30, at most 24:00',
  ],
  [
    'a book instead of a time',
    () => problemsOfWindow({ to: '7'.repeat(50_000) }),
    `windows[0].to: "${'7'.repeat(20)}…" is not a time; write hours and minutes such as 08:30, at most 24:00`,
  ],
  [
    'an hour of one digit',
    () => problemsOfWindow({ from: '8:00' }),
    'windows[0].from: "8:00" is not a time; write 08:00',
  ],
  [
    'a time without quotes, which old YAML takes for a number',
    () => problemsOfWindow({ from: 1080 }),
    'windows[0].from: is not a time; write it in quotes such as "18:00"',
  ],
  ['a missing time', () => problemsOfWindow({ to: undefined }), 'windows[0].to: is missing; expected text'],
  [
    'a window from the end of a day',
    () => problemsOfWindow({ from: '24:00', to: '08:00' }),
    'windows[0].from: "24:00" is the end of a day and begins nothing; write 00:00 and the day after',
  ],
  [
    'a window that ends where it begins',
    () => problemsOfWindow({ from: '18:00', to: '18:00' }),
    'windows[0].to: "18:00" is where the window begins, so it never opens; for a whole day write from "00:00" to "24:00", to end a day later add nextDay: true',
  ],
  [
    'no days',
    () => problemsOfWindow({ days: [] }),
    'windows[0].days: is empty; name at least one of mon, tue, wed, thu, fri, sat, sun',
  ],
  ['a day twice', () => problemsOfWindow({ days: ['mon', 'tue', 'mon'] }), 'windows[0].days[2]: "mon" is listed twice'],
  [
    'an unknown day',
    () => problemsOfWindow({ days: ['xyz'] }),
    'windows[0].days[0]: "xyz" is not a day; write mon, tue, wed, thu, fri, sat, sun',
  ],
  [
    'a day written out',
    () => problemsOfWindow({ days: ['Monday'] }),
    'windows[0].days[0]: "Monday" is not a day; write mon',
  ],
  [
    'a range of days',
    () => problemsOfWindow({ days: ['fri-mon'] }),
    'windows[0].days[0]: "fri-mon" is not a day; write each one: fri, sat, sun, mon',
  ],
  [
    'a range of days to nowhere',
    () => problemsOfWindow({ days: ['mon-xyz'] }),
    'windows[0].days[0]: "mon-xyz" is not a day; write mon, tue, wed, thu, fri, sat, sun',
  ],
  [
    'three days in one',
    () => problemsOfWindow({ days: ['mon-tue-wed'] }),
    'windows[0].days[0]: "mon-tue-wed" is not a day; write mon, tue, wed, thu, fri, sat, sun',
  ],
  ['days that are no list', () => problemsOfWindow({ days: 'mon' }), 'windows[0].days: expected a list, got text'],
  [
    'an unknown key',
    () => problemsOfWindow({ nextday: true }),
    'windows[0].nextday: unknown key; did you mean nextDay?',
  ],
  [
    'a date in another order',
    () => problemsWith({ holidays: ['25.12.2026'] }),
    'holidays[0]: "25.12.2026" is not a date; write year, month and day such as 2026-12-25',
  ],
  [
    'a date that no year has',
    () => problemsWith({ holidays: ['2026-02-30'] }),
    'holidays[0]: "2026-02-30" is not in the calendar',
  ],
  [
    'a leap day of another year',
    () => problemsWith({ holidays: ['2100-02-29'] }),
    'holidays[0]: "2100-02-29" is not in the calendar',
  ],
  [
    'a month that does not exist',
    () => problemsWith({ holidays: ['2026-13-01'] }),
    'holidays[0]: "2026-13-01" is not in the calendar',
  ],
  [
    'a date before the epoch',
    () => problemsWith({ holidays: ['0099-12-25'] }),
    'holidays[0]: "0099-12-25" is before 1970',
  ],
  [
    'a date that arrives as an object',
    () => problemsWith({ holidays: [new Date(0)] }),
    'holidays[0]: is not a date; write it in quotes such as "2026-12-25"',
  ],
  [
    'a date twice',
    () => problemsWith({ holidays: ['2026-12-25', '2026-12-25'] }),
    'holidays[1]: "2026-12-25" is listed twice',
  ],
  ['nothing at all', () => problemsWith({}), 'is never open; add a window or a holiday'],
  [
    'a window that is a mistake, and only that',
    () => problemsWith({ windows: [{ days: ['mon'], from: '08:00', to: '25:00' }] }),
    'windows[0].to: "25:00" is not a time; write hours and minutes such as 08:30, at most 24:00',
  ],
  [
    'an unknown zone',
    () => problemsWith({ timezone: 'Mars/Olympus', holidays: ['2026-12-25'] }),
    'timezone: is not a time zone; write one like America/New_York, or called for that of the called party',
  ],
  [
    'too many windows',
    () => problemsWith({ windows: Array.from({ length: 101 }, () => ({ days: ['mon'], from: '08:00', to: '09:00' })) }),
    'windows: has more than 100 entries',
  ],
  [
    'too many holidays',
    () =>
      problemsWith({
        holidays: Array.from({ length: 1001 }, (_, at) => new Date(at * 864e5).toISOString().slice(0, 10)),
      }),
    'holidays: has more than 1000 entries',
  ],
  [
    'a name that would break a line',
    () => problemsWith({ name: 'a\nb', holidays: ['2026-12-25'] }),
    'name: holds a control character',
  ],
  [
    'a name as long as a page',
    () => problemsWith({ name: 'a'.repeat(128), holidays: ['2026-12-25'] }),
    'name: is longer than 127 characters',
  ],
];

describe('a written schedule', () => {
  it.each(BAD)('with %s is refused in a sentence that says what to write', (_, problems, expected) => {
    expect(problems()).toEqual([expected]);
  });

  it('is kept as it was written, with empty lists for what was left out', () => {
    expect(scheduleSchema.parse({ windows: AFTER_HOURS })).toEqual({ windows: AFTER_HOURS, holidays: [] });
    const holidays = ['2026-12-25', '2024-02-29'];
    expect(scheduleSchema.parse({ name: 'Closed', timezone: 'Asia/Kathmandu', holidays })).toEqual({
      name: 'Closed',
      timezone: 'Asia/Kathmandu',
      windows: [],
      holidays,
    });
  });

  it('that the schema refuses does not compile', () => {
    const window = { days: ['mon' as const], from: '08:00', to: '17:00' };
    expect(() => compileSchedule({ windows: [{ ...window, from: '8' }], holidays: [] }, 'UTC')).toThrow(RangeError);
    expect(() => compileSchedule({ windows: [], holidays: ['2026-02-30'] }, 'UTC')).toThrow(RangeError);
    expect(() => compileSchedule({ windows: [window], holidays: [] }, 'Mars/Olympus')).toThrow(RangeError);
  });
});

describe('a time of day', () => {
  it.each([
    ['00:00', 0],
    ['08:30', 510],
    ['23:59', 1439],
    ['24:00', 1440],
  ])('%s is %i minutes after midnight', (text, minutes) => {
    expect(parseTime(text)).toEqual({ minutes });
  });
});

/** Monday 2025-10-27 to Sunday 2025-11-09: the clock goes back on 2 November, and 4 November is a holiday. */
const HOLIDAY = '2025-11-04';
const SEEDS: ReadonlyArray<readonly [name: string, windows: Windows, rows: readonly string[]]> = [
  [
    'call centre, 30/1m',
    [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat'], from: '08:00', to: '20:00' }],
    [
      'mon 10-27 ........############....',
      'tue 10-28 ........############....',
      'wed 10-29 ........############....',
      'thu 10-30 ........############....',
      'fri 10-31 ........############....',
      'sat 11-01 ........############....',
      'sun 11-02 .........................',
      'mon 11-03 ........############....',
      'tue 11-04 ########################',
      'wed 11-05 ........############....',
      'thu 11-06 ........############....',
      'fri 11-07 ........############....',
      'sat 11-08 ........############....',
      'sun 11-09 ........................',
    ],
  ],
  [
    'staff, 5/1m',
    [
      { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '09:00', to: '12:00' },
      { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '13:00', to: '17:00' },
    ],
    [
      'mon 10-27 .........###.####.......',
      'tue 10-28 .........###.####.......',
      'wed 10-29 .........###.####.......',
      'thu 10-30 .........###.####.......',
      'fri 10-31 .........###.####.......',
      'sat 11-01 ........................',
      'sun 11-02 .........................',
      'mon 11-03 .........###.####.......',
      'tue 11-04 ########################',
      'wed 11-05 .........###.####.......',
      'thu 11-06 .........###.####.......',
      'fri 11-07 .........###.####.......',
      'sat 11-08 ........................',
      'sun 11-09 ........................',
    ],
  ],
  [
    'after hours, 2/1h',
    AFTER_HOURS,
    [
      'mon 10-27 ########..........######',
      'tue 10-28 ########..........######',
      'wed 10-29 ########..........######',
      'thu 10-30 ########..........######',
      'fri 10-31 ########..........######',
      'sat 11-01 ########################',
      'sun 11-02 #########################',
      'mon 11-03 ########..........######',
      'tue 11-04 ########################',
      'wed 11-05 ########..........######',
      'thu 11-06 ########..........######',
      'fri 11-07 ########..........######',
      'sat 11-08 ########################',
      'sun 11-09 ########################',
    ],
  ],
  [
    'international, 3/1h',
    [
      { days: ['mon', 'tue', 'wed', 'thu'], from: '07:00', to: '19:00' },
      { days: ['fri'], from: '07:00', to: '15:00' },
      { days: ['sun'], from: '22:00', to: '02:00' },
    ],
    [
      'mon 10-27 ##.....############.....',
      'tue 10-28 .......############.....',
      'wed 10-29 .......############.....',
      'thu 10-30 .......############.....',
      'fri 10-31 .......########.........',
      'sat 11-01 ........................',
      'sun 11-02 .......................##',
      'mon 11-03 ##.....############.....',
      'tue 11-04 ########################',
      'wed 11-05 .......############.....',
      'thu 11-06 .......############.....',
      'fri 11-07 .......########.........',
      'sat 11-08 ........................',
      'sun 11-09 ......................##',
    ],
  ],
  [
    'contractors, 1/1m',
    [
      { days: ['sat', 'sun'], from: '10:00', to: '02:00' },
      { days: ['wed'], from: '20:00', to: '24:00' },
    ],
    [
      'mon 10-27 ##......................',
      'tue 10-28 ........................',
      'wed 10-29 ....................####',
      'thu 10-30 ........................',
      'fri 10-31 ........................',
      'sat 11-01 ..........##############',
      'sun 11-02 ###........##############',
      'mon 11-03 ##......................',
      'tue 11-04 ########################',
      'wed 11-05 ....................####',
      'thu 11-06 ........................',
      'fri 11-07 ........................',
      'sat 11-08 ..........##############',
      'sun 11-09 ##........##############',
    ],
  ],
];

/** A character for each hour that the day really has. */
function hoursOfDays(schedule: Schedule, first: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => {
    const midnight = DateTime.fromISO(first, { zone: schedule.zone }).plus({ days: at });
    const hours: string[] = [];
    for (let hour = midnight; hour < midnight.plus({ days: 1 }); hour = hour.plus({ hours: 1 })) {
      const open = [0, 1, 29, 30, 59].map((minutes) => schedule.isOpen(hour.plus({ minutes }).toMillis() as EpochMs));
      hours.push(open.every(Boolean) ? '#' : open.some(Boolean) ? '?' : '.');
    }
    return `${midnight.setLocale('en').toFormat('ccc').toLowerCase()} ${midnight.toFormat('MM-dd')} ${hours.join('')}`;
  });
}

describe('a fortnight with a holiday and a clock that goes back, hour by hour', () => {
  it.each(SEEDS)('is open at the written hours: %s', (_, windows, rows) => {
    expect(hoursOfDays(scheduleOf({ windows, holidays: [HOLIDAY] }), '2025-10-27', 14)).toEqual(rows);
  });
});

describe('after hours', () => {
  it('are one stretch from Friday 18:00 to Monday 08:00', () => {
    expect(changesAfter(scheduleOf({ windows: AFTER_HOURS }), '2025-06-06T12:00Z', 4)).toEqual([
      '2025-06-06T22:00Z opens',
      '2025-06-09T12:00Z closes',
      '2025-06-09T22:00Z opens',
      '2025-06-10T12:00Z closes',
    ]);
  });

  it('are an hour longer on the weekend on which the clock goes back', () => {
    expect(changesAfter(scheduleOf({ windows: AFTER_HOURS }), '2025-10-31T12:00Z', 2)).toEqual([
      '2025-10-31T22:00Z opens',
      '2025-11-03T13:00Z closes',
    ]);
  });
});

const sunday = (from: string, to: string, nextDay?: boolean): Written => ({
  windows: [{ days: ['sun'], from, to, ...(nextDay === undefined ? {} : { nextDay }) }],
});
const onDay = (day: string, from: string, to: string): Written => ({ windows: [{ days: [day], from, to }] });

const CLOCK_CHANGES: ReadonlyArray<
  readonly [name: string, zone: string, written: Written, from: string, changes: readonly string[]]
> = [
  [
    'a window that the clock skips stays closed until a week later',
    NEW_YORK,
    sunday('02:15', '02:45'),
    '2025-03-08T12:00Z',
    ['2025-03-16T06:15Z opens', '2025-03-16T06:45Z closes'],
  ],
  [
    'a window whose beginning is skipped opens as the clock arrives behind it',
    NEW_YORK,
    sunday('02:30', '05:00'),
    '2025-03-08T12:00Z',
    ['2025-03-09T07:00Z opens', '2025-03-09T09:00Z closes'],
  ],
  [
    'a window whose end is skipped closes as the clock jumps over it',
    NEW_YORK,
    sunday('01:00', '02:30'),
    '2025-03-08T12:00Z',
    ['2025-03-09T06:00Z opens', '2025-03-09T07:00Z closes'],
  ],
  [
    'an hour that comes twice is open both times',
    NEW_YORK,
    sunday('01:00', '02:00'),
    '2025-11-01T12:00Z',
    ['2025-11-02T05:00Z opens', '2025-11-02T07:00Z closes'],
  ],
  [
    'a window that ends inside the hour that comes twice opens a second time',
    NEW_YORK,
    onDay('sat', '22:00', '01:30'),
    '2025-11-01T12:00Z',
    ['2025-11-02T02:00Z opens', '2025-11-02T05:30Z closes', '2025-11-02T06:00Z opens', '2025-11-02T06:30Z closes'],
  ],
  [
    'a day without its first hour begins at 01:00',
    'America/Havana',
    { holidays: ['2025-03-09'] },
    '2025-03-01T00:00Z',
    ['2025-03-09T05:00Z opens', '2025-03-10T04:00Z closes'],
  ],
  [
    'a window in a first hour that is skipped waits for the next week',
    'America/Havana',
    sunday('00:00', '00:45'),
    '2025-03-08T12:00Z',
    ['2025-03-16T04:00Z opens', '2025-03-16T04:45Z closes'],
  ],
  [
    'a day with its first hour twice is open for 25 hours',
    'America/Havana',
    { holidays: ['2025-11-02'] },
    '2025-03-01T00:00Z',
    ['2025-11-02T04:00Z opens', '2025-11-03T05:00Z closes'],
  ],
  [
    'a last hour that comes twice is open both times',
    'America/Santiago',
    onDay('sat', '23:00', '24:00'),
    '2023-04-01T12:00Z',
    ['2023-04-02T02:00Z opens', '2023-04-02T04:00Z closes'],
  ],
  [
    'a window across a midnight that is skipped has no gap',
    'Africa/Cairo',
    onDay('thu', '23:00', '02:00'),
    '2023-04-27T12:00Z',
    ['2023-04-27T21:00Z opens', '2023-04-27T23:00Z closes'],
  ],
  [
    'a window at a midnight that is skipped opens an hour late',
    'Asia/Beirut',
    sunday('00:00', '06:00'),
    '2022-03-26T12:00Z',
    ['2022-03-26T22:00Z opens', '2022-03-27T03:00Z closes'],
  ],
  [
    'half an hour that comes twice is open both times',
    'Australia/Lord_Howe',
    sunday('01:30', '02:00'),
    '2025-04-05T00:00Z',
    ['2025-04-05T14:30Z opens', '2025-04-05T15:30Z closes'],
  ],
  [
    'half an hour that is skipped ends a window early',
    'Australia/Lord_Howe',
    sunday('01:45', '02:15'),
    '2025-10-04T00:00Z',
    ['2025-10-04T15:15Z opens', '2025-10-04T15:30Z closes'],
  ],
  [
    'a window of a day that is left out waits for the next week',
    'Pacific/Apia',
    onDay('fri', '09:00', '17:00'),
    '2011-12-28T00:00Z',
    ['2012-01-05T19:00Z opens', '2012-01-06T03:00Z closes'],
  ],
  [
    'a window that begins on a day that is left out reaches into the next',
    'Pacific/Apia',
    onDay('fri', '22:00', '02:00'),
    '2011-12-28T00:00Z',
    ['2011-12-30T10:00Z opens', '2011-12-30T12:00Z closes'],
  ],
  [
    'a window that ends on a day that is left out closes at midnight',
    'Pacific/Apia',
    onDay('thu', '22:00', '02:00'),
    '2011-12-28T00:00Z',
    ['2011-12-30T08:00Z opens', '2011-12-30T10:00Z closes'],
  ],
  ['a holiday that is left out never comes', 'Pacific/Apia', { holidays: ['2011-12-30'] }, '2011-12-28T00:00Z', []],
  [
    'an offset of three quarters of an hour moves the edges by as much',
    'Asia/Kathmandu',
    onDay('mon', '09:00', '17:00'),
    '2025-06-01T00:00Z',
    ['2025-06-02T03:15Z opens', '2025-06-02T11:15Z closes'],
  ],
];

describe('where the clock is moved', () => {
  it.each(CLOCK_CHANGES)('%s (%s)', (_, zone, written, from, changes) => {
    expect(changesAfter(scheduleOf(written, zone), from, Math.max(changes.length, 1))).toEqual(changes);
  });
});

describe('an instant', () => {
  const schedule = scheduleOf(onDay('mon', '08:00', '17:00'), 'UTC');

  it('is open from the first millisecond of the window to the last one before its end', () => {
    expect(schedule.isOpen(instant('2025-06-02T07:59:59.999Z'))).toBe(false);
    expect(schedule.isOpen(instant('2025-06-02T08:00:00.000Z'))).toBe(true);
    expect(schedule.isOpen(instant('2025-06-02T16:59:59.999Z'))).toBe(true);
    expect(schedule.isOpen(instant('2025-06-02T17:00:00.000Z'))).toBe(false);
  });

  it('is answered the same whatever was asked before', () => {
    const open = instant('2025-06-02T08:00Z');
    const closed = instant('2025-06-02T18:00Z');
    expect([open, closed, open, open, closed].map(schedule.isOpen)).toEqual([true, false, true, true, false]);
  });

  it('at which a change happens is followed by the next change, not by itself', () => {
    expect(changesAfter(schedule, '2025-06-02T08:00Z', 1)).toEqual(['2025-06-02T17:00Z closes']);
    expect(changesAfter(schedule, '2025-06-02T07:59:59.999Z', 1)).toEqual(['2025-06-02T08:00Z opens']);
  });

  it('is followed by the same change whatever was asked before', () => {
    const times = [
      '2025-06-02T07:00Z',
      '2025-06-02T12:00Z',
      '2025-06-02T08:00Z',
      '2025-06-01T00:00Z',
      '2025-06-02T17:00Z',
    ];
    const asked = scheduleOf(schedule.document, schedule.zone);
    for (const time of [...times, ...times.toReversed()]) {
      const at = instant(time);
      expect([time, asked.nextChange(at)]).toEqual([time, scheduleOf(schedule.document, schedule.zone).nextChange(at)]);
    }
  });

  it('before the epoch is read by the same clock', () => {
    expect(schedule.isOpen(instant('1969-12-29T08:00Z'))).toBe(true);
    expect(schedule.isOpen(instant('1969-12-28T08:00Z'))).toBe(false);
    expect(readWallMinute(-1)).toEqual({ day: -1, weekday: 2, minute: 1439 });
  });

  it('that is no time is closed and has no change after it', () => {
    const never = Number.NaN as EpochMs;
    expect(schedule.isOpen(never)).toBe(false);
    expect(schedule.nextChange(never)).toBeUndefined();
  });
});

describe('a window', () => {
  it('with nextDay lasts until that time of the following day', () => {
    expect(changesAfter(scheduleOf(sunday('08:00', '20:00', true), 'UTC'), '2025-06-01T00:00Z', 2)).toEqual([
      '2025-06-01T08:00Z opens',
      '2025-06-02T20:00Z closes',
    ]);
  });

  it('from one time to the same with nextDay lasts a day', () => {
    expect(changesAfter(scheduleOf(sunday('08:00', '08:00', true), 'UTC'), '2025-06-01T00:00Z', 2)).toEqual([
      '2025-06-01T08:00Z opens',
      '2025-06-02T08:00Z closes',
    ]);
  });

  it('that crosses midnight anyway is the same with nextDay, without it, and with it off', () => {
    for (const nextDay of [true, false, undefined]) {
      expect(changesAfter(scheduleOf(sunday('18:00', '08:00', nextDay), 'UTC'), '2025-06-01T00:00Z', 2)).toEqual([
        '2025-06-01T18:00Z opens',
        '2025-06-02T08:00Z closes',
      ]);
    }
  });

  it('to 00:00 ends with the day, as one to 24:00 does', () => {
    const to = (time: string) => changesAfter(scheduleOf(sunday('18:00', time), 'UTC'), '2025-06-01T00:00Z', 2);
    expect(to('00:00')).toEqual(['2025-06-01T18:00Z opens', '2025-06-02T00:00Z closes']);
    expect(to('24:00')).toEqual(to('00:00'));
  });

  it('may lie inside another without closing it', () => {
    const windows: Windows = [
      { days: ['mon'], from: '08:00', to: '17:00' },
      { days: ['mon'], from: '09:00', to: '10:00' },
      { days: ['mon'], from: '17:00', to: '18:00' },
    ];
    expect(changesAfter(scheduleOf({ windows }, 'UTC'), '2025-06-01T00:00Z', 2)).toEqual([
      '2025-06-02T08:00Z opens',
      '2025-06-02T18:00Z closes',
    ]);
  });
});

describe('a schedule', () => {
  it('of the whole week is always open and never changes, however it is put together', () => {
    const whole: readonly Windows[] = [
      [{ days: EVERY_DAY, from: '00:00', to: '24:00' }],
      [{ days: EVERY_DAY, from: '12:00', to: '12:00', nextDay: true }],
      [{ days: ['mon', 'wed', 'fri', 'sun'], from: '00:00', to: '24:00', nextDay: true }],
    ];
    for (const windows of whole) {
      const schedule = scheduleOf({ windows, holidays: ['2025-12-25'] });
      expect(schedule.isOpen(instant('2025-03-09T07:00Z'))).toBe(true);
      expect(schedule.nextChange(instant('2025-01-01T00:00Z'))).toBeUndefined();
    }
  });

  it('of holidays alone is open on them, however far they are, and closed for good after the last', () => {
    const schedule = scheduleOf({ holidays: ['2031-01-01', '2025-12-25', '2025-12-26'] }, 'Pacific/Kiritimati');
    expect(changesAfter(schedule, '2025-01-01T00:00Z', 9)).toEqual([
      '2025-12-24T10:00Z opens',
      '2025-12-26T10:00Z closes',
      '2030-12-31T10:00Z opens',
      '2031-01-01T10:00Z closes',
    ]);
    expect(schedule.isOpen(instant('2031-01-01T10:00Z'))).toBe(false);
  });

  it('of holidays alone ends with the local day, hours after its date is over in UTC', () => {
    const schedule = scheduleOf({ holidays: ['2025-12-25', '2025-12-31'] }, 'Pacific/Pago_Pago');
    expect(changesAfter(schedule, '2025-12-26T05:00Z', 3)).toEqual([
      '2025-12-26T11:00Z closes',
      '2025-12-31T11:00Z opens',
      '2026-01-01T11:00Z closes',
    ]);
    expect(changesAfter(schedule, '2025-12-25T10:59Z', 1)).toEqual(['2025-12-25T11:00Z opens']);
  });

  it('finds the change behind three years of holidays in a row', () => {
    const holidays = Array.from({ length: 1000 }, (_, at) =>
      new Date(1_735_689_600_000 + at * 864e5).toISOString().slice(0, 10),
    );
    const windows: Windows = [{ days: ['mon'], from: '08:00', to: '17:00' }];
    expect(changesAfter(scheduleOf({ windows, holidays }), '2025-01-01T12:00Z', 1)).toEqual([
      '2027-09-28T04:00Z closes',
    ]);
    expect(changesAfter(scheduleOf({ holidays }), '2025-01-01T12:00Z', 1)).toEqual(['2027-09-28T04:00Z closes']);
  });

  it('is read by the clock of its own zone before that of the policy', () => {
    const written: Written = { timezone: 'Asia/Kathmandu', ...onDay('mon', '09:00', '17:00') };
    expect(scheduleOf(written, NEW_YORK).zone).toBe('Asia/Kathmandu');
    expect(changesAfter(scheduleOf(written, NEW_YORK), '2025-06-01T00:00Z', 1)).toEqual(['2025-06-02T03:15Z opens']);
  });

  it('does not lose the night that runs into a holiday, nor the one that runs out of it', () => {
    const windows: Windows = [{ days: ['mon', 'tue'], from: '22:00', to: '06:00' }];
    expect(changesAfter(scheduleOf({ windows, holidays: ['2025-06-03'] }, 'UTC'), '2025-06-02T12:00Z', 2)).toEqual([
      '2025-06-02T22:00Z opens',
      '2025-06-04T06:00Z closes',
    ]);
  });
});

describe('the sentence', () => {
  const SENTENCES: ReadonlyArray<readonly [written: Written, sentence: string]> = [
    [
      { windows: AFTER_HOURS, holidays: ['2026-12-25'] },
      'Monday to Friday 18:00 to 08:00 the next day, Saturday all day, Sunday 00:00 to 08:00 the next day; also all day on 2026-12-25; America/New_York',
    ],
    [{ windows: [{ days: EVERY_DAY, from: '00:00', to: '24:00' }] }, 'every day all day; America/New_York'],
    [
      { windows: [{ days: ['sun', 'sat', 'mon', 'tue', 'wed'], from: '08:00', to: '17:00' }] },
      'Monday to Wednesday, Saturday and Sunday 08:00 to 17:00; America/New_York',
    ],
    [{ holidays: ['2026-12-26', '2026-12-25'] }, 'all day on 2026-12-25 and 2026-12-26; America/New_York'],
    [{ holidays: ['2026-12-26', '2026-12-25', '2027-01-01'] }, 'all day on 3 holidays; America/New_York'],
  ];
  it.each(SENTENCES)('says what is written: %j', (written, sentence) => {
    expect(describeSchedule(scheduleOf(written))).toBe(sentence);
  });
});

describe('the picture of a week', () => {
  const schedule = scheduleOf({
    windows: [...AFTER_HOURS, { days: ['wed'], from: '12:10', to: '13:00' }],
    holidays: ['2025-11-04'],
  });

  it('shows a row for each day, the holiday, today, and what holds now and until when', () => {
    expect(weekPicture(schedule, instant('2025-11-06T15:20Z')).split('\n')).toEqual([
      'America/New_York',
      'thu 10:20: closed, opens thu 18:00',
      '          00  02  04  06  08  10  12  14  16  18  20  22',
      'mon 11-03 ████████████████····················████████████',
      'tue 11-04 ████████████████████████████████████████████████ holiday',
      'wed 11-05 ████████████████········▒█··········████████████',
      'thu 11-06 ████████████████····················████████████ today',
      'fri 11-07 ████████████████····················████████████',
      'sat 11-08 ████████████████████████████████████████████████',
      'sun 11-09 ████████████████████████████████████████████████',
      '                              ^ now',
      '          █ open  · closed  ▒ open for a part of it',
    ]);
  });

  it('is drawn in plain ASCII where asked, and says when the clock is moved that week', () => {
    const picture = weekPicture(scheduleOf(onDay('sun', '18:00', '22:30')), instant('2025-11-02T20:59Z'), {
      ascii: true,
    });
    expect(picture).toMatch(/^[\x20-\x7e\n]*$/);
    expect(picture.split('\n').slice(-5)).toEqual([
      'sat 11-01 ................................................',
      'sun 11-02 ....................................#########... today',
      '                                         ^ now',
      '          # open  . closed',
      '          the clock goes from sun 02:00 to sun 01:00',
    ]);
  });

  it('says the date of a change that is a week or more away, and that there is none', () => {
    const far = scheduleOf({ holidays: ['2026-12-25'] }, 'UTC');
    expect(weekPicture(far, instant('2026-12-01T00:00Z'))).toContain(
      '\ntue 00:00: closed, opens fri 2026-12-25 00:00\n',
    );
    expect(weekPicture(far, instant('2026-12-26T00:00Z'))).toContain('\nsat 00:00: closed, for good\n');
    const always = scheduleOf({ windows: [{ days: EVERY_DAY, from: '00:00', to: '24:00' }] }, 'UTC');
    expect(weekPicture(always, instant('2026-12-26T00:00Z'))).toContain('\nsat 00:00: open, for good\n');
  });

  it('never takes more than 80 columns, and keeps the mark below the half hour it is', () => {
    for (let half = 0; half < 48; half++) {
      const at = (instant('2025-11-04T05:00Z') + half * 1_800_000) as EpochMs;
      const lines = weekPicture(schedule, at).split('\n');
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80);
      expect(lines[10]?.indexOf('^')).toBe(10 + half);
    }
  });

  it('shows a day that the zone leaves out as it is written, and the leap of the clock', () => {
    const apia = scheduleOf({ windows: [{ days: EVERY_DAY, from: '00:00', to: '12:00' }] }, 'Pacific/Apia');
    const lines = weekPicture(apia, instant('2011-12-29T00:00Z'), { ascii: true }).split('\n');
    expect(lines[7]).toBe('fri 12-30 ########################........................');
    expect(lines.at(-1)).toBe('          the clock goes from fri 00:00 to sat 00:00');
  });

  it.each([
    ['first', '2025-03-09T06:30Z', ['the clock goes from sun 02:00 to sun 03:00']],
    ['last', '2025-03-10T03:59Z', ['the clock goes from sun 02:00 to sun 03:00']],
    ['following', '2025-03-10T04:00Z', []],
    ['week before, its last', '2025-03-03T04:59Z', []],
  ])('names the move of the clock in its own week only: %s minute', (_, at, moves) => {
    const lines = weekPicture(schedule, instant(at)).split('\n');
    expect(lines.slice(12).map((line) => line.trim())).toEqual(moves);
  });
});
