/**
 * What the defence tells staff instead of, or besides, banning: phones that are set wrongly, addresses that were spared,
 * extensions whose calls look like fraud.
 *
 * The same thing is told once an hour, by whichever daemon sees it first. The last 500 are kept in the store, for 30 days.
 * Never rejects and never waits for long: a report that cannot be kept is in the log all the same.
 */
import type { Redis } from 'ioredis';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { type Log, maskNumbersIn } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { storeError } from '../redis/store-error.ts';

export const REPORT_KINDS = [
  'mis-set-phone',
  'spared',
  'allowed-address',
  'not-banned',
  'keeps-hitting-limits',
  'new-high-risk-country',
  'many-destinations',
  'number-range',
] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

export interface DefenceReport {
  readonly at: EpochMs;
  readonly kind: ReportKind;
  readonly sentence: string;
  readonly address: string | null;
  /** Account or extension. */
  readonly account: string | null;
  readonly service: string | null;
  readonly node: string;
}

export type NewReport = Omit<DefenceReport, 'at' | 'node'>;

export interface DefenceReports {
  readonly report: (report: NewReport) => void;
  /** Newest first. @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly list: (limit: number) => Promise<readonly DefenceReport[]>;
}

const AGAIN_MS = 3_600_000;
const KEPT_SECONDS = 30 * 86_400;
const MOST_KEPT = 500;
/** What this node has told lately, so that the store is not asked for every event of a flood. */
const MOST_TOLD = 5000;

const schema = z.object({
  at: z.int().transform((at) => at as EpochMs),
  kind: z.enum(REPORT_KINDS),
  sentence: z.string(),
  address: z.string().nullable(),
  account: z.string().nullable(),
  service: z.string().nullable(),
  node: z.string(),
});

export function createDefenceReports(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: { readonly now: () => EpochMs; readonly monotonicMs: () => number };
  readonly node: string;
  readonly log: Log;
  /** Of all daemons one may, until the time is over. */
  readonly claim: (what: string, forMs: number) => Promise<boolean>;
  /** Called once for each report that is new. */
  readonly onReport?: (report: DefenceReport) => void;
}): DefenceReports {
  const { redis, keys, clock, log } = deps;
  const told = new Map<string, number>();

  const isTold = (what: string): boolean => {
    const nowMs = clock.monotonicMs();
    const before = told.get(what);
    if (before !== undefined && nowMs - before < AGAIN_MS) return true;
    told.delete(what);
    told.set(what, nowMs);
    const [oldest] = told.keys();
    if (told.size > MOST_TOLD && oldest !== undefined) told.delete(oldest);
    return false;
  };

  const keep = async (report: DefenceReport): Promise<void> => {
    await redis
      .pipeline()
      .lpush(keys.defenceReports, JSON.stringify(report))
      .ltrim(keys.defenceReports, 0, MOST_KEPT - 1)
      .expire(keys.defenceReports, KEPT_SECONDS)
      .exec();
  };

  return {
    report: (wanted) => {
      const { kind, address, account, service } = wanted;
      const what = `report ${kind} ${service ?? ''} ${address ?? ''} ${account ?? ''}`;
      if (isTold(what)) return;
      const report = { at: clock.now(), ...wanted, node: deps.node };
      const say = async (): Promise<void> => {
        const mayTell = await deps.claim(what, AGAIN_MS).catch(() => true);
        if (!mayTell) return;
        log.warn({ kind, address, account, service }, maskNumbersIn(wanted.sentence, []));
        deps.onReport?.(report);
        await keep(report);
      };
      say().catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'a report could not be kept'));
    },
    list: async (limit) => {
      const texts = await redis.lrange(keys.defenceReports, 0, limit - 1).catch((error: unknown) => {
        throw storeError(error);
      });
      return texts.flatMap((text) => {
        try {
          return [schema.parse(JSON.parse(text))];
        } catch {
          return [];
        }
      });
    },
  };
}
