import { describe, expect, it } from 'vitest';
import { isMisSetPhone } from '../../../src/bans/mis-set-phone.ts';
import type { CountedEvent } from '../../../src/bans/offence-record.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

const events = (pauses: readonly number[], fields: Partial<CountedEvent> = {}): CountedEvent[] => {
  let at = 1_000_000;
  return [0, ...pauses].map((pause) => {
    at += pause;
    const event = { kind: 'wrong-password', isCertain: false, transport: 'udp', port: 5060, account: '1001' } as const;
    return { at: at as EpochMs, ...event, ...fields };
  });
};
const steady = Array.from({ length: 9 }, () => 20_000);

describe('a phone with a wrong password', () => {
  it.each([
    ['tries one account every 20 seconds', events(steady), 1, true],
    ['drifts by a few seconds', events(steady.map((pause, at) => pause + (at % 3) * 1500)), 1, true],
    ['was off for a night in between', events([...steady, 9 * 3_600_000]), 1, true],
    ['tries at the pace of a script', events(steady.map(() => 300)), 1, false],
    ['tries at no pace', events([5000, 60_000, 7000, 31_000, 90_000, 12_000]), 1, false],
    ['tried another account before', events(steady), 2, false],
    ['tries an account that there is not', events(steady, { kind: 'unknown-account' }), 1, false],
    ['was seen twice only', events([20_000]), 1, false],
    ['names no account', events(steady, { account: '' }), 1, false],
  ])('%s', (_name, all, accounts, expected) => {
    expect(isMisSetPhone(all, accounts)).toBe(expected);
  });

  it('is not seen where nothing happened', () => {
    expect(isMisSetPhone([], 0)).toBe(false);
  });
});
