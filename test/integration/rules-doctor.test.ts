/** Templates, shadow and the doctor of rules: the command line against a real daemon with a real store. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RulesDoctorReport } from '../../src/api/doctor-routes.ts';
import type { AddedTemplate, TemplateReport } from '../../src/api/templates-routes.ts';
import { createClient } from '../../src/cli/client.ts';
import { CONTROL_SOCKET } from '../../src/daemon.ts';
import type { DecisionReport } from '../../src/gate/report.ts';
import type { ShadowReport } from '../../src/gate/shadow-report.ts';
import type { RuleDocument } from '../../src/policy/document.ts';
import type { RuleFinding } from '../../src/policy/rules-doctor.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

let tollgate: TestDaemon;

beforeAll(async () => {
  tollgate = await startTestDaemon();
});
afterAll(() => tollgate.stop());

const run = (...args: string[]) => tollgate.run(args);
const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await run(...args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await ok(...args, '--json')) as T;
const apply = async (policy: string): Promise<void> => {
  const { exitCode, error } = await tollgate.run(['policy', 'apply', '-'], { input: policy });
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
};
const call = (extension: string, destination: string, trunk = 'carrier-a') =>
  placeAgiCall(tollgate.agiPort, { destination, trunk, extension });
const ask = <T>(path: string): Promise<T> =>
  createClient({ socketPath: `${tollgate.stateDir}/${CONTROL_SOCKET}`, user: 'tester' }).ask<T>('GET', path);

describe('templates', () => {
  const OPTIONS: Readonly<Record<string, readonly string[]>> = {
    'call-centre': ['--members', '2001-2050,21xx'],
    contractors: ['--members', '3001'],
    'carrier-cps': ['--trunk', 'carrier-a'],
    'trunk-cps': ['--trunk', 'carrier-a'],
  };

  test('each is listed with what it permits and can be added beside all others', async () => {
    await apply('rules: []');
    const templates = await json<TemplateReport[]>('rules', 'templates');
    const listed = await ok('rules', 'templates');
    for (const { name, says } of templates) {
      expect(listed).toContain(`tollgate rules add --template ${name}`);
      expect(says).toMatch(/at worst \d+ (?:calls? (?:starts?|go)|leave|hours of each call)/);
      const added = await json<AddedTemplate>('rules', 'add', '--template', name, ...(OPTIONS[name] ?? []));
      expect(added).toMatchObject({ id: name, template: name, mode: 'enforce' });
      expect(added.action).toBe(name === 'trunk-cps' ? 'wait' : 'block');
    }
    const rules = await json<RuleDocument[]>('rules', 'list');
    expect(rules.map(({ id }) => id)).toEqual(templates.map(({ name }) => name));
    expect(await json('groups', 'show', 'call-centre')).toMatchObject({ members: ['2001-2050', '21xx'] });
    expect(await json('trunks', 'list')).toEqual([{ id: 'carrier-a' }]);
    const schedules = await json<{ readonly id: string }[]>('schedules', 'list');
    expect(schedules.map(({ id }) => id)).toEqual(['after-hours', 'calling-hours', 'calling-hours-florida']);
  });

  test('what is there is used as it is, and the answer says so', async () => {
    await apply('groups: { call-centre: { members: ["7001"] } }\nrules: []');
    const out = await ok('rules', 'add', '--template', 'call-centre', '--members', '2001,2002', '--shadow');
    expect(out).toContain('Rule call-centre is in shadow');
    expect(out).toContain('Already there and used as it is: group call-centre.');
    expect(out).toContain('tollgate groups set call-centre --add-members 2001,2002');
    expect(await json('groups', 'show', 'call-centre')).toEqual({ id: 'call-centre', members: ['7001'] });
  });

  test('a template without what it needs says what is still missing', async () => {
    await apply('rules: []');
    expect(await ok('rules', 'add', '--template', 'call-centre')).toContain('Group call-centre has no members.');
    const { findings } = await json<AddedTemplate>('rules', 'add', '--template', 'international');
    expect(findings.map(({ check }) => check).sort()).toEqual(['empty-scope', 'needs-home-country']);
  });

  test('a taken id, a foreign option and a template that does not exist are refused and change nothing', async () => {
    await apply('rules: [{ id: staff, limits: ["5/1m"] }]');
    const before = await ok('policy', 'show');
    const refused = async (exitCode: number, words: string, ...args: string[]): Promise<void> => {
      const answer = await run('rules', 'add', ...args);
      expect({ args, exitCode: answer.exitCode }).toEqual({ args, exitCode });
      expect(answer.error).toContain(words);
    };
    await refused(1, 'id: "staff" is taken', '--template', 'staff');
    await refused(1, 'members: is of no use', '--template', 'high-risk', '--members', '1');
    await refused(1, 'trunk: is missing', '--template', 'carrier-cps');
    await refused(1, 'trunk: is not an id', '--template', 'carrier-cps', '--trunk', 'no good');
    await refused(1, 'members[1]: "9-1" runs backwards', '--template', 'contractors', '--members', '1,9-1');
    await refused(1, 'id: is not an id', '--template', 'high-risk', '--id', 'no good');
    await refused(1, 'there is no template "staf"; did you mean staff?', '--template', 'staf');
    await refused(2, '--limit does not go with --template', '--template', 'high-risk', '--limit', '1/1s');
    await refused(2, '--no-limits does not go with --template', '--template', 'high-risk', '--no-limits');
    await refused(2, '--members goes with --template only', 'x', '--members', '1');
    await refused(2, 'which id', 'one', '--template', 'high-risk', '--id', 'two');
    expect(await ok('policy', 'show')).toBe(before);
    expect(await json('rules', 'add', '--template', 'staff', '--id', 'staff-2')).toMatchObject({ id: 'staff-2' });
    expect(await json('rules', 'add', 'staff-3', '--template', 'staff')).toMatchObject({ id: 'staff-3' });
  });

  test('many added at once are all there, each with its pieces', async () => {
    await apply('rules: []');
    const ids = Array.from({ length: 12 }, (_, index) => `cps-${index}`);
    await Promise.all([
      ...ids.map((id) => ok('rules', 'add', '--template', 'carrier-cps', '--id', id, '--trunk', `trunk-${id}`)),
      ok('rules', 'add', '--template', 'after-hours'),
      ok('rules', 'add', '--template', 'contractors'),
    ]);
    const rules = await json<RuleDocument[]>('rules', 'list');
    expect(rules.map(({ id }) => id).sort()).toEqual([...ids, 'after-hours', 'contractors'].sort());
    expect(await json<unknown[]>('trunks', 'list')).toHaveLength(ids.length);
  });

  test('of two that are added under one id at once, one is refused', async () => {
    await apply('rules: []');
    const answers = await Promise.all([1, 2].map(() => run('rules', 'add', '--template', 'staff')));
    expect(answers.map(({ exitCode }) => exitCode).sort()).toEqual([0, 1]);
    expect(await json<unknown[]>('rules', 'list')).toHaveLength(1);
  });
});

describe('shadow', () => {
  test('a rule counts and reports in shadow and acts once it is enforced, from what it counted', async () => {
    await apply('rules: [{ id: trial, limits: ["2/1h"] }, { id: all, limits: ["5/1h"], countPer: system }]');
    expect(await ok('rules', 'shadow', 'trial')).toContain('tollgate calls list --shadow trial');
    expect(await json('rules', 'show', 'trial')).toMatchObject({ mode: 'shadow' });
    expect(await ok('rules', 'show', 'trial')).toContain('would have acted on no call in the last 24 hours');
    const verdicts: unknown[] = [];
    for (const extension of ['4001', '4001', '4001', '4001', '4002', '4001', '4002']) {
      verdicts.push((await call(extension, `1555${verdicts.length}`))['TOLLGATE_VERDICT']);
    }
    expect(verdicts).toEqual(['allow', 'allow', 'allow', 'allow', 'allow', 'block', 'block']);

    const acted = () => json<DecisionReport[]>('calls', 'list', '--shadow', 'trial');
    await expect.poll(async () => (await acted()).length).toBe(3);
    expect((await acted()).map((each) => [each.extension, each.verdict, each.rule])).toEqual([
      ['4001', 'block', 'all'],
      ['4001', 'allow', null],
      ['4001', 'allow', null],
    ]);
    const table = await ok('calls', 'list', '--shadow', 'trial');
    expect(table.match(/allow.*trial \(shadow\)/g)).toHaveLength(2);
    expect(table).toMatch(/block.*\ball\b/);
    expect(await json<unknown[]>('calls', 'list', '--shadow', 'all')).toEqual([]);
    expect(await json<unknown[]>('calls', 'list', '--shadow', 'trial', '-n', '1')).toHaveLength(1);

    const shown = await ok('rules', 'show', 'trial');
    expect(shown).toContain('would have acted on 3 calls in the last 24 hours, of which other rules refused 1');
    expect(shown).toContain('most: 4001 (3)');
    expect(shown).toContain('tollgate calls list --shadow trial');
    expect(await ask<ShadowReport>('/api/v1/rules/trial/shadow-report')).toMatchObject({
      rule: 'trial',
      calls: 3,
      refusedAnyway: 1,
      extensions: [{ extension: '4001', calls: 3 }],
      complete: true,
    });

    expect(await ok('rules', 'enforce', 'trial')).toContain('tollgate rules reset trial');
    expect(await run('check', '1555', '-e', '4001')).toMatchObject({ exitCode: 1 });
    const rule = await ok('rules', 'show', 'trial');
    expect(rule).not.toContain('In shadow');
  });

  test('calls before a time are left out of a list since then', async () => {
    const future = new Date(Date.now() + 60_000).toISOString();
    expect(await json<unknown[]>('calls', 'list', '--shadow', 'trial', '--since', future)).toEqual([]);
    const past = new Date(Date.now() - 60_000).toISOString();
    expect(await json<unknown[]>('calls', 'list', '--shadow', 'trial', '--since', past)).toHaveLength(3);
  });

  test('a rule that does not exist is an error of each', async () => {
    for (const args of [
      ['rules', 'shadow', 'trail'],
      ['rules', 'enforce', 'trail'],
    ]) {
      expect((await run(...args)).error).toContain('did you mean trial?');
    }
    await expect(ask('/api/v1/rules/trail/shadow-report')).rejects.toThrow('did you mean trial?');
  });
});

describe('the doctor of rules', () => {
  const doctor = async (...args: string[]): Promise<{ readonly exitCode: number; readonly findings: string[] }> => {
    const { exitCode, out } = await run('rules', 'doctor', '--json', ...args);
    const findings = (JSON.parse(out) as RuleFinding[]).map(
      ({ severity, rule, check }) => `${severity} ${rule} ${check}`,
    );
    return { exitCode, findings };
  };

  test('says nothing of sound rules that calls have matched, and its exit code is 0', async () => {
    await apply('rules: [{ id: sound, limits: ["5/1m"] }]');
    await call('5001', '15551');
    await expect.poll(() => doctor()).toEqual({ exitCode: 0, findings: [] });
    expect(await ok('rules', 'doctor')).toMatch(
      /^1 rule looked at, and \d+ calls? of 7 days: 0 errors, 0 warnings, 0 for information\.\n$/,
    );
  });

  test('finds what has no effect, says why and what mends it, and its exit code is 1', async () => {
    await apply(`
groups: { empty: {} }
trunks: { carrier-b: {} }
rules:
  - { id: sound, limits: ["5/1m"] }
  - { id: off, limits: ["1/1s"], enabled: false }
  - { id: nobody, appliesTo: { groups: [empty] }, limits: ["1/1h"] }
  - { id: loose, limits: ["50/1m", "5000/1h"] }
  - { id: elsewhere, appliesTo: { trunks: [carrier-b] }, countPer: trunk, limits: ["5/1s"] }
`);
    await call('5002', '15552');
    await expect
      .poll(() => doctor())
      .toEqual({
        exitCode: 1,
        findings: [
          'info off disabled',
          'error nobody empty-scope',
          'warning loose shadowed',
          'warning loose idle-limit',
          'warning elsewhere never-matched',
        ],
      });
    const { out } = await run('rules', 'doctor');
    expect(out).toContain('warning  elsewhere: None of the ');
    expect(out).toContain('went over trunk carrier-b.');
    expect(out).toContain('tollgate groups set empty --members 2001-2050');
    expect(out).toContain('1 error, 3 warnings, 1 for information.');
  });

  test('its commands mend: each finding is gone after the command that it gives', async () => {
    for (const command of ['rules enable off', 'groups set empty --members 2001-2050', 'rules disable loose']) {
      const before = (await run('rules', 'doctor')).out;
      expect(before).toContain(`tollgate ${command}\n`);
      await ok(...command.split(' '));
      expect((await run('rules', 'doctor')).out).not.toContain(`tollgate ${command}\n`);
    }
    await call('5003', '15553', 'carrier-b');
    await expect.poll(async () => (await doctor()).findings).not.toContain('warning elsewhere never-matched');
  });

  test('a pace that is not one, or that nobody can wait for, is mended by the commands that it gives', async () => {
    await apply(`
trunks: { carrier-b: {} }
rules:
  - { id: refuses, limits: ["5/1m"], maxWait: 5s }
  - { id: slow, limits: ["1/1m"], countPer: system, action: wait }
  - { id: carrier, limits: ["20/1s"], countPer: trunk, action: wait, maxQueue: 41 }
  - { id: week, limits: ["5/1m"], concurrent: 4, holdAfter: { answered: 7d } }
`);
    await call('5005', '15555', 'carrier-b');
    const paced = async (): Promise<string[]> => (await doctor()).findings.filter((each) => !/never|shadow/.test(each));
    await expect
      .poll(paced)
      .toEqual([
        'warning refuses unpaced',
        'warning slow short-wait',
        'warning carrier idle-queue',
        'info carrier uneven-pace',
        'warning week broad-hold',
      ]);
    for (const command of [
      'rules set refuses --action wait',
      'rules set slow --max-wait 1m',
      'rules set carrier --max-queue 40',
      'rules set carrier --burst 1',
      'rules set week --count-per number',
    ]) {
      expect((await run('rules', 'doctor')).out).toContain(`tollgate ${command}\n`);
      await ok(...command.split(' '));
    }
    // A wait of 5 s is shorter than the step of 5/1m: mending the one shows the other.
    expect(await paced()).toEqual(['warning refuses short-wait']);
  });

  test('a home country is added by the command that it gives', async () => {
    await apply('rules: [{ id: r, appliesTo: { destinations: [national] }, limits: ["5/1m"] }]');
    expect((await doctor()).findings).toEqual(['error r needs-home-country']);
    await apply(`homeCountry: US\n${await ok('policy', 'show')}`);
    await call('5004', '+13055550123');
    await expect.poll(() => doctor()).toEqual({ exitCode: 0, findings: [] });
  });

  test('looks back as far as it is told, within bounds', async () => {
    const day = await ask<RulesDoctorReport>('/api/v1/doctor/rules?days=1');
    const month = await ask<RulesDoctorReport>('/api/v1/doctor/rules?days=30');
    expect(day).toMatchObject({ days: 1, rules: 1 });
    expect(day.calls).toBeGreaterThan(0);
    expect(month).toMatchObject({ days: 30, calls: day.calls });
    for (const days of ['0', '93', 'x']) expect((await run('rules', 'doctor', '--days', days)).error).toContain('days');
  });
});
