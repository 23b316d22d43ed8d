/**
 * A host under siege, in networks of its own: a real Asterisk, a real Tollgate with the real packet filter, phones and
 * attackers behind one cable, a carrier behind another, and a table of nftables that belongs to somebody else.
 *
 * Attackers have as many addresses as they like: whole networks are routed to them. Everything here is looked at from
 * outside Tollgate: what the kernel holds is what `nft` lists, whether somebody is let in is whether he is answered.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { BanReport } from '../../src/api/bans-routes.ts';
import type { ShownReport } from '../../src/api/defence-routes.ts';
import { type Asterisk, type AsteriskVersion, startAsterisk } from '../../src/demo/asterisk.ts';
import { ensurePrograms } from '../../src/demo/programs.ts';
import { createTollgateProcess, type TollgateProcess } from '../../src/demo/tollgate-process.ts';
import type { Status } from '../../src/status.ts';
import { type Actor, startActor } from './actor.ts';
import { type Ran, runCli } from './command-line.ts';
import { ATTACKER, createNetworkPair, HOST, type NetworkNamespace, type NetworkPair } from './network-namespace.ts';
import { programArgs } from './program.ts';
import type { Transport } from './sip-wire.ts';

/** Where SIP is spoken: UDP and TCP, IPv4 and IPv6. */
export const SIP = { to: HOST.v4, port: 5060 } as const;
export const SIP6 = { to: HOST.v6, port: 5060 } as const;
export const TRUNK = '10.78.0.2';
const TRUNK_GATEWAY = '10.78.0.1';
/** Each of them is the attackers'; no two of different first numbers are in one /24. */
export const attackerAt = (network: number, host = 1): string => `10.${80 + (network >> 8)}.${network & 255}.${host}`;
export const attackerAt6 = (network: number, host: number): string =>
  `fd80:0:0:${network.toString(16)}::${host.toString(16)}`;

/** No answer within this is taken for none; what the kernel counts says the same. */
export const SILENCE_MS = 1200;
/** Generous, for a machine that does other things. */
export const WAIT = { timeout: 40_000, interval: 50 } as const;

/** @throws {Error} if it is not so within {@link WAIT} */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (const endMs = performance.now() + WAIT.timeout; performance.now() < endMs; await sleep(WAIT.interval)) {
    if (await isSo()) return;
  }
  throw new Error(`waited in vain until ${what}`);
}

export interface Siege {
  readonly pair: NetworkPair;
  readonly asterisk: Asterisk;
  readonly tollgate: TollgateProcess;
  /** Phones and attackers. */
  readonly outside: Actor;
  /** The carrier, at {@link TRUNK}. */
  readonly trunk: Actor;
  /** Opens a socket of an attacker to Asterisk, by the name `udp 10.80.0.1`; the answer is `open`, or what is wrong. */
  readonly open: (from: string, transport: Transport) => Promise<string>;
  /** Asks on it for a registration without a password, which is no attempt: the status, 0 if nobody answers. */
  readonly knock: (name: string, withinMs?: number) => Promise<number>;
  /** Tries wrong passwords of 1002: the status of each. */
  readonly guess: (name: string, count: number) => Promise<readonly number[]>;
  /** The same, by default once, where the last attempt bans: its answer may not get out any more, and is not waited for. */
  readonly provoke: (name: string, count?: number, user?: string) => Promise<void>;
  /** Runs a command line that must succeed; its output. */
  readonly cli: (...args: readonly string[]) => Promise<string>;
  readonly tryCli: (...args: readonly string[]) => Promise<Ran>;
  readonly bans: () => Promise<readonly BanReport[]>;
  readonly reports: () => Promise<readonly ShownReport[]>;
  readonly status: () => Promise<Status>;
  /** What the kernel holds: banned networks, with the packets that each has dropped. */
  readonly kernel: () => Promise<ReadonlyMap<string, number>>;
  /** Waits until the kernel holds a ban; gives how many milliseconds after `sinceMs` it was seen. */
  readonly untilBanned: (address: string, sinceMs?: number) => Promise<number>;
  /** Waits until everything that was attempted until now has been judged. */
  readonly untilJudged: () => Promise<void>;
  /** The other program's table. */
  readonly foreignTable: () => Promise<string>;
  readonly foreignTableAtFirst: string;
  /** A line of the table that {@link Siege.stop} prints. */
  readonly note: (what: string, seen: string) => void;
  readonly stop: () => Promise<void>;
}

const FOREIGN = `table inet others {
  set office { type ipv4_addr; flags interval; elements = { 192.0.2.0/24, 198.51.100.7 } }
  set guests { type ipv4_addr; flags timeout; elements = { 203.0.113.5 timeout 7d expires 7d } }
  chain incoming {
    type filter hook input priority filter; policy accept;
    ip saddr @office accept
    tcp dport 3306 ip saddr != @office drop
    udp dport 1900 reject
  }
  chain before {
    type filter hook prerouting priority raw - 5; policy accept;
  }
}
table ip nat_of_others {
  chain post {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "none0" masquerade
  }
}
`;

const pjsip = `
[lan]
type = transport
protocol = udp
bind = ${SIP.to}:${SIP.port}
[lan6]
type = transport
protocol = udp
bind = [${SIP6.to}]:${SIP6.port}
[lan-tcp]
type = transport
protocol = tcp
bind = ${SIP.to}:${SIP.port}
[lan-ws]
type = transport
protocol = ws
bind = ${SIP.to}
; Known by its contact alone: a trunk that is known by its address would not be asked for a password, and nothing that is
; sent in its name would be an attempt.
[trunk]
type = endpoint
transport = lan
context = from-carriers
disallow = all
allow = ulaw
direct_media = no
aors = trunk
[trunk]
type = aor
contact = sip:${TRUNK}:5060
`;

const dialplan = `
[from-phones]
exten => _X.,1,Gosub(tollgate,gate,1(\${EXTEN},trunk))
 same => n,Dial(PJSIP/\${EXTEN}@trunk,20)
 same => n,Hangup()
[from-carriers]
`;

/** The program, in the language that this file is in: benchmarks run what was compiled. */
const program = import.meta.url.endsWith('.ts')
  ? programArgs
  : [fileURLToPath(new URL('../../src/main.js', import.meta.url))];

/** @throws PackagesUnavailable where a program cannot be had */
export async function startSiege(
  options: {
    readonly version?: AsteriskVersion /** After how many failed registrations an address is banned. Default: 10. */;
    readonly attempts?: number;
  } = {},
): Promise<Siege> {
  const closers: Array<() => Promise<unknown>> = [];
  const stop = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    return await start(options, closers, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function start(
  { version = 22, attempts = 10 }: Parameters<typeof startSiege>[0] & object,
  closers: Array<() => Promise<unknown>>,
  stop: () => Promise<void>,
): Promise<Siege> {
  const { searchPath } = await ensurePrograms({ env: process.env });
  const pair = await createNetworkPair();
  closers.push(pair.close);
  const { host, attacker } = pair;
  await routeToAttackers(host, attacker);
  const outside = await startActor(attacker.command);
  closers.push(outside.end);
  const trunk = await startActor([...host.command, 'unshare', '--net']);
  closers.push(trunk.end);
  await layTrunk(host, trunk);
  await trunk.ask('carrier', { from: TRUNK, port: 5060 });
  await host.run('nft', FOREIGN);
  const foreignTable = async (): Promise<string> => {
    const [table, nat] = [
      await host.run('nft', 'list', 'table', 'inet', 'others'),
      await host.run('nft', 'list', 'table', 'ip', 'nat_of_others'),
    ];
    // The time that is left runs by itself.
    return `${table}${nat}`.replace(/ expires \S+/g, '');
  };
  const foreignTableAtFirst = await foreignTable();

  const tollgate = await createTollgateProcess({
    program: [...host.command, process.execPath, ...program],
    env: {
      ...process.env,
      PATH: searchPath,
      TOLLGATE_FIREWALL__BACKEND: 'nftables',
      // A call that is decided late on a busy machine is no matter of this test.
      TOLLGATE_AGI__DEADLINE_MS: '2500',
    },
  });
  closers.push(tollgate.stop);
  const asterisk = await startAsterisk({
    env: process.env,
    version,
    through: host.command,
    carriers: {},
    dialplan,
    globals: { TOLLGATE_AGI: `agi://127.0.0.1:${tollgate.agiPort}` },
    modules: ['res_pjsip_transport_websocket'],
    files: { 'pjsip.conf': pjsip, 'http.conf': '[general](+)\nbindaddr = 0.0.0.0\n' },
  });
  closers.push(asterisk.stop);
  await tollgate.configure(`asterisk: ${JSON.stringify([{ name: 'pbx', ami: asterisk.ami }])}\n`);
  await tollgate.start();

  const tryCli = (...args: readonly string[]): Promise<Ran> =>
    runCli(tollgate.stateDir, args, { input: '', signal: new AbortController().signal });
  const cli = async (...args: readonly string[]): Promise<string> => {
    const { exitCode, out, error } = await tryCli(...args);
    if (exitCode !== 0) throw new Error(`tollgate ${args.join(' ')}: ${error}${out}`);
    return out;
  };
  const kernel = async (): Promise<ReadonlyMap<string, number>> =>
    readBans(await host.run('nft', '-j', 'list', 'ruleset'));
  const status = async (): Promise<Status> => JSON.parse(await cli('status', '--json')) as Status;
  const untilBanned = async (address: string, sinceMs = Date.now()): Promise<number> => {
    await until(`the kernel holds a ban of ${address}`, async () => (await kernel()).has(address));
    return Date.now() - sinceMs;
  };
  const open: Siege['open'] = (from, transport) => {
    const port = transport === 'ws' ? Number(new URL(asterisk.ari.url).port) : SIP.port;
    const to = from.includes(':') ? SIP6 : { ...SIP, port };
    return outside.ask('open', { ...to, name: `${transport} ${from}`, from, transport });
  };
  const wrong = (count: number): string[] => Array.from({ length: count }, () => `wrong-${++guessed}`);
  const provoke: Siege['provoke'] = async (name, count = 1, user = '1002') => {
    await outside.ask('guess', { name, user, passwords: wrong(count), leavesLast: true });
  };
  let [judged, guessed] = [0, 0];
  const untilJudged = async (): Promise<void> => {
    // Events are judged in the order in which Asterisk tells them, so who attacks last is banned last.
    const address = attackerAt(250 * 10 + judged++);
    await open(address, 'udp');
    await provoke(`udp ${address}`, attempts, '1003');
    await until(`${address} is banned`, async () => (await bans()).some((ban) => ban.address === address));
    await cli('bans', 'lift', address);
  };
  const bans = async (): Promise<readonly BanReport[]> =>
    JSON.parse(await cli('bans', 'list', '--limit', '1000', '--json')) as BanReport[];

  const applied = await tollgate.run(['policy', 'apply', '-'], 'rules: []');
  if (applied.exitCode !== 0) throw new Error(applied.output);
  await cli('settings', 'set', 'autoBan.services.sipRegistration.attempts', String(attempts));
  await until('Tollgate works, and knows the trunk', async () => {
    const { state, parts } = await status();
    const defence = parts.find(({ name }) => name === 'automatic bans')?.detail ?? '';
    return state === 'working' && defence.includes(' 1 known phones and trunks');
  });

  const notes: Array<readonly [string, string]> = [];
  return {
    pair,
    asterisk,
    tollgate,
    outside,
    trunk,
    cli,
    tryCli,
    bans,
    reports: async () => JSON.parse(await cli('bans', 'reports', '--json')) as ShownReport[],
    status,
    open,
    knock: (name, withinMs) => outside.ask('knock', withinMs === undefined ? { name } : { name, withinMs }),
    guess: (name, count) => outside.ask('guess', { name, user: '1002', passwords: wrong(count) }),
    provoke,
    kernel,
    untilBanned,
    untilJudged,
    foreignTable,
    foreignTableAtFirst,
    note: (what, seen) => void notes.push([what, seen]),
    stop: async () => {
      const width = Math.max(...notes.map(([what]) => what.length), 0);
      const lines = notes.map(([what, seen]) => `  ${what.padEnd(width)}  ${seen}`);
      if (lines.length > 0) console.log([`Asterisk ${asterisk.release}`, ...lines].join('\n'));
      await stop();
    },
  };
}

async function routeToAttackers(host: NetworkNamespace, attacker: NetworkNamespace): Promise<void> {
  // For IPv4 the route below is enough.
  await attacker.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind');
  for (const [network, gateway] of [
    ['10.80.0.0/12', ATTACKER.v4],
    ['fd80::/32', ATTACKER.v6],
  ] as const) {
    await attacker.run('ip', 'route', 'add', 'local', network, 'dev', 'lo');
    await host.run('ip', 'route', 'add', network, 'via', gateway);
  }
}

/** A cable of its own to the carrier. */
async function layTrunk(host: NetworkNamespace, trunk: Actor): Promise<void> {
  const pid = `${await trunk.ask('ready')}`;
  await host.run('ip', 'link', 'add', 'trunk0', 'type', 'veth', 'peer', 'name', 'trunk1', 'netns', pid);
  await host.run('ip', 'address', 'add', `${TRUNK_GATEWAY}/24`, 'dev', 'trunk0');
  await host.run('ip', 'link', 'set', 'trunk0', 'up');
  await trunk.ask('run', ['ip', 'link', 'set', 'lo', 'up']);
  await trunk.ask('run', ['ip', 'address', 'add', `${TRUNK}/24`, 'dev', 'trunk1']);
  await trunk.ask('run', ['ip', 'link', 'set', 'trunk1', 'up']);
  await trunk.ask('run', ['ip', 'route', 'add', 'default', 'via', TRUNK_GATEWAY]);
}

interface ListedSet {
  readonly set?: {
    readonly table: string;
    readonly name: string;
    readonly elem?: ReadonlyArray<{
      readonly elem?: { readonly val: string; readonly counter?: { readonly packets: number } };
    }>;
  };
}

function readBans(json: string): ReadonlyMap<string, number> {
  const { nftables } = JSON.parse(json) as { readonly nftables: readonly ListedSet[] };
  const bans = new Map<string, number>();
  for (const { set } of nftables) {
    const [, family, prefix = ''] = /^banned([46])_(\d+)$/.exec(set?.name ?? '') ?? [];
    if (set?.table !== 'tollgate' || family === undefined) continue;
    const isWhole = prefix === (family === '4' ? '32' : '128');
    for (const { elem } of set.elem ?? []) {
      if (elem !== undefined) bans.set(isWhole ? elem.val : `${elem.val}/${prefix}`, elem.counter?.packets ?? 0);
    }
  }
  return bans;
}
