/** The Lua scripts of the ban list as typed functions: the only place that knows the order of their keys and arguments. */
import type { Redis } from 'ioredis';
import { TollgateError } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { type Ban, type BanOrigin, MOST_EVIDENCE, readRecord, writeRecord } from './ban.ts';

export const MOST_BANS = 200_000;
/** Each is a hole in what protects; an hour of all of a great attack fits. */
const MOST_LEFT_ALONE = 10_000;
const TOO_MANY_LEFT_ALONE = `${MOST_LEFT_ALONE} addresses are left alone already; end some of these first (tollgate bans left-alone), or lift without it`;
const MOST_CHANGES = 20_000;
const TIMES_KEPT_SECONDS = 90 * 86_400;
/** Each script blocks the store for its length. */
const MOST_AT_ONCE = 500;

const add = createScript('add-bans');
const end = createScript('end-bans');
const restore = createScript('restore-bans');

export interface NewBan {
  readonly address: string;
  readonly origin: BanOrigin;
  /** Null: for ever. */
  readonly lastsMs: number | null;
  readonly offences: number;
  /** For ever, if the address was banned more often than this; 0: never because of that. */
  readonly permanentAfter: number;
  /** As `detailsText` writes them. */
  readonly details: string;
  /** As `evidenceText` writes it. */
  readonly evidence: string;
  readonly by: string;
}

export type BanOutcome = 'added' | 'changed' | 'unchanged';

export interface BanScripts {
  /**
   * At most 500; `full`: there is no room for them.
   *
   * @param judgedBy number of the list of who is left alone, by which they were judged: `stale` if there is a newer one;
   *   undefined: by hand
   */
  readonly add: (
    bans: readonly NewBan[],
    epoch: string,
    judgedBy: string | undefined,
  ) => Promise<readonly { readonly outcome: BanOutcome; readonly ban: Ban }[] | 'full' | 'stale'>;
  /**
   * What was lifted of each, in the order of the addresses.
   *
   * @param leaveAloneMs for how long no automatic ban may come; 0: not
   * @throws {TollgateError} `CONFLICT`: too many are left alone
   */
  readonly lift: (
    addresses: readonly string[],
    by: string,
    leaveAloneMs?: number,
  ) => Promise<readonly (Ban | undefined)[]>;
  /** Takes away what is over; answers with how many there were. */
  readonly expire: () => Promise<number>;
  /** How many the store did not have. */
  readonly restore: (bans: readonly Ban[], epoch: string) => Promise<number>;
}

export function createBanScripts(redis: Redis, keys: Keys): BanScripts {
  const list = [keys.banState, keys.bans, keys.banEnds];
  const ending = [...list, keys.banEvidence, keys.banLog, keys.banHits, keys.banAlone];
  return {
    add: async (bans, epoch, judgedBy) => {
      const reply = await add(
        redis,
        [...list, keys.banEvidence, keys.banLog, ...bans.map(({ address }) => keys.banCount(address))],
        [
          epoch,
          MOST_BANS,
          MOST_CHANGES,
          MOST_EVIDENCE,
          TIMES_KEPT_SECONDS,
          judgedBy ?? '',
          ...bans.flatMap((ban) => [
            ban.address,
            ban.origin,
            ban.lastsMs ?? 0,
            ban.offences,
            ban.permanentAfter,
            ban.details,
            ban.evidence,
            ban.by,
          ]),
        ],
      );
      const texts = Array.isArray(reply) ? reply.map(String) : [];
      if (texts.length === 0) return 'full';
      if (texts[0] === 'stale') return 'stale';
      return bans.flatMap(({ address }, at) => {
        const ban = readRecord(address, texts[2 * at + 1] ?? '');
        return ban === undefined ? [] : [{ outcome: texts[2 * at] as BanOutcome, ban }];
      });
    },
    lift: async (addresses, by, leaveAloneMs = 0) => {
      const lifted: (Ban | undefined)[] = [];
      for (const part of inParts(addresses)) {
        const reply = await end(redis, ending, ['lift', MOST_CHANGES, by, MOST_LEFT_ALONE, leaveAloneMs, ...part]);
        const records = Array.isArray(reply) ? reply.map(String) : [];
        if (leaveAloneMs > 0 && records[0] === 'full') throw new TollgateError('CONFLICT', TOO_MANY_LEFT_ALONE);
        lifted.push(...part.map((address, at) => readRecord(address, records[at] ?? '')));
      }
      return lifted;
    },
    expire: async () => {
      const reply = await end(redis, ending, ['expire', MOST_CHANGES, '', MOST_AT_ONCE, 0]);
      return Array.isArray(reply) ? reply.length : 0;
    },
    restore: async (bans, epoch) => {
      let restored = 0;
      for (const part of inParts(bans)) {
        const args = part.flatMap((ban) => [ban.address, ban.until ?? 0, writeRecord(ban)]);
        restored += Number(await restore(redis, [...list, keys.banLog], [epoch, MOST_CHANGES, ...args]));
      }
      return restored;
    },
  };
}

const inParts = <Item>(items: readonly Item[]): Item[][] =>
  Array.from({ length: Math.ceil(items.length / MOST_AT_ONCE) }, (_, part) =>
    items.slice(part * MOST_AT_ONCE, (part + 1) * MOST_AT_ONCE),
  );
