/** A versioned document in the store, read and replaced as it stands; whoever follows it (versioned-document.ts) takes it over. */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import { createScript } from '../redis/scripts.ts';
import type { Versioned } from './versioned-document.ts';

const storeScript = createScript('store-document');

export interface StoredDocument {
  /** Version 0 where none is stored. @throws {TollgateError} of the store */
  readonly current: () => Promise<Versioned<unknown>>;
  /** @throws {TollgateError} `CONFLICT`: somebody else was faster; those of the store */
  readonly replace: (document: unknown, by: string) => Promise<void>;
}

export function createStoredDocument(deps: {
  readonly redis: Redis;
  readonly key: string;
  readonly clock: Clock;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): StoredDocument {
  const { redis, key, clock } = deps;
  const current = async (): Promise<Versioned<unknown>> => {
    const { version = '0', document = 'null', changedAt = '', changedBy = '' } = await redis.hgetall(key);
    return { version: Number(version), document: JSON.parse(document) as unknown, changedAt, changedBy };
  };
  return {
    current,
    replace: async (document, by) => {
      const { version } = await current();
      const changedAt = new Date(clock.now()).toISOString();
      const args = [version, version + 1, JSON.stringify(document), changedAt, by];
      if ((await deps.durably(() => storeScript(redis, [key], args))) !== 1)
        throw new TollgateError('CONFLICT', 'somebody else changed it at the same time; try again');
    },
  };
}
