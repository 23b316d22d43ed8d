/** `setup`: the first configuration, shown as a difference of files before anything is written. */

import { type Command, Option } from 'commander';
import { createTwoFilesPatch } from 'diff';
import type { DaemonView } from '../doctor/context.ts';
import type { Platform } from '../setup/find-asterisk.ts';
import type { FileChange } from '../setup/plan.ts';
import type { Setup, SetupOptions } from '../setup/setup.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { findingText, viewThrough } from './machine-doctor-command.ts';
import { json, paint, plain, type Terminal } from './terminal.ts';

/** Looks at what is there and makes the plan; changes nothing. */
export type OpenSetup = (options: SetupOptions, daemon: DaemonView) => Promise<Setup>;

interface Flags extends SetupOptions {
  readonly yes?: boolean;
  readonly dryRun?: boolean;
  readonly reload?: boolean;
}

const PLATFORM_NAMES: readonly Platform[] = ['plain', 'freepbx', 'issabel', 'vicidial'];

export function setupCommand(program: Command, context: CommandContext, openSetup: OpenSetup): void {
  const { terminal } = context;
  program
    .command('setup')
    .description('find Asterisk, make its users for Tollgate, write the configuration, and try each connection')
    .option('--dry-run', 'show what would be written, and end')
    .option('--yes', 'write without asking')
    .option('--reload', 'let Asterisk read what was written, without asking')
    .option('--asterisk-etc <dir>', "folder of Asterisk's configuration (default: /etc/asterisk)")
    .addOption(
      new Option('--platform <name>', 'what is around Asterisk; otherwise it is found out').choices(PLATFORM_NAMES),
    )
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Every change is shown as a difference first, without secrets, and written only after a yes. Your own dialplan is never
touched: the lines for it are shown. Run it again at any time; what is in order stays as it is.
Exit code 1 if something is still missing.

Examples:
  sudo tollgate setup
  sudo tollgate setup --dry-run
  sudo tollgate setup --yes --reload`,
    )
    .action(async (_options, command: Command) => {
      const flags = command.optsWithGlobals<Flags>();
      const setup = await openSetup(flags, viewThrough(context.client(command)));
      const { asterisk, plan, etc } = setup;
      if (asterisk === undefined) {
        throw new CommandFailed(`there is no configuration of Asterisk in ${etc}; say where it is: --asterisk-etc DIR`);
      }
      const isQuiet = wantsJson(command);
      const say = (text: string): void => (isQuiet ? undefined : terminal.out(`${text}\n`));
      const release =
        asterisk.version === undefined ? 'Asterisk (its program was not found)' : `Asterisk ${asterisk.version}`;
      say(`${paint(terminal, 'bold', release)}, ${asterisk.platform}, configured in ${etc}\n`);
      for (const change of plan.changes) say(describeChange(terminal, change));
      for (const note of plan.notes) say(`${paint(terminal, 'yellow', 'By hand:')} ${plain(note)}\n`);
      if (plan.changes.length === 0) say('Nothing is to be written.\n');

      const outcome = await carryOut(setup, flags, terminal, say);
      if (outcome === 'not written') {
        if (isQuiet)
          terminal.out(
            json({ asterisk, files: plan.changes.map(({ path }) => path), notes: plan.notes, written: false }),
          );
        if (flags.dryRun !== true) context.answer(EXIT.no);
        return;
      }
      say(`${paint(terminal, 'bold', 'For your dialplan')} (yours to add):\n\n${setup.lines}\n`);
      if (setup.sounds !== undefined)
        say(`${paint(terminal, 'bold', 'Prompts')} for Asterisk's sounds:\n\n  ${setup.sounds}\n`);
      if (outcome === 'not reloaded') {
        const commands = plan.reloads.map((each) => `  asterisk -rx '${each}'`);
        say(
          `Asterisk has not read this yet:\n\n${commands.join('\n')}\n\nThen, and after the daemon was (re)started: tollgate setup`,
        );
      }
      const findings = await setup.test();
      const trouble = findings.filter(({ level }) => level !== 'ok');
      say(paint(terminal, 'bold', 'What was tried'));
      for (const finding of findings) say(findingText(terminal, finding));
      const isMissing = plan.notes.length > 0 || trouble.some(({ level }) => level === 'bad' || level === 'warn');
      say(isMissing ? '\nSomething is still missing: see above.' : '\nEverything is in place.');
      if (isQuiet) {
        terminal.out(
          json({
            asterisk,
            files: plan.changes.map(({ path }) => path),
            notes: plan.notes,
            written: plan.changes.length > 0,
            findings,
          }),
        );
      }
      if (isMissing) context.answer(EXIT.no);
    });
}

type Outcome = 'not written' | 'not reloaded' | 'done';

async function carryOut(setup: Setup, flags: Flags, terminal: Terminal, say: (text: string) => void): Promise<Outcome> {
  const { changes, reloads } = setup.plan;
  if (changes.length === 0) return 'done';
  const files = changes.length === 1 ? '1 file' : `${changes.length} files`;
  if (flags.dryRun === true) {
    say('Nothing was changed: --dry-run.');
    return 'not written';
  }
  const isWanted = flags.yes === true || (await terminal.confirm?.(`Write ${files}?`)) === true;
  if (!isWanted) {
    say(`Nothing was changed.${terminal.confirm === undefined ? ' To write it: --yes.' : ''}`);
    return 'not written';
  }
  await setup.write();
  say(`Written: ${files}.\n`);
  if (reloads.length === 0) return 'done';
  const isReload = flags.reload === true || (await terminal.confirm?.('Let Asterisk read them now?')) === true;
  if (!isReload) return 'not reloaded';
  const failed = await setup.reload();
  if (failed.length === 0) return 'done';
  say(paint(terminal, 'yellow', `Asterisk could not be told: ${failed.join(', ')}`));
  return 'not reloaded';
}

/** A difference without secrets. Of a long new file its beginning is enough. */
function describeChange(terminal: Terminal, { path, before, after, secrets }: FileChange): string {
  // Also those of others, which stand around the place that changes.
  const hidden = (text: string): string =>
    secrets
      .reduce((now, secret) => now.replaceAll(secret, '(a secret)'), text)
      .replaceAll(/^(\s*(?:secret|password|md5secret)\s*=>?[ \t]*).+$/gim, '$1(a secret)');
  if (before === undefined) {
    const lines = hidden(after).trimEnd().split('\n');
    const shown = lines.slice(0, NEW_LINES_SHOWN).map((line) => paint(terminal, 'green', `+${plain(line)}`));
    const rest = lines.length > NEW_LINES_SHOWN ? [`  … ${lines.length - NEW_LINES_SHOWN} lines more`] : [];
    return [paint(terminal, 'bold', `new: ${path}`), ...shown, ...rest, ''].join('\n');
  }
  const patch = createTwoFilesPatch(path, path, hidden(before), hidden(after), 'as it is', 'as it would be', {
    context: 2,
  });
  const lines = patch
    .split('\n')
    .slice(1)
    .map((line) => {
      if (line.startsWith('+')) return paint(terminal, 'green', plain(line));
      return line.startsWith('-') ? paint(terminal, 'red', plain(line)) : plain(line);
    });
  return lines.join('\n');
}

const NEW_LINES_SHOWN = 16;
