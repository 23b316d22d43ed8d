/** `tollgate approvals raise`: more calls for one rule and subject until a time, though no call waits for it. */
import { type Command, InvalidArgumentError } from 'commander';
import type { GrantReport } from '../approvals/grant.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, plain } from './terminal.ts';

const KINDS = ['extension', 'group', 'trunk', 'number', 'system'] as const;

interface RaiseOptions extends Readonly<Partial<Record<Exclude<(typeof KINDS)[number], 'system'>, string>>> {
  readonly system?: boolean;
  readonly minutes?: number;
  readonly today?: boolean;
  readonly calls?: number;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

/** @param approvals the command `approvals` */
export function raiseCommand(approvals: Command, context: CommandContext): void {
  const { terminal } = context;
  approvals
    .command('raise')
    .description('let an extension, group, trunk or number make more calls of a rule until a time')
    .argument('<rule>', 'one that refuses or holds calls beyond its limits')
    .option('--extension <extension>', 'for this extension')
    .option('--group <group>', 'for all of this group together')
    .option('--trunk <trunk>', 'for this trunk')
    .option('--number <number>', 'for this number')
    .option('--system', 'for the whole system together')
    .option('--minutes <minutes>', 'for so long; default 60', wholeNumber)
    .option('--today', 'until the end of the day where the policy is at home')
    .option('--calls <calls>', 'how many more; default: as many as the rule lets pass in that time', wholeNumber)
    .option('--reason <text>', 'kept in the audit log')
    .option('--dry-run', 'say what it would be')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
The rule goes on counting, and every other rule is asked as ever. Hard budgets, calls at once and locks are not opened.
approvals grants lists what is in force, approvals revoke ends it.

Examples:
  tollgate approvals raise staff --extension 1001 --minutes 30
  tollgate approvals raise call-centre --group call-centre --today --reason "campaign day"`,
    )
    .action(async (rule: string, options: RaiseOptions, command: Command) => {
      const meant = KINDS.filter((kind) => options[kind] !== undefined);
      const [kind] = meant;
      if (kind === undefined || meant.length > 1)
        throw new CommandFailed(
          'say for whom: one of --extension, --group, --trunk, --number and --system',
          EXIT.usage,
        );
      const { minutes, today, calls, reason, dryRun } = options;
      const body = {
        rule,
        subject: { kind, id: kind === 'system' ? '' : options[kind] },
        ...(today === true ? { untilEndOfDay: true } : {}),
        ...{ minutes, calls, reason },
      };
      const path = `/api/v1/grants?dryRun=${dryRun === true}`;
      const grant = await context.client(command).ask<GrantReport>('POST', path, body);
      if (wantsJson(command)) terminal.out(json(grant));
      else
        terminal.out(
          `${dryRun === true ? 'It would be' : 'Granted:'} ${grant.calls} more for ${grant.subjects.map(plain).join(' and ')} until ${localTime(grant.until)} (rule ${plain(grant.rule)}).\n`,
        );
    });
}

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}
