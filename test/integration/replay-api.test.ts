/** A replay that the API is asked for: the figures of the command line, beside calls that are decided, and stopped when asked. */
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { ReplayState } from '../../src/simulate/replay-job.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { cdrCorpus } from '../support/cdr-corpus.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { addUser, type LoggedIn, logIn } from '../support/people.ts';

const PATIENTLY = { timeout: 60_000, interval: 100 };
const POLICY = `
timezone: UTC
homeCountry: US
dialling: { international: ["011", "00"] }
trunks: { carrier-a: {}, carrier-b: {} }
rules:
  - { id: everyone, limits: ["5/1s"] }
  - { id: cuba, mode: shadow, appliesTo: { destinations: ["country:CU"] }, limits: ["3/1h"], counting: rolling }
`;
const ENFORCED = POLICY.replace('mode: shadow, ', '');
const recordsOf = (records: number): string =>
  [...cdrCorpus({ seed: 42, records, recordsPerDay: 2000 }).lines, ''].join('\n');

let tollgate: TestDaemon;
let folder: string;
let operator: LoggedIn;
let viewer: LoggedIn;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-replay-'));
  tollgate = await startTestDaemon();
  operator = await logIn(tollgate.webPort, await addUser(tollgate, 'operator', 'operator'));
  viewer = await logIn(tollgate.webPort, await addUser(tollgate, 'viewer', 'viewer'));
  await tollgate.apply(POLICY);
});
afterAll(async () => {
  await tollgate.stop();
  await rm(folder, { recursive: true, force: true });
});

async function sendFile(text: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${tollgate.webPort}/api/v1/replay/file?name=Master.csv`, {
    method: 'PUT',
    headers: {
      cookie: operator.cookie,
      'x-csrf-token': operator.report.csrfToken,
      'content-type': 'application/x-cdr',
    },
    body: text,
  });
  return { status: response.status, body: await response.json() };
}
const state = async (): Promise<ReplayState> => (await viewer.send('GET', 'replay')).body as ReplayState;
async function replayed(body: Readonly<Record<string, unknown>>): Promise<NonNullable<ReplayState['report']>> {
  expect((await operator.send('POST', 'replay', body)).body).toMatchObject({ state: 'running' });
  await vi.waitFor(async () => expect(await state()).toMatchObject({ state: 'done', problem: null }), PATIENTLY);
  const { report } = await state();
  if (report === null) throw new Error('there is no report');
  return report;
}

test('gives the figures of the command line, of one policy and of two, and spends and saves nothing', async () => {
  const records = recordsOf(6000);
  const file = join(folder, 'Master.csv');
  await writeFile(file, records);
  await writeFile(join(folder, 'enforced.yaml'), ENFORCED);
  await writeFile(join(folder, 'now.yaml'), POLICY);
  const simulated = async (...args: readonly string[]): Promise<unknown> => {
    const { prices: _, ...rest } = JSON.parse((await tollgate.run(['simulate', file, ...args, '--json'])).out);
    return rest;
  };
  expect(await sendFile(records)).toMatchObject({
    status: 200,
    body: { state: 'ready', file: { name: 'Master.csv' } },
  });
  const before = JSON.stringify(await tollgate.run(['policy', 'show']));
  expect(await replayed({})).toEqual(await simulated());
  const both = await simulated('--policy', join(folder, 'enforced.yaml'), '--compare', join(folder, 'now.yaml'));
  const proposed = await replayed({ policy: ENFORCED });
  expect(proposed).toEqual(both);
  expect(proposed).toMatchObject({
    by: { rule: { cuba: 397 } },
    compared: { refused: 0, changes: { newlyRefused: 397 } },
  });
  expect(await replayed({ enforceShadow: true })).toEqual(both);
  expect(JSON.stringify(await tollgate.run(['policy', 'show']))).toBe(before);
  expect((await tollgate.run(['explain', '01153525550100', '-e', '1007', '-t', 'carrier-a', '--json'])).out).toContain(
    '"used": 0',
  );
});

test('runs beside calls, one at a time, and is stopped and forgotten when asked', async () => {
  await sendFile(recordsOf(150_000));
  expect((await operator.send('POST', 'replay', {})).body).toMatchObject({ state: 'running' });
  expect(await operator.send('POST', 'replay', {})).toMatchObject({ status: 409 });
  expect(await sendFile('a,b')).toMatchObject({ status: 409 });
  await vi.waitFor(
    async () => expect((await state()).progress).toMatchObject({ total: expect.any(Number) }),
    PATIENTLY,
  );
  const answer = await placeAgiCall(tollgate.agiPort, { extension: '1001', destination: '12125550100' });
  expect(answer['TOLLGATE_VERDICT']).toBe('allow');
  expect((await operator.send('DELETE', 'replay')).body).toMatchObject({ state: 'empty' });
  expect(await operator.send('POST', 'replay', {})).toMatchObject({ status: 409 });
  await expect(access(join(tollgate.stateDir, 'replay.csv'))).rejects.toThrow('ENOENT');
});

test('says what is wrong with a file, a policy or a request, and lets nobody else replay', async () => {
  expect(await sendFile('')).toMatchObject({ status: 400, body: { detail: expect.stringContaining('empty') } });
  await sendFile('this is\nno table of calls\n');
  await operator.send('POST', 'replay', {});
  await vi.waitFor(async () => expect(await state()).toMatchObject({ state: 'failed' }), PATIENTLY);
  expect((await state()).problem).not.toBe('');
  expect(await operator.send('POST', 'replay', { policy: 'rules: [{ id: x, limits: [nonsense] }]' })).toMatchObject({
    ...{ status: 422, body: { code: 'POLICY_INVALID' } },
  });
  expect(await operator.send('POST', 'replay', { policy: '{' })).toMatchObject({ status: 422 });
  expect(await operator.send('PUT', 'replay/file', { a: 1 })).toMatchObject({ status: 400 });
  expect(await viewer.send('POST', 'replay', {})).toMatchObject({ status: 403 });
});
