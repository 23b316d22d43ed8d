/**
 * The file of a backup: JSON lines. The first says in which format and by whom it was written, the last how many lines come
 * before it and what their SHA-256 is; in between each line is one value of one part, part after part.
 *
 * Guarantees that nothing of a file is used before all of it was read and its checksum found right, and that a file of a
 * newer format is refused. Refuses to know what the parts are.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { z } from 'zod';
import { TollgateError } from '../errors.ts';

/** Raised when a daemon of this release could not understand what an older one reads. */
export const BACKUP_FORMAT = 1;

const headerSchema = z.object({
  kind: z.literal('tollgate-backup'),
  format: z.int().min(1),
  /** Version of the program that wrote it. */
  version: z.string(),
  node: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
});
export type BackupHeader = Readonly<Omit<z.infer<typeof headerSchema>, 'kind' | 'format'>>;

const endSchema = z.object({ kind: z.literal('end'), lines: z.int(), sha256: z.string() });
const lineSchema = z.object({ kind: z.string(), value: z.unknown() });

export interface PartValue {
  readonly kind: string;
  readonly value: unknown;
}

/** A backup that was read from its first line to its last and found whole. */
export interface ReadBackup {
  readonly header: BackupHeader;
  /** How many values there are of each part. */
  readonly counts: ReadonlyMap<string, number>;
  readonly values: (kind: string) => AsyncGenerator<unknown>;
}

const CHUNK_CHARACTERS = 65_536;
/** A policy is one line, and has at most a few megabytes. */
const LONGEST_LINE_BYTES = 64 * 1024 * 1024;
const NEW_LINE = 10;

/** The text of a backup, in pieces. @param values those of one part together */
export async function* backupText(header: BackupHeader, values: AsyncIterable<PartValue>): AsyncGenerator<string> {
  const hash = createHash('sha256');
  let lines = 1;
  let piece = line({ kind: 'tollgate-backup', format: BACKUP_FORMAT, ...header });
  for await (const { kind, value } of values) {
    piece += line({ kind, value });
    lines += 1;
    if (piece.length < CHUNK_CHARACTERS) continue;
    hash.update(piece);
    yield piece;
    piece = '';
  }
  hash.update(piece);
  yield piece + line({ kind: 'end', lines, sha256: hash.digest('hex') });
}

const line = (value: object): string => `${JSON.stringify(value)}\n`;

/**
 * Reads a backup to its end into a file of this host, from which it can then be used.
 * @throws {TollgateError} `INVALID_REQUEST` with a sentence that says what is wrong with it
 */
export async function receiveBackup(source: AsyncIterable<Uint8Array>, path: string): Promise<ReadBackup> {
  const hash = createHash('sha256');
  const ranges = new Map<string, { readonly start: number; end: number; count: number }>();
  let header: BackupHeader | undefined;
  let last: string | undefined;
  let isWhole = false;
  let lines = 0;
  let offset = 0;

  const take = (bytes: Buffer): void => {
    if (isWhole) throw unusable('something follows after its end');
    if (bytes.at(-1) !== NEW_LINE) throw unusable('its end is missing');
    const start = offset;
    offset += bytes.length;
    const value = parseLine(bytes);
    const end = endSchema.safeParse(value);
    if (end.success) {
      if (end.data.lines !== lines) throw unusable(`it has ${lines} lines and says that it has ${end.data.lines}`);
      if (end.data.sha256 !== hash.digest('hex'))
        throw unusable('its checksum does not fit: it was damaged or changed');
      isWhole = true;
      return;
    }
    hash.update(bytes);
    lines += 1;
    if (header === undefined) {
      header = readHeader(value);
      return;
    }
    const { kind } = lineSchema.parse(value);
    const known = ranges.get(kind);
    if (known !== undefined && kind !== last) throw unusable(`the part ${kind} is in two places`);
    if (known === undefined) ranges.set(kind, { start, end: offset, count: 1 });
    else [known.end, known.count] = [offset, known.count + 1];
    last = kind;
  };

  const file = await open(path, 'w', 0o600);
  try {
    for await (const bytes of linesOf(source)) {
      await file.write(bytes);
      take(bytes);
    }
  } catch (error) {
    if (error instanceof z.ZodError || error instanceof SyntaxError) throw unusable(`line ${lines + 1} is damaged`);
    throw error;
  } finally {
    await file.close();
  }
  if (header === undefined) throw unusable('it is empty');
  if (!isWhole) throw unusable('its end is missing');
  return {
    header,
    counts: new Map([...ranges].map(([kind, { count }]) => [kind, count])),
    values: async function* (kind) {
      const range = ranges.get(kind);
      if (range === undefined) return;
      const input = createReadStream(path, { start: range.start, end: range.end - 1 });
      for await (const bytes of linesOf(input)) yield lineSchema.parse(parseLine(bytes)).value;
    },
  };
}

/**
 * Each line with its end; what follows the last one comes as it is. By bytes, for `readline` also ends lines where a text
 * has U+2028, which JSON does not escape.
 */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let to = rest.indexOf(NEW_LINE); to >= 0; to = rest.indexOf(NEW_LINE, from)) {
      yield rest.subarray(from, to + 1);
      from = to + 1;
    }
    rest = rest.subarray(from);
    if (rest.length > LONGEST_LINE_BYTES) throw unusable('it has a line that is too long');
  }
  if (rest.length > 0) yield rest;
}

function parseLine(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString('utf8'));
}

function readHeader(value: unknown): BackupHeader {
  const read = headerSchema.safeParse(value);
  if (!read.success) throw unusable('it does not begin as a backup of Tollgate does');
  const { format, version, node, at } = read.data;
  if (format > BACKUP_FORMAT)
    throw unusable(
      `Tollgate ${version} wrote it in format ${format}, and this one reads up to ${BACKUP_FORMAT}: upgrade first`,
    );
  return { version, node, at };
}

const unusable = (why: string): TollgateError =>
  new TollgateError('INVALID_REQUEST', `the backup cannot be used, and nothing was changed: ${why}`);
