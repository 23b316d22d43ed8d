import { describe, expect, it } from 'vitest';
import { createCdrClock } from '../../../src/simulate/cdr-time.ts';

const newYork = createCdrClock('America/New_York');
const iso = (atMs: number | undefined): string | undefined =>
  atMs === undefined ? undefined : new Date(atMs).toISOString();
const read = (text: string, nearMs?: number): string | undefined => iso(newYork.read(text, nearMs));

describe('a time in a call record', () => {
  it('is read by the clock on the wall of the zone, in winter and in summer', () => {
    expect(read('2026-11-21 09:41:07')).toBe('2026-11-21T14:41:07.000Z');
    expect(read('2026-07-21 09:41:07')).toBe('2026-07-21T13:41:07.000Z');
  });

  it('may have a fraction, an offset of its own, or be epoch seconds', () => {
    expect(read('2026-11-21 09:41:07.250')).toBe('2026-11-21T14:41:07.250Z');
    expect(read('2026-11-21T09:41:07Z')).toBe('2026-11-21T09:41:07.000Z');
    expect(read('2026-11-21T09:41:07+05:30')).toBe('2026-11-21T04:11:07.000Z');
    expect(read('1795254067.5')).toBe('2026-11-21T09:41:07.500Z');
  });

  it('in the hour that autumn shows twice is the one that the unique id says, and else the first', () => {
    expect(read('2026-11-01 01:30:00')).toBe('2026-11-01T05:30:00.000Z');
    expect(read('2026-11-01 01:30:00', Date.UTC(2026, 10, 1, 5, 29))).toBe('2026-11-01T05:30:00.000Z');
    expect(read('2026-11-01 01:30:00', Date.UTC(2026, 10, 1, 6, 29))).toBe('2026-11-01T06:30:00.000Z');
  });

  it('that spring skipped is read as if the clock had not been changed yet', () => {
    expect(read('2026-03-08 02:30:00')).toBe('2026-03-08T07:30:00.000Z');
  });

  it('that is none is nothing', () => {
    for (const text of ['', 'start', '0000-00-00 00:00:00', '2026-13-01 00:00:00', '21.11.2026 09:41', '12345']) {
      expect(read(text)).toBeUndefined();
    }
  });

  it('has an hour on the wall', () => {
    expect(newYork.hourOf(Date.UTC(2026, 10, 21, 14, 41))).toBe('2026-11-21T09');
  });
});
