/**
 * Passwords: hashed with Argon2id, verified, and made by chance.
 *
 * Guarantees: verifying takes as long for a user that there is not as for one that there is; few run at once, so that a
 * flood of log-ins takes neither the memory nor the cores that calls need. Hashing runs beside the event loop.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { TollgateError } from '../errors.ts';

export interface Passwords {
  /** @throws {TollgateError} `TOO_MANY` */
  readonly hash: (password: string) => Promise<string>;
  /** @param hashed undefined: there is no such user; the answer is no, and takes as long @throws {TollgateError} `TOO_MANY` */
  readonly verify: (hashed: string | undefined, password: string) => Promise<boolean>;
}

/**
 * OWASP's first choice for Argon2id, the library's default algorithm: 19 MiB, two passes. About 20 ms of one core here.
 * https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const;
/** Libuv has four threads, and files and names need them too. */
const AT_ONCE = 2;
const MOST_WAITING = 32;

export function createPasswords(): Passwords {
  const waiting: Array<() => void> = [];
  let running = 0;
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    if (running < AT_ONCE) running += 1;
    else if (waiting.length >= MOST_WAITING)
      throw new TollgateError('TOO_MANY', 'too many people are logging in at once; try again in a few seconds');
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  };
  // Made when it is needed first: a start should not wait for it.
  let nobody: Promise<string> | undefined;
  const hashOfNobody = (): Promise<string> => {
    nobody ??= hash(randomBytes(32), COST);
    return nobody;
  };

  return {
    hash: (password) => inTurn(() => hash(normal(password), COST)),
    verify: (hashed, password) =>
      inTurn(async () => {
        const stranger = await hashOfNobody();
        const isRight = await verify(hashed ?? stranger, normal(password));
        return isRight && hashed !== undefined;
      }),
  };
}

/** The same characters may come as different bytes from different keyboards: NIST SP 800-63B section 5.1.1.2. */
const normal = (password: string): string => password.normalize('NFKC');

/** Without those that are taken for one another. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
const GENERATED = 24;

/** 24 characters by chance: 139 bits. */
export const generatePassword = (): string =>
  Array.from({ length: GENERATED }, () => LETTERS[randomInt(LETTERS.length)] ?? '').join('');
