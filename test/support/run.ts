/**
 * `npm test`: fetches the real parts that the tests need, runs every check and test, and closes with the one line that
 * people and CI read: `N passed, N failed`.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ensureAsterisk } from '../../src/demo/asterisk.ts';
import { PackagesUnavailable } from '../../src/demo/debian-mirror.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { ensureChromium } from './chromium.ts';
import { ensureMariaDb } from './mariadb.ts';
import { ensureNetworkPrograms } from './network-programs.ts';
import { COMPILED_PROGRAM } from './program.ts';
import { ensurePromtool } from './promtool.ts';

interface VitestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numTotalTests: number;
  readonly numFailedTestSuites: number;
  readonly success: boolean;
}

const only = process.argv.slice(2);

function run(command: string, args: readonly string[], path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, PATH: path } });
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? (signal === null ? 0 : 1)));
  });
}

async function main(): Promise<number> {
  const onProgress = (progress: { readonly step: string; readonly detail: string }): void => {
    console.log(`${progress.step}: ${progress.detail}`);
  };
  const { env } = process;
  const { searchPath } = await ensurePrograms({ env, onProgress });
  await ensureAsterisk(22, { env, onProgress });
  await ensureMariaDb(onProgress).catch((error: unknown) => {
    if (!(error instanceof PackagesUnavailable)) throw error;
    console.log(`without MariaDB the tests of VICIdial's database are skipped: ${error.message}`);
  });
  const programs = await ensureNetworkPrograms(searchPath, { env, onProgress });
  await ensurePromtool({ env, onProgress });
  await ensureChromium({ env, onProgress });
  const path = [join(process.cwd(), 'node_modules', '.bin'), programs].join(delimiter);
  const hasCompiled = (await run('npm', ['run', '--silent', 'build'], path)) === 0;
  if (hasCompiled) process.env[COMPILED_PROGRAM] = join(process.cwd(), 'dist', 'main.js');

  let passed = 0;
  let failed = hasCompiled ? 0 : 1;
  const checks: ReadonlyArray<readonly [string, readonly string[]]> = [
    ['biome', ['ci', '--error-on-warnings', '.']],
    ['tsc', ['--noEmit']],
    ['tsc', ['--noEmit', '-p', 'src/page']],
  ];
  for (const [command, args] of only.length === 0 ? checks : []) {
    const code = await run(command, args, path);
    if (code === 0) passed += 1;
    else failed += 1;
  }
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-test-'));
  try {
    const reportFile = join(folder, 'report.json');
    const code = await run(
      'vitest',
      [
        'run',
        '--reporter=default',
        '--reporter=./test/support/second-tries.ts',
        '--reporter=json',
        `--outputFile.json=${reportFile}`,
        ...only,
      ],
      path,
    );
    const report = JSON.parse(await readFile(reportFile, 'utf8')) as VitestReport;
    passed += report.numPassedTests;
    failed += report.numFailedTests;
    // A file that could not even be loaded has no failed test, and an unhandled error fails the run alone.
    if (code !== 0 && report.numFailedTests === 0) failed += 1;
    if (report.numTotalTests === 0) failed += 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await main();
