/**
 * Messages that wait for their channel: claimed for a time, sent, and taken out when the other side has them. At least
 * once, in their order for one incident and channel, by whichever daemon is there.
 *
 * Knows how often and how fast a channel is tried: back-off with jitter, its own limit a minute, a rest when it fails
 * several times in a row, and giving up after a day.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';
import { KIND_NAMES, SEVERITIES } from './alert.ts';
import type { DeliveryFailed } from './delivery-failed.ts';
import { EVENTS } from './grouping.ts';

const epochMs = z.int().transform((at) => at as EpochMs);

const messageSchema = z.object({
  id: z.string(),
  incident: z.string(),
  event: z.enum([...EVENTS, 'digest', 'test']),
  kind: z.enum(KIND_NAMES),
  severity: z.enum(SEVERITIES),
  at: epochMs,
  node: z.string(),
  rule: z.string().nullable(),
  subject: z.string().nullable(),
  count: z.int(),
  title: z.string(),
  lines: z.array(z.string()),
  links: z.array(z.object({ text: z.string(), url: z.string() })),
});

/** One message for one channel. */
export const deliverySchema = z.object({
  /** That of the message. */
  id: z.string(),
  channel: z.string(),
  incident: z.string(),
  dueAt: epochMs,
  /** Waits for the end of quiet hours, and may go together with others. */
  deferred: z.boolean(),
  /** The held call that it is about: of no use when that is over. */
  approval: z.object({ id: z.string(), expiresAt: epochMs }).nullable(),
  message: messageSchema,
});
export type Delivery = Readonly<z.infer<typeof deliverySchema>>;

const deadSchema = z.object({ delivery: deliverySchema, at: epochMs, attempts: z.int(), problem: z.string() });
/** A message that was given up. */
export type DeadLetter = Readonly<z.infer<typeof deadSchema>>;

/** Messages of one incident that this daemon has for the time of a lease. */
export interface Claim {
  readonly channel: string;
  readonly incident: string;
  /** In their order; empty where what was kept cannot be read. */
  readonly deliveries: readonly Delivery[];
  /** With the first of them, this one included. */
  readonly attempts: number;
  /** Failures of the channel in a row, before this. */
  readonly fails: number;
}

export interface ChannelState {
  readonly waiting: number;
  readonly fails: number;
  /** Rests until then; null: it does not. */
  readonly restsUntil: EpochMs | null;
}

export interface Outbox {
  /** @param limits.atOnce messages that may go one right behind the other; `leaseMs` is longer than an attempt may take, or it is kept */
  readonly claim: (
    channel: string,
    limits: {
      readonly perMinute: number;
      readonly most: number;
      readonly atOnce: number;
      readonly leaseMs: number;
    },
  ) => Promise<readonly Claim[]>;
  /** Their leases go on from now, for attempts that take long. */
  readonly keep: (claims: readonly Claim[], leaseMs: number) => Promise<void>;
  /** The other side has it. */
  readonly done: (claim: Claim, delivery: Delivery) => Promise<void>;
  /** It did not take it: tried again later, or given up. */
  readonly failed: (claim: Claim, delivery: Delivery, why: DeliveryFailed) => Promise<'later' | 'dead'>;
  /** It is of no use any more. */
  readonly drop: (claim: Claim, delivery: Delivery | undefined) => Promise<void>;
  /** Newest first. */
  readonly dead: (most: number) => Promise<readonly DeadLetter[]>;
  /** Puts them back where they were, due now. @returns how many */
  readonly retryDead: (isMeant: (letter: DeadLetter) => boolean) => Promise<number>;
  readonly state: (channel: string) => Promise<ChannelState>;
  /** Of each incident and channel: what waits there to be sent; undefined where nothing does. */
  readonly waiting: (
    of: readonly { readonly channel: string; readonly incident: string }[],
  ) => Promise<readonly (WaitingMessage | undefined)[]>;
}

export interface WaitingMessage {
  /** When it is tried; for the time of an attempt, when that is over. */
  readonly dueAt: EpochMs;
  /** How often it was tried. */
  readonly attempts: number;
}

/** Incidents, and messages that wait or were given up. */
export const ALERTS_KEPT_SECONDS = 30 * 86_400;
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 600_000;
const GIVE_UP_AFTER_MS = 86_400_000;
/** From so many failures in a row a channel rests. */
export const FAILURES_BEFORE_REST = 5;
const FIRST_REST_MS = 15_000;
const MOST_DEAD = 1000;
const MOST_OF_ONE_INCIDENT = 50;

const claimScript = createScript('claim-deliveries');
const settleScript = createScript('settle-delivery');

/** Doubling from `first` to `longest`, of which a random half is taken off, so that daemons do not come in step. */
export const pauseMs = (times: number, first: number, longest: number, random: () => number): number =>
  Math.round(Math.min(longest, first * 2 ** Math.min(times - 1, 20)) * (0.5 + random() / 2));

/** Every call throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export function createOutbox(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly now: () => EpochMs;
  readonly random?: () => number;
}): Outbox {
  const { redis, keys, now } = deps;
  const random = deps.random ?? Math.random;

  const settle = async (
    claim: Pick<Claim, 'channel' | 'incident'>,
    id: string,
    what: {
      readonly outcome: 'done' | 'later' | 'dead';
      readonly againAt?: number;
      readonly channel: 'ok' | 'failed' | '';
      readonly restsUntil?: number;
      readonly letter?: DeadLetter;
    },
  ): Promise<void> => {
    const { channel, incident } = claim;
    await settleScript(
      redis,
      [
        keys.alertQueue(channel, incident),
        keys.alertSends(channel),
        keys.alertAttempts(channel),
        keys.alertChannel(channel),
        keys.alertDead,
      ],
      [
        incident,
        id,
        what.outcome,
        Math.round(what.againAt ?? 0),
        what.channel,
        Math.round(what.restsUntil ?? 0),
        what.letter === undefined ? '' : JSON.stringify(what.letter),
        MOST_DEAD,
        ALERTS_KEPT_SECONDS,
      ],
    );
  };

  return {
    claim: async (channel, { perMinute, most, atOnce, leaseMs }) => {
      const costMs = Math.ceil(60_000 / perMinute);
      const reply = await claimScript(
        redis,
        [keys.alertSends(channel), keys.alertAttempts(channel), keys.alertChannel(channel)],
        [now(), now() + leaseMs, most, costMs, costMs * (atOnce - 1), FAILURES_BEFORE_REST, ALERTS_KEPT_SECONDS],
      );
      const [fails = 0, ...pairs] = Array.isArray(reply) ? reply : [];
      const claims: Claim[] = [];
      for (let at = 0; at < pairs.length; at += 2) {
        const incident = String(pairs[at]);
        const texts = await redis.lrange(keys.alertQueue(channel, incident), 0, MOST_OF_ONE_INCIDENT - 1).catch(fail);
        const deliveries = texts.flatMap((text) => readAs(deliverySchema, text) ?? []);
        claims.push({ channel, incident, deliveries, attempts: Number(pairs[at + 1]), fails: Number(fails) });
      }
      return claims;
    },
    keep: async (claims, leaseMs) => {
      const [first] = claims;
      if (first === undefined) return;
      const until = claims.flatMap(({ incident }) => [now() + leaseMs, incident]);
      await redis.zadd(keys.alertSends(first.channel), 'XX', 'GT', ...until).catch(fail);
    },
    done: (claim, { id }) => settle(claim, id, { outcome: 'done', channel: 'ok' }),
    failed: async (claim, delivery, why) => {
      const at = now();
      const { attempts } = claim;
      // A message that nobody can take says nothing of the channel.
      if (why.isFinal || at - delivery.dueAt >= GIVE_UP_AFTER_MS) {
        const letter = { delivery, at, attempts, problem: why.message };
        await settle(claim, delivery.id, { outcome: 'dead', channel: '', letter });
        return 'dead';
      }
      const fails = claim.fails + 1;
      const pause = Math.max(why.retryAfterMs ?? 0, pauseMs(attempts, FIRST_PAUSE_MS, LONGEST_PAUSE_MS, random));
      const rest =
        fails < FAILURES_BEFORE_REST
          ? 0
          : pauseMs(fails - FAILURES_BEFORE_REST + 1, FIRST_REST_MS, LONGEST_PAUSE_MS, random);
      const restMs = Math.max(rest, why.retryAfterMs ?? 0);
      await settle(claim, delivery.id, {
        outcome: 'later',
        againAt: at + pause,
        channel: 'failed',
        restsUntil: restMs === 0 ? 0 : at + restMs,
      });
      return 'later';
    },
    drop: (claim, delivery) => settle(claim, delivery?.id ?? '', { outcome: 'done', channel: '' }),
    dead: async (most) => {
      const texts = await redis.lrange(keys.alertDead, 0, most - 1).catch(fail);
      return texts.flatMap((text) => readAs(deadSchema, text) ?? []);
    },
    retryDead: async (isMeant) => {
      const texts = await redis.lrange(keys.alertDead, 0, MOST_DEAD - 1).catch(fail);
      let count = 0;
      // The oldest first, as they were.
      for (const text of texts.toReversed()) {
        const letter = readAs(deadSchema, text);
        if (letter === undefined || !isMeant(letter)) continue;
        const delivery: Delivery = { ...letter.delivery, dueAt: now(), deferred: false };
        const { channel, incident } = delivery;
        await redis
          .multi()
          .lrem(keys.alertDead, 1, text)
          .rpush(keys.alertQueue(channel, incident), JSON.stringify(delivery))
          .zadd(keys.alertSends(channel), 'NX', delivery.dueAt, incident)
          .exec()
          .catch(fail);
        count += 1;
      }
      return count;
    },
    waiting: async (of) => {
      const asking = redis.pipeline();
      for (const { channel, incident } of of)
        asking.zscore(keys.alertSends(channel), incident).hget(keys.alertAttempts(channel), incident);
      const answers = (await asking.exec().catch(fail)) ?? [];
      const failed = answers.find(([error]) => error !== null)?.[0];
      if (failed) fail(failed);
      return of.map((_, at) => {
        const [dueAt, attempts] = [answers[2 * at]?.[1], answers[2 * at + 1]?.[1]];
        return typeof dueAt === 'string'
          ? { dueAt: Number(dueAt) as EpochMs, attempts: Number(attempts ?? 0) }
          : undefined;
      });
    },
    state: async (channel) => {
      const [waiting, state] = await Promise.all([
        redis.zcard(keys.alertSends(channel)).catch(fail),
        redis.hmget(keys.alertChannel(channel), 'fails', 'until').catch(fail),
      ]);
      const until = Number(state[1] ?? 0);
      return { waiting, fails: Number(state[0] ?? 0), restsUntil: until > now() ? (until as EpochMs) : null };
    },
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};

function readAs<Schema extends z.ZodType>(schema: Schema, text: string): z.output<Schema> | undefined {
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
