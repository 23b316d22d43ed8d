/** Calls to supervisors on a real Asterisk while the connection to it breaks, and when there are many. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { Settled } from '../../src/approvals/approval-desk.ts';
import type { Word } from '../../src/approvals/decisions.ts';
import type { HeldCall } from '../../src/approvals/held-call.ts';
import { type PhoneApproval, startPhoneApproval } from '../../src/approvals/phone-approval.ts';
import { type AriConnection, connectAri } from '../../src/asterisk/ari-connection.ts';
import { systemClock } from '../../src/clock.ts';
import type { Hold } from '../../src/policy/actions/action.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { wantedApproval } from '../support/approval.ts';
import { keptLog } from '../support/silent-log.ts';
import { startTestStage } from '../support/stage.ts';
import { type SupervisorPhones, supervisorPhones } from '../support/supervisor-phones.ts';
import { startTcpLink, type TcpLink } from '../support/tcp-link.ts';

const dialplan = `
[from-phones]
exten => _X.,1,Hangup()
[rings]
exten => _X.,1,Ringing()
 same => n,Wait(60)
`;
const { log } = keptLog();
let stage: Awaited<ReturnType<typeof startTestStage>>;
let phones: SupervisorPhones;
let link: TcpLink;
let ari: AriConnection;
let asking: PhoneApproval;
let words: Word[] = [];

const connect = (): AriConnection =>
  connectAri({
    ...{ ...stage.asterisk.ari, name: 'pbx', url: `http://127.0.0.1:${link.port}`, app: 'tollgate' },
    ...{ log, clock: systemClock, timings: { retryMaxMs: 300 } },
  });
const isUp = (up = true) => vi.waitUntil(() => ari.state().up === up, { timeout: 10_000 });
const start = (): PhoneApproval =>
  startPhoneApproval([ari], {
    clock: systemClock,
    log,
    decide: (id, word): Promise<Settled> => {
      words.push(word);
      const { approval } = heldCall(id);
      const settlement = { state: word.approve ? 'approved' : 'refused', by: word.by, at: systemClock.now() } as const;
      asking.released(id, settlement.state);
      const known = { approval, settlement, approvers: [], resumedAt: undefined };
      return Promise.resolve({ ...known, outcome: 'first', isFirst: true, stillNeeded: 0 });
    },
  });
function heldCall(id: string, hold: Partial<Hold> = {}): HeldCall {
  const openedAt = systemClock.now();
  const expiresAt = (openedAt + 60_000) as EpochMs;
  return {
    approval: { ...wantedApproval({}, { timeoutSeconds: 60, ...hold }), id, openedAt, expiresAt },
    ari,
    talkWith: async () => {},
    endTalk: async () => {},
  };
}
const channels = async (): Promise<number> =>
  Number(/(\d+) active channels?/.exec(await stage.asterisk.cli('core show channels count'))?.[1]);

beforeAll(async () => {
  phones = await supervisorPhones(['2001', '2002']);
  stage = await startTestStage({ dialplan, files: { 'pjsip.conf': phones.pjsip } });
  link = await startTcpLink(Number(new URL(stage.asterisk.ari.url).port));
});
afterAll(async () => {
  await link.stop();
  await stage.stop();
});
beforeEach(async () => {
  words = [];
  ari = connect();
  await isUp();
  asking = start();
});
afterEach(async () => {
  await asking.stop();
  await ari.close();
  await vi.waitUntil(async () => (await channels()) === 0, { timeout: 5_000 });
  await phones.unplug();
});

test('a key that is pressed while the connection is lost does nothing; pressed after it, it decides once', async () => {
  const phone = await phones.prepare(stage.asterisk, '2001');
  asking.held(heldCall('lost-key', { supervisors: ['PJSIP/2001'] }));
  await phone.hears('tollgate-ask-extension');
  link.cut();
  await isUp(false);
  await phone.press('2');
  link.mend();
  await isUp();
  await sleep(300);
  expect(words).toEqual([]);
  expect(await phone.isBusy()).toBe(true);
  await phone.press('1');
  await phone.hears('tollgate-ask-approved');
  await sleep(200);
  await phone.press('2');
  expect(words).toEqual([{ approve: true, by: 'phone 2001', from: 'Asterisk pbx' }]);
});

test('who hangs up while the connection is lost has decided nothing, and the next one is called', async () => {
  const first = await phones.prepare(stage.asterisk, '2001', { hangUpAfterMs: 1500 });
  const second = await phones.prepare(stage.asterisk, '2002');
  asking.held(heldCall('lost-end', { supervisors: ['PJSIP/2001', 'PJSIP/2002'], ring: 'in-order' }));
  await first.hears('tollgate-ask-extension');
  link.cut();
  await isUp(false);
  await vi.waitUntil(async () => !(await first.isBusy()), { timeout: 5_000 });
  expect(await second.calls()).toEqual([]);
  link.mend();
  await second.hears('tollgate-ask-extension');
  expect(words).toEqual([]);
  expect(await first.calls()).toHaveLength(1);
});

test('calls of a daemon that is gone are hung up by the next one, whether answered or ringing', async () => {
  const answers = await phones.prepare(stage.asterisk, '2001');
  const rings = await phones.prepare(stage.asterisk, '2002', { ringMs: 60_000 });
  asking.held(heldCall('gone', { supervisors: ['PJSIP/2001', 'PJSIP/2002'] }));
  await answers.hears('tollgate-ask-extension');
  link.cut();
  await isUp(false);
  await asking.stop();
  await ari.close();
  await sleep(300);
  expect([await answers.isBusy(), await rings.isBusy()]).toEqual([true, true]);
  link.mend();
  ari = connect();
  asking = start();
  await vi.waitUntil(async () => !(await answers.isBusy()) && !(await rings.isBusy()), { timeout: 5_000 });
});

test('forty supervisors of eight calls are never called more than twenty at once, nor rung when all is settled', async () => {
  const ids = Array.from({ length: 8 }, (_, at) => `many-${at}`);
  ids.forEach((id, at) => {
    const supervisors = Array.from({ length: 5 }, (_, n) => `Local/${at}${n}00@rings`);
    asking.held(heldCall(id, { supervisors, ringSeconds: 5 }));
  });
  const seen: number[] = [];
  for (let look = 0; look < 30; look++) {
    // A Local channel has two ends.
    seen.push((await channels()) / 2);
    await sleep(200);
  }
  expect(Math.max(...seen)).toBe(20);
  for (const id of ids) asking.released(id, 'withdrawn');
  await vi.waitUntil(async () => (await channels()) === 0, { timeout: 5_000 });
  await sleep(1500);
  expect(await channels()).toBe(0);
});
