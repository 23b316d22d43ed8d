/**
 * Makes the few writes that people wait for (the policy) survive a power cut once they are acknowledged.
 *
 * The private store writes its append-only file with every command and syncs it once a second, which survives the death
 * of either process but not a power cut. For these writes it syncs at once. An external store keeps the durability that
 * its operator gave it.
 */
import type { Redis } from 'ioredis';

export function createDurableWrites(
  redis: Redis,
  options: { readonly embedded: boolean },
): <T>(write: () => Promise<T>) => Promise<T> {
  if (!options.embedded) return (write) => write();
  // One at a time: the second would otherwise find the mode set back while it still writes.
  let last: Promise<unknown> = Promise.resolve();
  return (write) => {
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
  };
}
