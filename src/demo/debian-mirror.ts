/**
 * Which Debian mirror this machine uses, read from its own apt configuration.
 *
 * No mirror is written down here: a machine behind a company mirror or a proxy must not be sent elsewhere. Reads only;
 * asks apt rather than parsing its files, of which there are two formats and many places.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from '../errors.ts';

/** The environment of the process, handed in by who may read it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The packages cannot be had on this machine. The message is one line and says what to do. */
export class PackagesUnavailable extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'PackagesUnavailable';
  }
}

export interface DebianMirror {
  /** Address of the archive, the folder that holds `dists/`. */
  readonly uri: string;
  /** Lines of apt.conf that say how it is reached, proxies above all. */
  readonly acquireSettings: readonly string[];
}

/** Where apt and dpkg are and look for each other, whatever PATH the user has. */
export const systemPath = '/usr/sbin:/usr/bin:/sbin:/bin';

const execute = promisify(execFile);
const debianSuite = /^(stable|oldstable|oldoldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)$/;

/**
 * `$TOLLGATE_DEBIAN_MIRROR` if set, else the first source of this machine with a plain Debian suite (security and update
 * archives hold other packages).
 *
 * @throws PackagesUnavailable if there is no apt or it names no Debian archive.
 */
export async function findDebianMirror(env: Environment): Promise<DebianMirror> {
  const acquireSettings = (await ask('apt-config', ['dump'], env))
    .split('\n')
    .filter((line) => /^Acquire::(https?|ftp)::.*proxy/i.test(line));
  const named = env['TOLLGATE_DEBIAN_MIRROR'];
  if (named !== undefined && named !== '') {
    if (!/^(https?|file|ftp):\S+$/.test(named) || /[\s[\]"]/.test(named)) {
      throw new PackagesUnavailable(`$TOLLGATE_DEBIAN_MIRROR is not an address of a Debian archive: ${named}`);
    }
    return { uri: named, acquireSettings };
  }
  // Prints what an update would fetch and fetches nothing, so it also works where the lists were never loaded.
  const uris = await ask('apt-get', ['update', '--print-uris'], env);
  for (const [, uri, suite] of uris.matchAll(/^'([^']+?)\/?dists\/([^/']+)\/InRelease'/gm)) {
    if (uri !== undefined && suite !== undefined && debianSuite.test(suite)) return { uri, acquireSettings };
  }
  throw new PackagesUnavailable(
    'the apt configuration of this machine names no Debian archive: set TOLLGATE_DEBIAN_MIRROR to the address of one',
  );
}

async function ask(program: string, args: readonly string[], env: Environment): Promise<string> {
  try {
    return (
      await execute(program, args, { env: { ...env, PATH: systemPath, LC_ALL: 'C' }, maxBuffer: 4 * 1024 * 1024 })
    ).stdout;
  } catch (cause) {
    throw new PackagesUnavailable(
      `${program} cannot be asked (${messageOf(cause).split('\n')[0]}): this needs Debian's apt`,
      {
        cause,
      },
    );
  }
}
