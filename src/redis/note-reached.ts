/** The typed face of note-reached.lua: when subjects last reached places, and all that is known of it. It knows nothing of rules. */
import type { Redis } from 'ioredis';
import { commandAt } from './command-at.ts';
import type { Keys } from './keys.ts';
import { createScript } from './scripts.ts';

const script = createScript('note-reached');

/** The longest that a rule may ask about. */
export const REACHED_KEPT_SECONDS = 366 * 86_400;
/** As many as Redis takes in about a millisecond, in which it decides no call. */
const MOST_AT_ONCE = 200;

/**
 * @param reached.atMs epoch ms; absent: now, by the clock of the store
 * @param dryRun writes nothing
 * @returns how many were not known
 * @throws {TollgateError} of the store
 */
export async function noteReached(
  redis: Redis,
  reached: readonly { readonly key: string; readonly atMs?: number }[],
  dryRun = false,
): Promise<number> {
  let fresh = 0;
  for (let at = 0; at < reached.length; at += MOST_AT_ONCE) {
    const some = reached.slice(at, at + MOST_AT_ONCE);
    const args = [REACHED_KEPT_SECONDS, dryRun ? 1 : 0, ...some.map(({ atMs }) => atMs ?? '')];
    const keys = some.map(({ key }) => key);
    fresh += Number(await script(redis, keys, args));
  }
  return fresh;
}

/** A subject as keys have it, and when it last reached a place, epoch ms. */
export interface KnownPlace {
  readonly subject: string;
  readonly place: string;
  readonly atMs: number;
}

/** Keys looked at in one step of the server. */
const LOOKED_AT_ONCE = '1000';

/** All that is known; one that is noted meanwhile may come twice or not at all. @throws {TollgateError} of the store */
export async function* knownPlaces(
  redis: Redis,
  { reachedBegin }: Pick<Keys, 'reachedBegin'>,
): AsyncGenerator<KnownPlace> {
  const pattern = `${reachedBegin.replaceAll(/[\\*?[\]]/g, '\\$&')}*`;
  let cursor = '0';
  do {
    const reply = await commandAt(redis, reachedBegin, 'SCAN', cursor, 'MATCH', pattern, 'COUNT', LOOKED_AT_ONCE);
    const [next, found] = Array.isArray(reply) ? reply : [];
    if (typeof next !== 'string' || !Array.isArray(found))
      throw new TypeError('SCAN answered something else than keys');
    const keys = found.map(String);
    const values = keys.length === 0 ? [] : await redis.mgetBuffer(...keys);
    for (const [at, key] of keys.entries()) {
      const [, place, subject] = /^([^:]*):(.*)$/s.exec(key.slice(reachedBegin.length)) ?? [];
      const value = values[at];
      if (place === undefined || subject === undefined || value?.length !== 6) continue;
      yield { subject, place, atMs: value.readUIntLE(0, 6) };
    }
    cursor = next;
  } while (cursor !== '0');
}
