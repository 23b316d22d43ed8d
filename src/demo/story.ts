/**
 * What the demo shows: acts with real calls, each with what must come of it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Elsewhere } from './elsewhere.ts';
import type { PlacedCall } from './sipp-trace.ts';
import type { Stage } from './stage.ts';
import type { TollgateProcess } from './tollgate-process.ts';

export interface Outcome {
  readonly what: string;
  readonly expected: string;
  readonly seen: string;
}

export interface Scene {
  readonly stage: Stage;
  readonly tollgate: TollgateProcess;
  readonly page: Page;
  /** Where somebody attacks from; undefined where this machine does not let the demo have such a place. */
  readonly elsewhere: Elsewhere | undefined;
  /** Shows a command line as it is run. */
  readonly show: (line: string) => void;
}

/** Where the page is, and who may log in there while the demo lasts. */
export interface Page {
  readonly url: string;
  readonly people: ReadonlyArray<{ readonly name: string; readonly password: string }>;
}

export interface Act {
  readonly title: string;
  /** The rule or setting that the act is about. */
  readonly about: string;
  readonly play: (scene: Scene) => Promise<readonly Outcome[]>;
}

export const PHONES = ['1001', '1002', '1003', '1004', '2001', '2002', '2003'] as const;

export const CARRIERS = { 'carrier-a': {}, 'carrier-b': {}, 'carrier-down': { refuseWith: 503 } } as const;

/** 8… goes over carrier-b, 7… tries a carrier that refuses and then carrier-a, everything else over carrier-a. */
export const DIALPLAN = `
[from-phones]
exten => _8X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-b))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-b,10)
 same => n,Hangup()
exten => _7X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-down))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-down,10)
 same => n,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-a,10)
 same => n,Hangup()
exten => _011X.,1,Goto(from-phones,9\${EXTEN},1)
exten => _[1-69]X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a,10)
 same => n,Hangup()
`;

/** Periods are long enough that a slow machine refills nothing while an act plays. */
export const POLICY = `
emergencyNumbers: ["911", "112"]
dialling: { outside: ["9"], international: ["011"] }
groups:
  call-centre: { name: Call centre, members: ["2001-2003"] }
trunks:
  carrier-a: { name: Carrier A }
  carrier-b: { name: Carrier B }
  carrier-down: { name: A carrier that is down }
rules:
  - { id: default, name: Default outbound call frequency, limits: ["5/10m"], whenStoreFails: block }
  - { id: call-centre, name: The call centre as a whole, appliesTo: { groups: [call-centre] }, countPer: group, limits: ["4/1h"] }
  - { id: carrier-b, name: Carrier B takes three, appliesTo: { trunks: [carrier-b] }, countPer: trunk, limits: ["3/1h", "100/1d"] }
  - { id: watch-1003, name: Tell staff about 1003, appliesTo: { extensions: ["1003"] }, limits: ["1/1h"], action: alert }
  - { id: down-is-tried, name: Tries of the carrier that is down, appliesTo: { trunks: [carrier-down] }, countPer: trunk, limits: ["50/1h"] }
  - { id: abroad, name: Calls abroad wait for a person, appliesTo: { destinations: [international] }, limits: [], action: approve, approval: { timeout: 30s } }
`;

const mediaTypeOf = ({ headers }: Response): string => (headers.get('content-type') ?? '').replace(/;.*/, '');
const logIn = async (url: string, { name, password }: Page['people'][number]): Promise<number> =>
  (
    await fetch(`${url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: name, password }),
    })
  ).status;

const number = (last: number): string => `1555010${String(last).padStart(4, '0')}`;
const numbers = (count: number, first: number, prefix = ''): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${number(first + index)}`);

/** `5 × answered, 3 × 403`. */
function statuses(calls: readonly PlacedCall[]): string {
  const counts = new Map<string, number>();
  for (const { status } of calls) {
    const name = status === 200 ? 'answered' : String(status ?? 'no answer');
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a === 'answered' ? -1 : b === 'answered' ? 1 : a.localeCompare(b)))
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ');
}

async function run(scene: Scene, ...args: string[]): Promise<string> {
  scene.show(`tollgate ${args.join(' ')}`);
  return (await scene.tollgate.run(args)).output;
}

interface CallReport {
  readonly id: string;
  readonly rule: string | null;
  readonly extension: string | null;
  readonly verdict: string;
}

async function decisions(scene: Scene, ...filter: string[]): Promise<readonly CallReport[]> {
  // Decisions are written a tenth of a second after the call was answered.
  await sleep(300);
  return JSON.parse((await scene.tollgate.run(['calls', 'list', '--json', ...filter])).output) as CallReport[];
}

export const STORY: readonly Act[] = [
  {
    title: 'A stolen phone dials eight numbers at once',
    about: 'rule default: 5 calls a minute for each extension',
    play: async (scene) => {
      const { stage } = scene;
      const calls = await stage.placeCalls({ from: '1001', destinations: numbers(8, 1), ratePerSecond: 40 });
      const [refused] = await decisions(scene, '--extension', '1001', '--verdict', 'block');
      if (refused !== undefined) scene.show((await run(scene, 'calls', 'show', refused.id)).trimEnd());
      const reached = (await stage.carrier('carrier-a').calls()).filter((call) =>
        call.destination.startsWith('1555'),
      ).length;
      return [
        { what: 'what the phone hears', expected: '5 × answered, 3 × 403', seen: statuses(calls) },
        { what: 'calls that reached the carrier', expected: '5', seen: String(reached) },
        { what: 'the rule that is named', expected: 'default', seen: String(refused?.rule) },
      ];
    },
  },
  {
    title: 'The phone next to it is not touched',
    about: 'each extension has a bucket of its own',
    play: async ({ stage }) => {
      const call = await stage.placeCall({ from: '1002', destination: number(20) });
      return [{ what: 'one call of 1002', expected: '1 × answered', seen: statuses([call]) }];
    },
  },
  {
    title: 'A group shares one limit',
    about: 'rule call-centre: 4 calls an hour for all of 2001-2003 together',
    play: async ({ stage }) => {
      const batches = await Promise.all(
        ['2001', '2002', '2003'].map((from, index) =>
          stage.placeCalls({ from, destinations: numbers(2, 30 + 10 * index), ratePerSecond: 20 }),
        ),
      );
      return [
        { what: 'six calls of three members', expected: '4 × answered, 2 × 403', seen: statuses(batches.flat()) },
      ];
    },
  },
  {
    title: 'A trunk has its own limits, two in one rule',
    about: 'rule carrier-b: 3 an hour and 100 a day over carrier-b, whoever calls',
    play: async ({ stage }) => {
      const calls = await stage.placeCalls({ from: '1004', destinations: numbers(4, 60, '8'), ratePerSecond: 20 });
      const other = await stage.placeCall({ from: '1004', destination: number(65) });
      return [
        { what: 'four calls over carrier-b', expected: '3 × answered, 1 × 403', seen: statuses(calls) },
        { what: 'one more over carrier-a', expected: '1 × answered', seen: statuses([other]) },
      ];
    },
  },
  {
    title: 'The first carrier is down, the call goes over the second',
    about: 'one call is charged once, each trunk it tries is charged',
    play: async (scene) => {
      const before = await usedBy(scene, '1002');
      const call = await scene.stage.placeCall({ from: '1002', destination: `7${number(70)}` });
      const after = await usedBy(scene, '1002');
      return [
        { what: 'the call', expected: '1 × answered', seen: statuses([call]) },
        { what: 'charged to extension 1002', expected: '1', seen: String(after - before) },
      ];
    },
  },
  {
    title: 'Staff want to know, the call goes on',
    about: 'rule watch-1003: action alert after 1 call an hour',
    play: async (scene) => {
      const calls = await scene.stage.placeCalls({ from: '1003', destinations: numbers(2, 80), ratePerSecond: 10 });
      const alerts = await decisions(scene, '--extension', '1003', '--verdict', 'alert');
      return [
        { what: 'two calls of 1003', expected: '2 × answered', seen: statuses(calls) },
        { what: 'alerts in the journal', expected: '1', seen: String(alerts.length) },
      ];
    },
  },
  {
    title: 'A changed rule is in force at once',
    about: 'what was used is kept; a lower limit clamps',
    play: async (scene) => {
      await run(scene, 'rules', 'set', 'default', '--limit', '1/1m');
      const refused = await scene.stage.placeCall({ from: '1002', destination: number(90) });
      await run(scene, 'rules', 'set', 'default', '--limit', '50/1m');
      const allowed = await scene.stage.placeCall({ from: '1002', destination: number(91) });
      return [
        { what: 'the next call of 1002 at 1/1m', expected: '1 × 403', seen: statuses([refused]) },
        { what: 'and at 50/1m', expected: '1 × answered', seen: statuses([allowed]) },
      ];
    },
  },
  {
    title: 'A call abroad waits for a person',
    about: 'rule abroad: action approve; the caller hears music, unanswered, until somebody decides',
    play: async (scene) => {
      const { stage } = scene;
      const havana = '0115355512345';
      const held = stage.placeCall({ from: '1004', destination: havana });
      const approval = await openApproval(scene);
      await run(scene, 'approvals', 'list');
      await run(
        scene,
        'approvals',
        'approve',
        approval,
        '--for',
        'number',
        '--minutes',
        '60',
        '--reason',
        'a customer',
      );
      const approved = await held;
      const next = await stage.placeCall({ from: '1004', destination: havana });
      const other = stage.placeCall({ from: '1003', destination: havana });
      await run(scene, 'approvals', 'refuse', await openApproval(scene), '--reason', 'not his customer');
      return [
        { what: 'the held call, approved for an hour', expected: '1 × answered', seen: statuses([approved]) },
        { what: 'the next one of 1004 to that number', expected: '1 × answered', seen: statuses([next]) },
        { what: 'one of 1003, refused', expected: '1 × 403', seen: statuses([await other]) },
      ];
    },
  },
  {
    title: 'Somebody guesses a password',
    about: 'five failed log-ins from one address in five minutes: banned for a day',
    play: async (scene) => {
      const { stage, elsewhere } = scene;
      if (elsewhere === undefined) {
        scene.show('left out: it needs root, for a second network that the attack comes from');
        return [];
      }
      await run(scene, 'settings', 'set', 'autoBan.services.sipRegistration.attempts', '5');
      const from = { from: '1003', place: elsewhere };
      for (let attempt = 0; attempt < 5; attempt++) {
        await stage.placeCall({ ...from, password: 'guessed', destination: number(120) });
      }
      const banned = await untilBanned(scene, elsewhere.address);
      scene.show((await run(scene, 'bans', 'list')).trimEnd());
      const right = await stage.placeCall({ ...from, destination: number(121) });
      const beside = await stage.placeCall({ from: '1003', destination: number(122) });
      await run(scene, 'bans', 'lift', elsewhere.address);
      const lifted = await stage.placeCall({ ...from, destination: number(123) });
      return [
        { what: 'banned after five guesses', expected: 'yes', seen: banned ? 'yes' : 'no' },
        { what: 'a call from there, with the right password', expected: '1 × 403', seen: statuses([right]) },
        { what: 'the same phone at its own place', expected: '1 × answered', seen: statuses([beside]) },
        { what: 'from there once it is lifted', expected: '1 × answered', seen: statuses([lifted]) },
      ];
    },
  },
  {
    title: 'Somebody looks at the page',
    about: 'an operator sees everything, a supervisor decides about held calls; each has a password of his own',
    play: async ({ page, show }) => {
      show(page.url);
      const served = await fetch(page.url);
      const statuses = await Promise.all(
        [...page.people, { name: 'operator', password: 'guessed' }].map((person) => logIn(page.url, person)),
      );
      return [
        { what: 'the page', expected: '200 text/html', seen: `${served.status} ${mediaTypeOf(served)}` },
        { what: 'two log in, and one guesses', expected: '200, 200, 401', seen: statuses.join(', ') },
      ];
    },
  },
  {
    title: 'The store freezes',
    about: 'rule default: whenStoreFails block; emergency numbers pass whatever is broken',
    play: async (scene) => {
      scene.show('kill -STOP redis-server');
      await scene.tollgate.freezeStore();
      const ordinary = await scene.stage.placeCall({ from: '1002', destination: number(100) });
      const emergency = await scene.stage.placeCall({ from: '1002', destination: '911' });
      scene.show('kill -CONT redis-server');
      await scene.tollgate.thawStore();
      await sleep(1000);
      const again = await scene.stage.placeCall({ from: '1002', destination: number(101) });
      return [
        { what: 'an ordinary call', expected: '1 × 403', seen: statuses([ordinary]) },
        { what: '911', expected: '1 × answered', seen: statuses([emergency]) },
        { what: 'after it is back, by itself', expected: '1 × answered', seen: statuses([again]) },
      ];
    },
  },
  {
    title: 'Tollgate itself is killed',
    about: 'TOLLGATE_ON_FAILURE, in the dialplan: block, then allow',
    play: async (scene) => {
      const { stage, tollgate } = scene;
      const globals = { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}`, TOLLGATE_EMERGENCY: '911&112' };
      scene.show('kill -9 tollgate');
      await tollgate.kill();
      await stage.asterisk.reloadDialplan(DIALPLAN, { ...globals, TOLLGATE_ON_FAILURE: 'block' });
      const blocked = await stage.placeCall({ from: '1002', destination: number(110) });
      const emergency = await stage.placeCall({ from: '1002', destination: '911' });
      await stage.asterisk.reloadDialplan(DIALPLAN, { ...globals, TOLLGATE_ON_FAILURE: 'allow' });
      const allowed = await stage.placeCall({ from: '1002', destination: number(111) });
      await tollgate.start();
      const version = (
        JSON.parse((await tollgate.run(['rules', 'show', 'default', '--json'])).output) as {
          readonly limits: readonly string[];
        }
      ).limits.join();
      return [
        { what: 'an ordinary call, direction block', expected: '1 × 403', seen: statuses([blocked]) },
        { what: '911', expected: '1 × answered', seen: statuses([emergency]) },
        { what: 'an ordinary call, direction allow', expected: '1 × answered', seen: statuses([allowed]) },
        { what: 'the rule after the restart', expected: '50/1m', seen: version },
      ];
    },
  },
];

async function untilBanned(scene: Scene, wanted: string): Promise<boolean> {
  for (let tries = 0; tries < 30; tries++) {
    const { output } = await scene.tollgate.run(['bans', 'list', '--json']);
    if ((JSON.parse(output) as ReadonlyArray<{ readonly address: string }>).some(({ address }) => address === wanted))
      return true;
    await sleep(200);
  }
  return false;
}

/** Id of the approval that is open, as soon as there is one. @throws Error where none comes */
async function openApproval(scene: Scene): Promise<string> {
  for (let tries = 0; tries < 50; tries++) {
    const { output } = await scene.tollgate.run(['approvals', 'list', '--json']);
    const [approval] = JSON.parse(output) as ReadonlyArray<{ readonly id: string }>;
    if (approval !== undefined) return approval.id;
    await sleep(100);
  }
  throw new Error('no call was held');
}

/** Whole calls that rule default counts for an extension now. */
async function usedBy(scene: Scene, extension: string): Promise<number> {
  const { output } = await scene.tollgate.run(['explain', number(999), '--extension', extension, '--json']);
  const { findings } = JSON.parse(output) as {
    readonly findings: ReadonlyArray<{ readonly rule: string; readonly used: number | null }>;
  };
  return findings.find((finding) => finding.rule === 'default')?.used ?? 0;
}
