/** `rates`: what calls cost, from a carrier's file. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { CheckedRate, RateChangeReport, RateImport, RateRows, RatesReport } from '../api/rates-routes.ts';
import { messageOf } from '../errors.ts';
import { describePrice } from '../rates/price.ts';
import { DaemonProblem } from './client.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, plain, type Terminal, table } from './terminal.ts';

const HELP = {
  rates: `
Rules with spend count money by this sheet. Without one they count nothing; rules with minutes do.`,
  import: `
Columns: prefix, price (per minute), connection (fee), increments (first/next in seconds), currency; prefix and price are
needed. Without increments begun minutes are paid for (60/60). A prefix is a country code and what follows, with or without
+; one of digits as dialled is written dialled:118. UTF-8; separated by comma, semicolon or tab. One mistake, and nothing
is imported. The file takes the place of the whole sheet; tollgate rates undo goes back.

Examples:
  tollgate rates import carrier.csv --dry-run
  tollgate rates import carrier.csv --currency EUR`,
  show: `
Examples:
  tollgate rates show
  tollgate rates show 44`,
  check: `
Example:
  tollgate rates check 011 53 7 833 4000`,
  undo: `
Example:
  tollgate rates undo`,
};

export function rateCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const rates = program
    .command('rates')
    .description('what calls cost: the rate sheet')
    .addHelpText('after', HELP.rates);

  rates
    .command('import')
    .description('put a CSV file in the place of the rate sheet, all or nothing; - reads standard input')
    .argument('<file>')
    .option('--dry-run', 'check it and show what would change, change nothing')
    .option('--currency <letters>', 'of a file that does not say; default: that of the sheet in force, or USD')
    .option('--json', 'as JSON: { applied, currency, prefixes, added, changed, removed, unchanged }')
    .addHelpText('after', HELP.import)
    .action(
      async (path: string, options: { readonly dryRun?: boolean; readonly currency?: string }, command: Command) => {
        const file = path === '-' ? 'standard input' : basename(path);
        const query = new URLSearchParams({ dryRun: `${options.dryRun === true}`, file });
        if (options.currency !== undefined) query.set('currency', options.currency.toUpperCase());
        const content = await contentOf(terminal, path);
        const report = await context
          .client(command)
          .send<RateImport>(`/api/v1/rates/import?${query}`, content, terminal.signal, 'text/csv')
          .catch((error: unknown) => {
            if (!(error instanceof DaemonProblem) || error.problems.length === 0) throw error;
            if (wantsJson(command)) terminal.out(json({ applied: false, problems: error.problems }));
            const lines = error.problems.map(({ path: at, message }) =>
              plain(at === '' ? message : `${at} ${message}`),
            );
            throw new CommandFailed([...lines, 'Nothing was imported.'].join('\n'));
          });
        if (wantsJson(command)) terminal.out(json(report));
        else terminal.out(describeImport(plain(file), report));
      },
    );

  rates
    .command('show')
    .description('the rate sheet in force, or its rows that begin with some digits')
    .argument('[digits]')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.show)
    .action(async (digits: string | undefined, _options, command: Command) => {
      const client = context.client(command);
      if (digits === undefined) {
        const report = await client.ask<RatesReport>('GET', '/api/v1/rates');
        terminal.out(wantsJson(command) ? json(report) : describeSheet(report));
        return;
      }
      const query = new URLSearchParams({ begins: digits });
      const { rates: rows, complete } = await client.ask<RateRows>('GET', `/api/v1/rates/prefixes?${query}`);
      if (wantsJson(command)) terminal.out(json(rows));
      else if (rows.length === 0) terminal.out('No prefix of the rate sheet begins with these digits.\n');
      else {
        terminal.out(
          table(
            terminal,
            ['prefix', 'price'],
            rows.map((row) => [plain(row.prefix), describePrice(row)]),
          ),
        );
        if (!complete) terminal.out('There are more; give more digits.\n');
      }
    });

  rates
    .command('check')
    .description('what a call to a number costs, and why')
    .argument('<number...>')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.check)
    .action(async (words: readonly string[], _options, command: Command) => {
      const query = new URLSearchParams({ number: words.join('') });
      const found = await context.client(command).ask<CheckedRate>('GET', `/api/v1/rates/check?${query}`);
      if (wantsJson(command)) terminal.out(json(found));
      else terminal.out(describeCheck(found));
      if (found.by === 'class') context.answer(EXIT.no);
    });

  rates
    .command('history')
    .description('changes of the rate sheet, the last first')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const changes = await context.client(command).ask<RateChangeReport[]>('GET', '/api/v1/rates/history');
      if (wantsJson(command)) terminal.out(json(changes));
      else if (changes.length === 0) terminal.out('There has been no rate sheet yet.\n');
      else {
        const rows = changes.map((each) => [
          localTime(each.at),
          plain(each.by),
          plain(each.what),
          String(each.prefixes),
          `${each.added} new, ${each.changed} changed, ${each.removed} removed`,
        ]);
        terminal.out(table(terminal, ['at', 'by', 'what', 'prefixes', 'rows'], rows));
      }
    });

  rates
    .command('undo')
    .description('go back to the rate sheet before; once more undoes that')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.undo)
    .action(async (_options, command: Command) => {
      const done = await context.client(command).ask<RateChangeReport>('POST', '/api/v1/rates/undo');
      if (wantsJson(command)) terminal.out(json(done));
      else
        terminal.out(
          `The sheet before is in force: ${done.prefixes} ${done.prefixes === 1 ? 'prefix' : 'prefixes'} in ${done.currency}.\n`,
        );
    });
}

/** Opened first: a stream that fails before anybody reads it would end the program. */
async function contentOf(terminal: Terminal, path: string): Promise<Readable> {
  if (path === '-') return Readable.from([await terminal.readStdin()], { objectMode: false });
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new CommandFailed(`${path} cannot be read: ${messageOf(error)}`);
  });
  return handle.createReadStream();
}

function describeImport(
  file: string,
  { applied, currency, prefixes, added, changed, removed, unchanged }: RateImport,
): string {
  const counts = `${added} new, ${changed} changed, ${unchanged} the same, ${removed} no longer there`;
  const end = applied ? 'The sheet is in force.' : 'Nothing was changed (--dry-run).';
  return `${file}: ${prefixes} ${prefixes === 1 ? 'prefix' : 'prefixes'} in ${currency}: ${counts}.\n${end}\n`;
}

function describeSheet({ currency, prefixes, changedAt, changedBy, dearest }: RatesReport): string {
  if (currency === null || changedAt === null)
    return 'There is no rate sheet: rules with spend count nothing. tollgate rates import FILE.csv brings one.\n';
  const most = dearest === null ? '' : `Dearest: ${dearest.prefix}, ${describePrice(dearest)}.\n`;
  const count = `${prefixes} ${prefixes === 1 ? 'prefix' : 'prefixes'}`;
  return `${count} in ${currency}, since ${localTime(changedAt)} by ${plain(changedBy ?? '?')}.\n${most}`;
}

function describeCheck(found: CheckedRate): string {
  const cost = `${found.currency} ${describePrice(found)}; ten minutes cost ${found.tenMinutes.toFixed(2)}`;
  switch (found.by) {
    case 'prefix':
      return `${plain(found.destination)}: ${cost}. Prefix ${found.prefix}.\n`;
    case 'class':
      return `${plain(found.destination)}: no prefix of the sheet is of this number. The dearest price of ${found.class} counts, that of ${found.prefix}: ${cost}.\n`;
    default:
      return `${plain(found.destination)}: costs nothing.\n`;
  }
}
