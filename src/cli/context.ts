/** What every command is given, and the ways a command can end. */
import type { Command } from 'commander';
import type { Client } from './client.ts';
import type { Terminal } from './terminal.ts';

/** Contract: 0 done, 1 the answer is no or an item failed, 2 wrong usage, 3 daemon not reachable. */
export const EXIT = { done: 0, no: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a message and an exit code. */
export class CommandFailed extends Error {
  readonly exitCode: ExitCode;
  constructor(message: string, exitCode: ExitCode = EXIT.no) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface CommandContext {
  readonly terminal: Terminal;
  /** The daemon of this invocation's `--config` and `--state`. */
  readonly client: (command: Command) => Client;
  /** Set by commands whose answer is no. */
  readonly answer: (exitCode: ExitCode) => void;
}

export const wantsJson = (command: Command): boolean => command.optsWithGlobals<{ json?: boolean }>().json === true;

/** Options that may be given several times or as a comma-separated list. */
export const collect = (value: string, previous: readonly string[] | undefined): string[] => [
  ...(previous ?? []),
  ...value
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== ''),
];
