/** `log level`: how much the daemon writes to its log. */
import { type Command, InvalidArgumentError } from 'commander';
import type { LogReport } from '../api/log-routes.ts';
import { parseDuration } from '../policy/duration.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { json, localTime } from './terminal.ts';

const EXAMPLES = `
Without a level: says which it is. A changed level holds until the daemon ends, for this daemon alone.

Examples:
  tollgate log level
  tollgate log level debug --for 10m
  tollgate log level info`;

const PATH = '/api/v1/log';

export function logCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const log = program.command('log').description('the log of the daemon');
  log
    .command('level')
    .description('read or change how much is written, while the daemon runs')
    .argument('[level]', 'fatal, error, warn, info, debug, trace or silent')
    .option('--for <time>', 'as configured again after this time, such as 10m', readSeconds)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (level: string | undefined, options: { readonly for?: number }, command: Command) => {
      if (level === undefined && options.for !== undefined) command.error('error: --for needs a level');
      const client = context.client(command);
      const report =
        level === undefined
          ? await client.ask<LogReport>('GET', PATH)
          : await client.ask<LogReport>('PATCH', PATH, { level, seconds: options.for });
      terminal.out(wantsJson(command) ? json(report) : describe(report));
    });
}

function describe({ level, configured, until }: LogReport): string {
  if (until !== null) return `The log level is ${level} until ${localTime(until)}, then ${configured}.\n`;
  if (level === configured) return `The log level is ${level}, as configured.\n`;
  return `The log level is ${level} until the daemon ends; ${configured} is configured.\n`;
}

function readSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000) throw new InvalidArgumentError('Write for example 90s, 10m or 2h.');
  return Math.ceil(ms / 1000);
}
