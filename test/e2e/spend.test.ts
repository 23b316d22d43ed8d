/**
 * Money of calls under way, with two daemons on one store, each with an Asterisk 22 of its own. The store is the private
 * one of the first daemon, so that it can be killed and comes back with what it had written.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { ExplanationReport } from '../../src/gate/report.ts';
import type { LiveCallView } from '../../src/live-calls/live-call-view.ts';
import type { LockReport } from '../../src/locks/lock-report.ts';
import { PATIENT } from '../support/approvals-client.ts';
import { startScene, type TestScene } from '../support/scene.ts';

const WITHIN = { timeout: 30_000, interval: 100 };
/** By the sheet below ten cents a second, each second paid for on its own. */
const ABROAD = '0115355512345';
const HOME = '13055550100';
const SITE = 'homeCountry: US\ndialling: { outside: ["9"], international: ["011"] }\n';
const SHEET = 'prefix,price,increments\n53,6.00,1/1\n1,0,1/1\n';

let near: TestScene;
let far: TestScene;
const place = ({ stage }: TestScene, destination: string, holdMs = 200): Promise<PlacedCall> =>
  stage.placeCall({ from: '1001', destination, holdMs, timeoutMs: 90_000 });
const status = async (...call: Parameters<typeof place>): Promise<number | undefined> => (await place(...call)).status;
const explain = (scene: TestScene) => scene.ask<ExplanationReport>('explain', ABROAD, '--extension', '1001');
/** Money that the only rule has counted. */
const spent = async (scene = near): Promise<number> => {
  const limits = (await explain(scene)).findings.flatMap((finding) => finding.limits);
  return limits.find(({ kind }) => kind === 'spend')?.used ?? Number.NaN;
};
const liveCalls = async (): Promise<number> => (await near.ask<LiveCallView[]>('calls', 'live')).length;
const locks = (scene: TestScene): Promise<LockReport[]> => scene.ask('locks', 'list');

/** In force on both. */
async function apply(rule: string): Promise<void> {
  await near.apply(`${SITE}rules: [${rule}]`);
  const policyAt = async (scene: TestScene): Promise<string> => (await scene.tollgate.run(['policy', 'show'])).output;
  const wanted = await policyAt(near);
  await expect.poll(() => policyAt(far), WITHIN).toBe(wanted);
  await expect.poll(async () => (await far.tollgate.run(['rates', 'check', ABROAD])).exitCode, WITHIN).toBe(0);
}

beforeAll(async () => {
  const sceneOf = (node: string, env: Readonly<Record<string, string>>): Promise<TestScene> =>
    startScene({
      phones: ['1001'],
      carriers: { 'carrier-a': {}, 'carrier-b': { refuseWith: 486 } },
      dialplan: DIALPLAN,
      connected: '',
      tollgateEnv: { ...PATIENT, TOLLGATE_NODE: node, ...env },
    });
  near = await sceneOf('near', {});
  far = await sceneOf('far', { TOLLGATE_REDIS__URL: join(near.tollgate.stateDir, 'redis.sock') });
  expect(await near.tollgate.run(['rates', 'import', '-'], SHEET)).toMatchObject({ exitCode: 0 });
});
afterAll(async () => {
  await far.stop();
  await near.stop();
});

describe('a soft ceiling', () => {
  test('lets a call go on and meets the next one, with what was spent, and never one that costs nothing', async () => {
    await apply('{ id: soft, spend: { soft: "0.25/1d" } }');
    expect(await status(near, ABROAD, 4000)).toBe(200);
    expect(await status(far, ABROAD)).toBe(403);
    expect(await status(near, HOME)).toBe(200);
    expect(await status(near, '911')).toBe(200);
    const { findings, reason } = await explain(far);
    expect(reason).toContain('Rule soft refuses: extension 1001 has spent 0.');
    expect(findings[0]).toMatchObject({ limit: '0.25/1d', remaining: 0, exceeded: true });
    // Four seconds of talk, each begun one paid for.
    expect(await spent()).toBeGreaterThanOrEqual(0.4);
    expect(await spent()).toBeLessThanOrEqual(0.6);
  });

  test('is not touched by calls that nobody answers', async () => {
    await apply('{ id: unanswered, spend: { soft: "0.25/1d" } }');
    const { stage } = near;
    for (let call = 0; call < 4; call++)
      expect((await stage.placeCall({ from: '1001', destination: `8${ABROAD}`, holdMs: 100 })).status).not.toBe(200);
    await expect.poll(() => spent(), WITHIN).toBe(0);
  });
});

describe('a hard ceiling', () => {
  test('ends the three calls under way on both Asterisks, locks, and lets out again once somebody clears it', async () => {
    await apply(
      '{ id: hard, spend: { hard: "1.80/1d" }, lockout: { after: 5, within: 24h, destinations: ["country:CU"] } }',
    );
    // Tried again, it begins anew.
    await near.tollgate.run(['locks', 'clear', '--extension', '1001']);
    await near.tollgate.run(['rules', 'reset', 'hard']);
    const calls = [place(near, ABROAD, 60_000), place(near, ABROAD, 60_000), place(far, ABROAD, 60_000)];
    await expect.poll(liveCalls, WITHIN).toBe(3);
    expect(await status(near, '911')).toBe(200);
    expect((await Promise.all(calls)).map((call) => call.status)).toEqual([200, 200, 200]);
    await expect.poll(liveCalls, WITHIN).toBe(0);
    // Six seconds of three calls, and no more than a second of each beyond that.
    await expect.poll(() => spent(far), WITHIN).toBeLessThanOrEqual(2.1);
    expect(await spent()).toBeGreaterThan(0.9);
    for (const scene of [near, far]) await expect.poll(() => locks(scene), WITHIN).toHaveLength(1);
    expect([await status(near, ABROAD), await status(far, ABROAD)]).toEqual([403, 403]);
    expect([await status(near, HOME), await status(far, '911')]).toEqual([200, 200]);
    expect(await near.tollgate.run(['rules', 'reset', 'hard'])).toMatchObject({ exitCode: 0 });
    expect(await status(near, ABROAD)).toBe(403);
    expect(await near.tollgate.run(['locks', 'clear', '--extension', '1001'])).toMatchObject({ exitCode: 0 });
    await expect.poll(() => status(far, ABROAD), WITHIN).toBe(200);
  });

  test('counts a call once and whole over the death of its daemon and of the store', async () => {
    await apply('{ id: killed, spend: { hard: "50/1d" } }');
    const calling = place(near, ABROAD, 16_000);
    await expect.poll(() => spent(far), WITHIN).toBeGreaterThan(0.3);
    await near.tollgate.kill();
    await sleep(1000);
    await near.tollgate.start();
    await expect.poll(liveCalls, WITHIN).toBe(1);
    await near.tollgate.killStore();
    expect((await calling).status).toBe(200);
    await expect.poll(liveCalls, WITHIN).toBe(0);
    await expect.poll(() => spent(), WITHIN).toBeGreaterThanOrEqual(1.6);
    expect(await spent()).toBeLessThanOrEqual(2);
  });
});
