/** `schedules list|show|set|remove`. */
import type { Command } from 'commander';
import { stringify } from 'yaml';
import type { EpochMs } from '../policy/call.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { compileSchedule, type Schedule, type ScheduleDocument, WEEKDAYS } from '../policy/schedule.ts';
import { describeSchedule, weekPicture } from '../policy/schedule-week.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { json, localTime, paint, plain, type Terminal, table } from './terminal.ts';
import { readYamlFile } from './yaml-file.ts';

type Entry = ScheduleDocument & { readonly id: string };

interface SetOptions {
  readonly name?: string;
  readonly timezone?: string;
  readonly window?: readonly string[];
  readonly holiday?: readonly string[];
  readonly file?: string;
}

const EXAMPLE = `
Examples:
  tollgate schedules set after-hours --window "mon-fri 18:00-08:00" --window "sat 00:00-24:00" --window "sun 00:00-08:00+1"
  tollgate schedules set after-hours --holiday 2026-12-25,2027-01-01`;

export function scheduleCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const schedules = program.command('schedules').description('times in which rules are in force');
  const path = (id: string): string => `/api/v1/schedules/${encodeURIComponent(id)}`;
  /** The zone of schedules that name none is the policy's. */
  const compile = async (command: Command, entry: Entry): Promise<Schedule> => {
    const { document } = await context
      .client(command)
      .ask<{ readonly document: PolicyDocument }>('GET', '/api/v1/policy');
    return compileSchedule(entry, document.timezone);
  };
  const describe = async (command: Command, entry: Entry): Promise<string> =>
    pictureOf(terminal, entry, await compile(command, entry), Date.now() as EpochMs);

  schedules
    .command('list')
    .description('list all schedules, and whether each is open now')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const all = await context.client(command).ask<Entry[]>('GET', '/api/v1/schedules');
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0) terminal.out(`There are no schedules yet. ${EXAMPLE.trim()}\n`);
      else {
        const now = Date.now() as EpochMs;
        const rows = await Promise.all(
          all.map(async (entry) => {
            const schedule = await compile(command, entry);
            const state = schedule.isOpen(now) ? paint(terminal, 'green', 'open') : 'closed';
            return [entry.id, schedule.isCalled ? 'by number' : state, plain(describeSchedule(schedule))];
          }),
        );
        terminal.out(table(terminal, ['SCHEDULE', 'NOW', 'OPEN'], rows));
      }
    });

  schedules
    .command('show')
    .description('show one schedule as a picture of this week, and when it changes next')
    .argument('<id>')
    .option('--json', 'as JSON')
    .action(async (id: string, _options, command: Command) => {
      const entry = await context.client(command).ask<Entry>('GET', path(id));
      terminal.out(wantsJson(command) ? json(entry) : await describe(command, entry));
    });

  schedules
    .command('set')
    .description('add a schedule or change it; what is not named stays as it is')
    .argument('<id>')
    .option('--name <name>', 'name for people')
    .option(
      '--timezone <zone>',
      'for example America/New_York, or called: where the called party is; otherwise that of the policy',
    )
    .option(
      '--window <window>',
      'days and hours, "mon-fri 18:00-08:00", +1 for the next day; may be repeated',
      collectOne,
    )
    .option('--holiday <dates>', 'dates, open all day; may be repeated', collect)
    .option('--file <file>', 'take the schedule from a YAML or JSON file; - reads standard input')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLE)
    .action(async (id: string, options: SetOptions, command: Command) => {
      const client = context.client(command);
      const before = (await client.ask<Entry[]>('GET', '/api/v1/schedules')).find((each) => each.id === id);
      const { id: _, ...old } = before ?? { id };
      const fromFile = options.file === undefined ? {} : (await readYamlFile(terminal, options.file)).tree;
      const entry = await client.ask<Entry>('PUT', path(id), { ...old, ...fromFile, ...fieldsOf(options) });
      terminal.out(wantsJson(command) ? json(entry) : await describe(command, entry));
    });

  schedules
    .command('remove')
    .description('remove schedules')
    .argument('<id...>')
    .option('--json', 'as JSON')
    .action(async (ids: readonly string[], _options, command: Command) => {
      const client = context.client(command);
      const removed: Entry[] = [];
      for (const id of ids) removed.push(await client.ask<Entry>('DELETE', path(id)));
      terminal.out(
        wantsJson(command) ? json(removed) : removed.map((each) => `Removed schedule ${each.id}.\n`).join(''),
      );
    });
}

const collectOne = (value: string, previous: readonly string[] | undefined): string[] => [...(previous ?? []), value];

function fieldsOf({ name, timezone, window, holiday }: SetOptions): Record<string, unknown> {
  const fields = { name, timezone, windows: window?.map(parseWindow), holidays: holiday };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** `mon-fri 18:00-08:00`, `sat,sun 00:00-24:00`, `sun 00:00-08:00+1`. */
export function parseWindow(text: string): object {
  const [, dayText = '', from, to, next] =
    /^\s*([a-z,-]+)\s+(\d\d?:\d\d)\s*-\s*(\d\d?:\d\d)(\+1)?\s*$/.exec(text.toLowerCase()) ?? [];
  if (from === undefined) {
    throw new CommandFailed(
      `"${text}" is not a window; write days and hours such as "mon-fri 18:00-08:00"`,
      EXIT.usage,
    );
  }
  const days = dayText.split(',').flatMap((part) => daysOf(part, text));
  return {
    days,
    from: from.padStart(5, '0'),
    to: to?.padStart(5, '0'),
    ...(next === undefined ? {} : { nextDay: true }),
  };
}

function daysOf(part: string, text: string): string[] {
  const [first = '', last = first] = part.split('-');
  const names: readonly string[] = WEEKDAYS;
  const [from, to] = [first, last].map((day) => names.indexOf(day));
  if (from === undefined || to === undefined || from < 0 || to < 0) {
    throw new CommandFailed(
      `"${part}" in "${text}" is no day; write ${WEEKDAYS.join(' ')}, or a range such as mon-fri`,
      EXIT.usage,
    );
  }
  return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, at) => WEEKDAYS[(from + at) % 7] ?? '');
}

function pictureOf(terminal: Terminal, entry: Entry, schedule: Schedule, now: EpochMs): string {
  const open = schedule.isOpen(now);
  const change = schedule.nextChange(now);
  const until = change === undefined ? 'always' : `until ${localTime(new Date(change).toISOString())} your time`;
  const state = schedule.isCalled
    ? 'open or closed by the number that is called; tollgate explain NUMBER tells for one'
    : `${open ? paint(terminal, 'green', 'open') : 'closed'} ${until}`;
  const { id: _, ...document } = entry;
  const title = paint(terminal, 'bold', plain(entry.name ?? entry.id));
  return `${title}: ${state}\n${plain(describeSchedule(schedule))}\n\n${weekPicture(schedule, now)}\n\n${stringify(document)}`;
}
