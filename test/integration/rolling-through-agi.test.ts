/** Rolling windows as a dialplan and an administrator meet them: FastAGI and the command line of a real daemon. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());

const apply = async (policy: string): Promise<void> => {
  const { exitCode, error } = await tollgate.run(['policy', 'apply', '-'], { input: policy });
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
};
const call = (fields: AgiCall) => placeAgiCall(tollgate.agiPort, fields);
const verdicts = async (times: number, fields: AgiCall): Promise<(string | undefined)[]> => {
  const found = [];
  for (let turn = 0; turn < times; turn++) found.push((await call(fields))['TOLLGATE_VERDICT']);
  return found;
};
const explain = async (...question: string[]): Promise<ExplanationReport> =>
  JSON.parse((await tollgate.run(['explain', '1555', ...question, '--json'])).out) as ExplanationReport;
const used = async (rule: string, ...question: string[]): Promise<number | null | undefined> =>
  (await explain(...question)).findings.find((finding) => finding.rule === rule)?.used;
const refills = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

test('the eighth call in seven days is refused until the first of them is seven days old', async () => {
  await apply('rules: [{ id: cap, limits: ["7/7d"], counting: rolling }]');
  expect(await verdicts(7, { destination: '15551234567', extension: '5001' })).toEqual(Array(7).fill('allow'));
  const refused = await call({ destination: '15551234567', extension: '5001' });
  expect(refused).toMatchObject({
    TOLLGATE_VERDICT: 'block',
    TOLLGATE_RULE: 'cap',
    TOLLGATE_REASON: 'Rule cap refuses: extension 5001 has used 7 of 7 calls per 7 days',
  });
  const retryAfter = Number(refused['TOLLGATE_RETRY_AFTER']);
  expect(retryAfter).toBeGreaterThan(604_700);
  expect(retryAfter).toBeLessThanOrEqual(604_800);
  const later = new Date(Date.now() + 604_800_000).toISOString();
  expect(await explain('-e', '5001', '--at', later)).toMatchObject({ verdict: 'allow', findings: [{ used: 0 }] });
  expect(await explain('-e', '5001')).toMatchObject({
    verdict: 'block',
    findings: [{ rule: 'cap', limit: '7/7d', used: 7, remaining: 0, exceeded: true }],
  });
});

test('a rolling window gives nothing back before its period is over, where a bucket has refilled a call', async () => {
  await apply(
    `rules:
      - { id: window, appliesTo: { extensions: ["5101"] }, limits: ["4/4s"], counting: rolling }
      - { id: level, appliesTo: { extensions: ["5102"] }, limits: ["4/4s"] }`,
  );
  await verdicts(4, { destination: '15551234567', extension: '5101' });
  await verdicts(4, { destination: '15551234567', extension: '5102' });
  await refills(1.5);
  expect(await verdicts(1, { destination: '15551234567', extension: '5101' })).toEqual(['block']);
  expect(await verdicts(1, { destination: '15551234567', extension: '5102' })).toEqual(['allow']);
  await refills(2.6);
  expect(await verdicts(1, { destination: '15551234567', extension: '5101' })).toEqual(['allow']);
});

test('a call that another rule refuses is in no window, and a repeated or second-trunk request is in it once', async () => {
  await apply(
    `trunks: { a: {}, b: {} }
rules:
  - { id: cap, limits: ["7/7d"], counting: rolling }
  - { id: line, countPer: trunk, limits: ["5/1h"], counting: rolling }
  - { id: burst, appliesTo: { extensions: ["5201"] }, limits: ["2/1h"] }`,
  );
  expect(await verdicts(4, { destination: '15551234567', extension: '5201' })).toEqual([
    ...['allow', 'allow'],
    ...['block', 'block'],
  ]);
  expect(await used('cap', '-e', '5201')).toBe(2);
  const one = { destination: '15551234567', extension: '5202', uniqueId: 'rolling.1' };
  for (const trunk of ['a', 'a', 'b']) await call({ ...one, trunk });
  expect(await used('cap', '-e', '5202')).toBe(1);
  expect([await used('line', '-t', 'a'), await used('line', '-t', 'b')]).toEqual([1, 1]);
});

test('a call whose caller hung up before the answer leaves its window again', async () => {
  await apply('rules: [{ id: cap, limits: ["7/7d"], counting: rolling }]');
  const { openAgiClient } = await import('../support/agi-client.ts');
  const { requestEnvironment } = await import('../support/agi-environment.ts');
  await call({ destination: '15551234567', extension: '5300' });
  for (let turn = 0; turn < 20; turn++) {
    const client = openAgiClient({ host: '127.0.0.1', port: tollgate.agiPort });
    client.socket.write(requestEnvironment('check', ['15551234567', 'carrier-a', '5300']));
    client.socket.write('HANGUP\n');
    await client.ended;
    client.socket.destroy();
  }
  await expect.poll(() => used('cap', '-e', '5300')).toBe(1);
});

test('an alert counts every call that goes, and a rule in shadow never refuses', async () => {
  await apply(
    `rules:
      - { id: watch, limits: ["2/1h"], counting: rolling, action: alert }
      - { id: tried, limits: ["2/1h"], counting: rolling, mode: shadow }`,
  );
  expect(await verdicts(4, { destination: '15551234567', extension: '5400' })).toEqual(Array(4).fill('allow'));
  expect(await call({ destination: '15551234567', extension: '5400' })).toMatchObject({ TOLLGATE_RULE: 'watch' });
  expect([await used('watch', '-e', '5400'), await used('tried', '-e', '5400')]).toEqual([2, 2]);
  expect((await explain('-e', '5400')).findings.map(({ exceeded }) => exceeded)).toEqual([true, true]);
});

test('other limits keep the count, another way of counting starts anew, and a reset empties the window', async () => {
  await apply('rules: [{ id: cap, limits: ["3/1d"], counting: rolling }]');
  await verdicts(3, { destination: '15551234567', extension: '5500' });
  await tollgate.run(['rules', 'set', 'cap', '--limit', '5/7d']);
  expect(await used('cap', '-e', '5500')).toBe(3);
  await tollgate.run(['rules', 'set', 'cap', '--counting', 'bucket']);
  expect(await used('cap', '-e', '5500')).toBe(0);
  await call({ destination: '15551234567', extension: '5500' });
  await tollgate.run(['rules', 'set', 'cap', '--counting', 'rolling']);
  expect(await used('cap', '-e', '5500')).toBe(3);
  await call({ destination: '15551234567', extension: '5501' });
  await tollgate.run(['rules', 'reset', 'cap', '--extension', '5500']);
  expect([await used('cap', '-e', '5500'), await used('cap', '-e', '5501')]).toEqual([0, 1]);
  await tollgate.run(['rules', 'reset', 'cap']);
  expect(await used('cap', '-e', '5501')).toBe(0);
});

test('the command line says the worst case of either way of counting, and refuses a window that is too large', async () => {
  await apply('rules: []');
  const rolling = await tollgate.run(['rules', 'add', 'seven', '--limit', '7/7d', '--counting', 'rolling']);
  expect(rolling.out).toContain('7 calls per 7 days; at worst 7 start within 7 days');
  const bucket = await tollgate.run(['rules', 'set', 'seven', '--counting', 'bucket']);
  expect(bucket.out).toContain('7 calls per 7 days; at worst 13 start within 7 days');
  await tollgate.run(['rules', 'set', 'seven', '--counting', 'rolling']);
  expect((await tollgate.run(['rules', 'list'])).out).toContain('7/7d, rolling');
  const tooLarge = await tollgate.run(['rules', 'set', 'seven', '--limit', '1001/1d']);
  expect(tooLarge.exitCode).toBe(1);
  expect(tooLarge.error).toContain(
    'limits[0]: "1001/1d" is more than a rolling window remembers, 1000 calls; use counting: bucket for more',
  );
  expect((await tollgate.run(['rules', 'set', 'seven', '--counting', 'sliding'])).exitCode).toBe(2);
});
