/** `rules templates PACK`, `simulate --rates` and `suggest` as people run them, with a running daemon. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { runCommandLine } from '../../src/cli/program.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { attackCalls } from '../traffic/attacks.ts';
import { cdrOf } from '../traffic/call.ts';
import { rateFile } from '../traffic/prices.ts';
import { honestCalls, siteOf } from '../traffic/sites.ts';

let tollgate: TestDaemon;
let folder: string;
let [cdr, rates]: [string, string] = ['', ''];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-packs-'));
  [cdr, rates] = [join(folder, 'cdr.csv'), join(folder, 'rates.csv')];
  const site = siteOf('office');
  const calls = [...honestCalls(site, { seed: 1, weeks: 2 }), ...attackCalls('weekend-pump', site, 1)];
  await writeFile(cdr, cdrOf(calls).text);
  await writeFile(rates, rateFile());
  tollgate = await startTestDaemon();
});
afterAll(async () => {
  await tollgate?.stop();
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => tollgate.run(args);

describe('a starter pack', () => {
  test('is listed with its worst case in money and the figures that it asks for', async () => {
    const { exitCode, out } = await run('rules', 'templates');
    expect(exitCode).toBe(0);
    for (const name of ['office', 'company', 'hotel', 'call-centre'])
      expect(out).toContain(`rules templates ${name} --home`);
    expect(out).toContain('At worst: Calls abroad cost at worst 40 a day in all');
    for (const flag of ['--home', '--known', '--extension-money', '--site-money', '--hours', '--zone'])
      expect(out).toContain(flag);
    expect(out).toContain('Run them in shadow first');
  });

  test('says which figure is missing', async () => {
    const { exitCode, error } = await run('rules', 'templates', 'office');
    expect(exitCode).toBe(2);
    expect(error).toContain('--home is missing');
    for (const flag of ['--known', '--extension-money', '--site-money', '--hours']) expect(error).toContain(flag);
    expect((await run('rules', 'templates', 'offices', '--home', 'US')).error).toContain('did you mean office?');
  });

  test('asks at a terminal for the figures that were not given, and takes the usual one for an empty answer', async () => {
    const asked: string[] = [];
    const answers = ['us', 'ca, gb', '', '', 'America/Denver'];
    let out = '';
    const say = (text: string): void => {
      out += text;
    };
    const never = (): Promise<never> => Promise.reject(new Error('not in this test'));
    const signal = new AbortController().signal;
    const exitCode = await runCommandLine(['rules', 'templates', 'office', '--site-money', '55'], {
      terminal: {
        ...{ out: say, error: say, colours: false, env: {}, readStdin: never, signal },
        ask: (question) => Promise.resolve(answers[asked.push(question) - 1] ?? 'too many questions'),
      },
      version: '0',
      stateDir: () => Promise.resolve(tollgate.stateDir),
      programs: { serve: never, demo: never, doctor: never, setup: never, describeConfig: never },
    });
    expect({ exitCode, asked: asked.length }).toEqual({ exitCode: 0, asked: 5 });
    expect(asked.join()).toMatch(/\[none\].*\[10\].*\[mon-fri 07:00-19:00\].*\[UTC\]/);
    expect(out).toContain('timezone: America/Denver');
    expect(out).toContain('+homeCountry: US');
    expect(out).toContain('55.00/1d');
    expect(out).toContain('10.00/1d');
  });

  test('shows what would change, changes nothing, and writes a policy that is accepted', async () => {
    const before = (await run('policy', 'show')).out;
    const path = join(folder, 'office.yaml');
    const shown = await run(
      'rules',
      'templates',
      'office',
      '--home',
      'us',
      '--known',
      'CA,GB',
      '--site-money',
      '55',
      '--out',
      path,
    );
    expect(shown.error).toBe('');
    expect(shown.out).toContain('+  - id: office-spend-site');
    expect(shown.out).toContain('55.00/1d');
    expect((await run('policy', 'show')).out).toBe(before);
    expect((await run('policy', 'apply', path)).exitCode).toBe(0);
    expect((await run('rules', 'show', 'office-spend-site')).out).toContain('55');
  });
});

describe('a replay in money', () => {
  test('says what the weekend of a thief cost, what would have been saved, and who would have been locked', async () => {
    const path = join(folder, 'office.yaml');
    const policy = parse(await readFile(path, 'utf8'));
    const dialling = { outside: [], international: ['011'] };
    await writeFile(path, stringify({ ...policy, dialling, trunks: { 'carrier-a': {} } }));
    const { exitCode, out } = await run('simulate', cdr, '--policy', path, '--rates', rates, '--learn', cdr, '--json');
    expect(exitCode).toBe(0);
    const answer = JSON.parse(out);
    expect(answer.money.currency).toBe('USD');
    expect(answer.money.was).toBeGreaterThan(5000);
    expect(answer.money.saved).toBeGreaterThan(0.99 * answer.money.was);
    expect(answer.locks).toMatchObject([{ rule: 'office-risks' }]);
    const text = (await run('simulate', cdr, '--policy', path, '--rates', rates)).out;
    for (const title of ['SAVED OF EXTENSION', 'HELD BY RULE', 'LOCKED']) expect(text).toContain(title);
    expect(text).toContain(`Prices: ${rates}, `);
    const without = JSON.parse((await run('simulate', cdr, '--policy', path, '--json')).out);
    expect(without.prices).toBeNull();
    expect(without.money).toBeUndefined();
    expect(without.notices.join()).toContain('--rates');
  });

  test('without a file takes the rate sheet of the daemon, and says so', async () => {
    const path = join(folder, 'office.yaml');
    const by = JSON.parse((await run('simulate', cdr, '--policy', path, '--rates', rates, '--json')).out);
    expect((await run('rates', 'import', rates)).exitCode).toBe(0);
    const inForce = JSON.parse((await run('simulate', cdr, '--policy', path, '--json')).out);
    expect(inForce.prices).toMatch(/^the daemon's rate sheet, [\d,]+ prefixes in USD$/);
    expect(inForce.money).toEqual(by.money);
  });

  test('a rate sheet with mistakes is refused with their lines', async () => {
    const broken = join(folder, 'broken.csv');
    await writeFile(broken, 'prefix,price\n44,cheap\n');
    const { exitCode, error } = await run('simulate', cdr, '--rates', broken);
    expect(exitCode).toBe(1);
    expect(error).toContain(`${broken}:2: price "cheap"`);
  });
});

test('suggested ceilings are a policy to look at, which the daemon accepts', async () => {
  const path = join(folder, 'suggested.yaml');
  const { exitCode, out, error } = await run('suggest', cdr, '--rates', rates, '--out', path);
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
  expect(out).toContain('everyone-else');
  expect(out).toContain('USD ABROAD A DAY');
  expect((await run('policy', 'apply', path, '--dry-run')).exitCode).toBe(0);
  expect((await run('suggest', cdr, '--head-room', '0.5')).exitCode).toBe(2);
});

test('of soft and hard, rules set keeps the one that is not named', async () => {
  expect((await run('rules', 'add', 'kept', '--spend-soft', '30/1d', '--spend-hard', '60/1d')).exitCode).toBe(0);
  const spend = async (...named: string[]): Promise<unknown> =>
    JSON.parse((await run('rules', 'set', 'kept', ...named, '--json')).out).spend;
  expect(await spend('--spend-soft', '20/1d')).toEqual({ soft: '20/1d', hard: '60/1d' });
  expect(await spend('--spend-hard', '50/1d')).toEqual({ soft: '20/1d', hard: '50/1d' });
  expect(await spend('--no-spend')).toBeUndefined();
  expect(await spend('--spend-hard', '40/1d')).toEqual({ hard: '40/1d' });
});
