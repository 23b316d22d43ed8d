/**
 * The kernel read back: the rules of our table as text, its elements and counters, and whether single elements are there.
 *
 * Listing 100,000 elements takes nft a second, and asking it for one of them half of that. So single ones are asked for by
 * a transaction that is tried and not done (`nft -c`): to create an element fails where there is one, to delete it where
 * there is none. That takes 3 ms, whatever the size. Changes nothing.
 */
import type { Clock } from '../../clock.ts';
import { TollgateError } from '../../errors.ts';
import { formatAddress, networkAround, readAddress } from '../../policy/addresses.ts';
import type { EpochMs } from '../../policy/call.ts';
import { DROP_REASONS, type FirewallCounters, type KernelPresence, LIMIT_NAMES, type Traffic } from './firewall.ts';
import { countersOf, createElementReader, type ListedElement, ownTable, setsOf } from './nft-listing.ts';
import type { Nft } from './nft-process.ts';
import {
  BLOCKED_SETS,
  blockElementOf,
  dropCounter,
  type Element,
  elementsCommand,
  limitCounter,
  networkText,
  type PrefixSet,
  type SetKind,
  setName,
  setOfName,
  TABLE,
} from './nft-ruleset.ts';

/** Elements by their network. */
export type Networks = ReadonlyMap<string, ListedElement & { readonly element: Element }>;

/** Everything that the sets of the table hold. */
export interface ElementsRead extends Readonly<Record<SetKind, Networks>> {
  /** By the name of the set. */
  readonly blocked: ReadonlyMap<string, readonly ListedElement[]>;
}

/** Each rejects with `FIREWALL_FAILED` where nft cannot say. */
export interface NftReading {
  /** The table without elements and counts, in 4 ms whatever it holds; undefined: there is none. */
  readonly table: () => Promise<string | undefined>;
  /** What the named counters have counted. */
  readonly named: () => Promise<ReadonlyMap<string, Traffic>>;
  /** All elements but those in which rates are counted. */
  readonly elements: () => Promise<ElementsRead>;
  readonly presence: (element: Element) => Promise<KernelPresence>;
  readonly counters: () => Promise<FirewallCounters>;
}

export function createNftReading({ nft, clock }: { readonly nft: Nft; readonly clock: Clock }): NftReading {
  // Only `list ruleset` keeps from reading the elements that it does not show.
  const list = async (...options: readonly string[]): Promise<string | undefined> =>
    ownTable((await nft.must([...options, 'list', 'ruleset', 'inet'])).output);
  const table = (): Promise<string | undefined> => list('-s', '-t');

  const named = async (): Promise<ReadonlyMap<string, Traffic>> => countersOf((await list('-t')) ?? '');

  const elements = async (): Promise<ElementsRead> => {
    const found = { allowed: emptyNetworks(), reachable: emptyNetworks(), banned: emptyNetworks() };
    const blocked = new Map<string, ListedElement[]>(BLOCKED_SETS.map(({ set }) => [set, []]));
    const sets = new Map<string, PrefixSet | undefined>();
    const reader = createElementReader((name, listed) => {
      const isBlock = blocked.get(name);
      if (isBlock !== undefined) {
        isBlock.push(listed);
        return;
      }
      if (!sets.has(name)) sets.set(name, setOfName(name));
      const set = sets.get(name);
      if (set === undefined) return;
      const element = { family: set.family, prefix: set.prefix, key: listed.key };
      found[set.kind].set(networkText(element), { ...listed, element });
    });
    await nft.must(['list', 'table', ...TABLE.split(' ')], { onOutput: reader.read });
    return { ...found, blocked };
  };

  return {
    table,
    named,
    elements,
    presence: async (element) => {
      const asked = questions(setsOf((await table()) ?? ''), element);
      if (asked.length === 0) return { bans: [], allowed: [], blocked: false };
      const script = asked.map((each) => elementsCommand('create', each.set, [each.key]));
      const { ok, problem } = await nft.run(['-c', '-f', '-'], { script });
      // `/dev/stdin:3:40-47: Error: …: File exists`: the third is there.
      const lines = new Set(
        [...problem.matchAll(/^[^\n:]*:(\d+):[^\n]*File exists/gm)].map(([, line]) => Number(line)),
      );
      if (!ok && lines.size === 0) throw new TollgateError('FIREWALL_FAILED', `nft cannot say: ${problem.trim()}`);
      const there = asked.filter((_, index) => lines.has(index + 1));
      const networks = (kind: string): string[] =>
        there.flatMap((each) =>
          each.kind === kind ? networkText({ family: element.family, prefix: each.prefix, key: each.key }) : [],
        );
      return {
        bans: networks('banned'),
        allowed: networks('allowed'),
        blocked: there.some(({ kind }) => kind === 'blocked'),
      };
    },
    counters: async () => {
      const counted = await named();
      const there = (await table()) === undefined ? undefined : await elements();
      const now = clock.now();
      const of = (name: string): Traffic => counted.get(name) ?? { packets: 0, bytes: 0 };
      return {
        dropped: byName(DROP_REASONS, (reason) => of(dropCounter(reason))),
        limited: byName(LIMIT_NAMES, (limit) => of(limitCounter(limit))),
        bans: trafficBy(there?.banned),
        allowed: trafficBy(there?.allowed),
        blocked: BLOCKED_SETS.flatMap(({ set, family, prefix }) =>
          (there?.blocked.get(set) ?? []).map(({ key, packets, bytes, expiresMs }) => ({
            address: networkText({ family, prefix, key }),
            until: (now + (expiresMs ?? 0)) as EpochMs,
            packets,
            bytes,
          })),
        ),
      };
    },
  };
}

const emptyNetworks = (): Map<string, ListedElement & { readonly element: Element }> => new Map();

const trafficBy = (networks: Networks = emptyNetworks()): ReadonlyMap<string, Traffic> =>
  new Map([...networks].map(([network, { packets, bytes }]) => [network, { packets, bytes }]));

/** Everything in which an element may be held, the narrowest first. */
function questions(sets: readonly string[], element: Element) {
  const address = readAddress(element.key);
  if (address === undefined) return [];
  const { family } = element;
  const ours = sets
    .flatMap((name) => setOfName(name) ?? [])
    .filter((set) => set.family === family && set.prefix <= element.prefix)
    .sort((a, b) => b.prefix - a.prefix)
    .map((set) => ({
      kind: set.kind,
      set: setName(set),
      key: formatAddress({ family, value: networkAround(address, set.prefix).first }),
      prefix: set.prefix,
    }));
  const blocked = BLOCKED_SETS.filter((each) => each.family === family && sets.includes(each.set));
  return [...ours, ...blocked.map(({ prefix }) => ({ kind: 'blocked' as const, ...blockElementOf(element), prefix }))];
}

const byName = <Name extends string>(names: readonly Name[], of: (name: Name) => Traffic): Record<Name, Traffic> =>
  // Object.fromEntries forgets which keys it was given.
  Object.fromEntries(names.map((name) => [name, of(name)])) as Record<Name, Traffic>;
