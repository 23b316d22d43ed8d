/** `allow list|show|add|set|remove|exemptions`: who is never banned; `import` and `export` are in allow-csv-commands.ts. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AllowReport, ChangedEntry } from '../api/allowlist-routes.ts';
import type { ExemptReport } from '../api/exempt-routes.ts';
import { describeCount } from '../policy/addresses.ts';
import { parseDuration } from '../policy/duration.ts';
import { allowCsvCommands } from './allow-csv-commands.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { duration, json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

const EXAMPLES = {
  list: `
Examples:
  tollgate allow list --search 203.0.113.9
  tollgate allow list --unused 90d`,
  add: `
An address, a network (203.0.113.0/24, or 203.0.113.0 with --mask 255.255.255.0), a range
(203.0.113.5-203.0.113.20) or a domain, which is looked up again and again; IPv4 or IPv6.

An allowed address is never banned. Calls from phones there are also exempt from call limits, unless --no-exempt is
given: a stolen password used from there could call without limit.

Examples:
  tollgate allow add 203.0.113.0/24 --name "Main office" --owner Dana
  tollgate allow add 198.51.100.5-198.51.100.20 --name "VPN" --no-exempt
  tollgate allow add sip.carrier.example --name "Carrier A" --description "signalling" --no-exempt`,
  set: `
Examples:
  tollgate allow set "Main office" --address 203.0.113.0/25
  tollgate allow set "Main office" --no-exempt`,
  exemptions: `
With off, no entry exempts calls from call limits, whatever it says itself; the ban protection stays.

Examples:
  tollgate allow exemptions
  tollgate allow exemptions off`,
};

interface EntryOptions {
  readonly name?: string;
  readonly address?: string;
  readonly type?: string;
  readonly mask?: string;
  readonly description?: string;
  readonly owner?: string;
  readonly exempt?: boolean;
}

const PATH = '/api/v1/allowlist';
const pathOf = (ref: string): string => `${PATH}/${encodeURIComponent(ref)}`;

export function allowCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const allow = program.command('allow').description('addresses that are never banned (Allowed IPs)');
  allowCsvCommands(allow, context);

  allow
    .command('list')
    .description('list all entries')
    .option('--search <text>', 'only with this text, or holding this address')
    .option('--unused <time>', 'only those that nothing came from for so long, such as 90d', readDays)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.list)
    .action(async (options: { readonly search?: string; readonly unused?: number }, command: Command) => {
      const client = context.client(command);
      const { search, unused } = options;
      const query = new URLSearchParams({
        ...(search === undefined ? {} : { search }),
        ...(unused === undefined ? {} : { unusedDays: String(unused) }),
      });
      const found = await client.ask<AllowReport[]>('GET', `${PATH}?${query}`);
      if (wantsJson(command)) {
        terminal.out(json(found));
        return;
      }
      const { exemptions } = await client.ask<{ readonly exemptions: string }>('GET', `${PATH}/exemptions`);
      terminal.out(describeList(terminal, found, exemptions, query.size > 0));
    });

  allow
    .command('show')
    .description('show one entry: by its name, its id, or an address that it holds')
    .argument('<entry>')
    .option('--json', 'as JSON')
    .action(async (ref: string, _options, command: Command) => {
      const entry = await context.client(command).ask<AllowReport>('GET', pathOf(ref));
      terminal.out(wantsJson(command) ? json(entry) : describeEntry(terminal, entry));
    });

  allow
    .command('exempt')
    .description('which extensions are exempt from call limits now, because their phones are at an allowed address')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const exempt = await context.client(command).ask<ExemptReport[]>('GET', `${PATH}/exempt`);
      if (wantsJson(command)) terminal.out(json(exempt));
      else if (exempt.length === 0) terminal.out('No extension is exempt now.\n');
      else {
        const rows = exempt.map((each) => [each.extension, each.address, each.entry, each.asterisk].map(plain));
        terminal.out(table(terminal, ['extension', 'phone at', 'allowed as', 'asterisk'], rows));
      }
    });

  entryOptions(allow.command('add').description('allow an address, a network, a range or a domain'))
    .argument('<address>')
    .requiredOption('--name <name>', 'who this is, for people')
    .option('--dry-run', 'check it, change nothing')
    .addHelpText('after', EXAMPLES.add)
    .action(async (value: string, options: EntryOptions & { readonly dryRun?: boolean }, command: Command) => {
      const query = options.dryRun === true ? '?dryRun=true' : '';
      const fields = { ...fieldsOf(options), value };
      const added = await context.client(command).ask<ChangedEntry>('POST', `${PATH}${query}`, fields);
      const done = options.dryRun === true ? 'would be allowed (--dry-run)' : 'is allowed';
      tell(command, added, `${plain(added.name)}: ${describeValue(added)} ${done}.`);
    });

  entryOptions(allow.command('set').description('change an entry; what is not named stays as it is'))
    .argument('<entry>', 'its name, its id, or an address that it holds')
    .option('--name <name>', 'another name')
    .option('--address <address>', 'another address, network, range or domain')
    .option('--force', 'even if the portal then cuts you off')
    .addHelpText('after', EXAMPLES.set)
    .action(async (ref: string, options: EntryOptions & { readonly force?: boolean }, command: Command) => {
      const fields = fieldsOf(options);
      if (Object.keys(fields).length === 0)
        throw new CommandFailed('nothing to change; name at least one option, see --help', EXIT.usage);
      const changed = await context
        .client(command)
        .ask<ChangedEntry>('PATCH', `${pathOf(ref)}${forced(options.force)}`, fields);
      tell(command, changed, `${plain(changed.name)} is changed: ${describeValue(changed)}.`);
    });

  allow
    .command('remove')
    .description('remove entries; prints them, so that they can be added again')
    .argument('<entry...>', 'names, ids, or addresses that they hold')
    .option('--force', 'even if the portal then cuts you off')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate allow remove "Old VPN"')
    .action(async (refs: readonly string[], { force }: { readonly force?: boolean }, command: Command) => {
      const client = context.client(command);
      // All are looked for first: a mistyped name must not leave half of them removed.
      const entries: AllowReport[] = [];
      for (const ref of refs) entries.push(await client.ask<AllowReport>('GET', pathOf(ref)));
      const ids = [...new Set(entries.map(({ id }) => id))];
      const removed: ChangedEntry[] = [];
      for (const id of ids) removed.push(await client.ask<ChangedEntry>('DELETE', `${pathOf(id)}${forced(force)}`));
      const lines = removed.flatMap((entry) => [
        `Removed ${plain(entry.name)}: ${entry.value}.\n`,
        ...entry.notes.map((note) => `${paint(terminal, 'yellow', `Note: ${plain(note)}.`)}\n`),
      ]);
      terminal.out(wantsJson(command) ? json(removed) : lines.join(''));
    });

  allow
    .command('exemptions')
    .description('show or switch whether allowed addresses are exempt from call limits at all')
    .argument('[switch]', 'on or off')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.exemptions)
    .action(async (wanted: string | undefined, _options, command: Command) => {
      const client = context.client(command);
      const path = `${PATH}/exemptions`;
      const now =
        wanted === undefined
          ? await client.ask<{ readonly exemptions: string }>('GET', path)
          : await client.ask<{ readonly exemptions: string }>('PUT', path, { exemptions: wanted });
      terminal.out(wantsJson(command) ? json(now) : `${describeSwitch(now.exemptions)}\n`);
    });

  function tell(command: Command, entry: ChangedEntry, done: string): void {
    if (wantsJson(command)) terminal.out(json(entry));
    else terminal.out([done, ...describeChange(terminal, entry)].map((line) => `${line}\n`).join(''));
  }
}

const forced = (force: boolean | undefined): string => (force === true ? '?force=true' : '');

function readDays(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < DAY_MS) throw new InvalidArgumentError('Write a time of at least a day, such as 90d.');
  return Math.ceil(ms / DAY_MS);
}

const entryOptions = (command: Command): Command =>
  command
    .addOption(new Option('--type <type>', 'seen from the address').choices(['address', 'range', 'domain']))
    .option('--mask <mask>', 'subnet mask, 255.255.255.0 or /24, if the address has none')
    .option('--description <text>', 'what it is for')
    .option('--owner <owner>', 'who answers for it')
    .option('--exempt', 'exempt calls from there from call limits (the default)')
    .option('--no-exempt', 'hold calls from there to the call limits')
    .option('--json', 'as JSON');

function fieldsOf(options: EntryOptions): Readonly<Record<string, unknown>> {
  const { name, address, type, mask, description, owner, exempt } = options;
  const fields = { name, value: address, type, mask, description, owner, exemptFromCallLimits: exempt };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

function describeValue(entry: AllowReport): string {
  if (entry.type === 'domain') return `${entry.value} (${describeLead(entry)})`;
  return `${entry.value} (${count(entry)})`;
}

/** As a number of JSON; the exact one matters to nobody above this. */
const count = ({ addresses }: AllowReport): string =>
  addresses === 1 ? '1 address' : `${describeCount(BigInt(addresses))} addresses`;

function describeLead({ resolved }: AllowReport): string {
  if (resolved === null) return 'not looked up yet';
  if (resolved.addresses.length === 0) return `leads nowhere: ${resolved.problem ?? 'it has no address'}`;
  return `leads to ${resolved.addresses.join(', ')}`;
}

function describeChange(terminal: Terminal, entry: ChangedEntry): string[] {
  const failing = describeFailing(entry);
  return [
    ...entry.notes.map((note) => `Note: ${plain(note)}.`),
    ...(failing === undefined ? [] : [paint(terminal, 'yellow', failing)]),
    ...(entry.exemptNow ? [paint(terminal, 'yellow', warning(entry))] : []),
  ];
}

const warning = ({ name }: AllowReport): string =>
  `Calls from phones at ${plain(name)} are not limited: a stolen password used from there could call without limit. To keep only the protection from bans: tollgate allow set ${quoted(name)} --no-exempt`;

const quoted = (name: string): string => `'${plain(name).replaceAll("'", `'\\''`)}'`;

function describeFailing({ value, resolved }: AllowReport): string | undefined {
  if (resolved?.failingSince == null) return undefined;
  const kept =
    resolved.addresses.length > 0 && resolved.keptUntil !== null
      ? ` Its last addresses stay allowed until ${localTime(resolved.keptUntil)}.`
      : '';
  return `${value} has not resolved since ${localTime(resolved.failingSince)}: ${resolved.problem ?? ''}.${kept}`;
}

const describeSwitch = (exemptions: string): string =>
  exemptions === 'on'
    ? 'Exemption from call limits: on. Calls from phones at an allowed address are not limited, if its entry says so.'
    : 'Exemption from call limits: off. Every call is held to the call limits, wherever it comes from.';

const UNUSED_DAYS = 30;
const DAY_MS = 86_400_000;
const ageDays = (iso: string): number => Math.floor((Date.now() - Date.parse(iso)) / DAY_MS);
const ago = (iso: string): string => `${duration(Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000)))} ago`;

function describeHit(terminal: Terminal, { lastHitAt, createdAt }: AllowReport): string {
  const days = ageDays(lastHitAt ?? createdAt);
  const text = lastHitAt === null ? 'never' : ago(lastHitAt);
  return days >= UNUSED_DAYS ? paint(terminal, 'yellow', `${text}, unused ${days} days`) : text;
}

function describeList(
  terminal: Terminal,
  entries: readonly AllowReport[],
  exemptions: string,
  isFiltered: boolean,
): string {
  if (entries.length === 0) {
    if (isFiltered) return 'No entry of the allowlist is like that.\n';
    return 'No address is allowed by name yet. Add your own first: tollgate allow add 203.0.113.9 --name "Main office"\n';
  }
  const rows = entries.map((entry) => [
    plain(entry.name),
    entry.value,
    entry.type,
    entry.mask,
    describeCount(BigInt(entry.addresses)),
    entry.exemptNow ? 'yes' : 'no',
    plain(entry.owner),
    describeHit(terminal, entry),
    ago(entry.createdAt),
  ]);
  const failing = entries.flatMap((entry) => describeFailing(entry) ?? []);
  const exempt = entries.filter(({ exemptNow }) => exemptNow).length;
  return [
    table(terminal, ['NAME', 'ADDRESS', 'TYPE', 'MASK', 'HOLDS', 'EXEMPT', 'OWNER', 'LAST HIT', 'ADDED'], rows),
    ...failing.map((line) => `${paint(terminal, 'yellow', line)}\n`),
    ...(exemptions === 'off' ? [`${describeSwitch('off')}\n`] : []),
    ...(exempt > 0
      ? [`Calls from phones at ${exempt === 1 ? 'one entry' : `${exempt} entries`} are not limited (EXEMPT).\n`]
      : []),
  ].join('');
}

function describeEntry(terminal: Terminal, entry: AllowReport): string {
  const failing = describeFailing(entry);
  const lines = [
    ['Name', plain(entry.name)],
    ['Id', entry.id],
    ['Address', describeValue(entry)],
    ...(entry.mask === '' ? [] : [['Mask', entry.mask]]),
    ...(entry.description === '' ? [] : [['Description', plain(entry.description)]]),
    ...(entry.owner === '' ? [] : [['Owner', plain(entry.owner)]]),
    ['Exempt', entry.exemptNow ? 'yes' : entry.exemptFromCallLimits ? 'no (switched off for all entries)' : 'no'],
    ['Added', `${localTime(entry.createdAt)} by ${plain(entry.createdBy)}`],
    ['Last hit', describeHit(terminal, entry)],
    ...(entry.resolved === null ? [] : [['Next look-up', localTime(entry.resolved.nextLookupAt)]]),
  ];
  const text = lines.map(([name = '', value = '']) => `${`${name}:`.padEnd(14)}${value}\n`).join('');
  return `${text}${failing === undefined ? '' : `${paint(terminal, 'yellow', failing)}\n`}${entry.exemptNow ? `${paint(terminal, 'yellow', warning(entry))}\n` : ''}`;
}
