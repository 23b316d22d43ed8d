/**
 * Which addresses are trunks and registered phones right now, of every Asterisk of every node.
 *
 * Each node asks its own Asterisks once a minute, and writes what it knows to the store, where the others read it: an
 * attacker may name on one box the address of a phone that is registered on another. A contact that appears is known on
 * its own node at once and on the others within half a minute. While an Asterisk cannot be asked, what it said last
 * holds; what a node wrote is good for an hour after its last word.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { AmiConnection } from '../asterisk/ami-connection.ts';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { type AddressSet, createAddressSet } from '../policy/address-set.ts';
import { asNetwork, formatRange, networksOf, rangeOf, readAddress, readRange } from '../policy/addresses.ts';
import type { Keys } from '../redis/keys.ts';
import { type AsteriskPeers, hostsIn, readPeers } from './asterisk-peers.ts';
import { networkOf } from './offence-counters.ts';

export type PeerKind = 'trunk' | 'registered phone';

export interface KnownPeers {
  /** Synchronous, from memory. */
  readonly find: (address: string) => PeerKind | undefined;
  /** One that lies in a /24 or /64, as `networkOf` writes it; for a sentence. */
  readonly inNetwork: (network: string) => string | undefined;
  readonly size: () => number;
  readonly list: () => AsteriskPeers;
  /** Asks every Asterisk and the store now. Never rejects. */
  readonly refresh: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const ASK_EVERY_MS = 60_000;
const SHARE_EVERY_MS = 30_000;
const GOOD_FOR_MS = 3_600_000;
const MOST_PEERS = 50_000;

export function createKnownPeers(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly node: string;
  readonly manager: readonly AmiConnection[];
  readonly log: Log;
}): KnownPeers {
  const { redis, keys, clock, manager, log } = deps;
  /** What each of our Asterisks said last. */
  const own = new Map<AmiConnection, AsteriskPeers>();
  /** Contacts that appeared while an Asterisk was being asked, and may be missing in its answer. */
  const appeared = new Map<AmiConnection, Set<string>>();
  /** What the other nodes wrote, with its stamp. */
  const others = new Map<string, { readonly stamp: string; readonly peers: AsteriskPeers }>();
  let table = tableOf([]);
  let written = { stamp: '', atMs: 0 };
  let closed = false;

  const rebuild = (): void => {
    table = tableOf([...own.values(), ...[...others.values()].map(({ peers }) => peers)]);
  };

  const ask = async (connection: AmiConnection): Promise<void> => {
    if (!connection.state().up) return;
    const fresh = new Set<string>();
    appeared.set(connection, fresh);
    try {
      const { phones, trunks } = await readPeers(connection);
      own.set(connection, { phones: [...phones, ...fresh], trunks });
      others.delete(deps.node);
      rebuild();
    } catch (error) {
      log.debug(
        { asterisk: connection.name, problem: messageOf(error) },
        'the phones and trunks could not be asked for',
      );
    } finally {
      appeared.delete(connection);
    }
  };

  const write = async (): Promise<void> => {
    const text = textOf(merged([...own.values()]));
    const stamp = createHash('sha1').update(text).digest('hex');
    const nowMs = clock.monotonicMs();
    if (own.size === 0 || (stamp === written.stamp && nowMs - written.atMs < GOOD_FOR_MS / 4)) return;
    await redis.set(keys.knownPeers(deps.node), text, 'PX', GOOD_FOR_MS);
    await redis.hset(keys.peerNodes, deps.node, `${stamp} ${clock.now()}`);
    await redis.pexpire(keys.peerNodes, GOOD_FOR_MS);
    written = { stamp, atMs: nowMs };
  };

  const read = async (): Promise<void> => {
    const nodes = await redis.hgetall(keys.peerNodes);
    let changed = false;
    for (const node of others.keys()) {
      if (nodes[node] === undefined) changed = others.delete(node) || changed;
    }
    for (const [node, stamp] of Object.entries(nodes)) {
      // What this node knew before a restart holds until an Asterisk answers.
      const isKnown = node === deps.node && own.size > 0;
      if (isKnown || others.get(node)?.stamp === stamp) continue;
      const text = await redis.get(keys.knownPeers(node));
      if (text === null) await redis.hdel(keys.peerNodes, node);
      if (text === null) others.delete(node);
      else others.set(node, { stamp, peers: readText(text) });
      changed = true;
    }
    if (changed) rebuild();
  };

  const share = async (): Promise<void> => {
    try {
      await write();
      await read();
    } catch (error) {
      log.debug({ problem: messageOf(error) }, 'the known peers could not be shared');
    }
  };

  const refresh = async (): Promise<void> => {
    await Promise.all(manager.map(ask));
    if (!closed) await share();
  };
  let running: Promise<void> = Promise.resolve();
  const oneAtATime = (work: () => Promise<void>): Promise<void> => {
    running = running.then(() => (closed ? undefined : work()));
    return running;
  };

  const stops = manager.flatMap((connection) => [
    connection.onState((up) => {
      if (up) void oneAtATime(() => ask(connection));
    }),
    connection.onEvent(['ContactStatus'], (event) => {
      if (event.get('ContactStatus') === 'Removed') return;
      const known = own.get(connection) ?? { phones: [], trunks: [] };
      const hosts = hostsIn(event, 'URI').filter((host) => readAddress(host) !== undefined);
      for (const host of hosts) appeared.get(connection)?.add(canonical(host));
      const added = hosts.filter((host) => find(canonical(host)) === undefined);
      if (added.length === 0 || known.phones.length >= MOST_PEERS) return;
      own.set(connection, { ...known, phones: [...known.phones, ...added.map(canonical)] });
      rebuild();
    }),
  ]);
  const timers = [
    setInterval(() => void oneAtATime(refresh), ASK_EVERY_MS),
    setInterval(() => void oneAtATime(share), SHARE_EVERY_MS),
  ];
  for (const timer of timers) timer.unref();

  const find = (address: string): PeerKind | undefined => table.find(address);
  return {
    find,
    inNetwork: (network) => table.inNetwork(network),
    size: () => table.size,
    list: () => table.peers,
    refresh: () => oneAtATime(refresh),
    close: async () => {
      closed = true;
      for (const timer of timers) clearInterval(timer);
      for (const stop of stops) stop();
      await running;
    },
  };
}

const canonical = (address: string): string => {
  const read = readRange(address);
  return 'range' in read ? formatRange(read.range) : address;
};

const merged = (all: readonly AsteriskPeers[]): AsteriskPeers => ({
  phones: [...new Set(all.flatMap(({ phones }) => phones))].sort().slice(0, MOST_PEERS),
  trunks: [...new Set(all.flatMap(({ trunks }) => trunks))].sort().slice(0, MOST_PEERS),
});

/** `p 203.0.113.9` and `t 198.51.100.0/24`, one a line. */
const textOf = ({ phones, trunks }: AsteriskPeers): string =>
  [...phones.map((each) => `p ${each}`), ...trunks.map((each) => `t ${each}`)].join('\n');

function readText(text: string): AsteriskPeers {
  const lines = text.split('\n').slice(0, 2 * MOST_PEERS);
  const of = (letter: string): string[] =>
    lines.flatMap((line) => (line.startsWith(`${letter} `) ? [line.slice(2)] : []));
  return { phones: of('p'), trunks: of('t') };
}

function tableOf(all: readonly AsteriskPeers[]): {
  readonly find: (address: string) => PeerKind | undefined;
  readonly inNetwork: (network: string) => string | undefined;
  readonly size: number;
  readonly peers: AsteriskPeers;
} {
  const peers = merged(all);
  const { phones, trunks } = peers;
  const phoneSet = new Set(phones);
  const trunkSet: AddressSet<string> = createAddressSet();
  const byNetwork = new Map<string, string>();
  for (const phone of phones) {
    const network = networkOf(phone);
    if (network !== undefined) byNetwork.set(network, `the registered phone ${phone}`);
  }
  for (const trunk of trunks) {
    const read = readRange(trunk);
    if ('problem' in read) continue;
    for (const network of networksOf(read.range)) trunkSet.set(network, trunk);
    const around = networkOf(trunk);
    if (around !== undefined) byNetwork.set(around, `the trunk ${trunk}`);
  }
  return {
    peers,
    size: phones.length + trunks.length,
    find: (text) => {
      const address = readAddress(text);
      if (address !== undefined && trunkSet.find(address) !== undefined) return 'trunk';
      return phoneSet.has(text) ? 'registered phone' : undefined;
    },
    inNetwork: (text) => {
      const known = byNetwork.get(text);
      if (known !== undefined) return known;
      const read = readRange(text);
      const network = 'range' in read ? asNetwork(read.range) : undefined;
      if (network === undefined || trunkSet.size() === 0) return undefined;
      // Networks of trunks that are wider or narrower than what is asked for.
      const [trunk] = trunkSet.overlapping(rangeOf(network));
      return trunk === undefined ? undefined : `the trunk ${trunk}`;
    },
  };
}
