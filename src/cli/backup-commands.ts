/** `backup` and `restore`: everything that cannot be had again, in one file. */
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { Command } from 'commander';
import type { RestoreReport } from '../api/backup-routes.ts';
import { messageOf } from '../errors.ts';
import { type CommandContext, CommandFailed, EXIT, wantsJson } from './context.ts';
import { json, localTime, paint, plain, type Style, type Terminal } from './terminal.ts';

const HELP = {
  backup: `
In it: policy, settings, allowlist, users and API keys, bans with their evidence, grants, the portal, the audit log and the
journal. Not in it: counts, which refill, and the configuration. Whoever has the file has the hashes of all passwords.

Examples:
  tollgate backup /var/backups/tollgate.jsonl
  tollgate backup --no-journal | gzip > tollgate.jsonl.gz`,
  restore: `
A document is replaced whole or not at all. Bans and grants are added to those in force. The audit log is continued, and
never replaced. Exit code 1 if a part could not be restored; the others are.

Examples:
  tollgate restore /var/backups/tollgate.jsonl --dry-run
  tollgate restore /var/backups/tollgate.jsonl`,
};

export function backupCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;

  program
    .command('backup')
    .description('write everything but counts into one file, or to standard output')
    .argument('[file]', 'mode 600; takes the place of one that is there only when it is complete')
    .option('--no-journal', 'leave out what was decided about calls')
    .addHelpText('after', HELP.backup)
    .action(async (file: string | undefined, options: { readonly journal: boolean }, command: Command) => {
      const path = `/api/v1/backup?journal=${options.journal}`;
      const content = context.client(command).receive(path, terminal.signal);
      if (file === undefined) {
        if (!endsWhole(await pass(content, async (text) => terminal.out(text)))) throw cutShort();
        return;
      }
      const lines = await writeWhole(file, content);
      if (!wantsJson(command)) terminal.out(`${plain(file)}: ${lines} lines. Keep it as you keep passwords.\n`);
    });

  program
    .command('restore')
    .description('bring back what a backup holds')
    .argument('<file>')
    .option('--dry-run', 'check it and say what would be done, change nothing')
    .option('--json', 'as JSON')
    .addHelpText('after', HELP.restore)
    .action(async (file: string, options: { readonly dryRun?: boolean }, command: Command) => {
      const handle = await open(file, 'r').catch((error: unknown) => {
        throw new CommandFailed(`${file} cannot be read: ${messageOf(error)}`);
      });
      await handle.close();
      const path = `/api/v1/restore?dryRun=${options.dryRun === true}`;
      const report = await context.client(command).send<RestoreReport>(path, createReadStream(file), terminal.signal);
      if (report.parts.some(({ outcome }) => outcome === 'refused')) context.answer(EXIT.no);
      terminal.out(wantsJson(command) ? json(report) : describe(terminal, report));
    });
}

const STYLES: Readonly<Record<RestoreReport['parts'][number]['outcome'], Style>> = {
  restored: 'green',
  unchanged: 'dim',
  refused: 'red',
};

function describe(terminal: Terminal, { backup, dryRun, parts }: RestoreReport): string {
  const lines = parts.map(({ what, outcome, said }) => {
    const done =
      outcome === 'restored' && dryRun ? 'would be restored' : outcome === 'refused' ? 'NOT restored' : outcome;
    return `  ${what}: ${paint(terminal, STYLES[outcome], done)}, ${plain(said)}\n`;
  });
  const head = `Backup of ${plain(backup.node)}, ${localTime(backup.at)}, by Tollgate ${plain(backup.version)}\n`;
  return `${head}${lines.join('')}${dryRun ? 'Nothing was changed (--dry-run).\n' : ''}`;
}

/** The end of what passed through, enough for the last line. */
async function pass(content: AsyncIterable<string>, write: (text: string) => Promise<unknown>): Promise<string> {
  let tail = '';
  for await (const text of content) {
    await write(text);
    tail = (tail + text).slice(-200);
  }
  return tail;
}

const endsWhole = (tail: string): boolean => /\{"kind":"end",[^\n]*\}\n$/.test(tail);
const cutShort = (): CommandFailed => new CommandFailed('the daemon stopped before the end; the backup cannot be used');

async function writeWhole(file: string, content: AsyncIterable<string>): Promise<number> {
  const unfinished = `${file}.new`;
  const handle = await open(unfinished, 'w', 0o600).catch((error: unknown) => {
    throw new CommandFailed(`${file} cannot be written: ${messageOf(error)}`);
  });
  let lines = 0;
  try {
    const tail = await pass(content, async (text) => {
      await handle.writeFile(text);
      lines += text.split('\n').length - 1;
    });
    if (!endsWhole(tail)) throw cutShort();
    await handle.sync();
    await rename(unfinished, file);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
  return lines;
}
