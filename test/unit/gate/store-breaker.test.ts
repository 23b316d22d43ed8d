import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createStoreBreaker, type StoreBreaker } from '../../../src/gate/store-breaker.ts';
import type { EpochMs } from '../../../src/policy/call.ts';

/** A breaker whose probes are answered by hand. */
function setUp() {
  let monotonicMs = 0;
  const opened: string[] = [];
  const closedAfterMs: number[] = [];
  const probes: { readonly answer: () => void; readonly fail: () => void }[] = [];
  const breaker: StoreBreaker = createStoreBreaker({
    clock: { now: () => 0 as EpochMs, monotonicMs: () => monotonicMs },
    probe: () =>
      new Promise<void>((resolve, reject) => {
        probes.push({ answer: resolve, fail: () => reject(new Error('still away')) });
      }),
    onOpen: (why) => opened.push(why),
    onClosed: (openForMs) => closedAfterMs.push(openForMs),
  });
  const pass = async (ms: number): Promise<void> => {
    monotonicMs += ms;
    await vi.advanceTimersByTimeAsync(ms);
  };
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);
  return { breaker, opened, closedAfterMs, probes, pass, settle };
}

describe('the breaker in front of the store', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });
  afterEach(() => {
    expect(vi.getTimerCount(), 'timers left over').toBe(0);
    vi.useRealTimers();
  });

  test('opens at the third time-out in a row', () => {
    const { breaker, opened } = setUp();
    breaker.failed('slow', false);
    breaker.failed('slow', false);
    expect(breaker.isOpen()).toBe(false);
    breaker.failed('slow again', false);
    expect(breaker.isOpen()).toBe(true);
    expect(opened).toEqual(['slow again']);
    breaker.close();
  });

  test('stays closed when an answer comes between the time-outs', () => {
    const { breaker, opened } = setUp();
    for (let round = 0; round < 5; round++) {
      breaker.failed('slow', false);
      breaker.failed('slow', false);
      breaker.succeeded();
    }
    expect(breaker.isOpen()).toBe(false);
    expect(opened).toEqual([]);
  });

  test('opens at once when the connection is lost', () => {
    const { breaker, opened } = setUp();
    breaker.failed('connection lost', true);
    expect(breaker.isOpen()).toBe(true);
    expect(opened).toEqual(['connection lost']);
    breaker.close();
  });

  test('reports once, however many calls fail while it is open', () => {
    const { breaker, opened } = setUp();
    for (let call = 0; call < 10; call++) breaker.failed('connection lost', true);
    expect(opened).toHaveLength(1);
    breaker.close();
  });

  test('tries the store again and again, one try at a time, and closes at the first answer', async () => {
    const { breaker, closedAfterMs, probes, pass, settle } = setUp();
    breaker.failed('connection lost', true);
    await pass(199);
    expect(probes).toHaveLength(0);
    await pass(1);
    expect(probes).toHaveLength(1);
    await pass(1000);
    expect(probes).toHaveLength(1);
    probes[0]?.fail();
    await settle();
    await pass(200);
    expect(probes).toHaveLength(2);
    expect(breaker.isOpen()).toBe(true);
    probes[1]?.answer();
    await settle();
    expect(breaker.isOpen()).toBe(false);
    expect(closedAfterMs).toEqual([1400]);
    await pass(1000);
    expect(probes).toHaveLength(2);
  });

  test('needs three new time-outs after it has closed', async () => {
    const { breaker, probes, pass, settle } = setUp();
    for (let call = 0; call < 5; call++) breaker.failed('slow', false);
    await pass(200);
    probes[0]?.answer();
    await settle();
    breaker.failed('slow', false);
    breaker.failed('slow', false);
    expect(breaker.isOpen()).toBe(false);
    breaker.failed('slow', false);
    expect(breaker.isOpen()).toBe(true);
    breaker.close();
  });

  test('does nothing more once it was shut down, even if a try is under way', async () => {
    const { breaker, closedAfterMs, probes, pass, settle } = setUp();
    breaker.failed('connection lost', true);
    await pass(200);
    breaker.close();
    probes[0]?.fail();
    await settle();
    await pass(1000);
    expect(probes).toHaveLength(1);
    expect(closedAfterMs).toEqual([]);
    breaker.failed('connection lost', true);
    await pass(1000);
    expect(probes).toHaveLength(1);
  });

  test('reports no recovery when the answer comes after it was shut down', async () => {
    const { breaker, closedAfterMs, probes, pass, settle } = setUp();
    breaker.failed('connection lost', true);
    await pass(200);
    breaker.close();
    probes[0]?.answer();
    await settle();
    expect(closedAfterMs).toEqual([]);
  });
});
