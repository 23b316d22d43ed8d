/**
 * Links by which whoever was told of an incident acknowledges it.
 *
 * A link is the incident and the person, signed with HMAC-SHA-256 (RFC 2104) by a secret in the store, which is made the
 * first time and is the same on every node. Opening one changes nothing. Whoever deletes the secret has voided all links.
 * It ends when the incident is no longer kept.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Keys } from '../redis/keys.ts';

export interface AcknowledgementLinks {
  /** The last part of the address. @throws {TollgateError} of the store */
  readonly tokenFor: (incident: string, person: string) => Promise<string>;
  /** Undefined unless every character is as it was signed. @throws {TollgateError} of the store */
  readonly read: (token: string) => Promise<AcknowledgementClaim | undefined>;
}

export interface AcknowledgementClaim {
  readonly incident: string;
  readonly person: string;
}

/** Where links lead: `PATH/TOKEN`. */
export const ACKNOWLEDGE_PATH = '/k';
const LONGEST_TOKEN = 1024;
const SECRET_BYTES = 32;

const claimSchema = z.tuple([z.string().min(1).max(64), z.string().min(1).max(64)]);

export function createAcknowledgementLinks(redis: Redis, keys: Keys): AcknowledgementLinks {
  const madeSecret = async (): Promise<string> => {
    const fresh = randomBytes(SECRET_BYTES).toString('base64url');
    await redis.set(keys.alertSecret, fresh, 'NX');
    return (await redis.get(keys.alertSecret)) ?? fresh;
  };
  return {
    tokenFor: async (incident, person) => {
      const payload = Buffer.from(JSON.stringify([incident, person])).toString('base64url');
      return `${payload}.${signatureOf(await madeSecret(), payload)}`;
    },
    read: async (token) => {
      if (token.length > LONGEST_TOKEN || !/^[\w-]+\.[\w-]{43}$/.test(token)) return undefined;
      const secret = await redis.get(keys.alertSecret);
      const [payload = '', signature = ''] = token.split('.');
      if (secret === null) return undefined;
      if (!timingSafeEqual(Buffer.from(signature), Buffer.from(signatureOf(secret, payload)))) return undefined;
      const [incident, person] = claimSchema.parse(JSON.parse(Buffer.from(payload, 'base64url').toString()));
      return { incident, person };
    },
  };
}

const signatureOf = (secret: string, payload: string): string =>
  createHmac('sha256', secret).update(`alert ${payload}`).digest('base64url');
