/**
 * A private Asterisk of the demo and the tests: its own folders, ports and secrets, phones and carriers as asked for.
 *
 * Guarantees that it is fully booted when handed over, that several run side by side, that no root rights are needed, and
 * that nothing is left behind after `stop` or `kill`: neither a process nor a file. Knows nothing of Tollgate but the
 * dialplan it includes.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../errors.ts';
import { asteriskConfig } from './asterisk-config.ts';
import { type Child, freeTcpPort, freeUdpPort, startChild } from './child.ts';
import type { Environment } from './debian-mirror.ts';
import { type DebianRoot, type DebianSet, ensureDebianRoot, type Progress } from './debian-root.ts';

/** The versions that can be had: what Debian's testing and oldoldstable releases carry. */
export type AsteriskVersion = 16 | 22;

export interface AsteriskOptions {
  readonly env: Environment;
  /** Default: 22. */
  readonly version?: AsteriskVersion;
  /** User names of phones; each gets a password and may register or call. Default: 1001, 1002, 1003. */
  readonly phones?: readonly string[];
  /** Endpoints without log-in at an address, by name. Default host: 127.0.0.1. */
  readonly carriers: Readonly<Record<string, { readonly host?: string; readonly port: number }>>;
  /** Contexts as they would stand in extensions.conf, `from-phones` among them. */
  readonly dialplan: string;
  /** Global variables of the dialplan. */
  readonly globals?: Readonly<Record<string, string>>;
  /** Further modules, without `.so`. */
  readonly modules?: readonly string[];
  /** Further configuration files by name; text is appended to one that is written anyway. */
  readonly files?: Readonly<Record<string, string>>;
  /** First words of its command line: of a program that runs it elsewhere, such as in another network. */
  readonly through?: readonly [string, ...string[]];
  readonly onProgress?: (progress: Progress) => void;
}

export interface Asterisk {
  readonly version: AsteriskVersion;
  /** As the program reports it, such as `22.10.1`. */
  readonly release: string;
  /** Of the process that runs now. */
  readonly pid: () => number;
  readonly sipPort: number;
  readonly ami: {
    readonly host: string;
    readonly port: number;
    readonly username: string;
    readonly password: string;
  };
  /** `url` is the base address of HTTP, such as `http://127.0.0.1:8088`. */
  readonly ari: { readonly url: string; readonly username: string; readonly password: string };
  /** Passwords of the phones by user name. */
  readonly phones: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** `Master.csv` of cdr_csv; times in UTC, uniqueid and userfield on. */
  readonly cdrFile: string;
  readonly spoolFolder: string;
  /** Runs a CLI command and returns what it prints. Throws an Error if Asterisk cannot be asked. */
  readonly cli: (command: string) => Promise<string>;
  /** Replaces contexts and globals and waits until they are in force. */
  readonly reloadDialplan: (dialplan: string, globals?: Readonly<Record<string, string>>) => Promise<void>;
  /** The log file's text. */
  readonly log: () => Promise<string>;
  readonly running: () => boolean;
  /** Ends it as a crash would, if it still runs, and starts it again with the same ports, accounts and folder. */
  readonly restart: () => Promise<void>;
  /** Ends it, calls and all, and removes its folder. */
  readonly stop: () => Promise<void>;
  /** Ends it as a crash would, and removes its folder. */
  readonly kill: () => Promise<void>;
}

const packageSets: Readonly<Record<AsteriskVersion, DebianSet>> = {
  16: { name: 'asterisk-16', suite: 'bullseye', packages: ['asterisk', 'asterisk-modules'] },
  22: { name: 'asterisk-22', suite: 'forky', packages: ['asterisk', 'asterisk-modules'] },
};
// 0.2 to 0.7 s were measured on two busy cores.
const bootTimeoutMs = 30_000;
const dialplanFolder = fileURLToPath(new URL('../../dialplan', import.meta.url));

/** Fetches (once) and unpacks the Asterisk packages of `version`; {@link startAsterisk} does so by itself. */
export function ensureAsterisk(
  version: AsteriskVersion,
  options: Pick<AsteriskOptions, 'env' | 'onProgress'>,
): Promise<DebianRoot> {
  return ensureDebianRoot(packageSets[version], options);
}

/**
 * Starts an Asterisk and waits until it is fully booted.
 *
 * @throws PackagesUnavailable if it cannot be had; Error with the end of its log if it does not boot.
 */
export async function startAsterisk(options: AsteriskOptions): Promise<Asterisk> {
  const version = options.version ?? 22;
  const root = await ensureAsterisk(version, options);
  // Short, because the control socket's path has to stay below 108 bytes (unix(7)).
  const base = await mkdtemp(join(tmpdir(), 'tollgate-asterisk-'));
  try {
    return await start(options, version, root, base);
  } catch (error) {
    await rm(base, { recursive: true, force: true });
    throw error;
  }
}

async function start(
  options: AsteriskOptions,
  version: AsteriskVersion,
  root: DebianRoot,
  base: string,
): Promise<Asterisk> {
  const secret = () => randomBytes(12).toString('hex');
  const phones = Object.fromEntries((options.phones ?? ['1001', '1002', '1003']).map((name) => [name, secret()]));
  const credentials = { username: 'tollgate', password: secret() };
  const ports = {
    sip: await freeUdpPort(),
    ami: await freeTcpPort(),
    http: await freeTcpPort(),
    rtpFirst: 10_000 + 1_000 * randomInt(40),
  };
  const modules = await modulesFolder(root);
  const write = async (dialplan: string, globals: Readonly<Record<string, string>>) => {
    const texts = asteriskConfig({
      folders: { base, modules },
      availableModules: new Set(await readdir(modules)),
      extraModules: options.modules ?? [],
      ports,
      phones: Object.entries(phones).map(([username, password]) => ({ username, password })),
      carriers: Object.fromEntries(
        Object.entries(options.carriers).map(([name, at]) => [name, { host: at.host ?? '127.0.0.1', port: at.port }]),
      ),
      account: credentials,
      globals,
      dialplan,
      includes: [join(dialplanFolder, 'tollgate.conf')],
    });
    const extra = options.files ?? {};
    for (const name of new Set([...Object.keys(texts), ...Object.keys(extra)])) {
      await writeFile(join(base, 'etc', name), `${texts[name] ?? ''}\n${extra[name] ?? ''}`, { mode: 0o600 });
    }
  };

  for (const folder of [
    'etc',
    'var/keys',
    'run',
    'log/cdr-csv',
    'cache',
    'spool/outgoing',
    'spool/recording',
    'data/sounds/en',
  ]) {
    await mkdir(join(base, folder), { recursive: true });
  }
  await linkData(root, base);
  await cp(join(dialplanFolder, 'sounds'), join(base, 'data/sounds/en'), { recursive: true });
  // Music on hold needs a class with a file in it; the prompt will do.
  await cp(join(dialplanFolder, 'sounds/tollgate-approval.wav'), join(base, 'data/moh/tollgate-approval.wav'));
  await write(options.dialplan, options.globals ?? {});

  const asterisk = root.commandLine('usr/sbin/asterisk');
  const program = options.through === undefined ? asterisk : ([...options.through, ...asterisk] as const);
  const settings = ['-C', join(base, 'etc/asterisk.conf')];
  const env = { ...options.env, HOME: base };
  const startProgram = () => startChild([...program, ...settings, '-f'], { env, cwd: base });
  let child = await startProgram();
  const cli = async (command: string) => {
    const asked = await startChild([...program, ...settings, '-rx', command], { env, cwd: base });
    const { code } = await asked.ended;
    if (code !== 0) throw new Error(`asterisk -rx '${command}' failed: ${asked.output().trim()}`);
    return asked.output();
  };
  const remove = () => rm(base, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  const logFile = join(base, 'log/full');
  try {
    await booted(child, cli, logFile);
  } catch (error) {
    await child.kill();
    throw error;
  }
  return {
    version,
    release: /Asterisk (?:certified\/)?([0-9][0-9.]*[0-9])/.exec(await cli('core show version'))?.[1] ?? 'unknown',
    pid: () => child.pid,
    sipPort: ports.sip,
    ami: { host: '127.0.0.1', port: ports.ami, ...credentials },
    ari: { url: `http://127.0.0.1:${ports.http}`, ...credentials },
    phones,
    logFile,
    cdrFile: join(base, 'log/cdr-csv/Master.csv'),
    spoolFolder: join(base, 'spool'),
    cli,
    reloadDialplan: async (dialplan, globals) => {
      await write(dialplan, globals ?? options.globals ?? {});
      const answer = await cli('dialplan reload');
      if (!answer.includes('Dialplan reloaded')) throw new Error(`the dialplan was not reloaded: ${answer.trim()}`);
    },
    log: () => readFile(logFile, 'utf8'),
    running: () => child.running(),
    restart: async () => {
      await child.kill();
      child = await startProgram();
      await booted(child, cli, logFile);
    },
    stop: async () => {
      await child.stop(5_000);
      await remove();
    },
    kill: async () => {
      await child.kill();
      await remove();
    },
  };
}

async function booted(child: Child, cli: (command: string) => Promise<string>, logFile: string): Promise<void> {
  const deadline = performance.now() + bootTimeoutMs;
  for (;;) {
    // The command waits by itself once the control socket is there; before that it fails at once.
    const answer = await cli('core waitfullybooted').catch((error: unknown) => messageOf(error));
    if (answer.includes('fully booted')) return;
    if (!child.running() || performance.now() > deadline) {
      const log = await readFile(logFile, 'utf8').catch(() => '');
      const end = `${log}\n${child.output()}`.trim().split('\n').slice(-12).join('\n');
      throw new Error(`Asterisk did not boot (${child.running() ? 'still trying' : 'it ended'}):\n${end}`);
    }
    await sleep(30);
  }
}

/**
 * Documentation, ARI descriptions and firmware are used where they were unpacked; sounds are this instance's own, because
 * the cache is shared.
 */
async function linkData(root: DebianRoot, base: string): Promise<void> {
  const shared = join(root.path, 'usr/share/asterisk');
  for (const entry of await readdir(shared)) {
    if (entry !== 'sounds' && entry !== 'moh') await symlink(join(shared, entry), join(base, 'data', entry));
  }
}

async function modulesFolder(root: DebianRoot): Promise<string> {
  const libraries = join(root.path, 'usr/lib');
  for (const folder of ['.', ...(await readdir(libraries))]) {
    const path = join(libraries, folder, 'asterisk/modules');
    if (await stat(join(path, 'pbx_config.so')).catch(() => undefined)) return path;
  }
  throw new Error(`no Asterisk modules below ${libraries}`);
}
