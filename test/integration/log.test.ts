/** The log of a real daemon: no called number in it, one line for each verdict, and its level while it runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

const stops: Array<() => unknown> = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});
async function start(env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> {
  const tollgate = await startTestDaemon({ env });
  stops.push(tollgate.stop);
  return tollgate;
}

/** Rules of every kind that says something of a number. */
const POLICY = `
homeCountry: US
dialling: { outside: ["9"], international: ["011"] }
rules:
  - { id: same-number, countPer: number, limits: [2/1h] }
  - { id: same-pair, countPer: extension-number, limits: [1/1h], action: alert }
  - { id: once, countPer: number, limits: [1/1h], mode: shadow }
  - { id: cuba, appliesTo: { destinations: [country:CU] }, action: approve, approval: { otherwise: block } }
  - { id: paced, countPer: number, limits: [1/1s], action: wait, maxWait: 2s }
  - { id: at-once, countPer: number, concurrent: 3 }
  - { id: afterwards, countPer: number, holdAfter: { conversation: 1h } }
`;
const DIALLED = ['15551234567', '915551234567', '+15557654321', '0115355512345', '1-555-987-6543', '5559998888'];
/** What stands for a number whatever was dialled before it. */
const TELLING = ['5551234567', '5557654321', '5355512345', '5559876543', '5559998888', '987-6543'];

describe('the log', () => {
  test('of a busy time has a line for each verdict with its layer, and no called number in full', async () => {
    const tollgate = await start();
    const { error } = await tollgate.run(['policy', 'apply', '-'], { input: POLICY });
    expect(error).toBe('');
    await tollgate.run(['bans', 'add', '203.0.113.9']);
    let calls = 0;
    const place = async (destination: string, more: object = {}): Promise<void> => {
      calls += 1;
      await placeAgiCall(tollgate.agiPort, { destination, extension: '1001', trunk: 'carrier-a', ...more });
    };
    for (let round = 0; round < 4; round++) await Promise.all(DIALLED.map((destination) => place(destination)));
    for (const destination of DIALLED) {
      await place(destination, { extension: '1002', source: '203.0.113.9' });
      await place(destination, { channel: `Local/${destination}@out-00000001;2` });
    }
    await placeAgiCall(tollgate.agiPort, { destination: '15551234567', request: 'no-such-path' });
    await place('911');
    for (const destination of DIALLED) await tollgate.run(['check', '--extension', '1001', '--', destination]);
    await sleep(300);
    const lines = tollgate.log.filter(({ level }) => level !== 'debug' && level !== 'trace');
    const verdicts = lines.filter(({ msg }) => msg === 'verdict');
    expect(verdicts).toHaveLength(calls);
    expect(new Set(verdicts.map(({ layer }) => layer))).toEqual(new Set(['rules', 'ban', 'emergency']));
    expect(new Set(verdicts.map(({ verdict }) => verdict)).size).toBeGreaterThan(2);
    // The reasons do speak of numbers.
    expect(verdicts.filter(({ reason }) => /\d\*+\d/.test(String(reason))).length).toBeGreaterThan(0);
    const telling = lines
      .map((line) => JSON.stringify(line))
      .filter((line) => TELLING.some((each) => line.includes(each)));
    expect(telling).toEqual([]);
    expect(verdicts.some(({ destination }) => destination === '911')).toBe(true);
  });

  test('has them in full where the configuration says so', async () => {
    const tollgate = await start({ TOLLGATE_LOG__NUMBERS: 'full' });
    await placeAgiCall(tollgate.agiPort, { destination: '15551234567' });
    expect(tollgate.log.find(({ msg }) => msg === 'verdict')).toMatchObject({ destination: '15551234567' });
  });

  test('has another level from one moment to the next, for a time, and the audit log says who did that', async () => {
    const tollgate = await start({ TOLLGATE_LOG__LEVEL: 'warn' });
    const quiet = await tollgate.run(['log', 'level', 'error']);
    expect(quiet).toEqual({
      exitCode: 0,
      out: 'The log level is error until the daemon ends; warn is configured.\n',
      error: '',
    });
    const before = tollgate.log.length;
    await placeAgiCall(tollgate.agiPort, { destination: '15551234567' });
    expect(tollgate.log).toHaveLength(before);
    const { out } = await tollgate.run(['log', 'level', 'info', '--for', '1s', '--json']);
    expect(JSON.parse(out)).toEqual({ level: 'info', configured: 'warn', until: expect.stringMatching(/^\d{4}-.*Z$/) });
    await placeAgiCall(tollgate.agiPort, { destination: '15551234567' });
    expect(tollgate.log.slice(before).map(({ msg }) => msg)).toContain('verdict');
    await sleep(1100);
    expect((await tollgate.run(['log', 'level'])).out).toBe('The log level is warn, as configured.\n');
    const audit = await tollgate.run(['audit', 'list', '--json']);
    expect(JSON.parse(audit.out)).toContainEqual(
      expect.objectContaining({ action: 'log.set', subject: 'log test', by: 'cli tester' }),
    );
  });

  test.each([
    [['log', 'level', 'loud'], /level: "loud" is not known/],
    [['log', 'level', '--for', '10m'], /--for needs a level/],
    [['log', 'level', 'debug', '--for', 'soon'], /10m/],
    [['log', 'level', 'debug', '--for', '30d'], /seconds/],
  ])('keeps its level on %j, and the message says what to write', async (args, message) => {
    const tollgate = await start();
    const { exitCode, error } = await tollgate.run(args);
    expect(exitCode).not.toBe(0);
    expect(error).toMatch(message);
    expect((await tollgate.run(['log', 'level'])).out).toBe('The log level is info, as configured.\n');
  });
});
