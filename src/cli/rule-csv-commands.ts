/** `rules import|export`: rules as CSV files. */
import { type Command, Option } from 'commander';
import { writeRules } from '../csv/rule-csv.ts';
import { type CsvForm, planImport, type RuleImport } from '../csv/rule-import.ts';
import { formatCsvProblem, plural } from '../csv/table.ts';
import { writeYeastar } from '../csv/yeastar-csv.ts';
import type { RuleDocument } from '../policy/document.ts';
import { MOST_FOR_EVERY_CALL, rulesForEveryCall } from '../policy/rules-doctor.ts';
import { DaemonProblem } from './client.ts';
import { type CommandContext, CommandFailed, wantsJson } from './context.ts';
import { readCsvFile } from './csv-file.ts';
import { describeDifference, type PolicyAnswer } from './policy-commands.ts';
import { json, localTime } from './terminal.ts';

const FORMS: Readonly<Record<CsvForm, string>> = { wide: 'wide form', yeastar: 'Yeastar P-Series' };

const HELP = {
  import: `
The form is seen from the header:
  Name,Restrictions      Yeastar P-Series, such as 200/10/second&3000/1/minute. Each row is a rule for all
                         extensions, counted for each, that blocks; its id is made from its name.
  id,name,limits,...     one column for each field, as rules export writes them. An empty cell, or a column that
                         is not there, means the default of the field.
UTF-8; separated by comma, semicolon or tab.

A row replaces the rule of the same id, or of the same name where the file has no id; a rule that is not there yet
is added. Rules that are not in the file stay as they are; with --replace they are removed. One mistake, and nothing
is imported; nor if the policy is changed by somebody else meanwhile.

Examples:
  tollgate rules import limits.csv --dry-run
  tollgate rules import limits.csv
  tollgate rules import limits.csv --replace`,
  export: `
The wide form keeps every field of a rule. The form of Yeastar P-Series holds names and limits only; if it would lose
something of a rule, nothing is written, and the rules are named. Text that a spreadsheet would calculate gets a '
before it; import takes it away again.

Examples:
  tollgate rules export > rules.csv
  tollgate rules export --format yeastar > limits.csv`,
};

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly replace?: boolean;
}

/** @param rules the command that these belong to */
export function ruleCsvCommands(rules: Command, context: CommandContext): void {
  const { terminal } = context;

  rules
    .command('import')
    .description('add and replace rules from a CSV file, all or nothing; - reads standard input')
    .argument('<file>')
    .option('--dry-run', 'check it and show what would change, change nothing')
    .option('--replace', 'also remove the rules that are not in the file')
    .option(
      '--json',
      'as JSON: { applied, changed, version, format, added, replaced, unchanged, removed }, or { problems }',
    )
    .addHelpText('after', HELP.import)
    .action(async (path: string, options: ImportOptions, command: Command) => {
      const file = path === '-' ? 'standard input' : path;
      const bytes = await readCsvFile(terminal, path);
      const client = context.client(command);
      const before = await client.ask<PolicyAnswer>('GET', '/api/v1/policy');
      const plan = planImport(before.document, bytes, { replace: options.replace === true });
      if ('problems' in plan) {
        const { problems } = plan;
        if (wantsJson(command)) terminal.out(json({ applied: false, problems }));
        const count = problems.length === 1 ? 'a mistake' : `${problems.length} mistakes`;
        const lines = problems.map((problem) => formatCsvProblem(file, problem));
        throw new CommandFailed([...lines, `${file} has ${count}; nothing was imported.`].join('\n'));
      }
      const query = options.dryRun ? '?dryRun=true' : '?from=import';
      const after = await client
        .ask<PolicyAnswer>('PUT', `/api/v1/policy${query}`, plan.document, before.version)
        .catch((error: unknown) => {
          if (!(error instanceof DaemonProblem) || error.code !== 'CONFLICT') throw error;
          throw new CommandFailed(`nothing was imported: ${error.message}: import the file again`);
        });
      const { form, document: _, ...changes } = plan;
      if (wantsJson(command)) {
        const applied = options.dryRun !== true;
        const changed = JSON.stringify(before.document) !== JSON.stringify(plan.document);
        terminal.out(json({ applied, changed, version: after.version, format: form, ...changes }));
      } else {
        const difference = describeDifference(terminal, before.document, plan.document, file);
        terminal.out(`${file}: ${FORMS[form]}, ${describeChanges(plan)}.\n${difference ?? 'No difference.\n'}`);
        if (options.dryRun) terminal.out('Nothing was changed (--dry-run).\n');
        else terminal.out(`Policy version ${after.version} is in force since ${localTime(after.changedAt)}.\n`);
      }
      const forEveryCall = rulesForEveryCall(plan.document).length;
      if (forEveryCall > MOST_FOR_EVERY_CALL) {
        const what = `${forEveryCall} rules apply to every call, more than ${MOST_FOR_EVERY_CALL}`;
        terminal.error(`${what}: calls may be decided too late to be counted. See: tollgate rules doctor\n`);
      }
    });

  rules
    .command('export')
    .description('write the rules to standard output, as CSV')
    .addOption(
      new Option('--format <form>', 'wide keeps everything; yeastar is that of Yeastar P-Series')
        .choices(Object.keys(FORMS))
        .default('wide'),
    )
    .option('--json', 'as JSON: { format, rules, csv }, or { problems }')
    .addHelpText('after', HELP.export)
    .action(async ({ format }: { readonly format: CsvForm }, command: Command) => {
      const all = await context.client(command).ask<RuleDocument[]>('GET', '/api/v1/rules');
      const written = format === 'yeastar' ? writeYeastar(all) : writeRules(all);
      if ('refused' in written) {
        if (wantsJson(command)) terminal.out(json({ problems: written.refused }));
        const hint =
          format === 'yeastar' ? ['Nothing was written. The wide form keeps everything: tollgate rules export'] : [];
        throw new CommandFailed([...written.refused, ...hint].join('\n'));
      }
      terminal.out(wantsJson(command) ? json({ format, rules: all.length, csv: written.csv }) : written.csv);
    });
}

function describeChanges({ added, replaced, unchanged, removed, document }: RuleImport): string {
  const rows = added.length + replaced.length + unchanged.length;
  const kept = document.rules.length - rows;
  const others = [...(removed.length > 0 ? [`${removed.length} removed`] : []), ...(kept > 0 ? [`${kept} kept`] : [])];
  const counts = `${added.length} new, ${replaced.length} changed, ${unchanged.length} the same`;
  return `${plural(rows, 'rule')}: ${counts}${others.length > 0 ? `; not in the file: ${others.join(', ')}` : ''}`;
}
