import { describe, expect, it } from 'vitest';
import { type Turn, whomToCall } from '../../../src/approvals/phone-turns.ts';

const NOW = 100_000;
const turn = (endpoint: string, fields: Partial<Turn> = {}): Turn => ({
  ...{ endpoint, calls: 0, isUnderWay: false, endedAtMs: 0, isDone: false },
  ...fields,
});
const next = (ring: 'all' | 'in-order', turns: readonly Turn[], busy: readonly string[] = []): readonly string[] =>
  whomToCall(turns, { ring, nowMs: NOW, isFree: (endpoint) => !busy.includes(endpoint) });
const justNow = { calls: 1, endedAtMs: NOW - 1000 };
const before = { calls: 1, endedAtMs: NOW - 10_000 };

describe.each(['all', 'in-order'] as const)('ringing %s', (ring) => {
  it('calls nobody who was called three times, who knows of it, or who is on another call', () => {
    const turns = [turn('a', { calls: 3 }), turn('b', { isDone: true }), turn('c')];
    expect(next(ring, turns, ['c'])).toEqual([]);
  });
  it('calls one who did not answer again, after a pause', () => {
    expect(next(ring, [turn('a', justNow)])).toEqual([]);
    expect(next(ring, [turn('a', before)])).toEqual(['a']);
  });
  it('has nobody to call where there is nobody', () => {
    expect(next(ring, [])).toEqual([]);
  });
});

describe('ringing all', () => {
  it('calls everybody who is not called yet', () => {
    expect(next('all', [turn('a'), turn('b', { isUnderWay: true, calls: 1 }), turn('c')])).toEqual(['a', 'c']);
  });
});

describe('ringing in order', () => {
  it('calls one at a time', () => {
    expect(next('in-order', [turn('a'), turn('b')])).toEqual(['a']);
    expect(next('in-order', [turn('a', { isUnderWay: true, calls: 1 }), turn('b')])).toEqual([]);
  });
  it('goes on to the next one, and begins a round anew after the last', () => {
    expect(next('in-order', [turn('a', justNow), turn('b')])).toEqual(['b']);
    expect(next('in-order', [turn('a', before), turn('b')])).toEqual(['b']);
    expect(next('in-order', [turn('a', before), turn('b', before)])).toEqual(['a']);
    expect(next('in-order', [turn('a', { ...before, calls: 2 }), turn('b', before)])).toEqual(['b']);
  });
  it('passes over who is on another call, and comes back to him', () => {
    expect(next('in-order', [turn('a'), turn('b')], ['a'])).toEqual(['b']);
    expect(next('in-order', [turn('a'), turn('b', justNow)], ['a'])).toEqual([]);
    expect(next('in-order', [turn('a'), turn('b', justNow)])).toEqual(['a']);
  });
});
