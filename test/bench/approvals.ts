/**
 * Row `approvals`: from a supervisor's yes to the INVITE that reaches the carrier, on a real Asterisk with real SIP calls.
 *
 * The floor is the least that any program which holds calls in ARI must do: a channel in an application is told to go on,
 * and dials. Both kinds of call are held at the same time and let go in turn, so both are measured under the same load,
 * which includes the music of all the others. The carrier says when the INVITE came, by the clock that all of them share.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ApprovalReport } from '../../src/approvals/approval.ts';
import { type AriConnection, connectAri } from '../../src/asterisk/ari-connection.ts';
import { systemClock } from '../../src/clock.ts';
import { type Stage, startStage } from '../../src/demo/stage.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import { createLog } from '../../src/log.ts';
import { type Figure, show } from './figure.ts';
import type { Processes } from './processes.ts';

const POLICY = 'rules: [{ id: ask, limits: [], action: approve, approval: { timeout: 2m } }]';
/** 1… asks Tollgate, 2… is held by the floor. */
const DIALPLAN = `
[from-phones]
exten => _1X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a,10)
 same => n,Hangup()
exten => _2X.,1,Stasis(floor,\${EXTEN})
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a,10)
 same => n,Hangup()
`;
const HELD_WITHIN_MS = 60_000;
/** Between two decisions, so that one call's set-up is not measured with the one before. */
const PAUSE_MS = 50;

export interface ApprovalOptions {
  readonly rounds: number;
  /** Of each kind, in each round. */
  readonly calls: number;
  readonly onRound: (round: number) => void;
  /** Anything that makes the figures worth less. */
  readonly onDoubt: (text: string) => void;
}

/** @throws PackagesUnavailable where no Asterisk is to be had */
export async function measureApprovals(processes: Processes, options: ApprovalOptions): Promise<Figure[]> {
  // A busy machine must not make a call go by `otherwise` because the store answered late.
  const env = { ...process.env, TOLLGATE_AGI__DEADLINE_MS: '2500' };
  const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
  const tollgate = await createTollgateProcess({ program: [process.execPath, main], env });
  processes.onClose(tollgate.stop);
  const globals = { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}` };
  const stage = await startStage({ env, phones: ['1001'], carriers: { 'carrier-a': {} }, dialplan: DIALPLAN, globals });
  processes.onClose(stage.stop);
  const { ami, ari } = stage.asterisk;
  await tollgate.configure(`asterisk: ${JSON.stringify([{ name: 'pbx', ami, ari }])}\n`);
  await tollgate.start();
  const applied = await tollgate.run(['policy', 'apply', '-'], POLICY);
  if (applied.exitCode !== 0) throw new Error(applied.output);
  const floor = await startFloor(stage);
  processes.onClose(floor.close);

  const decidedAtMs = new Map<string, number>();
  let next = 0;
  for (let round = 0; round < options.rounds; round += 1) {
    options.onRound(round);
    const numbers = Array.from({ length: options.calls }, () => String(++next).padStart(6, '0'));
    const calling = stage.placeCalls({
      destinations: numbers.flatMap((number) => [`1${number}`, `2${number}`]),
      ratePerSecond: 20,
      timeoutMs: 120_000,
    });
    const open = await untilHeld(tollgate, numbers, floor);
    for (const number of numbers) {
      // Who goes first takes turns: whoever follows a pause may find colder caches.
      const turns = [
        async () => {
          decidedAtMs.set(`1${number}`, Date.now());
          await approve(tollgate, open.get(`1${number}`) ?? '');
        },
        async () => {
          decidedAtMs.set(`2${number}`, Date.now());
          await floor.letGo(`2${number}`);
        },
      ];
      for (const turn of Number(number) % 2 === 0 ? turns : turns.reverse()) {
        await turn();
        await sleep(PAUSE_MS);
      }
    }
    await calling;
  }

  const tookMs = { own: [] as number[], floor: [] as number[] };
  for (const { destination, atMs } of await stage.carrier('carrier-a').calls()) {
    const took = atMs - (decidedAtMs.get(destination) ?? Number.NaN);
    (destination.startsWith('1') ? tookMs.own : tookMs.floor).push(took);
  }
  const wanted = options.rounds * options.calls;
  const isWhole = tookMs.own.length === wanted && tookMs.floor.length === wanted;
  if (!isWhole) {
    options.onDoubt(
      `${tookMs.own.length} and ${tookMs.floor.length} of ${wanted} calls reached the carrier: approvals are not judged`,
    );
  }
  return figuresOf(tookMs, isWhole);
}

function figuresOf(
  tookMs: { readonly own: readonly number[]; readonly floor: readonly number[] },
  isJudged: boolean,
): Figure[] {
  const row = (name: string, part: number, most: number, failsAbove: number): Figure => {
    const [own, floor] = [quantile(tookMs.own, part), quantile(tookMs.floor, part)];
    return {
      row: 'approvals',
      figure: `approve to the carrier's INVITE, ${name} of ${tookMs.own.length}, ms`,
      tollgate: `${show(own)} ms`,
      against: `bare ARI continue, ${show(floor)} ms`,
      ratio: undefined,
      value: own,
      ...(isJudged ? { bound: { most, failsAbove } } : {}),
    };
  };
  return [row('p50', 0.5, 50, 100), row('p99', 0.99, 250, 500)];
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN;
}

interface Floor {
  readonly holds: (number: string) => boolean;
  readonly letGo: (number: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

async function startFloor(stage: Stage): Promise<Floor> {
  const { log } = createLog({ level: 'silent' });
  const ari: AriConnection = connectAri({
    name: 'floor',
    ...stage.asterisk.ari,
    app: 'floor',
    log,
    clock: systemClock,
  });
  const channels = new Map<string, string>();
  ari.onEvent(({ type, channel, args: [number = ''] }) => {
    if (type === 'StasisStart' && channel !== undefined) channels.set(number, channel.id);
  });
  await waitUntil('the floor is connected', () => ari.state().up);
  return {
    holds: (number) => channels.has(number),
    letGo: (number) => ari.continueInDialplan(channels.get(number) ?? ''),
    close: () => ari.close(),
  };
}

/** @returns ids of approvals by the number called */
async function untilHeld(
  tollgate: TollgateProcess,
  numbers: readonly string[],
  floor: Floor,
): Promise<ReadonlyMap<string, string>> {
  let open = new Map<string, string>();
  await waitUntil('all calls are held', async () => {
    const { text } = await ask(tollgate, 'GET', '/api/v1/approvals?state=open&limit=1000');
    open = new Map((JSON.parse(text) as ApprovalReport[]).map(({ destination, id }) => [destination, id]));
    return numbers.every((number) => open.has(`1${number}`) && floor.holds(`2${number}`));
  });
  return open;
}

async function approve(tollgate: TollgateProcess, id: string): Promise<void> {
  const { status, text } = await ask(tollgate, 'POST', `/api/v1/approvals/${id}/approve`);
  if (status !== 200) throw new Error(`the call was not approved: ${text}`);
}

async function ask(
  tollgate: TollgateProcess,
  method: string,
  path: string,
): Promise<{ readonly status: number; readonly text: string }> {
  const asked = request({ socketPath: join(tollgate.stateDir, 'tollgate.sock'), method, path });
  asked.end();
  const [response] = await once(asked, 'response');
  let text = '';
  for await (const part of response) text += String(part);
  return { status: response.statusCode, text };
}

async function waitUntil(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const untilMs = performance.now() + HELD_WITHIN_MS; performance.now() < untilMs; await sleep(100)) {
    if (await isSo()) return;
  }
  throw new Error(`waited in vain until ${what}`);
}
