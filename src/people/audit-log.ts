/**
 * The audit log: who changed or decided what, when and from where, kept so that nobody can change it unseen.
 *
 * Guarantees
 * - One chain for all daemons of a tenant, without fork or gap: an entry is added only behind the entry that it names.
 * - `Audit` resolves when the entry is in the store, or on the disk of this host if the store is away; from there it comes
 *   into the store later, in order and once, also after the daemon was killed.
 * - Nothing changes or removes an entry but age and number; then an entry says which, and with which hash they ended.
 * - Each daemon remembers on its own host the last entry it saw. If the store has lost that one, an entry says so.
 *
 * Refuses to know what is recorded.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TIMED_OUT, within } from '../deadline.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { EpochMs } from '../policy/call.ts';
import type { Keys } from '../redis/keys.ts';
import { openAuditAnchor } from './audit-anchor.ts';
import { createAuditChain } from './audit-chain.ts';
import { type AuditDraft, type AuditRecord, readRecord } from './audit-record.ts';
import { openAuditSpool } from './audit-spool.ts';
import { keptValue } from './audit-value.ts';
import { type AuditVerdict, type VerifyProgress, verifyChain } from './audit-verify.ts';
import { createAuditWriter, MOST_AT_ONCE, TRIM_EVERY_MS } from './audit-writer.ts';

/** What a caller gives. Secrets never are in it. */
export interface AuditEntry {
  /** `cli anna`, `phone 2001`, `link +43…`, `clock`. */
  readonly by: string;
  /** Address, or `control socket`. */
  readonly from?: string | undefined;
  /** `policy.apply`, `rules.set`, `allowlist.add`, `bans.lift`, `approvals.approve`, … */
  readonly action: string;
  /** `rule default`, `ban 203.0.113.9`, … */
  readonly subject: string;
  /** JSON; only what changed. What is longer than 16 kB is cut, with a note. */
  readonly before?: unknown;
  readonly after?: unknown;
  readonly reason?: string | undefined;
}

/**
 * Resolves when the entry is in the store, or safe on this host until the store is back.
 * @throws {TollgateError} `STORE_UNAVAILABLE`: it is in neither; what was done is done, and must not be acknowledged
 */
export type Audit = (entry: AuditEntry) => Promise<void>;

export interface AuditQuery {
  readonly limit: number;
  readonly order: 'newest' | 'oldest';
  /** Where the page before ended. */
  readonly cursor?: string | undefined;
  readonly since?: EpochMs | undefined;
  readonly matches: (entry: AuditRecord) => boolean;
}

export interface AuditPage {
  readonly entries: readonly AuditRecord[];
  /** For the next page; null when there is none. */
  readonly cursor: string | null;
}

export interface AuditLog {
  readonly audit: Audit;
  /** Entries that cannot be read are left out; `verify` names them. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly list: (query: AuditQuery) => Promise<AuditPage>;
  /** Walks through all of it; the verdict comes last. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly verify: () => AsyncGenerator<VerifyProgress | AuditVerdict>;
  /** Entries that wait on this host for the store. */
  readonly waiting: () => number;
  /** Writes what is left. */
  readonly close: () => Promise<void>;
}

/** A person waits; the disk takes it if the store has not answered by then. */
const WRITE_WITHIN_MS = 2000;
const LOOK_EVERY_MS = 30_000;
const TRY_AGAIN_EVERY_MS = 1000;
const SCAN_PAGE = 500;
/** A filter that finds nothing gives up after so many entries and says where it stopped. */
const MOST_SCANNED = 50_000;
/** An entry is written after it happened, but for the difference of two clocks. */
const CLOCKS_DIFFER_MS = 60_000;

export async function openAuditLog(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'audit'>;
  readonly clock: Clock;
  readonly node: string;
  readonly stateDir: string;
  readonly maxEntries: number;
  readonly maxAgeMs: number;
  /** For what a person waits for. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  /** For alerts: something was written down; the log in the store is not the one that this node saw. */
  readonly onEntry?: (entry: AuditEntry) => void;
  readonly onBroken?: (why: string) => void;
  readonly log: Log;
}): Promise<AuditLog> {
  const { clock, node, log } = deps;
  const chain = createAuditChain(deps.redis, deps.keys);
  const spool = await openAuditSpool(join(deps.stateDir, 'audit-spool.jsonl'), log);
  const anchor = await openAuditAnchor(join(deps.stateDir, 'audit-anchor.json'), deps.keys.audit, log);
  const draftOf = ({ by, from, action, subject, before, after, reason }: AuditEntry): AuditDraft => ({
    at: new Date(clock.now()).toISOString(),
    node,
    id: randomBytes(9).toString('base64url'),
    by: by.slice(0, 200),
    from: from?.slice(0, 100) ?? null,
    action: action.slice(0, 64),
    subject: subject.slice(0, 300),
    before: keptValue(before),
    after: keptValue(after),
    reason: reason?.slice(0, 500) ?? null,
  });
  const writer = createAuditWriter({ ...deps, chain, anchor, draftOf });

  let pending: { readonly draft: AuditDraft; readonly resolve: () => void; readonly reject: (why: unknown) => void }[] =
    [];
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  let trimmedAtMs = Number.NEGATIVE_INFINITY;
  let wasAway = false;

  /** One thing at a time, in the order in which it was asked for. */
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task);
    last = result.catch(() => undefined);
    return result;
  };

  /** @param mayBeThere they were sent before, and what became of that is not known */
  const write = async (drafts: readonly AuditDraft[], mayBeThere: boolean): Promise<void> => {
    const stop = new AbortController();
    const wrote = await within(writer.write(drafts, { mayBeThere, signal: stop.signal }), WRITE_WITHIN_MS);
    stop.abort();
    if (wrote === TIMED_OUT) throw new TollgateError('STORE_TIMEOUT', 'the store did not answer in time');
    if (mayBeThere) await spool.drop(drafts.length);
    // Not before: what waits is looked for behind the anchor.
    if (wrote !== undefined) await anchor.move(wrote);
    if (wasAway) log.info('the audit log is written again');
    wasAway = false;
  };

  const noteAway = (error: unknown): void => {
    if (!wasAway) log.warn({ problem: messageOf(error) }, 'the audit log cannot be written; entries wait on this host');
    wasAway = true;
    wake(TRY_AGAIN_EVERY_MS);
  };

  /** Writes what waits in memory; what came together goes together. */
  const flush = async (): Promise<void> => {
    const batch = pending.slice(0, MOST_AT_ONCE);
    if (batch.length === 0) return;
    pending = pending.slice(batch.length);
    const drafts = batch.map(({ draft }) => draft);
    try {
      if (spool.drafts().length > 0) await spool.add(drafts);
      else {
        await write(drafts, false).catch((error: unknown) => {
          noteAway(error);
          return spool.add(drafts);
        });
      }
      for (const { resolve } of batch) resolve();
    } catch (error) {
      const problem = messageOf(error);
      for (const { draft, reject } of batch) {
        log.error({ entry: draft, problem }, 'an entry of the audit log is neither in the store nor on the disk');
        const what = `it was done, and the audit log could not keep that: ${problem}`;
        reject(new TollgateError('STORE_UNAVAILABLE', what, { cause: error }));
      }
    }
  };

  /** Brings into the store what waits on this host, sees whether all is there that was, and lets old entries go. */
  const tend = async (): Promise<void> => {
    try {
      while (spool.drafts().length > 0) await write(spool.drafts().slice(0, MOST_AT_ONCE), true);
      await write([], false);
      if (clock.monotonicMs() - trimmedAtMs >= TRIM_EVERY_MS) {
        await writer.trim();
        trimmedAtMs = clock.monotonicMs();
      }
      wake(LOOK_EVERY_MS);
    } catch (error) {
      noteAway(error);
    }
  };

  function wake(inMs: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(() => void inTurn(tend), inMs);
  }
  wake(0);

  return {
    audit: (entry) => {
      const draft = draftOf(entry);
      deps.onEntry?.(entry);
      return new Promise((resolve, reject) => {
        pending.push({ draft, resolve, reject });
        void inTurn(flush);
      });
    },
    list: async ({ limit, order, cursor, since, matches }) => {
      const entries: AuditRecord[] = [];
      const sinceMs = since === undefined ? 0 : since - CLOCKS_DIFFER_MS;
      let from = cursor === undefined ? undefined : readCursor(cursor);
      for (let scanned = 0; scanned < MOST_SCANNED; scanned += SCAN_PAGE) {
        const page =
          order === 'newest'
            ? await chain.before(from ?? '+', sinceMs, SCAN_PAGE)
            : await chain.after(from ?? Math.max(0, sinceMs), SCAN_PAGE);
        for (const { place, text } of page) {
          from = place;
          const entry = readRecord(text, place.hash);
          if ('problem' in entry || (since !== undefined && Date.parse(entry.at) < since) || !matches(entry)) continue;
          entries.push(entry);
          if (entries.length >= limit) return { entries, cursor: cursorOf(place) };
        }
        if (page.length < SCAN_PAGE) return { entries, cursor: null };
      }
      return { entries, cursor: from === undefined ? null : cursorOf(from) };
    },
    verify: () => verifyChain({ chain, remembered: anchor.current(), waiting: spool.drafts().length }),
    waiting: () => spool.drafts().length + pending.length,
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await last;
    },
  };
}

const cursorOf = ({ ms, seq }: { readonly ms: number; readonly seq: number }): string => `${ms}-${seq}`;

function readCursor(cursor: string): { readonly ms: number; readonly seq: number } {
  const [ms = 0, seq = 0] = cursor.split('-').map(Number);
  return { ms, seq };
}
