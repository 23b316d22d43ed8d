/**
 * Log-ins that last: opened, looked up with every request, ended.
 *
 * Guarantees
 * - All daemons have the same ones: they are in the store and nowhere else, so one that is ended is ended everywhere with
 *   the next request.
 * - The store holds no cookie, only its SHA-256; who reads the store cannot log in by what he finds.
 * - Each ends after a while without requests, and after a longer one in any case, by the clock of the store.
 *
 * Knows nothing of passwords, and not who may log in.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { storeTimeMs } from '../redis/command-at.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';

const MOST_OF_ONE_USER = 20;
const COOKIE_BYTES = 32;
const LONGEST_AGENT = 160;

const openScript = createScript('open-session');
const useScript = createScript('use-session');
const endScript = createScript('end-sessions');

const keptSchema = z.object({
  user: z.string(),
  /** Of the user when it was opened. */
  epoch: z.number(),
  address: z.string(),
  agent: z.string(),
  openedAt: z.number(),
  seenAt: z.number(),
  endsAt: z.number(),
  idleMs: z.number(),
});

/** Times are epoch ms, by the store's clock. */
export interface Session extends Readonly<z.output<typeof keptSchema>> {
  /** To name it by. Not the cookie, and of no use to log in. */
  readonly id: string;
}

export interface NewSession {
  readonly user: string;
  readonly epoch: number;
  /** From where it was opened. */
  readonly address: string;
  /** What the browser calls itself. */
  readonly agent: string;
  readonly lastsMs: number;
  readonly idleMs: number;
  /** Whose place it takes: that one ends. */
  readonly instead?: string | undefined;
}

/** Each throws {@link TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export interface Sessions {
  /** @returns the cookie, known to nobody before, and when the log-in ends at the latest */
  readonly open: (session: NewSession) => Promise<{ readonly cookie: string; readonly endsAt: number }>;
  /** @param use whether a person did something, or a page merely stays open */
  readonly find: (cookie: string, use: 'used' | 'looked at') => Promise<Session | undefined>;
  /** Latest first. */
  readonly of: (user: string) => Promise<readonly Session[]>;
  /** How many each user has. */
  readonly counts: () => Promise<ReadonlyMap<string, number>>;
  readonly close: (cookie: string) => Promise<void>;
  /** Ends one of a user's. False: he has none of this id. */
  readonly end: (user: string, id: string) => Promise<boolean>;
  /** @returns how many were ended */
  readonly endAll: (user: string) => Promise<number>;
}

export function createSessions(redis: Redis, keys: Pick<Keys, 'sessions'>): Sessions {
  const all = async (): Promise<readonly Session[]> => {
    const time = storeTimeMs(redis, keys.sessions);
    const [fields, now] = await Promise.all([redis.hgetall(keys.sessions), time]).catch(fail);
    // The next log-in of anybody clears away those that are over.
    return Object.entries(fields)
      .flatMap(([field, text]) => read(field, text) ?? [])
      .filter(({ endsAt, seenAt, idleMs }) => endsAt > now && seenAt + idleMs > now);
  };
  const of = async (user: string): Promise<readonly Session[]> =>
    (await all()).filter((each) => each.user === user).sort((a, b) => b.seenAt - a.seenAt);

  return {
    open: async ({ user, lastsMs, idleMs, instead, agent, epoch, address }) => {
      const cookie = randomBytes(COOKIE_BYTES).toString('base64url');
      const kept = JSON.stringify({ epoch, address, agent: agent.slice(0, LONGEST_AGENT) });
      const replaced = instead === undefined ? '' : fieldOf(instead);
      const args = [fieldOf(cookie), kept, user, lastsMs, idleMs, MOST_OF_ONE_USER, replaced];
      return { cookie, endsAt: Number(await openScript(redis, [keys.sessions], args)) };
    },
    find: async (cookie, use) => {
      const field = fieldOf(cookie);
      const text = await useScript(redis, [keys.sessions], [field, use === 'used' ? 1 : 0]);
      return typeof text === 'string' ? read(field, text) : undefined;
    },
    of,
    counts: async () => {
      const counts = new Map<string, number>();
      for (const { user } of await all()) counts.set(user, (counts.get(user) ?? 0) + 1);
      return counts;
    },
    close: async (cookie) => {
      await remove(redis, keys.sessions, fieldOf(cookie));
    },
    end: async (user, id) => {
      const fields = await redis.hkeys(keys.sessions).catch(fail);
      const own = new Set((await of(user)).map((each) => each.id));
      const field = fields.find((each) => idOf(each) === id);
      return field !== undefined && own.has(id) && (await remove(redis, keys.sessions, field)) === 1;
    },
    endAll: async (user) => Number(await endScript(redis, [keys.sessions], [user])),
  };
}

const remove = (redis: Redis, key: string, field: string): Promise<number> => redis.hdel(key, field).catch(fail);

const fail = (error: unknown): never => {
  throw storeError(error);
};

const fieldOf = (cookie: string): string => createHash('sha256').update(cookie).digest('hex');
const idOf = (field: string): string => field.slice(0, 16);

function read(field: string, text: string): Session | undefined {
  const parsed = keptSchema.safeParse(JSON.parse(text));
  return parsed.success ? { id: idOf(field), ...parsed.data } : undefined;
}
