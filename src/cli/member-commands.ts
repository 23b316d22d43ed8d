/** `groups|extensions|trunks|destinations list|show|set|remove`. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { json, plain, table } from './terminal.ts';

interface Kind {
  readonly one: string;
  readonly about: string;
  readonly example: string;
  /** The fields that are lists, and what stands in them. */
  readonly lists: readonly { readonly field: ListField; readonly option: string; readonly holds: string }[];
}

const KINDS = {
  groups: {
    one: 'group',
    about: 'groups of extensions, to which rules can apply',
    example: 'tollgate groups set call-centre --name "Call centre" --members 2001-2050,21xx',
    lists: [{ field: 'members', option: 'members', holds: '2001, 2001-2050, 21xx' }],
  },
  extensions: {
    one: 'extension',
    about: 'extensions that have a name, permissions or a place',
    example: 'tollgate extensions set 1001 --name Reception --permissions international',
    lists: [
      { field: 'permissions', option: 'permissions', holds: 'names that rules refer to, such as international' },
      { field: 'registerFrom', option: 'register-from', holds: 'addresses of its phones, such as 203.0.113.0/24' },
    ],
  },
  trunks: {
    one: 'trunk',
    about: 'trunks, to which rules can apply',
    example: 'tollgate trunks set carrier-a --name "Carrier A"',
    lists: [],
  },
  destinations: {
    one: 'destination list',
    about: 'own lists of destinations by their prefixes, to which rules can apply',
    example: 'tollgate destinations set high-risk --prefixes +53,+252',
    lists: [{ field: 'prefixes', option: 'prefixes', holds: '+53, +1809' }],
  },
} as const satisfies Readonly<Record<string, Kind>>;

type KindName = keyof typeof KINDS;
type ListField = 'members' | 'permissions' | 'registerFrom' | 'prefixes';

interface Entry extends Readonly<Partial<Record<ListField, readonly string[]>>> {
  readonly id: string;
  readonly name?: string;
}

export function memberCommands(program: Command, context: CommandContext): void {
  for (const kind of Object.keys(KINDS) as KindName[]) commandsOf(program, kind, context);
}

function commandsOf(program: Command, kind: KindName, context: CommandContext): void {
  const { terminal } = context;
  const { one, about, example, lists }: Kind = KINDS[kind];
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
        const headers = [
          one.toUpperCase(),
          'NAME',
          ...lists.map(({ option }) => option.replace('-', ' ').toUpperCase()),
        ];
        const rows = all.map((each) => [
          each.id,
          plain(each.name ?? ''),
          ...lists.map(({ field }) => plain(shorten(each[field] ?? []))),
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
  for (const { option, holds } of lists) {
    set
      .option(`--${option} <list>`, `all ${option}: ${holds}; may be repeated`, collect)
      .option(`--add-${option} <list>`, `add to the ${option}`, collect)
      .option(`--drop-${option} <list>`, `take out of the ${option}, as they are written there`, collect);
  }
  set.action(async (id: string, options: Readonly<Record<string, unknown>>, command: Command) => {
    const client = context.client(command);
    const before = (await client.ask<Entry[]>('GET', `/api/v1/${kind}`)).find((each) => each.id === id);
    const { id: _, ...old } = before ?? { id };
    const name = typeof options['name'] === 'string' ? { name: options['name'] } : {};
    const entry: Record<string, unknown> = { ...old, ...name };
    for (const { field } of lists) {
      const changed = changedList(before?.[field] ?? [], field, options);
      // What is left out is no restriction, and an empty list of places would be a phone that may be nowhere.
      if (changed !== undefined) entry[field] = changed.length === 0 ? undefined : changed;
    }
    const saved = await client.ask<Entry>('PUT', path(id), entry);
    const done = `${one.charAt(0).toUpperCase()}${one.slice(1)} ${id} is ${before === undefined ? 'added' : 'changed'}.\n`;
    terminal.out(wantsJson(command) ? json(saved) : done);
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

function changedList(
  before: readonly string[],
  field: ListField,
  options: Readonly<Record<string, unknown>>,
): string[] | undefined {
  const given = (verb: string): readonly string[] | undefined => {
    const value = options[verb === '' ? field : `${verb}${field.charAt(0).toUpperCase()}${field.slice(1)}`];
    return Array.isArray(value) ? value.map(String) : undefined;
  };
  const [all, added, dropped = []] = [given(''), given('add'), given('drop')];
  if (all === undefined && added === undefined && dropped.length === 0) return undefined;
  const start = [...(all ?? before), ...(added ?? [])];
  const missing = dropped.filter((each) => !start.includes(each));
  if (missing.length > 0) {
    throw new CommandFailed(`not among the ${field}: ${missing.join(', ')}; they are ${start.join(', ')}`, EXIT.no);
  }
  return [...new Set(start)].filter((each) => !dropped.includes(each));
}

const shorten = (items: readonly string[]): string =>
  items.length > 12 ? `${items.slice(0, 12).join(', ')} and ${items.length - 12} more` : items.join(', ');
