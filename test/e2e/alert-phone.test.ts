/** Alerts by phone: a real Asterisk 22 calls whoever is on call, who listens and presses keys. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { AlertReport } from '../../src/api/alert-report.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { giveCoreSounds, type SupervisorPhones, supervisorPhones } from '../support/supervisor-phones.ts';

const SETTINGS = {
  channels: {
    first: { kind: 'phone', endpoint: '2001', ringSeconds: 20 },
    second: { kind: 'phone', endpoint: 'PJSIP/2002', asterisk: 'pbx' },
  },
  routes: [{ kinds: ['limit-exceeded'], to: ['first'], escalate: [{ after: '10s', to: ['second'] }] }],
};

let scene: TestScene;
let phones: SupervisorPhones;
const prepare = (name: string, does?: Parameters<SupervisorPhones['prepare']>[2]) =>
  phones.prepare(scene.stage.asterisk, name, does);
const alerts = (state: 'open' | 'all'): Promise<AlertReport[]> => scene.api('GET', `/api/v1/alerts?state=${state}`);
const acknowledge = (id: string): Promise<AlertReport> => scene.api('POST', `/api/v1/alerts/${id}/acknowledge`);
const exceed = async (...rules: readonly string[]): Promise<void> => {
  const watching = rules.map(
    (id, at) => `{ id: ${id}, appliesTo: { extensions: ["300${at}"] }, limits: ["1/1h"], action: alert }`,
  );
  await scene.apply(`rules: [${watching.join(', ')}]`);
  for (let time = 0; time < 2; time += 1) {
    for (const at of rules.keys()) {
      await placeAgiCall(scene.tollgate.agiPort, { destination: '15551234567', extension: `300${at}` });
    }
  }
};
const alertOf = async (rule: string): Promise<AlertReport | undefined> =>
  (await alerts('all')).find((each) => each.rule === rule);
const patiently = { timeout: 30_000, interval: 200 };

beforeAll(async () => {
  phones = await supervisorPhones(['2001', '2002']);
  scene = await startScene({
    phones: ['1001'],
    carriers: {},
    dialplan: DIALPLAN,
    connected: `alerts: ${JSON.stringify(SETTINGS)}`,
    files: { 'pjsip.conf': phones.pjsip },
  });
  await giveCoreSounds(scene.stage.asterisk);
  await vi.waitUntil(async () => (await scene.tollgate.log()).includes('connected to the REST interface'), patiently);
});
afterAll(async () => {
  await phones.unplug();
  await scene.stop();
});
afterEach(async () => {
  // What a test that failed has left must not ring in the next one.
  for (const { id, state } of await alerts('open')) if (state === 'open') await acknowledge(id);
  await vi.waitUntil(
    async () => (await scene.stage.asterisk.cli('core show channels count')).includes('0 active channels'),
    patiently,
  );
  await phones.unplug();
});

test('who is called hears what it is about, has it with 1, and that is in the audit log', async () => {
  const phone = await prepare('2001');
  await exceed('one');
  await phone.hears('tollgate-tell-choices');
  expect(await phone.heard()).toEqual([
    ...['tollgate-tell-limit-exceeded', 'tollgate-tell-extension', ...[...'3000'].map((digit) => `digits/${digit}`)],
    ...['tollgate-ask-rule', ...[...'one'].map((letter) => `letters/${letter}`), 'tollgate-tell-choices'],
  ]);
  expect(await alertOf('one')).toMatchObject({ state: 'open' });
  await phone.press('1');
  await phone.hears('tollgate-tell-yours');
  expect(await alertOf('one')).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'phone 2001' });
  const audited = await scene.ask<{ by: string; action: string; from?: string }[]>('audit', 'list');
  expect(audited).toContainEqual(
    expect.objectContaining({ by: 'phone 2001', action: 'alerts.acknowledge', from: 'Asterisk pbx' }),
  );
  await vi.waitUntil(async () => !(await phone.isBusy()), patiently);
  expect(await alertOf('one')).toMatchObject({ nextStepAt: null, told: ['first'] });
});

test('who hangs up has nothing: the next step calls the next one, whose phone stops ringing when somebody has it', async () => {
  const [first, second] = [await prepare('2001', { hangUpAfterMs: 300 }), await prepare('2002', { ringMs: 60_000 })];
  await exceed('two');
  await vi.waitUntil(() => second.isBusy(), patiently);
  const alert = await alertOf('two');
  expect(alert).toMatchObject({ state: 'open', told: ['first', 'second'] });
  expect(await first.calls()).toHaveLength(1);
  await acknowledge(alert?.id ?? '');
  // Sooner than ringing ends by itself.
  await vi.waitUntil(async () => !(await second.isBusy()), { timeout: 15_000, interval: 200 });
});

test('what comes while somebody is on the phone is told in one call after it, and 1 takes all of that', async () => {
  const phone = await prepare('2001');
  await exceed('three');
  await phone.hears('tollgate-tell-choices');
  await exceed('three', 'four', 'five');
  await vi.waitUntil(async () => (await alertOf('five')) !== undefined, patiently);
  await phone.press('1');
  await phone.hears('tollgate-tell-several');
  await phone.hears('tollgate-tell-limit-exceeded', 3);
  await sleep(300);
  await phone.press('1');
  await phone.hears('tollgate-tell-yours', 2);
  for (const rule of ['three', 'four', 'five']) {
    expect(await alertOf(rule)).toMatchObject({ acknowledgedBy: 'phone 2001' });
  }
  expect(await phone.calls()).toHaveLength(2);
});

test('a phone that rings when the daemon is killed is hung up by the next one, and rings again until somebody has it', async () => {
  const phone = await prepare('2001', { ringMs: 8000 });
  await exceed('six');
  await vi.waitUntil(() => phone.isBusy(), patiently);
  await scene.tollgate.kill();
  expect(await phone.calls()).toHaveLength(1);
  await scene.tollgate.start();
  await vi.waitUntil(async () => (await phone.calls()).length === 2, { timeout: 60_000, interval: 200 });
  await phone.hears('tollgate-tell-choices');
  await phone.press('1');
  await phone.hears('tollgate-tell-yours');
  expect(await alertOf('six')).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'phone 2001' });
  expect(await phone.calls()).toHaveLength(2);
});

test('a test rings, says that it is one, and says what Asterisk says where nobody can be called', async () => {
  const phone = await prepare('2001');
  const test = (): Promise<unknown> => scene.tollgate.run(['alerts', 'test', 'first']);
  expect(await test()).toMatchObject({ exitCode: 0, output: 'first (phone): taken\n' });
  expect(await phone.heard()).toEqual(['tollgate-tell-test']);
  await phones.unplug();
  const busy = await prepare('2001', { refuseWith: 486 });
  expect(await test()).toMatchObject({ exitCode: 1, output: 'first (phone): not taken: PJSIP/2001 was busy\n' });
  expect(await busy.calls()).toHaveLength(1);
});
