/** The Lua scripts of the ban list as typed functions: the only place that knows the order of their keys and arguments. */
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { type Ban, type BanOrigin, MOST_EVIDENCE, readRecord, writeRecord } from './ban.ts';

export const MOST_BANS = 200_000;
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
  /** At most 500; undefined: there is no room for them. */
  readonly add: (
    bans: readonly NewBan[],
    epoch: string,
  ) => Promise<readonly { readonly outcome: BanOutcome; readonly ban: Ban }[] | undefined>;
  /** What was lifted of each, in the order of the addresses. */
  readonly lift: (addresses: readonly string[], by: string) => Promise<readonly (Ban | undefined)[]>;
  /** Takes away what is over; answers with how many there were. */
  readonly expire: () => Promise<number>;
  /** How many the store did not have. */
  readonly restore: (bans: readonly Ban[], epoch: string) => Promise<number>;
}

export function createBanScripts(redis: Redis, keys: Keys): BanScripts {
  const list = [keys.banState, keys.bans, keys.banEnds];
  const ending = [...list, keys.banEvidence, keys.banLog, keys.banHits];
  return {
    add: async (bans, epoch) => {
      const reply = await add(
        redis,
        [...list, keys.banEvidence, keys.banLog, ...bans.map(({ address }) => keys.banCount(address))],
        [
          epoch,
          MOST_BANS,
          MOST_CHANGES,
          MOST_EVIDENCE,
          TIMES_KEPT_SECONDS,
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
      if (texts.length === 0) return undefined;
      return bans.flatMap(({ address }, at) => {
        const ban = readRecord(address, texts[2 * at + 1] ?? '');
        return ban === undefined ? [] : [{ outcome: texts[2 * at] as BanOutcome, ban }];
      });
    },
    lift: async (addresses, by) => {
      const lifted: (Ban | undefined)[] = [];
      for (const part of inParts(addresses)) {
        const reply = await end(redis, ending, ['lift', MOST_CHANGES, by, 0, ...part]);
        const records = Array.isArray(reply) ? reply.map(String) : [];
        lifted.push(...part.map((address, at) => readRecord(address, records[at] ?? '')));
      }
      return lifted;
    },
    expire: async () => {
      const reply = await end(redis, ending, ['expire', MOST_CHANGES, '', MOST_AT_ONCE]);
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
