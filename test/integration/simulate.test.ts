/** `tollgate simulate` on files of call records, alone and with a running daemon. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cdrCorpus } from '../support/cdr-corpus.ts';
import { type Ran, runCli } from '../support/command-line.ts';
import { startTestDaemon } from '../support/daemon.ts';

let folder: string;
let records: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-simulate-'));
  records = join(folder, 'Master.csv');
  await writeFile(records, [...cdrCorpus({ seed: 42, records: 6000, recordsPerDay: 2000 }).lines, ''].join('\n'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const POLICY = `
timezone: UTC
homeCountry: US
dialling: { international: ["011", "00"] }
trunks: { carrier-a: {}, carrier-b: {} }
rules:
  - { id: everyone, limits: ["5/1s"] }
  - { id: cuba, appliesTo: { destinations: ["country:CU"] }, limits: ["3/1h"], counting: rolling }
`;

const run = (args: readonly string[], signal = new AbortController().signal): Promise<Ran> =>
  runCli(folder, ['simulate', ...args], { input: '', signal });
const file = async (name: string, text: string): Promise<string> => {
  await writeFile(join(folder, name), text);
  return join(folder, name);
};

interface Answer {
  readonly calls: number;
  readonly allowed: number;
  readonly refused: number;
  readonly by: Readonly<Record<'rule' | 'extension' | 'hour', Readonly<Record<string, number>>>>;
  readonly rows: number;
  readonly unread: number;
  readonly notOutbound: number;
  readonly notices: readonly string[];
}
const json = async (...args: string[]): Promise<Answer & Record<string, unknown>> => {
  const { exitCode, out, error } = await run([...args, '--json']);
  expect({ exitCode, error }).toEqual({ exitCode: 0, error: '' });
  return JSON.parse(out) as Answer & Record<string, unknown>;
};
const sum = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe('without a daemon', () => {
  test('a night of toll fraud in the records is refused, and next to nothing else', async () => {
    const answer = await json(records, '--policy', await file('policy.yaml', POLICY));
    expect(answer).toMatchObject({ rows: 6000, unread: 0, notices: [], timezone: 'UTC' });
    expect(answer.calls).toBe(answer.allowed + answer.refused);
    // 400 calls to Cuba within half an hour, of which three go out.
    expect(answer.by.rule).toEqual({ cuba: 397 });
    expect(answer.by.extension).toEqual({ '1007': 397 });
    expect(Object.keys(answer.by.hour)).toEqual(['2026-11-04T03']);
    for (const counts of Object.values(answer.by)) expect(sum(counts)).toBe(answer.refused);
  });

  test('the same file gives the same answer every time', async () => {
    const policy = await file('policy.yaml', POLICY);
    expect(await json(records, '--policy', policy)).toEqual(await json(records, '--policy', policy));
  });

  test('what became of each call is written one object a line', async () => {
    const decisions = join(folder, 'decisions.jsonl');
    const answer = await json(records, '--policy', await file('policy.yaml', POLICY), '--decisions', decisions);
    const lines = (await readFile(decisions, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line): Row => JSON.parse(line));
    expect(lines.length).toBe(answer.rows - answer.notOutbound);
    expect(new Set(lines.map(({ row }) => row)).size).toBe(lines.length);
    const refused = lines.filter(({ verdict }) => verdict === 'block');
    // A call that tries a second carrier has two records, and is refused once.
    expect(refused.length).toBeGreaterThan(answer.refused);
    for (const each of refused) {
      expect(Object.keys(each)).toEqual(['row', 'verdict', 'rule', 'retryAfterSeconds', 'waitMs', 'maxSeconds']);
      expect(each.rule).toBe('cuba');
      expect(each.retryAfterSeconds).toBeGreaterThan(0);
    }
  });

  test('two policies over the same calls show what changes', async () => {
    const before = await file('before.yaml', POLICY.replace('3/1h', '100/1h'));
    const answer = await json(records, '--policy', await file('policy.yaml', POLICY), '--compare', before);
    expect(answer['compared']).toMatchObject({
      refused: 300,
      changes: { newlyRefused: 97, newlyAllowed: 0, by: { rule: { cuba: { newlyRefused: 97 } } } },
    });
  });

  test('a person reads the totals, the rules, the extensions and the hours, and what could not be read', async () => {
    const text = await readFile(records, 'utf8');
    const untidy = await file('untidy.csv', text.replace('\n', '\nbroken\n'));
    const { exitCode, out } = await run([untidy, '--policy', await file('policy.yaml', POLICY)]);
    expect(exitCode).toBe(0);
    expect(out).toContain('1 could not be read');
    expect(out).toContain('line 2 has 1 columns; the start of the call stands in column 10');
    expect(out).toMatch(/^refused +397 +\d+\.\d %$/m);
    expect(out).toMatch(/^cuba +397$/m);
    expect(out).toMatch(/^1007 +397$/m);
    expect(out).toMatch(/^2026-11-04 03 +397$/m);
  });

  test('times that were read in the wrong zone are noticed', async () => {
    const policy = await file('policy.yaml', POLICY);
    const { notices } = await json(records, '--policy', policy, '--timezone', 'America/New_York');
    expect(notices).toEqual([expect.stringContaining('5.0 hours ahead of')]);
  });

  test('wrong usage is exit code 2, a file or policy that cannot be used is 1, each with a sentence', async () => {
    const policy = await file('policy.yaml', POLICY);
    const cases: readonly [number, string, readonly string[]][] = [
      [2, '"Mars/Base" is not a time zone', [records, '--policy', policy, '--timezone', 'Mars/Base']],
      [2, '--columns: "x" is not known', [records, '--policy', policy, '--columns', 'x=1']],
      [2, 'Allowed choices are approve, refuse', [records, '--policy', policy, '--held', 'maybe']],
      [1, 'missing.csv cannot be read', [join(folder, 'missing.csv'), '--policy', policy]],
      [1, 'is no file of call records that is known', [policy, '--policy', policy]],
      [
        1,
        'a mistake; nothing was replayed',
        [records, '--policy', await file('bad.yaml', 'rules: [{ id: x, limit: 3 }]')],
      ],
      [1, 'cannot be written', [records, '--policy', policy, '--decisions', join(folder, 'no/such/folder')]],
    ];
    for (const [exitCode, message, args] of cases) {
      const ran = await run(args);
      expect({ args, exitCode: ran.exitCode, out: ran.out }).toEqual({ args, exitCode, out: '' });
      expect(ran.error).toContain(message);
    }
  });

  test('Ctrl-C stops it', async () => {
    const interrupted = new AbortController();
    const running = run([records, '--policy', await file('policy.yaml', POLICY)], interrupted.signal);
    interrupted.abort();
    expect(await running).toMatchObject({ exitCode: 1, out: '', error: 'stopped\n' });
  });
});

test('without --policy, the policy in force is asked of the daemon, and its counts stay as they are', async () => {
  const tollgate = await startTestDaemon();
  try {
    await tollgate.apply(POLICY);
    const { exitCode, out } = await tollgate.run(['simulate', records, '--json']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ refused: 397, by: { rule: { cuba: 397 } } });
    const answer = await tollgate.run(['explain', '5352555555', '--extension', '1007', '--json']);
    expect(JSON.parse(answer.out)).toMatchObject({ findings: [{ rule: 'everyone', used: 0 }, { rule: 'cuba' }] });
  } finally {
    await tollgate.stop();
  }
});

interface Row {
  readonly row: number;
  readonly verdict: string;
  readonly rule: string | null;
  readonly retryAfterSeconds: number | null;
}
