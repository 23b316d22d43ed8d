/**
 * The policy in force: a versioned document with a copy on this host (see versioned-document.ts), compiled.
 *
 * - A change is checked and compiled before it is written; a bad document never replaces a good one: not from an editor,
 *   and not from the store.
 * - The copy lets emergency calls and `whenStoreFails` work from the start, while the store is away.
 * - Beside the document as people write it stand the generations of its rules, so that resetting one is a change like any
 *   other.
 */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { defaultPolicyDocument, type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { compilePolicy, type Generations, type Policy } from '../policy/policy.ts';
import type { Problem } from '../policy/problem.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument, type Versioned } from './versioned-document.ts';

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
  /** Makes every bucket of a rule full again. @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT` */
  readonly resetRule: (rule: string, by: string) => Promise<void>;
  readonly close: () => void;
}

interface StoredPolicy {
  readonly policy: PolicyDocument;
  readonly generations: Generations;
}

export async function openPolicyStore(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'policy'>;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  /** Runs a write so that it survives a power cut once it is acknowledged, where the store can do that. */
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<PolicyStore> {
  const { redis, keys, clock, stateDir, log, durably } = deps;
  const compiled = new WeakMap<StoredPolicy, Policy>();
  /** Compiles each stored policy once. Asked before it is taken or written, so that one that fails is neither. */
  const policyOf = (stored: StoredPolicy): Policy => {
    const policy = compiled.get(stored) ?? compilePolicy(stored.policy, stored.generations);
    compiled.set(stored, policy);
    return policy;
  };
  const checked = (stored: StoredPolicy): StoredPolicy => {
    policyOf(stored);
    return stored;
  };

  const kept = await openVersionedDocument<StoredPolicy>({
    ...{ redis, clock, log, durably },
    key: keys.policy,
    what: 'the policy',
    copyPath: join(stateDir, 'policy.json'),
    first: { policy: defaultPolicyDocument(), generations: {} },
    alwaysStored: true,
    read: (value) => {
      const stored = readStored(value);
      return 'problem' in stored ? stored : checked(stored);
    },
  });

  const snapshotOf = ({ document, ...rest }: Versioned<StoredPolicy>): PolicySnapshot => ({
    ...rest,
    policy: policyOf(document),
    generations: document.generations,
  });

  return {
    current: () => snapshotOf(kept.current()),
    check: (edit, onlyIfVersion) => {
      const { version, document } = kept.current();
      requireVersion(version, onlyIfVersion);
      const read = readPolicyDocument(edit(document.policy));
      return 'problems' in read ? read.problems : [];
    },
    change: async (edit, by, onlyIfVersion) => {
      let problems: readonly Problem[] = [];
      const now = await kept.change((base, version) => {
        requireVersion(version, onlyIfVersion);
        const read = readPolicyDocument(edit(base.policy));
        problems = 'problems' in read ? read.problems : [];
        return 'problems' in read ? base : checked({ policy: read.document, generations: base.generations });
      }, by);
      return problems.length > 0 ? { changed: false, problems } : { changed: true, snapshot: snapshotOf(now) };
    },
    resetRule: async (rule, by) => {
      await kept.change(({ policy, generations }) => {
        // `constructor` is an id like any other, and every object has one.
        const before = Object.hasOwn(generations, rule) ? (generations[rule] ?? 0) : 0;
        return checked({ policy, generations: { ...generations, [rule]: before + 1 } });
      }, by);
    },
    close: kept.close,
  };
}

function requireVersion(version: number, wanted: number | undefined): void {
  if (wanted === undefined || wanted === version) return;
  const message = `the policy changed meanwhile (version ${version}, yours is ${wanted}); read it again`;
  throw new TollgateError('CONFLICT', message);
}

function readStored(value: unknown): StoredPolicy | { readonly problem: string } {
  // The first builds kept the document alone.
  const isPair = typeof value === 'object' && value !== null && 'policy' in value;
  const read = readPolicyDocument(isPair ? value.policy : value);
  if ('problems' in read) return { problem: read.problems.map((each) => `${each.path}: ${each.message}`).join('; ') };
  return {
    policy: read.document,
    generations: readGenerations(isPair && 'generations' in value ? value.generations : {}),
  };
}

const readGenerations = (value: unknown): Generations =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(Object.entries(value).filter((entry): entry is [string, number] => Number.isInteger(entry[1])))
    : {};
