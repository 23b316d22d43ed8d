/**
 * Makes the few writes that people wait for (policy, bans by hand, approvals, audit log) survive a failure once they are
 * acknowledged, as far as the store can.
 *
 * The private store writes its append-only file with every command and syncs it once a second, which survives the death
 * of either process but not a power cut. For these writes it syncs at once.
 *
 * An external store keeps the durability that its operator gave it. Of what it has, these writes wait for all: for its
 * replicas, and from Redis 7.2 (Valkey) on for the append-only files of primary and replicas (https://redis.io/commands/waitaof).
 * A write that its copies do not confirm in time is in force all the same, for it cannot be taken back: it is said in the
 * log and by `promise`.
 */
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { commandAt } from '../redis/command-at.ts';
import type { RedisConnection } from '../redis/connection.ts';
import type { Keys } from '../redis/keys.ts';
import { commandsOf, type Store } from '../redis/open-store.ts';

export interface DurableWrites {
  /** Runs a write, and resolves to what it gave once the write is as safe as it becomes. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  /** What the last of these writes, or the look at the start, could count on; a clause for people. */
  readonly promise: () => string;
}

/** Of an external store, waiting needs a connection of its own, with a heartbeat that waits longer still. */
export function openDurableWrites(
  store: Pick<Store, 'connect' | 'records'>,
  deps: { readonly embedded: boolean; readonly keys: Pick<Keys, 'copied'>; readonly log: Log },
): DurableWrites {
  return deps.embedded
    ? privateDurableWrites(store.records)
    : externalDurableWrites(store.connect('copies', { heartbeatMs: 2 * CONFIRMED_WITHIN_MS + 1000 }), deps);
}

function privateDurableWrites(records: RedisConnection): DurableWrites {
  const redis = commandsOf(records);
  // One at a time: the second would otherwise find the mode set back while it still writes.
  let last: Promise<unknown> = Promise.resolve();
  return {
    durably: (write) => {
      const run = async () => {
        await redis.config('SET', 'appendfsync', 'always');
        try {
          return await write();
        } finally {
          await redis.config('SET', 'appendfsync', 'everysec').catch(() => undefined);
        }
      };
      const result = last.then(run, run);
      last = result.catch(() => undefined);
      return result;
    },
    promise: () => 'changes are synced to its disk',
  };
}

/** A file that is synced every second is waited for; so is a replica behind a slow line. */
const CONFIRMED_WITHIN_MS = 1500;

type Copies =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none'; readonly synced: boolean }
  | { readonly kind: 'replicas'; readonly have: number; readonly of: number; readonly synced: boolean };

function externalDurableWrites(
  waiting: RedisConnection,
  deps: { readonly keys: Pick<Keys, 'copied'>; readonly log: Log },
): DurableWrites {
  const { keys, log } = deps;
  const redis = commandsOf(waiting);
  let copies: Copies = { kind: 'unknown' };
  let waitsForFiles = true;

  const replicas = async (): Promise<number> => {
    const info = String(await commandAt(redis, keys.copied, 'INFO', 'replication'));
    return Number(/^connected_slaves:(\d+)/m.exec(info)?.[1] ?? 0);
  };
  /** Undefined where the server has no append-only file, or cannot wait for it. */
  const files = async (wanted: number): Promise<Exclude<Copies, { readonly kind: 'unknown' }> | undefined> => {
    if (!waitsForFiles) return undefined;
    try {
      const reply = await commandAt(redis, keys.copied, 'WAITAOF', '1', `${wanted}`, `${CONFIRMED_WITHIN_MS}`);
      const [here, there] = Array.isArray(reply) ? reply.map(Number) : [];
      const synced = here === 1;
      return wanted === 0
        ? { kind: 'none', synced }
        : { kind: 'replicas', have: there ?? 0, of: wanted, synced: synced && there === wanted };
    } catch (error) {
      if (/unknown command/i.test(messageOf(error))) waitsForFiles = false;
      else if (!/appendonly/i.test(messageOf(error))) throw error;
      return undefined;
    }
  };
  /** Of everything that was written before it. */
  const confirm = async (): Promise<Copies> => {
    const wanted = await replicas();
    // Both wait for what this connection wrote last, which is later than what any other has been told is written.
    await redis.set(keys.copied, '1', 'PX', 10 * CONFIRMED_WITHIN_MS);
    const inFiles = await files(wanted);
    if (inFiles !== undefined && (inFiles.kind === 'none' || inFiles.have === wanted)) return inFiles;
    if (wanted === 0) return { kind: 'none', synced: false };
    const have = Number(await commandAt(redis, keys.copied, 'WAIT', `${wanted}`, `${CONFIRMED_WITHIN_MS}`));
    return { kind: 'replicas', have: Math.min(have, wanted), of: wanted, synced: false };
  };
  /** Those that begin while one waits share the next. */
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    const before = copies;
    copies = await confirm().catch((error: unknown): Copies => {
      log.debug({ problem: messageOf(error) }, 'the copies of a change are not known');
      return { kind: 'unknown' };
    });
    if (describe(before) === describe(copies) || !lacks(copies)) return;
    log.warn({ copies: describe(copies) }, 'a change is in force, and would be lost with the store as it is now');
  };
  const confirmed = (): Promise<void> => {
    next ??= (running ?? Promise.resolve()).then(() => {
      next = undefined;
      running = look();
      return running;
    });
    return next;
  };
  waiting.onState((state) => {
    if (state === 'up') void confirmed();
  });
  if (waiting.state() === 'up') void confirmed();

  return {
    durably: async (write) => {
      const result = await write();
      await confirmed();
      return result;
    },
    promise: () => describe(copies),
  };
}

const lacks = (copies: Copies): boolean =>
  copies.kind === 'unknown' || (copies.kind === 'replicas' && copies.have < copies.of);

function describe(copies: Copies): string {
  switch (copies.kind) {
    case 'unknown':
      return 'nobody has confirmed a copy of the last change';
    case 'none':
      return copies.synced ? 'changes are synced to its disk; it has no replica' : 'it has no replica';
    case 'replicas': {
      const on = `changes are on ${copies.have} of ${copies.of} ${copies.of === 1 ? 'replica' : 'replicas'}`;
      return copies.synced ? `${on} and synced to every disk` : on;
    }
    default:
      return copies satisfies never;
  }
}
