/** What is written down of calls that are over: beside their decisions, in the sums of their day, and who may read it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { CostReport } from '../../src/api/cost-routes.ts';
import type { SpendReport } from '../../src/api/spend-routes.ts';
import { AGI_ARGUMENTS } from '../../src/asterisk/channel-variables.ts';
import { createCallSequels } from '../../src/gate/call-sequels.ts';
import { newDecisionId } from '../../src/gate/decision-id.ts';
import type { DecisionReport } from '../../src/gate/report.ts';
import { createCostHistory, lastDays } from '../../src/live-calls/cost-history.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, json, type LoggedIn, logIn, type TestUser } from '../support/people.ts';
import { keptLog } from '../support/silent-log.ts';

const PATIENTLY = { timeout: 30_000, interval: 100 };
const POLICY = `
timezone: America/New_York
homeCountry: US
dialling: { international: ["011"] }
extensions: { "1001": { name: Reception } }
groups: { staff: { name: Staff, members: ["1001", "12125550199"] } }
trunks: { carrier-a: { name: Carrier A }, carrier-b: { name: Carrier B } }
rules:
  - { id: told, limits: ["1/1h"], action: alert, countPer: extension }
  - { id: ceiling, concurrent: 50, countPer: system }
  - { id: budget, countPer: number, spend: { soft: "50/1d" } }
`;
let tollgate: TestDaemon;
let stateDir: string;
let users: readonly [TestUser, TestUser];
let viewer: LoggedIn;
let billing: LoggedIn;

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'tollgate-ends-'));
  tollgate = await startTestDaemon({ stateDir });
  users = [await addUser(tollgate, 'viewer', 'viewer'), await addUser(tollgate, 'billing', 'billing')];
  await tollgate.apply(POLICY);
  await tollgate.run(['rates', 'import', '-'], { input: 'prefix,price,connection\n1,0.01,0\n53,0.60,0.05\n' });
  await logInBoth();
});
afterAll(async () => {
  await tollgate.stop();
  await rm(stateDir, { recursive: true, force: true });
});

async function logInBoth(): Promise<void> {
  const [first, second] = users;
  viewer = await logIn(tollgate.webPort, first);
  billing = await logIn(tollgate.webPort, second);
}

let lastCall = 0;
interface Placed {
  readonly id: string;
  readonly uniqueId: string;
  readonly call: string;
}
async function place(more: Parameters<typeof placeAgiCall>[1] = {}): Promise<Placed> {
  const uniqueId = more.uniqueId ?? `ends.${++lastCall}`;
  const answer = await placeAgiCall(tollgate.agiPort, {
    ...{ extension: '1001', destination: '0115352345678', trunk: 'carrier-a', uniqueId, linkedId: uniqueId },
    ...more,
  });
  return { id: answer['TOLLGATE_DECISION'] ?? '', uniqueId, call: answer['__TOLLGATE_CALL'] ?? '' };
}
/** As the dialplan says it at the end: DIALSTATUS and ANSWEREDTIME. */
const over = ({ id, uniqueId }: Placed, status: string, answeredSeconds: string) =>
  placeAgiCall(tollgate.agiPort, {
    ...{ request: 'outcome', uniqueId },
    // The arguments of this request, in their places.
    ...Object.fromEntries([id, 'ended', status, answeredSeconds].map((word, at) => [ARGUMENTS[at], word])),
  });
const shown = async (id: string): Promise<DecisionReport> =>
  (await viewer.send('GET', `calls/${id}`)).body as DecisionReport;
const cost = async (by: string, who = viewer): Promise<CostReport> =>
  (await who.send('GET', `spend/history?by=${by}&days=2`)).body as CostReport;

test('a decision has how its call ended and what it cost, also of a call that was begun before a restart', async () => {
  const plain = await place();
  await over(plain, 'ANSWER', '59');
  // The second in an hour is told of, and so kept.
  const kept = await place();
  await tollgate.stop();
  tollgate = await startTestDaemon({ stateDir });
  await logInBoth();
  await over(kept, 'ANSWER', '89');
  const end = { talkSeconds: 90, outcome: 'answered', cost: 1.25, currency: 'USD' };
  await vi.waitFor(async () => expect((await shown(kept.id)).end).toMatchObject(end), PATIENTLY);
  const [listed] = await json<readonly DecisionReport[]>(tollgate, ['calls', 'list', '--verdict', 'alert']);
  expect(listed).toMatchObject({ id: kept.id, extensionName: 'Reception', end });
  const table = (await tollgate.run(['calls', 'list', '--verdict', 'alert'])).out;
  expect(table).toContain('USD 1.25');
  expect((await tollgate.run(['calls', 'show', kept.id])).out).toMatch(/90 s of talk, answered; USD 1\.25\./);
  const csv = String((await viewer.send('GET', 'calls/csv')).body);
  expect(csv).toContain(',seconds,talk seconds,outcome,cost,currency,');
  expect(csv).toContain(',90,answered,1.25,USD,');
});

test('a call that tries two trunks is two decisions of one call, and the second names both', async () => {
  const first = await place();
  const again = { uniqueId: first.uniqueId, linkedId: first.uniqueId, call: first.call };
  const second = await place({ trunk: 'carrier-b', ...again });
  await over(first, 'ANSWER', '29');
  expect(await shown(first.id)).toMatchObject({ trunksTried: ['carrier-a'] });
  expect(await shown(second.id)).toMatchObject({ trunksTried: ['carrier-a', 'carrier-b'] });
  expect((await shown(second.id)).call).toBe((await shown(first.id)).call);
});

test('a call that nobody answers costs nothing', async () => {
  const call = await place();
  await over(call, 'NOANSWER', '');
  await vi.waitFor(async () => expect((await shown(call.id)).end).not.toBeNull(), PATIENTLY);
  expect((await shown(call.id)).end).toMatchObject({ talkSeconds: null, outcome: 'no-answer', cost: 0 });
});

test('what calls came to is told by day, extension, group, trunk and country, on the command line as by the API', async () => {
  await vi.waitFor(async () => expect((await cost('day')).total).toMatchObject({ calls: 3, cost: 2.55 }), PATIENTLY);
  const rowOf = async (by: string) => (await cost(by)).rows.map(({ name, label, cost }) => [name, label, cost]);
  expect(await rowOf('extension')).toEqual([['1001', 'Reception', 2.55]]);
  expect(await rowOf('group')).toEqual([['staff', 'Staff', 2.55]]);
  expect(await rowOf('trunk')).toEqual([['carrier-a', 'Carrier A', 2.55]]);
  expect(await rowOf('country')).toEqual([['CU', 'Cuba', 2.55]]);
  expect((await cost('day')).rows).toHaveLength(2);
  const told = await json<CostReport>(tollgate, ['calls', 'cost', '--by', 'trunk', '--days', '2']);
  expect(told.rows).toEqual((await cost('trunk')).rows);
  expect((await tollgate.run(['calls', 'cost', '--by', 'country'])).out).toMatch(/CU Cuba +3 .*USD 2\.55/);
  expect((await tollgate.run(['calls', 'cost', '--by', 'country', '--csv'])).out).toContain('CU,Cuba,3,180,2.55,USD');
});

test('who may see what calls cost, and not who called whom, sees the last four digits of numbers', async () => {
  const call = await place({ extension: '12125550199' });
  await over(call, 'ANSWER', '9');
  const names = async (who: LoggedIn) => (await cost('extension', who)).rows.map(({ name }) => name);
  await vi.waitFor(async () => expect(await names(viewer)).toEqual(['1001', '12125550199']), PATIENTLY);
  expect(await names(billing)).toEqual(['1001', '…0199']);
  const budgets = async (who: LoggedIn) =>
    ((await who.send('GET', 'spend')).body as SpendReport).budgets.map(({ subject }) => subject);
  expect(await budgets(viewer)).toContain('number +5352345678');
  expect(await budgets(billing)).toContain('number …5678');
  expect(String((await billing.send('GET', 'spend/history/csv?by=extension')).body)).not.toContain('12125550199');
});

test('sums and ends are bounded, are added once, and older ends go first', async () => {
  const redis = new Redis({ path: join(stateDir, 'redis.sock') });
  try {
    const keys = createKeys({ prefix: 'bounded', tenant: 't' });
    const { log } = keptLog();
    const costs = createCostHistory({ redis, keys, log });
    const [day = ''] = lastDays(Date.now(), 'UTC', 1);
    for (let at = 0; at < 5100; at++)
      costs.note({
        ...{ day, talkSeconds: 1, micros: 2, currency: 'USD' },
        names: { extension: [`x${at}`], group: [], trunk: ['a'], country: [] },
      });
    await costs.close();
    const [extensions = new Map()] = await costs.read('extension', [day]);
    expect(extensions.size).toBe(5001);
    expect(extensions.get('*')).toMatchObject({ calls: 100 });
    expect((await costs.read('trunk', [day]))[0]?.get('a')).toEqual({
      ...{ calls: 5100, talkSeconds: 5100, micros: new Map([['USD', 10_200]]) },
    });

    const clock = { now: () => Date.now() as EpochMs };
    const sequels = createCallSequels({ redis, keys, clock, maxEntries: 100, maxAgeSeconds: 3600, log });
    const ids = Array.from({ length: 150 }, (_, at) =>
      newDecisionId((Date.now() - 7_200_000 + at * 60_000) as EpochMs),
    );
    const end = {
      at: new Date().toISOString(),
      trunk: null,
      seconds: 1,
      talkSeconds: 1,
      outcome: null,
      cost: null,
      currency: null,
    };
    for (const id of ids) sequels.note(id, { end });
    await sequels.close();
    // Of the last hour, and of that no more than so many.
    expect(await redis.zcard(keys.journalSequels)).toBeLessThanOrEqual(100);
    const joined = await sequels.join(ids.map((id) => ({ id, verdict: 'alert' })));
    expect(joined.slice(0, 55).every(({ end: found }) => found === null)).toBe(true);
    expect(joined.slice(65).every(({ end: found }) => found !== null)).toBe(true);
  } finally {
    redis.disconnect();
  }
});

const ARGUMENTS = AGI_ARGUMENTS.slice(0, 4);
