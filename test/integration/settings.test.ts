/** The settings of the defence, on a real daemon with a real store. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FirewallReport } from '../../src/api/firewall-routes.ts';
import type { SettingsReport } from '../../src/api/settings-routes.ts';
import { createClient } from '../../src/cli/client.ts';
import { systemClock } from '../../src/clock.ts';
import { CONTROL_SOCKET } from '../../src/daemon.ts';
import type { AuditRecord } from '../../src/people/audit-record.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../src/policy/settings.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { openSettingsStore } from '../../src/store/settings-store.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis } from '../support/redis.ts';
import { keptLog } from '../support/silent-log.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());
beforeEach(async () => {
  await tollgate.run(['settings', 'apply', '-'], { input: '{}' });
});

const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const settings = async (): Promise<Settings> => JSON.parse(await ok('settings', 'show', '--json')) as Settings;

describe('settings', () => {
  test('are complete on a new install, and each can be changed and reset by its path', async () => {
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
    expect(await ok('settings', 'set', 'autoBan.services.sipRegistration.attempts', '5')).toBe(
      'autoBan.services.sipRegistration.attempts: 5 (default: 10)\n',
    );
    await ok('settings', 'set', 'autoBan.services.web.duration', '7d');
    await ok('settings', 'set', 'autoBan.detect.scans', 'off');
    await ok('settings', 'set', 'country.countries', 'US,CA', 'AT');
    const now = await settings();
    expect([now.autoBan.services.web.duration, now.autoBan.detect.scans]).toEqual(['7d', false]);
    expect(now.country.countries).toEqual(['US', 'CA', 'AT']);
    const shown = await ok('settings', 'show');
    expect(shown).toMatch(/sipRegistration\.attempts +5 +default: 10/);
    expect(shown).toContain('Not at its default: 4.');
    await ok('settings', 'reset', 'autoBan');
    expect(await settings()).toEqual({ ...DEFAULT_SETTINGS, country: now.country });
  });

  test('out of range are refused with the range, and nothing is changed', async () => {
    for (const [path, value, said] of [
      ['autoBan.services.sipRegistration.attempts', '11', 'is more than 10; write a whole number from 3 to 10'],
      ['autoBan.services.sipRegistration.attempts', 'many', 'is not a whole number from 3 to 10'],
      ['autoBan.services.web.window', '1m', 'is not a length of time from 5m to 1h'],
      ['packetProtection.packetsPerSecond', '10', 'write a whole number from 1000 to 10000'],
      ['packetProtection.enabled', 'perhaps', 'write true or false'],
      ['country.mode', 'onyl', 'did you mean only?'],
    ] as const) {
      const { exitCode, error } = await tollgate.run(['settings', 'set', path, value]);
      expect({ path, exitCode, error }).toEqual({ path, exitCode: 1, error: expect.stringContaining(`${path}: `) });
      expect(error).toContain(said);
    }
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
  });

  test('of a mistyped path name the nearest one; a section cannot be set as one', async () => {
    const typo = await tollgate.run(['settings', 'set', 'autoBan.services.sipRegistraton.attempts', '5']);
    expect([typo.exitCode, typo.error]).toEqual([
      1,
      expect.stringContaining('did you mean autoBan.services.sipRegistration'),
    ]);
    const section = await tollgate.run(['settings', 'set', 'autoBan.services', '5']);
    expect([section.exitCode, section.error]).toEqual([2, expect.stringContaining('autoBan.services.web')]);
    expect((await tollgate.run(['settings', 'reset', 'autoban'])).error).toContain('did you mean autoBan');
  });

  test('are replaced by a file, whole or not at all, with every mistake of it named by line', async () => {
    const file = join(tollgate.stateDir, 'settings.yaml');
    await writeFile(file, 'packetProtection:\n  enabled: true\ncountry:\n  mode: only\n');
    const refused = await tollgate.run(['settings', 'apply', file]);
    expect(refused.exitCode).toBe(1);
    expect(refused.error).toContain('settings.yaml');
    expect(refused.error).toContain('country.countries: is empty');
    await writeFile(file, 'packetProtection:\n  enabled: true\n');
    expect(await ok('settings', 'apply', file, '--dry-run')).toContain('+  enabled: true');
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
    expect(await ok('settings', 'diff', file)).toContain('-  enabled: false');
    await ok('settings', 'apply', file);
    expect((await settings()).packetProtection.enabled).toBe(true);
    expect(await ok('settings', 'diff', file)).toBe('No difference.\n');
  });

  test('made for another version than the one in force are a conflict, and change nothing', async () => {
    const client = createClient({ socketPath: join(tollgate.stateDir, CONTROL_SOCKET), user: 'tester' });
    const { version } = await client.ask<SettingsReport>('GET', '/api/v1/settings');
    const patch = { packetProtection: { enabled: true } };
    const late = client.ask('PATCH', '/api/v1/settings', patch, version - 1);
    await expect(late).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await settings()).toEqual(DEFAULT_SETTINGS);
    const next = await client.ask<SettingsReport>('PATCH', '/api/v1/settings', patch, version);
    expect([next.version, next.settings.packetProtection.enabled]).toEqual([version + 1, true]);
  });

  test('that were changed stand in the audit log with what they were', async () => {
    await ok('settings', 'set', 'packetProtection.block', '2h');
    const [last] = JSON.parse(await ok('audit', 'list', '--limit', '1', '--json')) as AuditRecord[];
    expect(last).toMatchObject({
      by: 'cli tester',
      action: 'settings.set',
      before: { 'packetProtection.block': '1h' },
      after: { 'packetProtection.block': '2h' },
    });
  });
});

test('settings are kept over a restart', async () => {
  const first = await startTestDaemon();
  await first.run(['settings', 'set', 'autoBan.permanentAfter', '7']);
  await first.daemon.close();
  const second = await startTestDaemon({ stateDir: first.stateDir });
  const { out } = await second.run(['settings', 'show', 'autoBan.permanentAfter', '--json']);
  await second.stop();
  await first.stop();
  expect(out).toBe('7\n');
});

test('a country is refused from the moment that a setting says so, and bans explain says why', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-settings-'));
  const file = join(folder, 'countries.csv');
  await writeFile(file, '203.0.113.0/24,AT\n');
  const daemon = await startTestDaemon({ env: { TOLLGATE_COUNTRIES__FILE: file } });
  const explain = async (): Promise<string> => (await daemon.run(['bans', 'explain', '203.0.113.9'])).out;
  const before = await explain();
  await daemon.run(['settings', 'set', 'country.countries', 'AT']);
  await daemon.run(['settings', 'set', 'country.mode', 'refuse']);
  const refused = await explain();
  await daemon.run(['settings', 'reset', 'country']);
  const after = await explain();
  await daemon.stop();
  await rm(folder, { recursive: true, force: true });
  expect(refused).toContain('is not banned');
  expect(refused).toMatch(/Calls from there are refused: .*AT/);
  expect([before, after]).toEqual([expect.not.stringContaining('refused'), expect.not.stringContaining('refused')]);
});

describe('settings that are tried', () => {
  const pending = async () => (JSON.parse(await ok('firewall', 'status', '--json')) as FirewallReport).pending;
  const tryOut = (within: string) => [
    ...['settings', 'set', 'packetProtection.enabled', 'true', '--confirm-within', within],
  ];

  test('are in force, wait with who made them, and are put back, kept as a draft', async () => {
    await ok(...tryOut('90s'));
    expect((await settings()).packetProtection.enabled).toBe(true);
    expect(await pending()).toMatchObject({ what: 'packetProtection', by: 'cli tester', lost: { phones: [] } });
    const second = await tollgate.run(['settings', 'set', 'adminAccess.allowFrom', '::1', '--confirm-within', '30s']);
    expect(second.error).toContain('waits to be kept');
    await ok('firewall', 'undo');
    expect((await settings()).packetProtection.enabled).toBe(false);
    const { lastUndone } = JSON.parse(await ok('firewall', 'status', '--json')) as FirewallReport;
    expect(lastUndone).toMatchObject({
      what: 'packetProtection',
      draft: { settings: { packetProtection: { enabled: true } } },
    });
  });

  test('stay when they are confirmed; and are over at their time, in the audit log as well', async () => {
    await ok(...tryOut('90s'));
    await ok('firewall', 'confirm');
    expect([await pending(), (await settings()).packetProtection.enabled]).toEqual([null, true]);
    const audit = JSON.parse(await ok('audit', 'list', '--action', 'firewall.confirm', '--json')) as AuditRecord[];
    expect(audit[0]).toMatchObject({ after: { packetProtection: { enabled: true } } });

    const redis = await startRedis();
    const stateDir = await mkdtemp(join(tmpdir(), 'tollgate-trial-'));
    const audited: string[] = [];
    const store = await openSettingsStore({
      ...{ redis: redis.client(), keys: createKeys({ prefix: 'tollgate', tenant: 'default' }), stateDir },
      ...{ clock: systemClock, log: keptLog().log, durably: (write) => write() },
      audit: async ({ action }) => void audited.push(action),
    });
    const heard: boolean[] = [];
    store.onChange(({ document }) => heard.push(document.packetProtection.enabled));
    const on = (now: Settings): Settings => ({ ...now, packetProtection: { ...now.packetProtection, enabled: true } });
    await store.change(on, 'dana', { withinMs: 300, connection: null });
    expect(store.current().document.packetProtection.enabled).toBe(true);
    await expect.poll(() => audited, { timeout: 30_000 }).toEqual(['settings.revert']);
    expect(store.current().document.packetProtection.enabled).toBe(false);
    expect([heard[0], heard.at(-1), store.trials.lastUndone()?.undoneBy]).toEqual([true, false, null]);
    store.close();
    await redis.stop();
    await rm(stateDir, { recursive: true, force: true });
  });
});
