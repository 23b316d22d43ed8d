/** `bans reports`: what the defence told staff instead of banning. */
import type { Command } from 'commander';
import type { ShownReport } from '../api/defence-routes.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { json, localTime, plain, table } from './terminal.ts';

export function banReportCommand(bans: Command, context: CommandContext): void {
  const { terminal } = context;
  bans
    .command('reports')
    .description('what was reported instead of banned, newest first: phones set wrongly, known addresses, calls')
    .option('-n, --limit <number>', 'how many', '100')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate bans reports --limit 20')
    .action(async ({ limit }: { readonly limit: string }, command: Command) => {
      const wanted = Math.max(1, Math.min(Number(limit) || 100, 500));
      const reports = await context
        .client(command)
        .ask<readonly ShownReport[]>('GET', `/api/v1/bans/reports?limit=${wanted}`);
      if (wantsJson(command)) terminal.out(json(reports));
      else if (reports.length === 0) terminal.out('Nothing was reported in the last 30 days.\n');
      else {
        const rows = reports.map(({ at, kind, sentence }) => [localTime(at), kind, plain(sentence)]);
        terminal.out(table(terminal, ['TIME', 'KIND', 'REPORT'], rows));
      }
    });
}
