/**
 * Logging in: name, password and code against what is kept, and what becomes of it.
 *
 * Guarantees
 * - One answer for everything that is wrong, and as much work for it: nobody learns from it which names there are.
 * - A code is used up only together with the right password.
 * - Each log-in has a cookie that nobody had before; one that came with the request ends.
 * - Who was changed since in a way that ends log-ins is not logged in, whatever the store still has.
 */
import type { Clock } from '../clock.ts';
import { parseDuration } from '../policy/duration.ts';
import type { Settings } from '../policy/settings.ts';
import type { Door } from './door.ts';
import type { LogInLimit } from './log-in-limit.ts';
import type { Passwords } from './password.ts';
import { type Permission, permissionsOf } from './roles.ts';
import type { SecondFactor } from './second-factor.ts';
import type { Session, Sessions } from './sessions.ts';
import { isTotpCode } from './totp.ts';
import { needsSecondFactor, type User } from './user.ts';
import type { Users } from './users-store.ts';

export interface Visit {
  readonly address: string;
  readonly agent: string;
  /** The cookie that came with the request. */
  readonly cookie: string | undefined;
}

export type LogInAnswer =
  | { readonly outcome: 'in'; readonly user: User; readonly cookie: string; readonly endsAt: number }
  /** `left`: how many more may fail before the address is banned, where one is. */
  | { readonly outcome: 'refused'; readonly left: Awaited<ReturnType<Door['left']>> }
  | { readonly outcome: 'wait'; readonly retryAfterSeconds: number };

/** Who a cookie is of. */
export interface LoggedIn {
  readonly user: User;
  readonly session: Session;
  /** His roles'; of an owner without a second factor only `own`. */
  readonly permissions: ReadonlySet<Permission>;
}

/** Each throws {@link TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export interface LogIns {
  /** @param attempt.code of the app or a backup code; what is given where none is needed is not looked at @throws `TOO_MANY` */
  readonly logIn: (
    attempt: { readonly name: string; readonly password: string; readonly code: string },
    visit: Visit,
  ) => Promise<LogInAnswer>;
  /** A new cookie for somebody who is logged in, after what ended his log-ins. */
  readonly renew: (name: string, visit: Visit) => Promise<{ readonly cookie: string; readonly endsAt: number }>;
  readonly whoIs: (cookie: string, use: 'used' | 'looked at') => Promise<LoggedIn | undefined>;
  /** Whether these are the password and a code of somebody who is logged in, before he changes what they open. */
  readonly isHim: (
    user: User,
    proof: { readonly password: string; readonly code?: string | undefined },
    visit: Visit,
  ) => Promise<'yes' | 'no' | { readonly retryAfterSeconds: number }>;
}

const ONLY_OWN: ReadonlySet<Permission> = new Set(['own'] satisfies Permission[]);

export function createLogIns(deps: {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly passwords: Passwords;
  readonly secondFactor: Pick<SecondFactor, 'take'>;
  readonly limit: LogInLimit;
  readonly door: Door;
  readonly isAllowed: (address: string) => boolean;
  readonly settings: () => Settings;
  readonly noteSeen: (name: string) => void;
  /** Somebody was let in. */
  readonly noteLogIn: (name: string, address: string) => void;
  readonly clock: Pick<Clock, 'now'>;
}): LogIns {
  const { users, sessions, passwords, limit, door } = deps;

  const takeCode = (user: User, code: string): Promise<boolean> => {
    if (user.totp === null) return Promise.resolve(true);
    return isTotpCode(code)
      ? deps.secondFactor.take(user.name, user.totp.secret, code)
      : users.takeBackupCode(user.name, code);
  };

  const open = (user: User, { address, agent, cookie }: Visit): ReturnType<Sessions['open']> => {
    const { idle, lasts } = deps.settings().sessions;
    return sessions.open({
      ...{ user: user.name, epoch: user.epoch, address, agent, instead: cookie },
      idleMs: parseDuration(idle) ?? 0,
      lastsMs: parseDuration(lasts) ?? 0,
    });
  };

  /** Counted, limited, and told to the defence. */
  const prove = async (
    name: string,
    user: User | undefined,
    proof: { readonly password: string; readonly code: string | undefined },
    address: string,
  ): Promise<boolean | { readonly retryAfterSeconds: number }> => {
    const attempt = { service: 'web', address, account: name } as const;
    const fail = (): void => door.failed({ ...attempt, kind: user === undefined ? 'unknown-account' : 'log-in' });
    const counted = await limit.count(address, name, { trusted: deps.isAllowed(address) });
    if ('retryAfterSeconds' in counted) {
      fail();
      return counted;
    }
    const isRight = await passwords.verify(user?.passwordHash, proof.password);
    const mayCome = isRight && user?.enabled === true;
    if (!mayCome || (proof.code !== undefined && !(await takeCode(user, proof.code)))) {
      fail();
      return false;
    }
    await counted.forgive();
    return true;
  };

  return {
    logIn: async ({ name, password, code }, visit) => {
      const wanted = name.trim().toLowerCase();
      const user = users.find(wanted);
      const proved = await prove(wanted, user, { password, code }, visit.address);
      if (typeof proved === 'object') return { outcome: 'wait', ...proved };
      if (!proved || user === undefined) return { outcome: 'refused', left: await door.left(visit.address) };
      door.passed({ service: 'web', address: visit.address, account: wanted });
      deps.noteSeen(wanted);
      deps.noteLogIn(wanted, visit.address);
      // As he was when he proved himself: a change meanwhile that ends his log-ins ends this one.
      return { outcome: 'in', user, ...(await open(user, visit)) };
    },
    renew: (name, visit) => {
      const user = users.find(name);
      if (user === undefined) throw new Error('nobody is logged in by that name');
      return open(user, visit);
    },
    whoIs: async (cookie, use) => {
      const session = await sessions.find(cookie, use);
      if (session === undefined) return undefined;
      const user = users.find(session.user);
      if (user === undefined || !user.enabled || user.epoch !== session.epoch) return undefined;
      if (use === 'used') deps.noteSeen(user.name);
      return { user, session, permissions: needsSecondFactor(user) ? ONLY_OWN : permissionsOf(...user.roles) };
    },
    isHim: async (user, { password, code }, { address }) => {
      const proved = await prove(user.name, user, { password, code }, address);
      if (typeof proved === 'object') return proved;
      return proved ? 'yes' : 'no';
    },
  };
}
