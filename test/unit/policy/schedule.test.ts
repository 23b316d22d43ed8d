import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { readWallMinute } from '../../../src/policy/schedule.ts';
import {
  changesAfter,
  EVERY_DAY,
  instant,
  NEW_YORK,
  onDay,
  scheduleOf,
  sunday,
  type Windows,
  type Written,
} from '../../support/schedule.ts';

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
