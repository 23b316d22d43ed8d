/** `rules import` and `rules export` against a real daemon with a real store. */
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { CONTROL_SOCKET } from '../../src/cli/program.ts';
import type { RuleDocument } from '../../src/policy/document.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { type Ran, runCli } from '../support/command-line.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

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

/** The socket of the daemon once more, in a folder of its own, where something happens before each change of the policy. */
async function socketWithDelay(beforeChange: () => Promise<unknown>) {
  const stateDir = join(folder, 'beside');
  await mkdir(stateDir, { recursive: true });
  const server = createServer(async (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    if (method === 'PUT') await beforeChange();
    const socketPath = join(tollgate.stateDir, CONTROL_SOCKET);
    const onward = request({ socketPath, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  server.listen(join(stateDir, CONTROL_SOCKET));
  await once(server, 'listening');
  return { stateDir, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('a change that somebody else makes during an import stays, and the import is refused', async () => {
  const beside = await socketWithDelay(() => ok('rules', 'set', 'default', '--limit', '9/1s'));
  const importing = (...more: string[]): Promise<Ran> =>
    runCli(beside.stateDir, ['rules', 'import', fixture('yeastar.csv'), ...more], {
      input: '',
      signal: new AbortController().signal,
    });
  const { exitCode, out, error } = await importing();
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(error).toMatch(
    /^nothing was imported: the policy changed meanwhile \(version \d+, yours is \d+\); read it again: import the file again\n$/,
  );
  expect(await rules()).toMatchObject([{ id: 'default', limits: ['9/1s'] }]);
  // Nobody changes anything any more: the limit is that already.
  expect(await importing()).toMatchObject({ exitCode: 0, error: '' });
  expect(await rules()).toHaveLength(6);
  await beside.close();
});

test('the policy is replaced only if it is the version that was named', async () => {
  const put = async (ifMatch: string, query = ''): Promise<{ readonly status: number; readonly body: string }> => {
    const sent = request({
      socketPath: join(tollgate.stateDir, CONTROL_SOCKET),
      method: 'PUT',
      path: `/api/v1/policy${query}`,
      headers: { 'content-type': 'application/json', 'if-match': ifMatch },
    }).end('{"rules":[]}');
    const [answer] = await once(sent, 'response');
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    return { status: answer.statusCode, body };
  };
  const { version } = JSON.parse((await put('*', '?dryRun=true')).body);
  for (const query of ['', '?dryRun=true']) {
    const conflict = await put(`"${version - 1}"`, query);
    expect(conflict.status).toBe(409);
    expect(JSON.parse(conflict.body)).toMatchObject({
      code: 'CONFLICT',
      detail: `the policy changed meanwhile (version ${version}, yours is ${version - 1}); read it again`,
    });
  }
  expect(await put('W/"x"')).toMatchObject({ status: 400, body: expect.stringContaining('If-Match') });
  expect(await rules()).toHaveLength(1);
  expect((await put(`"${version}"`)).status).toBe(200);
  expect(await rules()).toEqual([]);
});

test('ten thousand rules are imported, listed, exported, and found by the calls that they are for', async () => {
  const file = join(folder, 'many.csv');
  const rows = Array.from({ length: 9999 }, (_, at) => `ext-${10_000 + at},${10_000 + at},3/1h`);
  await writeFile(file, `id,appliesTo.extensions,limits\n${rows.join('\n')}\n`);
  expect(await ok('rules', 'import', file)).toContain('9999 rules: 9999 new, 0 changed, 0 the same');
  expect(await ok('rules', 'import', file)).toContain('0 new, 0 changed, 9999 the same');
  await writeFile(file, (await readFile(file, 'utf8')).replaceAll(',3/1h', ',3/2h'));
  const changed = await ok('rules', 'import', file);
  expect(changed).toContain('9999 rules: 0 new, 9999 changed, 0 the same');
  const lines = (await ok('rules', 'list')).trimEnd().split('\n');
  expect(lines).toHaveLength(10_001);
  expect(
    new Set(
      lines.map((line) =>
        line.indexOf(line.startsWith('RULE') ? 'APPLIES' : line.startsWith('default') ? 'all' : 'extensions'),
      ),
    ).size,
  ).toBe(1);
  expect((await ok('rules', 'export')).split('\n')).toHaveLength(10_002);
  const place = (extension: string) => placeAgiCall(tollgate.agiPort, { extension, destination: '5550100' });
  for (let call = 0; call < 3; call++) expect(await place('19998')).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
  const refused = await place('19998');
  expect(refused).toMatchObject({ TOLLGATE_VERDICT: 'block', TOLLGATE_RULE: 'ext-19998' });
  expect(await place('10000')).toMatchObject({ TOLLGATE_VERDICT: 'allow' });
  const kept = JSON.parse(await ok('calls', 'show', refused['TOLLGATE_DECISION'] ?? '', '--json'));
  expect(kept.findings.map((each: { readonly applies: boolean }) => each.applies)).toEqual([
    ...[true, true],
    ...Array(20).fill(false),
  ]);
  expect(kept.rulesNotListed).toBe(10_000 - 22);
  expect(await ok('calls', 'show', kept.id)).toContain('and 9,978 more that did not decide');
  expect(await ok('explain', '5550100', '-e', '10000')).toContain('and 9,948 more that did not decide');
}, 120_000);
