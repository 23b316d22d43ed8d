/** Every way to decide a held call, what a yes can stand for, and what the caller hears: on a real Asterisk 22. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import type { PlacedCall } from '../../src/demo/sipp-trace.ts';
import { DIALPLAN } from '../../src/demo/story.ts';
import { type ApprovalsClient, createApprovalsClient } from '../support/approvals-client.ts';
import { silence, soundsOf } from '../support/brief-prompts.ts';
import { startScene, type TestScene } from '../support/scene.ts';

let scene: TestScene;
let people: ApprovalsClient;
let lastNumber = 15550700000;
const fresh = (): string => String(++lastNumber);

/** 9… is a caller who speaks another language. */
const SPEAKS_XX = `
exten => _9X.,1,Set(CHANNEL(language)=xx)
 same => n,Goto(\${EXTEN:1},1)
`;
const place = (destination: string, more: { readonly holdMs?: number } = {}): Promise<PlacedCall> =>
  scene.stage.placeCall({ from: '1001', destination, timeoutMs: 90_000, ...more });
const arrivals = async (destination: string, carrier = 'carrier-a') =>
  (await scene.stage.carrier(carrier).calls()).filter((each) => each.destination === destination);
const reached = async (destination: string): Promise<number> => (await arrivals(destination)).length;
const held = (fields = 'timeout: 60s', rule = ''): Promise<void> =>
  scene.apply(`rules: [{ id: ask, limits: [], action: approve, approval: { ${fields} }${rule} }]`);
const approvalsOf = async (destination: string): Promise<readonly ApprovalReport[]> =>
  (await people.list('all')).filter((each) => each.destination === destination);
/** As the command line prints it, beside a warning that only this machine can open it. */
async function linkFor(id: string, person: string): Promise<string> {
  const { output } = await scene.tollgate.run(['approvals', 'link', id, '--for', person]);
  return /^http:\S+$/m.exec(output)?.[0] ?? output;
}
/** What Asterisk logs from now on. */
async function listen(): Promise<{
  readonly log: () => Promise<string>;
  readonly untilLogged: (text: string) => Promise<void>;
}> {
  const before = (await scene.stage.asterisk.log()).length;
  const log = async (): Promise<string> => (await scene.stage.asterisk.log()).slice(before);
  return {
    log,
    untilLogged: async (text) => {
      await expect.poll(log, { timeout: 30_000, interval: 50 }).toContain(text);
    },
  };
}

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001', '1002'],
    carriers: { 'carrier-a': {}, 'carrier-b': { hangUpAfterMs: 300 } },
    dialplan: DIALPLAN + SPEAKS_XX,
    connected: '',
  });
  people = createApprovalsClient(scene.tollgate.stateDir);
});
afterAll(() => scene.stop());

describe('a held call goes out when it is approved', () => {
  test('by the command line, with the first characters of its id', async () => {
    await held();
    const destination = fresh();
    const calling = place(destination);
    const { id } = await people.approvalOf(destination);
    const approve = ['approvals', 'approve', id.slice(0, 6), '--reason', 'known customer'];
    expect(await scene.tollgate.run(approve)).toMatchObject({ exitCode: 0 });
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
    const shown = (await scene.tollgate.run(['approvals', 'show', id])).output;
    expect(shown).toMatch(/approved by cli .*: known customer/);
    expect(shown).toMatch(/answered: \d+ ms after the decision/);
  });

  test('by the API, which tells whoever comes second of the first', async () => {
    await held();
    const destination = fresh();
    const calling = place(destination);
    const { id } = await people.approvalOf(destination);
    const first = await people.ask('POST', `/api/v1/approvals/${id}/approve`, { reason: 'by the API' });
    expect(first?.status).toBe(200);
    const second = await people.ask('POST', `/api/v1/approvals/${id}/refuse`, {});
    expect(second?.status).toBe(409);
    expect(JSON.parse(second?.text ?? '{}')).toMatchObject({
      current: { state: 'approved', decidedBy: 'cli tester', decidedFrom: 'control socket', reason: 'by the API' },
    });
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('by a signed link, which twenty previews before have not decided', async () => {
    await held();
    const destination = fresh();
    const calling = place(destination);
    const { id } = await people.approvalOf(destination);
    const [anna, berta] = [await linkFor(id, 'Anna'), await linkFor(id, 'Berta')];
    for (let look = 0; look < 20; look++) {
      const preview = await fetch(anna, { method: look % 2 === 0 ? 'GET' : 'HEAD' });
      expect(preview.status).toBe(200);
      const page = await preview.text();
      if (look % 2 === 0) expect(page).toContain(destination);
    }
    expect(await people.approvalOf(destination)).toMatchObject({ id, approvedBy: [] });
    expect(await reached(destination)).toBe(0);

    const post = (url: string, decision: string) =>
      fetch(url, { method: 'POST', body: new URLSearchParams({ decision, reason: 'by link' }) });
    expect((await post(anna, 'approve')).status).toBe(200);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
    expect((await post(anna, 'refuse')).status).toBe(410);
    expect((await post(berta, 'refuse')).status).toBe(409);
    expect(await people.approvalOf(destination, 'approved')).toMatchObject({
      decidedBy: 'link Anna',
      decidedFrom: '127.0.0.1',
      reason: 'by link',
    });
  });

  test('by two people where two have to, of whom one may not be the other by another way', async () => {
    await held('timeout: 120s, approvers: 2');
    const destination = fresh();
    const calling = place(destination);
    const { id } = await people.approvalOf(destination);
    const approve = () => scene.tollgate.run(['approvals', 'approve', id, '--json']);
    const first = await approve();
    expect(JSON.parse(first.output)).toMatchObject({ state: 'open', approversNeeded: 2 });
    const [by = ''] = (await people.approvalOf(destination)).approvedBy;

    expect(await approve()).toMatchObject({ exitCode: 1, output: expect.stringContaining('you approved it already') });
    const decideAs = async (person: string): Promise<string> => {
      const body = new URLSearchParams({ decision: 'approve' });
      return (await fetch(await linkFor(id, person), { method: 'POST', body })).text();
    };
    await decideAs(by.replace('cli ', '').toUpperCase());
    expect(await people.approvalOf(destination)).toMatchObject({ id, approvedBy: [by] });
    expect(await reached(destination)).toBe(0);

    expect(await decideAs('Anna')).toContain('You approved this call');
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
    expect((await people.approvalOf(destination, 'approved')).approvedBy).toEqual([by, 'link Anna']);
  }, 240_000);
});

describe('an approval that stands for more than one call', () => {
  const refuse = async (destination: string): Promise<void> => {
    const calling = place(destination);
    expect(await people.decide('refuse', await people.approvalOf(destination))).toBe(200);
    expect((await calling).status).toBe(403);
    expect(await reached(destination)).toBe(0);
  };
  const goesAtOnce = async (destination: string): Promise<void> => {
    const [before, arrived] = [await approvalsOf(destination), await reached(destination)];
    expect((await place(destination)).status).toBe(200);
    expect(await reached(destination)).toBe(arrived + 1);
    expect(await approvalsOf(destination)).toHaveLength(before.length);
  };
  const approveFor = async (destination: string, ...more: readonly string[]): Promise<void> => {
    const calling = place(destination);
    const { id } = await people.approvalOf(destination);
    expect(await scene.tollgate.run(['approvals', 'approve', id, ...more])).toMatchObject({ exitCode: 0 });
    expect((await calling).status).toBe(200);
  };
  // What a test that failed has left must not let the calls of the next one go.
  afterEach(async () => {
    for (const { id } of await people.grants()) await people.ask('DELETE', `/api/v1/grants/${id}`);
  });
  const revokeAll = async (): Promise<void> => {
    for (const { id } of await people.grants())
      expect(await scene.tollgate.run(['approvals', 'revoke', id])).toMatchObject({ exitCode: 0 });
    expect(await people.grants()).toEqual([]);
  };

  test('--for number: the next call there leaves at once, another number or extension is held, and revoked it is held again', async () => {
    await held();
    const destination = fresh();
    await approveFor(destination, '--for', 'number', '--minutes', '5');
    await goesAtOnce(destination);
    await goesAtOnce(destination);
    await refuse(fresh());
    const other = scene.stage.placeCall({ from: '1002', destination, timeoutMs: 90_000 });
    await people.decide('refuse', await people.approvalOf(destination));
    expect((await other).status).toBe(403);
    await revokeAll();
    const arrived = await reached(destination);
    const again = place(destination);
    await people.decide('refuse', await people.approvalOf(destination));
    expect((await again).status).toBe(403);
    expect(await reached(destination)).toBe(arrived);
  }, 240_000);

  test('--for limit --calls 2: two more calls leave at once, the third is held; revoked in between, the next is', async () => {
    await held();
    await approveFor(fresh(), '--for', 'limit', '--calls', '2');
    await goesAtOnce(fresh());
    await goesAtOnce(fresh());
    await refuse(fresh());
    await revokeAll();
    await approveFor(fresh(), '--for', 'limit', '--calls', '2');
    await goesAtOnce(fresh());
    await revokeAll();
    await refuse(fresh());
  }, 240_000);
});

describe('while it is held', () => {
  test('answer: true answers the caller before anybody decides, and the carrier is reached only after', async () => {
    await held('timeout: 60s, answer: true');
    const destination = fresh();
    const asterisk = await listen();
    const calling = place(`8${destination}`, { holdMs: 60_000 });
    const approval = await people.approvalOf(destination);
    // An announcement plays once the channel was answered.
    await asterisk.untilLogged("Playing 'tollgate-approval");
    expect(await arrivals(destination, 'carrier-b')).toEqual([]);
    const decidedAtMs = Date.now();
    expect(await people.decide('approve', approval)).toBe(200);
    const call = await calling;
    expect(call.status).toBe(200);
    expect(call.startedAtMs + (call.decidedAfterMs ?? Number.NaN)).toBeLessThan(decidedAtMs);
    const [arrival, ...others] = await arrivals(destination, 'carrier-b');
    expect(others).toEqual([]);
    expect(arrival?.atMs).toBeGreaterThanOrEqual(decidedAtMs);
    expect(call.talked?.endedBy).toBe('called');
  });

  test('announcement: none means music at once', async () => {
    await held('timeout: 60s, announcement: none');
    const destination = fresh();
    const asterisk = await listen();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    await asterisk.untilLogged('Started music on hold');
    expect(await asterisk.log()).not.toContain("Playing 'tollgate-approval");
    expect(await people.decide('approve', approval)).toBe(200);
    expect((await calling).status).toBe(200);
    expect(await reached(destination)).toBe(1);
  });

  test('a call approved in the middle of its announcement leaves at once', async () => {
    await writeFile(join(soundsOf(scene.stage.asterisk), 'en/long-story.ulaw'), silence(30_000));
    await held('timeout: 60s, announcement: long-story');
    const destination = fresh();
    const asterisk = await listen();
    const calling = place(destination);
    const approval = await people.approvalOf(destination);
    await asterisk.untilLogged("Playing 'long-story");
    await sleep(500);
    const decidedAtMs = Date.now();
    expect(await people.decide('approve', approval)).toBe(200);
    expect((await calling).status).toBe(200);
    const [arrival] = await arrivals(destination);
    const afterMs = (arrival?.atMs ?? Number.NaN) - decidedAtMs;
    process.stdout.write(
      `\n  approved in the middle of an announcement: at the carrier after ${Math.round(afterMs)} ms\n`,
    );
    // Far from its end, however busy the machine is.
    expect(afterMs).toBeLessThan(15_000);
  });

  test('the announcement is in the language of the channel', async () => {
    const spoken = join(soundsOf(scene.stage.asterisk), 'xx');
    await mkdir(spoken, { recursive: true });
    await writeFile(join(spoken, 'tollgate-approval.ulaw'), silence(250));
    await held();
    const destination = fresh();
    const asterisk = await listen();
    const calling = place(`9${destination}`);
    const approval = await people.approvalOf(destination);
    await asterisk.untilLogged("Playing 'tollgate-approval");
    expect(await asterisk.log()).toMatch(/Playing 'tollgate-approval\.\w+' \(language 'xx'\)/);
    expect(await people.decide('approve', approval)).toBe(200);
    expect((await calling).status).toBe(200);
  });
});

test.each([
  ['block', 'approve', 'approved'],
  ['allow', 'refuse', 'refused'],
] as const)(
  'twenty calls decided as their limit strikes, which is set to %s, end as they were settled',
  async (otherwise, verb, decided) => {
    await held(`timeout: 5s, otherwise: ${otherwise}`);
    const destinations = Array.from({ length: 20 }, fresh);
    const calling = scene.stage.placeCalls({ from: '1001', destinations, ratePerSecond: 20, timeoutMs: 60_000 });
    const answers = await Promise.all(
      destinations.map(async (destination, at) => {
        const approval = await people.approvalOf(destination);
        // The clock strikes 20 to 120 ms after the limit, since it looks every 100 ms.
        const wantedAtMs = Date.parse(approval.expiresAt) - 50 + (200 * at) / (destinations.length - 1);
        await sleep(Math.max(0, wantedAtMs - Date.now()));
        return [destination, await people.decide(verb, approval)] as const;
      }),
    );
    const answered = new Map(answers);
    const calls = await calling;
    expect(calls).toHaveLength(destinations.length);
    const ends: Record<string, number> = {};
    for (const call of calls) {
      const [report] = await approvalsOf(call.destination);
      const state = report?.state ?? 'open';
      ends[state] = (ends[state] ?? 0) + 1;
      const goes = state === 'approved' || (state === 'expired' && otherwise === 'allow');
      expect([decided, 'expired'], call.destination).toContain(state);
      expect(answered.get(call.destination), call.destination).toBe(state === decided ? 200 : 409);
      expect(call.status, `${call.destination}: ${state}`).toBe(goes ? 200 : 403);
      expect(await reached(call.destination), `${call.destination}: ${state}`).toBe(goes ? 1 : 0);
    }
    process.stdout.write(`\n  ${verb} as the limit (${otherwise}) strikes: ${JSON.stringify(ends)}\n`);
  },
);
