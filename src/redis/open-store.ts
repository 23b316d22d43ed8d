/**
 * The store as the daemon has it: a private server that is spawned, or one that is there, and the connections to it. They
 * end together, the server last.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RedisTarget } from './client.ts';
import { connectRedis, type RedisConnection } from './connection.ts';
import { createEmbeddedServer } from './embedded-server.ts';
import type { StateLock } from './state-lock.ts';

export interface Store {
  /** A further connection, closed with the store. */
  readonly connect: (name: string, options?: { readonly heartbeatMs: number }) => RedisConnection;
  readonly decisions: RedisConnection;
  readonly records: RedisConnection;
  readonly close: () => Promise<void>;
}

/** Cluster has the commands of Redis; ioredis merely types the two apart. */
export const commandsOf = ({ redis }: RedisConnection): Redis => redis as Redis;

const STARTS_WITHIN_MS = 2000;

/**
 * Resolves when the store answers, or does not within two seconds: the daemon starts without it.
 *
 * @throws {TollgateError} `STORE_UNAVAILABLE`: the private store cannot be started
 */
export async function openStore(
  place: RedisTarget | { readonly kind: 'embedded'; readonly command?: string },
  deps: {
    readonly stateDir: string;
    readonly lock: StateLock;
    readonly searchPath: string;
    /** See connection.ts. */
    readonly probeKey: string;
    readonly onPing: (connection: string, tookMs: number) => void;
    readonly log: Log;
  },
): Promise<Store> {
  const { log } = deps;
  const closers: Array<() => unknown> = [];
  const close = async (): Promise<void> => {
    for (const each of closers.splice(0).reverse()) await each();
  };
  const start = async (): Promise<RedisTarget> => {
    if (place.kind !== 'embedded') return place;
    const server = createEmbeddedServer({ ...place, ...deps });
    closers.push(() => server.stop());
    return { kind: 'socket', path: (await server.start()).socketPath };
  };
  try {
    const target = await start();
    const connect: Store['connect'] = (name, options) => {
      const onPing = (tookMs: number): void => deps.onPing(name, tookMs);
      const connection = connectRedis(target, { log, name, onPing, probeKey: deps.probeKey, ...options });
      closers.push(() => connection.close());
      return connection;
    };
    const decisions = connect('decisions');
    const records = connect('records');
    await Promise.all([decisions, records].map((each) => each.untilUp(STARTS_WITHIN_MS))).catch((error: unknown) => {
      log.error({ problem: messageOf(error) }, 'starting without the store: whenStoreFails decides until it is there');
    });
    return { connect, decisions, records, close };
  } catch (error) {
    await close();
    throw error;
  }
}
