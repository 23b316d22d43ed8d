import { expect, test } from 'vitest';
import { namesTried } from '../../../src/bans/ban.ts';
import { unusedDays } from '../../../src/page/screens/allowed/entries.ts';
import { blockRange, blockType, sourceOf, summarise } from '../../../src/page/screens/blocked/bans.ts';

test('a block is by hand, permanent, or the so-manieth of those before it is permanent', () => {
  const until = '2026-11-22T00:00:00.000Z';
  expect(blockType({ origin: 'manual', until, timesBanned: 1 }, 5)).toBe('By hand');
  expect(blockType({ origin: 'manual', until: null, timesBanned: 1 }, 5)).toBe('Permanent');
  expect(blockType({ origin: 'automatic', until, timesBanned: 2 }, 5)).toBe('Temporary 2 of 5');
  expect(blockType({ origin: 'automatic', until, timesBanned: 2 })).toBe('Temporary 2');
});

test('a block range always says how wide it is, and its source is an address', () => {
  expect(['192.0.2.7', '2001:db8::1', '198.51.100.64/26'].map(blockRange)).toEqual([
    '192.0.2.7/32',
    '2001:db8::1/128',
    '198.51.100.64/26',
  ]);
  expect(sourceOf('198.51.100.64/26')).toBe('198.51.100.64');
});

test('names that were tried are read from the evidence as the defence writes it, each once', () => {
  const events = [
    'wrong password as 100 (failed SIP registrations) from 192.0.2.7:5071 over UDP',
    'unknown account as <b> (x) as y (failed web log-ins) from 2001:db8::5',
    'wrong password as 100 (failed SIP registrations) from 192.0.2.7:5071 over UDP',
    'scan (refused SIP calls) from 192.0.2.7:5066 over TCP',
  ].map((event) => ({ event }));
  expect(namesTried(events)).toEqual(['100', '<b> (x) as y']);
});

test('what many blocks have in common is counted: detectors, permanent ones, those that came a third time', () => {
  const ban = { until: '2026-11-22T00:00:00.000Z', timesBanned: 1, defenceType: 'scan' };
  const bans = [ban, { ...ban, timesBanned: 3 }, { ...ban, until: null }, { ...ban, defenceType: 'log-in' }];
  expect(summarise(bans)).toEqual({
    count: 4,
    permanent: 1,
    again: 1,
    reasons: [
      { what: 'Scan', count: 3 },
      { what: 'Log-in', count: 1 },
    ],
  });
});

test('an entry that nobody came from for over 30 days is unused, one that was just made is not', () => {
  const now = Date.parse('2026-11-21T00:00:00Z');
  const createdAt = '2026-08-19T00:00:00Z';
  expect(unusedDays({ lastHitAt: null, createdAt }, now)).toBe(94);
  expect(unusedDays({ lastHitAt: '2026-11-20T00:00:00Z', createdAt }, now)).toBeUndefined();
  expect(unusedDays({ lastHitAt: null, createdAt: '2026-11-01T00:00:00Z' }, now)).toBeUndefined();
});
