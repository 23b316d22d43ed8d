/** Backup and restore between real daemons with real stores, by the command line. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RestoreReport } from '../../src/api/backup-routes.ts';
import { createKeys, lockField } from '../../src/redis/keys.ts';
import { placeAgiCall } from '../support/agi-call.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';

const keys = createKeys({ prefix: 'tollgate', tenant: 'default' });
const EPOCH = '2026-11-21T00:00:00.000Z';

let folder: string;
let file: string;
let daemons: TestDaemon[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tollgate-backup-'));
  file = join(folder, 'backup.jsonl');
});
afterEach(async () => {
  for (const each of daemons) await each.stop();
  daemons = [];
  await rm(folder, { recursive: true, force: true });
});

const start = async (): Promise<TestDaemon> => {
  const made = await startTestDaemon({ env: { TOLLGATE_FIREWALL__BACKEND: 'dry-run' } });
  daemons.push(made);
  return made;
};
const ok = async (tollgate: TestDaemon, ...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const restored = async (tollgate: TestDaemon, ...options: string[]) => {
  const { exitCode, out } = await tollgate.run(['restore', file, '--json', ...options]);
  const { parts } = JSON.parse(out) as RestoreReport;
  return { exitCode, said: new Map(parts.map(({ kind, said }) => [kind, said])), by: outcomes(parts) };
};
const outcomes = (parts: RestoreReport['parts']): Readonly<Record<string, string>> =>
  Object.fromEntries(parts.map(({ kind, outcome }) => [kind, outcome]));

const inStore = async <T>(tollgate: TestDaemon, work: (redis: Redis) => Promise<T>): Promise<T> => {
  const redis = new Redis({ path: join(tollgate.stateDir, 'redis.sock'), disableClientInfo: true });
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
};
const auditOf = (tollgate: TestDaemon) => inStore(tollgate, (redis) => redis.xrange(keys.audit, '-', '+'));
const journalOf = (tollgate: TestDaemon) => inStore(tollgate, (redis) => redis.xrange(keys.journal, '-', '+'));
const untilJournal = (tollgate: TestDaemon, entries: number): Promise<unknown> =>
  expect.poll(() => journalOf(tollgate).then(({ length }) => length), { timeout: 5000 }).toBe(entries);

const refusedCall = (tollgate: TestDaemon) =>
  placeAgiCall(tollgate.agiPort, { extension: '1001', destination: '15551234567' });

const NOBODY_CALLS = `
rules:
  - id: nobody
    name: "Nobody calls \u2028 out"
    limits: []
`;

const LOCK = {
  ...{ id: 'l1', rule: 'abroad', subject: { kind: 'extension', id: '1002' }, destinations: ['international'] },
  ...{ because: 'a call was refused', at: 1 },
};
const REACHED_AT = Date.now() - 86_400_000;
const reachedAt = (atMs: number): Buffer => {
  const bytes = Buffer.alloc(6);
  bytes.writeUIntLE(atMs, 0, 6);
  return bytes;
};

/** Something of every part. */
const fill = async (tollgate: TestDaemon): Promise<void> => {
  await tollgate.apply(NOBODY_CALLS);
  await ok(tollgate, 'settings', 'set', 'autoBan.services.web.attempts', '7');
  await ok(tollgate, 'allow', 'add', '198.51.100.7', '--name', 'Carrier A');
  await ok(tollgate, 'bans', 'add', '203.0.113.9', '--reason', 'guessing');
  await ok(tollgate, 'bans', 'add', '2001:db8::/64', '--for', '1h');
  await inStore(tollgate, async (redis) => {
    await redis.hset(keys.banEvidence, '203.0.113.9', JSON.stringify({ at: 1, event: 'failed registration as 100' }));
    const grant = { what: 'number', id: 'g1', rule: 'nobody', by: 'cli anna', approval: 'a1', at: 1 };
    const lasting = { ...grant, until: Date.now() + 3_600_000, extension: '1001', number: '15551234567' };
    await redis.hset(keys.grants, 'g1', JSON.stringify(lasting));
    await redis.hset(keys.locks, lockField('abroad', 'e1002'), JSON.stringify(LOCK));
    await redis.set(keys.reached('e1001', 'CU'), reachedAt(REACHED_AT), 'EX', 86_400);
  });
  await refusedCall(tollgate);
  await untilJournal(tollgate, 1);
};

/** A backup with other content and a checksum that fits it. */
const rewrite = async (edit: (lines: string[]) => readonly string[]): Promise<void> => {
  const lines = edit((await readFile(file, 'utf8')).trimEnd().split('\n').slice(0, -1));
  const text = lines.map((line) => `${line}\n`).join('');
  const sha256 = createHash('sha256').update(text).digest('hex');
  await writeFile(file, `${text}${JSON.stringify({ kind: 'end', lines: lines.length, sha256 })}\n`);
};

describe('a backup', () => {
  test('restored into a new install brings back every part, and the audit log byte for byte', async () => {
    const old = await start();
    await fill(old);
    expect(await ok(old, 'backup', file)).toMatch(/lines\. Keep it as you keep passwords\.\n$/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const audit = await auditOf(old);
    const journal = await journalOf(old);

    const fresh = await start();
    const { exitCode, by } = await restored(fresh);
    expect(by).toMatchObject({
      audit: 'restored',
      policy: 'restored',
      settings: 'restored',
      allowlist: 'restored',
      grants: 'restored',
      locks: 'restored',
      reached: 'restored',
      bans: 'restored',
      journal: 'restored',
    });
    expect(exitCode).toBe(0);

    expect(await ok(fresh, 'policy', 'show')).toBe(await ok(old, 'policy', 'show'));
    expect(await ok(fresh, 'settings', 'show', '--json')).toBe(await ok(old, 'settings', 'show', '--json'));
    expect(await ok(fresh, 'allow', 'list')).toContain('Carrier A');
    expect((await auditOf(fresh)).slice(0, audit.length)).toEqual(audit);
    expect(await journalOf(fresh)).toEqual(journal);
    const banned = ['bans', 'list', '--json'];
    await expect.poll(async () => await ok(fresh, ...banned), { timeout: 3000 }).toBe(await ok(old, ...banned));
    expect(await ok(fresh, 'bans', 'show', '203.0.113.9')).toContain('failed registration as 100');
    expect(await inStore(fresh, (redis) => redis.hgetall(keys.grants))).toHaveProperty('g1');
    await expect.poll(() => ok(fresh, 'locks', 'list'), { timeout: 5000 }).toContain('extension 1002');
    expect(await inStore(fresh, (redis) => redis.getBuffer(keys.reached('e1001', 'CU')))).toEqual(
      reachedAt(REACHED_AT),
    );
    const verified = await fresh.run(['audit', 'verify']);
    expect([verified.exitCode, verified.error]).toEqual([0, '']);
    expect(await ok(fresh, 'audit', 'list', '--action', 'backup.restore')).toContain('the policy');
  });

  test('restored twice changes nothing the second time, the audit log included', async () => {
    const tollgate = await start();
    await fill(tollgate);
    await ok(tollgate, 'backup', file);
    const before = await auditOf(tollgate);
    const { exitCode, by } = await restored(tollgate);
    expect([exitCode, new Set(Object.values(by))]).toEqual([0, new Set(['unchanged'])]);
    expect(await auditOf(tollgate)).toEqual(before);
  });

  test('in a dry run says what it would do and does none of it', async () => {
    const old = await start();
    await fill(old);
    await ok(old, 'backup', file);
    const fresh = await start();
    const before = await inStore(fresh, (redis) => redis.keys('*'));
    const { exitCode, out } = await fresh.run(['restore', file, '--dry-run']);
    expect([exitCode, out]).toEqual([0, expect.stringContaining('the policy: would be restored, version 2')]);
    expect(out).toContain('bans: would be restored, 2 of 2');
    expect(out).toContain('Nothing was changed (--dry-run).');
    expect((await inStore(fresh, (redis) => redis.keys('*'))).sort()).toEqual(before.sort());
    expect(await ok(fresh, 'policy', 'show')).toContain('default');
  });

  test('without the journal leaves it out; to standard output it is the same', async () => {
    const tollgate = await start();
    await fill(tollgate);
    const kinds = (text: string): ReadonlySet<string> =>
      new Set(
        text
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { kind: string }).kind),
      );
    expect(kinds(await ok(tollgate, 'backup')).has('journal')).toBe(true);
    await ok(tollgate, 'backup', file, '--no-journal');
    const left = kinds(await readFile(file, 'utf8'));
    expect([left.has('journal'), left.has('audit'), left.has('bans')]).toEqual([false, true, true]);
  });
});

describe('a backup that cannot be trusted', () => {
  const CASES: readonly (readonly [name: string, damage: () => Promise<void>, said: string])[] = [
    ['was cut short', async () => await writeFile(file, (await readFile(file)).subarray(0, -300)), 'end is missing'],
    [
      'was changed',
      async () => await writeFile(file, (await readFile(file, 'utf8')).replace('Carrier A', 'Carrier B')),
      'checksum does not fit',
    ],
    [
      'was written by a newer Tollgate',
      () => rewrite((lines) => lines.map((line) => line.replace('"format":1', '"format":2'))),
      'upgrade first',
    ],
    ['is something else', () => writeFile(file, '{"hello":"world"}\n'), 'does not begin as a backup'],
    ['is empty', () => writeFile(file, ''), 'it is empty'],
    [
      'has more after its end',
      async () => await writeFile(file, `${await readFile(file, 'utf8')}{}\n`),
      'after its end',
    ],
  ];
  test('is refused with the reason, and nothing of it is used', async () => {
    const tollgate = await start();
    await fill(tollgate);
    const { out: whole } = await tollgate.run(['backup']);
    await tollgate.apply(NOBODY_CALLS.replaceAll('nobody', 'other'));
    for (const [name, damage, said] of CASES) {
      await writeFile(file, whole);
      await damage();
      const { exitCode, error } = await tollgate.run(['restore', file]);
      expect({ name, exitCode, error }).toEqual({ name, exitCode: 1, error: expect.stringContaining(said) });
      expect(error).toContain('nothing was changed');
      expect(await ok(tollgate, 'policy', 'show')).toContain('other');
    }
  });

  test('in one part loses that part alone: a policy with a mistake is refused, the rest is restored', async () => {
    const old = await start();
    await fill(old);
    await ok(old, 'backup', file);
    await rewrite((lines) => lines.map((line) => line.replace('"action":"block"', '"action":"blok"')));
    const fresh = await start();
    const { exitCode, by, said } = await restored(fresh);
    expect([exitCode, by['policy'], by['settings'], by['bans']]).toEqual([1, 'refused', 'restored', 'restored']);
    expect(said.get('policy')).toContain('action');
    expect(await ok(fresh, 'policy', 'show')).toContain('default');
  });
});

describe('the audit log', () => {
  test('of another install is never replaced nor mixed with, and the rest is restored', async () => {
    const old = await start();
    await fill(old);
    await ok(old, 'backup', file);
    const other = await start();
    await ok(other, 'settings', 'set', 'autoBan.services.web.attempts', '6');
    const before = await auditOf(other);
    const { exitCode, by, said } = await restored(other);
    expect([exitCode, by['audit'], by['policy']]).toEqual([1, 'refused', 'restored']);
    expect(said.get('audit')).toContain('another log');
    expect((await auditOf(other)).slice(0, before.length)).toEqual(before);
  });

  test('that the store has lost comes back before what was written since, and the gap goes on being reported', async () => {
    const tollgate = await start();
    await fill(tollgate);
    await ok(tollgate, 'backup', file);
    const before = await auditOf(tollgate);
    await inStore(tollgate, (redis) => redis.del(keys.audit));
    await ok(tollgate, 'settings', 'set', 'autoBan.services.web.attempts', '6');
    const since = await auditOf(tollgate);
    expect((await restored(tollgate)).by['audit']).toBe('restored');
    expect((await auditOf(tollgate)).slice(0, before.length + since.length)).toEqual([...before, ...since]);
    const { exitCode, out } = await tollgate.run(['audit', 'verify']);
    expect(exitCode).toBe(1);
    expect(out).not.toContain('missing');
  });

  test('of a backup that somebody edited is refused, though its checksum fits', async () => {
    const old = await start();
    await fill(old);
    await ok(old, 'backup', file);
    await rewrite((lines) =>
      lines.map((line) => (line.startsWith('{"kind":"audit"') ? line.replace('cli tester', 'cli nobody') : line)),
    );
    const fresh = await start();
    const { by, said } = await restored(fresh);
    expect([by['audit'], said.get('audit')]).toEqual(['refused', expect.stringContaining('does not fit its hash')]);
    expect(said.get('policy')).toContain('takes the place');
  });
});

describe('what is in force', () => {
  test('is not undone by a restore: a newer ban stays, a ban that is over does not come back', async () => {
    const tollgate = await start();
    await ok(tollgate, 'bans', 'add', '203.0.113.9');
    await inStore(tollgate, async (redis) => {
      const details = { service: 'all', origin: 'manual', reason: 'x', defenceType: 'by hand', protocol: null };
      const record = `1 2 0 1\n${JSON.stringify({ ...details, attackedPort: null, by: 'cli' })}`;
      await redis.hset(keys.bans, '192.0.2.1', record);
    });
    await ok(tollgate, 'backup', file);
    await inStore(tollgate, (redis) => redis.hdel(keys.bans, '192.0.2.1'));
    await ok(tollgate, 'bans', 'lift', '203.0.113.9');
    await ok(tollgate, 'bans', 'add', '203.0.113.50');
    for (const options of [['--dry-run'], []])
      expect((await restored(tollgate, ...options)).said.get('bans')).toContain('1 of 2 added');
    await expect
      .poll(() => inStore(tollgate, (redis) => redis.hkeys(keys.bans)).then((found) => found.sort()))
      .toEqual(['203.0.113.50', '203.0.113.9']);
  });

  test('decisions made before and after a backup stand in their order', async () => {
    const tollgate = await start();
    await tollgate.apply(NOBODY_CALLS);
    for (let call = 0; call < 3; call++) await refusedCall(tollgate);
    await untilJournal(tollgate, 3);
    await ok(tollgate, 'backup', file);
    const before = await journalOf(tollgate);
    await inStore(tollgate, (redis) => redis.del(keys.journal));
    await refusedCall(tollgate);
    await untilJournal(tollgate, 1);
    expect((await restored(tollgate)).said.get('journal')).toBe('3 decisions added');
    const after = await journalOf(tollgate);
    expect([after.slice(0, 3), after.length]).toEqual([before, 4]);
    expect(await inStore(tollgate, (redis) => redis.ttl(keys.journal))).toBeGreaterThan(0);
  });

  test('a portal is closed again as a person would do it: undone unless somebody confirms it', async () => {
    const tollgate = await start();
    await ok(tollgate, 'firewall', 'portal', 'on', '--port', 'tcp/443');
    await ok(tollgate, 'firewall', 'confirm');
    await ok(tollgate, 'backup', file);
    await ok(tollgate, 'firewall', 'portal', 'off');
    expect((await restored(tollgate)).by['firewall']).toBe('restored');
    const state = JSON.parse(await ok(tollgate, 'firewall', 'status', '--json')) as {
      readonly portal: unknown;
      readonly pending: { readonly what: string } | null;
    };
    expect(state).toMatchObject({ portal: { ports: expect.anything() }, pending: { what: 'portal' } });
  });

  test('users of a backup take the place of those there are, and whoever was logged in is logged out', async () => {
    const old = await start();
    const anna = { name: 'anna', enabled: true, passwordHash: '$argon2id$x', passwordChangedAt: EPOCH };
    const user = { ...anna, totp: null, backupCodes: [], epoch: 1, createdAt: EPOCH, createdBy: 'cli' };
    // As users were kept before they could have several roles.
    const users = [{ ...user, role: 'owner' }];
    const store = (tollgate: TestDaemon, version: number, document: object) =>
      inStore(tollgate, (redis) =>
        redis.hset(keys.users, { version, document: JSON.stringify(document), changedAt: EPOCH, changedBy: 'cli' }),
      );
    await store(old, 9, { users });
    await ok(old, 'backup', file);
    const fresh = await start();
    expect((await restored(fresh)).by['users']).toBe('restored');
    const kept = await inStore(fresh, (redis) => redis.hget(keys.users, 'document'));
    expect(JSON.parse(kept ?? '')).toEqual({ users });
    const listed = (): Promise<unknown> => ok(fresh, 'users', 'list', '--json').then(JSON.parse);
    await expect.poll(listed, { timeout: 10_000 }).toMatchObject([{ name: 'anna', roles: ['owner'] }]);
    expect(await ok(fresh, 'audit', 'list', '--json')).not.toContain('argon2id');
  });
});
