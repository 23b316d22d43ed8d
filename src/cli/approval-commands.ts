/** `tollgate approvals`: calls that wait for a person, and the decision. */
import { type Command, Option } from 'commander';
import type { ApprovalReport } from '../approvals/approval.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { duration, json, localTime, plain, type Terminal, table } from './terminal.ts';

export function approvalCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const approvals = program.command('approvals').description('calls that are held until a supervisor decides');
  approvals
    .command('list')
    .description('calls that wait, the first to expire first')
    .option('--all', 'settled ones as well, newest first')
    .option('-n, --limit <number>', 'how many', '100')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExamples:\n  tollgate approvals list\n  tollgate approvals list --all --limit 20')
    .action(async (options: { readonly all?: boolean; readonly limit: string }, command: Command) => {
      const query = new URLSearchParams({ state: options.all ? 'all' : 'open', limit: options.limit });
      const found = await context.client(command).ask<ApprovalReport[]>('GET', `/api/v1/approvals?${query}`);
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out(options.all ? 'No call was held yet.\n' : 'No call is held.\n');
      else terminal.out(approvalTable(terminal, found));
    });

  approvals
    .command('watch')
    .description('calls as they are held and settled through this daemon, until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .action(async (_options, command: Command) => {
      const asJson = wantsJson(command);
      const show = (approval: ApprovalReport): void =>
        terminal.out(asJson ? `${JSON.stringify(approval)}\n` : `${sentence(approval)}\n`);
      await context.client(command).follow<ApprovalReport>('/api/v1/approvals/watch', show, terminal.signal);
    });

  for (const [verb, what] of [
    ['approve', 'let the call go'],
    ['refuse', 'end the call'],
  ] as const) {
    approvals
      .command(verb)
      .description(`${what}; every other rule is asked again`)
      .argument('<id>', 'from approvals list; four characters will do if no other begins with them')
      .addOption(new Option('--reason <text>', 'kept with the decision'))
      .option('--json', 'as JSON')
      .addHelpText('after', `\nExample:\n  tollgate approvals ${verb} 3fa81c --reason "known customer"`)
      .action(async (id: string, options: { readonly reason?: string }, command: Command) => {
        const client = context.client(command);
        const open = await client.ask<ApprovalReport[]>('GET', '/api/v1/approvals?state=open&limit=1000');
        // An empty shell variable must not decide the only call that waits.
        const meant = id.length < 4 ? [] : open.filter((each) => each.id.startsWith(id));
        const whole = meant.length === 1 ? (meant[0]?.id ?? id) : id;
        const body = options.reason === undefined ? {} : { reason: options.reason };
        const path = `/api/v1/approvals/${encodeURIComponent(whole)}/${verb}`;
        const settled = await client.ask<ApprovalReport>('POST', path, body);
        terminal.out(wantsJson(command) ? json(settled) : `${sentence(settled)}\n`);
      });
  }
}

const who = (approval: ApprovalReport): string =>
  `${plain(approval.extension ?? 'an unknown extension')} to ${plain(approval.destination)}`;

function sentence(approval: ApprovalReport): string {
  const head = `${approval.id}  ${who(approval)}`;
  if (approval.state === 'open') {
    return `${head}: held since ${localTime(approval.openedAt)} (${plain(approval.because)}), until ${localTime(approval.expiresAt)}`;
  }
  const by = approval.decidedBy === null ? '' : ` by ${plain(approval.decidedBy)}`;
  const why = approval.reason === null ? '' : `: ${plain(approval.reason)}`;
  return `${head}: ${approval.state}${by} after ${duration(approval.waitedSeconds ?? 0)}${why}`;
}

const approvalTable = (terminal: Terminal, approvals: readonly ApprovalReport[]): string =>
  table(
    terminal,
    ['id', 'extension', 'to', 'rule', 'since', 'until', 'state'],
    approvals.map((each) => [
      each.id,
      plain(each.extension ?? '?'),
      plain(each.destination),
      each.rule,
      localTime(each.openedAt),
      localTime(each.expiresAt),
      each.decidedBy === null ? each.state : `${each.state} by ${plain(each.decidedBy)}`,
    ]),
  );
