/**
 * Schedules against the reference model, in zones that do what clocks can do: change at midnight, by half an hour, twice a
 * year either way, in Ramadan, or leave out a day. `SEED=… npx vitest run --project property` repeats a run.
 */
import fc from 'fast-check';
import { IANAZone } from 'luxon';
import { expect, test } from 'vitest';
import type { EpochMs } from '../../src/policy/call.ts';
import { compileSchedule, type Schedule, scheduleSchema, WEEKDAYS } from '../../src/policy/schedule.ts';
import { type ModelWall, modelIsOpen } from '../model/schedule.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('schedule');

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/**
 * Years that are over, so that no new law changes them, in which the zone did something worth a look; the second year is
 * not included. At least so many changes of the clock lie in them.
 */
const ZONES: ReadonlyArray<readonly [zone: string, from: number, to: number, changes: number]> = [
  ['America/New_York', 2023, 2025, 4],
  ['Europe/Berlin', 2023, 2025, 4],
  ['America/Havana', 2012, 2014, 4],
  ['Asia/Beirut', 2020, 2022, 4],
  ['America/Santiago', 2022, 2024, 4],
  ['Africa/Cairo', 2023, 2025, 4],
  ['Africa/Casablanca', 2023, 2025, 4],
  ['Asia/Gaza', 2010, 2012, 4],
  ['America/St_Johns', 2010, 2012, 4],
  ['Australia/Lord_Howe', 2023, 2025, 4],
  ['Pacific/Chatham', 2023, 2025, 4],
  ['Pacific/Apia', 2011, 2012, 3],
  ['Asia/Pyongyang', 2018, 2019, 1],
  ['America/Caracas', 2007, 2008, 1],
  ['Asia/Kathmandu', 1986, 1987, 0],
  ['Antarctica/Troll', 2023, 2024, 2],
  ['UTC', 2023, 2024, 0],
];

const clock = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

/** Mostly times that are also the times of clock changes, or beside one. */
const minuteOfDay = fc.oneof(
  fc.constantFrom(0, 1, 60, 119, 120, 150, 165, 180, 181, 1380, 1410, 1439),
  fc.integer({ min: 0, max: 95 }).map((quarter) => quarter * 15),
  fc.integer({ min: 0, max: 1439 }),
);
const window = fc
  .record({
    days: fc.oneof(fc.subarray([...WEEKDAYS], { minLength: 1 }), fc.constantFrom(['sun'], ['sat'], ['fri'])),
    from: minuteOfDay.map(clock),
    to: fc.oneof(minuteOfDay.map(clock), fc.constantFrom('24:00', '00:00')),
    nextDay: fc.constantFrom(undefined, undefined, undefined, false, true),
  })
  .filter(({ from, to, nextDay }) => from !== to || nextDay === true);
const schedules = (from: number, to: number, changes: readonly number[]) =>
  fc
    .record({
      windows: fc.array(window, { maxLength: 4 }),
      holidays: fc.uniqueArray(
        fc
          .oneof(fc.integer({ min: from, max: to }), fc.constantFrom(from, ...changes))
          .chain((day) => fc.constantFrom(day - DAY, day, day + DAY))
          .map((day) => new Date(day).toISOString().slice(0, 10)),
        { maxLength: 12 },
      ),
    })
    .filter(({ windows, holidays }) => windows.length + holidays.length > 0)
    .map((written) => scheduleSchema.parse(written));

/**
 * What most sites write, with the days on which the clock changes, and those before, as holidays; and those before alone: a
 * clock that is set back just after midnight shows such a day a second time.
 */
function usualSchedules(from: number, changes: readonly number[]) {
  const dates = (days: readonly number[]) => [...new Set(days.map((day) => new Date(day).toISOString().slice(0, 10)))];
  const daysBefore = [from, ...changes].map((day) => day - DAY);
  const windows = [
    { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '18:00', to: '08:00' },
    { days: ['sat'], from: '00:00', to: '24:00' },
    { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
  ];
  return [
    scheduleSchema.parse({ windows, holidays: dates([...daysBefore, from, ...changes]) }),
    scheduleSchema.parse({ holidays: dates(daysBefore) }),
  ];
}

/** Every minute at which the offset of the zone is not what it was the minute before. */
function clockChanges(zone: IANAZone, from: number, to: number): number[] {
  const changes: number[] = [];
  for (let hour = from; hour < to; hour += HOUR) {
    if (zone.offset(hour) === zone.offset(hour + HOUR)) continue;
    for (let at = hour + MINUTE; at <= hour + HOUR; at += MINUTE) {
      if (zone.offset(at) !== zone.offset(at - MINUTE)) changes.push(at);
    }
  }
  return changes;
}

/** Each zone has schedules of its own. */
const seedOf = (zone: string): number => seed + ZONES.findIndex(([each]) => each === zone);

/**
 * The clock on the wall, read off what the runtime shows to people (in Swedish, which writes 2026-11-01 01:30): the code
 * under test asks a library for the offset of the zone instead.
 */
function wallOf(zone: string): (epochMs: number) => ModelWall {
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return (epochMs) => {
    const [date = '', time = ''] = clock.format(epochMs).split(' ');
    const weekday = new Date(`${date}T00:00:00Z`).getUTCDay();
    return { date, time, days: [DAYS[weekday] ?? '', DAYS[(weekday + 6) % 7] ?? ''] };
  };
}
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const at = (epochMs: number): EpochMs => epochMs as EpochMs;
const spanOf = (from: number, to: number) => [Date.UTC(from, 0, 1), Date.UTC(to, 0, 1)] as const;

test.each(ZONES)(
  'every quarter of an hour in %s from %i to %i is open when the model says so, and changes lie where the state changes',
  (zone, fromYear, toYear, leastChanges) => {
    const [from, to] = spanOf(fromYear, toYear);
    const changes = clockChanges(IANAZone.create(zone), from, to);
    expect(changes.length).toBeGreaterThanOrEqual(leastChanges);
    const some = fc.sample(schedules(from, to, changes), { seed: seedOf(zone), numRuns: 3 });
    const followed = [...usualSchedules(from, changes), ...some].map((document) => {
      const schedule = compileSchedule(document, zone);
      return { document, schedule, state: schedule.isOpen(at(from)), change: schedule.nextChange(at(from)) };
    });
    const wallAt = wallOf(zone);
    for (let now = from; now < to; now += 15 * MINUTE) {
      const wall = wallAt(now);
      for (const each of followed) {
        const { document, schedule } = each;
        while (each.change !== undefined && each.change <= now) {
          each.state = !each.state;
          each.change = schedule.nextChange(each.change);
        }
        const open = schedule.isOpen(at(now));
        if (open === modelIsOpen(document, wall) && open === each.state) continue;
        const found = { open, byModel: modelIsOpen(document, wall), byChanges: each.state };
        expect.fail(`${new Date(now).toISOString()} ${zone}: ${JSON.stringify(found)} ${JSON.stringify(document)}`);
      }
    }
  },
);

test('between an instant and the next change nothing changes, and then it does, minute by minute and around every clock change', () => {
  const tally = { changes: 0, never: 0, open: 0, closed: 0, minutes: 0 };
  for (const [zone, fromYear, toYear] of ZONES) {
    const [from, to] = spanOf(fromYear, toYear);
    const changes = clockChanges(IANAZone.create(zone), from, to);
    const wallAt = wallOf(zone);
    const spot = fc.oneof(
      fc.integer({ min: from, max: to }),
      fc
        .tuple(fc.constantFrom(from, ...changes), fc.integer({ min: -30 * HOUR, max: 30 * HOUR }))
        .map(([change, away]) => change + away),
      fc
        .tuple(fc.constantFrom(from, ...changes), fc.constantFrom(-HOUR, -MINUTE, -1, 0, 1, MINUTE, HOUR))
        .map(([change, away]) => change + away),
    );
    fc.assert(
      fc.property(schedules(from, to, changes), spot, (document, start) => {
        const schedule = compileSchedule(document, zone);
        expectQuietUntilChange(schedule, start, (minute) => modelIsOpen(document, wallAt(minute)), tally);
      }),
      { seed: seedOf(zone), numRuns: 40 },
    );
  }
  console.log(`schedule: ${JSON.stringify(tally)}`);
  // Schedules that are hardly ever open, or never change, test next to nothing.
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(5);
});

/** Scans two days by the minute at most, and the last hours before a change that is further away. */
function expectQuietUntilChange(
  schedule: Schedule,
  start: number,
  model: (epochMs: number) => boolean,
  tally: { changes: number; never: number; open: number; closed: number; minutes: number },
): void {
  const before = model(start);
  const change = schedule.nextChange(at(start));
  expect(schedule.isOpen(at(start))).toBe(before);
  tally[before ? 'open' : 'closed']++;
  const expectQuiet = (from: number, until: number): void => {
    for (let minute = Math.floor(from / MINUTE) * MINUTE; minute < until; minute += MINUTE) {
      tally.minutes++;
      if (model(minute) !== before) expect.fail(`${new Date(minute).toISOString()} changes before ${change}`);
    }
  };
  if (change === undefined) {
    tally.never++;
    expectQuiet(start, start + 2 * DAY);
    return;
  }
  tally.changes++;
  expect(change % MINUTE).toBe(0);
  expect(change).toBeGreaterThan(start);
  expectQuiet(start, Math.min(change, start + 2 * DAY));
  expectQuiet(Math.max(start, change - 6 * HOUR), change);
  expect(model(change)).toBe(!before);
  expect(schedule.isOpen(change)).toBe(!before);
  expect(schedule.isOpen(at(change - 1))).toBe(before);
  // Asked from any instant in between, the answer is the same.
  expect(schedule.nextChange(at(start + Math.floor((change - start) / 2)))).toBe(change);
  expect(schedule.nextChange(at(change - 1))).toBe(change);
}
