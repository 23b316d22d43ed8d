/** The audit log as a person meets it: what each command leaves in it, and `audit list|verify|export`. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AuditRecord } from '../../src/people/audit-record.ts';
import type { AuditVerdict } from '../../src/people/audit-verify.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis, type TestRedis } from '../support/redis.ts';

const KEY = 'tollgate:{default}:audit';
let server: TestRedis;
let tollgate: TestDaemon;
let folder: string;

beforeAll(async () => {
  server = await startRedis();
  tollgate = await startTestDaemon({ env: { TOLLGATE_REDIS__URL: server.socketPath } });
  folder = await mkdtemp(join(tmpdir(), 'tollgate-audit-cli-'));
});
afterAll(async () => {
  await tollgate.stop();
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const ok = async (...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toMatchObject({ args, exitCode: 0 });
  return out;
};
const list = async (...args: string[]): Promise<AuditRecord[]> =>
  JSON.parse(await ok('audit', 'list', ...args, '--json')) as AuditRecord[];
/** What a command left in the log, oldest first. */
async function leaves(...args: string[]): Promise<readonly AuditRecord[]> {
  const [before] = await list('--limit', '1');
  await ok(...args);
  return (await list('--limit', '100')).filter(({ seq }) => seq > (before?.seq ?? 0)).reverse();
}

describe('every change leaves an entry that says who, from where, what, before and after', () => {
  beforeEach(() => tollgate.apply('{}'));
  const who = { by: 'cli tester', from: 'control socket', node: 'test' };

  test('a policy that is applied: the parts that changed, and nothing where nothing did', async () => {
    const file = join(folder, 'policy.yaml');
    await writeFile(file, 'timezone: Europe/Vienna\nrules: [{ id: default, limits: ["3/1s"] }]\n');
    const [entry, ...more] = await leaves('policy', 'apply', file);
    expect(more).toEqual([]);
    expect(entry).toMatchObject({ ...who, action: 'policy.apply', subject: 'policy' });
    expect(entry?.after).toMatchObject({ timezone: 'Europe/Vienna', 'rules.default': { limits: ['3/1s'] } });
    expect(await leaves('policy', 'apply', file)).toEqual([]);
    expect(await leaves('policy', 'apply', file, '--dry-run')).toEqual([]);
  });

  test('rules: added, set, switched, reset, removed, imported', async () => {
    const verbs: readonly (readonly [string, readonly string[]])[] = [
      ['add', ['burst', '--limit', '5/1m']],
      ['set', ['burst', '--limit', '2/1m']],
      ['disable', ['burst']],
      ['enable', ['burst']],
      ['shadow', ['burst']],
      ['enforce', ['burst']],
      ['reset', ['burst']],
      ['remove', ['burst']],
    ];
    const left: (readonly AuditRecord[])[] = [];
    for (const [verb, args] of verbs) left.push(await leaves('rules', verb, ...args));
    expect(left.map((entries) => entries.map(({ action, subject }) => `${action} ${subject}`))).toEqual(
      verbs.map(([verb]) => [`rules.${verb} rule burst`]),
    );
    expect(left[1]?.[0]).toMatchObject({
      ...who,
      before: { 'rules.burst': { limits: ['5/1m'] } },
      after: { 'rules.burst': { limits: ['2/1m'] } },
    });
    expect(left[7]?.[0]).toMatchObject({ before: { 'rules.burst': { id: 'burst', limits: ['2/1m'] } }, after: {} });
    const file = join(folder, 'rules.csv');
    await writeFile(file, 'id,limits\nimported,7/1h\n');
    expect(await leaves('rules', 'import', file)).toMatchObject([
      { action: 'rules.import', before: {}, after: { 'rules.imported': { limits: ['7/1h'] } } },
    ]);
    expect(await leaves('rules', 'reset', 'imported', '--extension', '2001')).toMatchObject([
      { action: 'rules.reset', subject: 'rule imported', after: { of: { kind: 'extension', id: '2001' } } },
    ]);
  });

  test('groups, and templates with all that came with them', async () => {
    expect(await leaves('groups', 'set', 'sales', '--members', '2001')).toMatchObject([
      { ...who, action: 'groups.set', subject: 'group sales', after: { 'groups.sales': { members: ['2001'] } } },
    ]);
    expect(await leaves('groups', 'remove', 'sales')).toMatchObject([{ action: 'groups.remove', after: {} }]);
    const [added] = await leaves('rules', 'add', '--template', 'after-hours');
    expect(added).toMatchObject({ action: 'templates.add', subject: 'template after-hours', before: {} });
  });

  test('the allowlist: added, set, imported, switched, removed', async () => {
    expect(await leaves('allow', 'add', '198.51.100.0/24', '--name', 'Office')).toMatchObject([
      { ...who, action: 'allowlist.add', subject: 'allowed Office' },
    ]);
    const [set] = await leaves('allow', 'set', 'Office', '--owner', 'Dana');
    expect(set).toMatchObject({ action: 'allowlist.set', subject: 'allowed Office' });
    expect([Object.values(set?.before ?? {}), Object.values(set?.after ?? {})]).toEqual([
      [{ owner: '' }],
      [{ owner: 'Dana' }],
    ]);
    const file = join(folder, 'allow.csv');
    await writeFile(file, 'name,value\nVPN,192.0.2.7\n');
    expect((await leaves('allow', 'import', file)).map(({ action }) => action)).toEqual(['allowlist.import']);
    expect(await leaves('allow', 'exemptions', 'off')).toMatchObject([
      { action: 'allowlist.exemptions', before: { exemptions: 'on' }, after: { exemptions: 'off' } },
    ]);
    expect((await leaves('allow', 'remove', 'Office')).map(({ action }) => action)).toEqual(['allowlist.remove']);
  });

  test('bans: added with the reason, changed, and each that is lifted', async () => {
    expect(await leaves('bans', 'add', '203.0.113.9', '--reason', 'guesses')).toMatchObject([
      { ...who, action: 'bans.add', subject: 'ban 203.0.113.9', reason: 'guesses', before: null },
    ]);
    const [changed] = await leaves('bans', 'add', '203.0.113.9', '--permanent');
    expect(changed).toMatchObject({ before: { until: expect.any(String) }, after: { until: null } });
    await ok('bans', 'add', '203.0.113.10');
    const lifted = await leaves('bans', 'lift', '203.0.113.9', '203.0.113.10');
    expect(lifted.map(({ action, subject }) => `${action} ${subject}`).sort()).toEqual([
      'bans.lift ban 203.0.113.10',
      'bans.lift ban 203.0.113.9',
    ]);
    expect(lifted[0]).toMatchObject({ before: { address: expect.any(String) }, after: null });
  });

  test('what was refused leaves none', async () => {
    const [before] = await list('--limit', '1');
    expect((await tollgate.run(['rules', 'set', 'default', '--limit', '0/1d'])).exitCode).toBe(1);
    expect((await tollgate.run(['bans', 'lift', '203.0.113.200'])).exitCode).toBe(1);
    expect((await list('--limit', '1'))[0]?.seq).toBe(before?.seq);
  });
});

describe('audit list', () => {
  test('is newest first, readable, and filtered by action, who, subject and time', async () => {
    await tollgate.apply('rules: [{ id: shown, limits: ["5/1s"] }]');
    await ok('rules', 'set', 'shown', '--limit', '4/1s');
    const text = await ok('audit', 'list', '--limit', '1');
    expect(text).toMatch(
      /^\d+ {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}cli tester \(control socket\) {2}rules\.set {2}rule shown\n/,
    );
    expect(text).toContain('rules.shown.limits: ["5/1s"] → ["4/1s"]');
    expect(new Set((await list('--action', 'rules')).map(({ action }) => action.split('.')[0]))).toEqual(
      new Set(['rules']),
    );
    expect((await list('--action', 'rules.set', '--subject', 'rule SHOWN')).length).toBe(1);
    expect(await list('--by', 'nobody')).toEqual([]);
    expect(await ok('audit', 'list', '--by', 'nobody')).toBe('No entry of the audit log is like that.\n');
    expect(await list('--since', '2100-01-01')).toEqual([]);
    const [newest] = await list('--limit', '1');
    expect(await list('--until', newest?.at ?? '', '--since', newest?.at ?? '')).toMatchObject([{ seq: newest?.seq }]);
    const { exitCode, error } = await tollgate.run(['audit', 'list', '--since', 'yesterday']);
    expect([exitCode, error]).toEqual([2, expect.stringContaining('"yesterday" is not a time')]);
  });
});

describe('audit export', () => {
  test('writes every entry as a line that anybody can check without the program', async () => {
    const lines = (await ok('audit', 'export')).trimEnd().split('\n');
    let previous = '0'.repeat(64);
    for (const line of lines) {
      const text = line.replace(/,"hash":"[0-9a-f]{64}"\}$/, '}');
      const hash = createHash('sha256').update(text).digest('hex');
      expect(JSON.parse(line)).toMatchObject({ previous, hash });
      previous = hash;
    }
    expect(lines.length).toBe(await server.client().xlen(KEY));
  });

  test('writes a table, of a time only, in which no text is a formula', async () => {
    await ok('bans', 'add', '203.0.113.77', '--reason', '=HYPERLINK("x")');
    const [newest] = await list('--limit', '1');
    const csv = await ok('audit', 'export', '--format', 'csv', '--since', newest?.at ?? '');
    const [header, row, ...rest] = csv.trimEnd().split('\n');
    expect(header).toBe('seq,at,writtenAt,node,by,from,action,subject,before,after,reason,id,previous,hash');
    expect(row).toContain(`"'=HYPERLINK(""x"")"`);
    expect(rest).toEqual([]);
  });
});

describe('nobody can edit it', () => {
  test('no route removes or changes an entry, whoever asks', async () => {
    const ask = (method: string, path: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const asked = request({ socketPath: join(tollgate.stateDir, 'tollgate.sock'), method, path }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asked.on('error', reject);
        asked.end();
      });
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      for (const path of ['', '/1', '/verify', '/export']) expect(await ask(method, `/api/v1/audit${path}`)).toBe(404);
    }
    expect((await tollgate.run(['audit', 'remove', '1'])).exitCode).toBe(2);
  });

  test('audit verify says that all fits with exit code 0, and what does not with exit code 1', async () => {
    expect(await ok('audit', 'verify')).toMatch(
      /The audit log is whole: .* entry \d+ is the one that this node had seen/,
    );
    const verdict = JSON.parse(await ok('audit', 'verify', '--json')) as AuditVerdict;
    expect(verdict).toMatchObject({ intact: true, problems: [], last: { hash: expect.any(String) } });

    const redis = server.client();
    const [third] = (await redis.xrange(KEY, '-', '+', 'COUNT', 3)).slice(2);
    await redis.xdel(KEY, third?.[0] ?? '');
    const { exitCode, out } = await tollgate.run(['audit', 'verify']);
    expect(exitCode).toBe(1);
    expect(out).toContain('The audit log is broken: entry 3 is missing in the middle.');
    const broken = await tollgate.run(['audit', 'verify', '--json']);
    expect(broken.exitCode).toBe(1);
    expect(JSON.parse(broken.out)).toMatchObject({ intact: false, problems: [{ seq: 3 }] });
  });
});
