/**
 * Keeps the kernel equal to what is wanted: takes each change of the ban list there at once, and every few seconds compares
 * what the kernel has, mends it, and counts what it found as drift.
 *
 * Guarantees
 * - One thing at a time: changes that come while the kernel is being changed are gathered and go together, in the order
 *   in which they came. A change that fails is not tried by itself again; the next comparison finds what is missing.
 * - Until the ban list is known (the store is away, or just being read), no ban is taken out of the kernel.
 * - Comparing takes a fiftieth of one core at most: every element is read back as often as that allows, which is at every
 *   turn for a few thousand bans and every 100 s for 100,000; in between the rules and a sample are.
 * - Every change is asked back from the kernel within a quarter of a second.
 * - What is in the kernel stays there when this is closed: bans outlive the daemon.
 */
import type { Clock } from '../../clock.ts';
import { messageOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { EpochMs } from '../../policy/call.ts';
import type { BanList } from '../ban-list.ts';
import type { BanStep, Enforced, Firewall, FirewallBackend, WantedFirewall } from './firewall.ts';

export interface FirewallStatus {
  readonly backend: FirewallBackend;
  /** What is wanted is what the kernel does. Never true of a backend that drops nothing. */
  readonly inForce: boolean;
  /** Differences found and mended since the start that nobody of us had made. */
  readonly drift: number;
  /** When there last was one, and the first few of them in words. */
  readonly lastDrift: { readonly at: EpochMs; readonly found: readonly string[] } | undefined;
  readonly lastCheckAt: EpochMs | undefined;
  /** When every element was last read back. */
  readonly lastFullCheckAt: EpochMs | undefined;
  /** The bans are not known yet, so those in the kernel are kept as they are. */
  readonly waitsForBans: boolean;
  /** Addresses that no firewall can take. */
  readonly unusable: readonly string[];
  /** Why the kernel is not as it should be. */
  readonly problem: string | undefined;
}

export interface Reconciler extends Pick<Firewall, 'inKernel' | 'counters' | 'unblock'> {
  readonly status: () => FirewallStatus;
  /** Something beside the bans is wanted otherwise now (allowlist, portal, isolation, limits): takes it to the kernel. */
  readonly refresh: () => void;
  /**
   * Resolves when everything that is wanted now is in the kernel, and the kernel said so.
   * @throws {TollgateError} `FIREWALL_FAILED`
   */
  readonly sync: () => Promise<void>;
  /** Takes everything out of the kernel, and ends this. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly remove: () => Promise<void>;
  /** Ends this; what is in the kernel stays. */
  readonly close: () => Promise<void>;
}

/** Reading one back takes nft and the daemon 20 µs of a core together, so this is a fiftieth of one. */
const ELEMENTS_PER_MS = 1;
/** Asking takes the kernel 15 ms, in which the next ban would wait. */
const VERIFY_AFTER_MS = 200;
const MOST_UNUSABLE = 100;

export function startReconciler(deps: {
  readonly firewall: Firewall;
  /** Read anew at each comparison. */
  readonly wanted: () => WantedFirewall;
  readonly bans: Pick<BanList, 'onChange'>;
  /** Whether `wanted` is known in full: the lists were read from the store at least once. */
  readonly isKnown: () => boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** From one comparison to the next. */
  readonly everyMs: number;
}): Reconciler {
  const { firewall, clock, log } = deps;
  /** Last steps by address, in order. */
  const pending = new Map<string, BanStep>();
  /** In the kernel, which was not asked yet. */
  const unverified = new Map<string, BanStep>();
  let verifying: NodeJS.Timeout | undefined;
  let problem: string | undefined;
  let drift = 0;
  let lastDrift: FirewallStatus['lastDrift'];
  let lastCheckAt: EpochMs | undefined;
  let lastFullCheckAt: EpochMs | undefined;
  let unusable: readonly string[] = [];
  let wasKnown = false;
  /** Monotonic; a comparison of everything is due from then on. */
  let fullDueMs = 0;
  let closed = false;
  let timer: NodeJS.Timeout | undefined;

  const say = (found: Enforced): void => {
    drift += found.drift;
    if (found.drift === 0) return;
    lastDrift = { at: clock.now(), found: found.found };
    log.warn(
      { drift: found.drift, found: found.found },
      'the packet filter was not as Tollgate left it; it was mended',
    );
  };

  const enforce = async (): Promise<void> => {
    const isKnown = deps.isKnown();
    // Whoever changes the list while we compare is not drift.
    const all = clock.monotonicMs() >= fullDueMs || (isKnown && !wasKnown);
    const wanted = deps.wanted();
    const found = await firewall.enforce(wanted, {
      all,
      keepBans: !isKnown,
      isChanging: (address) => pending.has(address),
    });
    wasKnown = isKnown;
    lastCheckAt = clock.now();
    if (found.elements !== undefined) {
      lastFullCheckAt = lastCheckAt;
      fullDueMs = clock.monotonicMs() + found.elements / ELEMENTS_PER_MS;
      unusable = found.unusable.slice(0, MOST_UNUSABLE);
    }
    say(found);
  };

  const change = async (): Promise<void> => {
    if (pending.size === 0) return;
    const steps = [...pending];
    pending.clear();
    await firewall.change(steps.map(([, step]) => step));
    for (const [address, step] of steps) unverified.set(address, step);
    verifying ??= setTimeout(() => quietly(inTurn(() => attempt(verify))), VERIFY_AFTER_MS);
  };

  const verify = async (): Promise<void> => {
    clearTimeout(verifying);
    verifying = undefined;
    const steps = [...unverified.values()];
    unverified.clear();
    if (steps.length === 0 || (await firewall.holds(steps))) return;
    log.warn('the kernel does not have the bans that it was given; all are compared');
    fullDueMs = 0;
    await enforce();
  };

  // One at a time; who asks while one runs waits for one that begins after it.
  let running: Promise<void> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const next = running.then(work);
    running = next.catch(() => undefined);
    return next;
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
      if (problem !== undefined) log.info('the packet filter can be changed again');
      problem = undefined;
    } catch (error) {
      fullDueMs = 0;
      const sentence = messageOf(error);
      // The same sentence every few seconds helps nobody.
      if (sentence !== problem) log.error({ problem: sentence }, 'the packet filter is not as it should be');
      problem = sentence;
      throw error;
    }
  };

  let changing: Promise<void> | undefined;
  const takeChanges = (): Promise<void> => {
    changing ??= inTurn(() => {
      changing = undefined;
      return attempt(change);
    });
    return changing;
  };
  let enforcing: Promise<void> | undefined;
  const compare = (): Promise<void> => {
    enforcing ??= inTurn(() => {
      enforcing = undefined;
      return attempt(async () => {
        await change();
        await verify();
        await enforce();
      });
    });
    return enforcing;
  };
  const quietly = (work: Promise<void>): void => void work.catch(() => undefined);

  const stopListening = deps.bans.onChange((changes) => {
    for (const { what, ban } of changes) {
      const isFresh = what === 'add' && !pending.has(ban.address);
      // To the end of the row, so that steps stay in order.
      pending.delete(ban.address);
      pending.set(
        ban.address,
        what === 'lift' || what === 'expire'
          ? { what: 'lift', address: ban.address }
          : { what: 'put', ban: { address: ban.address, until: ban.until }, fresh: isFresh },
      );
    }
    quietly(takeChanges());
  });

  const compareForEver = async (): Promise<void> => {
    await compare().catch(() => undefined);
    if (!closed) timer = setTimeout(() => void compareForEver(), deps.everyMs);
  };
  void compareForEver();

  const close = async (): Promise<void> => {
    closed = true;
    clearTimeout(timer);
    stopListening();
    await running;
    clearTimeout(verifying);
    firewall.close();
  };

  return {
    status: () => ({
      backend: firewall.backend,
      inForce: firewall.backend === 'nftables' && lastCheckAt !== undefined && problem === undefined,
      drift,
      lastDrift,
      lastCheckAt,
      lastFullCheckAt,
      waitsForBans: !wasKnown,
      unusable,
      problem,
    }),
    refresh: () => quietly(compare()),
    sync: compare,
    inKernel: firewall.inKernel,
    counters: firewall.counters,
    unblock: firewall.unblock,
    remove: async () => {
      await close();
      await firewall.remove();
    },
    close,
  };
}
