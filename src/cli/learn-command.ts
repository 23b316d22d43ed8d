/** `learn`: teaches rules about first calls from a CDR file, so that nobody is asked about yesterday's countries. */
import type { Command } from 'commander';
import { IANAZone } from 'luxon';
import type { LearntReport } from '../api/learn-routes.ts';
import { compilePolicy } from '../policy/policy.ts';
import { type ColumnMapping, parseColumns } from '../simulate/cdr-layout.ts';
import { readHistory } from '../simulate/history-file.ts';
import { type ReachedPlace, reachedIn } from '../simulate/reached-places.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import type { PolicyAnswer } from './policy-commands.ts';
import { json, plain } from './terminal.ts';

interface LearnOptions {
  readonly dryRun?: boolean;
  readonly timezone?: string;
  readonly columns?: string;
}

const HELP = `
A rule with firstCallTo asks about the first call of an extension to a country. This tells it which countries were called
before: from each answered call of the file, for its extension, and for groups and trunks where a rule counts on those.
Records older than a year teach nothing. Teaching the same file again changes nothing.

The file is as for tollgate simulate; --columns says of other tables which column is what.

Examples:
  tollgate learn /var/log/asterisk/cdr-csv/Master.csv --dry-run
  tollgate learn Master.csv --timezone UTC`;

/** Stays well under what the daemon takes in one request. */
const MOST_AT_ONCE = 10_000;

export function learnCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command('learn')
    .description('teach first-call rules from a CDR file which countries were called before')
    .argument('<file>', 'call records of Asterisk, FreePBX or VICIdial, as CSV')
    .option('--dry-run', 'say what would be learnt, and change nothing')
    .option('--timezone <zone>', 'of the times in the file; otherwise that of the policy')
    .option('--columns <list>', 'which column is what, for example start=10,dst=3')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (path: string, options: LearnOptions, command: Command) => {
      const { dryRun = false, timezone } = options;
      if (timezone !== undefined && !IANAZone.isValidZone(timezone))
        throw new CommandFailed(`"${timezone}" is not a time zone; write one like America/New_York`, EXIT.usage);
      const columns = options.columns === undefined ? undefined : readColumns(options.columns);
      const client = context.client(command);
      const { document } = await client.ask<PolicyAnswer>('GET', '/api/v1/policy');
      const policy = compilePolicy(document);
      const zone = timezone ?? document.timezone;
      const read = await readHistory({ path, policies: [policy], timezone: zone, columns, signal: terminal.signal });
      const reached = reachedIn(read.history, policy, policy.firstCallsPer);
      let fresh = 0;
      for (let at = 0; at < reached.length; at += MOST_AT_ONCE) {
        const body = { dryRun, reached: reached.slice(at, at + MOST_AT_ONCE) };
        fresh += (await client.ask<LearntReport>('POST', '/api/v1/learn', body)).fresh;
      }
      const report = {
        calls: read.history.calls,
        subjects: distinct(reached, ({ subject }) => `${subject.kind} ${subject.id}`),
        countries: distinct(reached, ({ place }) => place),
        pairs: reached.length,
        fresh,
        dryRun,
      };
      if (wantsJson(command)) terminal.out(json(report));
      else terminal.out(describe(path, report, policy.firstCallsPer.length > 0));
    });
}

function describe(
  path: string,
  report: {
    readonly calls: number;
    readonly subjects: number;
    readonly countries: number;
    readonly pairs: number;
    readonly fresh: number;
    readonly dryRun: boolean;
  },
  isUsed: boolean,
): string {
  const { calls, subjects, countries, pairs, fresh, dryRun } = report;
  const head = `${plain(path)}: ${calls} outbound calls; ${subjects} callers reached ${countries} countries abroad, ${pairs} pairs of both.`;
  const known = `${fresh} of these pairs ${dryRun ? 'would be' : 'were'} new, the others are known already.`;
  const note = isUsed ? '' : 'No rule of the policy has firstCallTo yet; what is learnt waits for one.\n';
  return `${head}\n${known}\n${note}`;
}

const distinct = (reached: readonly ReachedPlace[], of: (each: ReachedPlace) => string): number =>
  new Set(reached.map(of)).size;

function readColumns(text: string): ColumnMapping {
  const mapping = parseColumns(text);
  if ('problem' in mapping) throw new CommandFailed(`--columns: ${mapping.problem}`, EXIT.usage);
  return mapping;
}
