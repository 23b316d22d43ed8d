/** `simulate`: what a policy would have done to the calls of the past. */
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { type Command, Option } from 'commander';
import { IANAZone } from 'luxon';
import { messageOf } from '../errors.ts';
import { compilePolicy } from '../policy/policy.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import { CDR_FIELDS, type ColumnMapping, parseColumns } from '../simulate/cdr-layout.ts';
import type { Change, Counts, SimulationCounts } from '../simulate/outcome-counts.ts';
import { type Replay, replayFile } from '../simulate/replay-file.ts';
import { noticesOf, reportReplay } from '../simulate/replay-report.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import type { PolicyAnswer } from './policy-commands.ts';
import { readPolicyFile } from './policy-file.ts';
import { askForRateSheet, readRateSheet } from './rate-sheet-file.ts';
import { count, createProgress } from './replay-progress.ts';
import { json, paint, plain, type Terminal, table } from './terminal.ts';

interface SimulateOptions {
  readonly policy?: string;
  readonly timezone?: string;
  readonly held: 'approve' | 'refuse';
  readonly decisions?: string;
  readonly compare?: string;
  readonly columns?: string;
  readonly rates?: string;
  readonly learn?: string;
}

const HELP = `
Each call of the file is decided as if it came now: by the same code, at its own time, with the counts that the calls
before it left. The daemon need not run if --policy is given; nothing is counted in its store.

The file is Asterisk's cdr-csv/Master.csv or cdr-custom/Master.csv as it stands, or a table with a header (FreePBX's cdr,
VICIdial's call_log and vicidial_log). Anything else: --columns says which column is what, counted from 1 or by its name.
  ${CDR_FIELDS.slice(0, 9).join(' ')}
  ${CDR_FIELDS.slice(9).join(' ')}

With --rates, a rate sheet as for tollgate rates import, or that of the daemon where it runs and has one, it says what the
calls cost and what would have been saved, and rules with spend count. A call that reaches a hard ceiling ends there, and its lockout holds to the end of the file.
Rules about first calls know no country at the beginning; --learn names older records that teach them.

Exit code 0 when done, 1 if the file or the policy is refused.

Examples:
  tollgate simulate /var/log/asterisk/cdr-csv/Master.csv --policy policy.yaml
  tollgate simulate Master.csv --policy new.yaml --compare old.yaml
  tollgate simulate Master.csv --policy policy.yaml --rates carrier.csv --learn Master.csv.1
  tollgate simulate Master.csv --timezone UTC --decisions decisions.jsonl
  tollgate simulate calls.csv --policy policy.yaml --columns start=1,dst=4,extension=2,duration=7,campaign=9`;

export function simulateCommand(program: Command, context: CommandContext): void {
  const { terminal } = context;
  program
    .command('simulate')
    .description('replay the calls of a CDR file against a policy: what would have been refused')
    .argument('<file>', 'call records of Asterisk, FreePBX or VICIdial, as CSV')
    .option('--policy <file>', 'the policy; otherwise the one that is in force')
    .option(
      '--timezone <zone>',
      'of the times in the file; otherwise that of the policy. UTC where cdr.conf has usegmtime=yes',
    )
    .addOption(
      new Option('--held <decision>', 'what supervisors are taken to say to calls that are held')
        .choices(['approve', 'refuse'])
        .default('refuse'),
    )
    .option('--decisions <file>', 'write what became of each call, one JSON object a line')
    .option('--compare <file>', 'replay against this policy as well, and show what changes from it to the other')
    .option('--columns <list>', 'which column is what, for example start=10,dst=3 or campaign=userfield')
    .option('--rates <file>', 'what calls cost, as for rates import; otherwise the sheet of the daemon')
    .option('--learn <file>', 'older records of the same layout: which countries were reached before')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP)
    .action(async (path: string, options: SimulateOptions, command: Command) => {
      const columns = options.columns === undefined ? undefined : readColumns(options.columns);
      const { timezone, compare } = options;
      if (timezone !== undefined && !IANAZone.isValidZone(timezone)) {
        throw new CommandFailed(`"${timezone}" is not a time zone; write one like America/New_York`, EXIT.usage);
      }
      const document =
        options.policy === undefined
          ? (await context.client(command).ask<PolicyAnswer>('GET', '/api/v1/policy')).document
          : await readPolicyFile(terminal, options.policy, 'nothing was replayed');
      const other = compare === undefined ? undefined : await readPolicyFile(terminal, compare, 'nothing was replayed');
      const rates =
        options.rates === undefined
          ? await askForRateSheet(context.client(command))
          : await readRateSheet(options.rates, 'nothing was replayed');
      const progress = createProgress(terminal);
      const decisions = options.decisions === undefined ? undefined : await openFile(options.decisions);
      try {
        const replay = await replayFile({
          path,
          policy: compilePolicy(document),
          compare: other && compilePolicy(other),
          timezone: timezone ?? document.timezone,
          columns,
          rates,
          learn: options.learn,
          held: options.held,
          decisions,
          onProgress: progress.show,
          signal: terminal.signal,
        });
        if (decisions !== undefined) await closeFile(decisions);
        progress.clear();
        const zone = timezone === undefined ? `${replay.file.zone}, the policy's` : replay.file.zone;
        terminal.out(
          wantsJson(command)
            ? json({ ...reportReplay(replay, rates !== undefined), prices: pricesFrom(options, rates) ?? null })
            : describe(terminal, path, zone, replay, { ...options, prices: pricesFrom(options, rates) }),
        );
      } catch (error) {
        progress.clear();
        decisions?.destroy();
        if (terminal.signal.aborted) throw new CommandFailed('stopped');
        throw error;
      }
    });
}

export function readColumns(text: string): ColumnMapping {
  const mapping = parseColumns(text);
  if ('problem' in mapping) throw new CommandFailed(`--columns: ${mapping.problem}`, EXIT.usage);
  return mapping;
}

async function openFile(path: string): Promise<WriteStream> {
  const file = createWriteStream(path);
  try {
    await once(file, 'open');
  } catch (error) {
    throw new CommandFailed(`${path} cannot be written: ${messageOf(error)}`);
  }
  return file;
}

async function closeFile(file: WriteStream): Promise<void> {
  file.end();
  await once(file, 'close');
}

/** Undefined: no call has a price. */
const pricesFrom = ({ rates: path }: SimulateOptions, rates: RateSheet | undefined): string | undefined =>
  rates && `${path ?? "the daemon's rate sheet"}, ${count(rates.size)} prefixes in ${rates.currency}`;

function describe(
  terminal: Terminal,
  path: string,
  zone: string,
  replay: Replay,
  options: SimulateOptions & { readonly prices: string | undefined },
): string {
  const { file, counts, span, compared } = replay;
  const time = (atMs: number): string =>
    new Date(atMs).toLocaleString('sv-SE', { timeZone: file.zone, dateStyle: 'short', timeStyle: 'short' });
  const over = span === undefined ? '' : `, ${time(span.fromMs)} to ${time(span.toMs)}`;
  const lines = [
    `${path}: ${file.layout}; times in ${zone}${over}`,
    `${count(file.rows)} rows: ${count(counts.calls)} outbound calls; ${count(replay.notOutbound)} rows of other calls; ${count(file.unread)} could not be read`,
    ...file.problems
      .slice(0, 5)
      .map(({ line, problem }) => paint(terminal, 'yellow', `  line ${line} ${plain(problem)}`)),
    ...(options.prices === undefined ? [] : [`Prices: ${plain(options.prices)}`]),
    ...noticesOf(replay, options.prices !== undefined).map((notice) => paint(terminal, 'yellow', notice)),
    '',
  ];
  const titles =
    compared === undefined ? ['', 'CALLS', ''] : ['', 'CALLS', '', `BEFORE (${plain(options.compare ?? '')})`, ''];
  return [
    lines.join('\n'),
    table(terminal, titles, totalsOf(terminal, counts, compared?.counts, options.held)),
    ...(counts.refused === 0
      ? ['Nothing would have been refused.\n']
      : [
          topTable(terminal, 'REFUSED BY RULE', counts.by.rule),
          topTable(terminal, 'REFUSED OF EXTENSION', counts.by.extension),
          topTable(terminal, 'REFUSED IN THE HOUR', counts.by.hour),
        ]),
    ...(counts.held === 0
      ? []
      : [
          topTable(terminal, 'HELD BY RULE', counts.heldBy.rule),
          topTable(terminal, 'HELD OF EXTENSION', counts.heldBy.extension),
        ]),
    ...(counts.cut === 0 ? [] : [`${count(counts.cut)} calls would have been ended before their end.\n`]),
    ...locksOf(terminal, replay),
    ...moneyOf(terminal, counts, compared?.counts),
    ...(compared === undefined ? [] : [describeChanges(terminal, compared.changes, compared.changes.by)]),
    ...(options.decisions === undefined ? [] : [`What became of each call: ${options.decisions}\n`]),
  ].join('\n');
}

const TOTALS = [
  ['allowed', 'green'],
  ['alerted', 'yellow'],
  ['waited', 'cyan'],
  ['held', 'yellow'],
  ['refused', 'red'],
] as const;

function totalsOf(
  terminal: Terminal,
  counts: SimulationCounts,
  before: SimulationCounts | undefined,
  held: SimulateOptions['held'],
): string[][] {
  const cells = (some: SimulationCounts, name: (typeof TOTALS)[number][0]): string[] => [
    count(some[name]),
    some.calls === 0 ? '' : `${((100 * some[name]) / some.calls).toFixed(1)} %`,
  ];
  return TOTALS.map(([name, style]) => [
    paint(terminal, style, name === 'held' ? `held, taken as ${held === 'approve' ? 'approved' : 'refused'}` : name),
    ...cells(counts, name),
    ...(before === undefined ? [] : cells(before, name)),
  ]);
}

const MOST_SHOWN = 10;

function locksOf(terminal: Terminal, { locks }: Replay): string[] {
  if (locks.length === 0) return [];
  const rows = locks
    .slice(0, MOST_SHOWN)
    .map(({ subject, rule, since }) => [plain(subject), plain(rule), since.replace('T', ' ').slice(0, 16)]);
  return [table(terminal, ['LOCKED', 'BY RULE', 'SINCE (UTC)'], rows)];
}

function moneyOf(
  terminal: Terminal,
  { money, minutes }: SimulationCounts,
  before: SimulationCounts | undefined,
): string[] {
  if (money === undefined) {
    return [
      `Talk: ${count(Math.round(minutes.was))} minutes as it was, ${count(Math.round(minutes.would))} with the policy.\n`,
    ];
  }
  const amount = (value: number): string => value.toLocaleString('en-US', { minimumFractionDigits: 2 });
  const titles = [
    money.currency,
    'AS IT WAS',
    'WITH THE POLICY',
    'SAVED',
    ...(before === undefined ? [] : ['SAVED BEFORE']),
  ];
  const total = [
    'all calls',
    amount(money.was),
    amount(money.would),
    amount(money.saved),
    ...(before?.money === undefined ? [] : [amount(before.money.saved)]),
  ];
  const of = Object.entries(money.savedOf)
    .sort(([, one], [, other]) => other - one)
    .slice(0, MOST_SHOWN);
  return [
    table(terminal, titles, [total]),
    ...(of.length === 0
      ? []
      : [
          table(
            terminal,
            ['SAVED OF EXTENSION', money.currency],
            of.map(([who, saved]) => [plain(who), amount(saved)]),
          ),
        ]),
  ];
}

function topTable(terminal: Terminal, title: string, counts: Counts): string {
  const all = Object.entries(counts).sort(([, one], [, other]) => other - one);
  const rows = all.slice(0, MOST_SHOWN).map(([name, calls]) => [plain(name).replace('T', ' '), count(calls)]);
  const more = all.length > MOST_SHOWN ? [[paint(terminal, 'dim', `and ${all.length - MOST_SHOWN} more`), '']] : [];
  return table(terminal, [title, 'CALLS'], [...rows, ...more]);
}

function describeChanges(
  terminal: Terminal,
  { newlyRefused, newlyAllowed }: Change,
  by: { readonly rule: Readonly<Record<string, Change>>; readonly extension: Readonly<Record<string, Change>> },
): string {
  const total = `Compared with before, ${count(newlyRefused)} more calls are refused and ${count(newlyAllowed)} more go out.\n`;
  if (newlyRefused + newlyAllowed === 0) return 'Compared with before, the same calls are refused.\n';
  const rowsOf = (changes: Readonly<Record<string, Change>>): string[][] =>
    Object.entries(changes)
      .sort(([, one], [, other]) => other.newlyRefused + other.newlyAllowed - one.newlyRefused - one.newlyAllowed)
      .slice(0, MOST_SHOWN)
      .map(([name, change]) => [plain(name), count(change.newlyRefused), count(change.newlyAllowed)]);
  const changed = ['NEWLY REFUSED', 'NEWLY ALLOWED'];
  return [
    total,
    table(terminal, ['CHANGED BY RULE', ...changed], rowsOf(by.rule)),
    table(terminal, ['CHANGED FOR EXTENSION', ...changed], rowsOf(by.extension)),
  ].join('\n');
}
