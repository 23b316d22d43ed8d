/**
 * A Chromium for the tests of the page: that of the machine, or, where it has none, that of Debian's package from the private
 * cache. Nothing is installed.
 *
 * It starts itself again for every tab, so it cannot be run by another release's dynamic loader as the other programs are:
 * the packages are those of the release this machine runs, with the machine's own loader.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Environment } from '../../src/demo/debian-mirror.ts';
import { ensureDebianRoot, type Progress } from '../../src/demo/debian-root.ts';
import { ownSuite } from '../../src/demo/programs.ts';

export interface Chromium {
  readonly program: string;
  readonly env: Readonly<Record<string, string>>;
}

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** @throws PackagesUnavailable if there is none to be had */
export async function ensureChromium(options: {
  readonly env: Environment;
  readonly onProgress?: (progress: Progress) => void;
}): Promise<Chromium> {
  for (const folder of (options.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      const program = join(folder, name);
      const isThere = await access(program, constants.X_OK).then(
        () => true,
        () => false,
      );
      if (isThere) return { program, env: {} };
    }
  }
  const set = { name: 'chromium', suite: await ownSuite(), packages: ['chromium'] };
  const root = await ensureDebianRoot(set, options);
  const [, , libraries = ''] = root.commandLine('usr/lib/chromium/chromium');
  return { program: join(root.path, 'usr/lib/chromium/chromium'), env: { LD_LIBRARY_PATH: libraries } };
}
