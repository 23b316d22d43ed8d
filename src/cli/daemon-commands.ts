/** `serve`, `demo`, `status`, `config check|show`. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { Status } from '../status.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import type { RunDoctor } from './machine-doctor-command.ts';
import type { OpenSetup } from './setup-command.ts';
import { json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

/** What the process that runs this command line can do beyond talking to a daemon. */
export interface Programs {
  readonly serve: (options: { readonly config?: string; readonly state?: string }) => Promise<number>;
  readonly demo: (options: { readonly once: boolean }) => Promise<number>;
  readonly doctor: RunDoctor;
  readonly setup: OpenSetup;
  /** The configuration as it would be used, secrets hidden. @throws with every problem */
  readonly describeConfig: (options: {
    readonly config?: string;
    readonly state?: string;
  }) => Promise<{ readonly source: string; readonly config: unknown; readonly warnings: readonly string[] }>;
}

export function daemonCommands(program: Command, context: CommandContext, programs: Programs): void {
  const { terminal } = context;

  program
    .command('serve')
    .description('run the daemon in the foreground')
    .addHelpText(
      'after',
      '\nRuns with no configuration at all: a private store, the default policy, FastAGI on 127.0.0.1:4573.\n\nExample:\n  tollgate serve --state /var/lib/tollgate',
    )
    .action(async (_options, command: Command) => {
      process.exitCode = await programs.serve(command.optsWithGlobals());
    });

  program
    .command('demo')
    .description('watch real calls pass through a real Asterisk and be allowed or refused')
    .option('--once', 'run the story to its end, check each outcome, print a summary and exit')
    .action(async (options: { readonly once?: boolean }) => {
      process.exitCode = await programs.demo({ once: options.once === true });
    });

  program
    .command('status')
    .description('how the daemon and each of its parts are, since when, and what to do')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code 0 if every part works, 1 if one is down, 3 if the daemon is not running.')
    .action(async (_options, command: Command) => {
      const status = await context.client(command).ask<Status>('GET', '/api/v1/status');
      terminal.out(wantsJson(command) ? json(status) : describeStatus(terminal, status));
      context.answer(status.state === 'working' ? EXIT.done : EXIT.no);
    });

  const config = program.command('config').description('the configuration file');
  config
    .command('check')
    .description('read the configuration and report every problem; needs no daemon')
    .action(async (_options, command: Command) => {
      const { source, warnings } = await programs.describeConfig(command.optsWithGlobals());
      for (const warning of warnings) terminal.error(`${paint(terminal, 'yellow', warning)}\n`);
      terminal.out(`The configuration is good (${source}).\n`);
    });
  config
    .command('show')
    .description('print the configuration in use with every default, secrets hidden; needs no daemon')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const described = await programs.describeConfig(command.optsWithGlobals());
      terminal.out(
        wantsJson(command) ? json(described.config) : `# ${described.source}\n${stringify(described.config)}`,
      );
    });
}

function describeStatus(terminal: Terminal, status: Status): string {
  const working = status.state === 'working';
  const head = paint(terminal, working ? 'green' : 'red', working ? 'working' : 'DEGRADED');
  const rows = status.parts.map((part) => [
    part.name,
    paint(terminal, part.state === 'up' ? 'green' : 'red', part.state),
    localTime(part.since),
    plain(part.detail),
  ]);
  const remedies = status.parts
    .filter((part) => part.remedy !== '')
    .map((part) => `${part.name}: ${plain(part.remedy)}`);
  const { policy, calls } = status;
  return [
    `tollgate ${status.version} on ${status.node} is ${head} since ${localTime(status.since)}`,
    '',
    table(terminal, ['PART', 'STATE', 'SINCE', ''], rows),
    `policy   version ${policy.version} with ${policy.rules} rules, changed ${localTime(policy.changedAt)} by ${plain(policy.changedBy)}`,
    `calls    ${calls.allow} allowed, ${calls.alert} alerted, ${calls.wait} paced, ${calls.hold} held, ${calls.block} refused since the start`,
    ...(remedies.length === 0 ? [] : ['', 'What to do:', ...remedies.map((each) => `  ${each}`)]),
    '',
  ].join('\n');
}
