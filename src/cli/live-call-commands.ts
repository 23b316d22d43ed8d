/** `tollgate calls live`: the calls under way that this daemon counts. */
import type { Command } from 'commander';
import type { LiveCallView } from '../live-calls/live-calls.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { json, plain, type Terminal, table } from './terminal.ts';

/** @param calls the command `calls` */
export function liveCallCommands(calls: Command, context: CommandContext): void {
  const { terminal } = context;
  calls
    .command('live')
    .description('calls under way on this node, the longest first')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nWithout a connection to the manager interface only calls are known that a ceiling counts, or that wait.\n\nExample:\n  tollgate calls live',
    )
    .action(async (_options, command: Command) => {
      const live = await context.client(command).ask<LiveCallView[]>('GET', '/api/v1/calls/live');
      if (wantsJson(command)) terminal.out(json(live));
      else if (live.length === 0) terminal.out('No call is under way.\n');
      else terminal.out(liveTable(terminal, live));
    });
}

const liveTable = (terminal: Terminal, live: readonly LiveCallView[]): string =>
  table(
    terminal,
    ['extension', 'to', 'trunk', 'for', 'at most', 'decision', 'channel'],
    live.map((call) => [
      plain(call.extension ?? '?'),
      plain(call.destination),
      plain(call.trunk ?? '?'),
      clock(call.seconds),
      call.maxSeconds === null ? '' : clock(call.maxSeconds),
      call.decision,
      plain(call.channel),
    ]),
  );

/** `75` → `1:15`, `4000` → `1:06:40`. */
function clock(seconds: number): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}
