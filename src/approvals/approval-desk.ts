/**
 * Where approvals lie until somebody decides: open one, list them, settle each exactly once.
 *
 * The store is the truth and any node may settle. The first settlement of an approval is the only one, in one step of the
 * store, so two supervisors, the clock and a caller who hangs up can all try at the same instant. Whoever comes second is
 * told who was first. Where two people have to approve, the first yes leaves it open; one no is enough.
 *
 * Nothing here knows of channels. Whoever holds one listens, and is told of settlements of this node at once and of others
 * as the store passes them on; a slow poll makes up for what was missed.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { type Approval, type KnownApproval, type Settlement, stillNeeded, type Voice } from './approval.ts';
import type { ApprovalNotes } from './approval-notes.ts';
import { doneOf, MOST_NOTES, type SettleOutcome, settleApproval } from './approval-scripts.ts';

export interface Settled extends KnownApproval {
  readonly outcome: SettleOutcome;
  /** This word settled it. */
  readonly isFirst: boolean;
  /** How many more people have to approve; over 0, it stays open. */
  readonly stillNeeded: number;
}

export interface SettledApproval extends KnownApproval {
  readonly settlement: Settlement;
}

export interface ApprovalDesk {
  /** Opens an approval for a held call. @throws {TollgateError} where the store does not take it */
  readonly open: (wanted: Omit<Approval, 'id' | 'openedAt' | 'expiresAt'>) => Promise<Approval>;
  readonly find: (id: string) => Promise<KnownApproval | undefined>;
  /**
   * Settles it, if nobody has.
   *
   * @returns what is known then, with the settlement that counts; undefined where there is no such approval
   */
  readonly settle: (id: string, settlement: Omit<Settlement, 'at'>) => Promise<Settled | undefined>;
  /** Open ones first to expire; or the latest of all, newest first. */
  readonly list: (which: 'open' | 'all', limit: number) => Promise<readonly KnownApproval[]>;
  /** Approvals of this node that are open, whose settlement it waits for. */
  readonly waitFor: (approval: Approval) => void;
  /** For the record: the call has its answer. Never rejects. */
  readonly resumed: (id: string) => Promise<void>;
  /** Of every node, once each. */
  readonly onSettled: (listener: (settled: SettledApproval) => void) => () => void;
  readonly onOpened: (listener: (approval: Approval) => void) => () => void;
  /** One person approved and another is needed. */
  readonly onSeconded: (listener: (known: KnownApproval) => void) => () => void;
  readonly close: () => void;
}

const KEPT_SECONDS = 30 * 86_400;
const MOST_KEPT = 10_000;
const POLL_MS = 1000;
/** How near to its end an approval is ended by the clock. */
const TICK_MS = 100;
/** Remembered as told, so that nobody is told twice. */
const MOST_TOLD = 5000;
/** The clock of this node may be behind the one that set the end. */
const EXPIRE_AFTER_MS = 20;

export function createApprovalDesk(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly notes: ApprovalNotes;
  readonly clock: Clock;
  readonly log: Log;
  /** For what a person decides: the call goes out on it, so it must not be forgotten. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): ApprovalDesk {
  const { redis, keys, clock, log } = deps;
  const waiting = new Map<string, Approval>();
  const settledListeners = new Set<(settled: SettledApproval) => void>();
  const openedListeners = new Set<(approval: Approval) => void>();
  const secondedListeners = new Set<(known: KnownApproval) => void>();
  const told = createMemory(MOST_TOLD);

  const tell = <T>(listeners: ReadonlySet<(value: T) => void>, value: T): void => {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a listener for approvals failed');
      }
    }
  };
  const opened = (approval: Approval): void => {
    if (told.isNew(`opened ${approval.id}`)) tell(openedListeners, approval);
  };
  const seconded = (known: KnownApproval): void => {
    if (told.isNew(`seconded ${known.approval.id} ${known.approvers.length}`)) tell(secondedListeners, known);
  };
  const settled = (known: KnownApproval, settlement: Settlement): void => {
    const { id } = known.approval;
    waiting.delete(id);
    if (told.isNew(`settled ${id}`)) tell(settledListeners, { ...known, settlement });
  };

  const find: ApprovalDesk['find'] = async (id) => {
    const [text, settlement, voices, resumedAt] = await redis.hmget(
      keys.approval(id),
      'approval',
      'settlement',
      'voices',
      'resumedAt',
    );
    const approval = read<Approval>(text);
    if (approval === undefined) return undefined;
    return {
      approval,
      settlement: read<Settlement>(settlement),
      approvers: readVoices(voices),
      resumedAt: resumedAt == null ? undefined : (Number(resumedAt) as EpochMs),
    };
  };

  const settle: ApprovalDesk['settle'] = async (id, wanted) => {
    const found = await find(id);
    if (found === undefined) return undefined;
    const { approval } = found;
    const write = () => settleApproval(redis, keys, approval, { ...wanted, at: clock.now() });
    const done = await (wanted.by === undefined ? write() : deps.durably(write));
    if (done === undefined) return undefined;
    const known = { ...found, settlement: read<Settlement>(done.settlement), approvers: readVoices(done.voices) };
    if (known.settlement !== undefined) settled(known, known.settlement);
    else seconded(known);
    return { ...known, outcome: done.outcome, isFirst: done.outcome === 'first', stillNeeded: stillNeeded(known) };
  };

  const expireDue = async (): Promise<void> => {
    const now = clock.now();
    for (const approval of [...waiting.values()]) {
      if (approval.expiresAt + EXPIRE_AFTER_MS > now) continue;
      const known = await settle(approval.id, { state: 'expired' });
      // The store has lost it, and the caller must not wait for it any longer.
      if (known === undefined) {
        settled(
          { approval, settlement: undefined, approvers: [], resumedAt: undefined },
          { state: 'expired', at: now },
        );
      }
    }
  };
  const write = async (approval: Approval): Promise<void> => {
    doneOf(
      await redis
        .multi()
        .hset(keys.approval(approval.id), 'approval', JSON.stringify(approval))
        .expire(keys.approval(approval.id), KEPT_SECONDS)
        .zadd(keys.openApprovals, approval.expiresAt, approval.id)
        .zadd(keys.allApprovals, approval.openedAt, approval.id)
        .zremrangebyrank(keys.allApprovals, 0, -(MOST_KEPT + 1))
        .xadd(keys.approvalNotes, 'MAXLEN', '~', MOST_NOTES, '*', 'what', 'opened', 'id', approval.id)
        .exec(),
      'the approval could not be written down',
    );
  };
  /** What notes have missed, and approvals of nodes that are gone: nobody else ends them. */
  const look = async (): Promise<void> => {
    for (const approval of [...waiting.values()]) {
      const known = await find(approval.id);
      if (known?.settlement !== undefined) settled(known, known.settlement);
      // A store that was killed may come back without the last second: its caller waits still, and can be decided again.
      if (known === undefined && approval.expiresAt > clock.now()) await write(approval);
    }
    const due = await redis.zrangebyscore(keys.openApprovals, 0, clock.now() - 5000, 'LIMIT', 0, 100);
    for (const id of due) {
      const known = await settle(id, { state: 'expired' });
      if (known === undefined) await redis.zrem(keys.openApprovals, id);
    }
  };
  const timers = [every(TICK_MS, expireDue, log), every(POLL_MS, look, log)];

  const hear = async (what: string, id: string): Promise<void> => {
    const known = await find(id);
    if (known === undefined) return;
    if (known.settlement !== undefined) settled(known, known.settlement);
    else if (what === 'opened') opened(known.approval);
    else seconded(known);
  };
  const stop = deps.notes.onNote(({ what, id }) => {
    if (what === 'granted' || what === 'revoked') return;
    if (what !== 'seconded' && told.has(`${what} ${id}`)) return;
    hear(what, id).catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'a note could not be followed'));
  });

  return {
    open: async (wanted) => {
      const openedAt = clock.now();
      const approval: Approval = {
        ...wanted,
        id: randomBytes(9).toString('hex'),
        openedAt,
        expiresAt: (openedAt + wanted.hold.timeoutSeconds * 1000) as EpochMs,
      };
      await write(approval);
      opened(approval);
      return approval;
    },
    find,
    settle,
    list: async (which, limit) => {
      const ids =
        which === 'open'
          ? await redis.zrange(keys.openApprovals, '0', String(limit - 1))
          : await redis.zrevrange(keys.allApprovals, '0', String(limit - 1));
      const found = await Promise.all(ids.map(find));
      return found.filter((each) => each !== undefined);
    },
    waitFor: (approval) => {
      waiting.set(approval.id, approval);
    },
    resumed: async (id) => {
      try {
        await redis.hsetnx(keys.approval(id), 'resumedAt', String(clock.now()));
      } catch (error) {
        log.debug({ problem: messageOf(error) }, 'when a held call went on could not be noted');
      }
    },
    onSettled: subscribe(settledListeners),
    onOpened: subscribe(openedListeners),
    onSeconded: subscribe(secondedListeners),
    close: () => {
      for (const timer of timers) clearInterval(timer);
      stop();
    },
  };
}

const subscribe =
  <T>(listeners: Set<(value: T) => void>) =>
  (listener: (value: T) => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

/** One run at a time; what fails is tried at the next beat. */
function every(pauseMs: number, work: () => Promise<void>, log: Log): NodeJS.Timeout {
  let running = false;
  return setInterval(() => {
    if (running) return;
    running = true;
    work()
      .catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'approvals could not be looked at'))
      .finally(() => {
        running = false;
      });
  }, pauseMs).unref();
}

/** The last so many names. */
function createMemory(most: number): {
  readonly isNew: (name: string) => boolean;
  readonly has: (name: string) => boolean;
} {
  const names = new Set<string>();
  return {
    has: (name) => names.has(name),
    isNew: (name) => {
      if (names.has(name)) return false;
      if (names.size >= most) names.delete(names.values().next().value ?? '');
      names.add(name);
      return true;
    },
  };
}

const readVoices = (text: string | null | undefined): Voice[] =>
  (text ?? '').split('\n').flatMap((line) => read<Voice>(line) ?? []);

/** JSON that this module wrote; anything else reads as nothing. */
function read<T>(text: string | null | undefined): T | undefined {
  if (text === null || text === undefined || text === '') return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
