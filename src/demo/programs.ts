/**
 * The programs that the demo and the tests start beside Tollgate: Redis and SIPp.
 *
 * Guarantees a search path on which all of them are found. What the machine has is used as it is; what it has not comes
 * from the private packages (debian-root.ts), by way of small scripts in the cache's `bin`. Nothing is installed.
 */
import { constants } from 'node:fs';
import { access, chmod, copyFile, mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { type Environment, PackagesUnavailable } from './debian-mirror.ts';
import { cacheFolder, type DebianRoot, ensureDebianRoot, type Progress } from './debian-root.ts';

export interface Programs {
  /** A value for PATH: the one handed in, with the cache's `bin` behind it where that was needed. */
  readonly searchPath: string;
  readonly redisServer: string;
  readonly redisBenchmark: string;
  readonly sipp: string;
}

const needed = {
  redisServer: { names: ['redis-server', 'valkey-server'], packaged: 'usr/bin/redis-server' },
  redisBenchmark: { names: ['redis-benchmark', 'valkey-benchmark'], packaged: 'usr/bin/redis-benchmark' },
  sipp: { names: ['sipp'], packaged: 'usr/bin/sipp' },
} as const;

/**
 * Finds the programs on `env.PATH`, fetching the missing ones.
 *
 * @throws PackagesUnavailable if one is neither installed nor to be had.
 */
export async function ensurePrograms(options: {
  readonly env: Environment;
  readonly onProgress?: (progress: Progress) => void;
}): Promise<Programs> {
  const path = options.env['PATH'] ?? '';
  const installed = await findAll(path);
  if (installed !== undefined) return { searchPath: path, ...installed };

  const root = await ensureDebianRoot(
    { name: 'tools', suite: await ownSuite(), packages: ['redis-server', 'redis-tools', 'sip-tester'] },
    options,
  );
  const bin = join(cacheFolder(options.env), 'bin');
  await mkdir(bin, { recursive: true });
  for (const { names, packaged } of Object.values(needed)) await writeStarter(bin, names[0], root, packaged);
  const searchPath = path === '' ? bin : `${path}${delimiter}${bin}`;
  const found = await findAll(searchPath);
  if (found === undefined) throw new PackagesUnavailable(`${bin} lacks one of redis-server, redis-benchmark, sipp`);
  return { searchPath, ...found };
}

/** A script that starts the program with its own libraries, whole from the moment it has its name. */
async function writeStarter(bin: string, name: string, root: DebianRoot, program: string): Promise<void> {
  const [loader, ...prefix] = root.commandLine(program);
  // The kernel names a process after the file it executes, which is the dynamic loader. A copy of the loader under the
  // program's name keeps `ps`, and whoever looks for a redis-server left behind, right.
  const named = join(bin, '.loaders', name);
  await mkdir(join(bin, '.loaders'), { recursive: true });
  const fresh = `.${process.pid}`;
  await copyFile(loader, `${named}${fresh}`);
  await chmod(`${named}${fresh}`, 0o755);
  await rename(`${named}${fresh}`, named);
  const script = join(bin, name);
  const words = [named, ...prefix].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  await writeFile(`${script}${fresh}`, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
  await rename(`${script}${fresh}`, script);
}

async function findAll(searchPath: string): Promise<Omit<Programs, 'searchPath'> | undefined> {
  const [redisServer, redisBenchmark, sipp] = await Promise.all([
    find(searchPath, needed.redisServer.names),
    find(searchPath, needed.redisBenchmark.names),
    find(searchPath, needed.sipp.names),
  ]);
  if (redisServer === undefined || redisBenchmark === undefined || sipp === undefined) return undefined;
  return { redisServer, redisBenchmark, sipp };
}

async function find(searchPath: string, names: readonly string[]): Promise<string | undefined> {
  for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
    for (const name of names) {
      const path = join(folder, name);
      const usable = await access(path, constants.X_OK).then(
        async () => (await stat(path)).isFile(),
        () => false,
      );
      if (usable) return path;
    }
  }
  return undefined;
}

/** The release this machine runs, whose packages its keyring certainly verifies; Debian's stable one elsewhere. */
export async function ownSuite(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const id = /^ID="?([a-z]+)"?$/m.exec(release)?.[1];
  const codename = /^VERSION_CODENAME="?([a-z]+)"?$/m.exec(release)?.[1];
  return id === 'debian' && codename !== undefined ? codename : 'stable';
}
