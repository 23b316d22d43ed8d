/** Everything about who may come in, put together: users, passwords, second factors, log-ins, API keys. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../policy/settings.ts';
import type { Keys } from '../redis/keys.ts';
import { createLastHits, type LastHits } from '../store/last-hits.ts';
import { openVersionedDocument } from '../store/versioned-document.ts';
import { type ApiKeys, type ApiKeysDocument, createApiKeys, NO_KEYS, readApiKeys } from './api-keys.ts';
import { createDoor, type Door } from './door.ts';
import { createKnownAddresses } from './known-addresses.ts';
import { createLogIns, type LogIns } from './log-in.ts';
import { createLogInLimit } from './log-in-limit.ts';
import { createPasswords } from './password.ts';
import { createSecondFactor, type SecondFactor } from './second-factor.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { NO_USERS, readUsers, type UsersDocument } from './user.ts';
import { createUsers, type Users } from './users-store.ts';

export interface People {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly secondFactor: SecondFactor;
  readonly logIns: LogIns;
  readonly keys: ApiKeys;
  readonly door: Door;
  /** The extension whose calls somebody must not decide about: his own, unless the settings let him. */
  readonly ownExtension: (name: string) => string | undefined;
  /** When each user, or key by its id, was last seen. */
  readonly usersSeen: LastHits;
  readonly keysSeen: LastHits;
  readonly close: () => Promise<void>;
}

const TRY_AGAIN_MS = 2000;

/** @param deps.announce is given the first owner's password, once and for nobody else; absent: no owner is made */
export async function openPeople(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly node: string;
  readonly http: Parameters<typeof createDoor>[0]['http'];
  readonly defence: Parameters<typeof createDoor>[0]['defence'];
  /** Whether an address is on the allowlist. */
  readonly isAllowed: (address: string) => boolean;
  readonly settings: () => Settings;
  /** Somebody logged in from where he has not before. */
  readonly onNewAddress: (user: string, address: string) => void;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  readonly announce?: ((owner: { readonly name: string; readonly password: string }) => void) | undefined;
}): Promise<People> {
  const { redis, keys, clock, log, announce } = deps;
  const userDocument = await openVersionedDocument<UsersDocument>({
    ...{ ...deps, key: keys.users, what: 'the list of users', copyPath: join(deps.stateDir, 'users.json') },
    first: NO_USERS,
    read: readUsers,
  });
  const keyDocument = await openVersionedDocument<ApiKeysDocument>({
    ...{ ...deps, key: keys.apiKeys, what: 'the list of API keys', copyPath: join(deps.stateDir, 'api-keys.json') },
    first: NO_KEYS,
    read: readApiKeys,
  });
  const sessions = createSessions(redis, keys);
  const passwords = createPasswords();
  const secondFactor = createSecondFactor(redis, keys, clock);
  const users = createUsers({ document: userDocument, sessions, passwords, clock });
  const apiKeys = createApiKeys({ document: keyDocument, clock });
  const door = createDoor({ defence: deps.defence, clock, node: deps.node, http: deps.http });
  const usersSeen = createLastHits({
    ...{ redis, clock, key: keys.usersSeen },
    isListed: (name) => users.find(name) !== undefined,
  });
  const keysSeen = createLastHits({
    ...{ redis, clock, key: keys.apiKeysSeen },
    isListed: (id) => apiKeys.list().some((each) => each.id === id),
  });
  const places = createKnownAddresses(redis, keys, clock);
  const noteLogIn = (user: string, address: string): void => {
    places.note(user, address).then(
      (place) => (place === 'new' ? deps.onNewAddress(user, address) : undefined),
      (error: unknown) => log.warn({ user, problem: messageOf(error) }, 'from where somebody logged in is not kept'),
    );
  };
  const logIns = createLogIns({
    ...{ users, sessions, passwords, secondFactor, door, clock },
    ...{ isAllowed: deps.isAllowed, settings: deps.settings, noteSeen: usersSeen.note, noteLogIn },
    limit: createLogInLimit(redis, keys, clock),
  });

  const stopped = new AbortController();
  const makeFirstOwner = async (): Promise<void> => {
    const owner = await users.makeFirstOwner();
    if (owner !== undefined) announce?.(owner);
  };
  /** The store may come later than the daemon. */
  const untilThereIsAnOwner = async (problem: unknown): Promise<void> => {
    log.warn({ problem: messageOf(problem) }, 'whether there is an owner is not known while the store is away');
    while (!stopped.signal.aborted) {
      await sleep(TRY_AGAIN_MS, undefined, { signal: stopped.signal, ref: false }).catch(() => undefined);
      if (stopped.signal.aborted) return;
      const isKnown = await makeFirstOwner().then(
        () => true,
        () => false,
      );
      if (isKnown) return;
    }
  };
  let waiting = Promise.resolve();
  if (announce !== undefined)
    await makeFirstOwner().catch((error: unknown) => {
      waiting = untilThereIsAnOwner(error);
    });

  return {
    ...{ users, sessions, secondFactor, logIns, keys: apiKeys, door, usersSeen, keysSeen },
    ownExtension: (name) => (deps.settings().approvals.ownCalls ? undefined : users.find(name)?.extension),
    close: async () => {
      stopped.abort();
      await waiting;
      await Promise.all([usersSeen.close(), keysSeen.close()]);
      userDocument.close();
      keyDocument.close();
    },
  };
}
