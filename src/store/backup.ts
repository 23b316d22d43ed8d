/**
 * Backup and restore: all that cannot be had again (documents, bans, grants, the audit log, the journal), part by part.
 * Counts are left out: buckets refill.
 *
 * Guarantees
 * - A part is restored whole or not at all where it is a document or a log; bans, grants, locks and places that were reached
 *   are added to those in force, one by one, and none is lifted or set back. Restoring the same backup again changes nothing.
 * - A part that cannot be restored says why, and keeps no other part from being restored.
 * - The audit log is continued and never replaced: restored only where what the store has is the beginning of what the backup
 *   has, or follows it.
 *
 * Refuses to know what is in a document.
 */
import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Keys } from '../redis/keys.ts';
import { type KnownPlace, knownPlaces, noteReached } from '../redis/note-reached.ts';
import type { BackupHeader, PartValue, ReadBackup } from './backup-file.ts';
import { backupText } from './backup-file.ts';
import { mergeIntoStream, missingIn, type StreamEntry, streamEntries } from './stream-merge.ts';
import type { Versioned } from './versioned-document.ts';

/** Who restores, and from where; for the record. */
export interface Restorer {
  readonly by: string;
  readonly from?: string | undefined;
}

export interface PartOutcome {
  /** In a dry run `restored` means that it would be. */
  readonly outcome: 'restored' | 'unchanged' | 'refused';
  /** What was done, or why not; begins in lower case, ends without a full stop. */
  readonly said: string;
}

export interface BackupPart {
  readonly kind: string;
  /** For sentences: `the policy`. */
  readonly what: string;
  readonly values: () => AsyncIterable<unknown> | Iterable<unknown>;
  /**
   * @param values what `values` gave; may be asked for more than once
   * @throws {TollgateError} of the store
   */
  readonly restore: (
    values: () => AsyncIterable<unknown>,
    options: { readonly dryRun: boolean; readonly restorer: Restorer },
  ) => Promise<PartOutcome>;
}

export interface RestoredPart extends PartOutcome {
  readonly kind: string;
  readonly what: string;
}

/** @param parts in the order in which they are written */
export const writeBackup = (header: BackupHeader, parts: readonly BackupPart[]): AsyncGenerator<string> =>
  backupText(header, valuesOf(parts));

async function* valuesOf(parts: readonly BackupPart[]): AsyncGenerator<PartValue> {
  for (const { kind, values } of parts) for await (const value of values()) yield { kind, value };
}

/** @param parts in the order in which they are restored: what records changes first */
export async function restoreBackup(
  backup: ReadBackup,
  parts: readonly BackupPart[],
  options: Parameters<BackupPart['restore']>[1],
): Promise<readonly RestoredPart[]> {
  const restored: RestoredPart[] = [];
  for (const { kind, what, restore } of parts) {
    if (!backup.counts.has(kind)) continue;
    const outcome = await restore(() => backup.values(kind), options).catch(
      (error: unknown): PartOutcome => ({ outcome: 'refused', said: messageOf(error) }),
    );
    restored.push({ kind, what, ...outcome });
  }
  const known = new Set(parts.map(({ kind }) => kind));
  for (const kind of backup.counts.keys())
    if (!known.has(kind))
      restored.push({ kind, what: `the part ${kind}`, outcome: 'refused', said: 'this version does not know it' });
  return restored;
}

const unchanged: PartOutcome = { outcome: 'unchanged', said: 'is as in the backup' };

/** A document with a version. Where none was ever stored, there is nothing to back up. */
export interface KeptDocument {
  readonly kind: string;
  readonly what: string;
  readonly current: () => Versioned<unknown> | Promise<Versioned<unknown>>;
  /** Why this document cannot be used; undefined: it can. */
  readonly problemOf: (document: unknown) => string | undefined;
  readonly replace: (document: unknown, restorer: Restorer) => Promise<void>;
}

export const documentPart = ({ kind, what, current, problemOf, replace }: KeptDocument): BackupPart => ({
  kind,
  what,
  values: async function* () {
    const now = await current();
    if (now.version > 0) yield now;
  },
  restore: async (values, { dryRun, restorer }) => {
    for await (const value of values()) {
      const { version, document, changedAt } = value as Versioned<unknown>;
      const problem = problemOf(document);
      if (problem !== undefined) return { outcome: 'refused', said: problem };
      const now = await current();
      if (JSON.stringify(now.document) === JSON.stringify(document)) return unchanged;
      if (!dryRun) await replace(document, restorer);
      return { outcome: 'restored', said: `version ${version} of ${changedAt} takes the place of ${now.version}` };
    }
    return unchanged;
  },
});

/** The fields of a hash that are still in force; those that the store has stay as they are. */
export const hashPart = (deps: {
  readonly kind: string;
  readonly what: string;
  readonly redis: Redis;
  readonly key: string;
  readonly isInForce: (text: string) => boolean;
}): BackupPart => ({
  kind: deps.kind,
  what: deps.what,
  values: async function* () {
    for (const [id, text] of Object.entries(await deps.redis.hgetall(deps.key))) yield { id, text };
  },
  restore: async (values, { dryRun }) => {
    let [added, all] = [0, 0];
    for await (const value of values()) {
      const { id, text } = value as { readonly id: string; readonly text: string };
      all += 1;
      if (!deps.isInForce(text) || (await deps.redis.hexists(deps.key, id)) === 1) continue;
      added += dryRun ? 1 : await deps.redis.hsetnx(deps.key, id, text);
    }
    return addedOf(added, all);
  },
});

export const addedOf = (added: number, all: number): PartOutcome =>
  added === 0 ? unchanged : { outcome: 'restored', said: `${added} of ${all} added, the others are there or over` };

/** Where subjects had answered calls, for rules about first calls. */
export const reachedPart = (redis: Redis, keys: Pick<Keys, 'reached' | 'reachedBegin'>): BackupPart => ({
  kind: 'reached',
  what: 'places that were reached',
  values: () => knownPlaces(redis, keys),
  restore: async (values, { dryRun }) => {
    let [added, all] = [0, 0];
    let some: { readonly key: string; readonly atMs: number }[] = [];
    const note = async (): Promise<void> => {
      all += some.length;
      added += await noteReached(redis, some, dryRun);
      some = [];
    };
    for await (const value of values()) {
      const { subject, place, atMs } = value as KnownPlace;
      some.push({ key: keys.reached(subject, place), atMs });
      if (some.length >= NOTED_AT_ONCE) await note();
    }
    await note();
    return addedOf(added, all);
  },
});
const NOTED_AT_ONCE = 1000;

/** Decisions that were kept in full. */
export const journalPart = (redis: Redis, keys: Pick<Keys, 'journal' | 'prepared'>): BackupPart => ({
  kind: 'journal',
  what: 'the journal',
  values: () => streamEntries(redis, keys.journal),
  restore: async (values, { dryRun }) => {
    const entries = (): AsyncIterable<StreamEntry> => values() as AsyncIterable<StreamEntry>;
    const missing = await missingIn(redis, keys.journal, entries());
    if (missing === 0) return unchanged;
    if (!dryRun) {
      const prepared = keys.prepared('journal');
      await mergeIntoStream(redis, keys.journal, { prepared, entries, whileOthersAdd: true });
    }
    return { outcome: 'restored', said: `${missing} decisions added` };
  },
});

/** The audit log: its entries as they are, so that its hashes and the notes of all nodes go on fitting. */
export const auditPart = (redis: Redis, keys: Pick<Keys, 'audit' | 'prepared'>): BackupPart => ({
  kind: 'audit',
  what: 'the audit log',
  values: () => streamEntries(redis, keys.audit),
  restore: async (values, { dryRun }) => {
    const entries = (): AsyncIterable<StreamEntry> => values() as AsyncIterable<StreamEntry>;
    const refused = await whyNotContinued(redis, keys.audit, entries());
    if (refused !== undefined) return { outcome: 'refused', said: refused };
    const missing = await missingIn(redis, keys.audit, entries());
    if (missing === 0) return unchanged;
    if (!dryRun) {
      const prepared = keys.prepared('audit');
      await mergeIntoStream(redis, keys.audit, { prepared, entries, whileOthersAdd: false });
    }
    return { outcome: 'restored', said: `${missing} entries added` };
  },
});

/**
 * Why the two are not one log. As each entry vouches for all before it, it is enough that both have the same last entry of
 * the one that ends first.
 */
async function whyNotContinued(
  redis: Redis,
  key: string,
  entries: AsyncIterable<StreamEntry>,
): Promise<string | undefined> {
  const [first] = await redis.xrange(key, '-', '+', 'COUNT', 1);
  const [last] = await redis.xrevrange(key, '+', '-', 'COUNT', 1);
  let before: StreamEntry | undefined;
  let hasLast = false;
  for await (const entry of entries) {
    const problem = whyNotBehind(entry, before);
    if (problem !== undefined) return `the backup's own log is broken: ${problem}`;
    if (last !== undefined && entry.id === last[0])
      hasLast = hashOf(entry) === hashOf({ id: last[0], fields: last[1] });
    before = entry;
  }
  if (first === undefined || last === undefined || before === undefined || hasLast) return undefined;
  const [same] = await redis.xrange(key, before.id, before.id);
  if (same !== undefined && hashOf({ id: same[0], fields: same[1] }) === hashOf(before)) return undefined;
  // A store that lost its data, and a daemon that went on behind the entry that it remembered.
  if (numberOf(first[0]) > numberOf(before.id) && msOf(first[0]) >= msOf(before.id)) return undefined;
  return 'the store holds another log, with entries that the backup does not have; restore into a store that has none';
}

function whyNotBehind(entry: StreamEntry, before: StreamEntry | undefined): string | undefined {
  const text = fieldOf(entry, 'e');
  const number = numberOf(entry.id);
  if (createHash('sha256').update(text).digest('hex') !== hashOf(entry)) return `entry ${number} does not fit its hash`;
  if (before === undefined || number !== numberOf(before.id) + 1) return undefined;
  const { previous } = JSON.parse(text) as { readonly previous?: unknown };
  return previous === hashOf(before) ? undefined : `entry ${number} does not follow the one before it`;
}

const numberOf = (id: string): number => Number(id.split('-')[1]);
const msOf = (id: string): number => Number(id.split('-')[0]);
const hashOf = (entry: StreamEntry): string => fieldOf(entry, 'h');
const fieldOf = ({ fields }: StreamEntry, name: string): string => fields[fields.indexOf(name) + 1] ?? '';
