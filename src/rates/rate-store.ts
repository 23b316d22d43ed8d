/**
 * The rate sheet in the store: a versioned document with a copy on this host (see versioned-document.ts), compiled on each
 * node that follows it, with the sheet before it and the last changes.
 *
 * A new sheet is in force here once its change is acknowledged, and on every other node a second or two later. Until it is
 * compiled, and where a stored one is damaged, the one before stays in force. Calls keep the price that they went out with.
 */
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { Clock } from '../clock.ts';
import { messageOf, TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { formatProblem, problemsOf } from '../policy/problem.ts';
import type { Keys } from '../redis/keys.ts';
import { openVersionedDocument } from '../store/versioned-document.ts';
import { packRates, unpackRates } from './packed-rates.ts';
import type { RateRow, RateSheet } from './rate-sheet.ts';

const MOST_CHANGES = 100;

const keptSchema = z.strictObject({
  currency: z.string().regex(/^[A-Z]{3}$/),
  prefixes: z.int().nonnegative(),
  /** See packed-rates.ts. */
  packed: z.string(),
});
const changeSchema = z.strictObject({
  /** ISO 8601, UTC. */
  at: z.string(),
  by: z.string(),
  /** `import carrier.csv`, `undo`. */
  what: z.string(),
  currency: z.string(),
  prefixes: z.int(),
  added: z.int(),
  changed: z.int(),
  removed: z.int(),
});
const ratesSchema = z.strictObject({
  sheet: keptSchema.nullable(),
  before: keptSchema.nullable(),
  /** The last one first. */
  history: z.array(changeSchema).max(MOST_CHANGES),
});

export type RatesDocument = z.infer<typeof ratesSchema>;
export type RateChange = z.infer<typeof changeSchema>;

const NO_RATES: RatesDocument = { sheet: null, before: null, history: [] };

export interface RateCounts {
  readonly added: number;
  readonly changed: number;
  readonly removed: number;
  readonly unchanged: number;
}

export interface RateStore {
  /** The sheet in force on this node; undefined while there is none. */
  readonly sheet: () => RateSheet | undefined;
  readonly current: () => { readonly version: number; readonly document: RatesDocument };
  /** What another sheet would change of the one in force. */
  readonly compare: (rows: readonly RateRow[], currency: string) => RateCounts;
  /** Puts another sheet in the place of the one in force. @throws {TollgateError} `STORE_UNAVAILABLE`, `CONFLICT` */
  readonly replace: (
    next: { readonly rows: readonly RateRow[]; readonly currency: string; readonly what: string },
    by: string,
  ) => Promise<RateChange>;
  /** Goes back to the sheet before; once more, and it is undone. @throws {TollgateError} also `NOT_FOUND` */
  readonly undo: (by: string) => Promise<RateChange>;
  /** Brings back a whole document, of a backup. */
  readonly restore: (document: RatesDocument, by: string) => Promise<void>;
  readonly close: () => void;
}

/** A document as it is stored, checked for its form. */
export function readRates(value: unknown): RatesDocument | { readonly problem: string } {
  const read = ratesSchema.safeParse(value, { reportInput: true });
  return read.success ? read.data : { problem: problemsOf(ratesSchema, read.error).map(formatProblem).join('; ') };
}

export async function openRateStore(deps: {
  readonly redis: Redis;
  readonly keys: Pick<Keys, 'rates'>;
  readonly clock: Clock;
  readonly stateDir: string;
  readonly log: Log;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
}): Promise<RateStore> {
  const { clock, log } = deps;
  const kept = await openVersionedDocument<RatesDocument>({
    ...deps,
    key: deps.keys.rates,
    what: 'the rate sheet',
    copyPath: join(deps.stateDir, 'rates.json'),
    first: NO_RATES,
    read: readRates,
  });

  let sheet: RateSheet | undefined;
  let compiled = '';
  let compiling = Promise.resolve();
  const follow = (): Promise<void> => {
    compiling = compiling.then(async () => {
      const next = kept.current().document.sheet;
      const packed = next === null ? '' : `${next.currency} ${next.packed}`;
      if (packed === compiled) return;
      try {
        sheet = next === null ? undefined : await unpackRates(next.packed, next.currency);
        compiled = packed;
      } catch (error) {
        log.error({ problem: messageOf(error) }, 'the rate sheet cannot be used; the one before stays in force');
      }
    });
    return compiling;
  };
  kept.onChange(() => void follow());
  await follow();

  const compare = (rows: readonly RateRow[], currency: string, with_ = sheet): RateCounts => {
    let [added, changed, unchanged] = [0, 0, 0];
    for (const row of rows) {
      const before = with_?.at(row.prefix);
      if (before === undefined) added += 1;
      else if (isSame(before, row) && with_?.currency === currency) unchanged += 1;
      else changed += 1;
    }
    return { added, changed, removed: (with_?.size ?? 0) - changed - unchanged, unchanged };
  };

  const put = async (
    edit: (document: RatesDocument) => Pick<RatesDocument, 'sheet'>,
    change: Omit<RateChange, 'at' | 'by'>,
    by: string,
  ): Promise<RateChange> => {
    const entry: RateChange = { at: new Date(clock.now()).toISOString(), by, ...change };
    await kept.change((document) => {
      const history = [entry, ...document.history].slice(0, MOST_CHANGES);
      return { ...edit(document), before: document.sheet, history };
    }, by);
    await follow();
    return entry;
  };

  return {
    sheet: () => sheet,
    current: kept.current,
    compare,
    replace: async ({ rows, currency, what }, by) => {
      const { unchanged: _, ...counts } = compare(rows, currency);
      const next = { currency, prefixes: rows.length, packed: await packRates(rows) };
      return await put(() => ({ sheet: next }), { what, currency, prefixes: rows.length, ...counts }, by);
    },
    undo: async (by) => {
      const { before } = kept.current().document;
      if (before === null) throw new TollgateError('NOT_FOUND', 'there is no rate sheet to go back to');
      const next = await unpackRates(before.packed, before.currency);
      const { unchanged: _, ...counts } = compare([...next.rows()], before.currency);
      const { currency, prefixes } = before;
      return await put(({ before: now }) => ({ sheet: now }), { what: 'undo', currency, prefixes, ...counts }, by);
    },
    restore: async (document, by) => {
      await kept.change(() => document, by);
      await follow();
    },
    close: kept.close,
  };
}

const isSame = (one: Omit<RateRow, 'prefix'>, other: RateRow): boolean =>
  one.perMinuteMicros === other.perMinuteMicros &&
  one.connectionMicros === other.connectionMicros &&
  one.firstSeconds === other.firstSeconds &&
  one.nextSeconds === other.nextSeconds;
