/** The address allowlist in the store: a versioned document with a copy on this host, see versioned-document.ts. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { type AllowlistDocument, EMPTY_ALLOWLIST, readAllowlist } from '../policy/allowlist.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument, type VersionedDocument } from './versioned-document.ts';

export type AllowlistStore = VersionedDocument<AllowlistDocument>;

export const openAllowlistStore = (deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'allowlist'>;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<AllowlistStore> =>
  openVersionedDocument({
    redis: deps.redis,
    key: deps.keys.allowlist,
    what: 'the allowlist',
    copyPath: join(deps.stateDir, 'allowlist.json'),
    first: EMPTY_ALLOWLIST,
    read: readAllowlist,
    clock: deps.clock,
    log: deps.log,
    durably: deps.durably,
  });
