/** `tollgate alerts`: what staff were told, who has it, and whether channels work. */
import type { Command } from 'commander';
import type { TestResult } from '../alerts/alerts.ts';
import type { AlertReport, DeadLetterReport } from '../api/alert-report.ts';
import type { Client } from './client.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import { readSeconds } from './firewall-commands.ts';
import { json, localTime, paint, plain, table } from './terminal.ts';

export function alertCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const alerts = program.command('alerts').description('what staff are told of, and how they are reached');
  alerts
    .command('list')
    .description('what is not over, that which changed last first')
    .option('--all', 'what is over as well')
    .option('-n, --limit <number>', 'how many', '100')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  tollgate alerts list\n  tollgate alerts list --all --limit 20')
    .action(async (options: { readonly all?: boolean; readonly limit: string }, command: Command) => {
      const query = new URLSearchParams({ state: options.all ? 'all' : 'open', limit: options.limit });
      const found = await context.client(command).ask<AlertReport[]>('GET', `/api/v1/alerts?${query}`);
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out(options.all ? 'There was no alert yet.\n' : 'No alert is open.\n');
      else {
        const rows = found.map((each) => [
          each.id,
          localTime(each.since),
          each.severity,
          each.count === 1 ? '' : String(each.count),
          stateOf(each),
          plain(each.title),
        ]);
        terminal.out(table(terminal, ['id', 'since', 'severity', 'times', 'state', 'alert'], rows));
      }
    });

  alerts
    .command('ack')
    .description('say that you have it: stops the escalation, and the others are told')
    .argument('<id>', 'from alerts list; four characters will do if no other begins with them')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate alerts ack 9f3a')
    .action(async (id: string, _options, command: Command) => {
      const client = context.client(command);
      const path = `/api/v1/alerts/${encodeURIComponent(await wholeId(client, id))}/acknowledge`;
      const alert = await client.ask<AlertReport>('POST', path, {});
      terminal.out(wantsJson(command) ? json(alert) : `Acknowledged: ${plain(alert.title)}.\n`);
    });

  alerts
    .command('snooze')
    .description('let nobody hear of it for a time, unless it gets worse; then the escalation goes on')
    .argument('<id>', 'from alerts list; four characters will do if no other begins with them')
    .option('--for <time>', 'how long, 1m to 24h (default: 1h)', readSeconds)
    .option('--off', 'let it be told again, now')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  tollgate alerts snooze 9f3a\n  tollgate alerts snooze 9f3a --for 15m\n  tollgate alerts snooze 9f3a --off',
    )
    .action(async (id: string, options: { readonly for?: number; readonly off?: boolean }, command: Command) => {
      const client = context.client(command);
      const path = `/api/v1/alerts/${encodeURIComponent(await wholeId(client, id))}/snooze`;
      const alert = options.off
        ? await client.ask<AlertReport>('DELETE', path)
        : await client.ask<AlertReport>('POST', path, options.for === undefined ? {} : { seconds: options.for });
      const until = alert.snoozedUntil === null ? undefined : localTime(alert.snoozedUntil);
      const done = until === undefined ? 'Told again' : `Snoozed until ${until}`;
      terminal.out(wantsJson(command) ? json(alert) : `${done}: ${plain(alert.title)}.\n`);
    });

  alerts
    .command('test')
    .description('send a test by one channel, or by all, and show what the other side says')
    .argument('[channel]', 'its name in the configuration')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  tollgate alerts test\n  tollgate alerts test ops-mail')
    .action(async (channel: string | undefined, _options, command: Command) => {
      const body = channel === undefined ? {} : { channel };
      const client = context.client(command);
      const results = await client.ask<TestResult[]>('POST', '/api/v1/alerts/test', body, undefined, TEST_WITHIN_MS);
      if (results.some(({ taken }) => !taken) || results.length === 0) context.answer(EXIT.no);
      if (wantsJson(command)) terminal.out(json(results));
      else if (results.length === 0) terminal.out('No channel is configured: see alerts.channels.\n');
      for (const each of wantsJson(command) ? [] : results) {
        const outcome = each.taken ? paint(terminal, 'green', 'taken') : paint(terminal, 'red', 'not taken');
        const problem = each.problem === null ? '' : `: ${plain(each.problem)}`;
        terminal.out(`${each.channel} (${each.kind}): ${outcome}${problem}\n`);
      }
    });

  alerts
    .command('dead')
    .description('messages that were given up, newest first')
    .option('-n, --limit <number>', 'how many', '100')
    .option('--json', 'as JSON')
    .action(async ({ limit }: { readonly limit: string }, command: Command) => {
      const query = new URLSearchParams({ limit });
      const found = await context.client(command).ask<DeadLetterReport[]>('GET', `/api/v1/alerts/dead?${query}`);
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out('No message was given up.\n');
      else {
        const rows = found.map((each) => [
          each.id,
          localTime(each.givenUpAt),
          each.channel,
          String(each.attempts),
          plain(each.title),
          plain(each.problem),
        ]);
        terminal.out(table(terminal, ['id', 'given up', 'channel', 'attempts', 'alert', 'problem'], rows));
      }
    });

  alerts
    .command('retry')
    .description('try messages again that were given up: those named, or all')
    .argument('[id...]', 'from alerts dead')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate alerts retry')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const body = ids.length === 0 ? {} : { ids };
      const answer = await context.client(command).ask<{ retried: number }>('POST', '/api/v1/alerts/dead/retry', body);
      terminal.out(wantsJson(command) ? json(answer) : `Tried again: ${answer.retried}.\n`);
    });
}

/** A phone rings for a while. */
const TEST_WITHIN_MS = 60_000;

const stateOf = (alert: AlertReport): string =>
  alert.state === 'acknowledged'
    ? `acknowledged by ${plain(alert.acknowledgedBy ?? '')}`
    : alert.snoozedUntil === null
      ? alert.state
      : `snoozed until ${localTime(alert.snoozedUntil)}`;

async function wholeId(client: Client, id: string): Promise<string> {
  if (id.length < 4) return id;
  const open = await client.ask<AlertReport[]>('GET', '/api/v1/alerts?state=open&limit=1000');
  const meant = open.filter((each) => each.id.startsWith(id));
  return meant.length === 1 ? (meant[0]?.id ?? id) : id;
}
