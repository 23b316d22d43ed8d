/**
 * The policy in force: kept in the store, followed by every daemon, changed whole or not at all.
 *
 * - A change is checked and compiled before it is written, and is in force on this node as soon as it is acknowledged;
 *   every other node sees it within a quarter of a second.
 * - A bad document never replaces a good one: not from an editor, and not from the store.
 * - A copy on this host lets the daemon start, and emergency calls and `whenStoreFails` work, while the store is away;
 *   should the store have lost it, or have an older one, the policy in force is written back from memory.
 *
 * Polling one field four times a second is chosen over publish/subscribe: it needs no second connection, and it cannot
 * miss a notice.
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import { defaultPolicyDocument, type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { compilePolicy, type Generations, type Policy } from '../policy/policy.ts';
import type { Problem } from '../policy/problem.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';
import { storeError } from '../redis/store-error.ts';

export interface PolicySnapshot {
  readonly version: number;
  readonly policy: Policy;
  readonly generations: Generations;
  /** ISO 8601, UTC. */
  readonly changedAt: string;
  readonly changedBy: string;
}

export type PolicyChange =
  | { readonly changed: true; readonly snapshot: PolicySnapshot }
  | { readonly changed: false; readonly problems: readonly Problem[] };

/** What an edit makes of a document: any value; it is checked as if a person had written it. */
export type PolicyEdit = (document: PolicyDocument) => unknown;

export interface PolicyStore {
  readonly current: () => PolicySnapshot;
  /**
   * Changes the policy. The edit may run more than once when others change it at the same time.
   *
   * @param by who changed it, for the record
   * @param onlyIfVersion the edit was made for this version, and is refused for any other; undefined: for whichever it is
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT`; whatever the edit throws
   */
  readonly change: (edit: PolicyEdit, by: string, onlyIfVersion?: number) => Promise<PolicyChange>;
  /** What `change` would answer, without changing anything. @throws {TollgateError} `CONFLICT` */
  readonly check: (edit: PolicyEdit, onlyIfVersion?: number) => readonly Problem[];
  /** Makes every bucket of a rule full again. @throws {TollgateError} `STORE_UNAVAILABLE` */
  readonly resetRule: (rule: string, by: string) => Promise<void>;
  readonly close: () => void;
}

const FOLLOW_EVERY_MS = 250;
const MOST_ATTEMPTS = 20;
const COPY_NAME = 'policy.json';

const storeScript = createScript('store-policy');

export async function openPolicyStore(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Logger;
  /** Runs a write so that it survives a power cut once it is acknowledged, where the store can do that. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<PolicyStore> {
  const { redis, keys, log } = deps;
  const copyPath = join(deps.stateDir, COPY_NAME);
  let current = (await readCopy(copyPath, log)) ?? firstSnapshot(deps.clock);
  let following = true;
  let timer: NodeJS.Timeout | undefined;
  let lastProblem = '';

  let copying = Promise.resolve();

  const adopt = (snapshot: PolicySnapshot): Promise<void> => {
    current = snapshot;
    // One at a time, and always the latest.
    copying = copying
      .then(() => writeCopy(copyPath, current))
      .catch((error: unknown) => {
        log.warn({ path: copyPath, problem: messageOf(error) }, 'the local copy of the policy could not be written');
      });
    return copying;
  };

  const write = async (snapshot: PolicySnapshot, from: number): Promise<boolean> => {
    const args = [
      from,
      snapshot.version,
      JSON.stringify(snapshot.policy.document),
      JSON.stringify(snapshot.generations),
      snapshot.changedAt,
      snapshot.changedBy,
    ];
    try {
      return (await deps.durably(() => storeScript(redis, [keys.policy], args))) === 1;
    } catch (error) {
      throw new TollgateError('STORE_UNAVAILABLE', 'the policy could not be saved because the store is not answering', {
        cause: error,
      });
    }
  };

  /** Brings `current` up to what the store has. At the start the store is believed even where the versions agree. */
  const follow = async (atStart = false): Promise<void> => {
    const version = await redis.hget(keys.policy, 'version');
    if (version === null) {
      // A new store, or one that lost its data: what is in force here is the best there is.
      await write(current, 0);
      await adopt(current);
      return;
    }
    if (!atStart && Number(version) === current.version) return;
    if (!atStart && Number(version) < current.version) {
      // The store has gone back in time: a replica took over without the last write, or a new node filled an empty one.
      if (await write(current, Number(version)))
        log.warn(
          { version: current.version, found: Number(version) },
          'the store had an older policy; the one in force was written back',
        );
      return;
    }
    const stored = parseStored(await redis.hgetall(keys.policy));
    if ('problem' in stored) {
      if (stored.problem !== lastProblem)
        log.error(
          { problem: stored.problem },
          'the policy in the store cannot be used; the last good one stays in force',
        );
      lastProblem = stored.problem;
      return;
    }
    lastProblem = '';
    await adopt(stored);
    if (!atStart) log.info({ version: stored.version, by: stored.changedBy }, 'following a changed policy');
  };

  const followForEver = async (): Promise<void> => {
    // A store that is away is reported by the gate; here it only means trying again.
    await follow().catch(() => undefined);
    if (following) timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);
  };

  const commit = async (
    make: (
      base: PolicySnapshot,
    ) => Pick<PolicySnapshot, 'policy' | 'generations'> | { readonly problems: readonly Problem[] },
    by: string,
    onlyIfVersion?: number,
  ): Promise<PolicyChange> => {
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const base = current;
      requireVersion(base, onlyIfVersion);
      const made = make(base);
      if ('problems' in made) return { changed: false, problems: made.problems };
      if (isSame(made, base)) return { changed: true, snapshot: base };
      const snapshot = {
        ...made,
        version: base.version + 1,
        changedAt: new Date(deps.clock.now()).toISOString(),
        changedBy: by,
      };
      if (await write(snapshot, base.version)) {
        await adopt(snapshot);
        log.info({ version: snapshot.version, by }, 'the policy was changed');
        return { changed: true, snapshot };
      }
      await follow();
    }
    throw new TollgateError('CONFLICT', 'the policy keeps being changed by others; try again');
  };

  await follow(true).catch((error: unknown) => {
    log.warn(
      { problem: messageOf(storeError(error)), version: current.version },
      'the store cannot be asked for the policy; starting with the local copy',
    );
  });
  timer = setTimeout(() => void followForEver(), FOLLOW_EVERY_MS);

  return {
    current: () => current,
    check: (edit, onlyIfVersion) => {
      requireVersion(current, onlyIfVersion);
      const read = readPolicyDocument(edit(current.policy.document));
      return 'problems' in read ? read.problems : [];
    },
    change: (edit, by, onlyIfVersion) =>
      commit(
        (base) => {
          const read = readPolicyDocument(edit(base.policy.document));
          if ('problems' in read) return read;
          return { policy: compilePolicy(read.document, base.generations), generations: base.generations };
        },
        by,
        onlyIfVersion,
      ),
    resetRule: async (rule, by) => {
      await commit((base) => {
        // `constructor` is an id like any other, and every object has one.
        const before = Object.hasOwn(base.generations, rule) ? (base.generations[rule] ?? 0) : 0;
        const generations = { ...base.generations, [rule]: before + 1 };
        return { policy: compilePolicy(base.policy.document, generations), generations };
      }, by);
    },
    close: () => {
      following = false;
      clearTimeout(timer);
    },
  };
}

function requireVersion({ version }: PolicySnapshot, wanted: number | undefined): void {
  if (wanted === undefined || wanted === version) return;
  const message = `the policy changed meanwhile (version ${version}, yours is ${wanted}); read it again`;
  throw new TollgateError('CONFLICT', message);
}

/** Writing what is there already would only make everybody read it again. */
const isSame = (made: Pick<PolicySnapshot, 'policy' | 'generations'>, base: PolicySnapshot): boolean =>
  JSON.stringify([made.policy.document, made.generations]) === JSON.stringify([base.policy.document, base.generations]);

/** What a new install starts with; version 0 stands for "nothing stored". */
const firstSnapshot = (clock: Clock): PolicySnapshot => ({
  version: 1,
  policy: compilePolicy(defaultPolicyDocument()),
  generations: {},
  changedAt: new Date(clock.now()).toISOString(),
  changedBy: 'new install',
});

function parseStored(fields: Readonly<Record<string, unknown>>): PolicySnapshot | { readonly problem: string } {
  try {
    const read = readPolicyDocument(JSON.parse(String(fields['document'])));
    if ('problems' in read) return { problem: read.problems.map((each) => `${each.path}: ${each.message}`).join('; ') };
    const generations = readGenerations(JSON.parse(String(fields['generations'] ?? '{}')));
    return {
      version: Number(fields['version']),
      policy: compilePolicy(read.document, generations),
      generations,
      changedAt: String(fields['changedAt'] ?? ''),
      changedBy: String(fields['changedBy'] ?? ''),
    };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

const readGenerations = (value: unknown): Generations =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => Number.isInteger(entry[1])))
    : {};

async function readCopy(path: string, log: Logger): Promise<PolicySnapshot | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const { document, generations, ...rest } = JSON.parse(text) as Record<string, unknown>;
    const stored = parseStored({
      ...rest,
      document: JSON.stringify(document),
      generations: JSON.stringify(generations),
    });
    if (!('problem' in stored)) return stored;
    log.warn({ path, problem: stored.problem }, 'the local copy of the policy cannot be used');
  } catch (error) {
    log.warn({ path, problem: messageOf(error) }, 'the local copy of the policy cannot be read');
  }
  return undefined;
}

async function writeCopy(path: string, snapshot: PolicySnapshot): Promise<void> {
  const { policy, ...rest } = snapshot;
  const text = `${JSON.stringify({ ...rest, document: policy.document }, undefined, 2)}\n`;
  await writeFile(`${path}.new`, text, { mode: 0o600, flush: true });
  await rename(`${path}.new`, path);
}
