/**
 * Changes of elements gathered into what one transaction of nft does: all of them, or none.
 *
 * Adding an element that is there succeeds and may leave its time as it was (older kernels do); deleting one that is not
 * there fails everything. So whatever may be there already is added, deleted, and added anew; packets never see the steps
 * between. Only what is known to be new is merely added: a deletion makes nft wait 15 ms for the kernel's readers.
 */
import type { EpochMs } from '../../policy/call.ts';
import type { BanStep, WantedBan } from './firewall.ts';
import {
  type ElementDetails,
  elementOf,
  elementsCommand,
  elementText,
  type PrefixSet,
  type SetKind,
  setName,
} from './nft-ruleset.ts';

export interface Transaction {
  readonly put: (set: PrefixSet, key: string, details?: ElementDetails & { readonly fresh?: boolean }) => void;
  readonly lift: (set: PrefixSet, key: string) => void;
  /** Every set that is named. */
  readonly sets: () => readonly PrefixSet[];
  /** In pieces that are soon written. */
  readonly commands: () => string[];
  /** What succeeds, tried without being done, exactly where the kernel holds what `commands` would leave. */
  readonly checks: () => string[];
}

/** Elements in one command. */
const PIECE = 1000;
/** Ten years: a ban that lasts longer is renewed by then, if anyone still runs this. */
export const LONGEST_MS = 3650 * 86_400_000;
/** What ends sooner than this may have ended when one looks. */
export const NEARLY_OVER_MS = 3000;

export function createTransaction(): Transaction {
  interface Changes {
    readonly set: PrefixSet;
    readonly stale: string[];
    readonly put: string[];
    readonly lasting: string[];
    readonly lifted: string[];
  }
  const bySet = new Map<string, Changes>();
  const of = (set: PrefixSet): Changes => {
    const name = setName(set);
    const known = bySet.get(name);
    if (known !== undefined) return known;
    const made = { set, stale: [], put: [], lasting: [], lifted: [] };
    bySet.set(name, made);
    return made;
  };
  return {
    put: (set, key, { fresh = false, ...details } = {}) => {
      const changes = of(set);
      changes.put.push(elementText(key, details));
      if (!fresh) changes.stale.push(key);
      if ((details.timeoutMs ?? LONGEST_MS) > NEARLY_OVER_MS) changes.lasting.push(key);
    },
    lift: (set, key) => {
      const changes = of(set);
      changes.stale.push(key);
      changes.lifted.push(key);
    },
    sets: () => [...bySet.values()].map(({ set }) => set),
    commands: () =>
      [...bySet].flatMap(([name, { stale, put }]) => [
        ...inPieces('add', name, stale),
        ...inPieces('delete', name, stale),
        ...inPieces('add', name, put),
      ]),
    checks: () =>
      [...bySet].flatMap(([name, { lasting, lifted }]) => [
        ...inPieces('delete', name, lasting),
        ...inPieces('create', name, lifted),
      ]),
  };
}

function inPieces(verb: 'add' | 'create' | 'delete', set: string, elements: readonly string[]): string[] {
  const commands: string[] = [];
  for (let at = 0; at < elements.length; at += PIECE) {
    commands.push(elementsCommand(verb, set, elements.slice(at, at + PIECE)));
  }
  return commands;
}

/** How long a ban has left; undefined: for ever. Zero or less: it is over. */
export const leftMs = ({ until }: WantedBan, now: EpochMs): number | undefined =>
  until === null ? undefined : Math.min(until - now, LONGEST_MS);

/** Steps as changes of elements; addresses that are none are left out. */
export function transactionOf(steps: readonly BanStep[], now: EpochMs): Transaction {
  const transaction = createTransaction();
  for (const step of steps) {
    const element = elementOf(step.what === 'put' ? step.ban.address : step.address);
    if (element === undefined) continue;
    const set: PrefixSet = { kind: 'banned', family: element.family, prefix: element.prefix };
    const left = step.what === 'put' ? leftMs(step.ban, now) : 0;
    if (step.what === 'lift' || (left !== undefined && left <= 0)) transaction.lift(set, element.key);
    else transaction.put(set, element.key, { fresh: step.fresh, ...(left === undefined ? {} : { timeoutMs: left }) });
  }
  return transaction;
}

/** Elements that have no time of their own, by the name of their set. */
export type FixedElements = ReadonlyMap<string, { readonly set: PrefixSet; readonly keys: ReadonlySet<string> }>;

/** The elements of allowlist and isolation, and what of them is no address. */
export function fixedElements(wanted: {
  readonly allowed: readonly string[];
  readonly isolation: { readonly reachable: readonly string[] } | undefined;
}): { readonly fixed: FixedElements; readonly unusable: readonly string[] } {
  const fixed = new Map<string, { readonly set: PrefixSet; readonly keys: Set<string> }>();
  const unusable: string[] = [];
  const take = (kind: SetKind, networks: readonly string[]): void => {
    for (const network of networks) {
      const element = elementOf(network);
      if (element === undefined) {
        unusable.push(network);
        continue;
      }
      const set: PrefixSet = { kind, family: element.family, prefix: element.prefix };
      const name = setName(set);
      const known = fixed.get(name);
      if (known === undefined) fixed.set(name, { set, keys: new Set([element.key]) });
      else known.keys.add(element.key);
    }
  };
  take('allowed', wanted.allowed);
  take('reachable', wanted.isolation?.reachable ?? []);
  return { fixed, unusable };
}

/** What leads from some fixed elements to others. */
export function fixedChanges(before: FixedElements, after: FixedElements): Transaction {
  const transaction = createTransaction();
  for (const [name, { set, keys }] of before) {
    for (const key of keys) if (after.get(name)?.keys.has(key) !== true) transaction.lift(set, key);
  }
  for (const [name, { set, keys }] of after) {
    for (const key of keys) if (before.get(name)?.keys.has(key) !== true) transaction.put(set, key);
  }
  return transaction;
}
