/**
 * Debian packages unpacked into a private folder, to be run from there: how the demo and the end-to-end tests come by a
 * real Asterisk, and by SIPp and Redis on a machine that has none.
 *
 * Guarantees that the system is not touched: no root rights, no installation, own lists and own (empty) record of what is
 * installed; that every package is one the Debian archive signed; and that a folder in the cache is either whole or not
 * there, also when two processes want it at once. It is kept and used again, so that only the first run downloads.
 *
 * Knows nothing of what the programs do. Debian only, because that is where the packages come from.
 */
import { spawn } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, TollgateError } from '../errors.ts';
import { acquireStateLock, type StateLock } from '../redis/state-lock.ts';
import { type Environment, findDebianMirror, PackagesUnavailable, systemPath } from './debian-mirror.ts';

/** Packages that are fetched together, with all they depend on. */
export interface DebianSet {
  /** Folder in the cache, unique per set. */
  readonly name: string;
  /** Suite of the Debian archive, such as `forky`. */
  readonly suite: string;
  readonly packages: readonly string[];
}

/** What is being done, in a word or two, and to what. */
export interface Progress {
  readonly step: 'cached' | 'waiting' | 'lists' | 'download' | 'unpack' | 'ready';
  readonly detail: string;
}

export interface DebianRootOptions {
  readonly env: Environment;
  readonly onProgress?: (progress: Progress) => void;
}

/** A folder with the tree of the packages, and how to start a program in it. */
export interface DebianRoot {
  readonly path: string;
  /** Versions of the packages asked for, by name. */
  readonly versions: Readonly<Record<string, string>>;
  /** The command line that starts `program` (a path inside the root, such as `usr/sbin/asterisk`) with the root's own libraries. */
  readonly commandLine: (program: string) => readonly [command: string, ...prefix: string[]];
}

// Raised whenever what is kept of the packages changes, so that older caches are built anew.
const layout = 1;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
// Half of what is unpacked is documentation, translations and the Perl that some dependency pulls in.
const pruned = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
  'usr/share/perl',
  'usr/include',
];
const waitForOtherMs = 10 * 60_000;

const architectures: Readonly<
  Record<string, { readonly debian: string; readonly triplet: string; readonly loader: string }>
> = {
  x64: { debian: 'amd64', triplet: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { debian: 'arm64', triplet: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

/** Where everything fetched is kept: `$TOLLGATE_CACHE`, else `tollgate` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(env: Environment): string {
  const own = env['TOLLGATE_CACHE'];
  if (own !== undefined && own !== '') return own;
  const base = env['XDG_CACHE_HOME'];
  // The XDG base directory specification says that a relative path is to be ignored.
  return join(base !== undefined && isAbsolute(base) ? base : join(env['HOME'] ?? homedir(), '.cache'), 'tollgate');
}

/**
 * The unpacked packages of `set`: from the cache, or fetched now (about ten seconds and 100 MB for Asterisk).
 *
 * @throws PackagesUnavailable if they cannot be had.
 */
export async function ensureDebianRoot(set: DebianSet, options: DebianRootOptions): Promise<DebianRoot> {
  const say = options.onProgress ?? (() => undefined);
  const folder = join(cacheFolder(options.env), set.name);
  const found = await readComplete(folder, set);
  if (found !== undefined) {
    say({ step: 'cached', detail: folder });
    return found;
  }
  const lock = await lockSet(folder, set, say);
  try {
    const meanwhile = await readComplete(folder, set);
    if (meanwhile !== undefined) return meanwhile;
    await build(folder, set, options.env, say);
  } finally {
    await lock.release();
  }
  const built = await readComplete(folder, set);
  if (built === undefined) throw new PackagesUnavailable(`${folder} was built and is not there; is it being cleaned?`);
  say({
    step: 'ready',
    detail: Object.entries(built.versions)
      .map((entry) => entry.join(' '))
      .join(', '),
  });
  return built;
}

async function lockSet(folder: string, set: DebianSet, say: (progress: Progress) => void): Promise<StateLock> {
  const deadline = performance.now() + waitForOtherMs;
  for (let told = false; ; told = true) {
    try {
      return await acquireStateLock(`${folder}.lock`);
    } catch (error) {
      const inUse = error instanceof TollgateError && error.code === 'STATE_IN_USE';
      if (!inUse || performance.now() > deadline) {
        throw new PackagesUnavailable(`cannot build ${folder}: ${messageOf(error)}`, { cause: error });
      }
      if (!told) say({ step: 'waiting', detail: `another process is fetching ${set.name}` });
      await sleep(250);
    }
  }
}

async function readComplete(folder: string, set: DebianSet): Promise<DebianRoot | undefined> {
  const text = await readFile(join(folder, 'complete.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { made, versions } = value as { readonly made?: unknown; readonly versions?: unknown };
    if (made !== recipeOf(set) || typeof versions !== 'object' || versions === null) return undefined;
    const path = join(folder, 'root');
    return { path, versions: versions as Readonly<Record<string, string>>, commandLine: await loaderOf(path) };
  } catch {
    return undefined;
  }
}

const recipeOf = (set: DebianSet): string => JSON.stringify([layout, process.arch, set.suite, set.packages]);

/**
 * Programs of another release run with that release's own dynamic loader and libraries (ld.so(8), `--library-path`), as
 * its C library may be newer than the machine's. Children they start, such as a shell, use the machine's own.
 */
async function loaderOf(root: string): Promise<DebianRoot['commandLine']> {
  const { triplet, loader } = architecture();
  const folders = [`usr/lib/${triplet}`, `lib/${triplet}`, 'usr/lib', 'lib'].map((folder) => join(root, folder));
  for (const folder of folders) {
    const path = join(folder, loader);
    if (await exists(path)) {
      return (program) => [path, '--library-path', folders.join(':'), join(root, program)];
    }
  }
  throw new PackagesUnavailable(`${root} holds no ${loader}`);
}

async function build(
  folder: string,
  set: DebianSet,
  env: Environment,
  say: (progress: Progress) => void,
): Promise<void> {
  const { debian, triplet } = architecture();
  if (!(await exists(keyring))) {
    throw new PackagesUnavailable(
      `${keyring} is missing, so packages cannot be verified: install debian-archive-keyring`,
    );
  }
  const mirror = await findDebianMirror(env);
  const work = `${folder}.building-${process.pid}`;
  try {
    await mkdir(join(work, 'lists/partial'), { recursive: true });
    await mkdir(join(work, 'archives/partial'), { recursive: true });
    await mkdir(join(work, 'root'));
    // An empty record of what is installed makes apt fetch every dependency, the C library included.
    await writeFile(join(work, 'status'), '');
    await writeFile(join(work, 'sources.list'), `deb [signed-by=${keyring}] ${mirror.uri} ${set.suite} main\n`);
    await writeFile(join(work, 'apt.conf'), aptConfiguration(work, debian, mirror.acquireSettings));
    const apt = (step: Progress['step'], detail: string, args: readonly string[]) => {
      say({ step, detail });
      return run('apt-get', ['-q', '-y', ...args], { ...env, APT_CONFIG: join(work, 'apt.conf'), LC_ALL: 'C' });
    };
    await apt('lists', `${mirror.uri} ${set.suite}`, ['update', '--error-on=any']);
    await apt('download', set.packages.join(' '), ['install', '--download-only', ...set.packages]);
    const versions = await unpack(work, set, say);
    await Promise.all(
      [...pruned, `usr/lib/${triplet}/perl`, `usr/lib/${triplet}/perl-base`].map((path) =>
        rm(join(work, 'root', path), { recursive: true, force: true }),
      ),
    );
    const done = join(work, 'done');
    await mkdir(done);
    await rename(join(work, 'root'), join(done, 'root'));
    await writeFile(join(done, 'complete.json'), JSON.stringify({ made: recipeOf(set), versions }));
    await rm(folder, { recursive: true, force: true });
    await rename(done, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/**
 * apt's own configuration is left out (`Dir::Etc::parts`), because its hooks may act on the system; the settings of the
 * machine that say how to reach the mirror (proxies) are taken over.
 */
function aptConfiguration(work: string, architecture: string, acquireSettings: readonly string[]): string {
  const settings: readonly (readonly [string, string])[] = [
    ['Dir::Etc::main', '/dev/null'],
    ['Dir::Etc::parts', '/dev/null'],
    ['Dir::Etc::sourcelist', join(work, 'sources.list')],
    ['Dir::Etc::sourceparts', '/dev/null'],
    ['Dir::Etc::preferences', '/dev/null'],
    ['Dir::Etc::preferencesparts', '/dev/null'],
    ['Dir::State', work],
    ['Dir::State::lists', join(work, 'lists')],
    ['Dir::State::status', join(work, 'status')],
    ['Dir::Cache', work],
    ['Dir::Cache::archives', join(work, 'archives')],
    ['Dir::Log', work],
    ['APT::Architecture', architecture],
    ['APT::Architectures', architecture],
    ['APT::Install-Recommends', 'false'],
    // Without root rights there is nobody to drop to, and with them the unprivileged user could not write here.
    ['APT::Sandbox::User', ''],
    ['Acquire::Languages', 'none'],
    // The lists of a mirror that lags, or a machine whose clock runs ahead, are past their date. What the date protects
    // against is being kept on old packages; these are run on this machine alone, for a demonstration.
    ['Acquire::Check-Valid-Until', 'false'],
    ['Acquire::Retries', '2'],
    ['Acquire::http::Timeout', '30'],
    ['Acquire::https::Timeout', '30'],
  ];
  return `${[...acquireSettings, ...settings.map(([key, value]) => `${key} "${value}";`)].join('\n')}\n`;
}

async function unpack(
  work: string,
  set: DebianSet,
  say: (progress: Progress) => void,
): Promise<Record<string, string>> {
  const files = (await readdir(join(work, 'archives'))).filter((file) => file.endsWith('.deb'));
  say({ step: 'unpack', detail: `${files.length} packages` });
  const versions: Record<string, string> = {};
  for (const file of files) {
    // File names are NAME_VERSION_ARCHITECTURE.deb, with the colon of an epoch written %3a.
    const [name, version] = file.split('_');
    if (name !== undefined && version !== undefined && set.packages.includes(name)) {
      versions[name] = version.replaceAll('%3a', ':');
    }
    await run('dpkg-deb', ['-x', join(work, 'archives', file), join(work, 'root')], {});
  }
  return versions;
}

function architecture(): { readonly debian: string; readonly triplet: string; readonly loader: string } {
  const known = architectures[process.arch];
  if (known === undefined)
    throw new PackagesUnavailable(`no Debian packages are known for the processor ${process.arch}`);
  return known;
}

async function run(program: string, args: readonly string[], env: Environment): Promise<void> {
  const { code, output } = await new Promise<{ readonly code: number | null; readonly output: string }>(
    (resolve, reject) => {
      const child = spawn(program, args, { env: { ...env, PATH: systemPath }, stdio: ['ignore', 'pipe', 'pipe'] });
      let output = '';
      const keep = (chunk: Buffer) => {
        output = `${output}${chunk.toString('utf8')}`.slice(-16_384);
      };
      child.stdout.on('data', keep);
      child.stderr.on('data', keep);
      child.on('error', (cause) => {
        reject(
          new PackagesUnavailable(`${program} cannot be run (${messageOf(cause)}): this needs Debian's apt and dpkg`, {
            cause,
          }),
        );
      });
      child.on('close', (code) => resolve({ code, output }));
    },
  );
  if (code === 0) return;
  const complaint =
    output.split('\n').find((line) => /^(E:|Err:|dpkg-deb: error)/.test(line)) ?? output.trim().split('\n').at(-1);
  throw new PackagesUnavailable(`${program} ${args.at(-1) ?? ''} failed: ${complaint ?? 'no output'}`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
