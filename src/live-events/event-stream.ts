/**
 * Live events of all daemons in one stream of the store, in one order, for whoever shows them.
 *
 * Guarantees
 * - Publishing never waits and never throws; what does not fit is dropped, and a `resync` says so.
 * - What several daemons see (a settled approval) is in the stream once.
 * - Whoever comes back with the last id that he had gets what he missed, or is told that he cannot.
 * - Decisions are published only while somebody watches, on whatever daemon: a busy gate pays nothing for a page that
 *   nobody has open. Where that begins again, a `resync` stands.
 *
 * Refuses to know who may see what.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';
import { EVENT_TYPES, type EventType, isLater, type LiveEvent } from './event.ts';

export type Publish = (type: EventType, data: object, once?: string) => void;

export interface EventStream {
  /** @param once names what happened, where several daemons tell it: the first counts */
  readonly publish: Publish;
  /** Resolves when nothing that happens from now on is missed. @returns what ends it @throws {TollgateError} of the store */
  readonly follow: (listener: (event: LiveEvent) => void) => Promise<() => void>;
  /** What came after an id, oldest first; undefined: some of it is not kept. @throws {TollgateError} of the store */
  readonly since: (id: string) => Promise<readonly LiveEvent[] | undefined>;
  /** The id of the last event, `0-0` before the first. @throws {TollgateError} of the store */
  readonly last: () => Promise<string>;
  /** Runs `start` whenever somebody begins to watch, and what it returned when nobody does any more. */
  readonly whileWatched: (start: () => () => void) => void;
  readonly close: () => void;
}

const MOST_KEPT = 10_000;
const MOST_REPLAYED = 1000;
const MOST_WAITING = 1000;
/** Beyond this many, allowed calls are dropped: what was refused tells more. */
const MANY_WAITING = 300;
const WRITE_EVERY_MS = 100;
const ONCE_SECONDS = 60;
const RESYNC_EVERY_MS = 10_000;
const READ_WAIT_MS = 400;
const READ_AT_ONCE = 500;
const RETRY_MS = 200;
const LOOK_EVERY_MS = 2000;
/** A client that loses its line for less misses no call. */
const WATCHED_SECONDS = 60;

/** @param deps.reader a connection of its own: it is kept busy with waiting */
export function createEventStream(deps: {
  readonly redis: Redis;
  readonly reader: Redis;
  readonly keys: Pick<Keys, 'events' | 'eventsWatched' | 'claim'>;
  readonly log: Log;
}): EventStream {
  const { redis, reader, keys, log } = deps;
  const listeners = new Set<(event: LiveEvent) => void>();
  const starts = new Map<() => () => void, (() => void) | undefined>();
  let waiting: { readonly type: EventType; readonly data: string; readonly once: string | undefined }[] = [];
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let lost = false;
  let resyncAt = Number.NEGATIVE_INFINITY;
  let isWatched = false;

  const write = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    const claims = redis.pipeline();
    const shared = batch.filter(({ once }) => once !== undefined);
    for (const { type, once } of shared) claims.set(claimOf(type, once), '', 'EX', ONCE_SECONDS, 'NX');
    const answers = shared.length === 0 ? [] : ((await claims.exec()) ?? []);
    const isFirst = new Set(shared.filter((_, at) => answers[at]?.[1] === 'OK'));
    const adding = redis.pipeline();
    for (const each of batch)
      if (each.once === undefined || isFirst.has(each))
        adding.xadd(keys.events, 'MAXLEN', '~', MOST_KEPT, '*', each.type, each.data);
    if (lost && performance.now() - resyncAt > RESYNC_EVERY_MS) {
      [lost, resyncAt] = [false, performance.now()];
      adding.xadd(keys.events, 'MAXLEN', '~', MOST_KEPT, '*', 'resync', '{}');
    }
    await adding.exec();
  };
  const claimOf = (type: string, once = ''): string =>
    keys.claim(`event:${type}:${createHash('sha256').update(once).digest('base64url').slice(0, 22)}`);
  const schedule = (): void => {
    if (closed) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      // While the store is away nobody can read them either.
      write().catch(() => {
        lost = true;
      });
    }, WRITE_EVERY_MS).unref();
  };
  const publish: Publish = (type, data, once) => {
    if (closed) return;
    const isAllowedCall = type === 'call' && 'verdict' in data && data.verdict === 'allow';
    if (waiting.length >= (isAllowedCall ? MANY_WAITING : MOST_WAITING)) lost = true;
    else waiting.push({ type, data: JSON.stringify(data), once });
    schedule();
  };

  const last = async (): Promise<string> => (await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0-0';
  const tell = (event: LiveEvent): void => {
    for (const listener of listeners) {
      try {
        listener(event);
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a listener for live events failed');
      }
    }
  };
  let reading: { place: string } | undefined;
  /** Until nobody listens. */
  const readOn = async (mine: { place: string }): Promise<void> => {
    while (!closed && reading === mine) {
      try {
        const reply = await reader.xread(
          'COUNT',
          READ_AT_ONCE,
          'BLOCK',
          READ_WAIT_MS,
          'STREAMS',
          keys.events,
          mine.place,
        );
        for (const [id, fields] of reply?.[0]?.[1] ?? []) {
          mine.place = id;
          const event = readEvent(id, fields);
          if (event !== undefined && reading === mine) tell(event);
        }
      } catch {
        // A store that is away is reported by the gate; here it only means trying again.
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  };

  /** Starts and stops what is published only while somebody watches. */
  const setWatched = (now: boolean): void => {
    if (now === isWatched || closed) return;
    isWatched = now;
    if (now) publish('resync', {});
    for (const [start, stop] of starts) {
      stop?.();
      starts.set(start, now ? start() : undefined);
    }
  };
  const look = async (): Promise<void> => {
    if (listeners.size > 0) await redis.set(keys.eventsWatched, '1', 'EX', WATCHED_SECONDS);
    setWatched(listeners.size > 0 || (await redis.exists(keys.eventsWatched)) === 1);
  };
  const looking = setInterval(() => void look().catch(() => undefined), LOOK_EVERY_MS).unref();

  return {
    publish,
    last: () => last().catch(fail),
    follow: async (listener) => {
      if (reading === undefined) {
        const place = await last().catch(fail);
        if (reading === undefined) {
          reading = { place };
          void readOn(reading);
        }
      }
      listeners.add(listener);
      void look().catch(() => undefined);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) reading = undefined;
      };
    },
    since: async (id) => {
      const [[oldest], events] = await Promise.all([
        redis.xrange(keys.events, '-', '+', 'COUNT', 1),
        redis.xrange(keys.events, `(${id}`, '+', 'COUNT', MOST_REPLAYED + 1),
      ]).catch(fail);
      // What was cut off before the oldest that is kept may have come after the id.
      const isWhole = oldest !== undefined && !isLater(oldest[0], id);
      if (!isWhole || events.length > MOST_REPLAYED) return undefined;
      return events.flatMap(([place, fields]) => readEvent(place, fields) ?? []);
    },
    whileWatched: (start) => void starts.set(start, isWatched ? start() : undefined),
    close: () => {
      closed = true;
      clearInterval(looking);
      clearTimeout(timer);
      reading = undefined;
      for (const stop of starts.values()) stop?.();
    },
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};

function readEvent(id: string, [word = '', data = '']: readonly string[]): LiveEvent | undefined {
  const type = EVENT_TYPES.find((each) => each === word);
  return type === undefined ? undefined : { id, type, data };
}
