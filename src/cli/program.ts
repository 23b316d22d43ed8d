/** The command line: builds the commands, runs one, and turns whatever happens into an exit code. */
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { messageOf } from '../errors.ts';
import { formatProblem } from '../policy/problem.ts';
import { alertCommands } from './alert-commands.ts';
import { allowCommands } from './allow-commands.ts';
import { approvalCommands } from './approval-commands.ts';
import { auditCommands } from './audit-commands.ts';
import { backupCommands } from './backup-commands.ts';
import { banCommands } from './ban-commands.ts';
import { callCommands } from './call-commands.ts';
import { createClient, DaemonProblem, DaemonUnreachable, type Where } from './client.ts';
import { type CommandContext, CommandFailed, EXIT, type ExitCode } from './context.ts';
import { daemonCommands, type Programs } from './daemon-commands.ts';
import { firewallCommands } from './firewall-commands.ts';
import { keyCommands } from './key-commands.ts';
import { learnCommand } from './learn-command.ts';
import { lockCommands } from './lock-commands.ts';
import { logCommands } from './log-commands.ts';
import { type Login, loginIn } from './login.ts';
import { machineDoctorCommand } from './machine-doctor-command.ts';
import { memberCommands } from './member-commands.ts';
import { policyCommands } from './policy-commands.ts';
import { rateCommands } from './rate-commands.ts';
import { ruleCommands } from './rule-commands.ts';
import { scheduleCommands } from './schedule-commands.ts';
import { settingsCommands } from './settings-commands.ts';
import { setupCommand } from './setup-command.ts';
import { simulateCommand } from './simulate-command.ts';
import { suggestCommand } from './suggest-command.ts';
import { paint, type Terminal } from './terminal.ts';
import { userCommands } from './user-commands.ts';

export const CONTROL_SOCKET = 'tollgate.sock';

const INTRODUCTION = `Decides, while an outbound call is being set up, whether it may go.

Start with:
  tollgate demo                 watch it work, with a real Asterisk
  tollgate serve                run the daemon
  tollgate check NUMBER         what would happen to a call
  tollgate calls list           what was refused, and why`;

/**
 * Runs one command line.
 *
 * @param argv the words after the program's name
 * @returns the exit code; never throws
 */
export async function runCommandLine(
  argv: readonly string[],
  deps: {
    readonly terminal: Terminal;
    readonly version: string;
    readonly programs: Programs;
    /** State folder of the daemon that is meant. @throws with every problem of the configuration */
    readonly stateDir: (options: { readonly config?: string; readonly state?: string }) => Promise<string>;
    /** How the user is logged in to this host. Absent: what the terminal's environment says. */
    readonly login?: () => Promise<Login | undefined>;
  },
): Promise<number> {
  const { terminal } = deps;
  let answer: ExitCode = EXIT.done;
  const context: CommandContext = {
    terminal,
    client: (command) => {
      const options = command.optsWithGlobals<{ config?: string; state?: string; url?: string; key?: string }>();
      const elsewhere = elsewhereIn(options, terminal.env);
      if (elsewhere !== undefined) return createClient(elsewhere);
      const user = terminal.env['SUDO_USER'] ?? terminal.env['USER'] ?? 'unknown';
      const connected = Promise.all([deps.stateDir(options), deps.login?.() ?? loginIn(terminal.env)]).then(
        ([stateDir, found]) => createClient({ socketPath: join(stateDir, CONTROL_SOCKET), user, login: found }),
      );
      // A command may fail before it asks anything; then nobody waits for this.
      connected.catch(() => undefined);
      return {
        ask: async (...request) => (await connected).ask(...request),
        follow: async (path, onItem, signal) => (await connected).follow(path, onItem, signal),
        receive: async function* (path, signal) {
          yield* (await connected).receive(path, signal);
        },
        send: async (...request) => (await connected).send(...request),
      };
    },
    answer: (code) => {
      answer = code;
    },
  };
  const program = new Command('tollgate')
    .description(INTRODUCTION)
    .version(deps.version)
    .option(
      '--config <file>',
      'configuration file; otherwise $TOLLGATE_CONFIG, ./tollgate.yaml, /etc/tollgate/tollgate.yaml',
    )
    .option('--state <dir>', 'state folder of the daemon; otherwise $TOLLGATE_STATE or as configured')
    .option('--url <url>', 'a daemon on another machine, by its web port; otherwise $TOLLGATE_URL')
    .option(
      '--key <key>',
      'API key for --url; better in $TOLLGATE_KEY, where other users of this machine do not see it',
    )
    .showHelpAfterError('(--help shows how)')
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error });
  daemonCommands(program, context, deps.programs);
  machineDoctorCommand(program, context, deps.programs.doctor);
  setupCommand(program, context, deps.programs.setup);
  policyCommands(program, context);
  ruleCommands(program, context);
  memberCommands(program, context);
  rateCommands(program, context);
  scheduleCommands(program, context);
  callCommands(program, context);
  approvalCommands(program, context);
  lockCommands(program, context);
  allowCommands(program, context);
  banCommands(program, context);
  firewallCommands(program, context);
  settingsCommands(program, context);
  userCommands(program, context);
  keyCommands(program, context);
  auditCommands(program, context);
  logCommands(program, context);
  alertCommands(program, context);
  backupCommands(program, context);
  simulateCommand(program, context);
  suggestCommand(program, context);
  learnCommand(program, context);
  inheritSettings(program);

  try {
    await program.parseAsync([...argv], { from: 'user' });
    return process.exitCode === undefined ? answer : Number(process.exitCode);
  } catch (error) {
    return explainFailure(terminal, error);
  }
}

/** The other machine that is meant, if one is. @throws {CommandFailed} */
function elsewhereIn(
  options: { readonly url?: string; readonly key?: string },
  env: Terminal['env'],
): Extract<Where, { readonly url: URL }> | undefined {
  const text = options.url ?? env['TOLLGATE_URL'] ?? '';
  const key = options.key ?? env['TOLLGATE_KEY'] ?? '';
  if (text === '') return undefined;
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new CommandFailed(`"${text}" is no address; write for example https://gate.example.com`, EXIT.usage);
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new CommandFailed('a daemon on another machine wants an API key: $TOLLGATE_KEY, or --key', EXIT.usage);
  return { url: new URL(text), key };
}

/** Commander copies settings into a command when it is made by `.command()`, but output and overrides of parents made later are not. */
function inheritSettings(command: Command): void {
  for (const child of command.commands) {
    child.copyInheritedSettings(command);
    inheritSettings(child);
  }
}

function explainFailure(terminal: Terminal, error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    // Help and version are answers; everything else of commander's is wrong usage, and it has said so itself.
    return error.exitCode === 0 || (error.code === 'commander.help' && error.exitCode === 0) ? EXIT.done : EXIT.usage;
  }
  const red = (text: string): string => paint(terminal, 'red', text);
  if (error instanceof DaemonProblem) {
    const lines = error.problems.length > 0 ? error.problems.map(formatProblem) : [error.message];
    terminal.error(`${lines.map((line) => red(line)).join('\n')}\n`);
    return EXIT.no;
  }
  terminal.error(`${red(messageOf(error))}\n`);
  if (error instanceof DaemonUnreachable) return EXIT.unreachable;
  return error instanceof CommandFailed ? error.exitCode : EXIT.no;
}
