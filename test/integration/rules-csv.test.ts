/** `rules import` and `rules export` against a real daemon with a real store. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { RuleDocument } from '../../src/policy/document.ts';
import { type Ran, startTestDaemon, type TestDaemon } from '../support/daemon.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/csv');

let tollgate: TestDaemon;
let folder: string;

beforeAll(async () => {
  tollgate = await startTestDaemon();
  folder = await mkdtemp(join(tmpdir(), 'tollgate-csv-'));
});
afterAll(async () => {
  await tollgate.stop();
  await rm(folder, { recursive: true, force: true });
});

const POLICY = `
groups: { sales: { members: ["2001-2050"] } }
trunks: { carrier-a: {}, carrier-b: {} }
schedules: { office-hours: { windows: [{ days: [mon], from: "08:00", to: "18:00" }] } }
rules: [{ id: default, name: Default outbound call frequency, limits: ["5/1s"] }]
`;
beforeEach(async () => {
  expect((await tollgate.run(['policy', 'apply', '-'], { input: POLICY })).error).toBe('');
});

const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const rules = async (): Promise<RuleDocument[]> => JSON.parse(await ok('rules', 'list', '--json')) as RuleDocument[];
const fixture = (name: string): string => join(FIXTURES, name);

test('a file of Yeastar P-Series becomes rules that calls are held to, and is exported byte for byte', async () => {
  const shown = await ok('rules', 'import', fixture('yeastar.csv'), '--replace');
  expect(shown).toContain('Yeastar P-Series, 5 rules: 5 new, 0 changed, 0 the same; not in the file: 1 removed.');
  expect(shown).toMatch(/^\+ {2}- id: office$/m);
  expect(shown).toContain('is in force since');
  expect(await ok('rules', 'export', '--format', 'yeastar')).toBe(await readFile(fixture('yeastar.csv'), 'utf8'));
  const explained = JSON.parse(await ok('explain', '5550100', '--extension', '7001', '--json')) as {
    readonly findings: readonly { readonly rule: string; readonly applies: boolean }[];
  };
  expect(explained.findings.map(({ rule, applies }) => [rule, applies])).toContainEqual(['desk-a', true]);
});

test('rules that are not in the file stay, and the same file again changes nothing', async () => {
  await ok('rules', 'import', fixture('yeastar.csv'));
  const after = await rules();
  expect(after.map(({ id }) => id)).toEqual([
    'default',
    'office',
    'sales-inside',
    'buro-sud',
    'rule-1db5f508',
    'desk-a',
  ]);
  const again = await ok('rules', 'import', fixture('yeastar-bom-crlf.csv'));
  expect(again).toContain('5 rules: 0 new, 0 changed, 5 the same; not in the file: 1 kept.\nNo difference.');
  expect(await rules()).toEqual(after);
});

test('a dry run shows what would change and changes nothing', async () => {
  const before = await ok('policy', 'show');
  const out = await ok('rules', 'import', fixture('yeastar.csv'), '--dry-run');
  expect(out).toMatch(/^\+ {4}name: Sales, inside$/m);
  expect(out).toContain('Nothing was changed (--dry-run).');
  expect(await ok('policy', 'show')).toBe(before);
  const asJson = JSON.parse(await ok('rules', 'import', fixture('yeastar.csv'), '--dry-run', '--json'));
  expect(asJson).toMatchObject({ applied: false, changed: true, format: 'yeastar', replaced: [], removed: [] });
  expect(asJson.added).toHaveLength(5);
  expect(await ok('policy', 'show')).toBe(before);
});

test('the wide form brings every rule back, through a file and through standard input', async () => {
  await ok('rules', 'import', fixture('wide.csv'));
  await ok('rules', 'add', 'formula', '--name', '=HYPERLINK("http://x")', '--limit', '5/1s');
  const before = await rules();
  const csv = await ok('rules', 'export');
  expect(csv).toContain(`"'=HYPERLINK(""http://x"")"`);
  const file = join(folder, 'rules.csv');
  await writeFile(file, csv);
  await ok('rules', 'remove', 'lobby', 'formula', 'sales-abroad');
  await ok('rules', 'import', file);
  expect(await rules()).toEqual(before);
  expect(JSON.parse(await ok('rules', 'export', '--json'))).toEqual({ format: 'wide', rules: 4, csv });
  const { exitCode, out } = await tollgate.run(['rules', 'import', '-', '--json'], { input: csv });
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ applied: true, changed: false, unchanged: before.map(({ id }) => id) });
});

test('one mistake and nothing is imported; each is told with its line, and as JSON too', async () => {
  const before = await ok('policy', 'show');
  const file = fixture('wide-mistakes.csv');
  const expected = (await readFile(fixture('wide-mistakes.txt'), 'utf8')).replaceAll(/^f\.csv/gm, file);
  const ran = await tollgate.run(['rules', 'import', file]);
  expect(ran).toEqual({ exitCode: 1, out: '', error: `${expected}${file} has 17 mistakes; nothing was imported.\n` });
  const asJson = await tollgate.run(['rules', 'import', file, '--json']);
  expect(asJson.exitCode).toBe(1);
  const { applied, problems } = JSON.parse(asJson.out);
  expect(applied).toBe(false);
  expect(problems).toContainEqual({
    line: 2,
    column: 'action',
    found: 'blok',
    message: '"blok" is not known; did you mean block?',
  });
  expect(await ok('policy', 'show')).toBe(before);
});

test('a narrow export that would lose something is refused, and says what of which rule', async () => {
  await ok('rules', 'import', fixture('wide.csv'));
  const refused = (ran: Ran): void =>
    expect({ exitCode: ran.exitCode, out: ran.out }).toEqual({ exitCode: 1, out: '' });
  const ran = await tollgate.run(['rules', 'export', '--format', 'yeastar']);
  refused(ran);
  expect(ran.error).toContain('rule sales-abroad would lose appliesTo ');
  expect(ran.error).toContain('rule lobby would lose ');
  expect(ran.error).toContain('during "office-hours" (this form leaves it out)');
  expect(ran.error).not.toContain('rule default');
  expect(ran.error).toContain('Nothing was written. The wide form keeps everything: tollgate rules export');
});

test('a file that cannot be read is an error that names it, and a wrong form is wrong usage', async () => {
  const missing = await tollgate.run(['rules', 'import', join(folder, 'missing.csv')]);
  expect(missing.exitCode).toBe(1);
  expect(missing.error).toContain('missing.csv cannot be read');
  expect((await tollgate.run(['rules', 'import', '-'], { input: 'id,name\na,B\uFFFDro\n' })).error).toContain(
    'not UTF-8',
  );
  const wrong = await tollgate.run(['rules', 'export', '--format', 'excel']);
  expect(wrong.exitCode).toBe(2);
  expect(wrong.error).toContain('wide, yeastar');
});
