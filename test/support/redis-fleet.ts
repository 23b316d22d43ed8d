/**
 * Real Redis servers that belong together: a primary with replicas and sentinels, or the shards of a cluster. On ports of
 * 127.0.0.1, or each inside a network namespace; with passwords and TLS if wanted.
 *
 * Everything is asked through redis-cli, which reaches into a namespace, so that a fleet holds no connection of its own.
 * All processes end with `stop`, or with this process.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Child, freeTcpPort, startChild } from '../../src/demo/child.ts';
import type { RedisTarget } from '../../src/redis/client.ts';

const run = promisify(execFile);

export interface FleetServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** What redis-cli prints. @throws when the server cannot be asked */
  readonly ask: (...words: readonly string[]) => Promise<string>;
  readonly kill: () => Promise<void>;
  /** Starts it again on its port, with what is in its folder. */
  readonly restart: () => Promise<void>;
}

interface Fleet {
  readonly target: RedisTarget;
  /** The same as settings of a daemon. */
  readonly env: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

export interface SentinelFleet extends Fleet {
  /** The first one is the primary at the start. */
  readonly servers: readonly [FleetServer, FleetServer, FleetServer];
  readonly sentinels: readonly FleetServer[];
  /** Which one a sentinel calls the primary now. */
  readonly primary: () => Promise<FleetServer>;
}

export interface ClusterFleet extends Fleet {
  /** Primaries first, in the order of their slots; then a replica of each, if wanted. */
  readonly servers: readonly FleetServer[];
  /** Moves a slot with all its keys, as `redis-cli --cluster reshard` does it. Resolves to how long scripts on it could not run, ms. */
  readonly moveSlot: (slot: number, to: FleetServer, pauseMs?: number) => Promise<number>;
  readonly slotOf: (key: string) => Promise<number>;
  readonly ownerOf: (key: string) => Promise<FleetServer>;
}

/** Where a server runs: the first words of its command line, and its address there. */
export interface FleetPlace {
  readonly command: readonly string[];
  readonly host: string;
}

export interface FleetOptions {
  /** Passwords of servers and sentinels. */
  readonly password?: string;
  readonly sentinelPassword?: string;
  /** First words of the command line of a server. Default: `redis-server`. */
  readonly program?: readonly string[];
  /** Every connection by TLS, with certificates of an authority of this fleet's own. */
  readonly tls?: boolean;
}

const HERE: FleetPlace = { command: [], host: '127.0.0.1' };
const READY_WITHIN_MS = 20_000;
export const MASTER = 'tollgate-test';

/** @param options.places of the first server, and of all others */
export async function startSentinels(
  options: FleetOptions & { readonly places?: readonly [FleetPlace, FleetPlace]; readonly settings?: string[] } = {},
): Promise<SentinelFleet> {
  const base = await openBase(options);
  const [first, others] = options.places ?? [HERE, HERE];
  const settings = ['--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1', ...(options.settings ?? [])];
  try {
    const primary = await base.server('server-1', first, settings);
    const of = ['--replicaof', `${primary.host} ${primary.port}`];
    const replicas = await Promise.all(
      ['server-2', 'server-3'].map((name) => base.server(name, others, [...settings, ...of])),
    );
    const [second, third] = replicas;
    if (second === undefined || third === undefined) throw new Error('two replicas');
    const servers = [primary, second, third] as const;
    const sentinels = await Promise.all(
      [1, 2, 3].map((number) => base.sentinel(`sentinel-${number}`, others, primary)),
    );
    const [asked] = sentinels;
    await until('sentinels know each other and the replicas', async () => {
      const states = await Promise.all(sentinels.map((each) => each.ask('sentinel', 'master', MASTER)));
      return states.every(
        (text) => fieldOf(text, 'num-slaves') === '2' && fieldOf(text, 'num-other-sentinels') === '2',
      );
    });
    await until('replicas follow', async () => /^connected_slaves:2/m.test(await primary.ask('info', 'replication')));
    const where = sentinels.map(({ host, port }) => ({ host, port }));
    return {
      servers,
      sentinels,
      primary: async () => {
        const [, port] = (await asked?.ask('sentinel', 'get-master-addr-by-name', MASTER))?.split('\n') ?? [];
        return servers.find((each) => String(each.port) === port) ?? primary;
      },
      target: {
        kind: 'sentinels',
        sentinels: where,
        name: MASTER,
        ...base.login,
        ...(options.sentinelPassword === undefined ? {} : { sentinelPassword: options.sentinelPassword }),
      },
      env: {
        TOLLGATE_REDIS__SENTINELS: where.map(({ host, port }) => `${host}:${port}`).join(','),
        TOLLGATE_REDIS__NAME: MASTER,
        ...base.env,
        ...(options.sentinelPassword === undefined
          ? {}
          : { TOLLGATE_REDIS__SENTINEL_PASSWORD: options.sentinelPassword }),
      },
      stop: base.stop,
    };
  } catch (error) {
    await base.stop();
    throw error;
  }
}

/** @param options.replicas one for each shard */
export async function startCluster(
  options: FleetOptions & { readonly shards?: number; readonly replicas?: boolean } = {},
): Promise<ClusterFleet> {
  const base = await openBase(options);
  const shards = options.shards ?? 3;
  try {
    const settings = [
      // A cluster of one has heard from nobody what its address is.
      ...['--cluster-announce-ip', HERE.host],
      '--cluster-enabled',
      'yes',
      '--cluster-node-timeout',
      '1000',
      '--cluster-require-full-coverage',
      'no',
    ];
    const servers = await Promise.all(
      Array.from({ length: options.replicas === true ? 2 * shards : shards }, async (_, index) =>
        base.server(`shard-${index + 1}`, HERE, [
          ...settings,
          ...['--cluster-port', String(await freeTcpPort()), '--repl-diskless-sync-delay', '0'],
        ]),
      ),
    );
    const [first] = servers;
    if (first === undefined) throw new Error('at least one shard');
    const busPort = async (server: FleetServer): Promise<string> =>
      (await server.ask('config', 'get', 'cluster-port')).split('\n')[1] ?? '';
    const ids = await Promise.all(servers.map((each) => each.ask('cluster', 'myid')));
    const edge = (index: number): number => Math.round((16_384 * index) / shards);
    for (const [index, server] of servers.entries()) {
      await server.ask('cluster', 'set-config-epoch', String(index + 1));
      if (index < shards) await server.ask('cluster', 'addslotsrange', `${edge(index)}`, `${edge(index + 1) - 1}`);
      if (index > 0) await server.ask('cluster', 'meet', first.host, String(first.port), await busPort(first));
    }
    await until('the shards know each other', async () => {
      const infos = await Promise.all(servers.map((each) => each.ask('cluster', 'info')));
      return infos.every(
        (text) =>
          /^cluster_state:ok/m.test(text) &&
          new RegExp(`^cluster_known_nodes:${servers.length}`, 'm').test(text) &&
          /^cluster_slots_assigned:16384/m.test(text),
      );
    });
    for (const [index, server] of servers.entries()) {
      if (index >= shards) await server.ask('cluster', 'replicate', ids[index - shards] ?? '');
    }
    if (options.replicas === true) {
      await until('replicas follow', async () => {
        const infos = await Promise.all(servers.slice(0, shards).map((each) => each.ask('info', 'replication')));
        return infos.every((text) => /^slave0:.*state=online/m.test(text));
      });
    }
    const slotOf = async (key: string): Promise<number> => Number(await first.ask('cluster', 'keyslot', key));
    const serverAt = async (slot: number): Promise<FleetServer> => {
      for (const server of servers) {
        const nodes = await server.ask('cluster', 'nodes').catch(() => '');
        const line = nodes.split('\n').find((text) => text.includes('myself,master') && holds(text, slot));
        if (line !== undefined) return server;
      }
      throw new Error(`nobody has slot ${slot}`);
    };
    return {
      servers,
      slotOf,
      ownerOf: async (key) => serverAt(await slotOf(key)),
      moveSlot: async (slot, to, pauseMs = 0) => {
        const from = await serverAt(slot);
        const idOf = (server: FleetServer): string => ids[servers.indexOf(server)] ?? '';
        await to.ask('cluster', 'setslot', `${slot}`, 'importing', idOf(from));
        await from.ask('cluster', 'setslot', `${slot}`, 'migrating', idOf(to));
        const beganMs = performance.now();
        const login = options.password === undefined ? [] : ['auth', options.password];
        for (;;) {
          const keys = (await from.ask('cluster', 'getkeysinslot', `${slot}`, '100')).split('\n').filter(Boolean);
          if (keys.length === 0) break;
          await from.ask('migrate', to.host, `${to.port}`, '', '0', '5000', ...login, 'keys', ...keys);
          if (pauseMs > 0) await sleep(pauseMs);
        }
        await to.ask('cluster', 'setslot', `${slot}`, 'node', idOf(to));
        await from.ask('cluster', 'setslot', `${slot}`, 'node', idOf(to));
        return performance.now() - beganMs;
      },
      target: {
        kind: 'cluster',
        nodes: servers.slice(0, shards).map(({ host, port }) => ({ host, port })),
        ...base.login,
      },
      env: {
        TOLLGATE_REDIS__CLUSTER: servers
          .slice(0, shards)
          .map(({ host, port }) => `${host}:${port}`)
          .join(','),
        ...base.env,
      },
      stop: base.stop,
    };
  } catch (error) {
    await base.stop();
    throw error;
  }
}

/** Folder, certificates and processes of one fleet. */
async function openBase({ password, sentinelPassword, tls = false, program = ['redis-server'] }: FleetOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-fleet-'));
  const children = new Set<Child>();
  const files = tls ? await makeCertificates(folder) : undefined;
  const encrypted =
    files === undefined
      ? []
      : ['--tls-cert-file', files.cert, '--tls-key-file', files.key, '--tls-ca-cert-file', files.ca];

  const start = async (
    name: string,
    place: FleetPlace,
    given: { readonly args: readonly string[]; readonly port: number; readonly secret: string | undefined },
  ): Promise<FleetServer> => {
    const own = join(folder, name);
    await mkdir(own, { recursive: true });
    const command = [...place.command, ...given.args, '--dir', own];
    const spawn = async (): Promise<Child> => {
      const [first = '', ...args] = command;
      const child = await startChild([first, ...args], { env: process.env, cwd: own });
      children.add(child);
      await until(`${name} is ready`, () => {
        if (!child.running()) return Promise.reject(new Error(`${name} ended: ${child.output()}`));
        return Promise.resolve(/Ready to accept|Sentinel ID is/.test(child.output()));
      });
      return child;
    };
    let child = await spawn();
    const secret = given.secret === undefined ? [] : ['-a', given.secret, '--no-auth-warning'];
    const safe = files === undefined ? [] : ['--tls', '--cacert', files.ca, '--cert', files.cert, '--key', files.key];
    const cli = [...place.command, 'redis-cli', '-h', place.host, '-p', `${given.port}`, ...secret, ...safe];
    return {
      name,
      host: place.host,
      port: given.port,
      get pid() {
        return child.pid;
      },
      ask: async (...words) => {
        const [first = '', ...args] = [...cli, ...words];
        const { stdout } = await run(first, args, { timeout: 10_000, maxBuffer: 64 * 1024 * 1024 });
        const text = stdout.replaceAll('\r', '').trim();
        if (/^(ERR|NOAUTH|WRONGPASS|CLUSTERDOWN|Could not connect)/.test(text)) throw new Error(`${name}: ${text}`);
        return text;
      },
      kill: () => child.kill(),
      restart: async () => {
        child = await spawn();
      },
    };
  };

  const login = {
    ...(password === undefined ? {} : { password }),
    ...(files === undefined ? {} : { tls: files }),
  };
  return {
    login,
    env: {
      ...(password === undefined ? {} : { TOLLGATE_REDIS__PASSWORD: password }),
      ...(files === undefined
        ? {}
        : {
            TOLLGATE_REDIS__TLS__CA: files.ca,
            TOLLGATE_REDIS__TLS__CERT: files.cert,
            TOLLGATE_REDIS__TLS__KEY: files.key,
          }),
    },
    server: async (name: string, place: FleetPlace, settings: readonly string[]): Promise<FleetServer> => {
      const port = await freeTcpPort();
      const listen =
        files === undefined
          ? ['--port', `${port}`]
          : ['--port', '0', '--tls-port', `${port}`, '--tls-replication', 'yes', '--tls-cluster', 'yes', ...encrypted];
      const secret = password === undefined ? [] : ['--requirepass', password, '--masterauth', password];
      const quiet = ['--save', '', '--appendonly', 'no', '--bind', place.host, '--protected-mode', 'no'];
      return start(name, place, {
        args: [...program, ...listen, ...secret, ...quiet, ...settings],
        port,
        secret: password,
      });
    },
    sentinel: async (name: string, place: FleetPlace, primary: FleetServer): Promise<FleetServer> => {
      const port = await freeTcpPort();
      const file = join(folder, `${name}.conf`);
      const lines = [
        ...(files === undefined
          ? [`port ${port}`]
          : [
              'port 0',
              `tls-port ${port}`,
              'tls-replication yes',
              ...[`tls-cert-file ${files.cert}`, `tls-key-file ${files.key}`, `tls-ca-cert-file ${files.ca}`],
            ]),
        `bind ${place.host}`,
        `sentinel monitor ${MASTER} ${primary.host} ${primary.port} 2`,
        `sentinel down-after-milliseconds ${MASTER} 1000`,
        `sentinel failover-timeout ${MASTER} 5000`,
        ...(password === undefined ? [] : [`sentinel auth-pass ${MASTER} ${password}`]),
        ...(sentinelPassword === undefined
          ? []
          : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`]),
      ];
      await writeFile(file, `${lines.join('\n')}\n`);
      return start(name, place, { args: [...program, file, '--sentinel'], port, secret: sentinelPassword });
    },
    stop: async (): Promise<void> => {
      await Promise.all([...children].map((child) => child.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function makeCertificates(
  folder: string,
): Promise<{ readonly ca: string; readonly cert: string; readonly key: string }> {
  const at = (name: string): string => join(folder, name);
  const openssl = (...words: readonly string[]) => run('openssl', [...words]);
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...ec,
    '-days',
    '2',
    '-subj',
    '/CN=fleet',
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
  );
  await openssl('req', ...ec, '-subj', '/CN=server', '-keyout', at('key.pem'), '-out', at('request.pem'));
  await writeFile(at('names'), 'subjectAltName=IP:127.0.0.1\n');
  const signed = [
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    at('names'),
  ];
  await openssl('x509', '-req', '-in', at('request.pem'), ...signed, '-out', at('cert.pem'));
  await chmod(at('key.pem'), 0o600);
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') };
}

/** One field of what redis-cli prints as name and value in turn. */
function fieldOf(text: string, name: string): string | undefined {
  const lines = text.split('\n');
  return lines[lines.indexOf(name) + 1];
}

/** Whether a line of CLUSTER NODES names the slot. */
const holds = (line: string, slot: number): boolean =>
  line
    .split(' ')
    .slice(8)
    .some((range) => {
      const [from, to = from] = range.split('-').map(Number);
      return from !== undefined && to !== undefined && slot >= from && slot <= to;
    });

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endsMs = performance.now() + READY_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > endsMs) throw new Error(`waited in vain until ${what}`);
    await sleep(30);
  }
}
