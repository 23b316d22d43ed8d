import { describe, expect, test } from 'vitest';
import { createStoreClock } from '../../../src/gate/store-clock.ts';

const EPOCH = 1_795_000_000_000;

describe('the clock of the store', () => {
  test('says nothing before the first reply', () => {
    expect(createStoreClock().at(1000)).toBeUndefined();
  });

  test('goes on from the middle of the first round trip', () => {
    const clock = createStoreClock();
    clock.observe(100, 110, EPOCH);
    // The store cut its time to whole milliseconds, half of one on average.
    expect(clock.at(105)).toBe(EPOCH + 0.5);
    expect(clock.at(1105)).toBe(EPOCH + 1000.5);
  });

  test('believes a quicker reply and not a slower one that agrees with it', () => {
    const clock = createStoreClock();
    clock.observe(0, 40, EPOCH + 30);
    clock.observe(100, 102, EPOCH + 101);
    expect(clock.at(200)).toBe(EPOCH + 200.5);
    clock.observe(300, 400, EPOCH + 390);
    expect(clock.at(500)).toBe(EPOCH + 500.5);
  });

  test('believes the later one of two equally quick replies', () => {
    const clock = createStoreClock();
    clock.observe(0, 2, EPOCH);
    clock.observe(10, 12, EPOCH + 12);
    expect(clock.at(11)).toBe(EPOCH + 12.5);
  });

  test.each([
    ['forward', 3_600_000],
    ['back', -3_600_000],
    ['forward by a little', 60],
    ['back by a little', -60],
  ])('follows a store whose clock was set %s at the next reply, even a slower one', (_, stepMs) => {
    const clock = createStoreClock();
    clock.observe(0, 2, EPOCH + 1);
    clock.observe(1000, 1020, EPOCH + 1010 + stepMs);
    expect(clock.at(2000)).toBe(EPOCH + 2000.5 + stepMs);
  });

  test('does not take the stall of a store for a clock that was set', () => {
    const clock = createStoreClock();
    clock.observe(0, 2, EPOCH + 1);
    // The store slept five seconds and read its clock at the very end.
    clock.observe(1000, 6000, EPOCH + 6000);
    expect(clock.at(7000)).toBe(EPOCH + 7000.5);
  });

  test('replaces what it knows after a minute, because clocks drift', () => {
    const clock = createStoreClock();
    clock.observe(0, 2, EPOCH + 1);
    clock.observe(59_000, 59_010, EPOCH + 59_008);
    expect(clock.at(60_000)).toBe(EPOCH + 60_000.5);
    clock.observe(61_000, 61_010, EPOCH + 61_008);
    expect(clock.at(62_000)).toBe(EPOCH + 62_003.5);
  });
});
