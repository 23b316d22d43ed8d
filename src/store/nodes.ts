/**
 * Which daemons of a tenant are alive, and which version of the common documents each has in force: so that a change can
 * say on how many it is.
 *
 * Each writes what it has when that changes, and every few seconds in any case. One that wrote nothing for a while is
 * taken for dead.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';

export type DocumentVersions = Readonly<Record<string, number>>;

export interface Nodes {
  /** What is in force here. */
  readonly versions: () => DocumentVersions;
  /** Waits until all have at least these versions, at most a second. @throws {TollgateError} of the store */
  readonly inForce: (wanted: DocumentVersions) => Promise<{ readonly nodes: number; readonly of: number }>;
  /** Those that are alive, and those that fell silent within a day; the one that is asked first. @throws {TollgateError} of the store */
  readonly list: () => Promise<readonly NodeSeen[]>;
  readonly close: () => Promise<void>;
}

export interface NodeSeen {
  /** As it calls itself; empty where a daemon of an older version did not say. */
  readonly node: string;
  /** Of the program; empty where it did not say. */
  readonly version: string;
  readonly documents: DocumentVersions;
  /** Epoch ms, by the store's clock. */
  readonly startedAt: number | undefined;
  readonly heardAt: number;
  readonly isAlive: boolean;
  /** The one that is asked. */
  readonly isThis: boolean;
}

const LOOK_EVERY_MS = 100;
const WRITE_EVERY_MS = 2000;
const DEAD_AFTER_MS = 7000;
const WAIT_MS = 1000;
const SHOWN_SILENT_MS = 24 * 3_600_000;
const ASK_EVERY_MS = 50;

export function createNodes(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'nodes'>;
  /** Of this daemon: two of one name are two. */
  readonly id: string;
  readonly node: string;
  /** Of the program. */
  readonly version: string;
  readonly documents: Readonly<Record<string, { readonly current: () => { readonly version: number } }>>;
}): Nodes {
  const { redis, keys, id } = deps;
  const versions = (): DocumentVersions =>
    Object.fromEntries(Object.entries(deps.documents).map(([name, { current }]) => [name, current().version]));
  let written = { text: '', atMs: Number.NEGATIVE_INFINITY };
  let closed = false;
  let startedAt: number | undefined;

  const storeNow = async (): Promise<number> => {
    const [seconds, micros] = await redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  const write = async (): Promise<void> => {
    startedAt ??= await storeNow();
    const about = { node: deps.node, version: deps.version, startedAt: String(startedAt) };
    // What older versions wrote has numbers alone, and they pass over what is none.
    const text = JSON.stringify({ ...versions(), about });
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
    list: async () => {
      try {
        await write();
        const [entries, now] = await Promise.all([redis.hgetall(keys.nodes), storeNow()]);
        const all = Object.entries(entries).map(([name, text]): NodeSeen => {
          const space = text.indexOf(' ');
          const [heardAt, written] = [Number(text.slice(0, space)), text.slice(space + 1)];
          const isThis = name === id;
          const isAlive = isThis || now - heardAt <= DEAD_AFTER_MS;
          return { ...readAbout(written), documents: readVersions(written), heardAt, isAlive, isThis };
        });
        const living = new Set(all.flatMap(({ node, isAlive }) => (isAlive ? [node] : [])));
        return all
          .filter((each) => each.isAlive || (now - each.heardAt < SHOWN_SILENT_MS && !living.has(each.node)))
          .sort((a, b) => Number(b.isThis) - Number(a.isThis) || a.node.localeCompare(b.node));
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

const about = z.object({ about: z.object({ node: z.string(), version: z.string(), startedAt: z.string() }) });

function readAbout(text: string): Pick<NodeSeen, 'node' | 'version' | 'startedAt'> {
  try {
    const { node, version, startedAt } = about.parse(JSON.parse(text)).about;
    return { node, version, startedAt: Number(startedAt) };
  } catch {
    return { node: '', version: '', startedAt: undefined };
  }
}
