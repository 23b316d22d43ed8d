/**
 * Calls at once when something between Tollgate and Asterisk is broken, and over several trunks: on a real Asterisk 22,
 * with the manager interface behind a link that can be cut.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIALPLAN } from '../../src/demo/story.ts';
import type { ExplanationReport } from '../../src/gate/report.ts';
import type { LiveCallView } from '../../src/live-calls/live-call-view.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { startTcpLink, type TcpLink } from '../support/tcp-link.ts';

const LEASE_MS = 3000;

let scene: TestScene;
let link: TcpLink;
let lastNumber = 15550400000;
const numbers = (count: number): string[] => Array.from({ length: count }, () => String(++lastNumber));
/** Calls with which status. */
const count = (calls: readonly { readonly status: number | undefined }[], status: number): number =>
  calls.filter((call) => call.status === status).length;
const usedAtOnce = async (trunk?: string): Promise<number | null> => {
  const { findings } = await scene.api<ExplanationReport>('POST', '/api/v1/explain', {
    destination: '15550000000',
    extension: '1001',
    trunk,
  });
  return findings[0]?.used ?? null;
};
const liveCalls = async (): Promise<number> => (await scene.api<LiveCallView[]>('GET', '/api/v1/calls/live')).length;
/** Waits until something is so; the last value is what the expectation then shows. */
async function until<T>(read: () => Promise<T>, wanted: T, withinMs: number): Promise<T> {
  const giveUpMs = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (value === wanted || performance.now() >= giveUpMs) return value;
    await sleep(100);
  }
}
const place = (calls: number, holdMs: number) =>
  scene.stage.placeCalls({ from: '1001', destinations: numbers(calls), ratePerSecond: 100, holdMs });

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001', '1002'],
    carriers: { 'carrier-a': {}, 'carrier-b': {}, 'carrier-down': { refuseWith: 486 } },
    // 6… comes back to the first trunk after the second.
    dialplan: `${DIALPLAN.replace('_[1-69]X.', '_[1-59]X.')}
exten => _6X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-down))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-down,10)
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-b))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-b,10,gS(4))
 same => n,Gosub(tollgate,gate,1(\${EXTEN},carrier-down))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a,10)
 same => n,Hangup()
`,
    connected: `calls: { lease: ${LEASE_MS / 1000}s }`,
    amiPort: async (port) => {
      link = await startTcpLink(port);
      return link.port;
    },
  });
});
afterAll(async () => {
  await scene.stop();
  await link.stop();
});

describe('with the manager interface cut while calls are up', () => {
  test('those that end free their slot at once, and those that go on are counted when it is back', async () => {
    await scene.apply('rules: [{ id: ten, concurrent: 10 }]');
    const short = place(4, 4000);
    expect(await until(() => usedAtOnce(), 4, 3000)).toBe(4);
    const long = place(26, 18_000);
    expect(await until(() => usedAtOnce(), 10, 3000)).toBe(10);
    link.cut();
    const early = await short;
    expect(count(early, 200)).toBe(4);
    // Reported by the dialplan: no lease has to lapse first.
    expect(await until(() => liveCalls(), 6, 1500)).toBe(6);
    // Nobody can see that the others are there.
    expect(await until(() => usedAtOnce(), 0, LEASE_MS + 1500)).toBe(0);
    link.mend();
    expect(await until(() => usedAtOnce(), 6, 5000)).toBe(6);
    expect(await liveCalls()).toBe(6);
    const more = await place(6, 200);
    expect([count(more, 200), count(more, 403)]).toEqual([4, 2]);
    const late = await long;
    expect([count(late, 200), count(late, 403)]).toEqual([6, 20]);
    expect(await until(() => usedAtOnce(), 0, 3000)).toBe(0);
  });

  test('calls whose end nobody could hear, with the daemon killed as well, are freed after its restart', async () => {
    await scene.apply('rules: [{ id: ten, concurrent: 10 }]');
    const short = place(5, 3000);
    const long = place(3, 20_000);
    expect(await until(() => usedAtOnce(), 8, 3000)).toBe(8);
    // They are written down a few milliseconds behind; with less than that no daemon would find them.
    await sleep(200);
    link.cut();
    await scene.tollgate.kill();
    expect(count(await short, 200)).toBe(5);
    await scene.tollgate.start();
    // All are known again, and of none is it known whether it lives.
    expect(await liveCalls()).toBe(8);
    link.mend();
    expect(await until(() => liveCalls(), 3, 5000)).toBe(3);
    expect(await until(() => usedAtOnce(), 3, 2000)).toBe(3);
    await long;
    expect(await until(() => usedAtOnce(), 0, 3000)).toBe(0);
  });
});

describe('a call that tries several trunks', () => {
  const TRUNKS = 'trunks: { carrier-a: {}, carrier-b: {}, carrier-down: {} }';
  const onTrunk = (trunk: string) => usedAtOnce(trunk);

  test('counts on the one that it talks over, and on none that was busy', async () => {
    await scene.apply(`${TRUNKS}\nrules: [{ id: two, countPer: trunk, concurrent: 2 }]`);
    const calling = scene.stage.placeCall({ from: '1001', destination: `7${numbers(1)[0]}`, holdMs: 2500 });
    expect(await until(() => onTrunk('carrier-a'), 1, 2000)).toBe(1);
    expect(await onTrunk('carrier-down')).toBe(0);
    expect((await calling).status).toBe(200);
    expect(await until(() => onTrunk('carrier-a'), 0, 2000)).toBe(0);
  });

  test('counts again on the first one when it comes back to it', async () => {
    await scene.apply(`${TRUNKS}\nrules: [{ id: two, countPer: trunk, concurrent: 2 }]`);
    const calling = scene.stage.placeCall({ from: '1001', destination: `6${numbers(1)[0]}`, holdMs: 9000 });
    expect(await until(() => onTrunk('carrier-b'), 1, 2000)).toBe(1);
    expect(await onTrunk('carrier-down')).toBe(0);
    expect(await until(() => onTrunk('carrier-down'), 1, 6000)).toBe(1);
    expect(await onTrunk('carrier-b')).toBe(0);
    await calling;
    expect(await until(() => onTrunk('carrier-down'), 0, 2000)).toBe(0);
  });
});
