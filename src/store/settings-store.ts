/** The settings of the defence in the store: a versioned document with a copy on this host, see versioned-document.ts. */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { formatProblem } from '../policy/problem.ts';
import { DEFAULT_SETTINGS, type Settings } from '../policy/settings.ts';
import { readSettings } from '../policy/settings-document.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument, type VersionedDocument } from './versioned-document.ts';

export type SettingsStore = VersionedDocument<Settings>;

export const openSettingsStore = (deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'settings'>;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<SettingsStore> =>
  openVersionedDocument<Settings>({
    redis: deps.redis,
    key: deps.keys.settings,
    what: 'the settings',
    copyPath: join(deps.stateDir, 'settings.json'),
    first: DEFAULT_SETTINGS,
    read: (value) => {
      const read = readSettings(value);
      return 'settings' in read ? read.settings : { problem: read.problems.map(formatProblem).join('; ') };
    },
    clock: deps.clock,
    log: deps.log,
    durably: deps.durably,
  });
