/**
 * A fresh Debian of its own to install packages in: made once by debootstrap, kept in the cache, copied for each use.
 *
 * Programs run in it by chroot; a daemon with a network and a `/proc` of its own, as the user and with the one capability
 * that the systemd unit gives it. There is no systemd in it: what that does beyond this is not shown here.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { findDebianMirror, systemPath } from '../../src/demo/debian-mirror.ts';
import { cacheFolder } from '../../src/demo/debian-root.ts';

const execute = promisify(execFile);
/** The first that carries a Node.js that is new enough. */
const SUITE = 'trixie';
const INCLUDED = ['adduser', 'init-system-helpers', 'nodejs', 'redis-server', 'nftables'];
const PATH = `/usr/local/sbin:/usr/local/bin:${systemPath}`;

export interface PackageRoot {
  readonly path: string;
  /** Runs a program in it. Never rejects. */
  readonly run: (program: string, ...args: readonly string[]) => Promise<RanInRoot>;
  /** Starts the daemon as the unit does; its log goes to `log`. */
  readonly serve: () => RootDaemon;
  readonly remove: () => Promise<void>;
}

export interface RanInRoot {
  readonly exitCode: number;
  readonly out: string;
}

export interface RootDaemon {
  readonly pid: number;
  readonly log: () => string;
  /** Asks it to stop, and waits. @returns its exit code */
  readonly stop: () => Promise<number | null>;
}

/** Why there can be none on this machine; undefined: there can. */
export function whyNoPackageRoot(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  const missing = ['debootstrap', 'dpkg-deb', 'unshare'].filter((program) => !isOnPath(program));
  if (missing.length > 0) return `needs ${missing.join(' and ')}: apt-get install debootstrap`;
  return undefined;
}

export const isOnPath = (program: string): boolean =>
  [...PATH.split(delimiter), ...(process.env['PATH'] ?? '').split(delimiter)].some((folder) =>
    existsSync(join(folder, program)),
  );

export async function createPackageRoot(): Promise<PackageRoot> {
  const base = await baseRoot();
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-root-'));
  const path = join(folder, 'root');
  await execute('cp', ['--archive', '--reflink=auto', base, path]);
  const env = { PATH, HOME: '/root', LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive' };
  return {
    path,
    run: async (program, ...args) => {
      try {
        const { stdout, stderr } = await execute('chroot', [path, program, ...args], { env, maxBuffer: 1e8 });
        return { exitCode: 0, out: stdout + stderr };
      } catch (error) {
        const { code, stdout, stderr } = error as { code?: unknown; stdout?: string; stderr?: string };
        return {
          exitCode: typeof code === 'number' ? code : -1,
          out: `${stdout ?? ''}${stderr ?? ''}${String(error)}`,
        };
      }
    },
    serve: () => serveIn(path, env),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function serveIn(path: string, env: Readonly<Record<string, string>>): RootDaemon {
  // The network and the mounts end with the process.
  const setUp = 'ip link set lo up && mount -t proc proc "$0/proc" && exec chroot "$0" "$@"';
  const only = '-all,+net_admin';
  const asUnit = ['--reuid=tollgate', '--regid=tollgate', '--clear-groups', '--no-new-privs'];
  const capabilities = [`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`];
  const daemon: ChildProcess = spawn(
    'unshare',
    ['--net', '--mount', 'sh', '-c', setUp, path, 'setpriv', ...asUnit, ...capabilities, 'tollgate', 'serve'],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [daemon.stdout, daemon.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  const killAtExit = (): void => void daemon.kill('SIGKILL');
  process.once('exit', killAtExit);
  return {
    pid: daemon.pid ?? -1,
    log: () => log,
    stop: async () => {
      if (daemon.exitCode === null && daemon.signalCode === null) {
        const ended = once(daemon, 'exit');
        daemon.kill('SIGTERM');
        await ended;
      }
      process.off('exit', killAtExit);
      return daemon.exitCode;
    },
  };
}

/** Half a minute and 150 MB from the mirror, once. */
async function baseRoot(): Promise<string> {
  const cache = cacheFolder(process.env);
  const base = join(cache, `package-root-${SUITE}-1`);
  if (existsSync(base)) return base;
  await mkdir(cache, { recursive: true });
  const made = await mkdtemp(join(cache, 'package-root-new-'));
  try {
    const { uri } = await findDebianMirror(process.env);
    const env = { ...process.env, PATH };
    const wanted = ['--variant=minbase', `--include=${INCLUDED.join(',')}`, SUITE, join(made, 'root'), uri];
    await execute('debootstrap', wanted, { env, maxBuffer: 1e8 });
    await rm(join(made, 'root/var/cache/apt/archives'), { recursive: true, force: true });
    await mkdir(join(made, 'root/var/cache/apt/archives/partial'), { recursive: true });
    // Whoever was faster has made the same.
    await rename(join(made, 'root'), base).catch(() => undefined);
  } finally {
    await rm(made, { recursive: true, force: true });
  }
  return base;
}
