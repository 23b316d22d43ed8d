/** The level of the log while the daemon runs. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createLogLevel, type LogLevelControl } from '../../src/log-level.ts';
import { NOW } from '../support/policy.ts';
import { keptLog } from '../support/silent-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function control(): { readonly control: LogLevelControl; readonly level: () => string } {
  const { log, setLevel } = keptLog();
  return {
    control: createLogLevel({ configured: 'info', setLevel, clock: { now: () => NOW }, log }),
    level: () => log.level,
  };
}

describe('the level of the log', () => {
  test('is another one for a time, and then as configured', () => {
    const { control: logLevel, level } = control();
    logLevel.set('debug', 60_000);
    expect([level(), logLevel.state()]).toEqual(['debug', { level: 'debug', configured: 'info', until: NOW + 60_000 }]);
    vi.advanceTimersByTime(59_999);
    expect(level()).toBe('debug');
    vi.advanceTimersByTime(1);
    expect([level(), logLevel.state()]).toEqual(['info', { level: 'info', configured: 'info', until: undefined }]);
  });

  test('set anew is not ended by the time that was set before', () => {
    const { control: logLevel, level } = control();
    logLevel.set('debug', 1000);
    logLevel.set('warn');
    vi.advanceTimersByTime(10_000);
    expect([level(), logLevel.state().until]).toEqual(['warn', undefined]);
  });
});
