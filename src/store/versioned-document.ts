/**
 * One document in the store that every daemon follows: changed whole or not at all, in force here once a change is
 * acknowledged, and on every other node a quarter of a second later.
 *
 * - What is read, from the store or from the copy on this host, is checked; a bad document never replaces a good one.
 * - The copy lets the daemon start with the last known document while the store is away. Should the store have lost it,
 *   or have an older one, the document in force is written back from memory.
 *
 * Polling one field four times a second is chosen over publish/subscribe: it needs no second connection, and it cannot
 * miss a notice.
 *
 * Knows nothing of what is in the document.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';

export interface Versioned<Document> {
  /** 0: nothing was ever stored. */
  readonly version: number;
  readonly document: Document;
  /** ISO 8601, UTC. */
  readonly changedAt: string;
  readonly changedBy: string;
}

export interface VersionedDocument<Document> {
  readonly current: () => Versioned<Document>;
  /**
   * @param edit makes the next document of the one in force and its version; runs again when somebody else was faster.
   *   The same document changes nothing.
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT`; whatever the edit throws
   */
  readonly change: (
    edit: (document: Document, version: number) => Document,
    by: string,
  ) => Promise<Versioned<Document>>;
  /** Calls back with each new document, wherever it came from. Returns the way to unsubscribe. */
  readonly onChange: (listener: (now: Versioned<Document>) => void) => () => void;
  readonly close: () => void;
}

const FOLLOW_EVERY_MS = 250;
const MOST_ATTEMPTS = 20;

const storeScript = createScript('store-document');

export async function openVersionedDocument<Document>(deps: {
  readonly redis: Redis;
  readonly key: string;
  /** For sentences: `the allowlist`. */
  readonly what: string;
  readonly copyPath: string;
  /** What a new install has. */
  readonly first: Document;
  /**
   * For a document that nobody is without: a new install stores its first one, as version 1, so that a later release with
   * another changes nothing by itself; and as a store without it is new, one with an older one than the copy here is
   * believed at the start. Default: false, the first one is not stored, and an older one is mended from the copy.
   */
  readonly alwaysStored?: boolean;
  /** Never throws. */
  readonly read: (value: unknown) => Document | { readonly problem: string };
  readonly clock: Clock;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<VersionedDocument<Document>> {
  const { redis, key, what, copyPath, alwaysStored = false, clock, log } = deps;
  const listeners = new Set<(now: Versioned<Document>) => void>();
  const first: Versioned<Document> = {
    version: alwaysStored ? 1 : 0,
    document: deps.first,
    changedAt: new Date(clock.now()).toISOString(),
    changedBy: 'new install',
  };
  let current = (await readCopy(copyPath, deps.read, log)) ?? first;
  let following = true;
  let timer: NodeJS.Timeout | undefined;
  let lastProblem = '';
  let copying = Promise.resolve();

  const copy = (): Promise<void> => {
    // One at a time, and always the latest.
    copying = copying
      .then(() => writeCopy(copyPath, current))
      .catch((error: unknown) => {
        log.warn({ path: copyPath, problem: messageOf(error) }, `the local copy of ${what} could not be written`);
      });
    return copying;
  };

  const adopt = (next: Versioned<Document>): Promise<void> => {
    current = next;
    for (const listener of listeners) listener(next);
    return copy();
  };

  const write = async (next: Versioned<Document>, from: number): Promise<boolean> => {
    const args = [from, next.version, JSON.stringify(next.document), next.changedAt, next.changedBy];
    try {
      return (await deps.durably(() => storeScript(redis, [key], args))) === 1;
    } catch (error) {
      throw new TollgateError('STORE_UNAVAILABLE', `${what} could not be saved because the store is not answering`, {
        cause: error,
      });
    }
  };

  /** At the start the store is believed even where the versions agree. */
  const follow = async (atStart = false): Promise<void> => {
    const version = Number((await redis.hget(key, 'version')) ?? 0);
    if (!atStart && version === current.version) return;
    if (version < current.version && (version === 0 || !atStart || !alwaysStored)) {
      if (!(await write(current, version))) return;
      if (current !== first)
        log.warn({ version: current.version, found: version }, `the store had an older state of ${what}; mended`);
      await copy();
      return;
    }
    if (version === 0) return;
    const stored = parseStored(await redis.hgetall(key), deps.read);
    if ('problem' in stored) {
      if (stored.problem !== lastProblem)
        log.error({ problem: stored.problem }, `${what} in the store cannot be used; the last good one stays in force`);
      lastProblem = stored.problem;
      return;
    }
    lastProblem = '';
    await adopt(stored);
    if (!atStart) log.info({ version: stored.version, by: stored.changedBy }, `following a change of ${what}`);
  };

  const followForEver = async (): Promise<void> => {
    // A store that is away is reported by the gate; here it only means trying again.
    await follow().catch(() => undefined);
    if (following) timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);
  };

  await follow(true).catch((error: unknown) => {
    const problem = messageOf(storeError(error));
    log.warn({ problem, version: current.version }, `the store cannot be asked for ${what}; using the local copy`);
  });
  timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);

  return {
    current: () => current,
    change: async (edit, by) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const base = current;
        const document = edit(base.document, base.version);
        if (JSON.stringify(document) === JSON.stringify(base.document)) return base;
        const changedAt = new Date(clock.now()).toISOString();
        const next = { version: base.version + 1, document, changedAt, changedBy: by };
        if (await write(next, base.version)) {
          await adopt(next);
          log.info({ version: next.version, by }, `${what} was changed`);
          return next;
        }
        await follow();
      }
      throw new TollgateError('CONFLICT', `${what} keeps being changed by others; try again`);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => {
      following = false;
      clearTimeout(timer);
    },
  };
}

function parseStored<Document>(
  fields: Readonly<Record<string, unknown>>,
  read: (value: unknown) => Document | { readonly problem: string },
): Versioned<Document> | { readonly problem: string } {
  try {
    const document = read(JSON.parse(String(fields['document'])));
    if (isProblem(document)) return document;
    return {
      version: Number(fields['version']),
      document,
      changedAt: String(fields['changedAt'] ?? ''),
      changedBy: String(fields['changedBy'] ?? ''),
    };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

const isProblem = (value: unknown): value is { readonly problem: string } =>
  typeof value === 'object' && value !== null && 'problem' in value;

async function readCopy<Document>(
  path: string,
  read: (value: unknown) => Document | { readonly problem: string },
  log: Log,
): Promise<Versioned<Document> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { document, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const stored = parseStored({ ...rest, document: JSON.stringify(document) }, read);
    if (!('problem' in stored)) return stored;
    log.warn({ path, problem: stored.problem }, 'a local copy cannot be used');
  } catch (error) {
    log.warn({ path, problem: messageOf(error) }, 'a local copy cannot be read');
  }
  return undefined;
}

async function writeCopy(path: string, value: unknown): Promise<void> {
  await writeFile(`${path}.new`, `${JSON.stringify(value, undefined, 2)}\n`, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
