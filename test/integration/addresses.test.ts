/** `tollgate allow` and `tollgate bans` against real daemons: by hand, by file, over restarts and kills, on two nodes. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { AllowReport } from '../../src/api/allowlist-routes.ts';
import type { BanAnswerReport, BanReport } from '../../src/api/bans-routes.ts';
import type { Ran } from '../support/command-line.ts';
import { startTestDaemon, type TestDaemon } from '../support/daemon.ts';
import { startRedis } from '../support/redis.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function daemon(options: Parameters<typeof startTestDaemon>[0] = {}): Promise<TestDaemon> {
  const tollgate = await startTestDaemon(options);
  closers.push(() => tollgate.stop());
  return tollgate;
}

const run = (tollgate: TestDaemon, ...args: string[]): Promise<Ran> => tollgate.run(args);
const ok = async (tollgate: TestDaemon, ...args: string[]): Promise<string> => {
  const { exitCode, out, error } = await tollgate.run(args);
  expect({ args, exitCode, error }).toEqual({ args, exitCode: 0, error: '' });
  return out;
};
const ask = async <T>(tollgate: TestDaemon, ...args: string[]): Promise<T> =>
  JSON.parse((await tollgate.run([...args, '--json'])).out) as T;
const within = (check: () => unknown, timeout = 1000): Promise<unknown> => vi.waitFor(check, { timeout, interval: 20 });

const storePid = (tollgate: TestDaemon): number => {
  const started = tollgate.log.findLast((line) => line['part'] === 'redis-server' && typeof line['pid'] === 'number');
  return Number(started?.['pid']);
};

describe('the allowlist', () => {
  test('takes an entry, says how many addresses it holds and what is exempt because of it, and finds it again in every way', async () => {
    const tollgate = await daemon();
    const added = await ok(
      tollgate,
      'allow',
      'add',
      '203.0.113.0',
      '--mask',
      '255.255.255.0',
      '--name',
      'Main office',
      '--owner',
      'Dana',
    );
    expect(added).toContain('Main office: 203.0.113.0/24 (256 addresses) is allowed.');
    expect(added).toContain('a stolen password used from there could call without limit');
    expect(added).toContain("tollgate allow set 'Main office' --no-exempt");
    const [entry] = await ask<AllowReport[]>(tollgate, 'allow', 'list');
    expect(entry).toMatchObject({
      name: 'Main office',
      type: 'address',
      value: '203.0.113.0/24',
      mask: '255.255.255.0',
      addresses: 256,
      owner: 'Dana',
      exemptFromCallLimits: true,
      exemptNow: true,
      createdBy: 'cli tester',
      lastHitAt: null,
      resolved: null,
    });
    for (const ref of [
      'Main office',
      'MAIN OFFICE',
      entry?.id ?? '',
      '203.0.113.0/24',
      '203.0.113.77',
      '::ffff:203.0.113.77',
    ]) {
      expect((await ask<AllowReport>(tollgate, 'allow', 'show', ref)).id).toBe(entry?.id);
    }
    expect(await run(tollgate, 'allow', 'show', 'main ofice')).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('did you mean Main office?'),
    });
  });

  test('changes what is named and nothing else, and removes all of several entries or none', async () => {
    const tollgate = await daemon();
    await ok(tollgate, 'allow', 'add', '203.0.113.0/24', '--name', 'A', '--description', 'first', '--no-exempt');
    await ok(tollgate, 'allow', 'add', '198.51.100.5-198.51.100.20', '--name', 'B');
    await ok(tollgate, 'allow', 'set', 'a', '--owner', 'Kim', '--mask', '/25');
    expect(await ask<AllowReport>(tollgate, 'allow', 'show', 'A')).toMatchObject({
      value: '203.0.113.0/25',
      description: 'first',
      owner: 'Kim',
      exemptFromCallLimits: false,
      addresses: 128,
    });
    expect(await run(tollgate, 'allow', 'remove', 'A', 'Bee')).toMatchObject({ exitCode: 1 });
    expect(await ask<AllowReport[]>(tollgate, 'allow', 'list')).toHaveLength(2);
    expect(await ok(tollgate, 'allow', 'remove', 'A', '198.51.100.7')).toBe(
      'Removed A: 203.0.113.0/25.\nRemoved B: 198.51.100.5-198.51.100.20.\n',
    );
    expect(await ok(tollgate, 'allow', 'list')).toContain('Add your own first: tollgate allow add');
  });

  test.each([
    [['203.0.113.9/24'], 1, 'did you mean 203.0.113.0/24'],
    [['0.0.0.0/0'], 1, 'nearly everyone'],
    [['300.1.1.1'], 1, 'is not an address'],
    [['not_a_domain'], 1, 'is neither an address nor a full domain'],
    [['203.0.113.9', '--type', 'domain'], 1, 'is neither an address nor a full domain'],
    [['203.0.113.9', '--type', 'range'], 1, 'is an address, and its type says range'],
    [['203.0.113.9', '--type', 'host'], 2, 'Allowed choices are address, range, domain'],
  ])('refuses %j and says how to mend it', async (args, exitCode, sentence) => {
    const tollgate = await daemon();
    expect(await run(tollgate, 'allow', 'add', ...args, '--name', 'X')).toMatchObject({
      exitCode,
      error: expect.stringContaining(sentence),
    });
    expect(await run(tollgate, 'allow', 'add', '203.0.113.9')).toMatchObject({ exitCode: 2 });
  });

  test('says duplicates and overlaps', async () => {
    const tollgate = await daemon();
    await ok(tollgate, 'allow', 'add', '203.0.113.0/24', '--name', 'Office');
    for (const [args, sentence] of [
      [['192.0.2.1', '--name', 'office'], '"office" is the name of another entry (203.0.113.0/24)'],
      [['203.0.113.0-203.0.113.255', '--name', 'Twin'], 'is allowed already, by "Office"'],
    ] as const) {
      expect(await run(tollgate, 'allow', 'add', ...args)).toMatchObject({
        exitCode: 1,
        error: expect.stringContaining(sentence),
      });
    }
    expect(await ok(tollgate, 'allow', 'add', '203.0.113.9', '--name', 'Desk', '--dry-run')).toContain(
      'Note: it lies inside "Office" already',
    );
    expect(await ask<AllowReport[]>(tollgate, 'allow', 'list')).toHaveLength(1);
    expect(await ok(tollgate, 'allow', 'add', '203.0.112.0/20', '--name', 'Campus')).toContain(
      'Note: it holds "Office"',
    );
  });

  test('is exported to a file and imported from it without a difference, and a mistake imports nothing', async () => {
    const tollgate = await daemon();
    await ok(
      tollgate,
      'allow',
      'add',
      '203.0.113.0/24',
      '--name',
      '=Office, "main"',
      '--description',
      'a;b',
      '--no-exempt',
    );
    await ok(tollgate, 'allow', 'add', '198.51.100.5-198.51.100.20', '--name', 'VPN', '--owner', 'Kim');
    await ok(tollgate, 'allow', 'add', '2001:db8::/48', '--name', 'Six');
    await ok(tollgate, 'allow', 'add', 'sip.carrier.invalid', '--name', 'Carrier');
    const csv = await ok(tollgate, 'allow', 'export');
    const imported = async (input: string, ...args: string[]): Promise<Ran> =>
      tollgate.run(['allow', 'import', '-', ...args], { input });
    expect((await imported(csv)).out).toContain('4 rows: 0 new, 0 changed, 4 the same');
    expect(await ok(tollgate, 'allow', 'export')).toBe(csv);
    const other = 'Name;Value;Mask;Exempt\nVPN;198.51.100.0;255.255.255.0;no\nNew;192.0.2.1;;\n';
    expect((await imported(other, '--dry-run')).out).toMatch(
      /2 rows: 1 new, 1 changed, 0 the same\.\n\+ New\n~ VPN\n[\s\S]*Nothing was changed/,
    );
    expect(await ok(tollgate, 'allow', 'export')).toBe(csv);
    expect(JSON.parse((await imported(other, '--replace', '--json')).out)).toMatchObject({
      applied: true,
      changed: true,
      added: ['New'],
      replaced: ['VPN'],
      removed: ['=Office, "main"', 'Six', 'Carrier'],
    });
    expect((await ask<AllowReport[]>(tollgate, 'allow', 'list')).map(({ name, value }) => [name, value])).toEqual([
      ['VPN', '198.51.100.0/24'],
      ['New', '192.0.2.1'],
    ]);
    const bad = 'name,value,exempt\nA,192.0.2.9,\nB,192.0.2.999,\nA,192.0.2.10,\nC,192.0.2.1,\n';
    const refused = await imported(bad);
    expect(refused.exitCode).toBe(1);
    expect(refused.error).toBe(
      [
        'standard input:3: value: "192.0.2.999" is not an address; write 203.0.113.9, 203.0.113.0/24, 203.0.113.5-203.0.113.20 or 2001:db8::/32',
        'standard input:4: name: "A" stands in line 2 already',
        'standard input:5: value: 192.0.2.1 is allowed already, by "New"',
        'standard input has 3 mistakes; nothing was imported.',
        '',
      ].join('\n'),
    );
    expect((await imported('name,adress\nA,1.1.1.1\n')).error).toContain('is no column of the allowlist');
    expect((await imported('name,value\nB\uFFFDro,192.0.2.9\n')).error).toContain('standard input is not UTF-8');
    expect(await ask<AllowReport[]>(tollgate, 'allow', 'list')).toHaveLength(2);
  });
});

describe('the ban list', () => {
  test('answers why an address is banned, since when, until when, and whether one that is not is allowed', async () => {
    const tollgate = await daemon();
    await ok(tollgate, 'bans', 'add', '198.51.100.0/24', '--for', '7d', '--reason', 'guesses passwords');
    const shown = await ok(tollgate, 'bans', 'show', '198.51.100.7');
    expect(shown).toMatch(
      /^198\.51\.100\.7 is banned, as part of 198\.51\.100\.0\/24\.\n {2}Why: +guesses passwords\n {2}Since: [\s\S]*Ends: +in 7 days/,
    );
    expect(shown).toContain('To let it in again: tollgate bans lift 198.51.100.0/24');
    const ban = await ask<BanAnswerReport>(tollgate, 'bans', 'show', '198.51.100.0/24');
    expect(ban).toMatchObject({
      banned: true,
      address: '198.51.100.0/24',
      service: 'all',
      origin: 'manual',
      permanent: false,
      offences: 0,
      reason: 'guesses passwords',
      by: 'cli tester',
      evidence: [],
      history: [{ what: 'add' }],
    });
    expect('until' in ban && Date.parse(ban.until ?? '') - Date.parse(ban.since)).toBe(7 * 86_400_000);
    expect(await run(tollgate, 'bans', 'show', '192.0.2.1')).toMatchObject({
      exitCode: 1,
      out: '192.0.2.1 is not banned.\nIt is not on the allowlist either.\n',
    });
    await ok(tollgate, 'allow', 'add', '192.0.2.0/24', '--name', 'Main office', '--no-exempt');
    expect(await run(tollgate, 'bans', 'show', '192.0.2.1')).toMatchObject({
      exitCode: 1,
      out: expect.stringContaining('192.0.2.1 is allowed by Main office (192.0.2.0/24): it is never banned.'),
    });
    expect(await run(tollgate, 'bans', 'show', 'nonsense')).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('is not an address'),
    });
  });

  test('lifts several at once and says of each that was none what holds it', async () => {
    const tollgate = await daemon();
    await ok(tollgate, 'bans', 'add', '203.0.113.9');
    await ok(tollgate, 'bans', 'add', '203.0.113.0/24', '--permanent');
    const { exitCode, out, error } = await run(
      tollgate,
      'bans',
      'lift',
      '203.0.113.9',
      '203.0.113.10',
      '192.0.2.1',
      'x.y',
    );
    expect(exitCode).toBe(1);
    expect(out).toBe('Lifted 203.0.113.9; it is still banned as part of 203.0.113.0/24; lift that to let it in.\n');
    expect(error).toMatch(
      /^203\.0\.113\.10 is banned as part of 203\.0\.113\.0\/24[\s\S]*192\.0\.2\.1 is not banned\.\nx\.y is not an address/,
    );
    expect(
      (await ask<BanReport[]>(tollgate, 'bans', 'list')).map(({ address, permanent, until }) => ({
        address,
        permanent,
        until,
      })),
    ).toEqual([{ address: '203.0.113.0/24', permanent: true, until: null }]);
  });

  test('never holds an allowed address: a ban is refused with the name of the entry, and one that was there ends', async () => {
    const tollgate = await daemon();
    await ok(tollgate, 'bans', 'add', '203.0.113.9');
    expect(await ok(tollgate, 'allow', 'add', '203.0.113.0/24', '--name', 'Main office')).toContain(
      'Note: bans inside it end now: 1.',
    );
    await within(async () => expect(await ask<BanReport[]>(tollgate, 'bans', 'list')).toEqual([]));
    expect(await run(tollgate, 'bans', 'add', '203.0.113.9', '--force')).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('is allowed by "Main office" (203.0.113.0/24)'),
    });
  });

  test('refuses what hits this host or its administrator, unless forced', async () => {
    const tollgate = await daemon();
    for (const address of ['127.0.0.1', '::1', '0.0.0.0/0', '10.0.0.0/8', '2001::/16']) {
      expect(await run(tollgate, 'bans', 'add', address)).toMatchObject({
        exitCode: 1,
        error: expect.stringContaining('--force'),
      });
    }
    await ok(tollgate, 'bans', 'add', '10.0.0.0/8', '--force');
    expect(await run(tollgate, 'bans', 'add', '203.0.113.9', '--for', '5x')).toMatchObject({ exitCode: 2 });
    expect(await run(tollgate, 'bans', 'add', '203.0.113.9', '--for', '5m', '--permanent')).toMatchObject({
      exitCode: 1,
      error: expect.stringContaining('contradicts permanent'),
    });
  });
});

test('an address stands by the allowlist before any ban, and a call from it is its last hit', async () => {
  const tollgate = await daemon();
  const { standingOf } = tollgate.daemon;
  await ok(tollgate, 'bans', 'add', '203.0.112.0/22', '--reason', 'scans');
  await ok(tollgate, 'allow', 'add', '203.0.113.0/24', '--name', 'Main office');
  expect(standingOf('203.0.113.9:5060')).toEqual({ layer: 'allowlist', entry: 'Main office', exempt: true });
  expect(standingOf('203.0.112.9')).toEqual({
    layer: 'ban',
    reason: 'scans',
    until: expect.any(Number),
    address: '203.0.112.0/22',
  });
  expect([standingOf('192.0.2.1'), standingOf(undefined), standingOf(''), standingOf('nobody')]).toEqual(
    Array(4).fill(undefined),
  );
  const [entry] = await ask<AllowReport[]>(tollgate, 'allow', 'list');
  expect(Date.now() - Date.parse(entry?.lastHitAt ?? '')).toBeLessThan(5000);
  const [ban] = await ask<BanReport[]>(tollgate, 'bans', 'list');
  expect(Date.now() - Date.parse(ban?.lastHitAt ?? '')).toBeLessThan(5000);
  await ok(tollgate, 'allow', 'exemptions', 'off');
  expect(standingOf('203.0.113.9')).toMatchObject({ exempt: false });
});

test('bans lift leaves alone who was lifted so, lists him with who said so, records it, and ends it when asked', async () => {
  const tollgate = await daemon();
  await ok(tollgate, 'bans', 'add', '203.0.113.9');
  const said = await ok(tollgate, 'bans', 'lift', '203.0.113.9', '--leave-alone', '1h');
  expect(said).toMatch(/^Lifted 203\.0\.113\.9\.\nLeft alone by automatic bans until /);
  expect(await ok(tollgate, 'bans', 'left-alone')).toMatch(/203\.0\.113\.9 .*cli tester/);
  const audit = await ask<readonly { readonly after: unknown }[]>(tollgate, 'audit', 'list', '--action', 'bans.lift');
  expect(audit[0]?.after).toMatchObject({ leftAloneUntil: expect.any(String) });
  const wide = await run(tollgate, 'bans', 'lift', '10.0.0.0/8', '--leave-alone', '1h');
  expect([wide.exitCode, wide.error]).toEqual([1, expect.stringContaining('is too wide to be left alone')]);
  const long = await run(tollgate, 'bans', 'lift', '203.0.113.9', '--leave-alone', '30d');
  expect(long.error).toContain('from a minute to 7 days');
  expect(await ok(tollgate, 'bans', 'left-alone', '--end', '203.0.113.9')).toBe('Automatic bans leave nobody alone.\n');
  expect((await run(tollgate, 'bans', 'left-alone', '--end', '203.0.113.9')).exitCode).toBe(1);
});

describe('what was acknowledged', () => {
  test('is there after the store was killed in the same moment, and after the daemon was started again', async () => {
    const stateDir = await mkdtemp(join(tmpdir(), 'tollgate-kill-'));
    closers.push(() => rm(stateDir, { recursive: true, force: true }));
    const tollgate = await startTestDaemon({ stateDir });
    await ok(tollgate, 'allow', 'add', '192.0.2.0/24', '--name', 'Office');
    await ok(tollgate, 'bans', 'add', '203.0.113.9', '--permanent', '--reason', 'before the kill');
    process.kill(storePid(tollgate), 'SIGKILL');
    await within(async () => {
      expect(await run(tollgate, 'bans', 'add', '203.0.113.10')).toMatchObject({ exitCode: 0 });
    }, 10_000);
    expect((await ask<BanReport[]>(tollgate, 'bans', 'list')).map(({ address }) => address).sort()).toEqual([
      '203.0.113.10',
      '203.0.113.9',
    ]);
    await tollgate.stop();
    const again = await daemon({ stateDir });
    expect(again.daemon.standingOf('203.0.113.9')).toMatchObject({
      layer: 'ban',
      reason: 'before the kill',
      until: null,
    });
    expect(again.daemon.standingOf('192.0.2.1')).toMatchObject({ layer: 'allowlist', entry: 'Office' });
  });

  test('on one daemon is in force on another one on the same store within a second; a lost store is no lost allowlist', async () => {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    const env = { TOLLGATE_REDIS__URL: `unix://${redis.socketPath}` };
    const [one, other] = [await daemon({ env }), await daemon({ env })];
    await ok(one, 'allow', 'add', '203.0.113.0/24', '--name', 'Office');
    await ok(other, 'bans', 'add', '192.0.2.9');
    await within(() => {
      expect(other.daemon.standingOf('203.0.113.9')).toMatchObject({ layer: 'allowlist' });
      expect(one.daemon.standingOf('192.0.2.9')).toMatchObject({ layer: 'ban' });
    });
    await ok(one, 'bans', 'lift', '192.0.2.9');
    await ok(other, 'allow', 'remove', 'Office');
    await within(() => {
      expect(other.daemon.standingOf('192.0.2.9')).toBeUndefined();
      expect(one.daemon.standingOf('203.0.113.9')).toBeUndefined();
    });
    await ok(one, 'allow', 'add', '203.0.113.0/24', '--name', 'Office');
    process.kill(redis.pid, 'SIGSTOP');
    closers.push(() => process.kill(redis.pid, 'SIGCONT'));
    expect(one.daemon.standingOf('203.0.113.9')).toMatchObject({ layer: 'allowlist' });
    expect(JSON.parse((await one.run(['allow', 'list', '--json'])).out)).toHaveLength(1);
  });
});
