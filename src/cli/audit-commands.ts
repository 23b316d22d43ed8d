/** `audit list|verify|export`: who changed or decided what, and whether the log of it is whole. It can only be read. */
import { type Command, Option } from 'commander';
import type { VerifyLine } from '../api/audit-routes.ts';
import { AUDIT_FORMATS, type AuditFormat, auditFileHead, auditFileLines } from '../people/audit-file.ts';
import type { AuditPage } from '../people/audit-log.ts';
import type { AuditRecord } from '../people/audit-record.ts';
import type { AuditVerdict } from '../people/audit-verify.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, paint, plain, type Terminal } from './terminal.ts';

const HELP = {
  list: `
Examples:
  tollgate audit list
  tollgate audit list --action rules --since 2026-11-01
  tollgate audit list --by anna --subject "ban 203.0.113.9"`,
  verify: `
Every entry carries the hash of the one before it. Compared as well is the last entry that this node had seen, so that a
log whose end is missing is found. Run it on every node. Exit code 0 if all fits, 1 if not.

Examples:
  tollgate audit verify
  tollgate audit verify --json`,
  export: `
Oldest first. Each line of jsonl is an entry; without its "hash" at the end it is the text whose SHA-256 that hash is.

Examples:
  tollgate audit export > audit.jsonl
  tollgate audit export --since 2026-10-01 --until 2026-11-01 --format csv > october.csv`,
};

interface Filter {
  readonly action?: string | undefined;
  readonly by?: string | undefined;
  readonly subject?: string | undefined;
  readonly since?: string | undefined;
  readonly until?: string | undefined;
}

const PATH = '/api/v1/audit';
const PAGE = 1000;

export function auditCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const audit = program.command('audit').description('who changed or decided what, from where, before and after');

  audit
    .command('list')
    .description('newest first')
    .option('--action <action>', 'only this, such as bans.lift; or all of a kind, such as bans')
    .option('--by <who>', 'only by those with this in their name')
    .option('--subject <subject>', 'only about what has this in its name, such as "rule default"')
    .option('--since <time>', 'not before, such as 2026-11-21 or 2026-11-21T18:30:00Z')
    .option('--until <time>', 'not after')
    .option('-n, --limit <number>', 'how many', '50')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.list)
    .action(async (options: Filter & { readonly limit: string }, command: Command) => {
      const { limit, action, by, subject, since, until } = options;
      const wanted = Number(limit);
      if (!Number.isInteger(wanted) || wanted < 1)
        throw new CommandFailed('--limit is not a whole number above 0', EXIT.usage);
      const found: AuditRecord[] = [];
      for await (const page of pagesOf(
        context,
        command,
        { action, by, subject, since, until, order: 'newest' },
        wanted,
      ))
        found.push(...page);
      if (wantsJson(command)) terminal.out(json(found));
      else if (found.length === 0) terminal.out('No entry of the audit log is like that.\n');
      else terminal.out(found.map((entry) => describe(terminal, entry)).join(''));
    });

  audit
    .command('verify')
    .description('walk through the whole log and say whether anything was changed, removed or inserted')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.verify)
    .action(async (_options, command: Command) => {
      const progress = createProgress(terminal);
      let verdict: AuditVerdict | undefined;
      const show = (line: VerifyLine): void => {
        if ('intact' in line) verdict = line;
        else if ('failed' in line) throw new CommandFailed(`stopped before the end of the log: ${line.failed}`);
        else progress.show(`${line.checked} of ${line.total} entries checked`);
      };
      try {
        await context.client(command).follow<VerifyLine>(`${PATH}/verify`, show, terminal.signal);
      } catch (error) {
        // After the verdict the answer ends, as it should.
        if (verdict === undefined) throw error;
      } finally {
        progress.clear();
      }
      if (verdict === undefined) throw new CommandFailed('stopped before the end of the log; nothing is proven');
      if (!verdict.intact) context.answer(EXIT.no);
      terminal.out(wantsJson(command) ? json(verdict) : describeVerdict(terminal, verdict));
    });

  audit
    .command('export')
    .description('write entries to standard output, oldest first')
    .option('--action <action>', 'only this, such as bans.lift; or all of a kind, such as bans')
    .option('--by <who>', 'only by those with this in their name')
    .option('--subject <subject>', 'only about what has this in its name')
    .option('--since <time>', 'not before, such as 2026-11-21 or 2026-11-21T18:30:00Z')
    .option('--until <time>', 'not after')
    .addOption(new Option('--format <format>', 'jsonl can be verified').choices(AUDIT_FORMATS).default('jsonl'))
    .addHelpText('after', HELP.export)
    .action(async (options: Filter & { readonly format: AuditFormat }, command: Command) => {
      const { format, ...filter } = options;
      const progress = createProgress(terminal);
      let written = 0;
      terminal.out(auditFileHead(format));
      for await (const page of pagesOf(context, command, { ...filter, order: 'oldest' })) {
        // A terminal that shows the entries shows how far it is.
        if (process.stdout.isTTY !== true) progress.show(`${written} entries`);
        terminal.out(auditFileLines(page, format));
        written += page.length;
      }
      progress.clear();
    });
}

/** Page by page until there is no more, `limit` is reached, or Ctrl-C. */
async function* pagesOf(
  { client, terminal }: CommandContext,
  command: Command,
  { since, until, ...filter }: Filter & { readonly order: 'newest' | 'oldest' },
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<readonly AuditRecord[]> {
  const { ask } = client(command);
  const times = { since: readTime('--since', since), until: readTime('--until', until) };
  let [cursor, left]: [string | null | undefined, number] = [undefined, limit];
  while (cursor !== null && left > 0) {
    if (terminal.signal.aborted) throw new CommandFailed('stopped before the end of the log');
    const asked = { ...filter, ...times, cursor, limit: String(Math.min(PAGE, left)) };
    const query = Object.entries(asked).filter((each): each is [string, string] => each[1] !== undefined);
    const page: AuditPage = await ask<AuditPage>('GET', `${PATH}?${new URLSearchParams(query)}`);
    yield page.entries;
    left -= page.entries.length;
    cursor = page.cursor;
  }
}

function readTime(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new CommandFailed(`${option}: "${text}" is not a time; write one like 2026-11-21T18:30:00Z`, EXIT.usage);
  return at.toISOString();
}

function describe(terminal: Terminal, entry: AuditRecord): string {
  const { seq, at, by, from, action, subject, reason, before, after } = entry;
  const who = `${plain(by)}${from === null ? '' : ` (${plain(from)})`}`;
  const head = `${seq}  ${localTime(at)}  ${who}  ${paint(terminal, 'bold', plain(action))}  ${plain(subject)}`;
  const why = reason === null ? [] : [`because: ${plain(reason)}`];
  return `${[head, ...[...why, ...differences(before, after)].map((line) => `      ${line}`)].join('\n')}\n`;
}

const MOST_SHOWN = 120;
const MOST_LINES = 12;
const NOTHING = '(nothing)';

/** `rules.default.limits: ["5/1s"] → ["3/1s"]` */
function differences(before: unknown, after: unknown): string[] {
  const lines = pairsOf('', before, after, 2).map(({ place, was, becomes }) => {
    const name = place === '' ? '' : `${plain(place)}: `;
    return `${name}${shown(was)} → ${shown(becomes)}`;
  });
  const more = lines.length - MOST_LINES;
  return more > 0 ? [...lines.slice(0, MOST_LINES), `and ${more} more; see --json`] : lines;
}

interface Pair {
  readonly place: string;
  readonly was: unknown;
  readonly becomes: unknown;
}

/** Down to fields where both sides have them. */
function pairsOf(place: string, was: unknown, becomes: unknown, depth: number): Pair[] {
  const [one, other] = [fieldsOf(was), fieldsOf(becomes)];
  const hasBoth = one !== undefined && other !== undefined;
  if (depth === 0 || !hasBoth) return isNothing(was) && isNothing(becomes) ? [] : [{ place, was, becomes }];
  const keys = [...new Set([...(one?.keys() ?? []), ...(other?.keys() ?? [])])];
  return keys
    .flatMap((key) => pairsOf(place === '' ? key : `${place}.${key}`, one?.get(key), other?.get(key), depth - 1))
    .filter((pair) => JSON.stringify(pair.was) !== JSON.stringify(pair.becomes));
}

const isNothing = (value: unknown): boolean => value === null || value === undefined;

const fieldsOf = (value: unknown): ReadonlyMap<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? new Map(Object.entries(value)) : undefined;

function shown(value: unknown): string {
  if (isNothing(value)) return NOTHING;
  const text = plain(typeof value === 'string' ? value : JSON.stringify(value));
  return text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text;
}

function describeVerdict(terminal: Terminal, verdict: AuditVerdict): string {
  const { intact, checked, first, last, remembered, problems, moreProblems, waiting } = verdict;
  const lines: string[] = [];
  if (first === null || last === null) lines.push('The audit log is empty.');
  else {
    const trimmed = intact && first.seq > 1 ? `, the ${first.seq - 1} before them trimmed` : '';
    const range = `entries ${first.seq} to ${last.seq}${trimmed}, ${localTime(first.writtenAt)} to ${localTime(last.writtenAt)}`;
    lines.push(`${checked} checked: ${range}.`);
  }
  if (intact) {
    const and = remembered === null ? '' : `, and entry ${remembered.seq} is the one that this node had seen`;
    lines.push(paint(terminal, 'green', `The audit log is whole: every entry fits the one before it${and}.`));
    if (last !== null) lines.push(`Hash of the last entry, to be kept elsewhere: ${last.hash}`);
  } else {
    const broken = problems.map(
      ({ problem }, at) => `${at === 0 ? 'The audit log is broken: ' : '  '}${plain(problem)}.`,
    );
    lines.push(...broken.map((line) => paint(terminal, 'red', line)));
    if (moreProblems > 0) lines.push(`  and ${moreProblems} more`);
  }
  if (waiting > 0) lines.push(`${waiting} entries wait on this host for the store.`);
  return `${lines.join('\n')}\n`;
}

const SHOWN_EVERY_MS = 200;
const SHOWN_AFTER_MS = 500;

/** One line on the terminal that is overwritten; nothing where standard error is none. */
function createProgress(terminal: Terminal) {
  const isTerminal = process.stderr.isTTY === true && terminal.env['TERM'] !== 'dumb';
  let shownMs = performance.now() + SHOWN_AFTER_MS - SHOWN_EVERY_MS;
  let isShown = false;
  return {
    show: (text: string): void => {
      const nowMs = performance.now();
      if (!isTerminal || nowMs - shownMs < SHOWN_EVERY_MS) return;
      [shownMs, isShown] = [nowMs, true];
      terminal.error(`\r${text}\u001b[K`);
    },
    clear: (): void => {
      if (isShown) terminal.error('\r\u001b[K');
    },
  };
}
