import { describe, expect, it } from 'vitest';
import { formatProblem, problemsOf } from '../../../src/policy/problem.ts';
import { compileSchedule, parseTime, scheduleSchema } from '../../../src/policy/schedule.ts';
import { AFTER_HOURS } from '../../support/schedule.ts';

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
