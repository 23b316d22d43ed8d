/** Real calls of real phones through a real Asterisk 22, decided by a real Tollgate on a real Redis. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { CallsPage } from '../../src/gate/journal.ts';
import type { DecisionReport, ExplanationReport } from '../../src/gate/report.ts';
import { startRedis } from '../support/redis.ts';
import { startScene, type TestScene } from '../support/scene.ts';

const TRUNKS = 'trunks: { carrier-a: {}, carrier-b: {}, carrier-down: {} }';

let scene: TestScene;
let lastNumber = 15550100000;
/** Numbers that no other test calls. */
const numbers = (count: number, prefix = ''): string[] =>
  Array.from({ length: count }, () => `${prefix}${++lastNumber}`);
const statuses = (calls: readonly PlacedCall[]): (number | undefined)[] => calls.map((call) => call.status);
const count = (calls: readonly PlacedCall[], status: number): number =>
  calls.filter((call) => call.status === status).length;
const patiently = { timeout: 30_000, interval: 50 };
/** Decisions that were kept, as soon as there are any: they are written a moment after the call was answered. */
const kept = (filter: string): Promise<readonly DecisionReport[]> =>
  vi.waitUntil(async () => {
    const { calls } = await scene.api<CallsPage>('GET', `/api/v1/calls?${filter}`);
    return calls.length > 0 && calls;
  }, patiently);
const explain = (extension: string, trunk?: string): Promise<ExplanationReport> =>
  scene.api('POST', '/api/v1/explain', { destination: '15550000000', extension, trunk });

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001', '1002', '1003', '2001', '2002', '2003'],
    carriers: { 'carrier-a': {}, 'carrier-b': {}, 'carrier-down': { refuseWith: 503 } },
    dialplan: DIALPLAN,
    // Long enough that a phone can hang up while the store is frozen; shorter than the dialplan's own guard.
    tollgateEnv: { TOLLGATE_AGI__DEADLINE_MS: '1500' },
  });
});
afterAll(() => scene.stop());

describe('allowed or refused', () => {
  test('a new install lets five calls of an extension in a second pass, refuses the sixth with 403, and leaves the next extension alone', async () => {
    const reachedBefore = (await scene.stage.carrier('carrier-a').calls()).length;
    const [calls, other] = await Promise.all([
      scene.stage.placeCalls({ from: '1001', destinations: numbers(6), ratePerSecond: 200 }),
      scene.stage.placeCall({ from: '1002', destination: numbers(1)[0] ?? '' }),
    ]);
    expect(statuses(calls)).toEqual([200, 200, 200, 200, 200, 403]);
    expect(other.status).toBe(200);
    expect((await scene.stage.carrier('carrier-a').calls()).length - reachedBefore).toBe(6);
  });

  test('a refused call can be asked why by its decision: rule, counts, and when it would be allowed', async () => {
    await kept('extension=1001&verdict=block');
    const [latest] = await scene.ask<DecisionReport[]>('calls', 'list', '--extension', '1001', '--verdict', 'block');
    const shown = await scene.ask<DecisionReport>('calls', 'show', latest?.id ?? '');
    expect(shown).toMatchObject({
      verdict: 'block',
      rule: 'default',
      extension: '1001',
      trunk: 'carrier-a',
      retryAfterSeconds: 1,
      store: 'asked',
    });
    expect(shown.findings).toMatchObject([
      { rule: 'default', applies: true, exceeded: true, limit: '5/1s', used: 5, remaining: 0 },
    ]);
  });

  test('the hang-up cause of the rule reaches the phone as its SIP status', async () => {
    await scene.apply('rules: [{ id: busy, limits: ["1/1h"], hangupCause: 17, prompt: none }]');
    const calls = await scene.stage.placeCalls({ from: '1001', destinations: numbers(2), ratePerSecond: 20 });
    expect(statuses(calls)).toEqual([200, 486]);
  });

  test('a rule counted per group is used up by its members together', async () => {
    await scene.apply(`
groups: { call-centre: { members: ["2001-2002"] } }
rules: [{ id: centre, appliesTo: { groups: [call-centre] }, countPer: group, limits: ["3/1h"] }]`);
    const calls = [
      ...(await scene.stage.placeCalls({ from: '2001', destinations: numbers(2), ratePerSecond: 20 })),
      ...(await scene.stage.placeCalls({ from: '2002', destinations: numbers(2), ratePerSecond: 20 })),
    ];
    const outsider = await scene.stage.placeCall({ from: '2003', destination: numbers(1)[0] ?? '' });
    expect(statuses(calls)).toEqual([200, 200, 200, 403]);
    expect(outsider.status).toBe(200);
  });

  test('a rule for a trunk refuses whoever calls over it, and no call over another trunk', async () => {
    await scene.apply(
      `${TRUNKS}\nrules: [{ id: b, appliesTo: { trunks: [carrier-b] }, countPer: trunk, limits: ["2/1h"] }]`,
    );
    const over = [
      ...(await scene.stage.placeCalls({ from: '1001', destinations: numbers(2, '8'), ratePerSecond: 20 })),
      await scene.stage.placeCall({ from: '1002', destination: numbers(1, '8')[0] ?? '' }),
    ];
    const elsewhere = await scene.stage.placeCall({ from: '1002', destination: numbers(1)[0] ?? '' });
    expect(statuses(over)).toEqual([200, 200, 403]);
    expect(elsewhere.status).toBe(200);
  });

  test('of two limits in one rule the tighter one refuses, and what it refuses is not taken from the other', async () => {
    await scene.apply('rules: [{ id: two, limits: ["2/1h", "10/1d"] }]');
    const calls = await scene.stage.placeCalls({ from: '1001', destinations: numbers(5), ratePerSecond: 20 });
    expect(count(calls, 200)).toBe(2);
    expect(count(calls, 403)).toBe(3);
    const { findings } = await explain('1001');
    expect(findings[0]?.limits.map(({ limit, used }) => [limit, used])).toEqual([
      ['2/1h', 2],
      ['10/1d', 2],
    ]);
  });

  test('an exceeded alert rule lets the call go and keeps it in the journal', async () => {
    await scene.apply('rules: [{ id: watch, limits: ["1/1h"], action: alert }]');
    const calls = await scene.stage.placeCalls({ from: '1003', destinations: numbers(2), ratePerSecond: 20 });
    expect(statuses(calls)).toEqual([200, 200]);
    expect(await kept('verdict=alert&extension=1003')).toMatchObject([{ rule: 'watch', verdict: 'alert' }]);
  });

  test('a call that tries a second trunk after the first failed is charged once to its extension and once to each trunk', async () => {
    await scene.apply(`${TRUNKS}
rules:
  - { id: person, limits: ["10/1h"] }
  - { id: line, appliesTo: { trunks: [carrier-down, carrier-a] }, countPer: trunk, limits: ["10/1h"] }`);
    const call = await scene.stage.placeCall({ from: '1001', destination: numbers(1, '7')[0] ?? '' });
    expect(call.status).toBe(200);
    const usedOver = async (trunk: string): Promise<Record<string, number | null>> => {
      const { findings } = await explain('1001', trunk);
      return Object.fromEntries(findings.map(({ rule, used }) => [rule, used]));
    };
    expect(await usedOver('carrier-down')).toEqual({ person: 1, line: 1 });
    expect(await usedOver('carrier-a')).toEqual({ person: 1, line: 1 });
  });
});

describe('policy changes', () => {
  test('a policy changed while calls are placed decides every call within a second, and none is lost', async () => {
    await scene.apply('rules: [{ id: open, limits: ["100000/1h"] }]');
    const arrivals = async (): Promise<number> => (await scene.stage.carrier('carrier-a').calls()).length;
    const reachedBefore = await arrivals();
    const placing = scene.stage.placeCalls({ from: '1002', destinations: numbers(100), ratePerSecond: 20 });
    await vi.waitUntil(async () => (await arrivals()) > reachedBefore + 15, patiently);
    await scene.apply('rules: [{ id: closed, limits: [] }]');
    const changedAtMs = Date.now();
    const calls = await placing;
    expect(calls.every(({ status }) => status === 200 || status === 403)).toBe(true);
    expect(calls).toHaveLength(100);
    const allowedLate = calls.filter((call) => call.status === 200 && call.startedAtMs > changedAtMs);
    expect(allowedLate).toEqual([]);
    expect(count(calls, 200)).toBeGreaterThan(10);
    expect(count(calls, 403)).toBeGreaterThan(10);
  });

  test('a document with mistakes is refused with all of them and the good one stays in force', async () => {
    await scene.apply('rules: [{ id: good, limits: ["7/1h"] }]');
    const { exitCode, output } = await scene.tollgate.run(
      ['policy', 'apply', '-'],
      'rules: [{ id: bad, limit: ["5/1s"], action: blok }]',
    );
    expect(exitCode).toBe(1);
    expect(output).toContain('did you mean limits?');
    expect(output).toContain('did you mean block?');
    expect(await scene.api('GET', '/api/v1/rules')).toMatchObject([{ id: 'good', limits: ['7/1h'] }]);
  });
});

describe('things break', () => {
  test('while the store is frozen a rule set to block refuses and emergency numbers pass', async () => {
    await scene.apply('rules: [{ id: strict, limits: ["100/1h"], whenStoreFails: block }]');
    await scene.tollgate.freezeStore();
    try {
      const ordinary = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' });
      const emergency = await scene.stage.placeCall({ from: '1001', destination: '911' });
      const behindPrefix = await scene.stage.placeCall({ from: '1001', destination: '112' });
      expect(statuses([ordinary, emergency, behindPrefix])).toEqual([403, 200, 200]);
    } finally {
      await scene.tollgate.thawStore();
    }
    await vi.waitUntil(async () => (await explain('1001')).store === 'asked', patiently);
    const recovered = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' });
    expect(recovered.status).toBe(200);
  });

  test('a caller who hangs up while Tollgate is deciding pays nothing', async () => {
    await scene.apply('rules: [{ id: hangup, limits: ["10/1h"] }]');
    await scene.tollgate.freezeStore();
    const calling = scene.stage.placeCall({ from: '1003', destination: numbers(1)[0] ?? '', cancelAfterMs: 60 });
    const call = await calling;
    await scene.tollgate.thawStore();
    expect(call.status).toBe(487);
    await sleep(500);
    const { findings } = await explain('1003');
    expect(findings).toMatchObject([{ rule: 'hangup', used: 0 }]);
  });

  test('with the daemon killed the dialplan goes the way it is set to, and emergency numbers pass', async () => {
    await scene.tollgate.kill();
    const emergency = { TOLLGATE_EMERGENCY: '911&112' };
    await scene.stage.asterisk.reloadDialplan(DIALPLAN, {
      ...scene.globals,
      ...emergency,
      TOLLGATE_ON_FAILURE: 'block',
    });
    const blocked = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' });
    const saved = await scene.stage.placeCall({ from: '1001', destination: '911' });
    await scene.stage.asterisk.reloadDialplan(DIALPLAN, {
      ...scene.globals,
      ...emergency,
      TOLLGATE_ON_FAILURE: 'allow',
    });
    const allowed = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' });
    expect(statuses([blocked, saved, allowed])).toEqual([403, 200, 200]);
  });

  test('a policy acknowledged before kill -9 is in force after the restart', async () => {
    await scene.tollgate.start();
    await scene.apply('rules: [{ id: survivor, limits: ["3/1h"] }]');
    await scene.tollgate.kill();
    await scene.tollgate.start();
    expect(await scene.api('GET', '/api/v1/rules')).toMatchObject([{ id: 'survivor', limits: ['3/1h'] }]);
    const call = await scene.stage.placeCall({ from: '1001', destination: numbers(1)[0] ?? '' });
    expect(call.status).toBe(200);
  });
});

test('with an external store killed a rule set to block refuses, and emergency numbers pass', async () => {
  const redis = await startRedis();
  const away = await startScene({
    phones: ['1001'],
    dialplan: DIALPLAN,
    tollgateEnv: { TOLLGATE_REDIS__URL: redis.socketPath },
  });
  try {
    await away.apply('rules: [{ id: strict, limits: ["100/1h"], whenStoreFails: block }]');
    const place = (destination: string) => away.stage.placeCall({ from: '1001', destination });
    const before = await place(numbers(1)[0] ?? '');
    process.kill(redis.pid, 'SIGKILL');
    const ordinary = await place(numbers(1)[0] ?? '');
    const emergency = await place('911');
    expect(statuses([before, ordinary, emergency])).toEqual([200, 403, 200]);
  } finally {
    await away.stop();
    await redis.stop();
  }
});
