/**
 * One entry of the audit log as it is kept: a text, and its hash.
 *
 * The text is one line of JSON that ends with the hash of the entry before it; the hash is the SHA-256 of the text. So
 * each hash vouches for everything before it, and an exported line can be checked with `sha256sum` alone. Never throws.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { problemsOf } from '../policy/problem.ts';

const time = z.iso.datetime();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const draftShape = {
  /** When it happened, by the clock of the node. */
  at: time,
  node: z.string(),
  /** Drawn by chance before it was written, so that an entry that is sent again is written once. */
  id: z.string(),
  by: z.string(),
  from: z.string().nullable(),
  action: z.string(),
  subject: z.string(),
  before: z.unknown(),
  after: z.unknown(),
  reason: z.string().nullable(),
};
const draftSchema = z.strictObject(draftShape);
/** The order of the fields is the order in the text. */
const sealedSchema = z.strictObject({
  seq: z.int().min(1),
  ...draftShape,
  /** By the clock of the store; never earlier than that of the entry before. */
  writtenAt: time,
  previous: hash,
});

/** An entry that has no place in the log yet. Times are ISO 8601, UTC. */
export type AuditDraft = Readonly<z.infer<typeof draftSchema>>;

/** An entry as it is listed and exported; without `hash` it is the text that was hashed. */
export interface AuditRecord extends Readonly<z.infer<typeof sealedSchema>> {
  readonly hash: string;
}

/** Where an entry stands. */
export interface Place {
  readonly seq: number;
  /** When it was written, by the store's clock. */
  readonly ms: number;
  readonly hash: string;
}

/** What the first entry names as the one before it. */
export const BEFORE_THE_FIRST: Place = { seq: 0, ms: 0, hash: '0'.repeat(64) };

export interface SealedEntry {
  readonly place: Place;
  readonly text: string;
}

/** The drafts as entries, one behind the other. */
export function seal(drafts: readonly AuditDraft[], last: Place, nowMs: number): readonly SealedEntry[] {
  let before = last;
  // The store's clock may have been set back.
  const ms = Math.max(nowMs, last.ms);
  const writtenAt = new Date(ms).toISOString();
  return drafts.map((draft) => {
    const seq = before.seq + 1;
    const text = JSON.stringify(sealedSchema.parse({ seq, ...draft, writtenAt, previous: before.hash }));
    before = { seq, ms, hash: sha256(text) };
    return { place: before, text };
  });
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export function readRecord(text: string, hash: string): AuditRecord | { readonly problem: string } {
  const read = readJson(sealedSchema, text);
  return 'problem' in read ? read : { ...read.value, hash };
}

export function readDraft(text: string): AuditDraft | { readonly problem: string } {
  const read = readJson(draftSchema, text);
  return 'problem' in read ? read : read.value;
}

function readJson<T extends z.ZodType>(
  schema: T,
  text: string,
): { readonly value: z.infer<T> } | { readonly problem: string } {
  try {
    const read = schema.safeParse(JSON.parse(text));
    if (read.success) return { value: read.data };
    return {
      problem: problemsOf(schema, read.error)
        .map(({ path, message }) => `${path} ${message}`)
        .join('; '),
    };
  } catch {
    return { problem: 'is not JSON' };
  }
}
