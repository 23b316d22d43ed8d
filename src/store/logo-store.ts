/** The logo of the log-in page in the store: one file, the same for all daemons. */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';

export interface Logo {
  readonly type: string;
  readonly file: Buffer;
  /** SHA-256 of the file, in hex. */
  readonly digest: string;
}

/** Each throws {@link TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export interface LogoStore {
  readonly get: () => Promise<Logo | undefined>;
  readonly digest: () => Promise<{ readonly digest: string; readonly bytes: number } | undefined>;
  readonly put: (type: string, file: Buffer) => Promise<Logo>;
  readonly remove: () => Promise<void>;
}

export function createLogoStore(redis: Redis, keys: Pick<Keys, 'logo'>): LogoStore {
  return {
    get: async () => {
      const { type, file, digest } = await redis.hgetall(keys.logo).catch(fail);
      return type === undefined || file === undefined || digest === undefined
        ? undefined
        : { type, file: Buffer.from(file, 'base64'), digest };
    },
    digest: async () => {
      const [digest, bytes] = await redis.hmget(keys.logo, 'digest', 'bytes').catch(fail);
      return typeof digest === 'string' ? { digest, bytes: Number(bytes) } : undefined;
    },
    put: async (type, file) => {
      const digest = createHash('sha256').update(file).digest('hex');
      await redis.hset(keys.logo, { type, digest, bytes: file.length, file: file.toString('base64') }).catch(fail);
      return { type, file, digest };
    },
    remove: async () => {
      await redis.del(keys.logo).catch(fail);
    },
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};
