/** Which alerts go where and when. */
import { describe, expect, it } from 'vitest';
import { notBefore, planFor, type Route, type Schedules } from '../../../src/alerts/routing.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { compileSchedule, scheduleSchema } from '../../../src/policy/schedule.ts';
import { alertAt } from '../../support/alerts.ts';

const nights = compileSchedule(
  scheduleSchema.parse({
    windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '22:00', to: '07:00' }],
  }),
  'Europe/Vienna',
);
const always = compileSchedule(
  scheduleSchema.parse({
    windows: [{ days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: '00:00', to: '24:00' }],
  }),
  'Europe/Vienna',
);
const known = new Map([
  ['nights', nights],
  ['always', always],
]);
const schedules: Schedules = {
  isOpen: (name, at) => known.get(name)?.isOpen(at) ?? false,
  closesAt: (name, at) => known.get(name)?.nextChange(at),
};
const instant = (text: string): EpochMs => Date.parse(text) as EpochMs;
const midnight = instant('2026-03-29T00:30:00+01:00');
const noon = instant('2026-03-28T12:00:00+01:00');
const route = (fields: Partial<Route>): Route => ({
  severity: 'info',
  steps: [{ to: ['mail'], afterMs: 0 }],
  ...fields,
});
const plan = (fields: Parameters<typeof alertAt>[1], routes: readonly Route[], at = noon) =>
  planFor(alertAt(at, fields), at, routes, schedules).map((step) => [(step.at - at) / 1000, ...step.to]);

describe('a route', () => {
  const ban = { kind: 'ban', severity: 'info' } as const;
  const fraud = { kind: 'fraud', severity: 'critical', rule: 'abroad' } as const;

  it.each([
    ['without conditions takes everything', {}, ban, true],
    ['takes its kinds', { kinds: ['fraud'] }, fraud, true],
    ['takes no other kind', { kinds: ['fraud'] }, ban, false],
    ['takes its severity and what is worse', { severity: 'warning' }, fraud, true],
    ['takes nothing less', { severity: 'warning' }, ban, false],
    ['takes its rules', { rules: ['abroad'] }, fraud, true],
    ['of rules takes nothing that is of no rule', { rules: ['abroad'] }, ban, false],
    ['holds during its schedule', { during: 'always' }, ban, true],
    ['does not hold outside of it', { during: 'nights' }, ban, false],
    ['of a schedule that is not there never holds', { during: 'gone' }, ban, false],
  ] as const)('%s', (_name, fields, alert, goes) => {
    expect(plan(alert, [route(fields)])).toEqual(goes ? [[0, 'mail']] : []);
  });

  it('counts beside every other that matches, in the order of time', () => {
    const pager = route({
      steps: [
        { to: ['slack'], afterMs: 0 },
        { to: ['pager'], afterMs: 600_000 },
      ],
    });
    expect(plan(fraud, [pager, route({})])).toEqual([
      [0, 'slack'],
      [0, 'mail'],
      [600, 'pager'],
    ]);
  });
});

describe('quiet hours', () => {
  it('hold back what is not critical until they are over, also in the night in which the clock is moved', () => {
    expect(notBefore('warning', 'nights', midnight, schedules)).toBe(instant('2026-03-29T07:00:00+02:00'));
    expect(notBefore('critical', 'nights', midnight, schedules)).toBe(midnight);
    expect(notBefore('warning', 'nights', noon, schedules)).toBe(noon);
  });

  it('that have no end hold back for a day at most, and such as are not there for no time', () => {
    expect(notBefore('info', 'always', noon, schedules) - noon).toBe(86_400_000);
    expect(notBefore('info', 'gone', midnight, schedules)).toBe(midnight);
  });
});
