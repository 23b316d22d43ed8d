/** `bans show|explain ADDRESS`: everything that is known of one address, in one answer. */
import type { Command } from 'commander';
import type { BanAnswerReport, BanReport, ChangeReport } from '../api/bans-routes.ts';
import { type CommandContext, EXIT, wantsJson } from './context.ts';
import { duration, json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

const PATH = '/api/v1/bans';

const EXAMPLES = {
  show: `
Exit code 0 if the address is banned, 1 if not. For a whole answer whatever it is, see: tollgate bans explain

Example:
  tollgate bans show 203.0.113.9`,
  explain: `
Answers for every address: why it is banned, since when, until when, by which events, whether it is in the kernel and
how much was dropped; or that it is allowed, that its country is refused, or that nobody bans it. Exit code 0.

Example:
  tollgate bans explain 203.0.113.9`,
};

export function banExplainCommands(bans: Command, context: CommandContext): void {
  const { terminal } = context;
  const answer = async (address: string, command: Command): Promise<BanAnswerReport> => {
    const client = context.client(command);
    const found = await client.ask<BanAnswerReport>('GET', `${PATH}/${encodeURIComponent(address)}`);
    terminal.out(wantsJson(command) ? json(found) : describeAnswer(terminal, found));
    return found;
  };
  bans
    .command('show')
    .description('one ban, with its events; or that there is none')
    .argument('<address>')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.show)
    .action(async (address: string, _options, command: Command) => {
      if (!(await answer(address, command)).banned) context.answer(EXIT.no);
    });
  bans
    .command('explain')
    .description('why an address is kept out, or that it is not: bans, allowlist, country, kernel')
    .argument('<address>')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES.explain)
    .action(async (address: string, _options, command: Command) => {
      await answer(address, command);
    });
}

export const endOf = (until: string | null): string =>
  until === null
    ? 'never'
    : `in ${duration(Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000)))} (${localTime(until)})`;

/** `Permanent`, `Temporary 2`: for the second time. */
export const kindOf = ({ permanent, origin, timesBanned }: BanReport): string => {
  const kind = permanent ? 'permanent' : `temporary${timesBanned > 1 ? ` (time ${timesBanned})` : ''}`;
  return origin === 'manual' ? `${kind}, by hand` : kind;
};

function describeAnswer(terminal: Terminal, answer: BanAnswerReport): string {
  const allowed =
    answer.allowedBy === null
      ? ''
      : `${plain(answer.asked)} is allowed by ${plain(answer.allowedBy.name)} (${answer.allowedBy.value}): ${
          answer.banned ? 'that goes before any ban' : 'it is never banned'
        }${answer.allowedBy.exempt ? ', and its calls are not limited' : ''}.\n`;
  const history = describeHistory(terminal, answer.history);
  const kernel = describeKernel(answer);
  if (!answer.banned) {
    const notAllowed = answer.allowedBy === null ? 'It is not on the allowlist either.\n' : allowed;
    const refused = answer.allowedBy === null ? answer.countryRefusal : null;
    const country = refused === null ? '' : `Calls from there are refused: ${plain(refused)}.\n`;
    return `${plain(answer.asked)} is not banned.\n${notAllowed}${country}${kernel}${history}`;
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
    ...(answer.country === null ? [] : [['Country', answer.country]]),
    ['Last hit', answer.lastHitAt === null ? 'never' : localTime(answer.lastHitAt)],
    ...(answer.alsoBannedBy.length === 0 ? [] : [['Also in', answer.alsoBannedBy.join(', ')]]),
  ];
  const text = lines.map(([name = '', value = '']) => `  ${`${name}:`.padEnd(10)}${value}\n`).join('');
  const lift = `To let it in again: tollgate bans lift ${answer.address}\n`;
  return `${paint(terminal, 'red', `${plain(answer.asked)} is banned${part}.`)}\n${allowed}${text}${kernel}${describeEvidence(answer)}${history}${lift}`;
}

/** What the packet filter does with it now; nothing without one. */
function describeKernel({ kernel }: BanAnswerReport): string {
  if (kernel === null) return '';
  const { bans, allowed, blocked, traffic, backend } = kernel;
  const place = backend === 'dry-run' ? 'dry run' : 'kernel';
  const parts = [
    ...(allowed.length === 0 ? [] : [`allowed by ${allowed.join(', ')}, which goes first`]),
    ...(bans.length === 0 ? [] : [`banned by ${bans.join(', ')}`]),
    ...(blocked ? ['blocked by packet protection'] : []),
    ...(traffic === null ? [] : [`${traffic.packets} packets (${traffic.bytes} bytes) dropped`]),
  ];
  return `In the ${place}: ${parts.length === 0 ? 'nothing is known of it there' : parts.join('; ')}.\n`;
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
