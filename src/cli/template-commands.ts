/** `rules templates`, and what `rules add --template` asks for and says. */
import { type Command, Option } from 'commander';
import type { PackAnswer } from '../api/packs-routes.ts';
import type { AddedTemplate, TemplateReport } from '../api/templates-routes.ts';
import { NOT_LEGAL_ADVICE } from '../policy/legal-packs.ts';
import type { Client } from './client.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { findingText } from './doctor-commands.ts';
import { describePack, type PackOptions, packOptions, showPack } from './pack-commands.ts';
import { json, paint, plain, type Terminal, wrapped } from './terminal.ts';

export interface TemplateFlags {
  readonly template?: string;
  readonly id?: string;
  readonly shadow?: boolean;
  readonly members?: readonly string[];
  readonly trunk?: readonly string[];
}

const HELP = `
Examples:
  tollgate rules templates
  tollgate rules templates office --home US --known CA,GB --hours "mon-fri 08:00-18:00"
  tollgate rules templates office --home US --extension-money 12 --site-money 50 --out policy.yaml`;

const SHADOW_FIRST =
  'Run them in shadow first (--shadow), and look at rules show after a week: together, call-centre, staff, after-hours, international and contractors refuse hundreds of honest calls in ten thousand at a busy site.';

export function templateCommands(rules: Command, context: CommandContext): void {
  const { terminal } = context;
  const templates = rules
    .command('templates')
    .description('list starter packs and ready rules with what each permits at worst; or show what a pack would change')
    .argument('[pack]', 'office, company, hotel or call-centre');
  packOptions(templates)
    .option('--json', 'as JSON: the ready rules; of a pack, what it would make of the policy')
    .addHelpText('after', HELP)
    .action(async (pack: string | undefined, options: PackOptions, command: Command) => {
      if (pack !== undefined) return showPack(context, command, pack, options);
      const client = context.client(command);
      const all = await client.ask<TemplateReport[]>('GET', '/api/v1/templates');
      if (wantsJson(command)) {
        terminal.out(json(all));
        return;
      }
      const packs = await client.ask<PackAnswer[]>('GET', '/api/v1/packs');
      terminal.out(
        [
          paint(
            terminal,
            'bold',
            'STARTER PACKS against toll fraud: whole sets of rules, shown before anything changes\n',
          ),
          ...packs.map((each) => describePack(terminal, each)),
          paint(terminal, 'bold', 'READY RULES, one by one\n'),
          wrapped(SHADOW_FIRST),
          '',
          ...all.map((each) => describeTemplate(terminal, each)),
        ].join('\n'),
      );
    });
}

/** The options of `rules add` that go with a template. */
export function templateOptions(add: Command): Command {
  return add
    .option('--template <name>', 'take the rule, and what it needs, from a template: see rules templates')
    .option('--id <id>', 'with --template: id of the rule, otherwise the name of the template')
    .addOption(new Option('--shadow', 'add it in shadow: it counts and reports, and never acts').conflicts('mode'))
    .option('--members <list>', 'with --template: members of its group; may be repeated', collect);
}

const GO_WITH_TEMPLATE = new Set(['template', 'id', 'shadow', 'members', 'trunk', 'json']);

/**
 * Adds a template by one change of the policy.
 *
 * @param id the argument of `rules add`
 * @throws {CommandFailed} on options that do not go with a template
 */
export function addTemplate(
  client: Client,
  command: Command,
  id: string | undefined,
  flags: TemplateFlags & { readonly template: string },
): Promise<AddedTemplate> {
  const foreign = Object.keys(command.opts()).find(
    (name) => !GO_WITH_TEMPLATE.has(name) && command.getOptionValueSource(name) === 'cli',
  );
  if (foreign !== undefined) {
    const flag =
      foreign === 'limits'
        ? '--no-limits'
        : `--${foreign.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new CommandFailed(
      `${flag} does not go with --template; add the rule, then change it with: tollgate rules set`,
      EXIT.usage,
    );
  }
  const [trunk, ...more] = flags.trunk ?? [];
  if (more.length > 0) throw new CommandFailed('a template takes one trunk; add it once for each', EXIT.usage);
  if (id !== undefined && flags.id !== undefined && id !== flags.id) {
    throw new CommandFailed(`which id, ${id} or ${flags.id}? Write it once`, EXIT.usage);
  }
  const body = { id: flags.id ?? id, shadow: flags.shadow, members: flags.members, trunk };
  return client.ask<AddedTemplate>('POST', `/api/v1/templates/${encodeURIComponent(flags.template)}`, body);
}

/** @throws {CommandFailed} where an option was given that only a template knows */
export function refuseTemplateFlags(flags: TemplateFlags): void {
  const [flag] = (['id', 'members'] as const).filter((name) => flags[name] !== undefined);
  if (flag !== undefined) throw new CommandFailed(`--${flag} goes with --template only`, EXIT.usage);
}

/** What was added, what was there, and what is still missing. */
export function describeAddition(
  terminal: Terminal,
  { template, added, used, findings }: AddedTemplate,
  { members }: TemplateFlags,
): string {
  const named = (pieces: AddedTemplate['added']): string =>
    Object.entries(pieces)
      .flatMap(([kind, ids]) => ids.map((id) => `${NOUNS[kind] ?? kind} ${id}`))
      .join(', ');
  const lines = [`From template ${template}.`];
  if (named(added) !== '') lines.push(`Added with it: ${named(added)}.`);
  if (named(used) !== '') lines.push(`Already there and used as it is: ${named(used)}.`);
  const [group] = used.groups;
  if (group !== undefined && members !== undefined && members.length > 0) {
    lines.push(
      `Its members were left as they are; to add yours: tollgate groups set ${group} --add-members ${members.join(',')}`,
    );
  }
  return `${lines.join('\n')}\n${findings.map((each) => `\n${findingText(terminal, each)}`).join('')}`;
}

const NOUNS: Readonly<Record<string, string>> = {
  groups: 'group',
  trunks: 'trunk',
  schedules: 'schedule',
  destinations: 'destination list',
};

function describeTemplate(terminal: Terminal, { name, title, says, needs, law }: TemplateReport): string {
  const options = needs.map(({ option, required }) => {
    const text = `--${option} ${option === 'trunk' ? 'TRUNK' : 'LIST'}`;
    return required ? text : `[${text}]`;
  });
  const command = ['tollgate rules add --template', name, ...options].join(' ');
  return `${paint(terminal, 'bold', name)}  ${title}\n${wrapped(plain(says))}\n${law === undefined ? '' : describeLaw(law)}  ${paint(terminal, 'dim', command)}\n`;
}

function describeLaw({ sources, reviewed, cannotKnow }: NonNullable<TemplateReport['law']>): string {
  const named = sources.map(({ title, url }) => `  ${plain(title)}\n    ${plain(url)}\n`);
  return `${wrapped(plain(cannotKnow))}\n  ${NOT_LEGAL_ADVICE} Sources, last read on ${reviewed}:\n${named.join('')}`;
}
