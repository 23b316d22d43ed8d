/** Rules by destination, permission, campaign and time, as a dialplan meets them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());

const apply = (policy: string): Promise<void> => tollgate.apply(policy);
const verdict = async (call: AgiCall): Promise<string | undefined> =>
  (await placeAgiCall(tollgate.agiPort, call))['TOLLGATE_VERDICT'];
const explain = async (...args: string[]): Promise<ExplanationReport> =>
  JSON.parse((await tollgate.run(['explain', ...args, '--json'])).out);

const OFFICE = `
homeCountry: US
timezone: America/New_York
dialling: { outside: ["9"], international: ["011"] }
groups: { staff: { members: ["2001-2050"] } }
extensions: { "1001": { permissions: [international] } }
destinations: { high-risk: { prefixes: ["+53"] } }
`;

test('a class, a country and an own list each mean the numbers they name, however these were dialled', async () => {
  await apply(`${OFFICE}
rules:
  - { id: list, appliesTo: { destinations: [high-risk] }, hangupCause: 1 }
  - { id: country, appliesTo: { destinations: ["country:JM"] }, hangupCause: 2 }
  - { id: class, appliesTo: { destinations: [premium] }, hangupCause: 3 }`);
  const rule = async (destination: string): Promise<string | null> => (await explain(destination)).rule;
  expect(
    await Promise.all(['9011537123456', '+537123456', '918765551234', '19005551234', '912125551234'].map(rule)),
  ).toEqual(['list', 'list', 'country', 'class', null]);
});

test('a rule for those permitted leaves everyone else to the other rules', async () => {
  await apply(`${OFFICE}
rules: [{ id: abroad, appliesTo: { destinations: [international], permissions: [international] }, limits: ["1/1h"] }]`);
  const abroad = { destination: '901144207946' };
  expect(await verdict({ ...abroad, extension: '1001' })).toBe('allow');
  expect(await verdict({ ...abroad, extension: '1001' })).toBe('block');
  expect(await verdict({ ...abroad, extension: '1002' })).toBe('allow');
  expect(await verdict({ destination: '912125551234', extension: '1001' })).toBe('allow');
});

test('calls to own extensions are no outbound calls, unless a rule names them', async () => {
  await apply(`${OFFICE}rules: [{ id: all }]`);
  expect(await verdict({ destination: '2007', extension: '2001' })).toBe('allow');
  expect(await verdict({ destination: '912125551234', extension: '2001' })).toBe('block');
  await apply(`${OFFICE}rules: [{ id: named, appliesTo: { destinations: [internal] } }]`);
  expect(await verdict({ destination: '2007', extension: '2001' })).toBe('block');
});

test('a group of everybody does not make every number an own extension', async () => {
  await apply('groups: { all: { members: ["_."] } }\nrules: [{ id: all }]');
  expect(await verdict({ destination: '15551234567', extension: '1001' })).toBe('block');
});

test('a campaign has a limit of its own', async () => {
  await apply('rules: [{ id: spring, appliesTo: { campaigns: [SPRING, 1042] }, countPer: system, limits: ["1/1h"] }]');
  expect(await verdict({ destination: '1555', campaign: 'SPRING' })).toBe('allow');
  expect(await verdict({ destination: '1556', campaign: '1042' })).toBe('block');
  expect(await verdict({ destination: '1557', campaign: 'AUTUMN' })).toBe('allow');
  expect(await verdict({ destination: '1558' })).toBe('allow');
});

test('a called number is counted by its international form, whoever calls it and however', async () => {
  await apply(
    `${OFFICE}rules: [{ id: person, countPer: number, limits: ["2/1d"] }, { id: pair, countPer: extension-number, limits: ["1/1d"] }]`,
  );
  expect(await verdict({ destination: '912125550100', extension: '1001' })).toBe('allow');
  expect(await verdict({ destination: '+12125550100', extension: '1001' })).toBe('block');
  expect(await verdict({ destination: '12125550100', extension: '1002' })).toBe('allow');
  expect(await verdict({ destination: '12125550100', extension: '1003' })).toBe('block');
  expect(await verdict({ destination: '12125550101', extension: '1001' })).toBe('allow');
});

test('a rule is in force only while its schedule is open, and says when that changes', async () => {
  await apply(`${OFFICE}
schedules:
  after-hours:
    windows:
      - { days: [mon, tue, wed, thu, fri], from: "18:00", to: "08:00" }
      - { days: [sat], from: "00:00", to: "24:00" }
      - { days: [sun], from: "00:00", to: "08:00", nextDay: true }
rules: [{ id: night, during: after-hours }, { id: day, not: after-hours, action: alert }]`);
  const at = async (time: string): Promise<string | null> => (await explain('912125551234', '--at', time)).rule;
  // New York is five hours behind UTC in November: Friday 17:59, 18:00, Sunday noon, Monday 07:59 and 08:00.
  expect(
    await Promise.all(
      [
        '2026-11-20T22:59:00Z',
        '2026-11-20T23:00:00Z',
        '2026-11-22T17:00:00Z',
        '2026-11-23T12:59:00Z',
        '2026-11-23T13:00:00Z',
      ].map(at),
    ),
  ).toEqual(['day', 'night', 'night', 'night', 'day']);
  const { findings } = await explain('912125551234', '--at', '2026-11-20T22:59:00Z');
  expect(findings[0]).toMatchObject({
    applies: false,
    because: 'schedule after-hours is closed at this time until 2026-11-20T23:00:00.000Z',
  });
});

test('schedules are set by days and hours, shown as a picture, and not removed while a rule uses them', async () => {
  await apply('rules: []');
  const set = [
    'schedules',
    'set',
    'office',
    '--window',
    'mon-fri 09:00-17:30',
    '--window',
    'sat 10:00-12:00',
    '--holiday',
    '2026-12-25',
  ];
  expect((await tollgate.run(set)).exitCode).toBe(0);
  const { out } = await tollgate.run(['schedules', 'show', 'office']);
  expect(out).toContain('Monday to Friday 09:00 to 17:30, Saturday 10:00 to 12:00; also all day on 2026-12-25; UTC');
  expect(out).toMatch(/^sat .*█/m);
  expect((await tollgate.run(['schedules', 'list'])).out).toContain('office');
  await tollgate.run(['rules', 'add', 'r', '--during', 'office', '--limit', '1/1s']);
  expect((await tollgate.run(['schedules', 'remove', 'office'])).error).toContain('is used by rule r');
  const bad = await tollgate.run(['schedules', 'set', 'x', '--window', 'monday 9-17']);
  expect(bad.exitCode).toBe(2);
  expect(bad.error).toContain('mon-fri 18:00-08:00');
});

test('an own list cannot take the name of a built-in class, and a rule cannot name what is not there', async () => {
  const { error } = await tollgate.run(['policy', 'apply', '-'], {
    input:
      'destinations: { emergency: { prefixes: ["911"] } }\nrules: [{ id: r, appliesTo: { destinations: [premuim] }, during: nights }]',
  });
  expect(error).toContain('is the name of a built-in class');
  expect(error).toContain('did you mean premium?');
  expect(error).toContain('there is no schedule "nights"');
});
