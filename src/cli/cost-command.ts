/** `tollgate calls cost`: what calls that are over came to. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CostReport } from '../api/cost-routes.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { duration, json, plain, type Terminal, table } from './terminal.ts';

const BY = ['day', 'extension', 'group', 'trunk', 'country'] as const;

interface CostOptions {
  readonly by: (typeof BY)[number];
  readonly days: string;
  readonly csv?: boolean;
}

/** @param calls the command `calls` */
export function costCommand(calls: Command, context: CommandContext): void {
  const { terminal } = context;
  calls
    .command('cost')
    .description('what calls that are over cost, by day, extension, group, trunk or country')
    .addOption(new Option('--by <what>', 'what the sums are of').choices([...BY]).default('day'))
    .option('--days <number>', 'the last so many days, today included; at most 92', wholeNumber, '31')
    .option('--csv', 'as CSV')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Of answered calls whose end was seen, by the rate sheet that was in force then. Days are those of the policy's time zone.
Calls under way are in tollgate calls live.

Examples:
  tollgate calls cost
  tollgate calls cost --by country --days 7
  tollgate calls cost --by extension --csv > cost.csv`,
    )
    .action(async ({ by, days, csv }: CostOptions, command: Command) => {
      const client = context.client(command);
      const query = new URLSearchParams({ by, days });
      if (csv === true) {
        for await (const text of client.receive(`/api/v1/spend/history/csv?${query}`, terminal.signal))
          terminal.out(text);
        return;
      }
      const report = await client.ask<CostReport>('GET', `/api/v1/spend/history?${query}`);
      if (wantsJson(command)) terminal.out(json(report));
      else terminal.out(costTable(terminal, report));
    });
}

function wholeNumber(value: string): string {
  if (!/^\d{1,3}$/.test(value)) throw new InvalidArgumentError('It is not a whole number.');
  return value;
}

function costTable(terminal: Terminal, { by, from, to, zone, currency, leftOut, rows, total }: CostReport): string {
  const money = (cost: number): string => (currency === null ? '' : `${currency} ${cost.toFixed(2)}`);
  if (total.calls === 0) return `No answered call ended from ${from} to ${to} (${zone}), as far as anybody saw.\n`;
  const lines = rows
    .filter(({ calls }) => calls > 0)
    .map(({ name, label, calls, talkSeconds, cost }) => [
      `${name === '*' ? 'others' : plain(name)}${label === null ? '' : ` ${plain(label)}`}`,
      calls.toLocaleString('en-US'),
      duration(talkSeconds),
      money(cost),
    ]);
  const sum = `${total.calls.toLocaleString('en-US')} calls, ${duration(total.talkSeconds)} of talk`;
  return [
    table(terminal, [by.toUpperCase(), 'CALLS', 'TALK', 'COST'], lines),
    `${from} to ${to} (${zone}): ${sum}${currency === null ? '; there is no rate sheet' : `, ${money(total.cost)}`}\n`,
    ...(leftOut.length === 0 ? [] : [`Amounts in ${leftOut.join(', ')} of older rate sheets are not in it.\n`]),
  ].join('');
}
