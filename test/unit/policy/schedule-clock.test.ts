import { DateTime } from 'luxon';
import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import type { Schedule } from '../../../src/policy/schedule.ts';
import {
  AFTER_HOURS,
  changesAfter,
  NEW_YORK,
  onDay,
  scheduleOf,
  sunday,
  type Windows,
  type Written,
} from '../../support/schedule.ts';

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
