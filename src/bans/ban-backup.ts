/** The bans in force as a part of a backup: each as its record stands in the store, and its evidence. */
import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import type { Keys } from '../redis/keys.ts';
import { isOver, readRecord } from './ban.ts';
import { createBanScripts } from './ban-scripts.ts';

export interface KeptBan {
  readonly address: string;
  readonly record: string;
  readonly evidence: string;
}

export interface BanBackup {
  readonly all: () => AsyncGenerator<KeptBan>;
  /**
   * Adds those that are not over and not there. One that the allowlist has come to hold is lifted again by the ban list.
   * @returns how many were, or would be, added
   * @throws {TollgateError} of the store
   */
  readonly add: (bans: AsyncIterable<KeptBan>, options: { readonly dryRun: boolean }) => Promise<number>;
}

const PAGE = 500;

export function createBanBackup(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
}): BanBackup {
  const { redis, keys, clock } = deps;
  const scripts = createBanScripts(redis, keys);

  const addPage = async (page: readonly KeptBan[], dryRun: boolean): Promise<number> => {
    if (page.length === 0) return 0;
    const there = await redis.hmget(keys.bans, ...page.map(({ address }) => address));
    const missing = page.flatMap((kept, at) => {
      const ban = readRecord(kept.address, kept.record);
      return ban === undefined || isOver(ban, clock.now()) || there[at] !== null ? [] : [{ kept, ban }];
    });
    if (dryRun || missing.length === 0) return missing.length;
    const withEvidence = missing.filter(({ kept }) => kept.evidence !== '');
    // Before the ban, so that a ban that is there has it.
    if (withEvidence.length > 0)
      await redis.hset(keys.banEvidence, ...withEvidence.flatMap(({ kept }) => [kept.address, kept.evidence]));
    return scripts.restore(
      missing.map(({ ban }) => ban),
      randomUUID(),
    );
  };

  return {
    all: async function* () {
      let cursor = '0';
      do {
        const [next, fields] = await redis.hscan(keys.bans, cursor, 'COUNT', PAGE);
        cursor = next;
        const addresses = fields.filter((_, at) => at % 2 === 0);
        const evidence = addresses.length === 0 ? [] : await redis.hmget(keys.banEvidence, ...addresses);
        for (const [at, address] of addresses.entries())
          yield { address, record: fields[2 * at + 1] ?? '', evidence: evidence[at] ?? '' };
      } while (cursor !== '0');
    },
    add: async (bans, { dryRun }) => {
      let added = 0;
      let page: KeptBan[] = [];
      for await (const ban of bans) {
        page.push(ban);
        if (page.length < PAGE) continue;
        added += await addPage(page, dryRun);
        page = [];
      }
      return added + (await addPage(page, dryRun));
    },
  };
}
