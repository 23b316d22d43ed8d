/**
 * Where approvals lie until somebody decides: open one, list them, settle each exactly once.
 *
 * The store is the truth and any node may settle. The first settlement of an approval is the only one: it is one field
 * that is written if it is not there (HSETNX), so two supervisors, the clock and a caller who hangs up can all try at the
 * same instant. Whoever comes second is told who was first.
 *
 * Nothing here knows of channels. Whoever holds one listens, and is told of settlements of this node at once and of others
 * within a poll.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { type Approval, type ApprovalReport, reportApproval, type Settlement } from './approval.ts';

export interface SettledApproval {
  readonly approval: Approval;
  readonly settlement: Settlement;
}

export interface ApprovalDesk {
  /** Opens an approval for a held call. @throws {TollgateError} where the store does not take it */
  readonly open: (wanted: Omit<Approval, 'id' | 'openedAt' | 'expiresAt'>, timeoutSeconds: number) => Promise<Approval>;
  readonly find: (
    id: string,
  ) => Promise<{ readonly approval: Approval; readonly settlement: Settlement | undefined } | undefined>;
  /**
   * Settles it, if nobody has.
   *
   * @returns the settlement that counts, and whether it is this one; undefined where there is no such approval
   */
  readonly settle: (
    id: string,
    settlement: Omit<Settlement, 'at'>,
  ) => Promise<{ readonly settlement: Settlement; readonly isFirst: boolean } | undefined>;
  /** Open ones first to expire; or the latest of all, newest first. */
  readonly list: (which: 'open' | 'all', limit: number) => Promise<readonly ApprovalReport[]>;
  /** Approvals of this node that are open, whose settlement it waits for. */
  readonly waitFor: (approval: Approval) => void;
  /** May be told twice of one, if two places learn of it at once. */
  readonly onSettled: (listener: (settled: SettledApproval) => void) => () => void;
  readonly onOpened: (listener: (approval: Approval) => void) => () => void;
  readonly close: () => void;
}

const KEPT_SECONDS = 30 * 86_400;
const MOST_KEPT = 10_000;
const POLL_MS = 200;
/** The clock of this node may be behind the one that set the end. */
const EXPIRE_AFTER_MS = 20;

export function createApprovalDesk(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: Log;
}): ApprovalDesk {
  const { redis, keys, clock, log } = deps;
  const waiting = new Map<string, Approval>();
  const settledListeners = new Set<(settled: SettledApproval) => void>();
  const openedListeners = new Set<(approval: Approval) => void>();

  const tell = <T>(listeners: ReadonlySet<(value: T) => void>, value: T): void => {
    for (const listener of listeners) {
      try {
        listener(value);
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'a listener for approvals failed');
      }
    }
  };
  const settled = (approval: Approval, settlement: Settlement): void => {
    waiting.delete(approval.id);
    tell(settledListeners, { approval, settlement });
  };

  const find: ApprovalDesk['find'] = async (id) => {
    const [text, settlement] = await redis.hmget(keys.approval(id), 'approval', 'settlement');
    const approval = read<Approval>(text);
    return approval === undefined ? undefined : { approval, settlement: read<Settlement>(settlement) };
  };

  const settle: ApprovalDesk['settle'] = async (id, wanted) => {
    const found = await find(id);
    if (found === undefined) return undefined;
    const settlement: Settlement = { ...wanted, at: clock.now() };
    // In one step: an approval that is settled must not stay among the open ones because the store went away in between.
    const [written] = doneOf(
      await redis
        .multi()
        .hsetnx(keys.approval(id), 'settlement', JSON.stringify(settlement))
        .zrem(keys.openApprovals, id)
        .exec(),
    );
    const isFirst = written === 1;
    const counts = isFirst ? settlement : ((await find(id))?.settlement ?? settlement);
    settled(found.approval, counts);
    return { settlement: counts, isFirst };
  };

  const expireDue = async (): Promise<void> => {
    const now = clock.now();
    for (const approval of [...waiting.values()]) {
      if (approval.expiresAt + EXPIRE_AFTER_MS > now) continue;
      const known = await settle(approval.id, { state: 'expired' });
      // The store has lost it, and the caller must not wait for it any longer.
      if (known === undefined) settled(approval, { state: 'expired', at: now });
    }
    // Of nodes that are gone: nobody else ends them.
    const due = await redis.zrangebyscore(keys.openApprovals, 0, now - 5000, 'LIMIT', 0, 100);
    for (const id of due) {
      const known = await settle(id, { state: 'expired' });
      if (known === undefined) await redis.zrem(keys.openApprovals, id);
    }
  };
  const look = async (): Promise<void> => {
    const ids = [...waiting.keys()];
    if (ids.length > 0) {
      const pipeline = redis.pipeline();
      for (const id of ids) pipeline.hget(keys.approval(id), 'settlement');
      const answers = (await pipeline.exec()) ?? [];
      ids.forEach((id, index) => {
        const approval = waiting.get(id);
        const text = answers[index]?.[1];
        const settlement = typeof text === 'string' ? read<Settlement>(text) : undefined;
        if (approval !== undefined && settlement !== undefined) settled(approval, settlement);
      });
    }
    await expireDue();
  };
  let looking = false;
  const timer = setInterval(() => {
    if (looking) return;
    looking = true;
    look()
      .catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'approvals could not be looked at'))
      .finally(() => {
        looking = false;
      });
  }, POLL_MS);
  timer.unref();

  return {
    open: async (wanted, timeoutSeconds) => {
      const openedAt = clock.now();
      const approval: Approval = {
        ...wanted,
        id: randomBytes(9).toString('hex'),
        openedAt,
        expiresAt: (openedAt + timeoutSeconds * 1000) as EpochMs,
      };
      doneOf(
        await redis
          .multi()
          .hset(keys.approval(approval.id), 'approval', JSON.stringify(approval))
          .expire(keys.approval(approval.id), KEPT_SECONDS)
          .zadd(keys.openApprovals, approval.expiresAt, approval.id)
          .zadd(keys.allApprovals, openedAt, approval.id)
          .zremrangebyrank(keys.allApprovals, 0, -(MOST_KEPT + 1))
          .exec(),
      );
      tell(openedListeners, approval);
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
      return found.flatMap((each) => (each === undefined ? [] : [reportApproval(each.approval, each.settlement)]));
    },
    waitFor: (approval) => {
      waiting.set(approval.id, approval);
    },
    onSettled: (listener) => {
      settledListeners.add(listener);
      return () => settledListeners.delete(listener);
    },
    onOpened: (listener) => {
      openedListeners.add(listener);
      return () => openedListeners.delete(listener);
    },
    close: () => clearInterval(timer),
  };
}

/** @throws {TollgateError} if one of the commands of a transaction failed: `exec` itself rejects only if none was run */
function doneOf(results: ReadonlyArray<readonly [Error | null, unknown]> | null): readonly unknown[] {
  const failed = results?.find(([error]) => error !== null);
  if (results === null || failed !== undefined) {
    throw new TollgateError('STORE_UNAVAILABLE', 'the approval could not be written down', { cause: failed?.[0] });
  }
  return results.map(([, value]) => value);
}

/** JSON that this module wrote; anything else reads as nothing. */
function read<T>(text: string | null | undefined): T | undefined {
  if (text === null || text === undefined) return undefined;
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
