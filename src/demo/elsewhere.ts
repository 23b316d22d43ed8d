/**
 * Another place on the network, for somebody who attacks: a network of its own with a cable to this machine, and nothing
 * else. It ends with this process, whatever ends that.
 *
 * The addresses are of the block for tests of network devices (RFC 2544), which no real network uses.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freeUdpPort, startChild } from './child.ts';
import type { Environment } from './debian-mirror.ts';

const run = promisify(execFile);

export interface Elsewhere {
  /** Address of whoever is there. */
  readonly address: string;
  /** Where this machine is reached from there. */
  readonly server: { readonly address: string; readonly port: number };
  /** First words of a command line that runs there. */
  readonly through: readonly [string, ...string[]];
  readonly close: () => Promise<void>;
}

const SERVER = '198.18.77.1';
const ADDRESS = '198.18.77.66';

/** Undefined where it cannot be had: it needs root, and the program `ip`. */
export async function startElsewhere(env: Environment): Promise<Elsewhere | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  // The device disappears with the network at its other end.
  const waiting = await startChild(['unshare', '--net', 'sleep', 'infinity'], { env, cwd: '/' }).catch(() => undefined);
  if (waiting === undefined) return undefined;
  const { pid } = waiting;
  const device = `tollgate${pid % 1_000_000}`;
  const through = ['nsenter', `--net=/proc/${pid}/ns/net`] as const;
  const close = (): Promise<void> => waiting.kill();
  try {
    await untilApart(pid);
    await run('ip', ['link', 'add', device, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', String(pid)]);
    await run('ip', ['address', 'add', `${SERVER}/24`, 'dev', device]);
    await run('ip', ['link', 'set', device, 'up']);
    const [program, ...args] = through;
    await run(program, [...args, 'ip', 'address', 'add', `${ADDRESS}/24`, 'dev', 'uplink']);
    await run(program, [...args, 'ip', 'link', 'set', 'uplink', 'up']);
  } catch {
    await close();
    return undefined;
  }
  return { address: ADDRESS, server: { address: SERVER, port: await freeUdpPort() }, through, close };
}

/** The program is started before it is in its own network. @throws Error if it never is */
async function untilApart(pid: number): Promise<void> {
  const networkOf = async (process: string): Promise<string> =>
    (await run('readlink', [`/proc/${process}/ns/net`])).stdout.trim();
  const ours = await networkOf('self');
  for (let tries = 0; tries < 50; tries++) {
    if ((await networkOf(String(pid))) !== ours) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('no network of its own');
}
