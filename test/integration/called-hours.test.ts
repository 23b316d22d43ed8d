/** Calling hours where the called party is, as an administrator sets them and a dialplan meets them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AddedTemplate } from '../../src/api/templates-routes.ts';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());

const verdict = async (call: AgiCall): Promise<string | undefined> =>
  (await placeAgiCall(tollgate.agiPort, call))['TOLLGATE_VERDICT'];
const explain = async (...args: string[]): Promise<ExplanationReport> =>
  JSON.parse((await tollgate.run(['explain', ...args, '--json'])).out);

test('the pack is added by one command and then asks every zone of the number, and the one that is passed', async () => {
  await tollgate.apply('{ homeCountry: US, timezone: Europe/Berlin }');
  const added = await tollgate.run(['rules', 'add', '--template', 'calling-hours', '--members', '2001-2050', '--json']);
  const { id, findings }: AddedTemplate = JSON.parse(added.out);
  expect({ id, findings }).toEqual({ id: 'calling-hours', findings: [] });
  const at = ['--extension', '2001', '--at', '2026-01-15T09:30:00-05:00'];
  expect(await explain('12125550123', ...at)).toMatchObject({ verdict: 'allow', zone: null });
  expect(await explain('12125550123', ...at, '--zone', 'America/Denver')).toMatchObject({
    verdict: 'block',
    rule: 'calling-hours',
    zone: 'America/Denver',
    retryAfterSeconds: 1800,
    findings: [
      {
        because:
          'the rule applies to group outreach and a called party in America/New_York or America/Denver, where calling-hours is closed',
      },
    ],
  });
  expect(await explain('12085550123', ...at)).toMatchObject({ verdict: 'block', retryAfterSeconds: 5400 });
  expect(await explain('12125550123', ...at, '--zone', 'Mars/Base')).toMatchObject({
    verdict: 'allow',
    findings: [{ because: expect.stringContaining('there is no time zone Mars/Base') }],
  });
  expect(await explain('12085550123', '--extension', '1001', ...at.slice(2))).toMatchObject({ verdict: 'allow' });
});

test('a dialplan passes the zone as the eighth argument or in the query', async () => {
  // An hour around now in New York, which is no hour of Kolkata, 9.5 or 10.5 hours away.
  const clock = new Intl.DateTimeFormat('en-GB', { timeZone: 'America/New_York', timeStyle: 'short' });
  const [from, to] = [-1, 1].map((hours) => clock.format(Date.now() + hours * 3_600_000));
  await tollgate.apply(`
schedules:
  around-now:
    timezone: called
    windows: [{ days: [mon, tue, wed, thu, fri, sat, sun], from: "${from}", to: "${to}" }]
rules: [{ id: hours, not: around-now }]`);
  const destination = '+12125550123';
  expect(await verdict({ destination })).toBe('allow');
  expect(await verdict({ destination, zone: 'America/Toronto' })).toBe('allow');
  expect(await verdict({ destination, zone: 'Asia/Kolkata' })).toBe('block');
  expect(await verdict({ destination, request: 'check?zone=Asia%2FKolkata' })).toBe('block');
  expect(await verdict({ destination, zone: 'No/Where' })).toBe('allow');
  expect(await verdict({ destination: '+913312345678' })).toBe('block');
});

test('the schedule is listed as one that goes by number, and drawn without a now', async () => {
  await tollgate.apply('{}');
  const set = ['schedules', 'set', 'hours', '--timezone', 'called', '--window', 'mon-sun 08:00-21:00'];
  const { out, error } = await tollgate.run(set);
  expect(error).toBe('');
  expect(out).toContain('hours: open or closed by the number that is called');
  expect(out).not.toContain('today');
  expect((await tollgate.run(['schedules', 'list'])).out).toMatch(/hours +by number +every day 08:00 to 21:00; by the/);
});

test('the packs are offered with their sources, a date and what they are not', async () => {
  const { out } = await tollgate.run(['rules', 'templates']);
  expect(out.match(/Not legal advice\. Sources, last read on \d{4}-\d\d-\d\d:/g)).toHaveLength(4);
  expect(out).toContain('https://www.consumerfinance.gov/rules-policy/regulations/1006/14/');
});
