/**
 * Where incidents are kept: read, and written together with what they send, if nobody else was faster.
 *
 * The store is the truth for all daemons. Knows no rule of grouping.
 */
import type { Redis } from 'ioredis';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';
import { type Change, type Incident, incidentSchema } from './grouping.ts';
import { ALERTS_KEPT_SECONDS, type Delivery } from './outbox.ts';

export interface IncidentStore {
  /** The latest about the same thing, open or over. */
  readonly about: (key: string) => Promise<Incident | undefined>;
  readonly find: (id: string) => Promise<Incident | undefined>;
  /** @param before as it was read; `latest` the one found about the same thing. @returns false if somebody was faster */
  readonly put: (
    change: Change,
    before: Incident | undefined,
    latest: Incident | undefined,
    deliveries: readonly Delivery[],
    now: EpochMs,
  ) => Promise<boolean>;
  /** Those that are to be looked at. */
  readonly due: (now: EpochMs, most: number) => Promise<readonly string[]>;
  /** Those that changed last first. */
  readonly list: (most: number) => Promise<readonly Incident[]>;
}

const MOST_KEPT = 2000;

const putScript = createScript('put-incident');

/** Every call throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`. */
export function createIncidentStore(redis: Redis, keys: Keys): IncidentStore {
  const find = async (id: string): Promise<Incident | undefined> =>
    readIncident(await redis.hget(keys.alertIncidents, id).catch(fail));
  return {
    find,
    about: async (key) => {
      const id = await redis.hget(keys.alertKeys, key).catch(fail);
      return id === null ? undefined : find(id);
    },
    put: async ({ incident, dueAt }, before, latest, deliveries, now) => {
      const { id, key } = incident;
      const reply = await putScript(
        redis,
        [
          keys.alertIncidents,
          keys.alertKeys,
          keys.alertDue,
          keys.alertHistory,
          ...deliveries.flatMap(({ channel }) => [keys.alertQueue(channel, id), keys.alertSends(channel)]),
        ],
        [
          id,
          before?.version ?? 0,
          JSON.stringify(incident),
          key,
          latest?.id ?? '',
          dueAt ?? '',
          now,
          MOST_KEPT,
          ALERTS_KEPT_SECONDS,
          ...deliveries.flatMap((delivery) => [JSON.stringify(delivery), delivery.dueAt]),
        ],
      );
      return reply === 1;
    },
    due: async (now, most) => redis.zrangebyscore(keys.alertDue, '-inf', now, 'LIMIT', 0, most).catch(fail),
    list: async (most) => {
      const ids = await redis.zrevrange(keys.alertHistory, 0, most - 1).catch(fail);
      if (ids.length === 0) return [];
      const texts = await redis.hmget(keys.alertIncidents, ...ids).catch(fail);
      return texts.flatMap((text) => readIncident(text) ?? []);
    },
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};

function readIncident(text: string | null): Incident | undefined {
  try {
    return text === null ? undefined : incidentSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
