/**
 * Locks, first calls and the ending of calls, with two daemons on one store, each with an Asterisk 22 of its own. They share
 * nothing but the store, as on two machines.
 *
 * What is polled is asked at the daemons' sockets: a command line takes half a second to start, and several on a busy machine.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { EndedCall } from '../../src/live-calls/call-ender.ts';
import type { LiveCallView } from '../../src/live-calls/live-call-view.ts';
import type { LockReport } from '../../src/locks/lock-report.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startScene, type TestScene } from '../support/scene.ts';

const WITHIN = { timeout: 30_000, interval: 100 };
const CUBA = '0115355512345';
const GERMANY = '01149301234567';
const HOME = '13055550100';
/** Longer than any test: these calls are ended, and nobody waits for them. */
const LONG = 300_000;
const SITE = 'homeCountry: US\ndialling: { outside: ["9"], international: ["011"] }\n';

let store: TestRedis;
let near: TestScene;
let far: TestScene;
let people: ApprovalsClient;
const sockets = new Map<TestScene, ApprovalsClient>();
const place = ({ stage }: TestScene, destination: string, from = '1001', holdMs = 200): Promise<PlacedCall> =>
  stage.placeCall({ from, destination, holdMs, timeoutMs: 400_000 });
const status = async (...call: Parameters<typeof place>): Promise<number | undefined> => (await place(...call)).status;

/** What a daemon answers to a GET; undefined while it is not there. */
async function read<T>(scene: TestScene, path: string): Promise<T | undefined> {
  const answer = await sockets.get(scene)?.ask('GET', path);
  return answer?.status === 200 ? (JSON.parse(answer.text) as T) : undefined;
}
const liveAt = (scene: TestScene) => read<LiveCallView[]>(scene, '/api/v1/calls/live');
const locksAt = (scene: TestScene) => read<LockReport[]>(scene, '/api/v1/locks');

/** In force on both. Rules have no prompt where they refuse: one that is played takes four seconds of each call. */
async function apply(rules: string): Promise<void> {
  await near.apply(`${SITE}${rules}`);
  const policyAt = async (scene: TestScene): Promise<unknown> =>
    (await read<{ readonly document: unknown }>(scene, '/api/v1/policy'))?.document;
  const wanted = await policyAt(near);
  await expect.poll(() => policyAt(far), WITHIN).toEqual(wanted);
}

beforeAll(async () => {
  store = await startRedis();
  const sceneOf = (node: string): Promise<TestScene> =>
    startScene({
      phones: ['1001', '1002'],
      dialplan: DIALPLAN,
      connected: '',
      tollgateEnv: { TOLLGATE_NODE: node, TOLLGATE_REDIS__URL: store.socketPath },
    });
  [near, far] = await Promise.all([sceneOf('near'), sceneOf('far')]);
  people = createApprovalsClient(near.tollgate.stateDir, 'nora');
  for (const scene of [near, far]) sockets.set(scene, createApprovalsClient(scene.tollgate.stateDir));
});
afterAll(async () => {
  await Promise.all([near.stop(), far.stop()]);
  await store.stop();
});

describe('an extension that was refused three times, on whichever Asterisk', () => {
  test('calls abroad on none until a person lets it, and home and the emergency number all the while', async () => {
    const lockout = 'lockout: { after: 3, within: 1h, destinations: [international] }';
    await apply(`rules: [{ id: no-cuba, prompt: none, appliesTo: { destinations: ["country:CU"] }, ${lockout} }]`);
    expect(await Promise.all([status(near, CUBA), status(far, CUBA), status(near, GERMANY)])).toEqual([403, 403, 200]);
    expect(await status(far, CUBA)).toBe(403);
    await expect.poll(() => locksAt(near), WITHIN).toHaveLength(1);
    await expect.poll(() => locksAt(far), WITHIN).toHaveLength(1);
    const both = [near, far].flatMap((scene) => [
      status(scene, GERMANY),
      status(scene, HOME),
      status(scene, '911'),
      status(scene, GERMANY, '1002'),
    ]);
    expect(await Promise.all(both)).toEqual([403, 200, 200, 200, 403, 200, 200, 200]);
    // Of a call whose end it did not hear, the next daemon learns only when it compares all channels again.
    await expect.poll(() => liveAt(far), WITHIN).toEqual([]);
    await near.tollgate.kill();
    await near.tollgate.start();
    expect(await status(near, GERMANY)).toBe(403);
    const cleared = await far.tollgate.run(['locks', 'clear', '--extension', '1001', '--reason', 'new password']);
    expect(cleared).toMatchObject({ exitCode: 0, output: 'Cleared: extension 1001 may call international again.\n' });
    expect(await Promise.all([status(near, GERMANY), status(far, GERMANY)])).toEqual([200, 200]);
    await expect.poll(() => locksAt(near), WITHIN).toEqual([]);
  });
});

describe('the first call of an extension to a country', () => {
  test('is held until somebody answers one there, which both Asterisks know from then on', async () => {
    const first = 'action: approve, approval: { timeout: 60s }, firstCallTo: { what: country, within: 90d }';
    await apply(`rules: [{ id: first, appliesTo: { destinations: [international] }, ${first} }]`);
    const decideOne = async (verb: 'approve' | 'refuse'): Promise<number | undefined> => {
      const calling = place(near, CUBA);
      await expect.poll(() => people.list('open'), WITHIN).toHaveLength(1);
      const [approval] = await people.list('open');
      if (approval === undefined) throw new Error('the call is held');
      await people.decide(verb, approval);
      return (await calling).status;
    };
    expect(await status(near, HOME)).toBe(200);
    expect(await decideOne('refuse')).toBe(403);
    // Nobody answered that one.
    expect(await decideOne('approve')).toBe(200);
    expect(await Promise.all([status(near, CUBA), status(far, CUBA)])).toEqual([200, 200]);
    expect(await people.list('open')).toEqual([]);
  });
});

describe('calls under way', () => {
  test('are listed with their node and talk time, and ended one by one or by extension on the Asterisk that has them', async () => {
    await apply('rules: []');
    // Tried again, it begins anew.
    await people.ask('POST', '/api/v1/calls/live/end', { all: true });
    await expect.poll(() => liveAt(near), WITHIN).toEqual([]);
    const calls = {
      near: place(near, HOME, '1001', LONG),
      far: place(far, HOME, '1001', LONG),
      other: place(far, HOME, '1002', LONG),
    };
    const talking = async (scene: TestScene): Promise<string[] | undefined> =>
      (await liveAt(scene))
        ?.filter(({ talkSeconds }) => talkSeconds !== null)
        .map(({ node, extension, asterisk }) => `${extension} on ${asterisk} of ${node}`)
        .toSorted();
    const all = ['1001 on pbx of far', '1001 on pbx of near', '1002 on pbx of far'];
    await expect.poll(() => talking(near), WITHIN).toEqual(all);
    await expect.poll(() => talking(far), WITHIN).toEqual(all);

    expect((await near.tollgate.run(['calls', 'end', '--all'])).exitCode).toBe(2);
    const listed = await far.ask<LiveCallView[]>('calls', 'live');
    expect(listed).toHaveLength(3);
    const nearly = listed.find(({ node }) => node === 'near');
    const one = await far.ask<EndedCall[]>('calls', 'end', nearly?.decision ?? '', '--yes');
    expect(one.map(({ outcome, node, detail }) => [outcome, node, detail])).toEqual([['ended', 'near', '']]);
    await calls.near;
    await expect.poll(() => talking(near), WITHIN).toEqual([all[0], all[2]]);

    const those = await near.ask<EndedCall[]>('calls', 'end', '--extension', '1001', '--reason', 'stolen', '--yes');
    expect(those.map(({ outcome, node }) => [outcome, node])).toEqual([['ended', 'far']]);
    await calls.far;
    await expect.poll(() => talking(near), WITHIN).toEqual([all[2]]);
    expect(await near.ask('calls', 'end', '--extension', '1001', '--yes')).toEqual([]);

    const rest = await near.tollgate.run(['calls', 'end', '--destination', 'national', '--yes']);
    expect(rest).toMatchObject({ exitCode: 0, output: expect.stringMatching(/1002 to 13055550100 on pbx ended\.\n$/) });
    await calls.other;
    await expect.poll(() => liveAt(near), WITHIN).toEqual([]);
    const entries = await far.ask<
      { readonly action: string; readonly subject: string; readonly reason: string | null }[]
    >('audit', 'list', '--action', 'calls.end');
    expect(entries.map(({ subject, reason }) => [subject, reason])).toContainEqual([
      'calls of extension 1001',
      'stolen',
    ]);
  });
});
