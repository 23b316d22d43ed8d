/**
 * Two diallers, each a real Asterisk with a Tollgate of its own, on one store and one VICIdial database: calls as VICIdial
 * originates them share the limits of a trunk to the call.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type AmiConnection, connectAmi } from '../../src/asterisk/ami-connection.ts';
import { systemClock } from '../../src/clock.ts';
import { PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import type { DecisionReport } from '../../src/gate/report.ts';
import { ensureMariaDb, type MariaDb, startMariaDb } from '../support/mariadb.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';
import { startScene, type TestScene } from '../support/scene.ts';
import { keptLog } from '../support/silent-log.ts';
import { markedLines } from '../support/stage.ts';

const file = (path: string) => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
const missing = await ensureMariaDb().then(
  () => undefined,
  (error: unknown) => {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without MariaDB these tests are skipped: ${error.message}`);
    return error;
  },
);
/** 9 leads to the trunk with a pace, 8 to the one with a count. */
const dialplan = `
[from-phones]
exten => _X.,1,Hangup()
[default]
exten => 8368,1,Wait(20)
exten => _9X.,1,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},carrier-a))
exten => _9X.,n,Dial(PJSIP/\${EXTEN:1}@carrier-a,\${CAMPDTO},To)
exten => _9X.,n,Hangup()
exten => _8X.,1,Gosub(tollgate-vicidial,gate,1(\${EXTEN:1},carrier-b))
exten => _8X.,n,Dial(PJSIP/\${EXTEN:1}@carrier-b,\${CAMPDTO},To)
exten => _8X.,n,Hangup()
exten => h,1,Log(NOTICE,h-ran DIALSTATUS=\${DIALSTATUS} HANGUPCAUSE=\${HANGUPCAUSE} HALF=\${CHANNEL(name):-2})
`;
const A_SECOND = 4;
const IN_ALL = 5;
const EACH = 8;
const policy = `
trunks: { carrier-a: {}, carrier-b: {} }
rules:
  - id: pace
    appliesTo: { trunks: [carrier-a] }
    countPer: trunk
    counting: rolling
    limits: ["${A_SECOND}/1s"]
    action: wait
    maxWait: 20s
    maxQueue: 100
  - id: count
    appliesTo: { trunks: [carrier-b] }
    countPer: trunk
    limits: ["${IN_ALL}/1d"]
    hangupCause: 34
`;

describe.skipIf(missing !== undefined)('two diallers on one store', () => {
  let db: MariaDb;
  let redis: TestRedis;
  const scenes: TestScene[] = [];
  const managers: AmiConnection[] = [];
  let leads = 7000;

  beforeAll(async () => {
    [db, redis] = await Promise.all([file('test/fixtures/vicidial/schema.sql').then(startMariaDb), startRedis()]);
    await db.execute(`CREATE USER tollgate@'127.0.0.1' IDENTIFIED BY 'secret';
      GRANT SELECT ON asterisk.* TO tollgate@'127.0.0.1';`);
    const ours = await file('dialplan/vicidial.conf');
    scenes.push(
      ...(await Promise.all(
        ([22, 16] as const).map((version) =>
          startScene({
            version,
            dialplan: `${ours}\n${dialplan}`,
            connected: `vicidial: { host: 127.0.0.1, port: ${db.port}, username: tollgate, password: secret, deadlineMs: 500, onFailure: block }`,
            tollgateEnv: {
              TOLLGATE_REDIS__URL: redis.socketPath,
              TOLLGATE_NODE: `dialler-${version}`,
              TOLLGATE_AGI__DEADLINE_MS: '2000',
            },
          }),
        ),
      )),
    );
    await scenes[0]?.apply(policy);
    for (const scene of scenes) {
      const ami = connectAmi({ name: 'dialler', ...scene.stage.asterisk.ami, log: keptLog().log, clock: systemClock });
      managers.push(ami);
      await vi.waitUntil(() => ami.state().up, { interval: 5, timeout: 30_000 });
      await vi.waitUntil(async () => (await scene.ask<unknown[]>('rules', 'list')).length === 2, { timeout: 30_000 });
    }
  });
  afterAll(async () => {
    for (const ami of managers) await ami.close();
    for (const scene of scenes) await scene.stop();
    await db?.stop();
    await redis?.stop();
  });

  /** Calls that both diallers place at once, all with rows in the database; the numbers. */
  const placeAll = async (first: string): Promise<readonly string[]> => {
    const calls = managers.flatMap((ami, dialler) =>
      Array.from({ length: EACH }, (_, index) => ({ ami, dialler, lead: leads + dialler * EACH + index })),
    );
    leads += calls.length;
    const rows = calls.map(
      ({ dialler, lead }) => `('10.0.0.${dialler + 1}', 'SALES', ${lead}, 'V112010300000000${lead}')`,
    );
    await db.execute(
      `INSERT INTO vicidial_auto_calls (server_ip, campaign_id, lead_id, callerid) VALUES ${rows.join(', ')};`,
    );
    await Promise.all(
      calls.map(({ ami, lead }) =>
        ami.action('Originate', {
          ...{ Channel: `Local/${first}1555${lead}@default`, Context: 'default', Exten: '8368', Priority: '1' },
          ...{ Async: 'true', Timeout: '60000', CallerID: `"V112010300000000${lead}" <3125550100>` },
        }),
      ),
    );
    return calls.map(({ lead }) => `1555${lead}`);
  };
  const arrivals = async (carrier: string) =>
    (await Promise.all(scenes.map(({ stage }) => stage.carrier(carrier).calls()))).flat();
  /** What of these calls the journal keeps: all that did not simply go. Both daemons write one. */
  const decided = async (numbers: readonly string[], atLeast: number): Promise<readonly DecisionReport[]> => {
    let mine: readonly DecisionReport[] = [];
    await vi.waitUntil(
      async () => {
        const all = await scenes[0]?.ask<DecisionReport[]>('calls', 'list', '--limit', '500');
        mine = (all ?? []).filter(({ dialled }) => numbers.includes(dialled));
        return mine.length >= atLeast;
      },
      { interval: 200, timeout: 30_000 },
    );
    return mine;
  };

  it('share the calls per second of a trunk: in no second do more leave, none leaves before its time, and all go', async () => {
    const numbers = await placeAll('9');
    await vi.waitUntil(async () => (await arrivals('carrier-a')).length === numbers.length, {
      interval: 100,
      timeout: 60_000,
    });
    // Only the first of a quiet trunk leave at once.
    const waited = await decided(numbers, numbers.length - A_SECOND);
    expect(waited.length).toBe(numbers.length - A_SECOND);
    expect(new Set(waited.map(({ node }) => node)).size).toBe(2);
    expect(new Set(waited.map(({ campaign }) => campaign))).toEqual(new Set(['SALES']));
    const arrived = new Map((await arrivals('carrier-a')).map(({ destination, atMs }) => [destination, atMs]));
    const leaves = waited.map((call) => Date.parse(call.at) + (call.waitMs ?? 0)).sort((a, b) => a - b);
    // The fourth after any call leaves a second after it, by the store's clock; the journal keeps when the daemon asked. Two
    // diallers that did not share would leave twice as many.
    const tightest = Math.min(...leaves.slice(A_SECOND).map((atMs, index) => atMs - (leaves[index] ?? 0)));
    expect(tightest).toBeGreaterThanOrEqual(600);
    expect((leaves.at(-1) ?? 0) - (leaves[0] ?? 0)).toBeGreaterThanOrEqual(((2 * EACH) / A_SECOND - 2) * 1000 - 400);
    for (const call of waited) {
      const leftMs = Date.parse(call.at) + (call.waitMs ?? 0);
      expect((arrived.get(call.dialled) ?? 0) - leftMs).toBeGreaterThanOrEqual(-400);
    }
    console.log(
      `${waited.length} of ${numbers.length} calls of two diallers waited; ${A_SECOND} leave in ${tightest} ms at the tightest`,
    );
  });

  it('share a count to the call: the rest is refused with the cause of the rule, for VICIdial’s h to see', async () => {
    const numbers = await placeAll('8');
    const refusals = await decided(numbers, numbers.length - IN_ALL);
    expect(refusals.map(({ verdict, rule }) => [verdict, rule])).toEqual(refusals.map(() => ['block', 'count']));
    const out = numbers.filter((number) => refusals.every(({ dialled }) => dialled !== number));
    expect(out.length).toBe(IN_ALL);
    await vi.waitUntil(async () => (await arrivals('carrier-b')).length >= IN_ALL, { interval: 100, timeout: 30_000 });
    expect((await arrivals('carrier-b')).map(({ destination }) => destination).sort()).toEqual([...out].sort());
    const refused = async () =>
      (await Promise.all(scenes.map(({ stage }) => markedLines(stage, 'h-ran')))).flat().filter((line) => {
        return line === 'DIALSTATUS=BUSY HANGUPCAUSE=34 HALF=;2';
      });
    await vi.waitUntil(async () => (await refused()).length === numbers.length - IN_ALL, {
      interval: 100,
      timeout: 30_000,
    });
  });
});
