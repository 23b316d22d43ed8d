/** Settings that are tried: what is in force at which time, without a clock or a store. */
import { describe, expect, test } from 'vitest';
import type { EpochMs } from '../../../src/policy/call.ts';
import { DEFAULT_SETTINGS, type Settings } from '../../../src/policy/settings.ts';
import {
  changedSettings,
  confirmedSettings,
  keptOf,
  readKeptSettings,
  settingsInForce,
  settledSettings,
  trialAt,
  undoneSettings,
} from '../../../src/policy/settings-trial.ts';

const at = (ms: number): EpochMs => ms as EpochMs;
const first = keptOf(DEFAULT_SETTINGS);
const restricted: Settings = { ...DEFAULT_SETTINGS, adminAccess: { allowFrom: ['203.0.113.0/24'] } };
const making = { at: at(1000), by: 'dana', connection: '1', withinMs: 60_000 };
const tried = changedSettings(first, restricted, at(1000), making);

describe('settings that are tried', () => {
  test('are in force at once, and over at their time with nobody doing anything, with what was wanted as a draft', () => {
    expect(settingsInForce(tried, at(60_999))).toEqual(restricted);
    expect(settingsInForce(tried, at(61_000))).toEqual(DEFAULT_SETTINGS);
    expect(trialAt(tried, at(61_000))).toBeUndefined();
    expect(settledSettings(tried, at(99_000))).toEqual({
      settings: DEFAULT_SETTINGS,
      pending: null,
      lastUndone: {
        ...{ what: 'adminAccess', by: 'dana', at: 61_000, undoneBy: null },
        draft: { adminAccess: restricted.adminAccess },
      },
    });
  });

  test('stay when they are confirmed in time, and not when it is too late', () => {
    expect(confirmedSettings(tried, at(60_999))).toEqual(keptOf(restricted));
    expect(confirmedSettings(tried, at(61_000)).settings).toEqual(DEFAULT_SETTINGS);
  });

  test('are put back alone: what else was changed meanwhile stays', () => {
    const meanwhile = { ...restricted, approvals: { ownCalls: true } };
    const changed = changedSettings(tried, meanwhile, at(2000), undefined);
    expect(changed.pending).toEqual(tried.pending);
    const back = undoneSettings(changed, at(3000), 'omar');
    expect(back.settings).toEqual({ ...DEFAULT_SETTINGS, approvals: { ownCalls: true } });
    expect(back.lastUndone?.undoneBy).toBe('omar');
  });

  test('that are changed by hand have been decided about, and nothing puts them back', () => {
    const open = changedSettings(tried, DEFAULT_SETTINGS, at(2000), undefined);
    expect([open.pending, settingsInForce(open, at(99_000))]).toEqual([null, DEFAULT_SETTINGS]);
  });

  test('and only open something wait for nobody', () => {
    const kept = changedSettings(keptOf(restricted), DEFAULT_SETTINGS, at(1000), making);
    expect(kept).toEqual(first);
  });

  test('are read back as they were written, settings alone as well, and a trial that is none is over', () => {
    const stored = (value: unknown): unknown => readKeptSettings(JSON.parse(JSON.stringify(value)));
    expect(stored(tried)).toEqual(tried);
    expect(stored(undoneSettings(tried, at(2000), 'omar'))).toEqual(undoneSettings(tried, at(2000), 'omar'));
    expect(stored(restricted)).toEqual(keptOf(restricted));
    expect(stored({ ...tried, pending: 'soon' })).toEqual(keptOf(restricted));
    expect(stored({ settings: { autoBan: 1 } })).toMatchObject({ problems: [{ path: 'autoBan' }] });
  });
});
