/** `settings show|set|reset|diff|apply`: what is counted as an attack, packet limits, countries. */
import type { Command } from 'commander';
import type { SettingsReport } from '../api/settings-routes.ts';
import { formatProblem } from '../policy/problem.ts';
import type { Settings } from '../policy/settings.ts';
import { listSettings, patchOf, readSettings, type ShownSetting, settingAt } from '../policy/settings-document.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { readSeconds } from './firewall-commands.ts';
import { describeDifference } from './policy-commands.ts';
import { json, localTime, paint, plain, type Terminal, table } from './terminal.ts';
import { readYamlFile } from './yaml-file.ts';

const EXAMPLES = {
  show: `
Examples:
  tollgate settings show
  tollgate settings show autoBan.services.sipRegistration
  tollgate settings show --json > settings.json`,
  set: `
Examples:
  tollgate settings set autoBan.services.sipRegistration.attempts 5
  tollgate settings set autoBan.services.web.duration 7d
  tollgate settings set packetProtection.enabled true
  tollgate settings set country.countries US CA
  tollgate settings set adminAccess.allowFrom 203.0.113.0/24 198.51.100.7`,
  apply: `
The file is YAML or JSON; what it leaves out gets its default.

Examples:
  tollgate settings show --json > settings.json
  tollgate settings apply settings.json --dry-run
  tollgate settings apply settings.json`,
};

const PATH = '/api/v1/settings';
const FORCED = 'even if it cuts you off from page and API';

interface Forced {
  readonly force?: true;
}
interface Trial {
  /** Seconds. */
  readonly confirmWithin?: number;
}

function query({ force, dryRun, confirmWithin }: Forced & Trial & { readonly dryRun?: boolean }): string {
  const words = [
    ...(force === true ? ['force=true'] : []),
    ...(dryRun === true ? ['dryRun=true'] : []),
    ...(confirmWithin === undefined ? [] : [`confirmWithinSeconds=${confirmWithin}`]),
  ];
  return words.length === 0 ? '' : `?${words.join('&')}`;
}

export function settingsCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const settings = program.command('settings').description('automatic bans, packet protection, countries');
  const current = (command: Command): Promise<SettingsReport> =>
    context.client(command).ask<SettingsReport>('GET', PATH);
  const tell = (command: Command, after: SettingsReport, paths: readonly string[]): void => {
    const shown = paths.flatMap((path) => listSettings(after.settings, path));
    if (wantsJson(command)) terminal.out(json(after.settings));
    else terminal.out(shown.map((each) => `${describeSetting(terminal, each)}\n`).join(''));
  };

  settings
    .command('show')
    .description('settings in force; what differs from its default is marked')
    .argument('[path]', 'one setting or one section, such as autoBan.services.web')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.show)
    .action(async (path: string | undefined, _options, command: Command) => {
      const now = await current(command);
      const value = valueAt(now.settings, path ?? '');
      if (wantsJson(command)) terminal.out(json(value));
      else terminal.out(describeAll(terminal, now, path ?? ''));
    });

  settings
    .command('set')
    .description('give one setting another value; in force at once, on every node')
    .argument('<path>')
    .argument('<value...>', 'several where the setting is a list')
    .option('--force', FORCED)
    .option(
      '--confirm-within <time>',
      'of packetProtection and adminAccess: undone by itself after this time, 10s to 10m, unless tollgate firewall confirm keeps it',
      readSeconds,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.set)
    .action(async (path: string, values: readonly string[], options: Forced & Trial, command: Command) => {
      const now = await current(command);
      const patch = patchOf(path, readValue(valueAt(now.settings, path), path, values));
      tell(command, await context.client(command).ask<SettingsReport>('PATCH', `${PATH}${query(options)}`, patch), [
        path,
      ]);
    });

  settings
    .command('reset')
    .description('give one setting, or a whole section, its default again')
    .argument('<path>')
    .option('--force', FORCED)
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate settings reset autoBan.services')
    .action(async (path: string, options: Forced, command: Command) => {
      const place = `${PATH}/${encodeURIComponent(path)}${query(options)}`;
      const after = await context.client(command).ask<SettingsReport>('DELETE', place);
      tell(command, after, [path]);
    });

  settings
    .command('diff')
    .description('show what applying a file would change; - reads standard input')
    .argument('<file>')
    .option('--json', 'as JSON: { changed, before, after }')
    .addHelpText('after', '\nExample:\n  tollgate settings diff settings.yaml')
    .action(async (file: string, _options, command: Command) => {
      const after = await readSettingsFile(terminal, file);
      const before = (await current(command)).settings;
      const difference = differenceOf(terminal, before, after, file);
      if (wantsJson(command)) terminal.out(json({ changed: difference !== undefined, before, after }));
      else terminal.out(difference ?? 'No difference.\n');
    });

  settings
    .command('apply')
    .description('replace all settings by a file, whole or not at all; - reads standard input')
    .argument('<file>')
    .option('--dry-run', 'check it and show what would change, change nothing')
    .option('--force', FORCED)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.apply)
    .action(async (file: string, options: Forced & { readonly dryRun?: boolean }, command: Command) => {
      const wanted = await readSettingsFile(terminal, file);
      const before = await current(command);
      const difference = differenceOf(terminal, before.settings, wanted, file);
      const isTrial = options.dryRun === true;
      // Of the version that the difference was made for.
      const after = await context
        .client(command)
        .ask<SettingsReport>('PUT', `${PATH}${query(options)}`, wanted, isTrial ? undefined : before.version);
      if (wantsJson(command)) {
        terminal.out(json({ applied: !isTrial, changed: difference !== undefined, version: after.version }));
        return;
      }
      terminal.out(difference ?? 'No difference.\n');
      if (isTrial) terminal.out('Nothing was changed (--dry-run).\n');
      else terminal.out(`Version ${after.version} of the settings is in force.\n`);
    });
}

/** @throws {CommandFailed} with the setting that was probably meant */
function valueAt(settings: Settings, path: string): unknown {
  const read = settingAt(settings, path);
  if ('problem' in read) throw new CommandFailed(formatProblem(read.problem));
  return read.value;
}

/** Words as a value of the kind that the setting has; what does not fit is left to the check of the whole. */
function readValue(now: unknown, path: string, words: readonly string[]): unknown {
  if (Array.isArray(now)) return words.flatMap((word) => word.split(',')).filter((word) => word !== '');
  if (typeof now === 'object' && now !== null) {
    const inside = Object.keys(now).map((key) => (path === '' ? key : `${path}.${key}`));
    throw new CommandFailed(`${path} is a section; name a setting in it: ${inside.join(', ')}`, EXIT.usage);
  }
  const [word = '', ...more] = words;
  if (more.length > 0) throw new CommandFailed(`${path} takes one value`, EXIT.usage);
  if (typeof now === 'boolean') return SWITCHES.get(word.toLowerCase()) ?? word;
  return typeof now === 'number' && /^-?\d+(?:\.\d+)?$/.test(word) ? Number(word) : word;
}

const SWITCHES: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['on', true],
  ['yes', true],
  ['false', false],
  ['off', false],
  ['no', false],
]);

async function readSettingsFile(terminal: Terminal, path: string): Promise<Settings> {
  const { file, tree, locate } = await readYamlFile(terminal, path);
  const read = readSettings(tree);
  if ('settings' in read) return read.settings;
  const lines = read.problems.map((problem) => {
    const position = locate(problem.path.split('.'));
    return `${file}${position === undefined ? '' : `:${position.line}`}: ${formatProblem(problem)}`;
  });
  const count = lines.length === 1 ? 'a mistake' : `${lines.length} mistakes`;
  throw new CommandFailed([...lines, `${file} has ${count}; nothing was changed.`].join('\n'));
}

const differenceOf = (terminal: Terminal, before: Settings, after: Settings, file: string): string | undefined =>
  describeDifference(terminal, before, after, file, 'settings in force');

const textOf = (value: unknown): string =>
  Array.isArray(value) ? (value.length === 0 ? 'none' : value.join(', ')) : plain(String(value));

function describeSetting(terminal: Terminal, { path, value, default: standard, isDefault }: ShownSetting): string {
  const text = `${path}: ${textOf(value)}`;
  return isDefault ? `${text} (the default)` : `${paint(terminal, 'yellow', text)} (default: ${textOf(standard)})`;
}

function describeAll(terminal: Terminal, now: SettingsReport, path: string): string {
  const shown = listSettings(now.settings, path);
  const rows = shown.map(({ path: name, value, default: standard, isDefault }) =>
    isDefault
      ? [name, textOf(value), '']
      : [paint(terminal, 'yellow', name), paint(terminal, 'yellow', textOf(value)), `default: ${textOf(standard)}`],
  );
  const differ = shown.filter(({ isDefault }) => !isDefault).length;
  const last =
    now.version === 0 ? '' : ` Version ${now.version}, ${localTime(now.changedAt)} by ${plain(now.changedBy)}.`;
  const summary = differ === 0 ? 'Everything is at its default.' : `Not at its default: ${differ}.`;
  return `${table(terminal, ['SETTING', 'VALUE', ''], rows)}${summary}${last}\n`;
}
