import { describe, expect, it } from 'vitest';
import type { CallAttempt, EpochMs } from '../../../src/policy/call.ts';
import { compileCalledHours } from '../../../src/policy/called-hours.ts';
import { readPolicyDocument } from '../../../src/policy/document.ts';
import type { Policy } from '../../../src/policy/policy.ts';
import { describeBecause } from '../../../src/policy/rule.ts';
import { compileSchedule, scheduleSchema } from '../../../src/policy/schedule.ts';
import { describeSchedule, weekPicture } from '../../../src/policy/schedule-week.ts';
import { policyOf as policyFrom } from '../../support/policy.ts';

const EVERY_DAY = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const HOURS = { timezone: 'called', windows: [{ days: EVERY_DAY, from: '08:00', to: '21:00' }] };

const policyOf = (rule: object, timezone = 'Europe/Berlin'): Policy =>
  policyFrom({ timezone, homeCountry: 'US', schedules: { hours: HOURS }, rules: [{ id: 'tested', ...rule }] });
const outside = policyOf({ not: 'hours' });
const inside = policyOf({ during: 'hours' });

const instant = (text: string): EpochMs => Date.parse(text) as EpochMs;

function matchOf(policy: Policy, number: string, at: string, calledZone?: string) {
  const call: CallAttempt = {
    destination: policy.readDestination(number),
    extension: '1001',
    trunk: undefined,
    campaign: undefined,
    source: undefined,
    calledZone,
  };
  const [found] = policy.matchAll(call, instant(at));
  if (found === undefined) throw new Error('no rule');
  return found.match;
}
const applies = (policy: Policy, number: string, at: string, calledZone?: string): boolean =>
  matchOf(policy, number, at, calledZone).applies;
const because = (policy: Policy, number: string, at: string, calledZone?: string): string =>
  describeBecause(matchOf(policy, number, at, calledZone).because);

const NEW_YORK = '+12125550123';
const IDAHO = '+12085550123';
const PANHANDLE = '+18505550123';
const AUSTRALIAN_MOBILE = '+61412345678';
const SATELLITE = '+881612345678';

/** Instants in winter and summer; what hours are open, of a window from 08:00 to 21:00. */
const ROWS: ReadonlyArray<
  readonly [what: string, number: string, at: string, zone: string | undefined, open: boolean]
> = [
  ['the first minute in New York', NEW_YORK, '2026-01-15T08:00-05:00', undefined, true],
  ['the minute before', NEW_YORK, '2026-01-15T07:59-05:00', undefined, false],
  ['the last minute in New York', NEW_YORK, '2026-01-15T20:59-05:00', undefined, true],
  ['nine in the evening itself', NEW_YORK, '2026-01-15T21:00-05:00', undefined, false],
  ['eight in the evening in summer', NEW_YORK, '2026-07-15T20:30-04:00', undefined, true],
  ['Idaho when only the east of it is awake', IDAHO, '2026-01-15T08:30-07:00', undefined, false],
  ['Idaho when all of it is awake', IDAHO, '2026-01-15T08:00-08:00', undefined, true],
  ['Idaho when the east of it sleeps', IDAHO, '2026-01-15T20:30-08:00', undefined, false],
  ['the panhandle when its west is before eight', PANHANDLE, '2026-07-15T08:30-04:00', undefined, false],
  ['an Australian mobile when Perth is before eight', AUSTRALIAN_MOBILE, '2026-01-15T10:30+11:00', undefined, false],
  ['an Australian mobile at noon in Sydney', AUSTRALIAN_MOBILE, '2026-01-15T12:00+11:00', undefined, true],
  ['freephone when Hawaii is before eight', '+18005550123', '2026-01-15T12:00-05:00', undefined, false],
  ['freephone when it is after eight in Hawaii', '+18005550123', '2026-01-15T13:30-05:00', undefined, true],
  ['a satellite, by the clock of the policy', SATELLITE, '2026-01-15T08:30+01:00', undefined, true],
  ['a satellite at night by the clock of the policy', SATELLITE, '2026-01-15T22:00+01:00', undefined, false],
  ['what cannot be placed, by the clock of the policy', '5551234', '2026-01-15T08:30+01:00', undefined, true],
  ['New York for somebody who lives in Los Angeles', NEW_YORK, '2026-01-15T09:00-05:00', 'America/Los_Angeles', false],
  ['New York when both are awake', NEW_YORK, '2026-01-15T11:00-05:00', 'America/Los_Angeles', true],
  ['New York when only Los Angeles is', NEW_YORK, '2026-01-15T22:00-05:00', 'America/Los_Angeles', false],
  ['Idaho, known to be in its east', IDAHO, '2026-01-15T08:30-07:00', 'America/Boise', false],
  ['a satellite phone known to be in Tokyo', SATELLITE, '2026-01-15T09:00+09:00', 'Asia/Tokyo', true],
  ['a zone that there is not', NEW_YORK, '2026-01-15T08:00-05:00', 'Mars/Base', true],
];

describe('hours by the clock of whoever is called', () => {
  it.each(ROWS)('%s: %s at %s with %s is open: %s', (_what, number, at, zone, open) => {
    expect(applies(inside, number, at, zone)).toBe(open);
    expect(applies(outside, number, at, zone)).toBe(!open);
  });

  it('close an hour at both ends for each hour that two zones are apart', () => {
    const open = (number: string): number =>
      Array.from({ length: 24 * 60 }, (_, minute) => Date.parse('2026-01-15T00:00Z') + minute * 60_000).filter((at) =>
        applies(inside, number, new Date(at).toISOString()),
      ).length / 60;
    expect([NEW_YORK, IDAHO, AUSTRALIAN_MOBILE, '+18005550123', '+79161234567'].map(open)).toEqual([
      13, 12, 10, 6.5, 3,
    ]);
  });

  it('say in which zones they are open or closed, and until when', () => {
    expect(because(outside, IDAHO, '2026-01-15T12:00-07:00')).toBe(
      'schedule hours is open at this time in America/Denver and America/Los_Angeles until 2026-01-16T04:00:00.000Z',
    );
    expect(because(inside, IDAHO, '2026-01-15T08:30-07:00')).toBe(
      'schedule hours is closed at this time in America/Denver or America/Los_Angeles until 2026-01-15T16:00:00.000Z',
    );
    expect(because(outside, IDAHO, '2026-01-15T08:30-07:00')).toBe(
      'the rule applies to a called party in America/Denver or America/Los_Angeles, where hours is closed',
    );
    expect(because(outside, '+18005550123', '2026-01-15T03:00-05:00')).toContain('or America/Chicago or 7 more');
  });

  it('name a zone that there is not, once and cut to a length, and go on without it', () => {
    expect(because(outside, NEW_YORK, '2026-01-15T07:00-05:00', 'Mars/Base\n')).toBe(
      'the rule applies to a called party in America/New_York (there is no time zone Mars/Base?, which came with the call), where hours is closed',
    );
    expect(because(outside, NEW_YORK, '2026-01-15T07:00-05:00', 'x'.repeat(10_000)).length).toBeLessThan(300);
  });

  it('are found again for the same place, and stay right for a thousand made-up zones', () => {
    const hours = compileCalledHours(scheduleSchema.parse(HOURS), 'UTC');
    const destination = outside.readDestination(NEW_YORK);
    const first = hours({ destination });
    expect(hours({ destination })).toBe(first);
    for (let at = 0; at < 3000; at++) hours({ destination, calledZone: `Made/Up${at}` });
    expect(hours({ destination }).zones).toEqual(['America/New_York']);
    expect(hours({ destination, calledZone: 'America/New_York' }).zones).toEqual(['America/New_York']);
  });

  it('that overlap nowhere never open, and that is found out in a bounded time', () => {
    const document = scheduleSchema.parse({
      timezone: 'called',
      windows: [{ days: EVERY_DAY, from: '12:00', to: '13:00' }],
    });
    const hours = compileCalledHours(document, 'UTC')({ destination: outside.readDestination('+79161234567') });
    expect(hours.zones).toHaveLength(11);
    expect(hours.isOpen(instant('2026-01-15T09:30Z'))).toBe(false);
    expect(hours.nextChange(instant('2026-01-15T09:30Z'))).toBeUndefined();
  });

  it('that are never closed have no next change', () => {
    const document = scheduleSchema.parse({
      timezone: 'called',
      windows: [{ days: EVERY_DAY, from: '00:00', to: '24:00' }],
    });
    const hours = compileCalledHours(document, 'UTC')({ destination: outside.readDestination(IDAHO) });
    expect([hours.isOpen(instant('2026-01-15T09:30Z')), hours.nextChange(instant('2026-01-15T09:30Z'))]).toEqual([
      true,
      undefined,
    ]);
  });
});

describe('a schedule by the clock of whoever is called, shown to people', () => {
  const schedule = compileSchedule(scheduleSchema.parse(HOURS), 'Europe/Berlin');

  it('says whose clock it is, and names no zone', () => {
    expect(describeSchedule(schedule)).toBe('every day 08:00 to 21:00; by the clock of whoever is called');
  });

  it('is drawn without a now', () => {
    const picture = weekPicture(schedule, instant('2026-01-15T12:00Z'), { ascii: true });
    expect(picture.split('\n')[0]).toBe('by the clock of whoever is called: now depends on the number');
    expect(picture).toContain('thu 01-15 ................##########################......');
    expect(picture).not.toMatch(/today|\^ now|Berlin|closes/);
  });

  it.each(['Called', 'callee', 'called '])('is not meant by %s', (timezone) => {
    expect(scheduleSchema.safeParse({ ...HOURS, timezone }).success).toBe(false);
  });

  it('is not the time zone of a policy', () => {
    expect(readPolicyDocument({ timezone: 'called' })).toHaveProperty('problems');
  });
});
