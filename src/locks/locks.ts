/**
 * Locks: subjects that call certain destinations no more until a person lets them, because a rule refused them again and
 * again, or a hard ceiling was reached.
 *
 * Guarantees
 * - A lock is in force for the next call on every node once it was made: each call asks for it in its one atomic step.
 * - A lock outlasts every daemon and store that keeps its data; it ends by a person's word and by nothing else, whatever
 *   becomes of the rule that made it.
 * - A subject is locked by a rule once. Who cleared a lock, or which call made it, stands in the audit log.
 *
 * Directions of failure. The store is away: refusals of that time are not counted, and locks that this daemon knows stop
 * calls all the same, after a restart as well; of the others the rule's `whenStoreFails` decides. A lock that a hard
 * ceiling asks for is in force here at once and is written when the store is back.
 *
 * Runs after calls were answered; never in their way.
 */
import { randomBytes } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import { subjectKey } from '../gate/charge-packer.ts';
import type { Decision } from '../gate/gate.ts';
import { refusingRules } from '../gate/refusing-rules.ts';
import type { Log } from '../log.ts';
import { type CallAttempt, describeSubject, type Subject } from '../policy/call.ts';
import { describePeriod } from '../policy/limit.ts';
import { lockMatches } from '../policy/lock-rules.ts';
import { type Lock, subjectText } from '../policy/lockout.ts';
import type { AppliedRule, Policy } from '../policy/policy.ts';
import type { Rule } from '../policy/rule.ts';
import { type Keys, lockField } from '../redis/keys.ts';
import { lockSchema, reportLock } from './lock-report.ts';
import { noteRefusal, type RefusalOutcome } from './lock-scripts.ts';

export interface Locks {
  /** Those that this daemon knows, newest first. */
  readonly list: () => readonly Lock[];
  /** For the gate. */
  readonly locksOn: (policy: Policy, call: CallAttempt) => readonly AppliedRule[];
  /** Counts the refusals of a decided call. Never throws, never waits. */
  readonly decided: (decision: Decision) => void;
  /**
   * Locks a subject at once, by the lockout of a rule; in force here when this returns, even while the store is away.
   *
   * @returns the lock; undefined where the rule has no lockout, or has locked the subject before
   */
  readonly lock: (wanted: {
    readonly rule: Pick<Rule, 'id' | 'lockout'>;
    readonly subject: Subject;
    /** What happened, one clause: `has spent 60.00 of at most 60 per 1 day`. */
    readonly because: string;
  }) => Promise<Lock | undefined>;
  /** @returns what was cleared; undefined where there is no such lock. @throws {TollgateError} of the store */
  readonly clear: (id: string, by: LockAct) => Promise<Lock | undefined>;
  /** Reads the store now. @throws {TollgateError} of the store */
  readonly refresh: () => Promise<void>;
  /** Resolves when what was decided so far is counted. */
  readonly idle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface LockAct {
  readonly by: string;
  readonly from?: string | undefined;
  readonly reason?: string | undefined;
}

interface Notes {
  readonly onNote: (listener: (note: { readonly what: string; readonly id: string }) => void) => () => void;
}

const LOOK_EVERY_MS = 2000;
const MOST_NOTES = 10_000;

export async function openLocks(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly notes: Notes;
  readonly policy: () => Policy;
  /** For what people wait for, and what must not be lost. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  readonly audit: (
    entry: LockAct & {
      readonly action: string;
      readonly subject: string;
      readonly before?: unknown;
      readonly after?: unknown;
    },
  ) => Promise<void>;
  /** For alerts: this daemon made, or cleared, a lock. */
  readonly onLocked?: (lock: Lock) => void;
  readonly onCleared?: (lock: Lock, act: LockAct) => void;
  /** The last known locks are kept there as well. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<Locks> {
  const { redis, keys, clock, log, audit } = deps;
  const copyPath = join(deps.stateDir, 'locks.json');
  /** By their field in the store. */
  let known: ReadonlyMap<string, Lock> = new Map();
  let bySubject: ReadonlyMap<string, readonly Lock[]> = new Map();
  /** Locks that the store does not have yet. */
  const unwritten = new Map<string, Lock>();
  const inFlight = new Set<Promise<void>>();
  let copying = Promise.resolve();
  let copied = '';

  const fieldOf = (rule: string, subject: Subject): string => lockField(rule, subjectKey(subject));

  const adopt = (stored: ReadonlyMap<string, Lock>): void => {
    // The same object for the same lock: what the gate remembers hangs on it.
    const all = new Map([...stored, ...unwritten].map(([field, lock]) => [field, sameOf(known.get(field), lock)]));
    known = all;
    const subjects = new Map<string, Lock[]>();
    for (const lock of all.values()) {
      const of = subjectText(lock.subject);
      subjects.set(of, [...(subjects.get(of) ?? []), lock]);
    }
    bySubject = subjects;
    const text = JSON.stringify(Object.fromEntries(all));
    if (text === copied) return;
    copied = text;
    copying = copying
      .then(() => writeCopy(copyPath, text))
      .catch((error: unknown) => {
        log.warn({ problem: messageOf(error) }, 'the local copy of locks could not be written');
      });
  };

  const refresh = async (): Promise<void> => {
    const stored = Object.entries(await redis.hgetall(keys.locks));
    adopt(
      readAll(
        stored.map(([field, text]) => [field, parsed(text)] as const),
        log,
      ),
    );
  };
  const look = (): void => {
    void writeLeft()
      .then(refresh)
      .catch((error: unknown) => log.debug({ problem: messageOf(error) }, 'locks could not be read'));
  };

  /** Told once it is on disk: what tells it is written behind it. */
  const tell = (what: 'locked' | 'cleared', id: string): Promise<unknown> =>
    deps.durably(() => redis.xadd(keys.approvalNotes, 'MAXLEN', '~', MOST_NOTES, '*', 'what', what, 'id', id));

  const made = async (lock: Lock): Promise<void> => {
    deps.onLocked?.(lock);
    const who = describeSubject(lock.subject);
    log.warn({ rule: lock.rule, lock: lock.id }, 'a subject is locked');
    await audit({ by: `rule ${lock.rule}`, action: 'locks.lock', subject: who, after: reportLock(lock) });
  };

  const write = async (
    field: string,
    lock: Lock,
    refusal?: { readonly rule: Rule; readonly call: string },
  ): Promise<RefusalOutcome> => {
    const { rule, call = '' } = refusal ?? {};
    const outcome = await noteRefusal(redis, {
      locksKey: keys.locks,
      refusalsKey: keys.refusals(lock.rule, rule?.generation ?? 0, subjectKey(lock.subject)),
      field,
      lock: JSON.stringify(lock),
      after: rule?.lockout?.after ?? 0,
      withinSeconds: rule?.lockout?.withinSeconds ?? 0,
      call,
    });
    if (outcome === 'full') log.error({ rule: lock.rule }, 'there are too many locks to make one more: clear some');
    if (outcome !== 'locked') return outcome;
    try {
      await tell('locked', lock.id);
      await refresh();
    } finally {
      // It is made, whether or not the others were told at once.
      await made(lock);
    }
    return outcome;
  };

  const writeLeft = async (): Promise<void> => {
    for (const [field, lock] of unwritten) {
      await write(field, lock);
      unwritten.delete(field);
    }
  };

  const newLock = (rule: Pick<Rule, 'id' | 'lockout'>, subject: Subject, because: string): Lock => ({
    id: randomBytes(6).toString('hex'),
    rule: rule.id,
    subject,
    destinations: [...(rule.lockout?.destinations ?? [])],
    because,
    at: clock.now(),
  });

  const refused = async (decision: Decision, rule: Rule, subject: Subject): Promise<void> => {
    if (rule.lockout === undefined) return;
    const { after, withinSeconds } = rule.lockout;
    const calls =
      after === 1 ? 'a call was refused' : `${after} calls were refused within ${describePeriod(withinSeconds)}`;
    const lock = newLock(rule, subject, `${calls}, the last one because: ${decision.verdict.reason}`);
    await write(fieldOf(rule.id, subject), lock, { rule, call: decision.id });
  };

  const copy = await readFile(copyPath, 'utf8').catch(() => '{}');
  adopt(readAll(Object.entries(parsed(copy)), log));
  await refresh().catch((error: unknown) => {
    log.warn(
      { problem: messageOf(error), locks: known.size },
      'the store cannot be asked for locks; using the local copy',
    );
  });
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  const stop = deps.notes.onNote(({ what }) => {
    if (what === 'locked' || what === 'cleared') look();
  });

  return {
    list: () => [...known.values()].sort((one, other) => other.at - one.at),
    locksOn: (policy, call) =>
      lockMatches(policy, call, bySubject, (lock) => unwritten.has(fieldOf(lock.rule, lock.subject))),
    decided: (decision) => {
      for (const [rule, subjects] of refusingRules(decision, deps.policy())) {
        for (const subject of subjects) {
          const counting = refused(decision, rule, subject)
            .catch((error: unknown) => {
              log.warn({ rule: rule.id, problem: messageOf(error) }, 'a refusal could not be counted for the lockout');
            })
            .finally(() => inFlight.delete(counting));
          inFlight.add(counting);
        }
      }
    },
    lock: async ({ rule, subject, because }) => {
      if (rule.lockout === undefined) return undefined;
      const field = fieldOf(rule.id, subject);
      if (known.has(field)) return undefined;
      const lock = newLock(rule, subject, because);
      unwritten.set(field, lock);
      adopt(known);
      try {
        const outcome = await write(field, lock);
        unwritten.delete(field);
        return outcome === 'locked' ? lock : undefined;
      } catch (error) {
        log.warn(
          { rule: rule.id, problem: messageOf(error) },
          'a lock could not be written; it is in force here and written again',
        );
        return lock;
      }
    },
    clear: async (id, act) => {
      await refresh();
      const found = [...known].find(([, lock]) => lock.id === id);
      if (found === undefined) return undefined;
      const [field, lock] = found;
      unwritten.delete(field);
      const removed = await redis.hdel(keys.locks, field).catch((error: unknown) => {
        throw new TollgateError(
          'STORE_UNAVAILABLE',
          'the lock could not be cleared because the store is not answering',
          {
            cause: error,
          },
        );
      });
      await tell('cleared', id);
      await refresh();
      if (removed === 0) return undefined;
      await audit({ ...act, action: 'locks.clear', subject: describeSubject(lock.subject), before: reportLock(lock) });
      deps.onCleared?.(lock, act);
      return lock;
    },
    refresh,
    idle: async () => void (await Promise.all(inFlight)),
    close: async () => {
      clearInterval(timer);
      stop();
      await Promise.all(inFlight);
      await copying;
    },
  };
}

const sameOf = (before: Lock | undefined, lock: Lock): Lock => (before?.id === lock.id ? before : lock);

function readAll(stored: readonly (readonly [field: string, lock: unknown])[], log: Log): ReadonlyMap<string, Lock> {
  const locks = new Map<string, Lock>();
  for (const [field, lock] of stored) {
    const read = lockSchema.safeParse(lock);
    if (read.success) locks.set(field, read.data);
    else log.error({ field }, 'a lock in the store cannot be read; it stops calls, and nobody can see why');
  }
  return locks;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

async function writeCopy(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, `${text}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
