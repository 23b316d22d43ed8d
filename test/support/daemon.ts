/** A real daemon inside the test's process, with a private store, and its command line. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../src/config/load.ts';
import { type Daemon, startDaemon } from '../../src/daemon.ts';
import { type Ran, runCli } from './command-line.ts';
import { PATIENT } from './patient.ts';
import { keptLog } from './silent-log.ts';

export interface TestDaemon {
  readonly daemon: Daemon;
  readonly stateDir: string;
  /** What it logged, each line as an object. */
  readonly log: ReturnType<typeof keptLog>['lines'];
  /** Port of its FastAGI. */
  readonly agiPort: number;
  readonly webPort: number;
  readonly run: (
    args: readonly string[],
    options?: {
      readonly input?: string;
      readonly signal?: AbortSignal;
      readonly onOutput?: (text: string) => void;
      /** Of the person who types. */
      readonly env?: Readonly<Record<string, string>>;
    },
  ) => Promise<Ran>;
  /** Replaces the policy. @throws {Error} with the problems of the document */
  readonly apply: (policy: string) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * @param options.env further settings, such as `TOLLGATE_AGI__DEADLINE_MS`
 * @param options.announce is told the first owner's password; absent: there is no owner
 */
export async function startTestDaemon(
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly stateDir?: string;
    readonly announce?: (owner: { readonly name: string; readonly password: string }) => void;
  } = {},
): Promise<TestDaemon> {
  const stateDir = options.stateDir ?? (await mkdtemp(join(tmpdir(), 'tollgate-daemon-')));
  const env = {
    PATH: process.env['PATH'],
    TOLLGATE_AGI__LISTEN: '127.0.0.1:0',
    TOLLGATE_HTTP__LISTEN: '127.0.0.1:0',
    ...PATIENT,
    ...options.env,
  };
  const { config, searchPath } = await loadConfig({ statePath: stateDir, env, cwd: stateDir, hostName: 'test' });
  const kept = keptLog();
  const announce = options.announce === undefined ? {} : { announce: options.announce };
  const daemon = await startDaemon(config, {
    log: kept.log,
    setLogLevel: kept.setLevel,
    version: '0.0.0',
    searchPath,
    ...announce,
  });
  const run: TestDaemon['run'] = (args, { input = '', signal, onOutput, env } = {}) =>
    runCli(stateDir, args, { input, signal: signal ?? new AbortController().signal, onOutput, env });
  return {
    daemon,
    stateDir,
    log: kept.lines,
    agiPort: 'port' in daemon.agi ? daemon.agi.port : 0,
    webPort: daemon.http.port,
    run,
    apply: async (policy) => {
      const { exitCode, error } = await run(['policy', 'apply', '-'], { input: policy });
      if (exitCode !== 0) throw new Error(error);
    },
    stop: async () => {
      await daemon.close();
      if (options.stateDir === undefined) await rm(stateDir, { recursive: true, force: true });
    },
  };
}
