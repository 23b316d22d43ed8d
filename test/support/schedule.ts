/** Schedules as tests write them, in the time of New York where nothing else is said, and the changes that they bring. */
import type { z } from 'zod';
import type { EpochMs } from '../../src/policy/call.ts';
import { compileSchedule, type Schedule, scheduleSchema } from '../../src/policy/schedule.ts';

export type Written = z.input<typeof scheduleSchema>;
export type Windows = NonNullable<Written['windows']>;

export const NEW_YORK = 'America/New_York';
export const WEEKDAYS: Windows[number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri'];
export const EVERY_DAY: Windows[number]['days'] = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

/** "18:00-08:00 on weekdays and all weekend", as the contract writes it. */
export const AFTER_HOURS: Windows = [
  { days: WEEKDAYS, from: '18:00', to: '08:00' },
  { days: ['sat'], from: '00:00', to: '24:00' },
  { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
];

export const scheduleOf = (written: Written, zone = NEW_YORK): Schedule =>
  compileSchedule(scheduleSchema.parse(written), zone);
export const instant = (text: string): EpochMs => Date.parse(text) as EpochMs;
const textOf = (at: EpochMs): string => new Date(at).toISOString().replace(':00.000Z', 'Z');

/** The next changes after an instant, each with what begins then. */
export function changesAfter(schedule: Schedule, from: string, count: number): string[] {
  const found: string[] = [];
  for (let at = schedule.nextChange(instant(from)); at !== undefined; at = schedule.nextChange(at)) {
    found.push(`${textOf(at)} ${schedule.isOpen(at) ? 'opens' : 'closes'}`);
    if (found.length === count) break;
  }
  return found;
}

export const sunday = (from: string, to: string, nextDay?: boolean): Written => ({
  windows: [{ days: ['sun'], from, to, ...(nextDay === undefined ? {} : { nextDay }) }],
});
export const onDay = (day: string, from: string, to: string): Written => ({ windows: [{ days: [day], from, to }] });
