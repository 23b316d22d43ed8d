/** Before the browser tests: builds the page as a release would have it, unless what lies there is newer than its sources. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'dist/page/index.html');

export async function setup(): Promise<void> {
  if (await isFresh()) return;
  const vite = spawn(join(ROOT, 'node_modules/.bin/vite'), ['build', '--logLevel', 'warn'], {
    cwd: ROOT,
    // The test runner's own would make a build for developers of it.
    env: { ...process.env, NODE_ENV: 'production' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(vite, 'exit')) as [number | null];
  if (code !== 0) throw new Error('the page could not be built');
}

async function isFresh(): Promise<boolean> {
  const changedAt = async (path: string): Promise<number> => (await stat(path)).mtimeMs;
  const builtAt = await changedAt(BUILT).catch(() => 0);
  // A folder changes when a file in it comes or goes.
  const entries = await readdir(join(ROOT, 'src/page'), { recursive: true });
  const sources = ['vite.config.ts', 'package-lock.json', 'src/page', ...entries.map((path) => join('src/page', path))];
  const times = await Promise.all(sources.map((path) => changedAt(join(ROOT, path))));
  return Math.max(...times) < builtAt;
}
