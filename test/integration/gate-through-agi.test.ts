/** The gate as a dialplan meets it: FastAGI requests to a real daemon with a real store. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ExplanationReport } from '../../src/gate/report.ts';
import { type AgiCall, placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());

const apply = (policy: string): Promise<void> => tollgate.apply(policy);
const call = (fields: AgiCall) => placeAgiCall(tollgate.agiPort, fields);
const used = async (rule: string, ...question: string[]): Promise<number | null | undefined> => {
  const { out } = await tollgate.run(['explain', '1555', ...question, '--json']);
  return (JSON.parse(out) as ExplanationReport).findings.find((finding) => finding.rule === rule)?.used;
};

describe('the answer', () => {
  test('an allowed call gets every variable of the contract, empty where it does not apply', async () => {
    await apply('rules: [{ id: one, limits: ["1/1h"] }]');
    const variables = await call({ destination: '15551234567', extension: '4001' });
    expect(variables).toEqual({
      TOLLGATE_VERDICT: 'allow',
      TOLLGATE_DECISION: expect.stringMatching(/^[0-9a-z]{15}$/),
      TOLLGATE_RULE: '',
      TOLLGATE_REASON: 'within every limit',
      TOLLGATE_RETRY_AFTER: '0',
      TOLLGATE_WAIT_MS: '',
      TOLLGATE_WHILE_WAITING: '',
      TOLLGATE_HANGUP_CAUSE: '',
      TOLLGATE_PROMPT: '',
      TOLLGATE_MAX_SECONDS: '',
      TOLLGATE_APPROVAL: '',
      TOLLGATE_HOLD_SECONDS: '',
      TOLLGATE_REPORT: '',
      __TOLLGATE_CALL: expect.any(String),
    });
  });

  test('a refused call gets rule, reason, cause, prompt and when it would pass', async () => {
    await apply('rules: [{ id: hourly, limits: ["1/1h"], hangupCause: 17, prompt: custom/busy }]');
    await call({ destination: '15551234567', extension: '4002' });
    expect(await call({ destination: '15551234567', extension: '4002' })).toMatchObject({
      TOLLGATE_VERDICT: 'block',
      TOLLGATE_RULE: 'hourly',
      TOLLGATE_REASON: 'Rule hourly refuses: extension 4002 has used 1 of 1 call per 1 hour',
      TOLLGATE_RETRY_AFTER: '3600',
      TOLLGATE_HANGUP_CAUSE: '17',
      TOLLGATE_PROMPT: 'custom/busy',
    });
  });

  test('a rule that refuses every call leaves TOLLGATE_RETRY_AFTER empty, and an alert is an allow with its rule', async () => {
    await apply(
      'rules: [{ id: never, appliesTo: { extensions: ["4003"] }, prompt: none }, { id: watch, appliesTo: { extensions: ["4004"] }, action: alert }]',
    );
    expect(await call({ destination: '1555', extension: '4003' })).toMatchObject({
      TOLLGATE_VERDICT: 'block',
      TOLLGATE_RETRY_AFTER: '',
      TOLLGATE_PROMPT: '',
    });
    expect(await call({ destination: '1555', extension: '4004' })).toMatchObject({
      TOLLGATE_VERDICT: 'allow',
      TOLLGATE_RULE: 'watch',
    });
  });

  test('another request path leaves no verdict and says which one to use', async () => {
    expect(await call({ request: 'chekc', destination: '1555' })).toEqual({
      TOLLGATE_VERDICT: '',
      TOLLGATE_REASON: 'Tollgate has no request /chekc - the dialplan must ask for /check or /outcome',
    });
  });

  test('arguments may come as a query instead', async () => {
    await apply('rules: [{ id: q, appliesTo: { extensions: ["4005"] }, hangupCause: 3 }]');
    const variables = await call({ request: 'check?destination=15551234567&extension=4005' });
    expect(variables).toMatchObject({ TOLLGATE_VERDICT: 'block', TOLLGATE_HANGUP_CAUSE: '3' });
  });

  test('nothing in a request can add a variable or reach a dialplan expression', async () => {
    await apply('trunks: { "t": {} }\nrules: [{ id: r, name: "${SHELL(id)}", countPer: trunk }]');
    const hostile = 'x",TOLLGATE_VERDICT=allow,EVIL="${SHELL(touch /tmp/x)}|$[1+1]\\';
    const variables = await call({ destination: hostile, extension: hostile, trunk: hostile, campaign: hostile });
    expect(variables['TOLLGATE_VERDICT']).toBe('block');
    expect(Object.keys(variables)).toHaveLength(14);
    for (const value of Object.values(variables)) expect(value).toMatch(/^[A-Za-z0-9.:_+\-/#*@=%~ ]*$/);
  });
});

describe('who is calling', () => {
  test('the extension is the endpoint of the channel, whatever the caller id says', async () => {
    await apply('rules: [{ id: mine, appliesTo: { extensions: ["sip-desk-7"] } }]');
    expect(await call({ destination: '1555', channel: 'PJSIP/sip-desk-7-0000002a' })).toMatchObject({
      TOLLGATE_VERDICT: 'block',
    });
    expect(await call({ destination: '1555', channel: 'PJSIP/1001-0000002b' })).toMatchObject({
      TOLLGATE_VERDICT: 'allow',
    });
  });

  test('what the dialplan passes goes before the channel', async () => {
    await apply('rules: [{ id: mine, appliesTo: { extensions: ["4100"] } }]');
    expect(await call({ destination: '1555', extension: '4100', channel: 'PJSIP/1001-0000002b' })).toMatchObject({
      TOLLGATE_VERDICT: 'block',
    });
  });

  test('calls whose extension nobody knows are counted together', async () => {
    await apply('rules: [{ id: each, limits: ["2/1h"] }]');
    const verdicts = [];
    for (const number of ['1', '2', '3']) {
      const channel = `Local/${number}@out-0000000${number};2`;
      verdicts.push((await call({ destination: `1555${number}`, channel }))['TOLLGATE_VERDICT']);
    }
    expect(verdicts).toEqual(['allow', 'allow', 'block']);
  });
});

describe('one call is charged once', () => {
  test('a repeated request of the same channel charges nothing again and gets the same verdict', async () => {
    await apply('rules: [{ id: person, limits: ["3/1h"] }]');
    for (let turn = 0; turn < 5; turn++) {
      expect(await call({ destination: '15551234567', extension: '4200', uniqueId: 'loop.1' })).toMatchObject({
        TOLLGATE_VERDICT: 'allow',
      });
    }
    expect(await used('person', '-e', '4200')).toBe(1);
  });

  test('another destination from the same channel is another call', async () => {
    await apply('rules: [{ id: person, limits: ["5/1h"] }]');
    for (const destination of ['15551234567', '15551234568'])
      await call({ destination, extension: '4201', uniqueId: 'two.1' });
    expect(await used('person', '-e', '4201')).toBe(2);
  });

  test('a second trunk charges that trunk and nobody else again', async () => {
    await apply(
      'trunks: { a: {}, b: {} }\nrules: [{ id: person, limits: ["5/1h"] }, { id: line, countPer: trunk, limits: ["5/1h"] }, { id: all, countPer: system, limits: ["50/1h"] }]',
    );
    const first = { destination: '15551234567', extension: '4202', uniqueId: 'trunk.1' };
    const before = (await used('all', '-e', '4202')) ?? 0;
    await call({ ...first, trunk: 'a' });
    await call({ ...first, trunk: 'b' });
    expect(await used('person', '-e', '4202')).toBe(1);
    expect([await used('line', '-t', 'a'), await used('line', '-t', 'b')]).toEqual([1, 1]);
    expect(((await used('all', '-e', '4202')) ?? 0) - before).toBe(1);
  });

  test('a channel made by the first is the same call only under the same linked id', async () => {
    await apply('rules: [{ id: person, limits: ["9/1h"] }]');
    const destination = '15551234567';
    const first = await call({ destination, extension: '4203', uniqueId: 'leg.1', linkedId: 'leg.1' });
    const token = first['__TOLLGATE_CALL'] ?? '';
    await call({ destination, extension: '4203', uniqueId: 'leg.2', linkedId: 'leg.1', call: token });
    expect(await used('person', '-e', '4203')).toBe(1);
    await call({ destination, extension: '4203', uniqueId: 'leg.3', linkedId: 'leg.3', call: token });
    expect(await used('person', '-e', '4203')).toBe(2);
    await call({ destination: '15559999999', extension: '4203', uniqueId: 'leg.2', linkedId: 'leg.1', call: token });
    expect(await used('person', '-e', '4203')).toBe(3);
  });

  test('a refused call costs nothing at any rule, however often it asks', async () => {
    await apply('rules: [{ id: person, limits: ["9/1h"] }, { id: two, countPer: system, limits: ["2/1h"] }]');
    for (let turn = 0; turn < 6; turn++) await call({ destination: '15551234567', extension: '4204' });
    expect(await used('person', '-e', '4204')).toBe(2);
  });
});

test('a caller whose connection breaks before the answer gets back what the call took', async () => {
  await apply('rules: [{ id: person, limits: ["9/1h"] }]');
  const { openAgiClient } = await import('../support/agi-client.ts');
  const { requestEnvironment } = await import('../support/agi-environment.ts');
  for (let turn = 0; turn < 20; turn++) {
    const client = openAgiClient({ host: '127.0.0.1', port: tollgate.agiPort });
    client.socket.write(requestEnvironment('check', ['15551234567', 'carrier-a', '4300']));
    client.socket.write('HANGUP\n');
    await client.ended;
    client.socket.destroy();
  }
  await expect.poll(() => used('person', '-e', '4300')).toBe(0);
});
