/** `tollgate locks list|clear`: who may not call certain destinations until a person lets him. */
import type { Command } from 'commander';
import type { LockReport } from '../locks/lock-report.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, plain, type Terminal, table } from './terminal.ts';

const PATH = '/api/v1/locks';

interface ClearOptions {
  readonly extension?: string;
  readonly all?: boolean;
  readonly reason?: string;
}

export function lockCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const locks = program.command('locks').description('who may not call some destinations until a person lets him');
  locks
    .command('list')
    .description('locks in force, newest first, with the rule that made each and why')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nA rule with a lockout locks its subject after so many refusals, or when its hard ceiling is reached. Emergency calls\nalways go, and every other call to what the lock does not name.\n\nExample:\n  tollgate locks list',
    )
    .action(async (_options, command: Command) => {
      const found = await context.client(command).ask<LockReport[]>('GET', PATH);
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out('Nobody is locked.\n');
      else terminal.out(lockTable(terminal, found));
    });

  locks
    .command('clear')
    .description('let somebody call again; counting of refusals starts anew')
    .argument('[id]', 'from locks list; four characters will do if no other begins with them')
    .option('--extension <extension>', 'all locks of this extension')
    .option('--all', 'every lock')
    .option('--reason <text>', 'kept in the audit log')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nFind out first who called: tollgate calls list --extension 1001. If a phone was stolen, change its password.\n\nExamples:\n  tollgate locks clear 9c02\n  tollgate locks clear --extension 1001 --reason "new password"',
    )
    .action(async (id: string | undefined, options: ClearOptions, command: Command) => {
      const { extension, all, reason } = options;
      if ([id, extension, all].filter((each) => each !== undefined && each !== '').length !== 1)
        throw new CommandFailed('say which: an ID, --extension or --all', EXIT.usage);
      const client = context.client(command);
      const why = reason === undefined ? {} : { reason };
      let cleared: readonly LockReport[];
      if (id === undefined) {
        const which = extension === undefined ? { all: true } : { extension };
        cleared = await client.ask<LockReport[]>('POST', `${PATH}/clear`, { ...which, ...why });
      } else {
        const meant = (await client.ask<LockReport[]>('GET', PATH)).filter(
          (each) => id.length >= 4 && each.id.startsWith(id),
        );
        const whole = meant.length === 1 ? (meant[0]?.id ?? id) : id;
        cleared = [await client.ask<LockReport>('DELETE', `${PATH}/${encodeURIComponent(whole)}`, why)];
      }
      if (cleared.length === 0) context.answer(EXIT.no);
      if (wantsJson(command)) terminal.out(json(cleared));
      else if (cleared.length === 0) terminal.error('No such lock. tollgate locks list shows those in force.\n');
      else {
        for (const { subject, destinations } of cleared)
          terminal.out(`Cleared: ${plain(subject)} may call ${destinations.map(plain).join(', ')} again.\n`);
      }
    });
}

const lockTable = (terminal: Terminal, locks: readonly LockReport[]): string =>
  table(
    terminal,
    ['id', 'who', 'may not call', 'rule', 'since', 'because'],
    locks.map(({ id, subject, destinations, rule, since, because }) => [
      id,
      plain(subject),
      destinations.map(plain).join(', '),
      plain(rule),
      localTime(since),
      plain(because),
    ]),
  );
