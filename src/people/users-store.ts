/**
 * The users: added, changed and removed, with what must be true of them whoever changes them.
 *
 * Guarantees
 * - There is always an owner who may log in. The first one is made when there is nobody, by one daemon of all.
 * - What takes something from a user (role, password, second factor, being let in) ends his log-ins everywhere.
 * - A backup code counts once.
 *
 * Passwords in clear are seen here when they are set, and kept nowhere.
 */
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { VersionedDocument } from '../store/versioned-document.ts';
import { generatePassword, type Passwords } from './password.ts';
import { type Role, rolesInOrder } from './roles.ts';
import type { Sessions } from './sessions.ts';
import { backupCodeHash, newBackupCodes } from './totp.ts';
import { MOST_USERS, type User, type UsersDocument } from './user.ts';

export interface UserChange {
  /** All that he has then. */
  readonly roles?: readonly Role[] | undefined;
  readonly enabled?: boolean | undefined;
  /** `null`: he has none. Ends no log-in. */
  readonly extension?: string | null | undefined;
  /** `chance`: one is made, and returned to be shown once. */
  readonly password?: { readonly text: string } | 'chance' | undefined;
  /** Takes the second factor away, for a phone that was lost. */
  readonly totp?: null | undefined;
}

/** Each throws {@link TollgateError} `STORE_UNAVAILABLE`, `CONFLICT`; `NOT_FOUND` where the user is none. */
export interface Users {
  readonly list: () => readonly User[];
  readonly find: (name: string) => User | undefined;
  /** @returns the password as well if it was left to chance: to be shown once */
  readonly add: (
    user: Pick<User, 'name' | 'roles'> & { readonly password?: string | undefined },
    by: string,
  ) => Promise<{ readonly user: User; readonly password: string | undefined }>;
  /** @returns the user before and after */
  readonly change: (
    name: string,
    change: UserChange,
    by: string,
  ) => Promise<{ readonly before: User; readonly after: User; readonly password: string | undefined }>;
  readonly remove: (name: string, by: string) => Promise<User>;
  /** @returns backup codes, to be shown once */
  readonly setTotp: (name: string, secret: string, by: string) => Promise<readonly string[]>;
  readonly newBackupCodes: (name: string, by: string) => Promise<readonly string[]>;
  /** Whether it is one of his that was not used yet. It is used up by that. */
  readonly takeBackupCode: (name: string, code: string) => Promise<boolean>;
  /** The password of the first owner if this daemon made him now; undefined where there was somebody already. */
  readonly makeFirstOwner: () => Promise<{ readonly name: string; readonly password: string } | undefined>;
}

const FIRST_OWNER = 'owner';

export function createUsers(deps: {
  readonly document: Pick<VersionedDocument<UsersDocument>, 'current' | 'change'>;
  readonly sessions: Pick<Sessions, 'endAll'>;
  readonly passwords: Pick<Passwords, 'hash'>;
  readonly clock: Pick<Clock, 'now'>;
}): Users {
  const { document, sessions, passwords } = deps;
  const list = (): readonly User[] => document.current().document.users;
  const now = (): string => new Date(deps.clock.now()).toISOString();

  const write = async (edit: (users: readonly User[]) => readonly User[], by: string): Promise<void> => {
    await document.change(({ users }) => {
      const next = edit(users);
      if (users.some(isOwner) && !next.some(isOwner))
        throw new TollgateError('CONFLICT', 'this is the last owner who may log in; make another one first');
      return { users: next };
    }, by);
  };

  /** Changes one user; what the edit leaves as it is changes nothing. */
  const edit = async (
    name: string,
    make: (user: User) => User,
    by: string,
  ): Promise<{ readonly before: User; readonly after: User }> => {
    let made: { readonly before: User; readonly after: User } | undefined;
    await write((users) => {
      const before = find(users, name);
      const after = make(before);
      made = { before, after };
      return users.map((each) => (each === before ? after : each));
    }, by);
    if (made === undefined) throw noUser(name);
    if (made.before.epoch !== made.after.epoch) await sessions.endAll(name);
    return made;
  };

  const newUser = async (user: Pick<User, 'name' | 'roles'>, password: string, by: string): Promise<User> => ({
    name: user.name,
    roles: rolesInOrder(user.roles),
    enabled: true,
    passwordHash: await passwords.hash(password),
    passwordChangedAt: now(),
    totp: null,
    backupCodes: [],
    epoch: 1,
    createdAt: now(),
    createdBy: by,
  });

  return {
    list,
    find: (name) => list().find((each) => each.name === name),
    add: async ({ password, ...user }, by) => {
      const chance = password === undefined ? generatePassword() : undefined;
      const made = await newUser(user, password ?? chance ?? '', by);
      await write((users) => {
        if (users.some(({ name }) => name === made.name))
          throw new TollgateError('CONFLICT', `there is a user "${made.name}" already`);
        if (users.length >= MOST_USERS)
          throw new TollgateError('CONFLICT', `there are ${MOST_USERS} users; remove one first`);
        return [...users, made];
      }, by);
      // Of one of the same name who was removed.
      await sessions.endAll(made.name);
      return { user: made, password: chance };
    },
    change: async (name, change, by) => {
      const { password } = change;
      const chance = password === 'chance' ? generatePassword() : undefined;
      const text = typeof password === 'object' ? password.text : chance;
      const passwordHash = text === undefined ? undefined : await passwords.hash(text);
      const changed = await edit(
        name,
        (user) => {
          const { extension: had, ...rest } = user;
          const extension = change.extension === undefined ? had : (change.extension ?? undefined);
          const moved: User = { ...rest, ...(extension === undefined ? {} : { extension }) };
          const next: User = {
            ...moved,
            roles: rolesInOrder(change.roles ?? user.roles),
            enabled: change.enabled ?? user.enabled,
            ...(change.totp === null ? { totp: null, backupCodes: [] } : {}),
            ...(passwordHash === undefined ? {} : { passwordHash, passwordChangedAt: now() }),
          };
          if (JSON.stringify(next) !== JSON.stringify(moved)) return { ...next, epoch: user.epoch + 1 };
          return extension === had ? user : moved;
        },
        by,
      );
      return { ...changed, password: chance };
    },
    remove: async (name, by) => {
      let removed: User | undefined;
      await write((users) => {
        removed = find(users, name);
        return users.filter((each) => each !== removed);
      }, by);
      if (removed === undefined) throw noUser(name);
      await sessions.endAll(name);
      return removed;
    },
    setTotp: async (name, secret, by) => {
      const { codes, hashes } = newBackupCodes();
      const totp = { secret, since: now() };
      await edit(name, (user) => ({ ...user, totp, backupCodes: hashes, epoch: user.epoch + 1 }), by);
      return codes;
    },
    newBackupCodes: async (name, by) => {
      const { codes, hashes } = newBackupCodes();
      await edit(name, (user) => ({ ...user, backupCodes: hashes }), by);
      return codes;
    },
    takeBackupCode: async (name, code) => {
      const hash = backupCodeHash(code);
      const { before } = await edit(
        name,
        (user) =>
          user.backupCodes.includes(hash)
            ? { ...user, backupCodes: user.backupCodes.filter((each) => each !== hash) }
            : user,
        `web ${name}`,
      );
      return before.backupCodes.includes(hash);
    },
    makeFirstOwner: async () => {
      if (list().length > 0) return undefined;
      const password = generatePassword();
      const owner = await newUser({ name: FIRST_OWNER, roles: ['owner'] }, password, 'first start');
      let isFirst = false;
      await write((users) => {
        isFirst = users.length === 0;
        return isFirst ? [owner] : users;
      }, 'first start');
      return isFirst ? { name: owner.name, password } : undefined;
    },
  };
}

const isOwner = ({ roles, enabled }: User): boolean => roles.includes('owner') && enabled;

function find(users: readonly User[], name: string): User {
  const found = users.find((each) => each.name === name);
  if (found === undefined) throw noUser(name);
  return found;
}

const noUser = (name: string): TollgateError =>
  new TollgateError('NOT_FOUND', `there is no user "${name}"; tollgate users list names them all`);
