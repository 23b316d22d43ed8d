/**
 * The Debian package, really installed in a fresh Debian: it starts, is upgraded with its state kept, and goes without a
 * trace; and what systemd says of the unit in it.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MachineReport } from '../../src/doctor/doctor.ts';
import {
  createPackageRoot,
  isOnPath,
  type PackageRoot,
  type RootDaemon,
  whyNoPackageRoot,
} from '../support/package-root.ts';
import { COMPILED_PROGRAM } from '../support/program.ts';

const execute = promisify(execFile);
const PROJECT = join(import.meta.dirname, '../..');
const UNIT = join(PROJECT, 'docker/systemd/tollgate.service');
/** CAP_NET_ADMIN and nothing else, as the kernel shows it. */
const NET_ADMIN = '0000000000001000';

const whyNot = whyNoPackageRoot();
if (whyNot !== undefined) console.warn(`the Debian package is not tested here: ${whyNot}`);

describe.skipIf(whyNot !== undefined)(`the Debian package${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let folder: string;
  let root: PackageRoot;
  let daemon: RootDaemon | undefined;
  const packages: string[] = [];

  const build = async (version: string): Promise<string> => {
    const { stdout } = await execute('node', ['docker/build-deb.mjs', '--out', folder, '--version', version], {
      cwd: PROJECT,
    });
    return stdout.trim();
  };
  const install = async (file: string): Promise<void> => {
    await execute('cp', [file, join(root.path, 'tmp')]);
    const { exitCode, out } = await root.run('dpkg', '--force-unsafe-io', '--install', `/tmp/${basename(file)}`);
    expect({ exitCode, out }).toEqual({ exitCode: 0, out: expect.stringContaining('Setting up tollgate') });
  };
  const tollgate = async (...args: string[]): Promise<string> => {
    const { exitCode, out } = await root.run('tollgate', ...args);
    expect({ args, exitCode, out }).toMatchObject({ args, exitCode: 0 });
    return out;
  };
  const start = async (): Promise<RootDaemon> => {
    const started = root.serve();
    daemon = started;
    await expect.poll(started.log, { timeout: 20_000 }).toContain('deciding calls');
    return started;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tollgate-package-'));
    // A whole run has compiled it already, and others run what it compiled.
    if (process.env[COMPILED_PROGRAM] === undefined) await execute('npm', ['run', 'build'], { cwd: PROJECT });
    [root] = await Promise.all([createPackageRoot(), build('1.0.0').then((file) => packages.push(file))]);
    packages.push(await build('1.0.1'));
  }, 180_000);
  afterAll(async () => {
    await daemon?.stop();
    await root?.remove();
    await rm(folder, { recursive: true, force: true });
  });

  test('installs beside what Debian has, and starts with one capability and its own user', async () => {
    await install(packages[0] ?? '');
    expect((await tollgate('--version')).trim()).toBe('1.0.0');
    const modes = await root.run('stat', '-c', '%n %U:%G %a', '/etc/tollgate/tollgate.yaml', '/var/lib/tollgate');
    expect(modes.out).toBe('/etc/tollgate/tollgate.yaml root:tollgate 640\n/var/lib/tollgate tollgate:tollgate 750\n');
    const config = join(root.path, 'etc/tollgate/tollgate.yaml');
    await writeFile(config, `${await readFile(config, 'utf8')}firewall:\n  backend: nftables\n`);
    const { pid } = await start();
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    for (const set of ['CapEff', 'CapBnd', 'CapAmb']) expect(status).toContain(`${set}:\t${NET_ADMIN}`);
    expect(status).toContain('NoNewPrivs:\t1');
    expect(status).not.toMatch(/^Uid:\t0/m);
    await tollgate('status');
    const firewall = JSON.parse(await tollgate('firewall', 'status', '--json')) as {
      backend: string;
      inForce: boolean;
    };
    expect(firewall).toMatchObject({ backend: 'nftables', inForce: true });
  });

  test('has a doctor that sees the fresh machine, its daemon, and no secret', async () => {
    const { exitCode, out } = await root.run('tollgate', 'doctor', '--json');
    // Behind it stands that the program ended with 1.
    const { findings } = JSON.parse(out.slice(0, out.lastIndexOf('}') + 1)) as MachineReport;
    const level = (family: string, check: string): string | undefined =>
      findings.find((each) => each.family === family && each.check === check)?.level;
    expect([exitCode, level('connections', 'daemon'), level('connections', 'firewall')]).toEqual([1, 'ok', 'ok']);
    expect([level('ssh', 'server'), level('accounts', 'roots'), level('asterisk', 'installed')]).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    // Made by debootstrap: its lists are there, and no source of security updates.
    expect(findings.filter(({ family }) => family === 'updates').map(({ level: each }) => each)).toContain('bad');
    // Nothing shows the kernel's lists in there.
    expect(level('ports', 'listening')).toBe('unknown');
    expect(findings.filter(({ check }) => check === 'failed')).toEqual([]);
  });

  test('upgraded keeps policy, bans, audit log and an edited configuration', async () => {
    await tollgate('settings', 'set', 'autoBan.services.web.attempts', '7');
    await tollgate('bans', 'add', '203.0.113.9', '--reason', 'guessing');
    expect(await daemon?.stop()).toBe(0);
    await install(packages[1] ?? '');
    expect((await tollgate('--version')).trim()).toBe('1.0.1');
    expect(await readFile(join(root.path, 'etc/tollgate/tollgate.yaml'), 'utf8')).toContain('backend: nftables');
    await start();
    expect((await tollgate('settings', 'show', 'autoBan.services.web.attempts', '--json')).trim()).toBe('7');
    expect(await tollgate('bans', 'list')).toContain('203.0.113.9');
    expect(await tollgate('audit', 'verify')).toContain('The audit log is whole');
  });

  test('writes a backup that a purged and newly installed one is restored from', async () => {
    await tollgate('backup', '/tmp/backup.jsonl');
    await daemon?.stop();
    expect((await root.run('dpkg', '--remove', 'tollgate')).exitCode).toBe(0);
    expect((await root.run('test', '-e', '/usr/lib/tollgate')).exitCode).toBe(1);
    // Removed is not purged.
    expect((await root.run('test', '-e', '/var/lib/tollgate/policy.json')).exitCode).toBe(0);
    await purge();
    await install(packages[1] ?? '');
    await start();
    expect(await tollgate('restore', '/tmp/backup.jsonl')).toContain('bans: restored, 1 of 1');
    expect((await tollgate('settings', 'show', 'autoBan.services.web.attempts', '--json')).trim()).toBe('7');
    await daemon?.stop();
  });

  test('purged leaves neither files nor user', async () => {
    await purge();
    const users = await root.run('getent', 'passwd', 'tollgate');
    expect([users.exitCode, (await root.run('getent', 'group', 'tollgate')).exitCode]).toEqual([2, 2]);
    // What dpkg itself keeps, a log among it, is dpkg's.
    const left = await root.run('find', '/', '-xdev', '-name', '*tollgate*', '-not', '-path', '/tmp/*');
    expect(left.out).toBe('');
  });

  const purge = async (): Promise<void> => {
    const { exitCode, out } = await root.run('dpkg', '--purge', 'tollgate');
    expect({ exitCode, out }).toMatchObject({ exitCode: 0 });
  };
});

const noAnalyze = isOnPath('systemd-analyze') ? '' : ' (needs systemd-analyze: apt-get install systemd)';

describe.skipIf(noAnalyze !== '')(`the systemd unit${noAnalyze}`, () => {
  test('exposes less than 2.5 of 10 by the reckoning of systemd-analyze', async () => {
    const args = ['security', '--offline=true', '--no-pager', '--threshold=25', UNIT];
    const { stdout } = await execute('systemd-analyze', args);
    expect(stdout).toMatch(/Overall exposure level for tollgate\.service: [01]\.\d|2\.[0-4]/);
  });

  test('has no line that systemd does not understand', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-unit-'));
    try {
      const unit = (await readFile(UNIT, 'utf8')).replace('/usr/bin/tollgate serve', '/bin/true');
      await writeFile(join(folder, 'tollgate.service'), unit);
      const args = ['verify', '--man=no', '--recursive-errors=no', join(folder, 'tollgate.service')];
      const { stdout, stderr } = await execute('systemd-analyze', args).catch((error: unknown) => error as never);
      expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('tollgate.service:'))).toEqual([]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
