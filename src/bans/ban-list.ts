/**
 * The ban list: which addresses are kept out. The store is the truth; this node's picture of it follows within a second,
 * and a firewall is a projection of that picture.
 *
 * Guarantees
 * - An allowed address is never banned. A ban that would hold one is refused, or made around it where that was asked for;
 *   one that came to lie inside an allowed range later (an entry was added, a domain moved, another node did not know yet)
 *   is lifted by whichever node sees it. A ban that holds more than the allowed range stays: the allowlist goes before it.
 * - A ban is in force here when its promise resolves, and on every other node within half a second. It ends by itself at
 *   its time by this host's clock, and the store drops it at its own.
 * - A store that lost its bans (a flush, a replica that took over too early) gets them back from the memory of the
 *   daemons; evidence is lost then.
 * - Nobody is banned by accident: the addresses of this host, the one who asks, and networks of a size that nobody means
 *   are refused unless forced.
 *
 * Refuses to know why anyone is banned (detectors do) and what a firewall is.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AddressRange, formatRange, readAddress, readRange } from '../policy/addresses.ts';
import type { Keys } from '../redis/keys.ts';
import {
  type Ban,
  type BanChange,
  type BanOrigin,
  detailsText,
  type Evidence,
  evidenceText,
  isOver,
  namesTried,
  readEvidence,
} from './ban.ts';
import { createBanFollower, readEntry } from './ban-follower.ts';
import { type AllowedLookup, type BanWish, banRanges, type Refusal } from './ban-guard.ts';
import { type BanOutcome, createBanScripts, MOST_BANS, type NewBan } from './ban-scripts.ts';
import { type BanPage, type BanQuery, pageOf } from './ban-search.ts';
import { type BanSnapshot, createBanSnapshot } from './ban-snapshot.ts';
import { createLeftAlone, type LeftAloneList } from './left-alone.ts';

/** A wish to ban; `address` is an address or a network in any form that addresses.ts reads. */
export interface BanRequest extends BanWish {
  readonly service: string;
  readonly origin: BanOrigin;
  /** Null: for ever. */
  readonly lastsMs: number | null;
  /** For ever, if the address was banned more often than this in 90 days. Absent: never because of that. */
  readonly permanentAfter?: number;
  readonly offences?: number;
  readonly reason: string;
  readonly evidence?: readonly Evidence[];
  readonly defenceType: string;
  readonly protocol?: string | null;
  readonly attackedPort?: number | null;
  readonly by: string;
}

export interface MadeBan {
  readonly outcome: BanOutcome;
  readonly ban: Ban;
}

/** Several bans where one was made around allowed addresses. */
export type BanAnswer = { readonly bans: readonly MadeBan[] } | Refusal;

export interface BanList extends Pick<BanSnapshot, 'size' | 'all' | 'cursor' | 'changesAfter'> {
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly add: (request: BanRequest) => Promise<BanAnswer>;
  /**
   * Lifts bans by their own addresses; the answer says of each which ban ended, undefined where there was none.
   * @param leaveAloneMs for how long no automatic ban may hold any of them, banned or not; see left-alone.ts
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`, `CONFLICT`: too many are left alone
   */
  readonly lift: (
    addresses: readonly string[],
    by: string,
    leaveAloneMs?: number,
  ) => Promise<readonly (Ban | undefined)[]>;
  readonly leftAlone: Pick<LeftAloneList, 'list' | 'end'>;
  /**
   * Puts bans back as they were, but for their evidence; what is listed already stays as it is.
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`
   */
  readonly restore: (bans: readonly Ban[]) => Promise<void>;
  /** Whether the list was read from the store since the start; until then there may be bans that nobody here knows. */
  readonly isKnown: () => boolean;
  /** The ban of exactly this address or network. */
  readonly get: (address: string) => Ban | undefined;
  /** All bans that hold an address, or hold the whole of a network; the narrowest first. */
  readonly holding: (address: string) => readonly Ban[];
  /** Synchronous, from this node's picture; false for text that is no address. */
  readonly isBanned: (address: string) => boolean;
  /** All bans that share an address with a range. */
  readonly overlapping: (range: AddressRange) => readonly Ban[];
  /** Where the search is an address or a network: the bans that hold it or lie in it. */
  readonly list: (query: BanQuery) => BanPage;
  /** Oldest first. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly evidenceOf: (address: string) => Promise<readonly Evidence[]>;
  /** As {@link namesTried} says, of each. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly namesTriedBy: (addresses: readonly string[]) => Promise<readonly (readonly string[])[]>;
  /** The last changes, newest first; of one address, or of all. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly history: (options: { readonly address?: string; readonly limit: number }) => Promise<readonly BanChange[]>;
  /** Calls back after the picture has changed; read `changesAfter` then. Returns the way to unsubscribe. */
  readonly onChange: (listener: (changes: readonly BanChange[]) => void) => () => void;
  readonly close: () => void;
}

/** Changes of the log that are searched for one address: those of weeks, or of the last hours of a great attack. */
const MOST_SEARCHED = 5000;
const SWEEP_PIECE = 2000;
/** Each ends with a list that is newer; people change it. */
const MOST_ATTEMPTS = 20;

export async function openBanList(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly allowed: AllowedLookup;
  readonly log: Log;
  /** For what a person waits for. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<BanList> {
  const { redis, keys, clock, allowed, log } = deps;
  const scripts = createBanScripts(redis, keys);
  const snapshot = createBanSnapshot();
  const leftAlone = createLeftAlone({ redis, keys, clock });
  const listeners = new Set<(changes: readonly BanChange[]) => void>();
  let closed = false;

  const follower = createBanFollower({
    redis,
    keys,
    scripts,
    snapshot,
    log,
    onChanges: (changes) => {
      for (const listener of listeners) tell(listener, changes);
      // Another node may have banned before it knew of an entry.
      const fresh = changes.filter(({ what }) => what !== 'lift' && what !== 'expire').map(({ ban }) => ban);
      void liftAllowed(fresh);
    },
  });

  /** What listens must not keep the picture from following. */
  function tell(listener: (changes: readonly BanChange[]) => void, changes: readonly BanChange[]): void {
    try {
      listener(changes);
    } catch (error) {
      log.error({ err: error }, 'a change of the ban list was not understood');
    }
  }

  async function liftAllowed(bans: Iterable<Ban>): Promise<void> {
    const wrong = new Map<string, string[]>();
    let looked = 0;
    for (const { address } of bans) {
      // Calls are decided in between.
      if (++looked % SWEEP_PIECE === 0) await new Promise(setImmediate);
      const read = readRange(address);
      const entry = 'range' in read ? allowed.covering(read.range) : undefined;
      if (entry === undefined) continue;
      const others = wrong.get(entry.name);
      if (others === undefined) wrong.set(entry.name, [address]);
      else others.push(address);
    }
    for (const [name, addresses] of wrong) {
      if (closed) return;
      try {
        await scripts.lift(addresses, `allowlist: ${name}`);
        await follower.catchUp();
        log.info({ entry: name, bans: addresses.length }, 'bans of allowed addresses were lifted');
      } catch (error) {
        log.warn(
          { problem: messageOf(error) },
          'bans of allowed addresses could not be lifted; the allowlist goes first',
        );
      }
    }
  }
  await follower.start();
  const stopWatching = allowed.onChange(() => void liftAllowed([...snapshot.all()]));

  const newBan = (request: BanRequest, range: AddressRange): NewBan => ({
    address: formatRange(range),
    origin: request.origin,
    lastsMs: request.lastsMs,
    offences: request.offences ?? 0,
    permanentAfter: request.permanentAfter ?? 0,
    details: detailsText({
      service: request.service,
      origin: request.origin,
      reason: request.reason,
      defenceType: request.defenceType,
      protocol: request.protocol ?? null,
      attackedPort: request.attackedPort ?? null,
      by: request.by,
    }),
    evidence: evidenceText(request.evidence ?? []),
    by: request.by,
  });

  const write = <T>(origin: BanOrigin, work: () => Promise<T>): Promise<T> =>
    origin === 'manual' ? deps.durably(work) : work();

  return {
    size: snapshot.size,
    all: snapshot.all,
    cursor: snapshot.cursor,
    changesAfter: snapshot.changesAfter,
    add: async (request) => {
      const isByHand = request.origin === 'manual';
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const { number, left } = leftAlone.known();
        const read = banRanges(request, allowed, isByHand ? [] : left);
        if ('refused' in read) {
          // It may have been ended meanwhile.
          if (read.because !== 'left-alone' || attempt > 0) return read;
          await leftAlone.refresh();
          continue;
        }
        const wanted = read.ranges.map((range) => newBan(request, range));
        const judgedBy = isByHand ? undefined : number;
        const bans = await write(request.origin, () => scripts.add(wanted, follower.newEpoch, judgedBy));
        if (bans === 'stale') {
          await leftAlone.refresh();
          continue;
        }
        if (bans === 'full') {
          const refused = `the ban list holds ${MOST_BANS} bans; lift some, or ban networks instead of addresses`;
          return { because: 'full', refused };
        }
        await follower.catchUp();
        return { bans };
      }
      throw new TollgateError('CONFLICT', 'who is left alone keeps being changed; the next attempt bans');
    },
    lift: async (addresses, by, leaveAloneMs) => {
      const lifted = await write('manual', () => scripts.lift(addresses.map(canonical), by, leaveAloneMs));
      await follower.catchUp();
      return lifted;
    },
    leftAlone: { list: leftAlone.list, end: (addresses) => leftAlone.end(addresses.map(canonical)) },
    restore: async (bans) => {
      await write('manual', () => scripts.restore(bans, follower.newEpoch));
      await follower.catchUp();
    },
    isKnown: follower.isKnown,
    get: (address) => {
      const ban = snapshot.get(canonical(address));
      return ban === undefined || isOver(ban, clock.now()) ? undefined : ban;
    },
    holding: (text) => {
      const read = readRange(text);
      if ('problem' in read) return [];
      const { family, first, last } = read.range;
      const bans = snapshot.holding({ family, value: first }, clock.now());
      return first === last ? bans : bans.filter((ban) => holds(ban, read.range));
    },
    isBanned: (text) => {
      const address = readAddress(text);
      return address !== undefined && snapshot.isBanned(address, clock.now());
    },
    overlapping: (range) => snapshot.overlapping(range),
    list: (query) => {
      const read = readRange(query.search ?? '');
      if ('problem' in read) return pageOf(inForce(snapshot.all(), clock), query);
      return pageOf(inForce(snapshot.overlapping(read.range), clock), { ...query, search: undefined });
    },
    evidenceOf: async (address) => readEvidence((await redis.hget(keys.banEvidence, canonical(address))) ?? ''),
    namesTriedBy: async (addresses) => {
      if (addresses.length === 0) return [];
      const texts = await redis.hmget(keys.banEvidence, ...addresses.map(canonical));
      return texts.map((text) => namesTried(readEvidence(text ?? '')));
    },
    history: async ({ address, limit }) => {
      const wanted = address === undefined ? undefined : canonical(address);
      const entries = await redis.xrevrange(
        keys.banLog,
        '+',
        '-',
        'COUNT',
        wanted === undefined ? limit : MOST_SEARCHED,
      );
      return entries
        .flatMap(([id, fields]) => readEntry(id, fields).change ?? [])
        .filter(({ ban }) => wanted === undefined || ban.address === wanted)
        .slice(0, limit);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      closed = true;
      stopWatching();
      follower.close();
    },
  };
}

const canonical = (address: string): string => {
  const read = readRange(address);
  return 'range' in read ? formatRange(read.range) : address;
};

const holds = (ban: Ban, range: AddressRange): boolean => {
  const read = readRange(ban.address);
  return 'range' in read && read.range.last >= range.last;
};

function* inForce(bans: Iterable<Ban>, clock: Clock): Generator<Ban> {
  const now = clock.now();
  for (const ban of bans) if (!isOver(ban, now)) yield ban;
}
