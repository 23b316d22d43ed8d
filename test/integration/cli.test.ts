/** The command line against a real daemon with a real store. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { DecisionReport, ExplanationReport } from '../../src/gate/report.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { runCli } from '../support/command-line.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;
let folder: string;

beforeAll(async () => {
  tollgate = await startTestDaemon();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-cli-'));
});
afterAll(async () => {
  await tollgate.stop();
  await rm(folder, { recursive: true, force: true });
});

const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await ok(...args, '--json')) as T;
const apply = (policy: string): Promise<void> => tollgate.apply(policy);

describe('exit codes', () => {
  test('an unknown command or option is wrong usage, with the nearest one named', async () => {
    const command = await tollgate.run(['rule', 'list']);
    expect(command.exitCode).toBe(2);
    expect(command.error).toContain('Did you mean rules?');
    const option = await tollgate.run(['rules', 'add', 'x', '--limits', '5/1s']);
    expect(option.exitCode).toBe(2);
    expect(option.error).toContain('--limit');
  });

  test('help is an answer and shows an example', async () => {
    for (const args of [
      ['--help'],
      ['rules', 'add', '--help'],
      ['check', '--help'],
      ['policy', 'apply', '--help'],
      ['groups', 'set', '--help'],
    ]) {
      const { exitCode, out } = await tollgate.run(args);
      expect({ args, exitCode }).toEqual({ args, exitCode: 0 });
      expect(out).toMatch(/Example|Start with/);
    }
  });

  test('a daemon that is not running is exit code 3 and the message says how to start it', async () => {
    const { exitCode, error } = await runCli(folder, ['status'], { input: '', signal: new AbortController().signal });
    expect(exitCode).toBe(3);
    expect(error).toContain('tollgate serve');
  });

  test('a thing that does not exist is exit code 1 with the nearest one named', async () => {
    const { exitCode, error } = await tollgate.run(['rules', 'show', 'defualt']);
    expect(exitCode).toBe(1);
    expect(error).toContain('there is no rule "defualt"; did you mean default?');
  });
});

describe('policy', () => {
  test('what policy show prints can be applied again and changes nothing', async () => {
    const shown = await ok('policy', 'show');
    const { out } = await tollgate.run(['policy', 'diff', '-'], { input: shown });
    expect(out).toBe('No difference.\n');
    expect(parse(shown)).toEqual(await json('policy', 'show'));
  });

  test('a file is applied whole; diff shows it before', async () => {
    const file = join(folder, 'policy.yaml');
    await writeFile(
      file,
      'groups: { sales: { members: [2001, 2010-2020] } }\nrules: [{ id: sales, appliesTo: { groups: [sales] }, limits: ["3/1h"] }]\n',
    );
    expect(await ok('policy', 'diff', file)).toMatch(/^\+ {2}- id: sales$/m);
    expect(await ok('policy', 'apply', file, '--dry-run')).toContain('Nothing was changed');
    expect(await json<unknown[]>('groups', 'list')).toEqual([]);
    expect(await ok('policy', 'apply', file)).toContain('is in force');
    expect(await json('groups', 'list')).toEqual([{ id: 'sales', members: ['2001', '2010-2020'] }]);
  });

  test('every mistake of a file is reported at once with its line, and nothing is changed', async () => {
    const file = join(folder, 'bad.yaml');
    await writeFile(
      file,
      'rules:\n  - id: one\n    limit: ["5/1s"]\n  - id: two\n    limits: ["0/1d"]\n    action: blok\n',
    );
    const before = await ok('policy', 'show');
    const { exitCode, error } = await tollgate.run(['policy', 'apply', file]);
    expect(exitCode).toBe(1);
    expect(error).toContain(`${file}:3: rules[0].limit: unknown key; did you mean limits?`);
    expect(error).toContain(`${file}:5: rules[1].limits[0]: "0/1d" would never let a call pass`);
    expect(error).toContain(`${file}:6: rules[1].action: "blok" is not known; did you mean block?`);
    expect(error).toContain('3 mistakes; nothing was changed');
    expect(await ok('policy', 'show')).toBe(before);
  });

  test('a file that is no YAML, or is not there, is a clear error', async () => {
    expect((await tollgate.run(['policy', 'apply', join(folder, 'missing.yaml')])).error).toContain('cannot be read');
    const { exitCode, error } = await tollgate.run(['policy', 'apply', '-'], { input: 'rules: [' });
    expect(exitCode).toBe(1);
    expect(error).not.toBe('');
  });
});

describe('rules', () => {
  test('a rule is added, changed, disabled, enabled and removed, and can be brought back from what remove printed', async () => {
    await apply('rules: []');
    expect(await ok('rules', 'list')).toContain('There are no rules');
    const added = await json(
      'rules',
      'add',
      'burst',
      '--extension',
      '1001,1005-1009',
      '--limit',
      '5/1s',
      '--limit',
      '100/1h',
      '--action',
      'alert',
    );
    expect(added).toMatchObject({
      id: 'burst',
      appliesTo: { extensions: ['1001', '1005-1009'] },
      limits: ['5/1s', '100/1h'],
      action: 'alert',
      enabled: true,
    });
    expect(await json('rules', 'set', 'burst', '--limit', '7/1s', '--when-store-fails', 'block')).toMatchObject({
      limits: ['7/1s'],
      action: 'alert',
      whenStoreFails: 'block',
    });
    expect(await json('rules', 'disable', 'burst')).toMatchObject({ enabled: false });
    expect(await json('rules', 'enable', 'burst')).toMatchObject({ enabled: true });
    const removed = await ok('rules', 'remove', 'burst');
    const yaml = removed.slice(removed.indexOf('\n') + 1);
    const back = await tollgate.run(['rules', 'add', '--file', '-', '--json'], { input: yaml });
    expect(JSON.parse(back.out)).toMatchObject({
      id: 'burst',
      limits: ['7/1s'],
      action: 'alert',
      whenStoreFails: 'block',
    });
  });

  test('rules show says what the rule permits at worst', async () => {
    await apply('rules: [{ id: five, limits: ["5/1s"] }]');
    expect(await ok('rules', 'show', 'five')).toContain('5 calls per 1 second; at worst 9 start within 1 second');
  });

  test('pace, ceilings and outcomes are set by options and taken away again', async () => {
    await apply('trunks: { carrier-a: {} }\nrules: []');
    const pace = ['--trunk', 'carrier-a', '--count-per', 'trunk', '--limit', '20/1s', '--action', 'wait'];
    const waits = ['--max-wait', '5s', '--max-queue', '10', '--burst', '1', '--while-waiting', 'ringing'];
    const ceilings = ['--concurrent', '30', '--max-duration', '60m'];
    const added = await json('rules', 'add', 'pace', ...pace, ...waits, ...ceilings, '--hold-after', 'answered=7d');
    const outcomes = ['--give-back-on', 'busy,failed', '--give-back-on', 'cancelled'];
    const week = await json('rules', 'add', 'week', '--limit', '7/7d', '--counting', 'rolling', ...outcomes);
    expect(week).toMatchObject({ giveBackOn: ['busy', 'failed', 'cancelled'] });
    expect(await json('rules', 'set', 'week', '--no-give-back-on')).not.toHaveProperty('giveBackOn');
    const fields = {
      maxWait: '5s',
      maxQueue: 10,
      burst: 1,
      whileWaiting: 'ringing',
      concurrent: 30,
      maxDuration: '60m',
      holdAfter: { answered: '7d' },
    };
    expect(added).toMatchObject({ action: 'wait', limits: ['20/1s'], ...fields });
    expect(await json('rules', 'set', 'pace', '--hold-after', 'conversation=1h')).toMatchObject({
      ...fields,
      holdAfter: { conversation: '1h' },
    });
    for (const field of Object.keys(fields)) {
      const option = `--no-${field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      expect(await json('rules', 'set', 'pace', option)).not.toHaveProperty(field);
    }
    expect(await json('rules', 'show', 'pace')).toMatchObject({ action: 'wait', limits: ['20/1s'] });
  });

  test('a value of an option that is none changes nothing and is told in the words of the policy', async () => {
    await apply('rules: [{ id: four, concurrent: 4 }]');
    for (const [words, ...args] of [
      ['concurrent: is not a number of calls at once', '--concurrent', 'many'],
      ['burst: is not a number of calls', '--burst', '1.5'],
      ['maxDuration: is not a length of time from 1s to 1d', '--max-duration', '2d'],
      [
        'giveBackOn[1]: "answered" is not known',
        '--limit',
        '1/1h',
        '--counting',
        'rolling',
        '--give-back-on',
        'busy,answered',
      ],
      ['holdAfter.busy: unknown key', '--hold-after', 'busy=1h'],
      ['hangupCause: is not a hang-up cause', '--hangup-cause', 'busy'],
    ] as const) {
      const { exitCode, error } = await tollgate.run(['rules', 'set', 'four', ...args]);
      expect({ args, exitCode, error }).toEqual({ args, exitCode: 1, error: expect.stringContaining(words) });
    }
    const hold = await tollgate.run(['rules', 'set', 'four', '--hold-after', '7d']);
    expect(hold.exitCode).toBe(2);
    expect(hold.error).toContain('"7d" is no hold; write an outcome and a time such as answered=7d');
    expect(await json('rules', 'show', 'four')).toMatchObject({ concurrent: 4, hangupCause: 21 });
  });

  test('rules show and list say pace and ceilings in words', async () => {
    await apply(
      'rules: [{ id: pace, limits: ["20/1s"], action: wait, burst: 1, maxWait: 5s, concurrent: 4, maxDuration: 60m }]',
    );
    const shown = await ok('rules', 'show', 'pace');
    expect(shown).toContain('  20 calls per 1 second; at worst 20 leave within 1 second\n');
    expect(shown).toContain('  one call every 50 ms, at most 100 wait, none longer than 5 s\n');
    expect(shown).toContain('  at most 4 calls at once\n  no call longer than 60 min\n');
    expect(await ok('rules', 'list')).toContain('20/1s, one every 50 ms; 4 at once; none over 60 min');
  });

  test('mistakes of one rule are named by its own fields', async () => {
    await apply('rules: [{ id: five, limits: ["5/1s"] }]');
    const { exitCode, error } = await tollgate.run(['rules', 'add', 'six', '--trunk', 'nowhere', '--limit', '6/1s']);
    expect(exitCode).toBe(1);
    expect(error).toContain('appliesTo.trunks[0]: there is no trunk "nowhere"');
    expect((await tollgate.run(['rules', 'add', 'five', '--limit', '6/1s'])).error).toContain('id: "five" is taken');
  });
});

describe('groups, extensions and trunks', () => {
  test('each can be set, shown, listed and removed; members can be added and dropped', async () => {
    await apply('rules: []');
    await ok('groups', 'set', 'centre', '--name', 'Call centre', '--members', '2001-2050');
    expect(await json('groups', 'set', 'centre', '--add-members', '21xx')).toEqual({
      id: 'centre',
      name: 'Call centre',
      members: ['2001-2050', '21xx'],
    });
    expect(await json('groups', 'set', 'centre', '--drop-members', '2001-2050')).toMatchObject({ members: ['21xx'] });
    await ok('extensions', 'set', '1001', '--name', 'Reception');
    await ok('trunks', 'set', 'carrier-a', '--name', 'Carrier A');
    expect(await json('extensions', 'list')).toEqual([{ id: '1001', name: 'Reception' }]);
    expect(await json('trunks', 'show', 'carrier-a')).toEqual({ id: 'carrier-a', name: 'Carrier A' });
    expect(await ok('groups', 'list')).toContain('Call centre');
    expect(await json('groups', 'remove', 'centre')).toMatchObject([{ id: 'centre' }]);
    expect(await ok('groups', 'list')).toContain('There are no groups yet');
  });

  test('a group that a rule refers to cannot be removed', async () => {
    await apply(
      'groups: { centre: { members: ["2001"] } }\nrules: [{ id: r, appliesTo: { groups: [centre] }, limits: ["1/1s"] }]',
    );
    const { exitCode, error } = await tollgate.run(['groups', 'remove', 'centre']);
    expect(exitCode).toBe(1);
    expect(error).toContain('group "centre" is used by rule r');
  });
});

describe('calls', () => {
  const call = (extension: string, destination: string, trunk = 'carrier-a') =>
    placeAgiCall(tollgate.agiPort, { destination, trunk, extension });

  test('check says what would happen, spends nothing, and its exit code is the answer', async () => {
    await apply('rules: [{ id: two, limits: ["2/1h"] }]');
    for (let turn = 0; turn < 5; turn++)
      expect(await json<ExplanationReport>('check', '15551234567', '-e', '3001')).toMatchObject({
        verdict: 'allow',
        rule: null,
      });
    await call('3001', '15551234567');
    await call('3001', '15551234568');
    const { exitCode, out } = await tollgate.run(['check', '15551234567', '-e', '3001']);
    expect(exitCode).toBe(1);
    expect(out).toContain('BLOCK');
    expect(out).toContain('Rule two refuses: extension 3001 has used 2 of 2 calls per 1 hour.');
    expect(out).toContain('It would be allowed in 30 min.');
  });

  test('explain shows every rule, why it applies or not, and its counts', async () => {
    await apply(
      'trunks: { b: {} }\nrules: [{ id: two, limits: ["2/1h"] }, { id: off, enabled: false }, { id: other, appliesTo: { trunks: [b] }, limits: ["1/1s"] }]',
    );
    const { findings } = await json<ExplanationReport>('explain', '15551234567', '-e', '3002', '-t', 'a');
    expect(findings).toMatchObject([
      { rule: 'two', applies: true, limit: '2/1h', used: 0, remaining: 2, mode: 'enforce' },
      { rule: 'off', applies: false, because: 'the rule is disabled' },
      { rule: 'other', applies: false, because: 'trunk a is not in b' },
    ]);
  });

  test('check and explain say how long a call would wait, which is a call that may go', async () => {
    await apply('rules: [{ id: pace, limits: ["1/10s"], action: wait, burst: 1, maxWait: 15s, maxDuration: 60m }]');
    await call('3010', '15551234567');
    const { exitCode, out } = await tollgate.run(['explain', '15551234567', '-e', '3010']);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/^WAIT {2}extension 3010 to 15551234567/);
    expect(out).toMatch(/^It would wait \d+(?:\.\d)? s for its place, and then go\.$/m);
    expect(out).toContain('It would be ended after 60 min.');
    expect(out).toMatch(/^pace +waits \d+(?:\.\d)? s +wait +extension 3010 +1\/10s/m);
    const report = await json<ExplanationReport>('check', '15551234567', '-e', '3010');
    expect(report).toMatchObject({ verdict: 'wait', rule: 'pace', maxSeconds: 3600, retryAfterSeconds: 0 });
    expect(report.waitMs).toBeGreaterThan(5000);
    expect(report.findings[0]?.waitMs).toBe(report.waitMs);

    const variables = await call('3010', '15551234568');
    expect(variables['TOLLGATE_VERDICT']).toBe('wait');
    const id = variables['TOLLGATE_DECISION'] ?? '';
    await expect.poll(() => json<DecisionReport[]>('calls', 'list', '--verdict', 'wait')).toMatchObject([{ id }]);
    expect(await ok('calls', 'list', '--verdict', 'wait')).toMatch(/ {2}wait \d+(?:\.\d)? s {2}/);
    expect(await ok('calls', 'show', id)).toMatch(/^It was to wait \d+(?:\.\d)? s for its place, and then go\.$/m);
    // The place of the third would be later than anybody waits.
    const third = await tollgate.run(['check', '15551234567', '-e', '3010']);
    expect(third.exitCode).toBe(1);
    expect(third.out).toContain('has no place left within 15000 ms');
  });

  test('explain says how many calls there are at once, and when there is room is told without a time', async () => {
    await apply('rules: [{ id: two, concurrent: 2, holdAfter: { answered: 7d } }]');
    await call('3011', '15551234567');
    const room = await tollgate.run(['explain', '15551234567', '-e', '3011']);
    expect(room.exitCode).toBe(0);
    expect(room.out).toMatch(/^two +passes +block +extension 3011 +2 at once +1 → 2 of 2 at once/m);
    expect(room.out).toMatch(/^ +extension 3011 +hold 7d +free$/m);
    await call('3011', '15551234568');
    const full = await tollgate.run(['explain', '15551234567', '-e', '3011']);
    expect(full.exitCode).toBe(1);
    expect(full.out).toContain('Rule two refuses: extension 3011 has 2 of 2 calls at once.');
    expect(full.out).toContain('It would be allowed as soon as one of the calls under way is over.');
    expect(full.out).toContain('2 of 2 at once');
  });

  test('explain says of a first call that it waits for a person, and not for other calls to end', async () => {
    await apply(
      'homeCountry: US\nrules: [{ id: first, appliesTo: { destinations: [international] }, firstCallTo: { what: country, within: 90d }, action: approve }]',
    );
    const { out } = await tollgate.run(['explain', '+5352345678', '-e', '3012']);
    expect(out).toContain('has not reached Cuba in the last 90 days');
    expect(out).not.toContain('calls under way');
    expect(out).toContain('It would be allowed as soon as a person approves it.');
  });

  test('explain at a later time knows that the limit has refilled by then', async () => {
    await apply('rules: [{ id: one, limits: ["1/1h"] }]');
    await call('3003', '15551234567');
    const later = new Date(Date.now() + 3_600_000).toISOString();
    expect((await tollgate.run(['check', '15551234567', '-e', '3003'])).exitCode).toBe(1);
    expect((await tollgate.run(['check', '15551234567', '-e', '3003', '--at', later])).exitCode).toBe(0);
  });

  test('reset makes the bucket of one extension full again, or of all', async () => {
    await apply('rules: [{ id: one, limits: ["1/1h"] }]');
    for (const extension of ['3004', '3005']) await call(extension, '15551234567');
    const blocked = async (extension: string): Promise<boolean> =>
      (await tollgate.run(['check', '1555', '-e', extension])).exitCode === 1;
    await ok('rules', 'reset', 'one', '--extension', '3004');
    expect([await blocked('3004'), await blocked('3005')]).toEqual([false, true]);
    await ok('rules', 'reset', 'one');
    expect(await blocked('3005')).toBe(false);
    expect((await tollgate.run(['rules', 'reset', 'one', '--trunk', 'a'])).error).toContain('counts per extension');
  });

  test('refused calls are listed, filtered, paged, shown and followed; plain allows are not kept', async () => {
    await apply('rules: [{ id: none, appliesTo: { extensions: ["3006"] } }]');
    const abort = new AbortController();
    let seen = '';
    const following = tollgate.run(['calls', 'tail', '--json'], {
      signal: abort.signal,
      onOutput: (text) => (seen += text),
    });
    await expect
      .poll(async () => {
        await call('3007', '15550000001');
        return seen;
      })
      .toContain('15550000001');
    for (let turn = 0; turn < 5; turn++) await call('3006', `1555000010${turn}`);
    await expect.poll(async () => (await json<unknown[]>('calls', 'list', '-e', '3006')).length).toBe(5);
    const list = await json<DecisionReport[]>('calls', 'list', '-e', '3006', '-n', '2');
    expect(list.map((each) => each.destination)).toEqual(['15550000104', '15550000103']);
    expect(await json('calls', 'show', list[0]?.id ?? '')).toEqual(list[0]);
    expect(await json<unknown[]>('calls', 'list', '-e', '3007')).toEqual([]);
    expect(await json<unknown[]>('calls', 'list', '--destination', '0000102')).toHaveLength(1);
    abort.abort();
    expect((await following).exitCode).toBe(0);
    const lines = seen
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as DecisionReport);
    expect(lines.filter((each) => each.extension === '3006')).toHaveLength(5);
    const missing = await tollgate.run(['calls', 'show', 'nonsense']);
    expect(missing.exitCode).toBe(1);
    expect(missing.error).toContain('plain allows are counted and not kept');
  });

  test('a plain allow that was just made can still be shown by its decision', async () => {
    await apply('rules: [{ id: one, limits: ["1/1h"] }]');
    const variables = await call('3008', '15551234567');
    expect(await json('calls', 'show', variables['TOLLGATE_DECISION'] ?? '')).toMatchObject({
      verdict: 'allow',
      extension: '3008',
    });
  });
});

test('status names every part and its exit code is 0 while all work', async () => {
  const status = await json<{ state: string; parts: { name: string; state: string }[] }>('status');
  expect(status.state).toBe('working');
  expect(status.parts.map(({ name, state }) => [name, state])).toEqual([
    ['store', 'up'],
    ['FastAGI', 'up'],
    ['HTTP', 'up'],
    ['journal', 'up'],
    ['alerts', 'up'],
    ['automatic bans', 'up'],
    ['firewall', 'up'],
  ]);
});
