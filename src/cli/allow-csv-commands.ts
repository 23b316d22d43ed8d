/** `allow import|export`: the allowlist as a CSV file. */
import type { Command } from 'commander';
import type { AllowReport, ImportReport } from '../api/allowlist-routes.ts';
import { type AllowRow, columnOf, readAllowFile, writeAllowFile } from '../csv/allowlist-csv.ts';
import { type CsvProblem, formatCsvProblem, plural } from '../csv/table.ts';
import type { Problem } from '../policy/problem.ts';
import { DaemonProblem } from './client.ts';
import { type CommandContext, CommandFailed, wantsJson } from './context.ts';
import { readCsvFile } from './csv-file.ts';
import { json, plain } from './terminal.ts';

const HELP = {
  import: `
Columns: name,type,value,mask,description,owner,exempt; name and value are needed, the others may be left out. The value
is an address, a network, a range or a domain; exempt is yes or no. UTF-8; separated by comma, semicolon or tab.

A row replaces the entry of the same name; a name that is not there yet is added. Entries that are not in the file stay
as they are; with --replace they are removed. One mistake, and nothing is imported.

Examples:
  tollgate allow import addresses.csv --dry-run
  tollgate allow import addresses.csv
  tollgate allow import addresses.csv --replace`,
  export: `
Example:
  tollgate allow export > addresses.csv`,
};

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly replace?: boolean;
  readonly force?: boolean;
}

/** @param allow the command that these belong to */
export function allowCsvCommands(allow: Command, context: CommandContext): void {
  const { terminal } = context;

  allow
    .command('import')
    .description('add and replace entries from a CSV file, all or nothing; - reads standard input')
    .argument('<file>')
    .option('--dry-run', 'check it and show what would change, change nothing')
    .option('--replace', 'also remove the entries that are not in the file')
    .option('--force', 'even if the portal then cuts you off')
    .option('--json', 'as JSON: { applied, changed, added, replaced, unchanged, removed, notes }, or { problems }')
    .addHelpText('after', HELP.import)
    .action(async (path: string, options: ImportOptions, command: Command) => {
      const file = path === '-' ? 'standard input' : path;
      const fail = (problems: readonly CsvProblem[]): CommandFailed => {
        if (wantsJson(command)) terminal.out(json({ applied: false, problems }));
        const mistakes = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
        const lines = problems.map((problem) => formatCsvProblem(file, problem));
        return new CommandFailed([...lines, `${file} has ${mistakes}; nothing was imported.`].join('\n'));
      };
      const read = readAllowFile(await readCsvFile(terminal, path));
      if ('problems' in read) throw fail(read.problems);
      const body = { entries: read.rows.map(({ fields }) => fields), replace: options.replace === true };
      const query = new URLSearchParams({ dryRun: `${options.dryRun === true}`, force: `${options.force === true}` });
      const report = await context
        .client(command)
        .ask<ImportReport>('POST', `/api/v1/allowlist/import?${query}`, body)
        .catch((error: unknown) => {
          if (!(error instanceof DaemonProblem) || error.problems.length === 0) throw error;
          throw fail(error.problems.map((problem) => inFile(problem, read.rows)));
        });
      terminal.out(wantsJson(command) ? json(report) : describeImport(file, report));
    });

  allow
    .command('export')
    .description('write the allowlist to standard output, as CSV')
    .option('--json', 'as JSON: { entries, csv }')
    .addHelpText('after', HELP.export)
    .action(async (_options, command: Command) => {
      const entries = await context.client(command).ask<AllowReport[]>('GET', '/api/v1/allowlist');
      const csv = writeAllowFile(entries);
      terminal.out(wantsJson(command) ? json({ entries: entries.length, csv }) : csv);
    });
}

/** The daemon counts entries, a person counts lines. */
function inFile({ path, message }: Problem, rows: readonly AllowRow[]): CsvProblem {
  const [, index, field] = /^entries\[(\d+)\](?:\.(\w+))?$/.exec(path) ?? [];
  const row = index === undefined ? undefined : rows[Number(index)];
  const said = message.replaceAll(/entries\[(\d+)\]/g, (_, at: string) => `line ${rows[Number(at)]?.line ?? '?'}`);
  const value = field === undefined ? undefined : row?.fields[field];
  return {
    line: row?.line,
    column: field === undefined ? undefined : columnOf(field),
    found: typeof value === 'string' && !said.includes(value) ? value : undefined,
    message: said,
  };
}

const MOST_SHOWN = 20;

function describeImport(file: string, report: ImportReport): string {
  const { added, replaced, unchanged, removed, notes } = report;
  const rows = added.length + replaced.length + unchanged.length;
  const counts = `${added.length} new, ${replaced.length} changed, ${unchanged.length} the same`;
  const gone = removed.length === 0 ? '' : `; not in the file: ${removed.length} removed`;
  const named = [
    ...added.map((name) => `+ ${name}`),
    ...replaced.map((name) => `~ ${name}`),
    ...removed.map((name) => `- ${name}`),
  ];
  const more = named.length > MOST_SHOWN ? [`and ${named.length - MOST_SHOWN} more`] : [];
  return [
    `${file}: ${plural(rows, 'row')}: ${counts}${gone}.`,
    ...named.slice(0, MOST_SHOWN).map((line) => plain(line)),
    ...more,
    ...notes.map((note) => `Note: ${plain(note)}.`),
    report.applied ? 'The allowlist is in force.' : 'Nothing was changed (--dry-run).',
    '',
  ].join('\n');
}
