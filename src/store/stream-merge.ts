/**
 * Brings entries into a stream of the store behind which others have been added since: streams only grow at their end, so
 * the whole is prepared beside it and takes its place in one step.
 *
 * Guarantees that every entry keeps its id and its fields, byte for byte; that an entry which is there already stays as it
 * is; and that whatever happens on the way, the stream is as it was before, or complete.
 */
import type { Redis } from 'ioredis';
import { TollgateError } from '../errors.ts';
import { createScript } from '../redis/scripts.ts';

export interface StreamEntry {
  /** `MS-NUMBER`. */
  readonly id: string;
  /** Names and values in turn. */
  readonly fields: readonly string[];
}

const PAGE = 500;
/** What others add meanwhile, in one atomic step. */
const MOST_COMING_ALONG = 1000;
const MOST_ATTEMPTS = 5;
/** Of what a daemon prepared that was killed on the way. */
const PREPARED_FOR_SECONDS = 3600;

const swap = createScript('swap-stream');

/** Oldest first. */
export async function* streamEntries(redis: Redis, key: string): AsyncGenerator<StreamEntry> {
  let from = '-';
  for (;;) {
    const page = await redis.xrange(key, from, '+', 'COUNT', PAGE);
    for (const [id, fields] of page) yield { id, fields };
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    from = `(${last[0]}`;
  }
}

/** How many of the entries the stream does not have. @param entries in the order of their ids */
export async function missingIn(redis: Redis, key: string, entries: AsyncIterable<StreamEntry>): Promise<number> {
  let missing = 0;
  for await (const { isNew } of merged(streamEntries(redis, key), entries)) if (isNew) missing += 1;
  return missing;
}

/**
 * @param options.prepared key beside the stream, on the same shard
 * @param options.entries in the order of their ids; asked for again when it has to be tried again
 * @param options.whileOthersAdd false: nothing may be added meanwhile
 * @throws {TollgateError} `CONFLICT`: others kept adding; nothing was changed
 */
export async function mergeIntoStream(
  redis: Redis,
  key: string,
  options: {
    readonly prepared: string;
    readonly entries: () => AsyncIterable<StreamEntry>;
    readonly whileOthersAdd: boolean;
  },
): Promise<void> {
  const { prepared } = options;
  try {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      await redis.unlink(prepared);
      const seen = await prepare(redis, key, prepared, options.entries());
      if ((await swap(redis, [key, prepared], [seen, options.whileOthersAdd ? MOST_COMING_ALONG : 0])) === 1) return;
    }
  } finally {
    await redis.unlink(prepared).catch(() => undefined);
  }
  throw new TollgateError('CONFLICT', 'others keep adding to it; try again when less is going on');
}

/** @returns the id of the last entry that the stream had */
async function prepare(
  redis: Redis,
  key: string,
  prepared: string,
  entries: AsyncIterable<StreamEntry>,
): Promise<string> {
  let seen = '';
  let batch: StreamEntry[] = [];
  const write = async (): Promise<void> => {
    const pipeline = redis.multi();
    for (const { id, fields } of batch) pipeline.xadd(prepared, id, ...fields);
    pipeline.expire(prepared, PREPARED_FOR_SECONDS);
    batch = [];
    for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
  };
  for await (const { entry, isNew } of merged(streamEntries(redis, key), entries)) {
    if (!isNew) seen = entry.id;
    batch.push(entry);
    if (batch.length >= PAGE) await write();
  }
  if (batch.length > 0) await write();
  return seen;
}

/** Both in the order of their ids; of two with the same id the one that is there. */
async function* merged(
  there: AsyncGenerator<StreamEntry>,
  entries: AsyncIterable<StreamEntry>,
): AsyncGenerator<{ readonly entry: StreamEntry; readonly isNew: boolean }> {
  let next = await there.next();
  for await (const entry of entries) {
    while (next.done !== true && isBefore(next.value.id, entry.id)) {
      yield { entry: next.value, isNew: false };
      next = await there.next();
    }
    if (next.done !== true && next.value.id === entry.id) continue;
    yield { entry, isNew: true };
  }
  while (next.done !== true) {
    yield { entry: next.value, isNew: false };
    next = await there.next();
  }
}

function isBefore(one: string, other: string): boolean {
  const [ms = 0, number = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split('-').map(Number);
  return ms < otherMs || (ms === otherMs && number < otherNumber);
}
