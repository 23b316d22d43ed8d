/** Calls that wait, calls at once, and calls that last too long: on a real Asterisk 22, seen at the carrier. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { CarriedCall, PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { CallsPage } from '../../src/gate/journal.ts';
import type { DecisionReport, ExplanationReport } from '../../src/gate/report.ts';
import type { LiveCallView } from '../../src/live-calls/live-call-view.ts';
import { startScene, type TestScene } from '../support/scene.ts';

const TRUNKS = 'trunks: { carrier-a: {}, carrier-b: {} }';

let scene: TestScene;
let lastNumber = 15550300000;
const numbers = (count: number): string[] => Array.from({ length: count }, () => String(++lastNumber));
const statuses = (calls: readonly PlacedCall[]): (number | undefined)[] => calls.map((call) => call.status);
const count = (calls: readonly PlacedCall[], status: number): number =>
  calls.filter((call) => call.status === status).length;
const arrivals = async (wanted: readonly string[]): Promise<readonly CarriedCall[]> => {
  const among = new Set(wanted);
  return (await scene.stage.carrier('carrier-a').calls()).filter(({ destination }) => among.has(destination));
};
const liveCalls = (): Promise<LiveCallView[]> => scene.api('GET', '/api/v1/calls/live');
const explain = (destination: string, extension: string): Promise<ExplanationReport> =>
  scene.api('POST', '/api/v1/explain', { destination, extension });
const used = async (destination: string, extension: string): Promise<number | null> =>
  (await explain(destination, extension)).findings[0]?.used ?? null;
const usedAtOnce = (extension = '1001'): Promise<number | null> => used('15550000000', extension);
const PATIENTLY_MS = 30_000;
/** Waits until something is so; the last value is what the expectation then shows. */
async function until<T>(read: () => Promise<T>, wanted: T): Promise<T> {
  for (const deadline = performance.now() + PATIENTLY_MS; ; ) {
    const value = await read();
    if (value === wanted || performance.now() > deadline) return value;
    await sleep(50);
  }
}
const hangUpAll = (): Promise<string> => scene.stage.asterisk.cli('channel request hangup all');

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001', '1002', '1003'],
    carriers: { 'carrier-a': {}, 'carrier-b': { refuseWith: 486 } },
    dialplan: DIALPLAN,
    connected: 'calls: { lease: 3s }',
  });
});
afterAll(() => scene.stop());

describe('pacing', () => {
  test('a burst of 100 calls reaches the carrier in order, 50 ms apart', async () => {
    await scene.apply(
      `${TRUNKS}\nrules: [{ id: pace, appliesTo: { trunks: [carrier-a] }, countPer: trunk, limits: ["20/1s"], action: wait, burst: 1, maxWait: 10s, maxQueue: 200 }]`,
    );
    const wanted = numbers(100);
    const calls = await scene.stage.placeCalls({ from: '1001', destinations: wanted, ratePerSecond: 400 });
    expect(count(calls, 200)).toBe(100);
    const arrived = await arrivals(wanted);
    const gaps = arrived.slice(1).map((call, at) => call.atMs - (arrived[at]?.atMs ?? 0));
    const sorted = gaps.toSorted((a, b) => a - b);
    console.log(
      `gaps at the carrier: min ${sorted[0]?.toFixed(1)}, median ${sorted[49]?.toFixed(1)}, p95 ${sorted[94]?.toFixed(1)}, max ${sorted.at(-1)?.toFixed(1)} ms`,
    );
    // The order in which they asked: calls of one burst are a few milliseconds apart, and each has a thread of its own.
    const waited = async (): Promise<readonly DecisionReport[]> =>
      (await scene.api<CallsPage>('GET', '/api/v1/calls?verdict=wait&limit=1000')).calls.filter(({ destination }) =>
        wanted.includes(destination),
      );
    // Where the machine is slow, a few ask so late that there is a place at once.
    expect(await until(async () => (await waited()).length >= 80, true)).toBe(true);
    const decided = await waited();
    const promised = new Map(
      decided.map(({ destination, at, tookMs, waitMs }) => {
        const earliestMs = Date.parse(at) + (waitMs ?? 0);
        return [destination, { earliestMs, latestMs: earliestMs + tookMs }];
      }),
    );
    // The store gave the place at some time while the decision was made. A channel that wakes up late loses places:
    // on a machine with much else to do, a second's worth of them.
    let promisedSoFarMs = 0;
    for (const { destination } of arrived.slice(1)) {
      const leaves = promised.get(destination);
      if (leaves === undefined) continue;
      expect(leaves.latestMs, destination).toBeGreaterThan(promisedSoFarMs - 1000);
      promisedSoFarMs = Math.max(promisedSoFarMs, leaves.earliestMs);
    }
    for (const [at, { destination }] of arrived.entries()) {
      expect(Math.abs(wanted.indexOf(destination) - at)).toBeLessThan(25);
    }
    // The store's places are exactly 50 ms apart; a channel wakes up to some milliseconds late.
    expect(sorted[49]).toBeGreaterThan(45);
    expect(sorted[49]).toBeLessThan(55);
    const whole = (arrived.at(-1)?.atMs ?? 0) - (arrived[0]?.atMs ?? 0);
    expect(whole).toBeGreaterThan(99 * 50 - 100);
    // The 21st comes a second after the first; a channel that wakes up late may bring it nearer.
    for (const [at, call] of arrived.entries()) {
      const inSecond = arrived.slice(at).filter(({ atMs }) => atMs < call.atMs + 500).length;
      expect(inSecond).toBeLessThanOrEqual(20);
    }
  });

  test('a call for which there is no place in time is refused with the cause of the rule', async () => {
    await scene.apply(
      'rules: [{ id: short, limits: ["2/1s"], action: wait, burst: 1, maxWait: 1s, hangupCause: 34, prompt: none }]',
    );
    const calls = await scene.stage.placeCalls({ from: '1002', destinations: numbers(5), ratePerSecond: 200 });
    // At 0, 500 and 1000 ms; the others would wait longer than a second.
    expect(statuses(calls)).toEqual([200, 200, 200, 503, 503]);
  });

  test('whoever hangs up while waiting gives his place to the next', async () => {
    await scene.apply('rules: [{ id: giving, limits: ["1/2s"], action: wait, maxWait: 5s, whileWaiting: ringing }]');
    const [first = '', second = '', third = ''] = numbers(3);
    await scene.stage.placeCall({ from: '1003', destination: first });
    const impatient = await scene.stage.placeCall({ from: '1003', destination: second, cancelAfterMs: 300 });
    expect(impatient.status).toBe(487);
    expect(impatient.progress.map(({ status }) => status)).toContain(180);
    const next = await scene.stage.placeCall({ from: '1003', destination: third });
    expect(next.status).toBe(200);
    // Two seconds behind the first, not four.
    const [one, other] = await arrivals([first, third]);
    expect((other?.atMs ?? Number.NaN) - (one?.atMs ?? Number.NaN)).toBeLessThan(3700);
    expect((await arrivals([second])).length).toBe(0);
  });
});

describe('calls at once', () => {
  afterEach(async () => {
    await hangUpAll();
    expect(await until(() => usedAtOnce(), 0)).toBe(0);
  });

  test('of 30 calls 10 are up at once, and each that ends lets another in', async () => {
    await scene.apply(`${TRUNKS}\nrules: [{ id: ten, countPer: extension, concurrent: 10 }]`);
    const wanted = numbers(30);
    const calling = scene.stage.placeCalls({
      from: '1001',
      destinations: wanted,
      ratePerSecond: 100,
      holdMs: 120_000,
      timeoutMs: 120_000,
    });
    // No call ends before all thirty were decided, and those refused have heard why: what is left are ten with two legs.
    const refusals = async (): Promise<number> =>
      (await scene.api<CallsPage>('GET', '/api/v1/calls?rule=ten&limit=1000')).calls.filter(({ destination }) =>
        wanted.includes(destination),
      ).length;
    expect(await until(refusals, 20)).toBe(20);
    const channels = (): Promise<string> => scene.stage.asterisk.cli('core show channels count');
    expect(await until(async () => (await channels()).includes('20 active channels'), true)).toBe(true);
    expect(await arrivals(wanted)).toHaveLength(10);
    await hangUpAll();
    const calls = await calling;
    expect(count(calls, 200)).toBe(10);
    expect(count(calls, 403)).toBe(20);
    expect(await until(() => usedAtOnce(), 0)).toBe(0);
    const again = await scene.stage.placeCalls({ from: '1001', destinations: numbers(10), ratePerSecond: 100 });
    expect(count(again, 200)).toBe(10);
  });

  test('a refused trunk and a busy line free their slot', async () => {
    await scene.apply(`${TRUNKS}\nrules: [{ id: two, concurrent: 2 }]`);
    for (const number of numbers(4)) {
      expect((await scene.stage.placeCall({ from: '1002', destination: `8${number}` })).status).toBe(486);
    }
    expect(await until(() => usedAtOnce('1002'), 0)).toBe(0);
  });

  test('with the daemon killed and started again the calls under way are still counted, and freed when they end', async () => {
    await scene.apply('rules: [{ id: ten, concurrent: 10 }]');
    const running = scene.stage.placeCalls({
      from: '1001',
      destinations: numbers(6),
      ratePerSecond: 100,
      holdMs: 120_000,
      timeoutMs: 120_000,
    });
    expect(await until(() => usedAtOnce(), 6)).toBe(6);
    // Calls are written down for the next start a tenth of a second behind.
    await sleep(1000);
    await scene.tollgate.kill();
    // Longer than the lease: what is counted then was found again among the channels.
    await sleep(3500);
    await scene.tollgate.start();
    expect(await until(() => usedAtOnce(), 6)).toBe(6);
    expect(await until(async () => (await liveCalls()).length, 6)).toBe(6);
    await hangUpAll();
    await running;
    expect(await until(() => usedAtOnce(), 0)).toBe(0);
  });

  test('with Asterisk killed its calls are freed, by the comparison with the channels that exist', async () => {
    await scene.apply('rules: [{ id: ten, concurrent: 10 }]');
    const running = scene.stage
      .placeCalls({ from: '1001', destinations: numbers(5), ratePerSecond: 100, holdMs: 20_000, timeoutMs: 6000 })
      .catch(() => []);
    expect(await until(() => usedAtOnce(), 5)).toBe(5);
    await scene.stage.asterisk.restart();
    expect(await until(() => usedAtOnce(), 0)).toBe(0);
    expect(await until(async () => (await liveCalls()).length, 0)).toBe(0);
    await running;
    expect((await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' })).status).toBe(200);
  });
});

describe('the longest duration', () => {
  test('a call is cut when it has lasted so long', async () => {
    await scene.apply('rules: [{ id: short, maxDuration: 2s }]');
    const call = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '', holdMs: 30_000 });
    expect(call.talked?.endedBy).toBe('called');
    expect(call.talked?.forMs).toBeGreaterThan(1500);
    expect(call.talked?.forMs).toBeLessThan(15_000);
  });

  test('a call that began before there was a ceiling is cut as well', async () => {
    await scene.apply('rules: []');
    const calling = scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '', holdMs: 30_000 });
    expect(await until(async () => (await liveCalls()).length, 1)).toBe(1);
    await scene.apply('rules: [{ id: late, maxDuration: 2s }]');
    const call = await calling;
    expect(call.talked?.endedBy).toBe('called');
    expect(call.talked?.forMs).toBeLessThan(15_000);
  });
});

describe('what became of a call', () => {
  const REG_F =
    'rules: [{ id: reg, countPer: number, limits: ["2/7d"], counting: rolling, giveBackOn: [busy, failed], holdAfter: { answered: 7d } }]';

  test('attempts that found the line busy do not count', async () => {
    await scene.apply(`${TRUNKS}\n${REG_F}`);
    const [number = ''] = numbers(1);
    for (let attempt = 0; attempt < 4; attempt++) {
      expect((await scene.stage.placeCall({ from: '1001', destination: `8${number}` })).status).toBe(486);
      expect(await until(() => used(`8${number}`, '1001'), 0)).toBe(0);
    }
  });

  test('after an answered call the number is held', async () => {
    await scene.apply(`${TRUNKS}\n${REG_F}`);
    const [number = '', other = ''] = numbers(2);
    expect((await scene.stage.placeCall({ from: '1001', destination: number })).status).toBe(200);
    expect(await until(async () => (await explain(number, '1002')).verdict, 'block')).toBe('block');
    expect((await scene.stage.placeCall({ from: '1002', destination: number })).status).toBe(403);
    expect((await scene.stage.placeCall({ from: '1002', destination: other })).status).toBe(200);
    const { reason } = await explain(number, '1002');
    expect(reason).toContain('had an answered call less than 7 days ago');
  });
});
