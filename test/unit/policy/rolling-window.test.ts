import { describe, expect, it } from 'vitest';
import { readWindow } from '../../../src/policy/rolling-window.ts';

const limit = { count: 7, periodSeconds: 604_800, text: '7/7d' };

describe('what the store says of a rolling window', () => {
  it.each([
    {
      name: 'no calls leave all of them',
      counts: { before: 0, after: 1, roomInMs: -1_795_000_000_000 },
      reading: { used: 0, usedAfter: 1, remaining: 7, roomAfterMs: 0 },
    },
    {
      name: 'the last call still has room',
      counts: { before: 6, after: 7, roomInMs: -1_795_000_000_000 },
      reading: { used: 6, usedAfter: 7, remaining: 1, roomAfterMs: 0 },
    },
    {
      name: 'a full window has room when the store says so',
      counts: { before: 7, after: 7, roomInMs: 1 },
      reading: { used: 7, usedAfter: 7, remaining: 0, roomAfterMs: 1 },
    },
    {
      name: 'more calls than the limit are shown as the limit',
      counts: { before: 9, after: 10, roomInMs: 604_800_000 },
      reading: { used: 7, usedAfter: 7, remaining: 0, roomAfterMs: 604_800_000 },
    },
  ])('$name', ({ counts, reading }) => {
    expect(readWindow(limit, counts)).toEqual({ limit, ...reading });
  });
});
