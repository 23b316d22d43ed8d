import { describe, expect, it } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { describeSchedule, weekPicture } from '../../../src/policy/schedule-week.ts';
import { AFTER_HOURS, EVERY_DAY, instant, onDay, scheduleOf, type Written } from '../../support/schedule.ts';

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
