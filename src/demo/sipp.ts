/**
 * Phones and carriers played by SIPp: real SIP over real sockets, for the demo and the tests.
 *
 * Guarantees that nothing outlives `close`: every process and file started here is gone then. One process of SIPp plays
 * one batch of calls, or one carrier. What a call came to is read from SIPp's record of the messages (sipp-trace.ts).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, freeUdpPort, startChild } from './child.ts';
import type { Environment } from './debian-mirror.ts';
import type { Elsewhere } from './elsewhere.ts';
import { type CarrierScenario, carrierScenario, phoneScenario } from './sipp-scenario.ts';
import { type CarriedCall, carriedCalls, type PlacedCall, parseTrace, placedCalls } from './sipp-trace.ts';

export interface CallOptions {
  /** SIP port of the Asterisk on 127.0.0.1. */
  readonly sipPort: number;
  /** User name of the calling phone. */
  readonly from: string;
  readonly password: string;
  /** Where the phone is. Default: on this machine. */
  readonly place?: Pick<Elsewhere, 'address' | 'server' | 'through'>;
  /** How long an answered call is held. Default: 0, hang up at once. */
  readonly holdMs?: number;
  /** Gives up this long after the INVITE if not answered. Default: never. */
  readonly cancelAfterMs?: number;
  /** Calls not decided by then are given up and have no status. Default: 30 s, counted from the last call's start. */
  readonly timeoutMs?: number;
  /** UDP port for its sound and keys; see {@link phoneScenario}. */
  readonly mediaPort?: number;
}

export interface CallsOptions extends CallOptions {
  /** One call each, in this order. Any characters; what a SIP address cannot hold as it is goes out percent-encoded. */
  readonly destinations: readonly string[];
  /** Calls begun per second. Default: 10. */
  readonly ratePerSecond?: number;
  /** Calls in progress at once, at most. Default: all of them. */
  readonly atOnce?: number;
}

export interface Carrier {
  readonly port: number;
  /** The calls that reached it until now. */
  readonly calls: () => Promise<readonly CarriedCall[]>;
  readonly stop: () => Promise<void>;
}

export interface Sipp {
  /** Places one call and resolves when it is over. */
  readonly placeCall: (options: CallOptions & { readonly destination: string }) => Promise<PlacedCall>;
  /** Places a batch of calls and resolves when all are over, in the order of `destinations`. */
  readonly placeCalls: (options: CallsOptions) => Promise<readonly PlacedCall[]>;
  /** Starts a carrier and resolves when it listens. Default: answers at once. Port: a free one. */
  readonly startCarrier: (options?: Partial<CarrierScenario> & { readonly port?: number }) => Promise<Carrier>;
  /** Ends every call and carrier still going on. */
  readonly close: () => Promise<void>;
}

const startTimeoutMs = 10_000;

const serverOf = ({ server }: Pick<Elsewhere, 'server'>): string => `${server.address}:${server.port}`;

/** `program` is the path of SIPp (see programs.ts). */
export function createSipp(deps: { readonly program: string; readonly env: Environment }): Sipp {
  const open = new Set<() => Promise<void>>();

  /** Runs SIPp in a folder of its own, which is removed with it. */
  const launch = async (
    scenario: string,
    files: Readonly<Record<string, string>>,
    args: readonly string[],
    place?: CallOptions['place'],
  ) => {
    const folder = await mkdtemp(join(tmpdir(), 'tollgate-sipp-'));
    const trace = join(folder, 'messages.log');
    let child: Child | undefined;
    const close = async () => {
      open.delete(close);
      await child?.kill();
      await rm(folder, { recursive: true, force: true });
    };
    open.add(close);
    try {
      await writeFile(join(folder, 'scenario.xml'), scenario);
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { mode: 0o600 });
      const fixed = [
        '-sf',
        'scenario.xml',
        '-i',
        place?.address ?? '127.0.0.1',
        '-nostdin',
        '-trace_msg',
        '-message_file',
        trace,
      ];
      const program = place === undefined ? ([deps.program] as const) : ([...place.through, deps.program] as const);
      child = await startChild([...program, ...fixed, ...args], {
        env: { ...deps.env, TZ: 'UTC', TERM: 'dumb' },
        cwd: folder,
      });
    } catch (error) {
      await close();
      throw error;
    }
    const messages = async () => parseTrace(await readFile(trace, 'utf8').catch(() => ''));
    return { child, messages, close };
  };

  const placeCalls = async (options: CallsOptions): Promise<readonly PlacedCall[]> => {
    const count = options.destinations.length;
    if (count === 0) return [];
    const rate = options.ratePerSecond ?? 10;
    const secret = `[authentication username=${options.from} password=${options.password}]`;
    const rows = options.destinations.map((to) => `${options.from};${secret};${encodeUser(to)}\n`);
    const { child, messages, close } = await launch(
      phoneScenario({
        holdMs: options.holdMs ?? 0,
        ...(options.cancelAfterMs === undefined ? {} : { cancelAfterMs: options.cancelAfterMs }),
        ...(options.mediaPort === undefined ? {} : { mediaPort: options.mediaPort }),
      }),
      { 'calls.csv': `SEQUENTIAL\n${rows.join('')}` },
      [
        ...[
          options.place === undefined ? `127.0.0.1:${options.sipPort}` : serverOf(options.place),
          '-p',
          String(await freeUdpPort()),
          '-inf',
          'calls.csv',
        ],
        // A rate is a whole number of calls in a period of milliseconds.
        ...['-m', String(count), '-r', '1', '-rp', String(Math.max(1, Math.round(1000 / rate)))],
        ...['-l', String(options.atOnce ?? count)],
      ],
      options.place,
    );
    const limitMs = (options.timeoutMs ?? 30_000) + (1000 * count) / rate;
    const timer = setTimeout(() => void child.kill(), limitMs);
    try {
      await child.ended;
      const calls = placedCalls(await messages());
      if (calls.length === 0) throw new Error(`SIPp placed no call: ${child.output().trim().slice(-600)}`);
      return calls;
    } finally {
      clearTimeout(timer);
      await close();
    }
  };

  return {
    placeCalls,
    placeCall: async ({ destination, ...options }) => {
      const [call] = await placeCalls({ ...options, destinations: [destination] });
      if (call === undefined) throw new Error('SIPp placed no call');
      return call;
    },
    startCarrier: async ({ port: wanted, ...behaviour } = {}) => {
      const port = wanted ?? (await freeUdpPort());
      const scenario = carrierScenario({ ringMs: 0, ...behaviour });
      const { child, messages, close } = await launch(scenario, {}, ['-p', String(port)]);
      const deadline = performance.now() + startTimeoutMs;
      while (!(await isListening(port))) {
        if (!child.running() || performance.now() > deadline) {
          await close();
          throw new Error(`SIPp does not listen on port ${port}: ${child.output().trim().slice(-600)}`);
        }
        await sleep(10);
      }
      return { port, calls: async () => carriedCalls(await messages()), stop: close };
    },
    close: async () => {
      await Promise.all([...open].map((close) => close()));
    },
  };
}

/** Percent-encodes what has a meaning of its own in a SIP address, or in SIPp's CSV. */
function encodeUser(user: string): string {
  return [...Buffer.from(user, 'utf8')]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9+*_.-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

/** Whether somebody has bound the UDP port on this machine, from /proc/net/udp (binding it to find out might steal it). */
async function isListening(port: number): Promise<boolean> {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const table = await readFile('/proc/net/udp', 'utf8');
  return table.includes(`0100007F:${hex} `);
}
