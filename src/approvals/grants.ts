/**
 * The grants in force, as this node sees them: read anew whenever one is made or revoked anywhere, and every few seconds.
 *
 * The gate asks from memory. A node that cannot read the store keeps those it knows until their time is over, by its own
 * clock; it can only lack a grant, and then a call is held that need not be, or have one that was revoked while the store
 * was away.
 */
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf } from '../errors.ts';
import type { GrantedBeforehand } from '../gate/gate.ts';
import type { Log } from '../log.ts';
import type { RuleId } from '../policy/call.ts';
import type { Count, Rule } from '../policy/rule.ts';
import type { Keys } from '../redis/keys.ts';
import type { ApprovalNotes } from './approval-notes.ts';
import { doneOf, MOST_NOTES } from './approval-scripts.ts';
import { answerOfGrant, covers, type Grant, type LimitGrant, limitOf, readGrant } from './grant.ts';

export interface Grants {
  /** Those in force, the first to end first. */
  readonly list: () => readonly Grant[];
  readonly grantedTo: GrantedBeforehand;
  /** In force here when it resolves. @throws {TollgateError} of the store */
  readonly add: (grant: Grant) => Promise<void>;
  /** In force here when it resolves. @returns what was revoked. @throws {TollgateError} of the store */
  readonly revoke: (id: string) => Promise<Grant | undefined>;
  /** Reads the store now. @throws {TollgateError} of the store */
  readonly refresh: () => Promise<void>;
  readonly close: () => void;
}

const LOOK_EVERY_MS = 5000;

export async function openGrants(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly notes: ApprovalNotes;
  readonly clock: Clock;
  readonly log: Log;
  /** For what a person takes back. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<Grants> {
  const { redis, keys, clock, log } = deps;
  let grants: readonly Grant[] = [];
  /** Of grants that count calls: one object each, which is what the store's packer remembers. */
  const counts = new Map<string, Count>();

  const refresh = async (): Promise<void> => {
    const kept = Object.entries(await redis.hgetall(keys.grants)).map(([id, text]) => [id, readGrant(text)] as const);
    const now = clock.now();
    const over = kept.filter(([, grant]) => grant === undefined || grant.until <= now).map(([id]) => id);
    if (over.length > 0) await redis.hdel(keys.grants, ...over);
    grants = kept
      .flatMap(([, grant]) => (grant === undefined || grant.until <= now ? [] : [grant]))
      .sort((one, other) => one.until - other.until);
    for (const id of counts.keys()) if (!grants.some((grant) => grant.id === id)) counts.delete(id);
  };
  const look = (): void => {
    refresh().catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'grants could not be read'));
  };
  await refresh().catch(() => undefined);
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  const stop = deps.notes.onNote(({ what }) => {
    if (what === 'granted' || what === 'revoked') look();
  });

  const countOf = (grant: LimitGrant): Count => {
    const known = counts.get(grant.id);
    if (known !== undefined) return known;
    const count: Count = { kind: 'limits', limits: [limitOf(grant)] };
    counts.set(grant.id, count);
    return count;
  };

  return {
    list: () => grants.filter((grant) => grant.until > clock.now()),
    grantedTo: (rule, subjects, call, at) => {
      if (grants.length === 0) return undefined;
      // The latest: what was granted before it may be used up, which only the store knows.
      let found: Grant | undefined;
      for (const grant of grants)
        if (grant.at >= (found?.at ?? 0) && covers(grant, rule, subjects, call, at)) found = grant;
      if (found === undefined) return undefined;
      const answer = answerOfGrant(found);
      if (found.what === 'number') return { answer };
      const count = countOf(found);
      const counting: Rule = {
        ...rule,
        id: `grant-${found.id}` as RuleId,
        name: `Granted by ${found.by}`,
        counting: 'rolling',
        limits: count.limits,
        counts: [count],
        isUnconditional: false,
        pace: undefined,
      };
      return { answer, counted: { rule: counting, subject: found.subjects[0] } };
    },
    add: async (grant) => {
      const results = await deps.durably(() =>
        redis
          .multi()
          .hset(keys.grants, grant.id, JSON.stringify(grant))
          .xadd(keys.approvalNotes, 'MAXLEN', '~', MOST_NOTES, '*', 'what', 'granted', 'id', grant.id)
          .exec(),
      );
      doneOf(results, 'the grant could not be made');
      await refresh();
    },
    revoke: async (id) => {
      const results = await deps.durably(() =>
        redis
          .multi()
          .hget(keys.grants, id)
          .hdel(keys.grants, id)
          .xadd(keys.approvalNotes, 'MAXLEN', '~', MOST_NOTES, '*', 'what', 'revoked', 'id', id)
          .exec(),
      );
      const [text, removed] = doneOf(results, 'the grant could not be revoked');
      await refresh();
      return removed === 1 && typeof text === 'string' ? readGrant(text) : undefined;
    },
    refresh,
    close: () => {
      clearInterval(timer);
      stop();
    },
  };
}
