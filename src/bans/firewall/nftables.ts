/**
 * The backend `nftables`: one table of our own, `inet tollgate`, in the kernel of this host.
 *
 * Guarantees
 * - Every change is one transaction: packets meet the state before it or the state after it. If it fails, nothing changed.
 * - Nothing outside the table is read into, changed or relied on. The table may be deleted at any time by anyone:
 *   `enforce` makes it anew, with what its elements had counted, if there is anything left of it.
 * - The rules are compared as text: what nft lists after we made them is what it must list ever after, in whatever way its
 *   version prints a rule. Elements are compared one by one, or by asking the kernel for a few hundred of them.
 */
import type { Clock } from '../../clock.ts';
import { TollgateError } from '../../errors.ts';
import type { BanStep, Enforced, EnforceOptions, Firewall, Traffic, WantedFirewall } from './firewall.ts';
import type { ListedElement } from './nft-listing.ts';
import { createNft } from './nft-process.ts';
import { createNftReading, type ElementsRead, type Networks } from './nft-reading.ts';
import {
  BLOCKED_SETS,
  blockElementOf,
  definitions,
  type Element,
  type ElementDetails,
  elementOf,
  elementsCommand,
  elementText,
  FORGET_TABLE,
  networkText,
  type Shape,
  setName,
  shapeOf,
  TABLE,
} from './nft-ruleset.ts';
import {
  createTransaction,
  type FixedElements,
  fixedChanges,
  fixedElements,
  leftMs,
  NEARLY_OVER_MS,
  type Transaction,
  transactionOf,
} from './nft-transaction.ts';

/** What this process has put into the kernel, apart from bans. */
interface InPlace {
  readonly shape: Shape;
  readonly definitions: string;
  /** The table's rules as nft lists them. */
  readonly listed: string;
  readonly fixed: FixedElements;
}

/** What is left of a table that is made anew. */
interface Old {
  readonly elements: ElementsRead | undefined;
  /** Commands. */
  readonly blocked: readonly string[];
  /** By the name of a counter. */
  readonly counted: ReadonlyMap<string, Traffic>;
}

/** Clocks of kernel and host drift apart, and a listing takes a while. */
const TIME_TOLERANCE_MS = 5000;
const SAMPLE = 500;
const MOST_FOUND = 10;
/** Bans looked at before calls are decided again. */
const PIECE = 1000;

/** @param deps.command absent: `nft` from PATH */
export function createNftables(deps: {
  readonly clock: Clock;
  readonly command?: readonly [string, ...string[]];
}): Firewall {
  const { clock } = deps;
  const nft = createNft(deps.command);
  const read = createNftReading({ nft, clock });
  let inPlace: InPlace | undefined;
  /** Bans that were found in the kernel while the list was not known. */
  let adopted: Networks = new Map();
  let sampledTo = 0;

  const place = async (shape: Shape, fixed: FixedElements): Promise<void> => {
    const listed = await read.table();
    // Gone again within these milliseconds: the next comparison finds that.
    inPlace = { shape, definitions: definitions(shape), listed: listed ?? '', fixed };
  };

  /** What an old table leaves to the new one: counts, blocks, and bans where those are all that is known of them. */
  const readOld = async (table: string | undefined): Promise<Old> => {
    if (table === undefined) return { elements: undefined, blocked: [], counted: new Map() };
    const elements = await read.elements();
    const blocked = [...elements.blocked].flatMap(([set, listed]) =>
      listed.length === 0
        ? []
        : elementsCommand(
            'add',
            set,
            listed.map((each) => elementText(each.key, detailsOf(each))),
          ),
    );
    return { elements, blocked, counted: await read.named() };
  };

  /** Makes the table anew. What its elements and rules had counted goes on, if there is a table. */
  const rebuild = async (
    wanted: WantedFirewall,
    table: string | undefined,
    keepBans: boolean,
  ): Promise<{ readonly elements: number; readonly unusable: readonly string[] }> => {
    const old = await readOld(table);
    const { fixed, unusable } = fixedElements(wanted);
    const elements = createTransaction();
    const wrong = [...unusable];
    for (const { set, keys } of fixed.values()) {
      for (const key of keys) {
        const before = old.elements?.[set.kind].get(networkText({ ...set, key }));
        elements.put(set, key, { fresh: true, ...trafficOf(before) });
      }
    }
    const done = new Set<string>();
    await inPieces(wanted.bans, (ban) => {
      const element = elementOf(ban.address);
      const left = leftMs(ban, clock.now());
      if (element === undefined) wrong.push(ban.address);
      if (element === undefined || (left !== undefined && left <= 0)) return;
      done.add(ban.address);
      const details = { ...timeOf(left), ...trafficOf(old.elements?.banned.get(ban.address)) };
      elements.put({ kind: 'banned', ...element }, element.key, { fresh: true, ...details });
    });
    for (const [network, ban] of keepBans ? new Map([...adopted, ...(old.elements?.banned ?? [])]) : []) {
      if (done.has(network)) continue;
      elements.put({ kind: 'banned', ...ban.element }, ban.key, { fresh: true, ...detailsOf(ban) });
    }
    const shape = shapeOf(wanted, elements.sets());
    const blocked = shape.protection === undefined ? [] : old.blocked;
    await nft.must(['-f', '-'], {
      script: [FORGET_TABLE, definitions(shape, old.counted), ...elements.commands(), ...blocked],
    });
    await place(shape, fixed);
    if (!(await nft.wouldDo(elements.checks()))) throw notHeld();
    return { elements: done.size, unusable: wrong };
  };

  /** Runs changes, with new rules before them where they name a set that is not there yet. */
  const commit = async (
    now: InPlace,
    wantedShape: Omit<Shape, 'sets'>,
    changes: Transaction,
    fixed: FixedElements,
  ): Promise<void> => {
    const sets = new Map([...now.shape.sets, ...changes.sets()].map((set) => [setName(set), set]));
    const shape = { ...shapeOf(EMPTY, sets.values()), ...wantedShape };
    const rules = definitions(shape);
    const commands = changes.commands();
    const isSame = rules === now.definitions;
    if (isSame && commands.length === 0) return;
    const stopsBlocking = now.shape.protection !== undefined && shape.protection === undefined;
    const flushed = stopsBlocking ? BLOCKED_SETS.map(({ set }) => `flush set ${TABLE} ${set}\n`) : [];
    if (isSame) {
      await nft.change(commands);
      inPlace = { ...now, fixed };
    } else {
      const isOurs = (await read.table()) === now.listed;
      await nft.must(['-f', '-'], { script: [rules, ...flushed, ...commands] });
      await place(shape, fixed);
      // What somebody had put into the table meanwhile must not pass for ours.
      if (!isOurs && inPlace !== undefined) inPlace = { ...inPlace, listed: '' };
    }
  };

  /** Everything but bans, as far as what is wanted has changed. */
  const settle = async (now: InPlace, wanted: WantedFirewall): Promise<readonly string[]> => {
    const { fixed, unusable } = fixedElements(wanted);
    const { sets: _, ...shape } = shapeOf(wanted, []);
    const changes = fixedChanges(now.fixed, fixed);
    await commit(now, shape, changes, fixed);
    if (!(await nft.wouldDo(changes.checks()))) throw notHeld();
    return unusable;
  };

  /** Whether the kernel has all fixed elements, and some of the bans; others at each turn. */
  const sampleHolds = (now: InPlace, wanted: WantedFirewall, options: EnforceOptions): Promise<boolean> => {
    const sample = createTransaction();
    for (const { set, keys } of now.fixed.values()) for (const key of keys) sample.put(set, key);
    let at = 0;
    let taken = 0;
    for (const ban of wanted.bans) {
      if (at++ < sampledTo) continue;
      if (++taken > SAMPLE) break;
      const element = elementOf(ban.address);
      const left = leftMs(ban, clock.now());
      if (element === undefined || options.isChanging(ban.address)) continue;
      if (left === undefined || left > NEARLY_OVER_MS) sample.put({ kind: 'banned', ...element }, element.key);
    }
    sampledTo = taken > SAMPLE ? sampledTo + SAMPLE : 0;
    return nft.wouldDo(sample.checks());
  };

  const compareAll = async (now: InPlace, wanted: WantedFirewall, options: EnforceOptions): Promise<Enforced> => {
    const found = createFindings();
    const unusable: string[] = [];
    const mend = createTransaction();
    const there = await read.elements();
    for (const { set, keys } of now.fixed.values()) {
      for (const key of keys) {
        const network = networkText({ ...set, key });
        if (!there[set.kind].has(network)) found.note(`${set.kind} ${network} was missing`, () => mend.put(set, key));
      }
    }
    for (const kind of ['allowed', 'reachable'] as const) {
      for (const [network, { element }] of there[kind]) {
        const set = { kind, ...element };
        if (now.fixed.get(setName(set))?.keys.has(element.key) === true) continue;
        found.note(`${kind} ${network} was too many`, () => mend.lift(set, element.key));
      }
    }
    const kernel = new Map(there.banned);
    const readAt = clock.now();
    await inPieces(wanted.bans, (ban) => {
      const element = elementOf(ban.address);
      if (element === undefined) {
        unusable.push(ban.address);
        return;
      }
      const network = networkText(element);
      const listed = kernel.get(network);
      kernel.delete(network);
      const left = leftMs(ban, readAt);
      if (options.isChanging(ban.address) || (left !== undefined && left <= NEARLY_OVER_MS)) return;
      if (listed !== undefined && isSameTime(left, listed.expiresMs)) return;
      found.note(`ban of ${network} ${listed === undefined ? 'was missing' : 'had another time'}`, () =>
        mend.put({ kind: 'banned', ...element }, element.key, {
          ...timeOf(left),
          ...trafficOf(listed),
        }),
      );
    });
    for (const [network, { element, expiresMs }] of kernel) {
      const ends = expiresMs !== null && expiresMs <= NEARLY_OVER_MS;
      if (ends || options.keepBans || options.isChanging(network)) continue;
      found.note(`ban of ${network} was too many`, () => mend.lift({ kind: 'banned', ...element }, element.key));
    }
    const { sets: _, ...shape } = now.shape;
    await commit(now, shape, mend, now.fixed);
    if (!(await nft.wouldDo(mend.checks()))) throw notHeld();
    return { drift: found.count(), found: found.words(), elements: there.banned.size, unusable };
  };

  return {
    backend: 'nftables',
    enforce: async (wanted, options) => {
      const table = await read.table();
      if (inPlace === undefined && table !== undefined && options.keepBans) {
        adopted = (await read.elements()).banned;
        return { drift: 0, found: [], elements: adopted.size, unusable: [] };
      }
      if (inPlace === undefined || table !== inPlace.listed) {
        const isFirst = inPlace === undefined;
        const { elements, unusable } = await rebuild(wanted, table, options.keepBans);
        if (!options.keepBans) adopted = new Map();
        const word = table === undefined ? 'the table was gone' : 'rules of the table were changed';
        return { drift: isFirst ? 0 : 1, found: isFirst ? [] : [word], elements, unusable };
      }
      const unusable = await settle(inPlace, wanted);
      if (!options.all && (await sampleHolds(inPlace, wanted, options))) {
        return { drift: 0, found: [], elements: undefined, unusable };
      }
      const compared = await compareAll(inPlace, wanted, options);
      return { ...compared, unusable: [...unusable, ...compared.unusable] };
    },
    change: async (steps) => {
      if (inPlace === undefined) return;
      const { sets: _, ...shape } = inPlace.shape;
      await commit(inPlace, shape, transactionOf(steps, clock.now()), inPlace.fixed);
    },
    holds: async (steps) => {
      if (inPlace === undefined) return true;
      const now = clock.now();
      const ends = (step: BanStep): boolean =>
        step.what === 'put' && (leftMs(step.ban, now) ?? Infinity) <= NEARLY_OVER_MS;
      return await nft.wouldDo(
        transactionOf(
          steps.filter((step) => !ends(step)),
          now,
        ).checks(),
      );
    },
    inKernel: async (text) => read.presence(known(text)),
    counters: read.counters,
    unblock: async (text) => {
      const { set, key } = blockElementOf(known(text));
      const command = elementsCommand('delete', set, [key]);
      if (!(await nft.wouldDo([command]))) return false;
      // It may end by itself in between.
      await nft.must(['-f', '-'], { script: [elementsCommand('add', set, [key]), command] });
      return true;
    },
    remove: async () => {
      await nft.must(['-f', '-'], { script: [FORGET_TABLE] });
      inPlace = undefined;
      adopted = new Map();
    },
    close: nft.close,
  };
}

const EMPTY: WantedFirewall = {
  allowed: [],
  bans: [],
  portal: undefined,
  isolation: undefined,
  packetProtection: undefined,
};

function known(text: string): Element {
  const element = elementOf(text);
  if (element === undefined) throw new TollgateError('INVALID_REQUEST', `${JSON.stringify(text)} is no address`);
  return element;
}

const trafficOf = (listed: Traffic | undefined): { readonly traffic?: Traffic } =>
  listed === undefined || listed.packets === 0 ? {} : { traffic: listed };

const timeOf = (leftMs: number | undefined | null): { readonly timeoutMs?: number } =>
  leftMs == null ? {} : { timeoutMs: leftMs };

const detailsOf = (listed: ListedElement): ElementDetails => ({ ...timeOf(listed.expiresMs), ...trafficOf(listed) });

/** Somebody else changes the table at the same moment; the next comparison settles it. */
const notHeld = (): TollgateError =>
  new TollgateError('FIREWALL_FAILED', 'nft reported success, and the kernel does not hold what it was given');

const isSameTime = (wantedMs: number | undefined, expiresMs: number | null): boolean =>
  wantedMs === undefined || expiresMs === null
    ? wantedMs === undefined && expiresMs === null
    : Math.abs(wantedMs - expiresMs) <= TIME_TOLERANCE_MS;

async function inPieces<Item>(items: Iterable<Item>, take: (item: Item) => void): Promise<void> {
  let taken = 0;
  for (const item of items) {
    take(item);
    if (++taken % PIECE === 0) await new Promise(setImmediate);
  }
}

/** Counts all differences and keeps the words of a few. */
function createFindings() {
  const words: string[] = [];
  let count = 0;
  return {
    note: (what: string, mend: () => void): void => {
      count += 1;
      if (words.length < MOST_FOUND) words.push(what);
      mend();
    },
    count: () => count,
    words: () => words,
  };
}
