/**
 * Which daemons of a tenant are alive, and which version of the common documents each has in force: so that a change can
 * say on how many it is.
 *
 * Each writes what it has when that changes, and every few seconds in any case. One that wrote nothing for a while is
 * taken for dead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';

export type DocumentVersions = Readonly<Record<string, number>>;

export interface Nodes {
  /** What is in force here. */
  readonly versions: () => DocumentVersions;
  /** Waits until all have at least these versions, at most a second. @throws {TollgateError} of the store */
  readonly inForce: (wanted: DocumentVersions) => Promise<{ readonly nodes: number; readonly of: number }>;
  readonly close: () => Promise<void>;
}

const LOOK_EVERY_MS = 100;
const WRITE_EVERY_MS = 2000;
const DEAD_AFTER_MS = 7000;
const WAIT_MS = 1000;
const ASK_EVERY_MS = 50;

export function createNodes(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'nodes'>;
  /** Of this daemon: two of one name are two. */
  readonly id: string;
  readonly documents: Readonly<Record<string, { readonly current: () => { readonly version: number } }>>;
}): Nodes {
  const { redis, keys, id } = deps;
  const versions = (): DocumentVersions =>
    Object.fromEntries(Object.entries(deps.documents).map(([name, { current }]) => [name, current().version]));
  let written = { text: '', atMs: Number.NEGATIVE_INFINITY };
  let closed = false;

  const storeNow = async (): Promise<number> => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  const write = async (): Promise<void> => {
    const text = JSON.stringify(versions());
    if (closed || (text === written.text && performance.now() - written.atMs < WRITE_EVERY_MS)) return;
    written = { text, atMs: performance.now() };
    await redis.hset(keys.nodes, id, `${await storeNow()} ${text}`);
    await redis.expire(keys.nodes, 60);
  };
  // A store that is away is reported by the gate.
  const timer = setInterval(() => {
    write().catch(() => {
      written = { text: '', atMs: Number.NEGATIVE_INFINITY };
    });
  }, LOOK_EVERY_MS).unref();

  const look = async (wanted: DocumentVersions) => {
    const [entries, now] = await Promise.all([redis.hgetall(keys.nodes), storeNow()]);
    const alive = Object.entries(entries).flatMap(([name, text]) => {
      const space = text.indexOf(' ');
      const isDead = name !== id && now - Number(text.slice(0, space)) > DEAD_AFTER_MS;
      return isDead ? [] : [name === id ? versions() : readVersions(text.slice(space + 1))];
    });
    const nodes = alive.filter((each) =>
      Object.entries(wanted).every(([name, version]) => (each[name] ?? 0) >= version),
    );
    return { nodes: nodes.length, of: alive.length };
  };

  return {
    versions,
    inForce: async (wanted) => {
      try {
        await write();
        const until = performance.now() + WAIT_MS;
        let found = await look(wanted);
        while (found.nodes < found.of && performance.now() < until) {
          await sleep(ASK_EVERY_MS);
          found = await look(wanted);
        }
        return found;
      } catch (error) {
        throw storeError(error);
      }
    },
    close: async () => {
      closed = true;
      clearInterval(timer);
      await redis.hdel(keys.nodes, id).catch(() => 0);
    },
  };
}

/** Of what no daemon has written: nothing. */
function readVersions(text: string): DocumentVersions {
  try {
    const value: unknown = JSON.parse(text);
    return Object.fromEntries(
      Object.entries(typeof value === 'object' && value !== null ? value : {}).filter(
        (pair): pair is [string, number] => typeof pair[1] === 'number',
      ),
    );
  } catch {
    return {};
  }
}
