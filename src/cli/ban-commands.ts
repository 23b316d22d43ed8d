/** `bans list|show|add|lift`: which addresses are kept out, and why. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { AddedBan, BanAnswerReport, BanReport, BansPage, ChangeReport, LiftReport } from '../api/bans-routes.ts';
import { parseDuration } from '../policy/duration.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import { duration, json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

const EXAMPLES = {
  list: `
Examples:
  tollgate bans list --search 203.0.113.0/24
  tollgate bans list --permanent --limit 1000`,
  show: `
Answers for every address: why it is banned, since when, until when, by which events; or that it is not, and whether it
is allowed. Exit code 0 if it is banned, 1 if not.

Example:
  tollgate bans show 203.0.113.9`,
  add: `
An allowed address is never banned. Where a network holds one, --around-allowed bans the rest of it. Addresses of this
host, networks of more than 65,536 addresses, and the address that you are logged in from (SSH) need --force.

Examples:
  tollgate bans add 203.0.113.9 --reason "guesses passwords"
  tollgate bans add 203.0.113.0/24 --for 7d --around-allowed
  tollgate bans add 2001:db8::/64 --permanent`,
};

interface ListOptions {
  readonly limit: string;
  readonly search?: string;
  readonly service?: string;
  readonly origin?: string;
  readonly permanent?: boolean;
}

interface AddOptions {
  readonly for?: number;
  readonly permanent?: boolean;
  readonly reason?: string;
  readonly service?: string;
  readonly aroundAllowed?: boolean;
  readonly force?: boolean;
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
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.list)
    .action(async (options: ListOptions, command: Command) => {
      const client = context.client(command);
      const { limit, permanent, search, service, origin } = options;
      const wanted = Math.max(1, Math.min(Number(limit) || 100, 1_000_000));
      const filter = { search, service, origin, permanent: permanent === true ? 'true' : undefined };
      const found: BanReport[] = [];
      let page: BansPage | undefined;
      do {
        const asked = { ...filter, limit: String(Math.min(PAGE, wanted - found.length)), cursor: page?.cursor };
        const query = Object.entries(asked).filter((each): each is [string, string] => each[1] != null);
        page = await client.ask<BansPage>('GET', `${PATH}?${new URLSearchParams(query)}`);
        found.push(...page.bans);
      } while (page.cursor !== null && found.length < wanted);
      if (wantsJson(command)) terminal.out(json(found));
      else terminal.out(describeList(terminal, found, page.total, hasFilter(filter)));
    });

  bans
    .command('show')
    .description('why an address is banned, since when, until when, by which events; or that it is not')
    .argument('<address>')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.show)
    .action(async (address: string, _options, command: Command) => {
      const answer = await context
        .client(command)
        .ask<BanAnswerReport>('GET', `${PATH}/${encodeURIComponent(address)}`);
      terminal.out(wantsJson(command) ? json(answer) : describeAnswer(terminal, answer));
      if (!answer.banned) context.answer(EXIT.no);
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
      const [caller] = (terminal.env['SSH_CONNECTION'] ?? '').split(' ');
      const body = { address, seconds, permanent, reason, service, aroundAllowed, force, caller };
      const added = await context.client(command).ask<AddedBan>('POST', PATH, body);
      if (wantsJson(command)) terminal.out(json(added));
      else terminal.out([added, ...added.others].map((ban) => `${describeAdded(ban)}\n`).join(''));
    });

  bans
    .command('lift')
    .description('end bans, of one address or many, at once')
    .argument('<address...>', 'as bans list shows them')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate bans lift 203.0.113.9 198.51.100.0/24')
    .action(async (addresses: readonly string[], _options, command: Command) => {
      const results = await context.client(command).ask<LiftReport[]>('POST', `${PATH}/lift`, { addresses });
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
    });
}

function readSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms < 1000) throw new InvalidArgumentError('Write a time such as 30m, 24h or 7d.');
  return Math.round(ms / 1000);
}

const hasFilter = (filter: Readonly<Record<string, string | undefined>>): boolean =>
  Object.values(filter).some((value) => value !== undefined);

const endOf = (until: string | null): string =>
  until === null
    ? 'never'
    : `in ${duration(Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000)))} (${localTime(until)})`;

/** `Permanent`, `Temporary 2`: for the second time. */
const kindOf = ({ permanent, origin, timesBanned }: BanReport): string => {
  const kind = permanent ? 'permanent' : `temporary${timesBanned > 1 ? ` (time ${timesBanned})` : ''}`;
  return origin === 'manual' ? `${kind}, by hand` : kind;
};

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
    plain(ban.reason),
  ]);
  const text = table(
    terminal,
    ['ADDRESS', 'DEFENCE', 'KIND', 'SERVICE', 'PROTO', 'PORT', 'SINCE', 'ENDS', 'REASON'],
    rows,
  );
  const more = total - bans.length;
  return more > 0 ? `${text}and ${more} more: --limit shows more, --search fewer\n` : text;
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

function describeAnswer(terminal: Terminal, answer: BanAnswerReport): string {
  const allowed =
    answer.allowedBy === null
      ? ''
      : `${plain(answer.asked)} is allowed by ${plain(answer.allowedBy.name)} (${answer.allowedBy.value}): ${
          answer.banned ? 'that goes before any ban' : 'it is never banned'
        }${answer.allowedBy.exempt ? ', and its calls are not limited' : ''}.\n`;
  const history = describeHistory(terminal, answer.history);
  if (!answer.banned) {
    const notAllowed = answer.allowedBy === null ? 'It is not on the allowlist either.\n' : allowed;
    return `${plain(answer.asked)} is not banned.\n${notAllowed}${history}`;
  }
  const part = answer.address === answer.asked ? '' : `, as part of ${answer.address}`;
  const lines = [
    ['Why', plain(answer.reason)],
    ['Since', localTime(answer.since)],
    ['Ends', endOf(answer.until)],
    ['Kind', kindOf(answer)],
    ['Defence', `${plain(answer.defenceType)}, service ${plain(answer.service)}`],
    ['Attacked', `${plain(answer.protocol ?? 'any protocol')}, port ${answer.attackedPort ?? 'any'}`],
    ['Offences', String(answer.offences)],
    ['By', plain(answer.by)],
    ['Last hit', answer.lastHitAt === null ? 'no call since' : localTime(answer.lastHitAt)],
    ...(answer.alsoBannedBy.length === 0 ? [] : [['Also in', answer.alsoBannedBy.join(', ')]]),
  ];
  const text = lines.map(([name = '', value = '']) => `  ${`${name}:`.padEnd(10)}${value}\n`).join('');
  const lift = `To let it in again: tollgate bans lift ${answer.address}\n`;
  return `${paint(terminal, 'red', `${plain(answer.asked)} is banned${part}.`)}\n${allowed}${text}${describeEvidence(answer)}${history}${lift}`;
}

function describeEvidence({ evidence }: BanAnswerReport): string {
  if (evidence === null) return 'The events cannot be read while the store is away.\n';
  const lines = evidence.map(({ at, event }) => `  ${localTime(at)}  ${plain(event)}\n`);
  return lines.length === 0 ? '' : `Events:\n${lines.join('')}`;
}

const CHANGES: Readonly<Record<ChangeReport['what'], string>> = {
  add: 'banned',
  change: 'ban changed',
  lift: 'lifted',
  expire: 'ended by itself',
  restore: 'written back after the store lost it',
};

function describeHistory(terminal: Terminal, history: readonly ChangeReport[] | null): string {
  if (history === null || history.length === 0) return '';
  const rows = history.map(({ at, what, by, reason }) => [
    `  ${localTime(at)}`,
    CHANGES[what],
    plain(by),
    what === 'lift' || what === 'expire' ? '' : plain(reason),
  ]);
  return `History:\n${table(terminal, ['  TIME', 'WHAT', 'BY', 'REASON'], rows)}`;
}
