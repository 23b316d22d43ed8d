/**
 * Where the Redis or Valkey server program of this machine is.
 *
 * Looks along a search path handed in and answers with an absolute path, so that what is started is what was found and
 * the log can name it. Knows nothing of running it.
 */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { TollgateError } from '../errors.ts';

const programNames = ['redis-server', 'valkey-server'] as const;

/**
 * The absolute path of the server program: `command` if given (a path, or a name to look for), else the first of
 * `redis-server` and `valkey-server` on `searchPath` (folders joined by `:`; relative and empty ones do not count).
 *
 * @throws TollgateError `STORE_UNAVAILABLE` in one line that says what to install or to configure.
 */
export async function findServerProgram(searchPath: string, command?: string): Promise<string> {
  if (command?.includes('/')) {
    const path = resolve(command);
    if (await isProgram(path)) return path;
    throw new TollgateError('STORE_UNAVAILABLE', `${path} is not a program that can be started (redis.server)`);
  }
  const folders = searchPath.split(delimiter).filter((folder) => isAbsolute(folder));
  for (const name of command === undefined ? programNames : [command]) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isProgram(path)) return path;
    }
  }
  throw new TollgateError(
    'STORE_UNAVAILABLE',
    `${command === undefined ? 'neither redis-server nor valkey-server was' : `${command} was not`} found on PATH: install one (Debian: apt-get install redis-server, or valkey-server), or set redis.url to a server that runs already`,
  );
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
