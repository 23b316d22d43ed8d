/** `keys list|add|remove`: API keys for programs. */
import { type Command, InvalidArgumentError } from 'commander';
import type { AddedKey, ListedKey } from '../api/keys-routes.ts';
import type { ApiKeyReport } from '../people/api-keys.ts';
import { SCOPES } from '../people/roles.ts';
import { parseDuration } from '../policy/duration.ts';
import { type CommandContext, collect, wantsJson } from './context.ts';
import { json, localTime, plain, type Terminal, table } from './terminal.ts';

const PATH = '/api/v1/keys';
const EXAMPLE = `
Scopes: ${SCOPES.join(', ')}

Examples:
  tollgate keys add monitoring --scope status:read
  tollgate keys add crm --scope calls:read,calls:check --allow-from 203.0.113.9 --expires 90d`;

interface AddOptions {
  readonly scope: readonly string[];
  readonly allowFrom?: readonly string[];
  readonly expires?: number;
}

export function keyCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const keys = program
    .command('keys')
    .description('API keys: for programs, and for this command line on another machine');

  keys
    .command('list')
    .description('all of them, without what is secret')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      const all = await context.client(command).ask<ListedKey[]>('GET', PATH);
      if (wantsJson(command)) terminal.out(json(all));
      else if (all.length === 0) terminal.out('There is no API key. Make one with: tollgate keys add\n');
      else terminal.out(keyTable(terminal, all));
    });

  keys
    .command('add')
    .description('make one, and show it once')
    .argument('<name>')
    .requiredOption('--scope <scope>', 'what it may do; several times or by commas', collect)
    .option('--allow-from <address>', 'address or network that it may be used from; several (default: any)', collect)
    .option('--expires <duration>', 'such as 90d (default: never)', wholeSeconds)
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLE)
    .action(async (name: string, options: AddOptions, command: Command) => {
      const made = await context.client(command).ask<AddedKey>('POST', PATH, {
        name,
        scopes: options.scope,
        ...(options.allowFrom === undefined ? {} : { allowFrom: options.allowFrom }),
        ...(options.expires === undefined ? {} : { expiresInSeconds: options.expires }),
      });
      terminal.out(wantsJson(command) ? json(made) : `Shown once and kept nowhere:\n\n  ${made.key}\n`);
    });

  keys
    .command('remove')
    .description('it opens nothing any more, at once')
    .argument('<key>', 'its name or id')
    .option('--json', 'as JSON')
    .action(async (ref: string, _options, command: Command) => {
      const removed = await context.client(command).ask<ApiKeyReport>('DELETE', `${PATH}/${encodeURIComponent(ref)}`);
      terminal.out(wantsJson(command) ? json(removed) : `The key ${plain(removed.name)} was removed.\n`);
    });
}

function wholeSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('It is not a length of time; write for example 90d.');
  return Math.round(ms / 1000);
}

const keyTable = (terminal: Terminal, all: readonly ListedKey[]): string =>
  table(
    terminal,
    ['id', 'name', 'scopes', 'from', 'expires', 'last used', 'made by'],
    all.map((key) => [
      key.id,
      plain(key.name),
      key.scopes.join(', '),
      key.allowFrom.length === 0 ? 'anywhere' : key.allowFrom.join(', '),
      key.expiresAt === null ? 'never' : localTime(key.expiresAt),
      key.lastUsedAt === null ? 'never' : localTime(key.lastUsedAt),
      plain(key.createdBy),
    ]),
  );
