/**
 * API keys: made, shown once, recognised, removed.
 *
 * A key is `tollgate_ID_SECRET`: the id finds it, 256 bits by chance prove it. Kept is the SHA-256, which nobody can undo
 * for a secret of that length, and which costs a request nothing, unlike a password's hash. What a key may do are its
 * scopes, from where its own list of addresses, how long its expiry.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { TollgateError } from '../errors.ts';
import { contains, readAddress, readRange } from '../policy/addresses.ts';
import { formatProblem, problemsOf } from '../policy/problem.ts';
import type { VersionedDocument } from '../store/versioned-document.ts';
import { type Permission, SCOPES } from './roles.ts';

const MOST_KEYS = 200;
const SECRET_BYTES = 32;
const ID_BYTES = 6;
const KEY = /^tollgate_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/;

const keySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  /** Of the whole key; SHA-256, hex. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  scopes: z.array(z.enum(SCOPES)),
  /** Networks; empty: from everywhere. */
  allowFrom: z.array(z.string()),
  expiresAt: z.iso.datetime().nullable(),
  createdAt: z.iso.datetime(),
  createdBy: z.string(),
});
const documentSchema = z.strictObject({ keys: z.array(keySchema).max(MOST_KEYS) });

type KeyRecord = z.output<typeof keySchema>;
export interface ApiKey extends Readonly<Omit<KeyRecord, 'scopes' | 'allowFrom'>> {
  readonly scopes: readonly Permission[];
  readonly allowFrom: readonly string[];
}
export interface ApiKeysDocument {
  readonly keys: readonly ApiKey[];
}

export const NO_KEYS: ApiKeysDocument = { keys: [] };

/** Never throws. */
export function readApiKeys(value: unknown): ApiKeysDocument | { readonly problem: string } {
  const parsed = documentSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  return { problem: problemsOf(documentSchema, parsed.error).map(formatProblem).join('; ') };
}

/** A key as the API shows it: without what proves it. */
export type ApiKeyReport = Omit<ApiKey, 'hash'>;
export const reportApiKey = ({ hash: _, ...key }: ApiKey): ApiKeyReport => key;

export interface NewApiKey {
  readonly name: string;
  readonly scopes: readonly Permission[];
  /** Canonical networks. */
  readonly allowFrom: readonly string[];
  /** Null: for ever. */
  readonly lastsMs: number | null;
}

export type KeyAnswer =
  | { readonly key: ApiKey }
  /** `elsewhere` and `expired` are told only to who has the key. */
  | { readonly refused: 'unknown' }
  | { readonly refused: 'elsewhere' | 'expired'; readonly name: string };

export interface ApiKeys {
  readonly list: () => readonly ApiKey[];
  /** @throws {TollgateError} `CONFLICT`, `STORE_UNAVAILABLE` */
  readonly add: (wish: NewApiKey, by: string) => Promise<{ readonly record: ApiKey; readonly key: string }>;
  /** @param ref its id or name @throws {TollgateError} `NOT_FOUND`, `STORE_UNAVAILABLE` */
  readonly remove: (ref: string, by: string) => Promise<ApiKey>;
  /** From memory, and in the same time whatever is wrong with it. */
  readonly check: (text: string, address: string) => KeyAnswer;
}

export function createApiKeys(deps: {
  readonly document: Pick<VersionedDocument<ApiKeysDocument>, 'current' | 'change'>;
  readonly clock: Pick<Clock, 'now'>;
}): ApiKeys {
  const { document, clock } = deps;
  const list = (): readonly ApiKey[] => document.current().document.keys;
  return {
    list,
    add: async ({ lastsMs, ...wish }, by) => {
      const id = randomBytes(ID_BYTES).toString('hex');
      const key = `tollgate_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
      const now = clock.now();
      const record: ApiKey = {
        id,
        ...wish,
        hash: digest(key).toString('hex'),
        expiresAt: lastsMs === null ? null : new Date(now + lastsMs).toISOString(),
        createdAt: new Date(now).toISOString(),
        createdBy: by,
      };
      await document.change(({ keys }) => {
        if (keys.some(({ name }) => name === wish.name))
          throw new TollgateError('CONFLICT', `there is a key "${wish.name}" already; remove it first`);
        if (keys.length >= MOST_KEYS)
          throw new TollgateError('CONFLICT', `there are ${MOST_KEYS} keys; remove one first`);
        return { keys: [...keys, record] };
      }, by);
      return { record, key };
    },
    remove: async (ref, by) => {
      let removed: ApiKey | undefined;
      await document.change(({ keys }) => {
        removed = keys.find(({ id }) => id === ref) ?? keys.find(({ name }) => name === ref);
        if (removed === undefined)
          throw new TollgateError('NOT_FOUND', `there is no key "${ref}"; tollgate keys list names them all`);
        return { keys: keys.filter((each) => each !== removed) };
      }, by);
      if (removed === undefined) throw new TollgateError('NOT_FOUND', `there is no key "${ref}"`);
      return removed;
    },
    check: (text, address) => {
      const [, id] = KEY.exec(text) ?? [];
      const found = id === undefined ? undefined : list().find((each) => each.id === id);
      // Compared with something in any case.
      const isRight = timingSafeEqual(digest(text), Buffer.from(found?.hash ?? NO_HASH, 'hex'));
      if (!isRight || found === undefined) return { refused: 'unknown' };
      const { name, expiresAt, allowFrom } = found;
      if (expiresAt !== null && Date.parse(expiresAt) <= clock.now()) return { refused: 'expired', name };
      if (allowFrom.length > 0 && !allowFrom.some((network) => holds(network, address)))
        return { refused: 'elsewhere', name };
      return { key: found };
    },
  };
}

const NO_HASH = '0'.repeat(64);

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

function holds(network: string, text: string): boolean {
  const [read, address] = [readRange(network), readAddress(text)];
  if (address === undefined || 'problem' in read) return false;
  return contains(read.range, { family: address.family, first: address.value, last: address.value });
}
