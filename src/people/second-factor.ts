/**
 * One-time codes in the store: a second factor being set up, and codes that were used.
 *
 * Guarantees: a code is good once, on all daemons together (RFC 6238 section 5.2); a secret becomes somebody's second
 * factor after he has shown a code of it, and not before.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';
import { newTotpSecret, STEP_LASTS_SECONDS, stepOf, totpUri } from './totp.ts';

const SET_UP_WITHIN_SECONDS = 900;

/** What is shown once, to be put into an authenticator app. */
export interface NewFactor {
  /** Base32, for who types it. */
  readonly secret: string;
  /** `otpauth://…`, for a QR code. */
  readonly uri: string;
}

/** Each throws {@link TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export interface SecondFactor {
  /** Begins, anew if it was begun before. */
  readonly begin: (user: string) => Promise<NewFactor>;
  /** The secret that was begun with, if this is a code of it; then the next has to be begun. */
  readonly prove: (user: string, code: string) => Promise<string | undefined>;
  /** Whether it is a code of now, and nobody has used it. It is used up by that. */
  readonly take: (user: string, secret: string, code: string) => Promise<boolean>;
}

export function createSecondFactor(
  redis: Redis,
  keys: Pick<Keys, 'newTotp' | 'usedTotp'>,
  clock: Pick<Clock, 'now'>,
): SecondFactor {
  const take = async (user: string, secret: string, code: string): Promise<boolean> => {
    const step = stepOf(secret, code, clock.now());
    if (step === undefined) return false;
    const key = keys.usedTotp(user, step);
    return (await redis.set(key, '1', 'EX', STEP_LASTS_SECONDS, 'NX').catch(fail)) === 'OK';
  };
  return {
    take,
    begin: async (user) => {
      const secret = newTotpSecret();
      await redis.set(keys.newTotp(user), secret, 'EX', SET_UP_WITHIN_SECONDS).catch(fail);
      return { secret, uri: totpUri(secret, user) };
    },
    prove: async (user, code) => {
      const secret = await redis.get(keys.newTotp(user)).catch(fail);
      if (secret === null || !(await take(user, secret, code))) return undefined;
      // Two who prove at once: one of them finds it gone.
      return (await redis.del(keys.newTotp(user)).catch(fail)) === 1 ? secret : undefined;
    },
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};
