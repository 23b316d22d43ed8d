/** Held calls decided by phone: a real Asterisk 22 calls supervisors on phones of their own, who listen and press keys. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { type MediaPort, openMediaPort } from '../support/media-port.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { giveCoreSounds, type SupervisorPhones, supervisorPhones } from '../support/supervisor-phones.ts';

let scene: TestScene;
let phones: SupervisorPhones;
let people: ApprovalsClient;
let lastNumber = 15550500000;
const fresh = (): string => String(++lastNumber);
const place = (destination: string, options: { cancelAfterMs?: number; mediaPort?: number; holdMs?: number } = {}) =>
  scene.stage.placeCall({ from: '1001', destination, timeoutMs: 60_000, ...options });
const reportOf = async (destination: string): Promise<ApprovalReport | undefined> =>
  (await people.list('all')).find((each) => each.destination === destination);
const reached = async (destination: string): Promise<number> =>
  (await scene.stage.carrier('carrier-a').calls()).filter((each) => each.destination === destination).length;
/** Sooner than ringing ends by itself. */
const patiently = { timeout: 15_000, interval: 100 };
const prepare = (name: string, does?: Parameters<SupervisorPhones['prepare']>[2]) =>
  phones.prepare(scene.stage.asterisk, name, does);
/** Nobody has a call any more. What is left of a test that failed must not spoil the next one. */
const isQuiet = async () => {
  const { cli } = scene.stage.asterisk;
  try {
    await vi.waitUntil(async () => (await cli('core show channels count')).includes('0 active channels'), {
      ...{ timeout: 20_000, interval: 100 },
    });
  } catch (error) {
    await cli('channel request hangup all');
    throw error;
  }
};
/** A rule that asks these, for half a minute. */
const ask = (supervisors: readonly string[], fields = '') =>
  scene.apply(
    `rules: [{ id: abroad, limits: [], action: approve, approval: { timeout: 30s, supervisors: [${supervisors
      .map((each) => `"${each}"`)
      .join(', ')}]${fields} } }]`,
  );
const IN_ORDER = ', ring: in-order, ringSeconds: 5';
const spelled = (folder: string, text: string): string[] => [...text].map((each) => `${folder}/${each}`);

beforeAll(async () => {
  phones = await supervisorPhones(['2001', '2002', '2003']);
  scene = await startScene({
    phones: ['1001'],
    carriers: { 'carrier-a': {}, 'carrier-b': {} },
    dialplan: DIALPLAN,
    connected: '',
    files: { 'pjsip.conf': phones.pjsip },
  });
  people = createApprovalsClient(scene.tollgate.stateDir);
  await giveCoreSounds(scene.stage.asterisk);
  // A call that comes sooner cannot be held.
  await vi.waitUntil(async () => (await scene.tollgate.log()).includes('connected to the REST interface'), 30_000);
});
afterAll(async () => {
  await phones.unplug();
  await scene.stop();
});
afterEach(async () => {
  await isQuiet();
  await phones.unplug();
});

describe('a supervisor', () => {
  test('hears who calls whom and the rule, and lets the call go with 1', async () => {
    const phone = await prepare('2001');
    await ask(['2001']);
    const destination = fresh();
    const calling = place(destination);
    await phone.hears('tollgate-ask-choices');
    expect(await phone.heard()).toEqual([
      ...['tollgate-ask-extension', ...spelled('digits', '1001')],
      ...['tollgate-ask-calls', ...spelled('digits', destination)],
      ...['tollgate-ask-rule', ...spelled('letters', 'abroad')],
      'tollgate-ask-choices',
    ]);
    expect(await reached(destination)).toBe(0);
    await phone.press('1');
    const call = await calling;
    expect(call.status).toBe(200);
    expect(await reached(destination)).toBe(1);
    await phone.hears('tollgate-ask-approved');
    expect(await reportOf(destination)).toMatchObject({ state: 'approved', decidedBy: 'phone 2001' });
    expect(await phone.calls()).toMatchObject([{ from: '1001' }]);
  });

  test('refuses with 2, in the middle of a sentence', async () => {
    const phone = await prepare('2001');
    await ask(['PJSIP/2001']);
    const destination = fresh();
    const calling = place(destination);
    await phone.hears('tollgate-ask-extension');
    await sleep(300);
    await phone.press('2');
    expect((await calling).status).toBe(403);
    await phone.hears('tollgate-ask-refused');
    expect(await reached(destination)).toBe(0);
    expect(await phone.heard()).not.toContain('tollgate-ask-choices');
  });

  test('hears it again with 4 and with a key that is no choice, and decides after that', async () => {
    const phone = await prepare('2001');
    await ask(['2001']);
    const calling = place(fresh());
    for (const [times, key] of ['4', '9', '#'].entries()) {
      await phone.hears('tollgate-ask-extension', times + 1);
      await sleep(200);
      await phone.press(key);
    }
    await phone.hears('tollgate-ask-extension', 4);
    await sleep(200);
    await phone.press('1');
    expect((await calling).status).toBe(200);
  });

  test('who hangs up decides nothing and is not called again; the next one is', async () => {
    const first = await prepare('2001', { hangUpAfterMs: 1500 });
    const second = await prepare('2002');
    await ask(['2001', '2002'], IN_ORDER);
    const destination = fresh();
    const calling = place(destination);
    await second.hears('tollgate-ask-extension');
    expect(await reportOf(destination)).toMatchObject({ state: 'open' });
    expect(await reached(destination)).toBe(0);
    await sleep(200);
    await second.press('2');
    expect((await calling).status).toBe(403);
    expect(await first.calls()).toHaveLength(1);
  });

  test('who is busy, or does not answer, is passed over, and called again', async () => {
    const busy = await prepare('2001', { refuseWith: 486 });
    const silent = await prepare('2002', { ringMs: 60_000 });
    await ask(['2001', '2002'], IN_ORDER);
    const destination = fresh();
    const calling = place(destination);
    await vi.waitUntil(async () => (await silent.calls()).length === 2, { timeout: 25_000, interval: 200 });
    expect((await busy.calls()).length).toBe(2);
    await scene.stage.asterisk.cli('channel request hangup all');
    expect((await calling).status).not.toBe(200);
    await vi.waitUntil(async () => !(await silent.isBusy()), patiently);
    expect(await people.approvalOf(destination, 'withdrawn')).toMatchObject({ destination });
    expect(await reached(destination)).toBe(0);
  });

  test('is not asked about his own call, and a phone that is not there is passed over', async () => {
    const phone = await prepare('2002');
    await ask(['1001', 'PJSIP/nobody', '2002'], IN_ORDER);
    const calling = place(fresh());
    await phone.hears('tollgate-ask-extension');
    expect(await scene.stage.asterisk.cli('core show channels concise')).not.toMatch(/PJSIP\/1001-.*AppDial/);
    await sleep(200);
    await phone.press('1');
    expect((await calling).status).toBe(200);
    expect(await scene.stage.asterisk.log()).not.toContain('Called 1001');
  });
});

describe('several supervisors', () => {
  test('ring at once; one answers and the others ring on; one decides and all are told', async () => {
    const first = await prepare('2001');
    const second = await prepare('2002', { ringMs: 2500 });
    const third = await prepare('2003', { ringMs: 60_000 });
    await ask(['2001', '2002', '2003']);
    const destination = fresh();
    const calling = place(destination);
    await first.hears('tollgate-ask-extension');
    await second.hears('tollgate-ask-extension');
    expect(await third.isBusy()).toBe(true);
    await first.press('1');
    expect((await calling).status).toBe(200);
    await first.hears('tollgate-ask-approved');
    await second.hears('tollgate-ask-already-approved');
    await vi.waitUntil(async () => !(await third.isBusy()), patiently);
    expect(await reached(destination)).toBe(1);
  });

  test('decide at the same instant: one decision counts and the other hears of it', async () => {
    const both = [await prepare('2001'), await prepare('2002')];
    await ask(['2001', '2002']);
    const destination = fresh();
    const calling = place(destination);
    for (const phone of both) await phone.hears('tollgate-ask-extension');
    await sleep(300);
    await Promise.all([both[0]?.press('1'), both[1]?.press('2')]);
    const { status } = await calling;
    await isQuiet();
    const report = await reportOf(destination);
    const [one, two] = await Promise.all(both.map((phone) => phone.heard()));
    if (report?.state === 'approved') {
      expect([status, one?.at(-1), two?.at(-1)]).toEqual([
        200,
        'tollgate-ask-approved',
        'tollgate-ask-already-approved',
      ]);
    } else {
      expect([status, one?.at(-1), two?.at(-1)]).toEqual([403, 'tollgate-ask-already-refused', 'tollgate-ask-refused']);
    }
  });

  test('who have to be two: the first hears that another is needed, and is not called again', async () => {
    const first = await prepare('2001');
    const second = await prepare('2002', { ringMs: 2000 });
    await ask(['2001', '2002'], ', approvers: 2');
    const destination = fresh();
    const calling = place(destination);
    await first.hears('tollgate-ask-extension');
    await sleep(200);
    await first.press('1');
    await first.hears('tollgate-ask-one-more');
    expect(await reportOf(destination)).toMatchObject({ state: 'open', approvedBy: ['phone 2001'] });
    await second.hears('tollgate-ask-extension');
    await sleep(200);
    expect(await reached(destination)).toBe(0);
    await second.press('1');
    expect((await calling).status).toBe(200);
    expect(await first.calls()).toHaveLength(1);
  });

  test('one supervisor and two held calls: he has one call at a time, and both are decided', async () => {
    const phone = await prepare('2001');
    await ask(['2001']);
    const [one, two] = [fresh(), fresh()];
    const calling = scene.stage.placeCalls({ from: '1001', destinations: [one, two], timeoutMs: 60_000 });
    await phone.hears('tollgate-ask-extension');
    await sleep(1500);
    expect(await phone.calls()).toHaveLength(1);
    await phone.press('1');
    await phone.hears('tollgate-ask-extension', 2);
    expect(await phone.calls()).toHaveLength(2);
    await sleep(200);
    await phone.press('2');
    expect((await calling).map(({ status }) => status).toSorted()).toEqual([200, 403]);
  });
});

describe('what happens elsewhere', () => {
  test('a decision on the command line is told to who listens, and nobody rings any longer', async () => {
    const listens = await prepare('2001');
    const rings = await prepare('2002', { ringMs: 60_000 });
    await ask(['2001', '2002']);
    const destination = fresh();
    const calling = place(destination);
    await listens.hears('tollgate-ask-extension');
    const { id } = await people.approvalOf(destination);
    await scene.tollgate.run(['approvals', 'refuse', id]);
    await listens.hears('tollgate-ask-already-refused');
    expect((await calling).status).toBe(403);
    await vi.waitUntil(async () => !(await rings.isBusy()), patiently);
    await listens.press('1');
    expect(await reached(destination)).toBe(0);
  });

  test('a caller who hangs up ends the calls to supervisors, who are told', async () => {
    const listens = await prepare('2001');
    const rings = await prepare('2002', { ringMs: 60_000 });
    await ask(['2001', '2002']);
    const destination = fresh();
    const calling = place(destination, { cancelAfterMs: 3000 });
    await listens.hears('tollgate-ask-extension');
    expect((await calling).status).toBe(487);
    await listens.hears('tollgate-ask-caller-gone');
    expect(await people.approvalOf(destination, 'withdrawn')).toMatchObject({ destination });
    await vi.waitUntil(async () => !(await rings.isBusy()), patiently);
  });
});

describe('a supervisor talks with the caller', () => {
  const SUPERVISOR = 0x22;
  const CALLER = 0x11;
  let caller: MediaPort;
  /** Presses 3 and checks that each hears the other. */
  async function talk(phone: Awaited<ReturnType<typeof prepare>>): Promise<void> {
    await phone.hears('tollgate-ask-extension');
    await sleep(300);
    await phone.press('3');
    phone.media.say(SUPERVISOR);
    caller.say(CALLER);
    for (const hears of [() => phone.media.heard(CALLER), () => caller.heard(SUPERVISOR)]) {
      let heard = 0;
      // A fifth of a second of speech.
      await vi.waitUntil(() => {
        heard += hears().ofByte;
        return heard >= 10;
      }, patiently);
    }
  }
  const placeWithSound = async (destination: string): Promise<PlacedCall> => {
    const sound = await openMediaPort();
    caller = sound;
    try {
      return await place(destination, { mediaPort: sound.port, holdMs: 20_000 });
    } finally {
      sound.close();
    }
  };

  test('both ways, and lets the call go with 1', async () => {
    const phone = await prepare('2001');
    const rings = await prepare('2002', { ringMs: 60_000 });
    await ask(['2001', '2002']);
    const destination = fresh();
    const calling = placeWithSound(destination);
    await talk(phone);
    // Nobody else is wanted now.
    expect(await rings.isBusy()).toBe(false);
    expect(await reached(destination)).toBe(0);
    await phone.press('1');
    await phone.hears('tollgate-ask-approved');
    await vi.waitUntil(async () => (await reached(destination)) === 1, patiently);
    await scene.stage.asterisk.cli('channel request hangup all');
    expect((await calling).status).toBe(200);
  });

  test('and hangs up: nothing is decided, the caller hears music, and the next one is asked', async () => {
    const first = await prepare('2001', { hangUpAfterMs: 3500 });
    const second = await prepare('2002');
    await ask(['2001', '2002'], IN_ORDER);
    const destination = fresh();
    const calling = placeWithSound(destination);
    await talk(first);
    await second.hears('tollgate-ask-extension');
    expect(await reportOf(destination)).toMatchObject({ state: 'open' });
    caller.heard(SUPERVISOR);
    await sleep(500);
    const { packets, ofByte } = caller.heard(SUPERVISOR);
    expect(packets).toBeGreaterThan(15);
    expect(ofByte).toBe(0);
    await second.press('2');
    await second.hears('tollgate-ask-refused');
    expect(await calling).toMatchObject({ status: 200, talked: { endedBy: 'called' } });
    expect(await reached(destination)).toBe(0);
  });

  test('and a second one who presses 3 hears that, and may refuse', async () => {
    const first = await prepare('2001');
    const second = await prepare('2002');
    await ask(['2001', '2002']);
    const destination = fresh();
    const calling = placeWithSound(destination);
    await second.hears('tollgate-ask-extension');
    await talk(first);
    await second.press('3');
    await second.hears('tollgate-ask-taken');
    await sleep(200);
    await second.press('2');
    await first.hears('tollgate-ask-already-refused');
    expect((await calling).talked?.endedBy).toBe('called');
    expect(await reached(destination)).toBe(0);
  });

  test('while the daemon is killed: the next one hangs up on him, finds the caller and asks again', async () => {
    const phone = await prepare('2001');
    await ask(['2001']);
    const destination = fresh();
    const calling = placeWithSound(destination);
    await talk(phone);
    await scene.tollgate.kill();
    await phone.press('1');
    await sleep(500);
    await scene.tollgate.start();
    await phone.hears('tollgate-ask-extension', 2);
    expect(await reached(destination)).toBe(0);
    expect(await scene.stage.asterisk.cli('bridge show all')).not.toContain('tollgate-talk');
    await sleep(300);
    await phone.press('1');
    await vi.waitUntil(async () => (await reached(destination)) === 1, patiently);
    await scene.stage.asterisk.cli('channel request hangup all');
    await calling;
  });
});
