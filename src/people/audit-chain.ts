/**
 * The chain of the audit log in the store: the only place that knows the keys, arguments and reply of `append-audit`.
 *
 * Nothing here changes an entry; old ones leave only in the step that adds the entry which says so.
 */
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import type { Place, SealedEntry } from './audit-record.ts';

/** Where the log stands. */
export interface ChainState {
  /** Undefined: the log is empty. */
  readonly last: Place | undefined;
  readonly first: { readonly seq: number; readonly ms: number } | undefined;
  /** Hash of the entry that was asked for; undefined where it is not there. */
  readonly remembered: string | undefined;
  /** The store's clock. */
  readonly nowMs: number;
  readonly count: number;
}

/** An entry as it was found, whatever it holds. */
export interface FoundEntry {
  readonly place: Place;
  readonly text: string;
}

export interface AuditChain {
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly look: (remembered: Place | undefined) => Promise<ChainState>;
  /**
   * @param after where the log stood when the entries were sealed
   * @param removeThrough an entry that is removed, with all before it
   * @returns false: somebody else added an entry in between, and nothing was done
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`
   */
  readonly append: (
    after: Place | undefined,
    entries: readonly SealedEntry[],
    removeThrough?: Pick<Place, 'seq' | 'ms'>,
  ) => Promise<boolean>;
  /**
   * Entries in order, oldest first.
   * @param from a place, or a time in ms, or `-` for the first; a place itself is left out
   */
  readonly after: (from: Pick<Place, 'seq' | 'ms'> | number | '-', count: number) => Promise<readonly FoundEntry[]>;
  /** Newest first; the place itself is left out. @param sinceMs not written before this */
  readonly before: (
    from: Pick<Place, 'seq' | 'ms'> | '+',
    sinceMs: number,
    count: number,
  ) => Promise<readonly FoundEntry[]>;
}

const appendScript = createScript('append-audit');

export function createAuditChain(redis: Redis, keys: Pick<Keys, 'audit'>): AuditChain {
  const key = keys.audit;
  return {
    look: async (remembered) => {
      const reply = await appendScript(redis, [key], ['', '', remembered === undefined ? '' : idOf(remembered), '']);
      const [, last = '', lastHash = '', first = '', hash = '', now = '', count = ''] = Array.isArray(reply)
        ? reply.map(String)
        : [];
      return {
        last: last === '' ? undefined : { ...placeOf(last), hash: lastHash },
        first: first === '' ? undefined : placeOf(first),
        remembered: hash === '' ? undefined : hash,
        nowMs: Number(now),
        count: Number(count),
      };
    },
    append: async (after, entries, removeThrough) => {
      const keepFrom = removeThrough === undefined ? '' : idOf({ ...removeThrough, seq: removeThrough.seq + 1 });
      const reply = await appendScript(
        redis,
        [key],
        [
          after === undefined ? '0-0' : idOf(after),
          after?.hash ?? '',
          '',
          keepFrom,
          ...entries.flatMap(({ place, text }) => [idOf(place), text, place.hash]),
        ],
      );
      return Array.isArray(reply) && Number(reply[0]) === 1;
    },
    after: async (from, count) => {
      const start = typeof from === 'object' ? `(${idOf(from)}` : String(from);
      return (await redis.xrange(key, start, '+', 'COUNT', count)).map(found);
    },
    before: async (from, sinceMs, count) => {
      const end = typeof from === 'object' ? `(${idOf(from)}` : from;
      return (await redis.xrevrange(key, end, String(Math.max(0, sinceMs)), 'COUNT', count)).map(found);
    },
  };
}

const idOf = ({ ms, seq }: Pick<Place, 'seq' | 'ms'>): string => `${ms}-${seq}`;

function placeOf(id: string): { readonly seq: number; readonly ms: number } {
  const [ms, seq] = id.split('-').map(Number);
  return { ms: ms ?? 0, seq: seq ?? 0 };
}

function found([id, fields]: readonly [string, readonly string[]]): FoundEntry {
  const fieldOf = (name: string): string => {
    const at = fields.findIndex((field, place) => place % 2 === 0 && field === name);
    return at < 0 ? '' : (fields[at + 1] ?? '');
  };
  return { place: { ...placeOf(id), hash: fieldOf('h') }, text: fieldOf('e') };
}
