/** `tollgate calls live|end`: the calls under way, and their end. */
import { type Command, InvalidArgumentError } from 'commander';
import type { EndedCall } from '../live-calls/call-ender.ts';
import type { LiveCallView } from '../live-calls/live-call-view.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, paint, plain, type Terminal, table } from './terminal.ts';

const PATH = '/api/v1/calls/live';

interface EndOptions {
  readonly extension?: string;
  readonly trunk?: string;
  readonly destination?: string;
  readonly all?: boolean;
  readonly reason?: string;
  readonly yes?: boolean;
}

/** @param calls the command `calls` */
export function liveCallCommands(calls: Command, context: CommandContext): void {
  const { terminal } = context;
  calls
    .command('live')
    .description('calls under way on all nodes, the longest first')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nWithout a connection to the manager interface only calls are known that a ceiling counts, or that wait.\n\nExample:\n  tollgate calls live',
    )
    .action(async (_options, command: Command) => {
      const live = await context.client(command).ask<LiveCallView[]>('GET', PATH);
      if (wantsJson(command)) terminal.out(json(live));
      else if (live.length === 0) terminal.out('No call is under way.\n');
      else terminal.out(liveTable(terminal, live));
    });

  calls
    .command('end')
    .description('end calls under way, on whichever node they are; emergency calls are never among them')
    .argument('[id]', 'decision of the call, as calls live shows it', notEmpty)
    .option('--extension <extension>', 'all of this extension', notEmpty)
    .option('--trunk <trunk>', 'all over this trunk', notEmpty)
    .option(
      '--destination <destination>',
      'all to this number, class (international, country:CU) or own list',
      notEmpty,
    )
    .option('--all', 'every call')
    .option('--reason <text>', 'kept in the audit log')
    .option('-y, --yes', 'without asking; needed in scripts')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Asterisk is told over its manager interface; the user needs write = call (or system) in manager.conf there.

Examples:
  tollgate calls end 01926f3a-7c1e
  tollgate calls end --extension 1001 --reason "stolen password" --yes
  tollgate calls end --destination country:CU`,
    )
    .action(async (id: string | undefined, options: EndOptions, command: Command) => {
      const { extension, trunk, destination, all, reason, yes } = options;
      const meant = Object.entries({ decision: id, extension, trunk, destination, all }).filter(
        ([, value]) => value !== undefined,
      );
      if (meant.length !== 1) {
        throw new CommandFailed(
          'say which calls: an ID, or one of --extension, --trunk, --destination and --all',
          EXIT.usage,
        );
      }
      const which = Object.fromEntries(meant);
      if (yes !== true && !(await isSure(terminal, which))) return context.answer(EXIT.no);
      const body = { ...which, ...(reason === undefined ? {} : { reason }) };
      const ended = await context.client(command).ask<EndedCall[]>('POST', `${PATH}/end`, body);
      if (ended.length === 0 || ended.some(({ outcome }) => outcome === 'failed')) context.answer(EXIT.no);
      if (wantsJson(command)) terminal.out(json(ended));
      else if (ended.length === 0)
        terminal.error('No such call is under way. tollgate calls live shows those that are.\n');
      else for (const each of ended) show(terminal, each);
    });
}

/** Commander says of a value that throws which argument it was. An empty shell variable must not stand for anything. */
function notEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text.trim();
}

async function isSure(
  terminal: Terminal,
  which: Readonly<Record<string, string | boolean | undefined>>,
): Promise<boolean> {
  const [[key, value] = []] = Object.entries(which);
  const what =
    key === 'all' ? 'every call under way' : key === 'decision' ? `call ${value}` : `all calls of ${key} ${value}`;
  if (terminal.confirm === undefined)
    throw new CommandFailed(`this would end ${what}; add --yes where nobody can be asked`, EXIT.usage);
  return await terminal.confirm(`End ${what}?`);
}

const WORDS = { ended: 'ended', over: 'was over', failed: 'goes on' } as const;

function show(terminal: Terminal, call: EndedCall): void {
  const from = `${plain(call.extension ?? 'unknown')} to ${plain(call.destination)}`;
  const place = call.asterisk === null ? '' : ` on ${plain(call.asterisk)}`;
  const detail = call.detail === '' || call.outcome === 'over' ? '' : `: ${plain(call.detail)}`;
  const line = `${call.decision}  ${from}${place} ${WORDS[call.outcome]}${detail}.`;
  if (call.outcome === 'failed') terminal.error(`${paint(terminal, 'red', line)}\n`);
  else terminal.out(`${line}\n`);
}

const liveTable = (terminal: Terminal, live: readonly LiveCallView[]): string =>
  table(
    terminal,
    ['extension', 'to', 'trunk', 'for', 'talking', 'at most', 'cost', 'box', 'decision', 'channel'],
    live.map((call) => [
      plain(call.extension ?? '?'),
      plain(call.destination),
      plain(call.trunk ?? '?'),
      clock(call.seconds),
      call.talkSeconds === null ? '' : clock(call.talkSeconds),
      call.maxSeconds === null ? '' : clock(call.maxSeconds),
      call.cost === null ? '' : call.cost.toFixed(2),
      `${plain(call.asterisk ?? call.node)}${call.isCounted ? '' : ' (daemon away)'}`,
      call.decision,
      plain(call.channel),
    ]),
  );

/** `75` → `1:15`, `4000` → `1:06:40`. */
function clock(seconds: number): string {
  const two = (part: number): string => String(part).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return hours === 0 ? `${minutes}:${two(seconds % 60)}` : `${hours}:${two(minutes)}:${two(seconds % 60)}`;
}
