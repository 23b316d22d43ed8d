/**
 * How the store's client library is set up, for each place a store can be.
 *
 * Guarantees that no command is ever sent twice or after its failure was reported, and that attempts to reconnect never
 * end and never come in step with those of other daemons. What is made of it, and when it counts as up: connection.ts.
 */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { messageOf, TollgateError } from '../errors.ts';

interface Login {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Files by which servers are known, and we to them; each in PEM. Absent: the authorities that Node.js trusts, and no certificate of ours. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Where the store is. With `tls`, every connection to it is encrypted, those to sentinels as well. */
export type RedisTarget = { readonly tls?: TlsFiles | undefined } & Place;

type Place =
  | ({ readonly kind: 'socket'; readonly path: string; readonly db?: number | undefined } & Login)
  /** `redis://` or `rediss://`. A log-in inside the address goes before one given beside it. */
  | ({ readonly kind: 'url'; readonly url: string } & Login)
  | ({
      readonly kind: 'sentinels';
      readonly sentinels: readonly HostPort[];
      /** The name under which the sentinels know the master. */
      readonly name: string;
      readonly sentinelPassword?: string | undefined;
      readonly db?: number | undefined;
    } & Login)
  | ({ readonly kind: 'cluster'; readonly nodes: readonly HostPort[] } & Login);

/** See connection.ts, `RedisConnectionOptions`. */
export interface ClientSettings {
  readonly name?: string;
  readonly commandTimeoutMs?: number;
}

// ioredis types its replies by this option; we keep the one shape that every server version gives.
type ClientOptions = RedisOptions & { replyMapping?: 'legacy' };

const backoffFirstMs = 20;
const backoffMaxMs = 1000;

/** The pause before attempt `times` (from 1): doubling from 20 ms to 1 s, of which a random half is taken off. */
export function reconnectPauseMs(times: number, random: () => number = Math.random): number {
  const full = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(times - 1, 10));
  return Math.round(full * (0.5 + random() / 2));
}

/** A client that has begun to connect. Its errors are events: listen to `error`. */
export function createClient(target: RedisTarget, options: ClientSettings): Redis | Cluster {
  const { commandTimeoutMs: commandTimeout } = options;
  const tls = target.tls === undefined ? undefined : readTls(target.tls);
  const common = {
    enableReadyCheck: false,
    enableAutoPipelining: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Of several servers one may be behind a dead network: the next is asked after this time.
    connectTimeout: 1500,
    disconnectTimeout: 100,
    disableClientInfo: true,
    retryStrategy: (times) => reconnectPauseMs(times),
    // A master that was demoted while we were connected: the one error that a new connection cures.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
    ...(commandTimeout === undefined ? {} : { commandTimeout }),
    ...(options.name === undefined ? {} : { connectionName: options.name }),
    ...(target.username === undefined ? {} : { username: target.username }),
    ...(target.password === undefined ? {} : { password: target.password }),
    ...(tls === undefined ? {} : { tls }),
  } satisfies ClientOptions;
  const single = (own: ClientOptions): Redis => new Redis({ ...common, ...own });
  switch (target.kind) {
    case 'socket':
      return single({ path: target.path, db: target.db ?? 0 });
    case 'url':
      return single(urlOptions(target.url, tls));
    case 'sentinels':
      return single({
        sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
        name: target.name,
        db: target.db ?? 0,
        sentinelRetryStrategy: (times) => reconnectPauseMs(times),
        sentinelCommandTimeout: 1000,
        ...(tls === undefined ? {} : { sentinelTLS: tls, enableTLSForSentinelMode: true }),
        ...(target.sentinelPassword === undefined ? {} : { sentinelPassword: target.sentinelPassword }),
      });
    case 'cluster': {
      const { enableOfflineQueue, retryStrategy, ...each } = common;
      return new Cluster(
        target.nodes.map(({ host, port }) => ({ host, port })),
        {
          redisOptions: each,
          enableOfflineQueue,
          enableReadyCheck: false,
          clusterRetryStrategy: retryStrategy,
          slotsRefreshTimeout: 2000,
          // Nothing is sent again that may have been carried out, and what a shard refuses is refused at once; so the
          // client learns of a replica that took over from here, and not from failing commands.
          retryDelayOnFailover: 0,
          retryDelayOnClusterDown: 0,
          slotsRefreshInterval: 1000,
          // A slot that moves to another shard serves no script until all its keys are there.
          retryDelayOnTryAgain: 20,
          // Each of these tries counts as two: more of them than a call waits for.
          maxRedirections: 64,
          // A certificate names a host, not what the host resolves to.
          ...(tls === undefined ? {} : { dnsLookup: (host, done) => done(null, host) }),
        },
      );
    }
    default:
      return target satisfies never;
  }
}

/**
 * What a `redis://` or `rediss://` address says. @throws TollgateError `CONFIG_INVALID` if it is no such address; the
 * message does not repeat it, for it may hold a password.
 */
function urlOptions(address: string, tls: ClientOptions['tls']): ClientOptions {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw new TollgateError('CONFIG_INVALID', 'the address of the store does not begin with redis:// or rediss://');
  }
  const db = Number(url.pathname.slice(1));
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    host,
    port: url.port === '' ? 6379 : Number(url.port),
    db: Number.isSafeInteger(db) ? db : 0,
    ...(url.username === '' ? {} : { username: decodeURIComponent(url.username) }),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'rediss:' ? { tls: { ...tls, ...(isIP(host) === 0 ? { servername: host } : {}) } } : {}),
  };
}

/** @throws TollgateError `CONFIG_INVALID` naming the file that cannot be read */
function readTls(files: TlsFiles): { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } {
  const read = (name: keyof TlsFiles): { readonly [Name in keyof TlsFiles]?: Buffer } => {
    const path = files[name];
    if (path === undefined) return {};
    try {
      return { [name]: readFileSync(path) };
    } catch (cause) {
      throw new TollgateError('CONFIG_INVALID', `redis.tls.${name}: ${messageOf(cause)}`, { cause });
    }
  };
  return { ...read('ca'), ...read('cert'), ...read('key') };
}
