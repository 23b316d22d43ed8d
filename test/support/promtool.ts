/**
 * `promtool`, which checks what Prometheus would make of rules and metrics: that of the machine, or, where it has none,
 * that of Debian's package from the private cache. Nothing is installed.
 */
import { execFile } from 'node:child_process';
import { type Environment, PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import { ensureDebianRoot, type Progress } from '../../src/demo/debian-root.ts';

/** Runs it. Resolves with all it wrote, whatever it says; rejects if it could not be run. */
export type Promtool = (
  args: readonly string[],
  input?: string,
) => Promise<{ readonly good: boolean; readonly said: string }>;

/** Undefined on a machine that can have none. */
export async function ensurePromtool(options: {
  readonly env: Environment;
  readonly onProgress?: (progress: Progress) => void;
}): Promise<Promtool | undefined> {
  const own = promtool(['promtool']);
  if (
    await own(['--version']).then(
      ({ good }) => good,
      () => false,
    )
  )
    return own;
  try {
    const set = { name: 'prometheus', suite: 'bookworm', packages: ['prometheus'] };
    const root = await ensureDebianRoot(set, options);
    return promtool(root.commandLine('usr/bin/promtool'));
  } catch (error) {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without promtool the tests of alert rules and dashboard are skipped: ${error.message}`);
    return undefined;
  }
}

const promtool =
  ([command, ...prefix]: readonly [string, ...string[]]): Promtool =>
  (args, input = '') =>
    new Promise((resolve, reject) => {
      const child = execFile(command, [...prefix, ...args], (error, out, err) => {
        if (error !== null && typeof error.code !== 'number') reject(error);
        else resolve({ good: error === null, said: `${out}${err}` });
      });
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
