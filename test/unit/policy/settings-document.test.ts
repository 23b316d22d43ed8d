import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../../src/policy/settings.ts';
import { listSettings, mergePatch, patchOf, readSettings, settingAt } from '../../../src/policy/settings-document.ts';

const settingsOf = (value: unknown) => {
  const read = readSettings(value);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.settings;
};

describe('settings', () => {
  test('an empty document is a complete one, with every default', () => {
    expect(settingsOf({})).toEqual(DEFAULT_SETTINGS);
  });

  test('every mistake is told at once, with its path, the range, and the key that was meant', () => {
    const read = readSettings({
      autoBan: { services: { sipRegistration: { attempts: 99, window: '1s' }, wbe: {} } },
      packetProtection: { packetsPerSecond: 5 },
    });
    expect('problems' in read ? read.problems : []).toEqual([
      {
        path: 'autoBan.services.sipRegistration.attempts',
        message: 'is more than 10; write a whole number from 3 to 10',
      },
      {
        path: 'autoBan.services.sipRegistration.window',
        message: 'is not a length of time from 5m to 1h; write for example 5m',
      },
      { path: 'autoBan.services.wbe', message: 'unknown key; did you mean web?' },
      {
        path: 'packetProtection.packetsPerSecond',
        message: 'is less than 1000; write a whole number from 1000 to 10000',
      },
    ]);
  });

  test('a patch changes what it names, leaves the rest, and gives a default back for null', () => {
    const changed = settingsOf(mergePatch(DEFAULT_SETTINGS, patchOf('autoBan.services.web.attempts', 3)));
    expect(changed.autoBan.services.web).toEqual({ ...DEFAULT_SETTINGS.autoBan.services.web, attempts: 3 });
    expect({ ...changed, autoBan: undefined }).toEqual({ ...DEFAULT_SETTINGS, autoBan: undefined });
    expect(settingsOf(mergePatch(changed, patchOf('autoBan.services.web.attempts', null)))).toEqual(DEFAULT_SETTINGS);
    expect(settingsOf(mergePatch(changed, { autoBan: null }))).toEqual(DEFAULT_SETTINGS);
  });

  test('a path that is not known is answered with the one that was meant', () => {
    const found = (path: string): unknown => {
      const read = settingAt(DEFAULT_SETTINGS, path);
      return 'problem' in read ? read.problem.message : read.value;
    };
    expect(found('autoBan.services.sipRegistration.attempts')).toBe(10);
    expect(found('autoBan.services.sipRegistraton.attempts')).toBe(
      'is no setting; did you mean autoBan.services.sipRegistration?',
    );
    expect(found('autoBan.enabled.really')).toBe('is no setting; autoBan.enabled has nothing below it');
    expect(found('constructor')).toMatch(/^is no setting/);
  });

  test('what differs from its default is marked, setting by setting', () => {
    const settings = settingsOf({ packetProtection: { enabled: true }, country: { mode: 'only', countries: ['AT'] } });
    expect(listSettings(settings).filter(({ isDefault }) => !isDefault)).toEqual([
      { path: 'packetProtection.enabled', value: true, default: false, isDefault: false },
      { path: 'country.mode', value: 'only', default: 'off', isDefault: false },
      { path: 'country.countries', value: ['AT'], default: [], isDefault: false },
    ]);
    expect(listSettings(settings, 'country').map(({ path }) => path)).toEqual(['country.mode', 'country.countries']);
  });
});
