/**
 * Hours by the clock of whoever is called, against a naive model: what a clock on the wall shows is asked of `Intl`, not of
 * luxon, and the zones of each number are written here, not taken from the table. `SEED=… npx vitest run --project
 * property` repeats a run.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EpochMs } from '../../src/policy/call.ts';
import { compileCalledHours, type HoursOfCall } from '../../src/policy/called-hours.ts';
import { defaultPolicyDocument } from '../../src/policy/document.ts';
import { scheduleSchema } from '../../src/policy/schedule.ts';
import { addTemplate, findTemplate } from '../../src/policy/templates.ts';
import { modelIsOpen, modelWall } from '../model/schedule.ts';
import { policyOf } from '../support/policy.ts';
import { runSeed } from '../support/property.ts';

const seed = runSeed('called hours');

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const at = (epochMs: number): EpochMs => epochMs as EpochMs;

/** A number, a zone that came with the call, and where the called party may then be. */
const CALLS: ReadonlyArray<readonly [number: string, given: string | undefined, zones: readonly string[]]> = [
  ['+12125550123', undefined, ['America/New_York']],
  ['+16025550123', undefined, ['America/Phoenix']],
  ['+18085550123', undefined, ['Pacific/Honolulu']],
  ['+17095550123', undefined, ['America/St_Johns', 'America/Goose_Bay']],
  ['+12085550123', undefined, ['America/Boise', 'America/Los_Angeles']],
  ['+18505550123', undefined, ['America/New_York', 'America/Chicago']],
  ['+13065550123', undefined, ['America/Regina']],
  ['+442079460123', undefined, ['Europe/London']],
  ['+97714123456', undefined, ['Asia/Kathmandu']],
  ['+212522123456', undefined, ['Africa/Casablanca']],
  ['+541112345678', undefined, ['America/Argentina/Buenos_Aires']],
  ['+61290001234', undefined, ['Australia/Sydney']],
  ['+6433051234', undefined, ['Pacific/Chatham']],
  ['+628123456789', undefined, ['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura']],
  ['+12125550123', 'America/Los_Angeles', ['America/New_York', 'America/Los_Angeles']],
  ['+4930123456', 'Australia/Lord_Howe', ['Europe/Berlin', 'Australia/Lord_Howe']],
  ['+881612345678', undefined, ['UTC']],
];

const clocks = new Map<string, Intl.DateTimeFormat>();
function hourIn(zone: string, epochMs: number): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hour: 'numeric', hourCycle: 'h23' });
    clocks.set(zone, clock);
  }
  return Number(clock.format(epochMs));
}

test('the pack calling-hours refuses a call at every quarter of an hour of 2025 at which it is night anywhere the called party may be, and at no other', () => {
  const template = findTemplate('calling-hours');
  if (template === undefined) throw new Error('no template');
  const made = addTemplate({ ...defaultPolicyDocument(), rules: [] }, template, {});
  if ('problems' in made) throw new Error(JSON.stringify(made.problems));
  const policy = policyOf(made.document);
  const tally = { refused: 0, allowed: 0 };
  for (const [number, calledZone, zones] of CALLS) {
    const destination = policy.readDestination(number);
    const unknown = { extension: undefined, trunk: undefined, campaign: undefined, source: undefined };
    for (let now = Date.UTC(2025, 0, 1); now < Date.UTC(2026, 0, 1); now += 15 * MINUTE) {
      const isNight = zones.some((zone) => {
        const hour = hourIn(zone, now);
        return hour < 8 || hour >= 21;
      });
      const [found] = policy.matchAll({ destination, calledZone, ...unknown }, at(now));
      tally[isNight ? 'refused' : 'allowed']++;
      if (found?.match.applies === isNight) continue;
      expect.fail(`${number} at ${new Date(now).toISOString()}: night ${isNight}`);
    }
  }
  console.log(`called hours: ${JSON.stringify(tally)}`);
  expect(Math.min(tally.refused, tally.allowed)).toBeGreaterThan(100_000);
}, 60_000);

const NUMBERS_OF_MANY_ZONES = ['+18005550123', '+61412345678', '+525512345678', '+12085550123', '+34612345678'];
const GIVEN = [undefined, 'Asia/Kolkata', 'Australia/Lord_Howe', 'America/Havana', 'Pacific/Apia', 'UTC'];

const time = fc.integer({ min: 0, max: 95 }).map((quarter) => {
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(Math.floor(quarter / 4))}:${two((quarter % 4) * 15)}`;
});
const schedule = fc
  .record({
    timezone: fc.constant('called'),
    windows: fc.array(
      fc
        .record({
          days: fc.subarray(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], { minLength: 1 }),
          from: time,
          to: time,
        })
        .filter(({ from, to }) => from !== to),
      { minLength: 1, maxLength: 3 },
    ),
    holidays: fc.constantFrom([], ['2025-03-30'], ['2025-11-02', '2025-11-04']),
  })
  .map((written) => scheduleSchema.parse(written));

/** The clocks of New York, Berlin and Sydney change in these; and a plain week. */
const WEEKS = ['2025-03-07', '2025-03-28', '2025-04-04', '2025-10-03', '2025-10-31', '2025-07-01'].map((day) =>
  Date.parse(`${day}T00:00Z`),
);

test('hours in several zones are open exactly when the model is open in each, and the next change is the next one', () => {
  const tally = { open: 0, closed: 0, changes: 0, none: 0 };
  const policy = policyOf({});
  fc.assert(
    fc.property(
      schedule,
      fc.constantFrom(...NUMBERS_OF_MANY_ZONES),
      fc.constantFrom(...GIVEN),
      fc.constantFrom(...WEEKS),
      fc.integer({ min: 0, max: 4 * 24 * 60 }),
      (document, number, calledZone, week, minutes) => {
        const hours = compileCalledHours(document, 'UTC')({ destination: policy.readDestination(number), calledZone });
        if (calledZone !== undefined) expect(hours.zones).toContain(calledZone);
        const model = (now: number): boolean =>
          hours.zones.every((zone) => modelIsOpen(document, modelWall(now, zone)));
        expectNextChange(hours, model, week + minutes * MINUTE, tally);
      },
    ),
    { seed, numRuns: 150 },
  );
  console.log(`called hours: ${JSON.stringify(tally)}`);
  for (const happened of Object.values(tally)) expect(happened).toBeGreaterThan(0);
});

/** Steps by the quarter, as the windows and every offset of these zones do. */
function expectNextChange(
  hours: HoursOfCall,
  model: (epochMs: number) => boolean,
  start: number,
  tally: { open: number; closed: number; changes: number; none: number },
): void {
  const before = model(start);
  expect(hours.isOpen(at(start))).toBe(before);
  tally[before ? 'open' : 'closed']++;
  const change = hours.nextChange(at(start));
  tally[change === undefined ? 'none' : 'changes']++;
  const quiet = Math.min(change ?? Number.POSITIVE_INFINITY, start + 3 * DAY);
  for (let now = start - (start % (15 * MINUTE)) + 15 * MINUTE; now < quiet; now += 15 * MINUTE) {
    if (model(now) !== before) expect.fail(`${new Date(now).toISOString()} changes before ${change}`);
  }
  if (change === undefined) return;
  expect(change).toBeGreaterThan(start);
  expect(model(change)).toBe(!before);
  // What is remembered of one answer holds in between, and for nothing that was before.
  expect(hours.nextChange(at(start + Math.floor((change - start) / 2)))).toBe(change);
  expect(hours.nextChange(at(change - 1))).toBe(change);
  expect(hours.nextChange(at(start - 2 * DAY)) ?? start).toBeGreaterThan(start - 2 * DAY);
}
