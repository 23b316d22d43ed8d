/** `users list|add|set|remove|totp|sessions|logout`: who may log in to page and API. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ListedSession, NewFactorReport } from '../api/session-routes.ts';
import type { ChangedUser, ListedUser } from '../api/users-routes.ts';
import { ROLES } from '../people/roles.ts';
import type { UserReport } from '../people/user.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, plain, type Terminal, table } from './terminal.ts';

const PATH = '/api/v1/users';
const EXAMPLES = {
  add: `
Without --password-stdin a password is made and shown once.

Examples:
  tollgate users add anna --role supervisor
  tollgate users add ben --role operator --role supervisor
  pass show tollgate/anna | tollgate users add anna --role operator --password-stdin`,
  set: `
--role is given once for each role that he has then; what he may do is what any of them may. Changes of roles, password and second factor, and --disable, end all log-ins of the user at once.

Examples:
  tollgate users set anna --role viewer
  tollgate users set owner --new-password
  tollgate users set anna --remove-second-factor
  tollgate users set anna --extension 1001
  tollgate users set anna --disable`,
  totp: `
Without --code it shows what to scan; with the code that the app shows then, it is in force, and backup codes are shown once.

Examples:
  tollgate users totp owner
  tollgate users totp owner --code 123456`,
};

/** Given once for each. */
const roleOption = (): Option =>
  new Option('--role <role>', `what he may do, given again for each more: ${ROLES.join(', ')}`).argParser(
    (role: string, before: readonly string[] | undefined): readonly string[] => {
      if (!ROLES.some((each) => each === role)) throw new InvalidArgumentError(`There are: ${ROLES.join(', ')}.`);
      return [...new Set([...(before ?? []), role])];
    },
  );

interface SetOptions {
  readonly role?: readonly string[];
  readonly disable?: true;
  readonly enable?: true;
  readonly newPassword?: true;
  readonly passwordStdin?: true;
  readonly removeSecondFactor?: true;
  readonly extension?: string;
}

export function userCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const users = program.command('users').description('who may log in to page and API, and as what');
  const path = (name: string, more = ''): string => `${PATH}/${encodeURIComponent(name)}${more}`;
  /** One line of standard input, so that no password stands in a list of processes. */
  const passwordFrom = async (wanted: boolean | undefined): Promise<{ readonly password?: string }> =>
    wanted === true ? { password: (await terminal.readStdin()).replace(/\r?\n$/, '') } : {};
  const tell = (command: Command, user: ChangedUser, done: string): void => {
    const { password } = user;
    const shown = password === undefined ? '' : `Password, shown once and kept nowhere: ${password}\n`;
    terminal.out(wantsJson(command) ? json(user) : `${done}\n${shown}`);
  };

  users
    .command('list')
    .description('all of them')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const all = await context.client(command).ask<ListedUser[]>('GET', PATH);
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0) terminal.out('Nobody may log in. Make an owner with: tollgate users add\n');
      else terminal.out(userTable(terminal, all));
    });

  users
    .command('add')
    .description('let somebody log in')
    .argument('<name>', 'small letters, digits, dots, underscores and dashes')
    .addOption(roleOption().makeOptionMandatory())
    .option('--password-stdin', 'read the password from standard input: 16 characters or more')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.add)
    .action(async (name: string, options: SetOptions, command: Command) => {
      const body = { name, roles: options.role, ...(await passwordFrom(options.passwordStdin)) };
      const user = await context.client(command).ask<ChangedUser>('POST', PATH, body);
      tell(command, user, `${plain(user.name)} may log in as ${user.roles.join(' and ')}.`);
    });

  users
    .command('set')
    .description('change the roles, make another password, keep somebody out for a while')
    .argument('<name>')
    .addOption(roleOption())
    .option('--disable', 'he may not log in')
    .addOption(new Option('--enable', 'he may again').conflicts('disable'))
    .option('--new-password', 'make one and show it once')
    .addOption(new Option('--password-stdin', 'read it from standard input').conflicts('newPassword'))
    .option('--remove-second-factor', 'for a phone that was lost; an owner has to set up another one when he logs in')
    .option('--extension <number>', 'his own telephone: somebody else decides about its calls; none takes it away')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.set)
    .action(async (name: string, options: SetOptions, command: Command) => {
      const body = {
        ...(options.role === undefined ? {} : { roles: options.role }),
        ...(options.enable === true || options.disable === true ? { enabled: options.enable === true } : {}),
        ...(options.newPassword === true ? { newPassword: true } : {}),
        ...(options.extension === undefined
          ? {}
          : { extension: options.extension === 'none' ? null : options.extension }),
        ...(options.removeSecondFactor === true ? { secondFactor: false } : {}),
        ...(await passwordFrom(options.passwordStdin)),
      };
      if (Object.keys(body).length === 0) throw new CommandFailed('nothing to change; --help lists what', EXIT.usage);
      const user = await context.client(command).ask<ChangedUser>('PATCH', path(name), body);
      tell(
        command,
        user,
        `${plain(user.name)} is ${user.roles.join(' and ')}${user.enabled ? '' : ', and may not log in'}.`,
      );
    });

  users
    .command('remove')
    .description('let him log in no more; ends his log-ins at once')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, _options, command: Command) => {
      const removed = await context.client(command).ask<UserReport>('DELETE', path(name));
      terminal.out(wantsJson(command) ? json(removed) : `${plain(removed.name)} was removed.\n`);
    });

  users
    .command('totp')
    .description('set up a second factor for somebody')
    .argument('<name>')
    .option('--code <digits>', 'the code that the app shows after scanning')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.totp)
    .action(async (name: string, options: { readonly code?: string }, command: Command) => {
      const client = context.client(command);
      if (options.code === undefined) {
        const factor = await client.ask<NewFactorReport>('POST', path(name, '/totp'), {});
        terminal.out(wantsJson(command) ? json(factor) : describeFactor(factor, name));
        return;
      }
      const body = { code: options.code };
      const made = await client.ask<{ readonly backupCodes: readonly string[] }>(
        'POST',
        path(name, '/totp/confirm'),
        body,
      );
      terminal.out(
        wantsJson(command)
          ? json(made)
          : `The second factor is in force. Backup codes, shown once, each good once:\n\n${made.backupCodes.map((code) => `  ${code}\n`).join('')}`,
      );
    });

  users
    .command('sessions')
    .description('where somebody is logged in')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, _options, command: Command) => {
      const all = await context.client(command).ask<ListedSession[]>('GET', path(name, '/sessions'));
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0) terminal.out(`${plain(name)} is not logged in.\n`);
      else
        terminal.out(
          table(
            terminal,
            ['address', 'since', 'last request', 'ends', 'browser'],
            all.map((each) => [
              plain(each.address),
              localTime(each.openedAt),
              localTime(each.seenAt),
              localTime(each.endsAt),
              plain(each.agent).slice(0, 60),
            ]),
          ),
        );
    });

  users
    .command('logout')
    .description('end all log-ins of somebody; he may log in again')
    .argument('<name>')
    .option('--json', 'as JSON')
    .action(async (name: string, _options, command: Command) => {
      const { ended } = await context
        .client(command)
        .ask<{ readonly ended: number }>('DELETE', path(name, '/sessions'));
      terminal.out(wantsJson(command) ? json({ ended }) : `Log-ins ended: ${ended}.\n`);
    });
}

const userTable = (terminal: Terminal, all: readonly ListedUser[]): string =>
  table(
    terminal,
    ['name', 'roles', 'second factor', 'log-ins', 'last seen', 'password since'],
    all.map((user) => [
      `${plain(user.name)}${user.enabled ? '' : ' (disabled)'}`,
      user.roles.join(', '),
      user.secondFactor ? `yes, ${user.backupCodesLeft} backup codes` : 'no',
      String(user.sessions),
      user.lastSeenAt === null ? 'never' : localTime(user.lastSeenAt),
      localTime(user.passwordChangedAt),
    ]),
  );

function describeFactor({ secret, qr }: NewFactorReport, name: string): string {
  return [
    drawQr(qr),
    `Scan this, or type: ${secret.replace(/(.{4})(?=.)/g, '$1 ')}`,
    `Then, within 15 minutes: tollgate users totp ${name} --code CODE`,
    '',
  ].join('\n');
}

/** Two rows in a line, dark on light whatever colours the terminal has: scanners want it so. */
export function drawQr(rows: readonly string[]): string {
  const lines: string[] = [];
  for (let at = 0; at < rows.length; at += 2) {
    const [upper = '', lower = ''] = [rows[at], rows[at + 1]];
    const cells = [...upper].map((cell, column) => HALVES[`${cell}${lower[column] ?? '0'}`] ?? ' ');
    lines.push(`\u001b[30;107m${cells.join('')}\u001b[0m`);
  }
  return `${lines.join('\n')}\n`;
}

const HALVES: Readonly<Record<string, string>> = { '00': ' ', '10': '▀', '01': '▄', '11': '█' };
