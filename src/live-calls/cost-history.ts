/**
 * What calls that are over came to, by day, and in each day by extension, group, trunk and country.
 *
 * In the store for a quarter, a hash for each day and kind, of so many names at most; what all daemons of a tenant count
 * comes together there. Nothing waits for it: sums are collected, bounded, and written once a second, each once; while the
 * store is away they stay here. A day is one of the policy's time zone.
 */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Keys } from '../redis/keys.ts';
import { createScript } from '../redis/scripts.ts';

export const COST_KINDS = ['total', 'extension', 'group', 'trunk', 'country'] as const;
export type CostKind = (typeof COST_KINDS)[number];

/** One call that is over. */
export interface EndedCost {
  /** `2026-11-21`, in the policy's time zone. */
  readonly day: string;
  /** Under which names it counts; a call of two groups counts in both. */
  readonly names: Readonly<Record<Exclude<CostKind, 'total'>, readonly string[]>>;
  readonly talkSeconds: number;
  readonly micros: number;
  /** Undefined where there is no rate sheet. */
  readonly currency: string | undefined;
}

export interface CostSum {
  readonly calls: number;
  readonly talkSeconds: number;
  /** In millionths, by currency. */
  readonly micros: ReadonlyMap<string, number>;
}

export interface CostHistory {
  /** Never waits and never fails. */
  readonly note: (ended: EndedCost) => void;
  /** Of one kind, by name, for each of these days. @throws {TollgateError} of the store */
  readonly read: (kind: CostKind, days: readonly string[]) => Promise<readonly ReadonlyMap<string, CostSum>[]>;
  /** Writes what is left. */
  readonly close: () => Promise<void>;
}

/** A quarter. */
export const COST_DAYS = 92;
/** The name of what was beyond the most names of a day. */
export const OTHER_NAMES = '*';
const KEPT_SECONDS = (COST_DAYS + 1) * 86_400;
const MOST_NAMES = 5000;
const MOST_WAITING = 20_000;
const BATCH = 300;
const WRITE_EVERY_MS = 1000;
const DAYS_AT_ONCE = 4;
const LONGEST_NAME = 80;

const countCosts = createScript('count-costs');

interface Sum {
  readonly key: string;
  readonly name: string;
  readonly currency: string;
  calls: number;
  seconds: number;
  micros: number;
}

export function createCostHistory(deps: {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly log: Log;
}): CostHistory {
  const { redis, keys, log } = deps;
  const keyOf = (day: string, kind: CostKind): string => keys.costs(`${day}:${kind}`);
  const waiting = new Map<string, Sum>();
  /** A batch whose answer was lost keeps its id, so that sending it again adds nothing twice. */
  let unwritten: { readonly id: string; readonly sums: readonly Sum[] } | undefined;
  let writing: Promise<void> | undefined;
  let isFailing = false;

  const add = (key: string, name: string, { talkSeconds, micros, currency = '' }: EndedCost): void => {
    const place = `${key}\n${name}\n${currency}`;
    let sum = waiting.get(place);
    if (sum === undefined) {
      if (waiting.size >= MOST_WAITING) return;
      sum = { key, name, currency, calls: 0, seconds: 0, micros: 0 };
      waiting.set(place, sum);
    }
    sum.calls += 1;
    sum.seconds += talkSeconds;
    sum.micros += micros;
  };

  const write = async (): Promise<void> => {
    while (unwritten !== undefined || waiting.size > 0) {
      if (unwritten === undefined) {
        const some = [...waiting].slice(0, BATCH);
        for (const [place] of some) waiting.delete(place);
        unwritten = { id: randomBytes(9).toString('base64url'), sums: some.map(([, sum]) => sum) };
      }
      const { id, sums } = unwritten;
      const hashes = [...new Set(sums.map(({ key }) => key))];
      await countCosts(
        redis,
        [keys.journalBatch(id), ...hashes],
        [
          KEPT_SECONDS,
          MOST_NAMES,
          ...sums.flatMap(({ key, name, calls, seconds, currency, micros }) => [
            ...[hashes.indexOf(key) + 1, name, calls, seconds, currency, micros],
          ]),
        ],
      );
      unwritten = undefined;
    }
  };
  const writeSoon = (): Promise<void> => {
    writing ??= write()
      .then(
        () => {
          isFailing = false;
        },
        (error: unknown) => {
          if (!isFailing) log.warn({ problem: messageOf(error) }, 'what calls cost could not be written; trying again');
          isFailing = true;
        },
      )
      .finally(() => {
        writing = undefined;
      });
    return writing;
  };
  const timer = setInterval(() => void writeSoon(), WRITE_EVERY_MS);
  timer.unref();

  return {
    note: (ended) => {
      add(keyOf(ended.day, 'total'), '', ended);
      for (const kind of ['extension', 'group', 'trunk', 'country'] as const)
        for (const name of ended.names[kind]) add(keyOf(ended.day, kind), name.slice(0, LONGEST_NAME), ended);
    },
    read: async (kind, days) => {
      const read: ReadonlyMap<string, CostSum>[] = [];
      for (let at = 0; at < days.length; at += DAYS_AT_ONCE) {
        const pipeline = redis.pipeline();
        for (const day of days.slice(at, at + DAYS_AT_ONCE)) pipeline.hgetall(keyOf(day, kind));
        for (const [error, fields] of (await pipeline.exec()) ?? []) {
          if (error !== null) throw error;
          read.push(readSums(fields));
        }
      }
      return read;
    },
    close: async () => {
      clearInterval(timer);
      await writing;
      await writeSoon();
    },
  };
}

function readSums(fields: unknown): ReadonlyMap<string, CostSum> {
  const sums = new Map<string, { calls: number; talkSeconds: number; micros: Map<string, number> }>();
  for (const [field, value] of Object.entries(fields ?? {})) {
    const end = field.lastIndexOf('|');
    const [name, what] = [field.slice(0, end), field.slice(end + 1)];
    const sum = sums.get(name) ?? { calls: 0, talkSeconds: 0, micros: new Map<string, number>() };
    sums.set(name, sum);
    if (what === 'n') sum.calls = Number(value);
    else if (what === 's') sum.talkSeconds = Number(value);
    else sum.micros.set(what, Number(value));
  }
  return sums;
}

let formatter: { readonly zone: string; readonly format: Intl.DateTimeFormat } | undefined;

/** `2026-11-21` where the policy is at home. */
export function dayOf(at: number, zone: string): string {
  // Making one takes a hundred times as long as using it.
  if (formatter?.zone !== zone)
    formatter = {
      zone,
      format: new Intl.DateTimeFormat('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }),
    };
  return formatter.format.format(at);
}

/** The last so many days, today last. */
export function lastDays(now: number, zone: string, count: number): readonly string[] {
  const [year = 0, month = 1, day = 1] = dayOf(now, zone).split('-').map(Number);
  return Array.from({ length: count }, (_, at) =>
    new Date(Date.UTC(year, month - 1, day - (count - 1 - at))).toISOString().slice(0, 10),
  );
}
