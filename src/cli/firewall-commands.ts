/** `firewall status|portal|isolate|release|confirm|undo`: the packet filter of this host. */
import { type Command, InvalidArgumentError } from 'commander';
import type { ChangedFirewall, FirewallReport } from '../api/firewall-routes.ts';
import { parseDuration } from '../policy/duration.ts';
import { DEFAULT_PRESETS, PORT_PRESET_NAMES, PORT_PRESETS } from '../policy/port-presets.ts';
import { type CommandContext, CommandFailed, collect, EXIT, wantsJson } from './context.ts';
import { duration, json, localTime, paint, plain, type Terminal, table } from './terminal.ts';

const EXAMPLES = {
  portal: `
Presets:
${PORT_PRESET_NAMES.map((name) => `  ${name.padEnd(12)}${PORT_PRESETS[name].join(' ')}`).join('\n')}
Without any: ${DEFAULT_PRESETS.join(', ')}.

The portal is in force at once, and is undone by itself unless it is confirmed in time by a new connection:
  tollgate allow add 198.51.100.7 --name "Carrier A"
  tollgate firewall portal on --preset sip,web,ssh
  (log in once more, and there:) tollgate firewall confirm`,
  isolate: `
Nobody but the named addresses and this host itself may talk to this host, nor this host to anyone else: calls end,
registrations are lost, emergency calls cannot go out. What is known at that moment (bans, reports, calls, packet
counts) is kept in a file in the state folder. Undone by itself unless it is confirmed in time by a new connection.

Examples:
  tollgate firewall isolate --reachable 203.0.113.9 198.51.100.0/24
  tollgate firewall confirm
  tollgate firewall release`,
};

interface ClosingOptions {
  readonly confirmWithin?: number;
  readonly force?: boolean;
}
interface PortalOptions extends ClosingOptions {
  readonly port?: readonly string[];
  readonly preset?: readonly string[];
}
interface IsolateOptions extends ClosingOptions {
  readonly reachable: readonly string[];
}

const PATH = '/api/v1/firewall';

export function firewallCommands(program: Command, context: CommandContext): void {
  const { terminal } = context;
  const firewall = program.command('firewall').description('the packet filter: portal, isolation, what was dropped');
  const change = async (command: Command, path: string, body: object, done: string): Promise<void> => {
    const client = context.client(command);
    const after = await client.ask<ChangedFirewall>('POST', `${PATH}/${path}`, body).catch(async (error: unknown) => {
      // Whoever is refused has less time than he thinks.
      const now = await client.ask<FirewallReport>('GET', PATH).catch(() => undefined);
      for (const line of now === undefined ? [] : describePending(terminal, now)) terminal.error(`${line}\n`);
      throw error;
    });
    if (wantsJson(command)) {
      terminal.out(json(after));
      return;
    }
    const lines = [
      after.changed ? done : 'That is so already; nothing was changed.',
      ...after.notes.map((note) => `Note: ${plain(note)}.`),
      ...describePending(terminal, after),
    ];
    terminal.out(lines.map((line) => `${line}\n`).join(''));
  };

  firewall
    .command('status')
    .description('what is in force, what was dropped and from whom, and what waits for confirmation')
    .option('--sources <number>', 'how many addresses of those from whom most was dropped', '10')
    .option('--json', 'as JSON')
    .addHelpText('after', '\nExit code 0 if the packet filter does what it should, or none is in use; 1 if not.')
    .action(async ({ sources }: { readonly sources: string }, command: Command) => {
      const now = await context
        .client(command)
        .ask<FirewallReport>('GET', `${PATH}?${new URLSearchParams({ sources })}`);
      terminal.out(wantsJson(command) ? json(now) : describeStatus(terminal, now));
      if (now.problem !== null) context.answer(EXIT.no);
    });

  closingOptions(
    firewall
      .command('portal')
      .description('let only allowed addresses reach ports of this host, or everybody again')
      .argument('<state>', 'on or off')
      .option('--port <ports>', 'tcp/443, udp/10000-20000; several times, or several separated by commas', collect)
      .option('--preset <presets>', `${PORT_PRESET_NAMES.join(', ')}; several separated by commas`, collect)
      .addHelpText('after', EXAMPLES.portal),
  ).action(async (state: string, options: PortalOptions, command: Command) => {
    if (state !== 'on' && state !== 'off') throw new CommandFailed('write portal on or portal off', EXIT.usage);
    const { port: ports, preset: presets, confirmWithin, force } = options;
    const isOn = state === 'on';
    const wanted = isOn ? { ports, presets, confirmWithinSeconds: confirmWithin } : {};
    await change(
      command,
      'portal',
      { state, ...wanted, force },
      isOn
        ? 'The portal is on: its ports are open to allowed addresses alone.'
        : 'The portal is off: everybody but banned addresses may reach every port.',
    );
  });

  closingOptions(
    firewall
      .command('isolate')
      .description('cut this host off from all but named addresses, and keep evidence')
      .requiredOption('--reachable <address...>', 'addresses and networks that stay; your own among them')
      .addHelpText('after', EXAMPLES.isolate),
  ).action(async ({ reachable, confirmWithin, force }: IsolateOptions, command: Command) => {
    const body = { reachable, confirmWithinSeconds: confirmWithin, force };
    await change(command, 'isolate', body, paint(terminal, 'red', 'This host is isolated.'));
  });

  firewall
    .command('release')
    .description('end an isolation')
    .option('--force', 'even if the portal would then cut you off')
    .option('--json', 'as JSON')
    .action(async ({ force }: ClosingOptions, command: Command) => {
      await change(command, 'release', { force }, 'The isolation is over.');
    });
  firewall
    .command('confirm')
    .description('keep the last change; from a connection that was opened after it')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      await change(command, 'confirm', {}, 'Confirmed: the change stays.');
    });
  firewall
    .command('undo')
    .description('undo a change that is not confirmed, at once')
    .option('--json', 'as JSON')
    .action(async (_options, command: Command) => {
      await change(command, 'undo', {}, 'Undone: it is as it was before.');
    });
}

const closingOptions = (command: Command): Command =>
  command
    .option('--confirm-within <time>', 'undone by itself after this time, 10s to 10m (default: 60s)', readSeconds)
    .option('--force', 'even if it cuts you off')
    .option('--json', 'as JSON');

/** A time as whole seconds. */
export function readSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined) throw new InvalidArgumentError('Write a time such as 60s or 5m.');
  return ms / 1000;
}

const NAMES = {
  portal: 'The portal',
  isolation: 'The isolation',
  packetProtection: 'The change of packetProtection',
  adminAccess: 'The change of adminAccess',
} as const;

function describePending(terminal: Terminal, { pending }: FirewallReport): string[] {
  if (pending === null) return [];
  const { what, by, secondsLeft, lost } = pending;
  const text = `${NAMES[what]} of ${plain(by)} is NOT CONFIRMED and is undone by itself in ${secondsLeft} s. To keep it, log in anew and run there: tollgate firewall confirm`;
  const phones = (lost?.phones ?? []).map(({ extension, address }) => `${plain(extension)} at ${plain(address)}`);
  return [
    paint(terminal, 'yellow', text),
    ...(phones.length === 0 ? [] : [`Registered phones that it keeps out: ${phones.join(', ')}`]),
  ];
}

const BACKENDS = {
  nftables: 'nftables',
  'dry-run': 'dry run: what would be done is in the log, nothing is dropped',
  none: 'none: nothing is dropped (firewall.backend in the configuration)',
} as const;

const traffic = ({ packets, bytes }: { readonly packets: number; readonly bytes: number }): string =>
  `${packets.toLocaleString('en-US')} packets, ${bytes.toLocaleString('en-US')} bytes`;
const time = (iso: string | null): string => (iso === null ? 'never' : localTime(iso));

function describeStatus(terminal: Terminal, now: FirewallReport): string {
  const force = now.inForce
    ? paint(terminal, 'green', 'in force')
    : paint(terminal, now.problem === null ? 'yellow' : 'red', 'NOT IN FORCE');
  const { bans, lastDrift, lastUndone, packetProtection, portal, isolation } = now;
  const kernel = bans.v4 === null ? '' : `; in the kernel ${bans.v4} IPv4 and ${bans.v6} IPv6`;
  const lines = [
    ['Backend', BACKENDS[now.backend]],
    ['State', now.problem === null ? force : `${force}: ${plain(now.problem)}`],
    [
      'Bans',
      `${bans.listed} on the list${kernel}${now.waitsForBans && now.backend !== 'none' ? '; the list is not known yet' : ''}`,
    ],
    ['Checked', `${time(now.lastCheckAt)}, in full ${time(now.lastFullCheckAt)}`],
    [
      'Drift',
      lastDrift === null
        ? 'none'
        : `${now.drift} differences mended, last at ${time(lastDrift.at)}: ${plain(lastDrift.found.join('; '))}`,
    ],
    ['Portal', portal === null ? 'off' : `on: ${portal.ports.join(' ')} only for allowed addresses`],
    ['Isolation', isolation === null ? 'no' : `ISOLATED: only ${isolation.reachable.join(' ')} reachable`],
    ['Protection', describeProtection(packetProtection)],
    ...(now.unusable.length === 0 ? [] : [['Left out', plain(now.unusable.join(', '))]]),
    ...(lastUndone === null
      ? []
      : [
          [
            'Undone',
            `${lastUndone.what} of ${plain(lastUndone.by)} at ${time(lastUndone.at)}: ${lastUndone.undoneBy === null ? 'nobody confirmed it in time' : `by ${plain(lastUndone.undoneBy)}`}`,
          ],
        ]),
  ];
  return [
    ...lines.map(([name = '', value = '']) => `${`${name}:`.padEnd(12)}${value}\n`),
    ...describePending(terminal, now).map((line) => `\n${line}\n`),
    describeCounts(terminal, now),
  ].join('');
}

function describeProtection(settings: FirewallReport['packetProtection']): string {
  if (!settings.enabled) return 'off (tollgate settings set packetProtection.enabled true)';
  const { connectionsPerAddress, newConnectionsPerSecond, packetsPerSecond, block } = settings;
  return `per address ${connectionsPerAddress} connections, ${newConnectionsPerSecond} new ones and ${packetsPerSecond} packets a second; blocked for ${block}`;
}

function describeCounts(terminal: Terminal, { dropped, sources, blocked }: FirewallReport): string {
  if (dropped === null) return '';
  const reasons = Object.entries(dropped).filter(([, { packets }]) => packets > 0);
  const parts = [
    reasons.length === 0
      ? '\nNothing was dropped.\n'
      : `\nDropped:\n${reasons.map(([reason, each]) => `  ${`${reason}:`.padEnd(10)}${traffic(each)}\n`).join('')}`,
  ];
  if (sources.length > 0) {
    const rows = sources.map((each) => [`  ${each.address}`, each.why, `${each.packets}`, `${each.bytes}`]);
    parts.push(`\n${table(terminal, ['  SOURCE', 'WHY', 'PACKETS', 'BYTES'], rows)}`);
  }
  if (blocked.length > 0) {
    const rows = blocked.map(({ address, until, packets }) => {
      const left = Math.max(0, Math.round((Date.parse(until) - Date.now()) / 1000));
      return [`  ${address}`, `${packets}`, `in ${duration(left)}`];
    });
    parts.push(`\nBlocked by packet protection (tollgate bans lift ADDRESS lets in again):\n`);
    parts.push(table(terminal, ['  ADDRESS', 'PACKETS', 'ENDS'], rows));
  }
  return parts.join('');
}
