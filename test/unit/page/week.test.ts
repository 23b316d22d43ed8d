/** Windows of a schedule as a week of half hours, and back. */
import { describe, expect, test } from 'vitest';
import {
  added,
  crossings,
  merged,
  openness,
  partOf,
  spansOf,
  stretches,
  windowsOf,
  without,
} from '../../../src/page/screens/schedules/week.ts';
import type { ScheduleWindow } from '../../../src/policy/schedule.ts';

const WORK_NIGHTS: readonly ScheduleWindow[] = [
  { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '18:00', to: '08:00' },
  { days: ['sat'], from: '00:00', to: '24:00' },
  { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
];
const HOUR = 60;
const DAY = 24 * HOUR;

describe('a week of windows', () => {
  test('that was painted on and taken back is the same time as before', () => {
    const before = spansOf(WORK_NIGHTS);
    const noon = { from: 2 * DAY + 12 * HOUR, to: 2 * DAY + 13 * HOUR };
    const after = without(added(before, noon), noon);
    expect(after).toEqual(merged(before));
    expect(merged(spansOf(windowsOf(after)))).toEqual(merged(before));
  });

  test('shows no gap from Friday evening to Monday morning', () => {
    const weekend = stretches(spansOf(WORK_NIGHTS)).find(({ to, from }) => to - from > DAY);
    expect(weekend).toEqual({ from: 4 * DAY + 18 * HOUR, to: 7 * DAY + 8 * HOUR });
  });

  test('becomes windows that each end on the following day at the latest, days with the same hours together', () => {
    expect(windowsOf(spansOf(WORK_NIGHTS))).toEqual([
      { days: ['mon', 'tue', 'wed', 'thu'], from: '18:00', to: '08:00' },
      { days: ['fri'], from: '18:00', to: '24:00' },
      { days: ['sat'], from: '00:00', to: '24:00' },
      { days: ['sun'], from: '00:00', to: '08:00', nextDay: true },
    ]);
  });

  test('open without end becomes seven whole days', () => {
    expect(windowsOf([{ from: 0, to: 7 * DAY }])).toEqual([
      { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' },
    ]);
  });

  test('draws a half hour that is open in part as half, and says which window it is of', () => {
    const spans = spansOf([{ days: ['mon'], from: '09:15', to: '10:00' }]);
    expect([18, 19, 20].map((cell) => openness(spans, cell))).toEqual(['partly', 'open', 'closed']);
    expect(partOf(spans, 18)).toBe('09:15 to 10:00');
    expect(partOf(spans, 20)).toBeUndefined();
  });

  test('marks the days on which it crosses midnight, Sunday into Monday among them', () => {
    const spans = spansOf([{ days: ['sun'], from: '22:00', to: '06:00' }]);
    expect(crossings(spans, 6)).toEqual({ comes: false, goes: true });
    expect(crossings(spans, 0)).toEqual({ comes: true, goes: false });
  });
});
