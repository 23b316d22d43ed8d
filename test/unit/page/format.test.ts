import { describe, expect, test } from 'vitest';
import {
  formatActor,
  formatAge,
  formatCountdown,
  formatDuration,
  formatMoment,
  formatPhone,
  sentence,
} from '../../../src/page/parts/format.ts';

const NOON = Date.parse('2026-11-20T12:00:00Z');
const S = 1000;

describe('times', () => {
  test.each([
    [41 * S, '0:41'],
    [59_001, '1:00'],
    [0, '0:00'],
    [-5 * S, '0:00'],
  ])('a countdown of %d ms is %s, and never below zero', (ms, text) => expect(formatCountdown(ms)).toBe(text));

  test.each([
    [18 * S, '18 s'],
    [125 * S, '2 m 05 s'],
    [3600 * S, '1 h'],
    [11_400 * S, '3 h 10 m'],
    [187_200 * S, '2 d 4 h'],
  ])('a duration of %d ms is %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [NOON - 18 * S, '18 s ago'],
    [NOON + 23 * 3600 * S, 'in 23 h'],
    [NOON, 'now'],
    [NOON - 3 * 86_400 * S, 'Tue 17 Nov 12:00'],
  ])('an age is relative for a day', (at, text) => expect(formatAge(at, NOON, 'UTC')).toBe(text));

  test('a moment of today is the clock, of another day has its date, of another year has that too', () => {
    expect(formatMoment(NOON, NOON, 'UTC')).toBe('12:00:00');
    expect(formatMoment(NOON - 86_400 * S, NOON, 'UTC')).toBe('Thu 19 Nov 12:00');
    expect(formatMoment(Date.parse('2025-03-01T08:05:00Z'), NOON, 'UTC')).toBe('Sat 1 Mar 2025 08:05');
  });

  test('a moment is that of the zone: today there may be yesterday here', () => {
    const at = Date.parse('2026-11-20T02:00:00Z');
    expect(formatMoment(at, NOON, 'America/New_York')).toBe('Thu 19 Nov 21:00');
  });
});

describe('phone numbers', () => {
  test.each([
    ['+12125550147', '+1 212 555 0147'],
    ['+5352345678', '+53 523 456 78'],
    ['+442079460018', '+44 207 946 0018'],
    ['+35315550147', '+353 155 501 47'],
    ['911', '911'],
    ['9011442079460018', '9011442079460018'],
  ])('%s is written %s, with spaces that do not break', (number, text) => {
    expect(formatPhone(number)).toBe(text.replaceAll(' ', '\u00a0'));
    expect(formatPhone(number).replaceAll('\u00a0', '')).toBe(number);
  });
});

test.each([
  ['web anna', 'anna'],
  ['cli root', 'root, by command line'],
  ['link Anna B', 'Anna B, by link'],
  ['phone 2001', 'phone 2001'],
  ['new install', 'new install'],
])('who did it: %s is %s', (by, text) => expect(formatActor(by)).toBe(text));

test('a clause of the daemon becomes a sentence once', () => {
  expect(sentence('the store does not answer')).toBe('The store does not answer.');
  expect(sentence('Done.')).toBe('Done.');
});
