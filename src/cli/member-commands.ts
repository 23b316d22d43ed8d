/** `groups|extensions|trunks list|show|set|remove`. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { json, plain, table } from './terminal.ts';

const KINDS = {
  groups: {
    one: 'group',
    about: 'groups of extensions, to which rules can apply',
    example: 'tollgate groups set call-centre --name "Call centre" --members 2001-2050,21xx',
  },
  extensions: {
    one: 'extension',
    about: 'extensions that have a name or settings of their own',
    example: 'tollgate extensions set 1001 --name Reception',
  },
  trunks: {
    one: 'trunk',
    about: 'trunks, to which rules can apply',
    example: 'tollgate trunks set carrier-a --name "Carrier A"',
  },
} as const;

interface Entry {
  readonly id: string;
  readonly name?: string;
  readonly members?: readonly string[];
}

interface SetOptions {
  readonly name?: string;
  readonly members?: readonly string[];
  readonly addMembers?: readonly string[];
  readonly dropMembers?: readonly string[];
}

export function memberCommands(program: Command, context: CommandContext): void {
  for (const kind of ['groups', 'extensions', 'trunks'] as const) commandsOf(program, kind, context);
}

function commandsOf(program: Command, kind: keyof typeof KINDS, context: CommandContext): void {
  const { terminal } = context;
  const { one, about, example } = KINDS[kind];
  const noun = program.command(kind).description(about);
  const path = (id: string): string => `/api/v1/${kind}/${encodeURIComponent(id)}`;

  noun
    .command('list')
    .description(`list all ${kind}`)
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const all = await context.client(command).ask<Entry[]>('GET', `/api/v1/${kind}`);
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0) terminal.out(`There are no ${kind} yet. For example: ${example}\n`);
      else {
        const headers = kind === 'groups' ? [one.toUpperCase(), 'NAME', 'MEMBERS'] : [one.toUpperCase(), 'NAME'];
        const rows = all.map((each) => [
          each.id,
          plain(each.name ?? ''),
          ...(kind === 'groups' ? [plain((each.members ?? []).join(', '))] : []),
        ]);
        terminal.out(table(terminal, headers, rows));
      }
    });

  noun
    .command('show')
    .description(`show one ${one}`)
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, _options, command: Command) => {
      const entry = await context.client(command).ask<Entry>('GET', path(id));
      terminal.out(wantsJson(command) ? json(entry) : stringify(entry));
    });

  const set = noun
    .command('set')
    .description(`add a ${one} or change it; what is not named stays as it is`)
    .argument('<id>')
    .option('--name <name>', 'name for people')
    .option('--json', 'as JSON')
    .addHelpText('after', `\nExample:\n  ${example}`);
  if (kind === 'groups') {
    set
      .option('--members <list>', 'all members: 2001, 2001-2050, 21xx; may be repeated', collect)
      .option('--add-members <list>', 'add to the members', collect)
      .option('--drop-members <list>', 'take out of the members, as they are written there', collect);
  }
  set.action(async (id: string, options: SetOptions, command: Command) => {
    const client = context.client(command);
    const before = (await client.ask<Entry[]>('GET', `/api/v1/${kind}`)).find((each) => each.id === id);
    const members = membersOf(before?.members ?? [], options);
    const { id: _, ...old } = before ?? { id };
    const entry = {
      ...old,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(kind === 'groups' ? { members } : {}),
    };
    const saved = await client.ask<Entry>('PUT', path(id), entry);
    terminal.out(
      wantsJson(command)
        ? json(saved)
        : `${one.charAt(0).toUpperCase()}${one.slice(1)} ${id} is ${before === undefined ? 'added' : 'changed'}.\n`,
    );
  });

  noun
    .command('remove')
    .description(`remove ${kind}`)
    .argument('<id...>')
    .option('--json', 'as JSON')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const client = context.client(command);
      const removed: Entry[] = [];
      for (const id of ids) removed.push(await client.ask<Entry>('DELETE', path(id)));
      terminal.out(wantsJson(command) ? json(removed) : removed.map((each) => `Removed ${one} ${each.id}.\n`).join(''));
    });
}

function membersOf(before: readonly string[], options: SetOptions): string[] {
  const start = [...(options.members ?? before), ...(options.addMembers ?? [])];
  const missing = (options.dropMembers ?? []).filter((each) => !start.includes(each));
  if (missing.length > 0)
    throw new CommandFailed(`not among the members: ${missing.join(', ')}; they are ${start.join(', ')}`, EXIT.no);
  return [...new Set(start)].filter((each) => !(options.dropMembers ?? []).includes(each));
}
