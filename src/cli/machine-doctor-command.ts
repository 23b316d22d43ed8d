/** `doctor`: the machine, Asterisk and Tollgate's own connections, looked at without changing anything. */
import type { Command } from 'commander';
import type { DaemonKey, DaemonPart, DaemonUser, DaemonView } from '../doctor/context.ts';
import type { MachineReport } from '../doctor/doctor.ts';
import type { Family, Level, MachineFinding } from '../doctor/finding.ts';
import type { Client } from './client.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { json, paint, plain, type Style, type Terminal } from './terminal.ts';

export interface DoctorOptions {
  readonly config?: string;
  readonly state?: string;
  readonly url?: string;
  /** Another folder that is looked at as if it were `/`; absent: this machine. */
  readonly root?: string;
  readonly asteriskEtc?: string;
  readonly only?: readonly string[];
  readonly all?: boolean;
}

/** Makes the report; the daemon is asked through `daemon`. @throws {CommandFailed} for an unknown family */
export type RunDoctor = (options: DoctorOptions, daemon: DaemonView) => Promise<MachineReport>;

const TITLES: Readonly<Record<Family, string>> = {
  updates: 'Updates',
  ssh: 'SSH',
  ports: 'Open ports',
  secrets: 'Secrets',
  accounts: 'Accounts',
  certificates: 'Certificates',
  asterisk: 'Asterisk',
  dialplan: 'Dialplan',
  connections: 'Connections',
};
const STYLES: Readonly<Record<Level, Style>> = { bad: 'red', warn: 'yellow', unknown: 'dim', ok: 'green' };
const FAMILY_NAMES = Object.keys(TITLES);

export function machineDoctorCommand(program: Command, context: CommandContext, runDoctor: RunDoctor): void {
  const { terminal } = context;
  program
    .command('doctor')
    .description('look at the machine, Asterisk and the connections: what is unsafe or missing, why, and what mends it')
    .option('--only <families>', `${FAMILY_NAMES.join(', ')}; several separated by commas`, collect)
    .option('--all', 'show also what is in order')
    .option('--root <dir>', 'look at the files below this folder as if it were /, and run nothing of it')
    .option('--asterisk-etc <dir>', "folder of Asterisk's configuration (default: /etc/asterisk)")
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Nothing is changed. Run it as root: what only root may see is "unknown" to others, and that is said.
Exit code 1 if anything is bad or a warning, 0 if not.

Examples:
  sudo tollgate doctor
  tollgate doctor --only dialplan,connections --all
  tollgate doctor --json`,
    )
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      const strange = options.only?.find((name) => !FAMILY_NAMES.includes(name));
      if (strange !== undefined) {
        throw new CommandFailed(`there are no checks "${strange}"; there are ${FAMILY_NAMES.join(', ')}`, EXIT.usage);
      }
      const client = context.client(command);
      const report = await makeReport(options, client, terminal, runDoctor);
      terminal.out(wantsJson(command) ? json(report) : describe(terminal, report, options.all === true));
      context.answer(report.counts.bad + report.counts.warn > 0 ? EXIT.no : EXIT.done);
    });
}

/** Of a daemon on another machine its own report: what it may see there. */
function makeReport(
  options: DoctorOptions,
  client: Client,
  { env }: Terminal,
  runDoctor: RunDoctor,
): Promise<MachineReport> {
  if ((options.url ?? env['TOLLGATE_URL'] ?? '') === '') return runDoctor(options, viewThrough(client));
  if (options.root !== undefined) {
    return Promise.reject(new CommandFailed('--root is of this machine and has no use with --url', EXIT.usage));
  }
  const query = options.only === undefined ? '' : `?${new URLSearchParams({ only: options.only.join() })}`;
  return client.ask<MachineReport>('GET', `/api/v1/doctor/machine${query}`);
}

/** The daemon as it answers over its socket. */
export const viewThrough = (client: Client): DaemonView => ({
  parts: async () => (await client.ask<{ readonly parts: readonly DaemonPart[] }>('GET', '/api/v1/status')).parts,
  portalPorts: async () => {
    const { portal } = await client.ask<{ readonly portal: { readonly ports: readonly string[] } | null }>(
      'GET',
      '/api/v1/firewall',
    );
    return portal?.ports;
  },
  users: () => client.ask<readonly DaemonUser[]>('GET', '/api/v1/users'),
  keys: () => client.ask<readonly DaemonKey[]>('GET', '/api/v1/keys'),
  emergencyNumbers: async () =>
    (await client.ask<{ readonly document: { readonly emergencyNumbers: readonly string[] } }>('GET', '/api/v1/policy'))
      .document.emergencyNumbers,
});

function describe(terminal: Terminal, { counts, findings }: MachineReport, all: boolean): string {
  const lines: string[] = [];
  for (const [family, title] of Object.entries(TITLES)) {
    const own = findings.filter((each) => each.family === family);
    if (own.length === 0) continue;
    const shown = own.filter(({ level }) => all || level !== 'ok');
    const fine = own.length - shown.length;
    const rest = fine === 0 ? '' : paint(terminal, 'green', shown.length === 0 ? '  in order' : `  ${fine} in order`);
    lines.push(`${paint(terminal, 'bold', title)}${rest}`, ...shown.map((each) => findingText(terminal, each)));
  }
  const { bad, warn, unknown, ok } = counts;
  lines.push(
    '',
    `${bad} bad, ${warn} ${warn === 1 ? 'warning' : 'warnings'}, ${unknown} unknown, ${ok} in order. Nothing was changed.`,
  );
  return `${lines.join('\n')}\n`;
}

/** One finding with why and what mends it. */
export function findingText(terminal: Terminal, { level, what, why, command }: MachineFinding): string {
  const head = `  ${paint(terminal, STYLES[level], level.padEnd(8))}${plain(what)}`;
  if (level === 'ok') return head;
  const rest = [`Why: ${plain(why)}`, ...(command === '' ? [] : [paint(terminal, 'cyan', `Do:  ${plain(command)}`)])];
  return [head, ...rest.map((line) => `          ${line}`)].join('\n');
}
