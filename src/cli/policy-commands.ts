/** `policy show|diff|apply`. */
import type { Command } from 'commander';
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { PolicyDocument } from '../policy/document.ts';
import type { Settings } from '../policy/settings.ts';
import { type CommandContext, wantsJson } from './context.ts';
import { readPolicyFile } from './policy-file.ts';
import { json, localTime, paint, type Terminal } from './terminal.ts';

export interface PolicyAnswer {
  readonly version: number;
  readonly changedAt: string;
  readonly changedBy: string;
  readonly document: PolicyDocument;
}

export function policyCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const policy = program.command('policy').description('the whole policy as one document');

  policy
    .command('show')
    .description('print the policy in force, as YAML')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExample:\n  tollgate policy show > policy.yaml')
    .action(async (_options, command: Command) => {
      const { document } = await context.client(command).ask<PolicyAnswer>('GET', '/api/v1/policy');
      terminal.out(wantsJson(command) ? json(document) : stringify(document));
    });

  policy
    .command('diff')
    .description('show what applying a file would change; - reads standard input')
    .argument('<file>')
    .option('--json', 'as JSON: { changed, before, after }')
    .addHelpText('after', '\nExample:\n  tollgate policy diff policy.yaml')
    .action(async (file: string, _options, command: Command) => {
      const wanted = await readPolicyFile(terminal, file, 'nothing was changed');
      const { document } = await context.client(command).ask<PolicyAnswer>('GET', '/api/v1/policy');
      if (wantsJson(command)) {
        const changed = stringify(document) !== stringify(wanted);
        terminal.out(json({ changed, before: document, after: wanted }));
        return;
      }
      terminal.out(describeDifference(terminal, document, wanted, file) ?? 'No difference.\n');
    });

  policy
    .command('apply')
    .description('replace the policy by a file, whole or not at all; - reads standard input')
    .argument('<file>')
    .option('--dry-run', 'check it and show what would change, change nothing')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  tollgate policy apply policy.yaml --dry-run\n  tollgate policy apply policy.yaml',
    )
    .action(async (file: string, options: { readonly dryRun?: boolean }, command: Command) => {
      const wanted = await readPolicyFile(terminal, file, 'nothing was changed');
      const client = context.client(command);
      const before = await client.ask<PolicyAnswer>('GET', '/api/v1/policy');
      const difference = describeDifference(terminal, before.document, wanted, file);
      const after = await client.ask<PolicyAnswer>(
        'PUT',
        `/api/v1/policy${options.dryRun ? '?dryRun=true' : ''}`,
        wanted,
      );
      if (wantsJson(command)) {
        terminal.out(
          json({ applied: options.dryRun !== true, changed: difference !== undefined, version: after.version }),
        );
        return;
      }
      terminal.out(difference ?? 'No difference.\n');
      if (options.dryRun) terminal.out('Nothing was changed (--dry-run).\n');
      else terminal.out(`Policy version ${after.version} is in force since ${localTime(after.changedAt)}.\n`);
    });
}

/** The time that it takes grows with the square of the lines that change: of ten thousand rules, a minute. */
const DIFFERENCE_WITHIN_MS = 5000;

/** The lines that change, as a patch of the YAML; undefined if there are none. */
export function describeDifference(
  terminal: Terminal,
  before: PolicyDocument | Settings,
  after: PolicyDocument | Settings,
  file: string,
  inForce = 'policy in force',
): string | undefined {
  const [was, becomes] = [stringify(before), stringify(after)];
  if (was === becomes) return undefined;
  const limits = { context: 3, timeout: DIFFERENCE_WITHIN_MS };
  const patch = createTwoFilesPatch(inForce, file, was, becomes, '', '', limits);
  if (patch === undefined) return 'More changes than can be shown line by line; see --json.\n';
  const lines = patch.split('\n').slice(1);
  return lines
    .map((line) => {
      if (line.startsWith('+')) return paint(terminal, 'green', line);
      if (line.startsWith('-')) return paint(terminal, 'red', line);
      return line.startsWith('@@') ? paint(terminal, 'cyan', line) : line;
    })
    .join('\n');
}
