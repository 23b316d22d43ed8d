/**
 * Where calls under way are kept for the next start of this node: one hash in the store, written behind the calls.
 *
 * Guarantees order: what is said of one call last stands there last. A change that the store does not take is tried
 * again with the next ones.
 */
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LiveCall } from './live-call.ts';

export interface LiveCallRecords {
  readonly put: (call: LiveCall) => void;
  readonly remove: (decision: string) => void;
  /** Records of another version, or damaged ones, are left out. @throws where the store cannot be read */
  readonly load: () => Promise<readonly LiveCall[]>;
  /** Writes what is left. */
  readonly close: () => Promise<void>;
}

/**
 * Calls of one burst go to the store together. What is begun less than this before the daemon is killed is not found by
 * the next start, so it is short.
 */
const TOGETHER_MS = 5;
const AGAIN_AFTER_MS = 100;
/** Raised when the form changes, so that an older record is not misread. */
const VERSION = 1;
const KEPT_SECONDS = 7 * 86_400;

export function createLiveCallRecords(deps: {
  readonly redis: Redis;
  readonly key: string;
  readonly log: Log;
}): LiveCallRecords {
  const { redis, key, log } = deps;
  /** The last word on each call; null where it is over. */
  let pending = new Map<string, LiveCall | null>();
  let stored = new Set<string>();
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;

  /** Whether all of it is in the store. */
  const write = async (): Promise<boolean> => {
    if (pending.size === 0) return true;
    const batch = pending;
    pending = new Map();
    const pipeline = redis.pipeline();
    for (const [decision, call] of batch) {
      if (call === null) pipeline.hdel(key, decision);
      else pipeline.hset(key, decision, JSON.stringify({ version: VERSION, call }));
    }
    pipeline.expire(key, KEPT_SECONDS);
    try {
      const results = await pipeline.exec();
      const failed = results?.find(([error]) => error !== null)?.[0];
      if (failed !== undefined && failed !== null) throw failed;
      for (const [decision, call] of batch) {
        if (call === null) stored.delete(decision);
        else stored.add(decision);
      }
      return true;
    } catch (error) {
      for (const [decision, call] of batch) {
        // It may have been written before the answer was lost.
        if (call !== null) stored.add(decision);
        // Later words on a call stay the later ones.
        if (!pending.has(decision)) pending.set(decision, call);
      }
      log.debug({ problem: messageOf(error) }, 'calls under way could not be written down');
      return false;
    }
  };
  const writeIn = (waitMs: number): void => {
    if (isClosed || timer !== undefined || writing !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = write().then((isStored) => {
        writing = undefined;
        if (pending.size > 0) writeIn(isStored ? TOGETHER_MS : AGAIN_AFTER_MS);
      });
    }, waitMs);
    timer.unref();
  };

  return {
    put: (call) => {
      pending.set(call.decision, call);
      writeIn(TOGETHER_MS);
    },
    remove: (decision) => {
      // A call that was over before it was written down need not be.
      if (stored.has(decision) || writing !== undefined) pending.set(decision, null);
      else pending.delete(decision);
      writeIn(TOGETHER_MS);
    },
    load: async () => {
      const all = await redis.hgetall(key);
      stored = new Set(Object.keys(all));
      return Object.entries(all).flatMap(([decision, text]) => {
        const call = readLiveCall(text);
        return call?.decision === decision ? [call] : [];
      });
    },
    close: async () => {
      isClosed = true;
      clearTimeout(timer);
      await writing;
      await write();
    },
  };
}

/** A call as some daemon wrote it down; undefined for a record of another version, or a damaged one. */
export function readLiveCall(text: string): LiveCall | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || !('version' in value) || value.version !== VERSION)
      return undefined;
    // Written by `write` above in this very form; the version says so.
    return (value as unknown as { call: LiveCall }).call;
  } catch {
    return undefined;
  }
}
