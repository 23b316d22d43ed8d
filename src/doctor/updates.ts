/** Security updates that wait, how old the knowledge of them is, and whether the machine must be started again. */
import { DAY_MS, type DoctorContext } from './context.ts';
import { findingsOf, type MachineFinding, several } from './finding.ts';
import { type Machine, runBounded } from './machine.ts';

const { ok, warn, bad, unknown } = findingsOf('updates');

const WHY = 'most break-ins use a hole that has been mended, on a machine where the mend was not installed';
const WHY_LISTS = 'without fresh lists nobody sees what is missing';
const LISTS_MAX_DAYS = 7;

export async function examineUpdates({ machine }: DoctorContext): Promise<readonly MachineFinding[]> {
  return [...(await pending(machine)), ...(await restart(machine))];
}

async function pending(machine: Machine): Promise<readonly MachineFinding[]> {
  if ((await machine.read('/var/lib/dpkg/status')).kind === 'text') return ofApt(machine);
  if (!machine.isLive) return [unknown('security', 'this is no Debian, and its own programs were not run', WHY, '')];
  const dnf =
    (await machine.run('dnf', '-q', '-C', 'updateinfo', 'list', '--security')) ??
    (await machine.run('yum', '-q', '-C', 'updateinfo', 'list', 'security'));
  if (dnf !== undefined) {
    const packages = dnf.out.split('\n').flatMap((line) => /\S+\s+\S*Sec\.?\S*\s+(\S+)/i.exec(line)?.[1] ?? []);
    return [judged(packages, 'yum update --security')];
  }
  const zypper = await machine.run(
    'zypper',
    '--non-interactive',
    '--no-refresh',
    'list-patches',
    '--category',
    'security',
  );
  if (zypper !== undefined) {
    const patches = zypper.out
      .split('\n')
      .flatMap((line) => /\|\s*(\S+)\s*\|\s*security\s*\|.*needed/i.exec(line)?.[1] ?? []);
    return [judged(patches, 'zypper patch --category security')];
  }
  return [
    unknown(
      'security',
      'no apt-get, dnf, yum or zypper could be asked',
      WHY,
      'look with the package manager of this system',
    ),
  ];
}

const judged = (packages: readonly string[], command: string): MachineFinding =>
  packages.length === 0
    ? ok('security', 'no security update is pending', WHY)
    : bad(
        'security',
        `${packages.length} security ${packages.length === 1 ? 'update is' : 'updates are'} pending: ${several(packages)}`,
        WHY,
        command,
      );

async function ofApt(machine: Machine): Promise<readonly MachineFinding[]> {
  const findings: MachineFinding[] = [];
  const lists = ((await machine.list('/var/lib/apt/lists')) ?? []).filter((name) => /_(?:In)?Release$/.test(name));
  const readings = await Promise.all(lists.map((name) => machine.read(`/var/lib/apt/lists/${name}`)));
  const newest = Math.max(0, ...readings.map((found) => (found.kind === 'text' ? found.modifiedAt : 0)));
  if (newest === 0) {
    findings.push(unknown('lists', 'the package lists were never fetched', WHY_LISTS, 'apt-get update'));
  } else {
    const days = Math.floor((machine.now() - newest) / DAY_MS);
    const age = `the package lists are ${days} ${days === 1 ? 'day' : 'days'} old`;
    findings.push(
      days > LISTS_MAX_DAYS ? warn('lists', age, WHY_LISTS, 'apt-get update') : ok('lists', age, WHY_LISTS),
    );
  }
  if (newest > 0 && !lists.some((name) => /security/i.test(name))) {
    const command =
      'add it to /etc/apt/sources.list (Debian: security.debian.org, suite NAME-security); then: apt-get update';
    findings.push(bad('source', 'no source of security updates is configured', WHY, command));
    return findings;
  }
  const simulated = newest === 0 ? undefined : await simulate(machine);
  if (simulated === undefined) {
    findings.push(
      unknown('security', 'apt-get could not be asked what it would install', WHY, 'apt-get --simulate dist-upgrade'),
    );
    return findings;
  }
  // `Inst libssl3 [3.0.15-1] (3.0.17-1 Debian-Security:12/stable-security [amd64])`
  const packages = simulated.split('\n').flatMap((line) => /^Inst (\S+) .*\([^)]*security/i.exec(line)?.[1] ?? []);
  findings.push(judged(packages, 'apt-get dist-upgrade'));
  return findings;
}

/** What an upgrade would do. apt-get of this machine also reads another root; it is kept from writing its cache there. */
async function simulate(machine: Machine): Promise<string | undefined> {
  const quiet = ['-o', 'Debug::NoLocking=1', '-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='];
  const dpkg = `${machine.root}/var/lib/dpkg/status`;
  const there = machine.isLive ? [] : ['-o', `Dir=${machine.root}`, '-o', `Dir::State::status=${dpkg}`];
  const args = [...there, ...quiet, '--simulate', '--quiet', 'dist-upgrade'];
  const ran = await runBounded('apt-get', args, '/usr/sbin:/usr/bin:/sbin:/bin');
  return ran?.exitCode === 0 ? ran.out : undefined;
}

async function restart(machine: Machine): Promise<readonly MachineFinding[]> {
  const why = 'an updated kernel or library is in force only when it is started';
  const flag = await machine.read('/run/reboot-required');
  return flag.kind === 'absent'
    ? []
    : [warn('restart', 'an update waits for a restart of the machine', why, 'reboot, in a quiet hour')];
}
