/** `tollgate approvals`: calls that wait for a person, and the decision. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { LinkReport } from '../api/approval-link-routes.ts';
import type { ApprovalReport } from '../approvals/approval.ts';
import { GRANTED_FOR, type GrantReport } from '../approvals/grant.ts';
import type { Client } from './client.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { raiseCommand } from './raise-command.ts';
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

  approvals
    .command('show')
    .description('one of them, with who decided, why, and how long the caller waited')
    .argument('<id>', MEANT)
    .option('--json', 'as JSON')
    .action(async (id: string, _options, command: Command) => {
      const client = context.client(command);
      const path = `/api/v1/approvals/${encodeURIComponent(await wholeId(client, id, 'all'))}`;
      const approval = await client.ask<ApprovalReport>('GET', path);
      terminal.out(wantsJson(command) ? json(approval) : details(approval));
    });

  const decide = async (
    command: Command,
    id: string,
    verb: 'approve' | 'refuse',
    body: Readonly<Record<string, string | number>>,
  ): Promise<void> => {
    const client = context.client(command);
    const path = `/api/v1/approvals/${encodeURIComponent(await wholeId(client, id, 'open'))}/${verb}`;
    const settled = await client.ask<ApprovalReport>('POST', path, body);
    terminal.out(wantsJson(command) ? json(settled) : `${sentence(settled)}\n`);
  };
  approvals
    .command('approve')
    .description('let the call go; every other rule is asked again')
    .argument('<id>', MEANT)
    .addOption(
      new Option('--for <what>', 'this call; this extension to this number; or more calls of what the rule limits')
        .choices(GRANTED_FOR)
        .default('call'),
    )
    .option('--minutes <number>', 'for how long, with --for number or limit (default: 60)', wholeNumber)
    .option(
      '--calls <number>',
      'how many more calls, with --for limit (default: as many as the rule lets pass then)',
      wholeNumber,
    )
    .option('--reason <text>', 'kept with the decision')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  tollgate approvals approve 3fa81c --reason "known customer"
  tollgate approvals approve 3fa81c --for number --minutes 120
  tollgate approvals approve 3fa81c --for limit --minutes 60 --calls 10`,
    )
    .action(async (id: string, options: ApproveOptions, command: Command) => {
      const { minutes, calls, reason } = options;
      await decide(command, id, 'approve', {
        for: options.for,
        ...(minutes === undefined ? {} : { minutes }),
        ...(calls === undefined ? {} : { calls }),
        ...(reason === undefined ? {} : { reason }),
      });
    });
  approvals
    .command('refuse')
    .description('end the call')
    .argument('<id>', MEANT)
    .option('--reason <text>', 'kept with the decision')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate approvals refuse 3fa81c --reason "not her customer"')
    .action(async (id: string, options: { readonly reason?: string }, command: Command) =>
      decide(command, id, 'refuse', options.reason === undefined ? {} : { reason: options.reason }),
    );

  approvals
    .command('link')
    .description('print a web address by which one named person decides, once')
    .argument('<id>', MEANT)
    .requiredOption('--for <person>', 'who decides; kept with the decision')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate approvals link 3fa81c --for "Anna"')
    .action(async (id: string, options: { readonly for: string }, command: Command) => {
      const client = context.client(command);
      const path = `/api/v1/approvals/${encodeURIComponent(await wholeId(client, id, 'open'))}/link`;
      const link = await client.ask<LinkReport>('POST', path, { person: options.for });
      if (link.warning !== null) terminal.error(`${plain(link.warning)}\n`);
      terminal.out(wantsJson(command) ? json(link) : `${link.url}\n`);
    });

  raiseCommand(approvals, context);
  approvals
    .command('grants')
    .description('what was allowed beyond one call, and until when')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const grants = await context.client(command).ask<GrantReport[]>('GET', '/api/v1/grants');
      if (wantsJson(command)) terminal.out(json(grants));
      else if (grants.length === 0) {
        terminal.out('Nothing is granted. tollgate approvals approve ID --for number --minutes 60 makes a grant.\n');
      } else terminal.out(grantTable(terminal, grants));
    });
  approvals
    .command('revoke')
    .description('end a grant now; calls under way go on')
    .argument('<id>', 'from approvals grants; four characters will do if no other begins with them')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate approvals revoke 9c02')
    .action(async (id: string, _options, command: Command) => {
      const client = context.client(command);
      const whole = startOf(id, await client.ask<GrantReport[]>('GET', '/api/v1/grants'));
      const grant = await client.ask<GrantReport>('DELETE', `/api/v1/grants/${encodeURIComponent(whole)}`);
      terminal.out(wantsJson(command) ? json(grant) : `Revoked: ${grantWords(grant)} (rule ${plain(grant.rule)}).\n`);
    });
}

interface ApproveOptions {
  readonly for: string;
  readonly minutes?: number;
  readonly calls?: number;
  readonly reason?: string;
}

const MEANT = 'from approvals list; four characters will do if no other begins with them';

function wholeNumber(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.');
  return Number(text);
}

/** An empty shell variable must not decide the only call that waits. */
function startOf(id: string, all: readonly { readonly id: string }[]): string {
  const meant = id.length < 4 ? [] : all.filter((each) => each.id.startsWith(id));
  return meant.length === 1 ? (meant[0]?.id ?? id) : id;
}

const wholeId = async (client: Client, id: string, state: 'open' | 'all'): Promise<string> =>
  startOf(id, await client.ask<ApprovalReport[]>('GET', `/api/v1/approvals?state=${state}&limit=1000`));

const who = (approval: ApprovalReport): string =>
  `${plain(approval.extension ?? 'an unknown extension')} to ${plain(approval.destination)}`;

function sentence(approval: ApprovalReport): string {
  const head = `${approval.id}  ${who(approval)}`;
  if (approval.state === 'open') {
    const { approvedBy, approversNeeded } = approval;
    const others = approversNeeded - approvedBy.length;
    const seconded =
      approvedBy.length === 0 ? '' : `, approved by ${approvedBy.map(plain).join(' and ')}, ${others} more needed`;
    return `${head}: held since ${localTime(approval.openedAt)} (${plain(approval.because)}), until ${localTime(approval.expiresAt)}${seconded}`;
  }
  const granted = approval.grant === null ? '' : `; granted: ${plain(approval.grant)}`;
  const by = approval.decidedBy === null ? '' : ` by ${plain(approval.decidedBy)}`;
  const why = approval.reason === null ? '' : `: ${plain(approval.reason)}`;
  return `${head}: ${approval.state}${by} after ${duration(approval.waitedSeconds ?? 0)}${why}${granted}`;
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

function details(approval: ApprovalReport): string {
  const { resumedAfterMs, approvedBy } = approval;
  const rows: ReadonlyArray<readonly [string, string | null]> = [
    [
      'to',
      `${plain(approval.destination)}${approval.destinationIs === '' ? '' : ` (${plain(approval.destinationIs)})`}`,
    ],
    ['trunk', approval.trunk === null ? null : plain(approval.trunk)],
    ['rule', plain(approval.rule)],
    ['because', plain(approval.because)],
    ['decision', `${approval.decision} (tollgate calls show ${approval.decision})`],
    ['node', plain(approval.node)],
    ['without a decision', approval.otherwise === 'allow' ? 'the call goes' : 'the call is refused'],
    ['approved by', approvedBy.length === 0 ? null : approvedBy.map(plain).join(' and ')],
    ['decided from', approval.decidedFrom === null ? null : plain(approval.decidedFrom)],
    ['granted', approval.grant === null ? null : plain(approval.grant)],
    ['answered', resumedAfterMs === null ? null : `${resumedAfterMs} ms after the decision`],
  ];
  const lines = rows.flatMap(([name, value]) => (value === null ? [] : [`  ${name}: ${value}`]));
  return `${sentence(approval)}\n${lines.join('\n')}\n`;
}

const grantWords = (grant: GrantReport): string =>
  grant.what === 'number'
    ? `${plain(grant.extension ?? '?')} to ${plain(grant.number ?? '?')}`
    : `${grant.calls} more for ${grant.subjects.map(plain).join(' and ')}`;

const grantTable = (terminal: Terminal, grants: readonly GrantReport[]): string =>
  table(
    terminal,
    ['id', 'granted', 'rule', 'by', 'since', 'until', 'reason'],
    grants.map((grant) => [
      grant.id,
      grantWords(grant),
      plain(grant.rule),
      plain(grant.grantedBy),
      localTime(grant.since),
      localTime(grant.until),
      plain(grant.reason ?? ''),
    ]),
  );
