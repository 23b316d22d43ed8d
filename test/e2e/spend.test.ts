/**
 * Money of calls under way, with two daemons on one store, each with an Asterisk 22 of its own. The store is the private
 * one of the first daemon, so that it can be killed and comes back with what it had written.
 *
 * What is polled is asked at the daemons' sockets: a command line takes half a second to start, and several on a busy machine.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { ExplanationReport } from '../../src/gate/report.ts';
import type { LiveCallView } from '../../src/live-calls/live-call-view.ts';
import type { LockReport } from '../../src/locks/lock-report.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { startScene, type TestScene } from '../support/scene.ts';

const WITHIN = { timeout: 30_000, interval: 100 };
/** By the sheet below ten cents a second, each second paid for on its own. */
const ABROAD = '0115355512345';
const HOME = '13055550100';
const SITE = 'homeCountry: US\ndialling: { outside: ["9"], international: ["011"] }\n';
/** Longer than any test: these calls are ended, and nobody waits for them. */
const LONG = 120_000;
const SHEET = 'prefix,price,increments\n53,6.00,1/1\n54,1.90,60/60\n1,0,1/1\n';
/** Its first minute is $1.90, begun or not. */
const DEAR = '011541123456789';

let near: TestScene;
let far: TestScene;
const sockets = new Map<TestScene, ApprovalsClient>();
const place = ({ stage }: TestScene, destination: string, holdMs = 200): Promise<PlacedCall> =>
  stage.placeCall({ from: '1001', destination, holdMs, timeoutMs: 150_000 });
const status = async (...call: Parameters<typeof place>): Promise<number | undefined> => (await place(...call)).status;
/** What a daemon answers; undefined while it is not there. */
async function askAt<T>(scene: TestScene, method: string, path: string, body?: object): Promise<T | undefined> {
  const answer = await sockets.get(scene)?.ask(method, path, body);
  return answer?.status === 200 ? (JSON.parse(answer.text) as T) : undefined;
}
const explain = (scene: TestScene) =>
  askAt<ExplanationReport>(scene, 'POST', '/api/v1/explain', { destination: ABROAD, extension: '1001' });
/** Money that the only rule has counted. */
const spent = async (scene = near): Promise<number> => {
  const limits = (await explain(scene))?.findings.flatMap((finding) => finding.limits);
  return limits?.find(({ kind }) => kind === 'spend')?.used ?? Number.NaN;
};
/** On both nodes. */
const liveCalls = async (): Promise<number | undefined> =>
  (await askAt<LiveCallView[]>(near, 'GET', '/api/v1/calls/live'))?.length;
const locks = (scene: TestScene) => askAt<LockReport[]>(scene, 'GET', '/api/v1/locks');

/** In force on both, with nothing spent, so that a test that is tried again begins anew. Rules have no prompt: one that is played takes four seconds of each refused call. */
async function apply(id: string, rule: string): Promise<void> {
  await near.apply(`${SITE}rules: [{ id: ${id}, prompt: none, ${rule} }]`);
  await askAt(near, 'POST', '/api/v1/calls/live/end', { all: true });
  await expect.poll(liveCalls, WITHIN).toBe(0);
  await askAt(near, 'POST', '/api/v1/locks/clear', { extension: '1001' });
  await askAt(near, 'POST', `/api/v1/rules/${id}/reset`, {});
  const policyAt = async (scene: TestScene): Promise<unknown> =>
    (await askAt<{ readonly document: unknown }>(scene, 'GET', '/api/v1/policy'))?.document;
  const wanted = await policyAt(near);
  await expect.poll(() => policyAt(far), WITHIN).toEqual(wanted);
  const priceAt = `/api/v1/rates/check?number=${ABROAD}`;
  await expect.poll(() => askAt(far, 'GET', priceAt), WITHIN).toMatchObject({ perMinute: 6 });
}

beforeAll(async () => {
  const sceneOf = (node: string, env: Readonly<Record<string, string>>): Promise<TestScene> =>
    startScene({
      phones: ['1001'],
      carriers: { 'carrier-a': {}, 'carrier-b': { refuseWith: 486 } },
      dialplan: DIALPLAN,
      connected: '',
      tollgateEnv: { TOLLGATE_NODE: node, ...env },
    });
  near = await sceneOf('near', {});
  far = await sceneOf('far', { TOLLGATE_REDIS__URL: join(near.tollgate.stateDir, 'redis.sock') });
  for (const scene of [near, far]) sockets.set(scene, createApprovalsClient(scene.tollgate.stateDir));
  expect(await near.tollgate.run(['rates', 'import', '-'], SHEET)).toMatchObject({ exitCode: 0 });
});
afterAll(async () => {
  await far.stop();
  await near.stop();
});

/** Ten cents for each second that the call talked, as its phone saw it, begun ones and one for the way of the news. */
async function paysFor({ talked }: PlacedCall): Promise<void> {
  const seconds = (talked?.forMs ?? Number.NaN) / 1000;
  await expect.poll(() => spent(), WITHIN).toBeGreaterThanOrEqual(Math.floor(seconds) / 10);
  await expect.poll(() => spent(), WITHIN).toBeLessThanOrEqual((Math.ceil(seconds) + 1) / 10);
}

describe('a soft ceiling', () => {
  test('lets a call go on and meets the next one, with what was spent, and never one that costs nothing', async () => {
    await apply('soft', 'spend: { soft: "0.25/1d" }');
    const first = await place(near, ABROAD, 3000);
    expect(first.status).toBe(200);
    await expect.poll(liveCalls, WITHIN).toBe(0);
    const others = [status(far, ABROAD), status(near, HOME), status(near, '911')];
    expect(await Promise.all(others)).toEqual([403, 200, 200]);
    const explained = await explain(far);
    expect(explained?.reason).toContain('Rule soft refuses: extension 1001 has spent 0.');
    expect(explained?.findings[0]).toMatchObject({ limit: '0.25/1d', remaining: 0, exceeded: true });
    await paysFor(first);
  });

  test('is not touched by calls that nobody answers', async () => {
    await apply('unanswered', 'spend: { soft: "0.25/1d" }');
    for (let call = 0; call < 4; call++) expect(await status(near, `8${ABROAD}`, 100)).not.toBe(200);
    await expect.poll(() => spent(), WITHIN).toBe(0);
  });
});

describe('a hard ceiling', () => {
  test('ends the three calls under way on both Asterisks, locks, and lets out again once somebody clears it', async () => {
    await apply('hard', 'spend: { hard: "2.40/1d" }, lockout: { after: 5, within: 24h, destinations: ["country:CU"] }');
    const calls = [place(near, ABROAD, LONG), place(near, ABROAD, LONG), place(far, ABROAD, LONG)];
    await expect.poll(liveCalls, WITHIN).toBe(3);
    expect(await status(near, '911')).toBe(200);
    const over = await Promise.all(calls);
    expect(over.map((call) => [call.status, call.talked?.endedBy])).toEqual(Array(3).fill([200, 'called']));
    await expect.poll(liveCalls, WITHIN).toBe(0);
    // Eight seconds of three calls, and no more than a second of each beyond that.
    await expect.poll(() => spent(far), WITHIN).toBeLessThanOrEqual(2.7);
    expect(await spent()).toBeGreaterThan(1.2);
    for (const scene of [near, far]) await expect.poll(() => locks(scene), WITHIN).toHaveLength(1);
    const locked = [status(near, ABROAD), status(far, ABROAD), status(near, HOME), status(far, '911')];
    expect(await Promise.all(locked)).toEqual([403, 403, 200, 200]);
    expect(await near.tollgate.run(['rules', 'reset', 'hard'])).toMatchObject({ exitCode: 0 });
    expect(await status(near, ABROAD)).toBe(403);
    expect(await near.tollgate.run(['locks', 'clear', '--extension', '1001'])).toMatchObject({ exitCode: 0 });
    await expect.poll(() => status(far, ABROAD), WITHIN).toBe(200);
  });

  test('that a refused call does not fit under ends the one under way on the other Asterisk, and locks', async () => {
    await apply('full', 'spend: { hard: "2.00/1d" }, lockout: { after: 5, within: 24h, destinations: ["country:CU"] }');
    const calling = place(far, ABROAD, LONG);
    await expect.poll(() => spent(), WITHIN).toBeGreaterThan(0.2);
    expect(await status(near, DEAR)).toBe(403);
    expect((await calling).talked?.endedBy).toBe('called');
    expect(await spent()).toBeLessThan(2);
    await expect.poll(() => locks(far), WITHIN).toMatchObject([{ rule: 'full', subject: 'extension 1001' }]);
  });

  test('counts a call once and whole over the death of its daemon and of the store', async () => {
    await apply('killed', 'spend: { hard: "50/1d" }');
    const calling = place(near, ABROAD, LONG);
    await expect.poll(() => spent(far), WITHIN).toBeGreaterThan(0.3);
    await near.tollgate.kill();
    // The call talks on, and nobody counts.
    await sleep(1000);
    await near.tollgate.start();
    await expect.poll(liveCalls, WITHIN).toBe(1);
    const before = await spent();
    await near.tollgate.killStore();
    await expect.poll(() => spent(), WITHIN).toBeGreaterThan(before);
    expect(await near.tollgate.run(['calls', 'end', '--extension', '1001', '--yes'])).toMatchObject({ exitCode: 0 });
    const call = await calling;
    expect(call.status).toBe(200);
    await expect.poll(liveCalls, WITHIN).toBe(0);
    await paysFor(call);
  });
});
