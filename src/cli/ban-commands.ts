/** `bans list|show|add|lift`: which addresses are kept out, and why. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AddedBan, BanReport, BansPage, LiftReport } from '../api/bans-routes.ts';
import type { LeftAloneReport } from '../api/left-alone-routes.ts';
import { parseDuration } from '../policy/duration.ts';
import { banExplainCommands, endOf, kindOf } from './ban-explain-commands.ts';
import { banReportCommand } from './ban-report-command.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import { json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

const EXAMPLES = {
  list: `
Examples:
  tollgate bans list --search 203.0.113.0/24
  tollgate bans list --permanent --limit 1000`,
  add: `
An allowed address is never banned. Where a network holds one, --around-allowed bans the rest of it. Addresses of this
host, networks of more than 65,536 addresses, and the address that you are logged in from (SSH) need --force.

Examples:
  tollgate bans add 203.0.113.9 --reason "guesses passwords"
  tollgate bans add 203.0.113.0/24 --for 7d --around-allowed
  tollgate bans add 2001:db8::/64 --permanent`,
  lift: `
Examples:
  tollgate bans lift 203.0.113.9 198.51.100.0/24
  tollgate bans lift 203.0.113.9 --leave-alone 1h`,
  leftAlone: `
Examples:
  tollgate bans left-alone
  tollgate bans left-alone --end 203.0.113.9`,
};

interface ListOptions {
  readonly limit: string;
  readonly search?: string;
  readonly service?: string;
  readonly origin?: string;
  readonly permanent?: boolean;
  readonly unused?: number;
}

interface AddOptions {
  readonly for?: number;
  readonly permanent?: boolean;
  readonly reason?: string;
  readonly service?: string;
  readonly aroundAllowed?: boolean;
  readonly force?: boolean;
}

interface LiftOptions {
  readonly leaveAlone?: number;
}

const PATH = '/api/v1/bans';
const PAGE = 1000;

export function banCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const bans = program.command('bans').description('addresses that are kept out (Blocked IPs)');

  bans
    .command('list')
    .description('bans in force, newest first')
    .option('-n, --limit <number>', 'how many', '100')
    .option('--search <text>', 'only with this text; an address or a network finds what holds it and what lies in it')
    .option('--service <service>', 'only for this service')
    .addOption(new Option('--origin <origin>', 'only those').choices(['manual', 'automatic']))
    .option('--permanent', 'only those for ever')
    .option('--unused <time>', 'only those that nothing came from for so long, such as 90d', readSeconds)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.list)
    .action(async (options: ListOptions, command: Command) => {
      const client = context.client(command);
      const { limit, permanent, search, service, origin, unused } = options;
      const wanted = Math.max(1, Math.min(Number(limit) || 100, 1_000_000));
      const filter = { search, service, origin, permanent: permanent === true ? 'true' : undefined };
      const found: BanReport[] = [];
      let page: BansPage | undefined;
      do {
        const most = unused === undefined ? Math.min(PAGE, wanted - found.length) : PAGE;
        const asked = { ...filter, limit: String(most), cursor: page?.cursor };
        const query = Object.entries(asked).filter((each): each is [string, string] => each[1] != null);
        page = await client.ask<BansPage>('GET', `${PATH}?${new URLSearchParams(query)}`);
        found.push(...page.bans.filter((ban) => unused === undefined || isUnused(ban, unused)));
      } while (page.cursor !== null && found.length < wanted);
      const shown = found.slice(0, wanted);
      const total = unused === undefined ? page.total : found.length;
      if (wantsJson(command)) terminal.out(json(shown));
      else terminal.out(describeList(terminal, shown, total, hasFilter(filter) || unused !== undefined));
    });

  bans
    .command('add')
    .description('ban an address or a network by hand')
    .argument('<address>')
    .option('--for <time>', 'how long, such as 30m, 24h or 7d (default: 24h)', readSeconds)
    .option('--permanent', 'for ever')
    .option('--reason <text>', 'why, for those who come after you')
    .option('--service <service>', 'what it attacked; a ban keeps it out of everything')
    .option('--around-allowed', 'leave out allowed addresses and ban the rest')
    .option('--force', 'even if it is very wide, of this host, or your own; never an allowed address')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.add)
    .action(async (address: string, options: AddOptions, command: Command) => {
      const { for: seconds, permanent, reason, service, aroundAllowed, force } = options;
      const body = { address, seconds, permanent, reason, service, aroundAllowed, force };
      const added = await context.client(command).ask<AddedBan>('POST', PATH, body);
      if (wantsJson(command)) terminal.out(json(added));
      else {
        const lines = [...[added, ...added.others].map(describeAdded), ...describeKernel(terminal, added.kernel, true)];
        terminal.out(lines.map((line) => `${line}\n`).join(''));
      }
    });

  bans
    .command('lift')
    .description('end bans, of one address or many, at once')
    .argument('<address...>', 'as bans list shows them')
    .option(
      '--leave-alone <time>',
      'no automatic bans of them for so long, 1m to 7d; by hand they can be banned',
      readSeconds,
    )
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.lift)
    .action(async (addresses: readonly string[], options: LiftOptions, command: Command) => {
      const body = { addresses, leaveAloneSeconds: options.leaveAlone };
      const results = await context.client(command).ask<LiftReport[]>('POST', `${PATH}/lift`, body);
      if (results.some(({ lifted }) => !lifted)) context.answer(EXIT.no);
      if (wantsJson(command)) {
        terminal.out(json(results));
        return;
      }
      for (const { address, lifted, detail } of results) {
        const [shown, why] = [plain(address), plain(detail)];
        if (!lifted) terminal.error(`${paint(terminal, 'red', `${shown} ${why}.`)}\n`);
        else terminal.out(detail === '' ? `Lifted ${shown}.\n` : `Lifted ${shown}; it ${why}.\n`);
      }
      const { leftAloneUntil = null } = results[0] ?? {};
      if (leftAloneUntil !== null) terminal.out(`Left alone by automatic bans until ${localTime(leftAloneUntil)}.\n`);
      const { kernel = null } = results.find((each) => each.kernel !== null) ?? {};
      for (const line of describeKernel(terminal, kernel, false)) terminal.out(`${line}\n`);
    });

  bans
    .command('left-alone')
    .description('addresses that automatic bans leave alone for a time, or the end of that')
    .option('--end <address...>', 'let automatic bans hold them again')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.leftAlone)
    .action(async ({ end = [] }: { readonly end?: readonly string[] }, command: Command) => {
      const client = context.client(command);
      for (const address of end) await client.ask('DELETE', `${PATH}/left-alone/${encodeURIComponent(address)}`);
      const left = await client.ask<LeftAloneReport[]>('GET', `${PATH}/left-alone`);
      if (wantsJson(command)) terminal.out(json(left));
      else if (left.length === 0) terminal.out('Automatic bans leave nobody alone.\n');
      else {
        const rows = left.map((each) => [plain(each.address), localTime(each.until), plain(each.by)]);
        terminal.out(table(terminal, ['ADDRESS', 'UNTIL', 'BY'], rows));
      }
    });

  banExplainCommands(bans, context);
  banReportCommand(bans, context);
}

function readSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000) throw new InvalidArgumentError('Write a time such as 30m, 24h or 7d.');
  return Math.round(ms / 1000);
}

/** Not hit for so long, and at least as old. */
const isUnused = ({ lastHitAt, since }: BanReport, seconds: number): boolean =>
  Date.parse(lastHitAt ?? since) <= Date.now() - seconds * 1000;

const hasFilter = (filter: Readonly<Record<string, string | undefined>>): boolean =>
  Object.values(filter).some((value) => value !== undefined);

function describeList(terminal: Terminal, bans: readonly BanReport[], total: number, isFiltered: boolean): string {
  if (bans.length === 0) return isFiltered ? 'No ban in force is like that.\n' : 'No address is banned.\n';
  const rows = bans.map((ban) => [
    plain(ban.address),
    plain(ban.defenceType),
    kindOf(ban),
    plain(ban.service),
    plain(ban.protocol ?? 'any'),
    ban.attackedPort === null ? 'any' : String(ban.attackedPort),
    localTime(ban.since),
    endOf(ban.until),
    ban.dropped === null ? '' : String(ban.dropped),
    ban.lastHitAt === null ? 'never' : localTime(ban.lastHitAt),
    plain(ban.reason),
  ]);
  const text = table(
    terminal,
    ['ADDRESS', 'DEFENCE', 'KIND', 'SERVICE', 'PROTO', 'PORT', 'SINCE', 'ENDS', 'DROPPED', 'LAST HIT', 'REASON'],
    rows,
  );
  const more = total - bans.length;
  return more > 0 ? `${text}and ${more} more: --limit shows more, --search fewer\n` : text;
}

/** What became of it in the kernel, in one line; none without a packet filter. */
function describeKernel(terminal: Terminal, kernel: AddedBan['kernel'], isBan: boolean): string[] {
  if (kernel === null) return [];
  const { arrived, afterMs, backend, problem } = kernel;
  if (!arrived) return [paint(terminal, 'yellow', `Not ${isBan ? 'in' : 'out of'} the kernel yet: ${plain(problem)}.`)];
  if (backend === 'dry-run')
    return [`Dry run: it would ${isBan ? '' : 'no longer '}be in the kernel; nothing is dropped.`];
  return [`${isBan ? 'In' : 'No longer in'} the kernel after ${afterMs} ms.`];
}

function describeAdded(ban: AddedBan['others'][number]): string {
  const verb = {
    added: 'is banned',
    changed: 'was banned already; that ban is changed',
    unchanged: 'was banned already',
  };
  const until = ban.until === null ? 'for ever' : `until ${localTime(ban.until)}`;
  return `${ban.address} ${verb[ban.outcome]}: ${until}, ${plain(ban.reason)}.`;
}
