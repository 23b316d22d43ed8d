/**
 * Two networks of their own with a cable between them: a host that is attacked and an attacker, with IPv4 and IPv6. Real
 * packets, a real packet filter, and nothing of the machine's own network is touched.
 *
 * A namespace lives as long as a process that waits in it; all end with `close`, or with this process.
 * Needs root, or a kernel that lets anyone have a user namespace. {@link canHaveNetworks} says whether that is so.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface NetworkNamespace {
  /** First words of a command line that runs in it. */
  readonly command: readonly [string, ...string[]];
  /** Runs a program to its end and gives what it printed. @throws if it fails */
  readonly run: (program: string, ...args: readonly string[]) => Promise<string>;
  /** Something that sends and answers there. */
  readonly probe: Probe;
}

export interface NetworkPair {
  readonly host: NetworkNamespace;
  readonly attacker: NetworkNamespace;
  readonly close: () => Promise<void>;
}

/** Addresses of the host. */
export const HOST = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
/** Addresses from which the attacker may send. */
export const ATTACKER = {
  v4: '10.77.0.66',
  other4: '10.77.0.67',
  far4: '10.77.0.200',
  v6: 'fd77::66',
  other6: 'fd77::67',
} as const;

/** A process in a namespace that sends and answers on demand; see network-probe.ts. */
export interface Probe {
  /** Answers every datagram and every line on a port, TCP and UDP, of both families, and WebSockets on the next one. */
  readonly echo: (port: number) => Promise<void>;
  /** Whether one datagram is answered. */
  readonly udp: (from: string, to: string, port: number, options?: { readonly fromPort?: number }) => Promise<boolean>;
  /** Opens a connection; its number, or why it cannot be opened: `timeout`, `ECONNREFUSED`, … */
  readonly open: (kind: 'tcp' | 'ws', from: string, to: string, port: number) => Promise<number | string>;
  /** Whether a line on an open connection is answered. */
  readonly ask: (connection: number) => Promise<boolean>;
  /** How many connections that others opened to this one still stand. */
  readonly standing: () => Promise<number>;
  /** Sends a line on every connection that others opened to this one. */
  readonly shout: () => Promise<void>;
  /** Sends datagrams as fast as a rate for a time. Gives how many were sent, and how many answers came. */
  readonly flood: (options: {
    /** Several take turns. */
    readonly from: string | readonly string[];
    readonly to: string;
    readonly port: number;
    readonly perSecond: number;
    readonly forMs: number;
    /** Each from a port of its own. */
    readonly manyPorts?: boolean;
  }) => Promise<{ readonly sent: number; readonly answered: number; readonly lastAnswerAt: number }>;
}

/** That of the service `echo`, RFC 862. */
const WARM_UP_PORT = 7;

const asRoot = process.getuid?.() === 0;
const UNSHARE = asRoot ? ['--net'] : ['--user', '--map-root-user', '--net'];
const ENTER = asRoot ? ['--net'] : ['--user', '--preserve-credentials', '--net'];

/** Whether this machine lets these tests have networks of their own, and has nft and ip. */
export async function canHaveNetworks(): Promise<boolean> {
  try {
    await run('unshare', [...UNSHARE, 'nft', 'add', 'table', 'inet', 'trial']);
    await run('unshare', [...UNSHARE, 'ip', 'link', 'add', 'trial0', 'type', 'veth', 'peer', 'name', 'trial1']);
    return true;
  } catch {
    return false;
  }
}

export async function createNetworkPair(): Promise<NetworkPair> {
  const first = await waitIn(['unshare', ...UNSHARE]);
  // Inside the first user namespace, where there is one, so that the cable may be laid between them.
  const second = await waitIn(asRoot ? ['unshare', '--net'] : [...enter(first), 'unshare', '--net']);
  const host = await namespace(first);
  const attacker = await namespace(second);
  await host.run('ip', 'link', 'add', 'cable0', 'type', 'veth', 'peer', 'name', 'cable1', 'netns', `${second.pid}`);
  const up = async (side: NetworkNamespace, device: string, addresses: readonly string[]): Promise<void> => {
    await side.run('ip', 'link', 'set', 'lo', 'up');
    for (const address of addresses) {
      const isV6 = address.includes(':');
      // Duplicate address detection would keep IPv6 silent for seconds.
      const rest = isV6 ? ['nodad'] : [];
      await side.run('ip', 'address', 'add', `${address}/${isV6 ? 64 : 24}`, 'dev', device, ...rest);
    }
    await side.run('ip', 'link', 'set', device, 'up');
  };
  await up(host, 'cable0', Object.values(HOST));
  await up(attacker, 'cable1', Object.values(ATTACKER));
  // A cable takes a moment until both ends have found each other.
  await host.probe.echo(WARM_UP_PORT);
  for (const from of Object.values(ATTACKER)) {
    const to = from.includes(':') ? HOST.v6 : HOST.v4;
    let tries = 0;
    while (!(await attacker.probe.udp(from, to, WARM_UP_PORT))) {
      if (++tries > 20) throw new Error(`no packet gets from ${from} to ${to}`);
    }
  }
  return {
    host,
    attacker,
    close: async () => {
      for (const each of [host, attacker]) await each.end();
      for (const each of [second, first]) await end(each.child);
    },
  };
}

interface Waiting {
  readonly pid: number;
  readonly child: ChildProcess;
}

async function waitIn([program = '', ...args]: readonly string[]): Promise<Waiting> {
  // It says its own process id, whatever was started on the way to it, and waits for its input to end.
  const child = spawn(program, [...args, 'sh', '-c', 'echo $$; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdout.setEncoding('utf8');
  const [line] = (await once(child.stdout, 'data')) as [string];
  return { pid: Number(line.trim()), child };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const enter = ({ pid }: Waiting): readonly [string, ...string[]] => ['nsenter', '--target', `${pid}`, ...ENTER];

async function namespace(waiting: Waiting): Promise<NetworkNamespace & { readonly end: () => Promise<void> }> {
  const command = enter(waiting);
  const [program, ...prefix] = command;
  const started = await startProbe(command);
  return {
    command,
    run: async (name, ...args) => (await run(program, [...prefix, name, ...args])).stdout,
    probe: started.probe,
    end: started.end,
  };
}

async function startProbe([program, ...prefix]: readonly [string, ...string[]]) {
  // In the language that this file is in: benchmarks run what was compiled.
  const script = new URL(`./network-probe${extname(import.meta.url)}`, import.meta.url).pathname;
  const child = spawn(program, [...prefix, process.execPath, '--import', 'tsx', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let turn: Promise<unknown> = Promise.resolve();
  const ask = <Answer>(what: string, ...args: readonly unknown[]): Promise<Answer> => {
    const answer = turn.then(async () => {
      child.stdin.write(`${JSON.stringify([what, ...args])}\n`);
      const { value, done } = await answers.next();
      if (done === true) throw new Error(`the probe ended while asked for ${what}`);
      // What network-probe.ts answers is what Probe says.
      return JSON.parse(value) as Answer;
    });
    turn = answer.catch(() => undefined);
    return answer;
  };
  await ask('ready');
  const probe: Probe = {
    echo: (port) => ask('echo', port),
    udp: (from, to, port, options = {}) => ask('udp', from, to, port, options.fromPort ?? 0),
    open: (kind, from, to, port) => ask('open', kind, from, to, port),
    ask: (connection) => ask('ask', connection),
    standing: () => ask('standing'),
    shout: () => ask('shout'),
    flood: (options) => ask('flood', options),
  };
  return { probe, end: () => end(child) };
}
