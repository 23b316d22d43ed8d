/**
 * `nft` and `ip` for the tests of the firewall: those of the machine, or, where it has none, those of Debian's packages
 * from the private cache. Nothing is installed. A machine that can have neither skips these tests.
 */
import { constants } from 'node:fs';
import { access, mkdir, rename, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type Environment, PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import { cacheFolder, ensureDebianRoot, type Progress } from '../../src/demo/debian-root.ts';

const PROGRAMS = { nft: 'usr/sbin/nft', ip: 'bin/ip' } as const;
/** Debian keeps both where only root looks. */
const SYSTEM = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** A value for PATH on which both are found. */
export async function ensureNetworkPrograms(
  path: string,
  options: { readonly env: Environment; readonly onProgress: (progress: Progress) => void },
): Promise<string> {
  const withSystem = [path, ...SYSTEM.filter((folder) => !path.split(delimiter).includes(folder))].join(delimiter);
  const missing = (
    await Promise.all(Object.keys(PROGRAMS).map(async (name) => ((await isOn(withSystem, name)) ? [] : [name])))
  ).flat();
  if (missing.length === 0) return withSystem;
  try {
    const packages = ['nftables', 'iproute2'];
    const root = await ensureDebianRoot({ name: 'network', suite: 'bookworm', packages }, options);
    const bin = join(cacheFolder(options.env), 'network-bin');
    await mkdir(bin, { recursive: true });
    for (const [name, program] of Object.entries(PROGRAMS)) {
      const words = root.commandLine(program).map((word) => `'${word.replaceAll("'", "'\\''")}'`);
      const file = join(bin, name);
      await writeFile(`${file}.${process.pid}`, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`, { mode: 0o755 });
      await rename(`${file}.${process.pid}`, file);
    }
    return `${withSystem}${delimiter}${bin}`;
  } catch (error) {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without ${missing.join(' and ')} the tests of the firewall are skipped: ${error.message}`);
    return withSystem;
  }
}

async function isOn(path: string, name: string): Promise<boolean> {
  for (const folder of path.split(delimiter)) {
    const found = await access(join(folder, name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
