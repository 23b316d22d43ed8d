/** `suggest`: ceilings from call records that would have refused nobody, as a policy to look at. */
import { writeFile } from 'node:fs/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { stringify } from 'yaml';
import { messageOf } from '../errors.ts';
import { compilePolicy } from '../policy/policy.ts';
import { readHistory } from '../simulate/history-file.ts';
import { type Suggested, suggestCeilings } from '../simulate/suggest.ts';
import { type CommandContext, CommandFailed, wantsJson } from './context.ts';
import { describeDifference, type PolicyAnswer } from './policy-commands.ts';
import { readPolicyFile } from './policy-file.ts';
import { readRateSheet } from './rate-sheet-file.ts';
import { count, createProgress } from './replay-progress.ts';
import { readColumns } from './simulate-command.ts';
import { json, plain, type Terminal, table } from './terminal.ts';

interface SuggestOptions {
  readonly policy?: string;
  readonly rates?: string;
  readonly timezone?: string;
  readonly columns?: string;
  readonly headRoom: number;
  readonly out?: string;
}

const HELP = `
For each role (the first group of an extension) it takes what its extensions needed at most in these records: calls in a
minute, an hour and a day, calls at once, and money abroad in a day (minutes without --rates), with head-room. Extensions
that need far more than others of their role get ceilings of their own: look at them first, a stolen one looks just so.
Nothing is changed. What is suggested is replayed against the same records: it refuses, holds and ends none of these calls.

Examples:
  tollgate suggest /var/log/asterisk/cdr-csv/Master.csv --rates carrier.csv
  tollgate suggest Master.csv --policy policy.yaml --head-room 2 --out suggested.yaml
  tollgate policy apply suggested.yaml --dry-run`;

const MOST_HEAD_ROOM = 10;

function readHeadRoom(text: string): number {
  const value = Number(text);
  if (!(value >= 1 && value <= MOST_HEAD_ROOM))
    throw new InvalidArgumentError(`write a number from 1 to ${MOST_HEAD_ROOM}`);
  return value;
}

export function suggestCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command('suggest')
    .description('ceilings from a CDR file that would have refused nobody, as a policy to look at')
    .argument('<file>', 'call records, as simulate reads them; a month or more')
    .option('--policy <file>', 'the policy that they are added to; otherwise the one in force')
    .option('--rates <file>', 'what calls cost, as for rates import; otherwise minutes are suggested')
    .option('--timezone <zone>', 'of the times in the file; otherwise that of the policy')
    .option('--columns <list>', 'which column is what, as for simulate')
    .option('--head-room <factor>', 'how many times what was needed', readHeadRoom, 1.5)
    .option('--out <file>', 'write the whole policy with the suggested rules there')
    .option('--json', 'as JSON: { suggestions, document }')
    .addHelpText('after', HELP)
    .action(async (path: string, options: SuggestOptions, command: Command) => {
      const columns = options.columns === undefined ? undefined : readColumns(options.columns);
      const document =
        options.policy === undefined
          ? (await context.client(command).ask<PolicyAnswer>('GET', '/api/v1/policy')).document
          : await readPolicyFile(terminal, options.policy, 'nothing was suggested');
      const rates =
        options.rates === undefined ? undefined : await readRateSheet(options.rates, 'nothing was suggested');
      const progress = createProgress(terminal);
      const { history } = await readHistory({
        path,
        policies: [compilePolicy(document)],
        timezone: options.timezone ?? document.timezone,
        columns,
        onBytes: (done, total) => progress.show({ doing: 'reading', done, total }),
        signal: terminal.signal,
      }).finally(progress.clear);
      if (history.calls === 0) throw new CommandFailed(`${path} has no outbound call; see: tollgate simulate --help`);
      const suggested = await suggestCeilings({
        history,
        document,
        rates,
        headRoom: options.headRoom,
        onBatch: (done) => {
          terminal.signal.throwIfAborted();
          progress.show({ doing: 'trying what is suggested', done, total: history.tries });
        },
      }).finally(progress.clear);
      if (options.out !== undefined) {
        const { out } = options;
        await writeFile(out, stringify(suggested.document)).catch((error: unknown) => {
          throw new CommandFailed(`${out} cannot be written: ${messageOf(error)}`);
        });
      }
      if (wantsJson(command)) {
        terminal.out(json({ suggestions: suggested.suggestions, document: suggested.document }));
        return;
      }
      const difference = describeDifference(terminal, document, suggested.document, options.out ?? 'suggested');
      terminal.out(
        [
          describe(terminal, suggested, rates?.currency),
          ...(difference === undefined ? ['The policy has these rules already.\n'] : [difference]),
          options.out === undefined
            ? 'To keep it: the same with --out suggested.yaml.\n'
            : `Look at it, then: tollgate policy apply ${plain(options.out)}\n`,
        ].join('\n'),
      );
    });
}

function describe(terminal: Terminal, { suggestions }: Suggested, currency: string | undefined): string {
  const unit = currency ?? 'MINUTES';
  const pair = (needed: number, ceiling: number): string =>
    ceiling === 0 ? '' : `${count(needed)} → ${count(ceiling)}`;
  const rows = suggestions.map(({ who, extensions, calls, needed, ceilings }) => [
    plain(who),
    count(extensions.length),
    count(calls),
    pair(needed.perMinute, ceilings.perMinute),
    pair(needed.perHour, ceilings.perHour),
    pair(needed.perDay, ceilings.perDay),
    pair(needed.atOnce, ceilings.atOnce),
    pair(needed.abroadPerDay, ceilings.abroadPerDay),
  ]);
  const titles = ['WHO', 'EXTENSIONS', 'CALLS', 'A MINUTE', 'AN HOUR', 'A DAY', 'AT ONCE', `${unit} ABROAD A DAY`];
  return `Needed at most → suggested, for each extension:\n${table(terminal, titles, rows)}`;
}
