/**
 * The portal and isolation of this host: made, confirmed, undone, and undone by themselves. Settings that are tried wait
 * here as well, so that one thing waits at a time and is confirmed in one way.
 *
 * Guarantees
 * - A change that closes something is in the kernel, and the kernel said so, when its promise resolves; where that fails
 *   nothing has changed. It ends at its time unless it was confirmed, see firewall-plan.ts, and with a daemon that stops.
 * - It is confirmed only by a connection that was opened after the change was in the kernel: one that is older may live on
 *   where no new one can be opened.
 * - Whoever makes a change is not cut off by it, unless he insists.
 *
 * Refuses to know who may make a change, and how any of it is done in the kernel.
 */
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AllowEntry } from '../policy/allowlist.ts';
import type { EpochMs } from '../policy/call.ts';
import {
  closePortal,
  confirmed,
  type FirewallDocument,
  type FirewallPlan,
  isolate,
  type LostPeers,
  openPortal,
  type PendingChange,
  type PlanMaking,
  pendingAt,
  planInForce,
  release,
  settled,
  type UndoneChange,
  undone,
} from '../policy/firewall-plan.ts';
import type { Ports } from '../policy/port-presets.ts';
import type { Settings } from '../policy/settings.ts';
import type { PendingSettings, UndoneSettings } from '../policy/settings-trial.ts';
import { type Caller, isIn, letsIn, OWN_ADDRESSES, refusalOfAllowlist, refusalOfPlan } from './lock-out-guard.ts';

/** Where the plan is kept. */
export interface PlanDocument {
  readonly current: () => { readonly document: FirewallDocument };
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT` */
  readonly change: (
    edit: (document: FirewallDocument) => FirewallDocument,
    by: string,
  ) => Promise<{ readonly document: FirewallDocument }>;
  readonly onChange: (listener: () => void) => () => void;
}

export interface PlanRequest {
  readonly by: string;
  readonly caller: Caller;
  readonly withinMs: number;
  /** Even if it cuts the caller off. */
  readonly force: boolean;
  /** Whom the change keeps out who is here by right, for whoever has to confirm it; null: not known. */
  readonly lost?: LostPeers | null;
}

/** Settings that are tried, see policy/settings-trial.ts. */
export interface Trials {
  readonly pending: () => PendingSettings | undefined;
  readonly lastUndone: () => UndoneSettings | undefined;
  readonly confirm: (by: string) => Promise<EndedTrial | undefined>;
  readonly undo: (by: string) => Promise<EndedTrial | undefined>;
}
interface EndedTrial {
  readonly before: Settings;
  readonly after: Settings;
}

/** `refused` is a sentence that says what to do. */
export type PlanAnswer =
  | { readonly before: FirewallPlan; readonly after: FirewallPlan; readonly notes: readonly string[] }
  | { readonly settings: EndedTrial; readonly notes: readonly string[] }
  | { readonly refused: string };

export interface PlanState {
  readonly plan: FirewallPlan;
  /** The one change that waits. */
  readonly pending: PendingChange | PendingSettings | undefined;
  readonly lastUndone: UndoneChange | UndoneSettings | undefined;
}

export interface FirewallControl {
  readonly state: () => PlanState;
  /** Why a plan must not come into force as it is, whoever he is. */
  readonly refusalOf: (plan: Partial<FirewallPlan>, caller: Caller) => string | undefined;
  /** Whether a connection was opened after the change that waits was in force; undefined: none waits, or it is not known. */
  readonly isNew: (caller: Caller) => boolean | undefined;
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `FIREWALL_FAILED`; then nothing has changed */
  readonly closePortal: (ports: readonly Ports[], request: PlanRequest) => Promise<PlanAnswer>;
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `FIREWALL_FAILED` */
  readonly openPortal: (request: PlanRequest) => Promise<PlanAnswer>;
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `FIREWALL_FAILED`; then nothing has changed */
  readonly isolate: (reachable: readonly string[], request: PlanRequest) => Promise<PlanAnswer>;
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `FIREWALL_FAILED` */
  readonly release: (request: PlanRequest) => Promise<PlanAnswer>;
  /** @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly confirm: (request: Pick<PlanRequest, 'by' | 'caller'>) => Promise<PlanAnswer>;
  /** Why an edit of the allowlist would cut off the one who makes it. */
  readonly refusalOfAllowlist: (next: readonly AllowEntry[], caller: Caller) => string | undefined;
  /** @throws {TollgateError} `STORE_UNAVAILABLE`, `FIREWALL_FAILED` */
  readonly undo: (request: Pick<PlanRequest, 'by'>) => Promise<PlanAnswer>;
  /** Undoes what is not confirmed: afterwards nobody would be here to do it. Never rejects. */
  readonly close: () => Promise<void>;
}

const TRY_AGAIN_MS = 5000;
/** Timers may run a little early by the clock of the host. */
const LATE_MS = 20;
const LONGEST_TIMER_MS = 600_000;

export function createFirewallControl(deps: {
  readonly plans: PlanDocument;
  readonly trials: Trials & { readonly onChange: (listener: () => void) => () => void };
  /** Drops nothing: a portal would be a lie. */
  readonly hasFirewall: boolean;
  /** Resolves when what is wanted is in the kernel. @throws {TollgateError} `FIREWALL_FAILED` */
  readonly sync: () => Promise<void>;
  readonly isAllowed: (address: string) => boolean;
  /** Whether an address would be allowed by other entries. */
  readonly wouldAllow: (entries: readonly AllowEntry[], address: string) => boolean;
  /** Addresses that this host itself needs: those of its store. */
  readonly needed: () => readonly string[];
  /** Before this host is isolated; answers with a sentence. Never rejects. */
  readonly keepEvidence: (by: string) => Promise<string>;
  /** A change was not confirmed. */
  readonly onReverted: (before: FirewallPlan, after: FirewallPlan, change: UndoneChange) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}): FirewallControl {
  const { plans, trials, clock, log, sync } = deps;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  /** The pending change that is known to be in the kernel. */
  let inKernel: { readonly madeAt: EpochMs; readonly at: EpochMs } | undefined;

  const document = (): FirewallDocument => plans.current().document;
  const planNow = (): FirewallPlan => planInForce(document(), clock.now());
  const waiting = (): PendingChange | PendingSettings | undefined =>
    pendingAt(document(), clock.now()) ?? trials.pending();
  const making = ({ by, caller, withinMs, lost }: PlanRequest): PlanMaking => ({
    at: clock.now(),
    by,
    connection: caller.connection ?? null,
    withinMs,
    lost: lost ?? null,
  });

  /** Notes which change is in the kernel, for those who confirm it. */
  const takeToKernel = async (): Promise<void> => {
    const pending = waiting();
    // Who may come to page and API is no matter of the kernel.
    if (pending?.what !== 'adminAccess') await sync();
    if (pending !== undefined && inKernel?.madeAt !== pending.madeAt)
      inKernel = { madeAt: pending.madeAt, at: clock.now() };
  };

  const expire = async (): Promise<void> => {
    timer = undefined;
    const before = document();
    const after = settled(before, clock.now());
    if (after === before) return schedule();
    // The kernel first: the store may be away, and the plan that is in force follows from the time alone.
    await sync().catch((error: unknown) => {
      log.error({ problem: messageOf(error) }, 'a firewall change that nobody confirmed is still in the kernel');
    });
    try {
      await plans.change((now) => settled(now, clock.now()), 'clock');
    } catch (error) {
      log.warn({ problem: messageOf(error) }, 'that a firewall change was undone could not be written down yet');
      if (!closed) timer = setTimeout(() => void expire(), TRY_AGAIN_MS);
      return;
    }
    const { lastUndone } = after;
    if (lastUndone === null) return;
    log.warn({ change: lastUndone.what, by: lastUndone.by }, 'a firewall change was not confirmed, and is undone');
    await deps.onReverted(before.plan, after.plan, lastUndone).catch((error: unknown) => {
      log.warn({ problem: messageOf(error) }, 'that a firewall change was undone is not in the audit log');
    });
  };
  const schedule = (): void => {
    const { pending } = document();
    if (closed || timer !== undefined || pending === null) return;
    const inMs = Math.max(0, pending.revertAt - clock.now()) + LATE_MS;
    timer = setTimeout(() => void expire(), Math.min(inMs, LONGEST_TIMER_MS));
  };
  const follow = (): void => {
    clearTimeout(timer);
    timer = undefined;
    schedule();
  };
  const stops = [
    plans.onChange(follow),
    trials.onChange(() => {
      if (trials.pending() !== undefined) void takeToKernel().catch(() => undefined);
    }),
  ];
  follow();
  // One that was made before this start is in the kernel with the first comparison.
  void takeToKernel().catch(() => undefined);

  const change = async (
    request: PlanRequest,
    edit: (document: FirewallDocument, making: PlanMaking) => FirewallDocument,
    closes: boolean,
  ): Promise<PlanAnswer> => {
    const made = making(request);
    const old = document();
    const before = planNow();
    const { address } = request.caller;
    // Whoever is cut off already may open what he likes.
    const isFree = request.force || (!closes && address !== undefined && !letsIn(before, address, deps.isAllowed));
    const refused = isFree ? undefined : refusalOfPlan(edit(old, made).plan, address, deps.isAllowed);
    if (refused !== undefined) return { refused };
    if (closes && trials.pending() !== undefined) return { refused: ANOTHER_WAITS };
    const { document: next } = await plans.change((now) => edit(now, made), request.by);
    try {
      await takeToKernel();
    } catch (error) {
      // What could not be closed must not be said to be; what could not be opened is tried again until it is.
      if (closes) await plans.change((now) => (now.pending?.madeAt === made.at ? old : now), request.by);
      throw error;
    }
    return { before, after: next.plan, notes: [] };
  };

  const lastUndone = (): UndoneChange | UndoneSettings | undefined => {
    const plan = settled(document(), clock.now()).lastUndone ?? undefined;
    const settings = trials.lastUndone();
    if (plan === undefined || settings === undefined) return plan ?? settings;
    return plan.at > settings.at ? plan : settings;
  };
  const noFirewall = (): { readonly refused: string } | undefined =>
    deps.hasFirewall
      ? undefined
      : {
          refused:
            'no packet filter is in use here (firewall.backend is none), so nothing would be closed; set firewall.backend to nftables in the configuration and restart the daemon',
        };

  return {
    state: () => ({
      plan: planNow(),
      pending: waiting(),
      lastUndone: lastUndone(),
    }),
    refusalOf: (plan, { address }) => refusalOfPlan({ ...planNow(), ...plan }, address, deps.isAllowed),
    isNew: (caller) => {
      const pending = waiting();
      return pending === undefined || inKernel?.madeAt !== pending.madeAt
        ? undefined
        : isNew(caller, pending, inKernel.at);
    },
    closePortal: async (ports, request) =>
      noFirewall() ?? (await change(request, (now, made) => closePortal(now, ports, made), true)),
    openPortal: (request) => change(request, openPortal, false),
    isolate: async (reachable, request) => {
      const none = noFirewall();
      if (none !== undefined) return none;
      const lost = deps.needed().filter((address) => !isIn(address, [...OWN_ADDRESSES, ...reachable]));
      if (lost.length > 0 && !request.force) {
        const refused = `this host would lose its store at ${lost.join(' and ')}, without which the isolation cannot be confirmed or ended; name it as well (--reachable ${lost.join(' ')}), or force it (--force)`;
        return { refused };
      }
      const refused = request.force
        ? undefined
        : refusalOfPlan({ ...planNow(), isolation: { reachable } }, request.caller.address, deps.isAllowed);
      if (refused !== undefined) return { refused };
      const evidence = await deps.keepEvidence(request.by);
      const answer = await change(request, (now, made) => isolate(now, reachable, made), true);
      return 'refused' in answer ? answer : { ...answer, notes: [evidence] };
    },
    release: (request) => change(request, release, false),
    confirm: async ({ by, caller }) => {
      const pending = waiting();
      if (pending === undefined) return { refused: nothingWaits(lastUndone()) };
      if (inKernel?.madeAt !== pending.madeAt)
        return { refused: 'the change is not in the kernel yet; see tollgate firewall status, and try again' };
      if (!isNew(caller, pending, inKernel.at)) return { refused: OLD_CONNECTION };
      if (isOfSettings(pending)) {
        const settings = await trials.confirm(by);
        return settings === undefined ? { refused: nothingWaits(lastUndone()) } : { settings, notes: [] };
      }
      const { document: next } = await plans.change((old) => confirmed(old, clock.now()), by);
      // The time may have run out on the way to the store.
      if (next.lastUndone?.at === pending.revertAt) return { refused: nothingWaits(next.lastUndone) };
      return { before: pending.previous, after: next.plan, notes: [] };
    },
    refusalOfAllowlist: (next, { address }) =>
      refusalOfAllowlist(planNow(), address, deps.isAllowed, (text) => deps.wouldAllow(next, text)),
    undo: async ({ by }) => {
      const pending = waiting();
      if (pending === undefined) return { refused: nothingWaits(lastUndone()) };
      if (isOfSettings(pending)) {
        const settings = await trials.undo(by);
        return settings === undefined ? { refused: nothingWaits(lastUndone()) } : { settings, notes: [] };
      }
      const before = planNow();
      const { document: next } = await plans.change((old) => undone(old, clock.now(), by), by);
      await sync();
      return { before, after: next.plan, notes: [] };
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      for (const stop of stops) stop();
      if (pendingAt(document(), clock.now()) === undefined) return;
      try {
        await plans.change((now) => undone(now, clock.now(), STOPPED), STOPPED);
        await sync();
        log.warn('a firewall change that was not confirmed is undone, because the daemon stops');
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a firewall change that is not confirmed stays until the next start');
      }
    },
  };
}

const STOPPED = 'the daemon, which stopped';

const OLD_CONNECTION =
  'this connection is older than the change, and an old one may live on where no new one can be opened: log in anew, and confirm from there (tollgate firewall confirm)';

const ANOTHER_WAITS =
  'a change of the settings waits to be kept; keep it or put it back first (tollgate firewall confirm, tollgate firewall undo)';

const isOfSettings = (pending: PendingChange | PendingSettings): pending is PendingSettings =>
  pending.what === 'adminAccess' || pending.what === 'packetProtection';

/** Opened after the change was in the kernel, and not the one by which it was made. */
function isNew(caller: Caller, pending: PendingChange | PendingSettings, inKernelAt: EpochMs): boolean {
  const isOld = caller.openedAt !== undefined && caller.openedAt <= inKernelAt;
  return !isOld && (caller.connection === undefined || caller.connection !== pending.connection);
}

function nothingWaits(lastUndone: UndoneChange | UndoneSettings | undefined): string {
  if (lastUndone === undefined) return 'no change of the firewall waits for confirmation';
  const at = new Date(lastUndone.at).toISOString();
  const why = lastUndone.undoneBy === null ? 'nobody confirmed it in time' : `${lastUndone.undoneBy} undid it`;
  return `no change of the firewall waits for confirmation; the last one, ${lastUndone.what} by ${lastUndone.by}, ended at ${at}: ${why}`;
}
