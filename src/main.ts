#!/usr/bin/env node
/** The process: signals, terminal, exit code. What the program consists of stands in daemon.ts and cli/program.ts. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { findLogin } from './cli/login.ts';
import { runCommandLine } from './cli/program.ts';
import type { Terminal } from './cli/terminal.ts';
import { loadConfig } from './config/load.ts';
import { problemText } from './config/problems.ts';
import { describeConfig } from './config/schema.ts';
import { createLog } from './log.ts';
import { startWatchdog } from './watchdog.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => interrupted.abort(signal));
// A reader that went away, as in `tollgate calls list | head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const terminal: Terminal = {
  out: (text) => process.stdout.write(text),
  error: (text) => process.stderr.write(text),
  colours: process.stdout.isTTY && process.env['NO_COLOR'] === undefined,
  env: process.env,
  signal: interrupted.signal,
  readStdin: async () => {
    let text = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) text += String(chunk);
    return text;
  },
  ...(process.stdin.isTTY && process.stdout.isTTY ? { ask, confirm } : {}),
};

async function ask(question: string): Promise<string> {
  const { createInterface } = await import('node:readline/promises');
  const asking = createInterface({ input: process.stdin, output: process.stdout });
  try {
    return (await asking.question(`${question} `, { signal: interrupted.signal })).trim();
  } finally {
    asking.close();
  }
}

async function confirm(question: string): Promise<boolean> {
  return /^y(es)?$/i.test(await ask(`${question} [y/N]`));
}

interface Where {
  readonly config?: string;
  readonly state?: string;
}

const load = ({ config, state }: Where): ReturnType<typeof loadConfig> =>
  loadConfig({ configPath: config, statePath: state, env: process.env, cwd: process.cwd(), hostName: hostname() });

/** Beside the log, which is kept and sent on; standard error of a service is kept as well, so it is to be changed there. */
function announce({ name, password }: { readonly name: string; readonly password: string }): void {
  const lines = [
    'The first owner was made. This password is shown once and kept nowhere:',
    '',
    `  user      ${name}`,
    `  password  ${password}`,
    '',
    `Lost it? "tollgate users set ${name} --new-password" on this machine makes another.`,
  ];
  process.stderr.write(`\n${lines.join('\n')}\n\n`);
}

async function serve(where: Where): Promise<number> {
  const { config, file, warnings, searchPath } = await load(where);
  const { format, level } = config.log;
  const { log, setLevel } = createLog({ level, format });
  for (const warning of warnings) log.warn(warning, 'configuration');
  log.info({ version, file: file ?? 'none: defaults' }, 'tollgate is starting');
  // Only here: what a command line does not need makes it start half as fast.
  const { startDaemon } = await import('./daemon.ts');
  const watchdog = startWatchdog();
  const daemon = await startDaemon(config, { log, setLogLevel: setLevel, version, searchPath, announce });
  if (!interrupted.signal.aborted) await once(interrupted.signal, 'abort');
  log.info({ signal: String(interrupted.signal.reason) }, 'stopping');
  await daemon.close();
  await watchdog.close();
  return 0;
}

/** How this very program was started, so that the demo can start it again. */
const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''] as const;

process.exitCode = await runCommandLine(process.argv.slice(2), {
  terminal,
  version,
  stateDir: async (where) => (await load(where)).config.state,
  login: () => findLogin(process.env, process.pid),
  programs: {
    serve,
    demo: async ({ once: toTheEnd }) => {
      const { runDemo } = await import('./demo/demo.ts');
      return runDemo({ toTheEnd, program, terminal });
    },
    doctor: async (options, daemon) => {
      const { examineFromCommandLine } = await import('./doctor/from-command-line.ts');
      return examineFromCommandLine({ ...options, load: () => load(options), env: process.env }, daemon);
    },
    setup: async (options, daemon) => {
      const { openSetup } = await import('./setup/setup.ts');
      return openSetup({ ...options, load: () => load(options), env: process.env }, daemon);
    },
    describeConfig: async (where) => {
      const { config, file, warnings } = await load(where);
      return {
        source: file ?? 'no file: defaults',
        config: describeConfig(config),
        warnings: warnings.map(problemText),
      };
    },
  },
});
