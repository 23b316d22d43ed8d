/** The typed face of note-reached.lua: when subjects last reached places. It knows nothing of rules. */
import type { Redis } from 'ioredis';
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
