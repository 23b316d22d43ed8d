/**
 * The packet filter put together: what is wanted (allowlist, bans, plan, packet protection) goes to the kernel and is kept
 * there; and what the kernel says of an address, of what it dropped, and of how long a change took.
 *
 * Knows neither how a packet filter is told, nor who may change a plan.
 */
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { formatNetwork, formatRange, type Network, readRange } from '../policy/addresses.ts';
import type { AllowEntry } from '../policy/allowlist.ts';
import type { EpochMs } from '../policy/call.ts';
import { planInForce } from '../policy/firewall-plan.ts';
import type { Settings } from '../policy/settings.ts';
import type { BanList } from './ban-list.ts';
import { type EvidenceSource, writeEvidence } from './evidence-bundle.ts';
import type {
  Firewall,
  FirewallBackend,
  FirewallCounters,
  KernelPresence,
  Traffic,
  WantedFirewall,
} from './firewall/firewall.ts';
import { type FirewallStatus, startReconciler } from './firewall/reconciler.ts';
import { createFirewall } from './firewall/registry.ts';
import { createFirewallControl, type FirewallControl, type PlanDocument, type Trials } from './firewall-control.ts';
import { followKernelHits } from './kernel-hits.ts';

export interface FirewallState extends FirewallStatus {
  /** Since when it is, or is not, as it should be. */
  readonly since: EpochMs;
}

/** What became of a change of the bans. */
export interface KernelArrival {
  /** All of it, read back from the kernel. */
  readonly arrived: boolean;
  readonly afterMs: number;
  readonly backend: FirewallBackend;
  /** Why it has not; empty if it has. */
  readonly problem: string;
}

/** What the kernel says of one address. */
export interface KernelAnswer extends KernelPresence {
  readonly backend: FirewallBackend;
  /** Of the narrowest ban that holds it; null where none does. */
  readonly traffic: Traffic | null;
}

export interface FirewallService {
  readonly control: FirewallControl;
  readonly state: () => FirewallState;
  /** At most two seconds old; undefined where nothing is counted, or nothing can be read. Never rejects. */
  readonly counters: () => Promise<FirewallCounters | undefined>;
  /** Waits, for a second at most, until bans are in the kernel, or out of it. Undefined without a packet filter. */
  readonly untilBanned: (addresses: readonly string[]) => Promise<KernelArrival | undefined>;
  readonly untilLifted: (addresses: readonly string[]) => Promise<KernelArrival | undefined>;
  /** Undefined without a packet filter. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly inKernel: (address: string) => Promise<KernelAnswer | undefined>;
  /** Ends what packet protection blocked by itself; true if there was something. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly unblock: (address: string) => Promise<boolean>;
  /** What is in the kernel stays. */
  readonly close: () => Promise<void>;
}

const COMPARE_EVERY_MS = 5000;
const EVIDENCE_WITHIN_MS = 5000;
const COUNTERS_GOOD_FOR_MS = 2000;
const ARRIVES_WITHIN_MS = 1000;
const ASK_EVERY_MS = 15;
/** Each is asked for by itself; more are waited for by comparing everything. */
const MOST_ASKED_FOR = 16;

export function startFirewall(deps: {
  readonly backend: FirewallBackend;
  readonly node: string;
  readonly stateDir: string;
  readonly allowed: {
    readonly networks: () => readonly { readonly network: Network; readonly entry: AllowEntry }[];
    readonly entryOf: (address: string) => AllowEntry | undefined;
    readonly wouldAllow: (entries: readonly AllowEntry[], address: string) => boolean;
    readonly onChange: (listener: () => void) => () => void;
  };
  readonly bans: BanList;
  readonly plans: PlanDocument;
  readonly settings: {
    readonly current: () => { readonly document: Settings };
    readonly onChange: (listener: () => void) => () => void;
    readonly trials: Trials;
  };
  readonly noteAllowed: (entryId: string) => void;
  readonly noteBanned: (address: string) => void;
  /** Beside what is known here. */
  readonly evidence: readonly EvidenceSource[];
  /** Addresses that this host itself needs: those of its store. */
  readonly needed: () => readonly string[];
  /** For what happens by itself. */
  readonly audit: (entry: {
    readonly by: string;
    readonly action: string;
    readonly subject: string;
    readonly before: unknown;
    readonly after: unknown;
    readonly reason: string;
  }) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  /** Absent: the one of the backend's name. */
  readonly firewall?: Firewall;
}): FirewallService {
  const { backend, allowed, bans, plans, settings, clock, log } = deps;
  const hasFirewall = backend !== 'none';
  const counts = backend === 'nftables';

  let networks: readonly string[] | undefined;
  const allowedNetworks = (): readonly string[] => {
    networks ??= [...new Set(allowed.networks().map(({ network }) => formatNetwork(network)))];
    return networks;
  };
  const wanted = (): WantedFirewall => {
    const { portal, isolation } = planInForce(plans.current().document, clock.now());
    return {
      allowed: allowedNetworks(),
      bans: { [Symbol.iterator]: () => bans.all() },
      portal: portal ?? undefined,
      isolation: isolation ?? undefined,
      packetProtection: settings.current().document.packetProtection,
    };
  };
  const reconciler = startReconciler({
    firewall: deps.firewall ?? createFirewall(backend, { clock, log }),
    wanted,
    bans,
    isKnown: bans.isKnown,
    clock,
    log,
    everyMs: COMPARE_EVERY_MS,
  });
  const stops = [
    allowed.onChange(() => {
      networks = undefined;
      reconciler.refresh();
    }),
    plans.onChange(reconciler.refresh),
    settings.onChange(reconciler.refresh),
  ];

  let read: { readonly atMs: number; readonly counters: Promise<FirewallCounters | undefined> } | undefined;
  const counters = (): Promise<FirewallCounters | undefined> => {
    if (!counts) return Promise.resolve(undefined);
    const nowMs = clock.monotonicMs();
    if (read === undefined || nowMs - read.atMs > COUNTERS_GOOD_FOR_MS) {
      const counted = reconciler.counters().catch((error: unknown) => {
        log.debug({ problem: messageOf(error) }, 'the packet filter does not tell its counts');
        return undefined;
      });
      read = { atMs: nowMs, counters: counted };
    }
    return read.counters;
  };
  const entriesByNetwork = (): ReadonlyMap<string, string> =>
    new Map(allowed.networks().map(({ network, entry }) => [formatNetwork(network), entry.id]));
  const hits = counts
    ? followKernelHits({
        counters: reconciler.counters,
        onBan: deps.noteBanned,
        onAllowed: (network) => {
          const entry = entriesByNetwork().get(network);
          if (entry !== undefined) deps.noteAllowed(entry);
        },
      })
    : undefined;

  /** Asks until the kernel says so of every address, or time is up. */
  const asked = async (addresses: readonly string[], isThere: boolean): Promise<boolean> => {
    const untilMs = clock.monotonicMs() + ARRIVES_WITHIN_MS;
    let left = addresses.map(canonical);
    for (;;) {
      const answers = await Promise.all(left.map((address) => reconciler.inKernel(address)));
      left = left.filter((address, at) => (answers[at]?.bans.includes(address) ?? false) !== isThere);
      if (left.length === 0) return true;
      if (clock.monotonicMs() >= untilMs) return false;
      await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    }
  };
  const until = async (addresses: readonly string[], isThere: boolean): Promise<KernelArrival | undefined> => {
    if (!hasFirewall || addresses.length === 0) return undefined;
    const startMs = clock.monotonicMs();
    const few = addresses.length <= MOST_ASKED_FOR;
    const work = few ? asked(addresses, isThere) : reconciler.sync().then(() => true);
    const [answer, problem] = await within(work, ARRIVES_WITHIN_MS + ASK_EVERY_MS).then(
      (done) => [done !== TIMED_OUT && done, ''] as const,
      (error: unknown) => [false, messageOf(error)] as const,
    );
    const why = answer ? '' : problem || reconciler.status().problem || 'not within a second';
    return { arrived: answer, afterMs: Math.round(clock.monotonicMs() - startMs), backend, problem: why };
  };

  const control = createFirewallControl({
    plans,
    trials: { ...settings.trials, onChange: settings.onChange },
    hasFirewall,
    sync: reconciler.sync,
    isAllowed: (address) => allowed.entryOf(address) !== undefined,
    wouldAllow: allowed.wouldAllow,
    needed: deps.needed,
    keepEvidence: async (by) => {
      const about = { at: clock.now(), node: deps.node, by };
      const own: EvidenceSource[] = [
        { kind: 'plan', read: () => [plans.current()] },
        { kind: 'firewall', read: () => [reconciler.status()] },
        { kind: 'counters', read: async () => [shownCounters(await reconciler.counters())] },
        { kind: 'ban', read: () => bans.all() },
      ];
      try {
        // Whoever isolates a host is in a hurry; the rest is written meanwhile.
        const path = await within(writeEvidence(deps.stateDir, about, [...own, ...deps.evidence]), EVIDENCE_WITHIN_MS);
        if (path === TIMED_OUT)
          return `bans, reports, calls and packet counts are still being written to ${deps.stateDir}`;
        return `bans, reports, calls and packet counts of this moment are kept in ${path}`;
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'evidence of the isolation could not be kept');
        return `no evidence could be kept: ${messageOf(error)}`;
      }
    },
    onReverted: (before, after, { what, by }) =>
      deps.audit({
        ...{ by: 'clock', action: 'firewall.revert', subject: `firewall ${deps.node}`, before, after },
        reason: `nobody confirmed the change of ${by} (${what}) in time`,
      }),
    clock,
    log,
  });

  let known = { isWell: true, since: clock.now() };
  const state = (): FirewallState => {
    const status = reconciler.status();
    const isWell = status.problem === undefined;
    if (isWell !== known.isWell) known = { isWell, since: clock.now() };
    return { ...status, since: known.since };
  };

  return {
    control,
    state,
    counters,
    untilBanned: (addresses) => until(addresses, true),
    untilLifted: (addresses) => until(addresses, false),
    inKernel: async (address) => {
      if (!hasFirewall) return undefined;
      const presence = await reconciler.inKernel(address);
      const [ban] = presence.bans;
      const traffic = ban === undefined ? undefined : (await counters())?.bans.get(ban);
      return { ...presence, backend, traffic: traffic ?? null };
    },
    unblock: reconciler.unblock,
    close: async () => {
      hits?.close();
      for (const stop of stops) stop();
      await control.close();
      await reconciler.close();
    },
  };
}

const canonical = (address: string): string => {
  const read = readRange(address);
  return 'range' in read ? formatRange(read.range) : address;
};

/** Maps as JSON has them. */
const shownCounters = ({ bans, allowed, ...rest }: FirewallCounters) => ({
  ...rest,
  bans: Object.fromEntries(bans),
  allowed: Object.fromEntries(allowed),
});
