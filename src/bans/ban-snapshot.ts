/**
 * The bans in force as this node knows them: a table to look addresses up in, and the row of changes that made it.
 *
 * The table and its cursor belong together: who has read all bans and the cursor in one go, and then asks for the changes
 * after that cursor, has missed nothing and seen nothing twice. Keeps the last 20,000 changes; asks nobody.
 */
import { createAddressSet } from '../policy/address-set.ts';
import { type Address, type AddressRange, asNetwork, type Network, readRange } from '../policy/addresses.ts';
import type { EpochMs } from '../policy/call.ts';
import { type Ban, type BanChange, isOver, writeRecord } from './ban.ts';

export interface BanSnapshot {
  readonly size: () => number;
  readonly get: (address: string) => Ban | undefined;
  readonly all: () => IterableIterator<Ban>;
  /** Bans that hold an address and are not over, the narrowest first. */
  readonly holding: (address: Address, now: EpochMs) => readonly Ban[];
  readonly isBanned: (address: Address, now: EpochMs) => boolean;
  /** Bans that share an address with a range. */
  readonly overlapping: (range: AddressRange) => readonly Ban[];
  /** Counts the changes that were applied since the daemon started. */
  readonly cursor: () => number;
  /** Changes after a cursor, oldest first; undefined: it is too old, read all bans anew. */
  readonly changesAfter: (cursor: number) => readonly BanChange[] | undefined;
  /** A change that makes no difference is not noted. Tells whether it made one. */
  readonly apply: (change: BanChange) => boolean;
}

const MOST_CHANGES = 20_000;

export function createBanSnapshot(): BanSnapshot {
  const bans = new Map<string, Ban>();
  const table = createAddressSet<Ban>();
  let changes: BanChange[] = [];
  let dropped = 0;

  const note = (change: BanChange): void => {
    changes.push(change);
    // Dropped in halves, so that a long row is not moved with every change.
    if (changes.length < 2 * MOST_CHANGES) return;
    changes = changes.slice(MOST_CHANGES);
    dropped += MOST_CHANGES;
  };

  return {
    size: () => bans.size,
    get: (address) => bans.get(address),
    all: () => bans.values(),
    holding: (address, now) => table.holding(address).filter((ban) => !isOver(ban, now)),
    isBanned: (address, now) => table.find(address, (ban) => !isOver(ban, now)) !== undefined,
    overlapping: (range) => table.overlapping(range),
    cursor: () => dropped + changes.length,
    changesAfter: (cursor) =>
      cursor < dropped || cursor > dropped + changes.length ? undefined : changes.slice(cursor - dropped),
    apply: (change) => {
      const { ban, what } = change;
      const network = networkOf(ban.address);
      const before = bans.get(ban.address);
      if (network === undefined) return false;
      if (what === 'lift' || what === 'expire') {
        if (before === undefined) return false;
        bans.delete(ban.address);
        table.delete(network);
      } else {
        if (before !== undefined && isSame(before, ban)) return false;
        bans.set(ban.address, ban);
        table.set(network, ban);
      }
      note(change);
      return true;
    },
  };
}

const networkOf = (address: string): Network | undefined => {
  const read = readRange(address);
  return 'range' in read ? asNetwork(read.range) : undefined;
};

const isSame = (one: Ban, other: Ban): boolean => writeRecord(one) === writeRecord(other);
