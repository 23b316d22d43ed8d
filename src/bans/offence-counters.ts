/**
 * The counts of hostile events, kept in the store and shared by all daemons: the only place that knows the order of keys
 * and arguments of the scripts that keep them, and under which name each thing is counted.
 *
 * What is kept is bounded: at most {@link MOST_ADDRESSES} addresses, of which each takes 0.1 KB after one
 * event, 0.3 KB after nine, and never more than 1.7 KB.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { formatNetwork, networkAround, readAddress } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Service } from '../policy/settings.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';
import type { Offence, Success } from './offence.ts';
import { accountBytes, eventBytes, NO_OFFENCES, type OffenceRecord, readOffenceRecord } from './offence-record.ts';

export const MOST_ADDRESSES = 200_000;
export const MOST_NETWORKS = 50_000;
export const MOST_ACCOUNTS = 20_000;
const MOST_SUCCESSES = 100_000;
/** More than arrive in a millisecond. */
const MOST_SEEN = 1000;

const record = createScript('record-offence', { reply: 'buffer' });
const succeed = createScript('record-success');

/** What is known after an offence was counted. */
export interface Readings {
  /** False: another daemon has reported it. */
  readonly isNew: boolean;
  /** By the store's clock. */
  readonly now: EpochMs;
  readonly address: OffenceRecord;
  readonly network: OffenceRecord;
  readonly account: OffenceRecord;
  /** When somebody was last let in from the address, the account from the address, somebody from the network. */
  readonly lastGood: {
    readonly address: EpochMs | undefined;
    readonly account: EpochMs | undefined;
    readonly network: EpochMs | undefined;
  };
}

export interface OffenceCounters {
  /**
   * @param options.feedsOthers false: counted for its address alone, not for its network and its account
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`
   */
  readonly offence: (offence: Offence, options?: { readonly feedsOthers?: boolean }) => Promise<Readings>;
  /** What is counted of an address now. @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly look: (
    service: Service,
    address: string,
  ) => Promise<{ readonly now: EpochMs; readonly address: OffenceRecord; readonly lastGood: EpochMs | undefined }>;
  /** How many offences it made good. @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT` */
  readonly success: (success: Success) => Promise<number>;
  /** Begins anew for an address or a network, and all that is counted of it. */
  readonly forget: (range: string, service: Service) => Promise<void>;
  /** True for one who asks, of all daemons, until the time is over. */
  readonly claim: (what: string, forMs: number) => Promise<boolean>;
}

/** Services that one password opens. Asterisk does not tell a registration that succeeded from a call that did. */
export type Realm = 'web' | 'api' | 'ami' | 'sip';
export const realmOf = (service: Service): Realm =>
  service === 'sipRegistration' || service === 'sipCall' ? 'sip' : service;

const LETTERS: Readonly<Record<Service, string>> = { web: 'w', api: 'a', ami: 'm', sipRegistration: 'r', sipCall: 'c' };
const servicesOf = (service: Service): readonly Service[] =>
  realmOf(service) === 'sip' ? ['sipRegistration', 'sipCall'] : [service];

/** The /24 or, of an IPv6 address, the /64 that an address lies in: what one attacker may well have to himself. */
export function networkOf(address: string): string | undefined {
  const read = readAddress(address);
  return read === undefined ? undefined : formatNetwork(networkAround(read, read.family === 4 ? 24 : 64));
}

/** In an IPv6 network of this size one subscriber has all addresses: its single events are counted as if of one. */
export const isOneSubscriber = (address: string): boolean => address.includes(':');

/** @param options.now epoch ms, for tests; absent: the store's clock */
export function createOffenceCounters(
  redis: Redis,
  keys: Keys,
  options: { readonly now?: () => number } = {},
): OffenceCounters {
  const hashes = [keys.offences('addresses'), keys.offences('networks'), keys.offences('accounts'), keys.lastSuccesses];
  const now = (): number | string => options.now?.() ?? '';
  // One attempt that two daemons report has the same Call-ID and the same time, which is Asterisk's. A guesser may use one
  // Call-ID for all, several in a millisecond; each daemon passes each on once and in order, so that the second is the
  // second everywhere.
  const seen = new Map<string, number>();
  const occurrence = (key: string): number => {
    const count = (seen.get(key) ?? 0) + 1;
    seen.delete(key);
    seen.set(key, count);
    const [oldest] = seen.keys();
    if (seen.size > MOST_SEEN && oldest !== undefined) seen.delete(oldest);
    return count;
  };
  const goodFields = (
    realm: Realm,
    address: string,
    account: string | undefined,
  ): readonly [string, string, string] => [
    `${realm} ${address}`,
    account === undefined ? '' : `${realm} ${address} ${account}`,
    `${realm} ${networkOf(address) ?? ''}`,
  ];

  return {
    offence: async (offence, { feedsOthers = true } = {}) => {
      const { address, service, session, at, kind } = offence;
      const account = shortened(offence.account);
      const letter = LETTERS[service];
      const reply = await record(redis, hashes, [
        now(),
        digest(`${session}\n${at}\n${occurrence(`${address} ${session} ${at}`)}`, 6),
        eventBytes(offence),
        `${letter}${address}`,
        feedsOthers ? `${letter}${networkOf(address) ?? ''}` : '',
        // Everybody tries the same names, and invents others; who shares an account can only be said of one that exists.
        feedsOthers && account !== undefined && kind !== 'unknown-account' ? `${realmOf(service)} ${account}` : '',
        digest(address, 4),
        account === undefined ? '' : digest(account, 4),
        isOneSubscriber(address) ? 1 : 0,
        MOST_ADDRESSES,
        MOST_NETWORKS,
        MOST_ACCOUNTS,
        ...goodFields(realmOf(service), address, account),
      ]);
      return readReply(Array.isArray(reply) ? reply : []);
    },
    look: async (service, address) => {
      const steps = redis
        .pipeline()
        .time()
        .hgetBuffer(keys.offences('addresses'), `${LETTERS[service]}${address}`)
        .hget(keys.lastSuccesses, `${realmOf(service)} ${address}`);
      const [[, time] = [], [, bytes] = [], [, good] = []] = (await steps.exec().catch(fail)) ?? [];
      const [seconds = 0] = Array.isArray(time) ? time.map(Number) : [];
      const at = (options.now?.() ?? seconds * 1000) as EpochMs;
      return {
        now: at,
        address: Buffer.isBuffer(bytes) ? readOffenceRecord(bytes, at) : NO_OFFENCES,
        lastGood: typeof good === 'string' ? (Number(good) as EpochMs) : undefined,
      };
    },
    success: async ({ address, service, account: name }) => {
      const account = shortened(name);
      const realm = realmOf(service);
      const network = networkOf(address) ?? '';
      const forgiven = await succeed(redis, hashes, [
        now(),
        accountBytes(account ?? ''),
        digest(address, 4),
        digest(account ?? '', 4),
        `${realm} ${account ?? ''}`,
        MOST_SUCCESSES,
        ...goodFields(realm, address, account),
        ...servicesOf(service).flatMap((each) => [`${LETTERS[each]}${address}`, `${LETTERS[each]}${network}`]),
      ]);
      return Number(forgiven);
    },
    forget: async (range, service) => {
      const field = `${LETTERS[service]}${range}`;
      await redis.hdel(range.includes('/') ? keys.offences('networks') : keys.offences('addresses'), field).catch(fail);
    },
    claim: async (what, forMs) => (await redis.set(keys.claim(what), '1', 'PX', forMs, 'NX').catch(fail)) === 'OK',
  };
}

const fail = (error: unknown): never => {
  throw storeError(error);
};

/** Names are what the other side calls itself; two with the same 64 first characters are counted as one. */
const LONGEST_NAME = 64;
const shortened = (account: string | undefined): string | undefined =>
  account === undefined || account === '' ? undefined : account.slice(0, LONGEST_NAME);

const digest = (text: string, bytes: number): Buffer => createHash('sha1').update(text).digest().subarray(0, bytes);

function readReply([isNew, at, address, network, account, ...good]: readonly unknown[]): Readings {
  const now = Number(at) as EpochMs;
  const recordOf = (bytes: unknown): OffenceRecord =>
    Buffer.isBuffer(bytes) ? readOffenceRecord(bytes, now) : NO_OFFENCES;
  const [ofAddress, ofAccount, ofNetwork] = good.map((each) => {
    const time = Number(String(each));
    return time > 0 ? (time as EpochMs) : undefined;
  });
  return {
    isNew: isNew === 1,
    now,
    address: recordOf(address),
    network: recordOf(network),
    account: recordOf(account),
    lastGood: { address: ofAddress, account: ofAccount, network: ofNetwork },
  };
}
