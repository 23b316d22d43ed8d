/**
 * Row `aof`: bytes that a decision adds to the append-only file, read from the file itself, and whose bytes they are.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { type Figure, show } from './figure.ts';
import type { Store } from './processes.ts';
import {
  chargesOf,
  drive,
  limitStoreOn,
  newPayer,
  ROOMY,
  roomyRules,
  rulesOf,
  SUBJECTS,
  WITHIN_MS,
} from './subjects.ts';

const DECISIONS = 2000;

/** Everything appended so far. */
function appended(store: Store): Buffer {
  const folder = join(store.folder, 'appendonlydir');
  const name = readdirSync(folder).find((each) => each.endsWith('.incr.aof'));
  return name === undefined ? Buffer.alloc(0) : readFileSync(join(folder, name));
}

/** Bytes by what they are for. The file holds commands as clients send them. */
function bytesByPart(log: Buffer): { readonly buckets: number; readonly record: number; readonly frame: number } {
  const parts = { buckets: 0, record: 0, frame: 0 };
  const text = log.toString('latin1');
  let at = 0;
  while (at < text.length) {
    const start = at;
    const number = (): number => {
      const end = text.indexOf('\r\n', at);
      const value = Number(text.slice(at + 1, end));
      at = end + 2;
      return value;
    };
    const words: string[] = [];
    for (let left = number(); left > 0; left -= 1) {
      const length = number();
      words.push(text.slice(at, at + length));
      at += length + 2;
    }
    const key = words[1] ?? '';
    parts[key.includes(':b:') ? 'buckets' : key.includes(':c:') ? 'record' : 'frame'] += at - start;
  }
  return parts;
}

export async function measureAppendOnlyFile(store: Store): Promise<Figure[]> {
  const redis = new Redis(store.port);
  const limits = limitStoreOn(redis);
  try {
    const eight = roomyRules(8);
    const [empty] = rulesOf([{ id: 'empty', countPer: 'system', limits: ['1/1d', ROOMY[0]] }]);
    if (empty === undefined) throw new Error('one rule was compiled');
    const take = (rules: typeof eight, count: number, expected: string) =>
      drive(50, (n) =>
        n < count
          ? limits.take(newPayer(), chargesOf(rules, n), WITHIN_MS).then(({ outcome }) => {
              if (outcome !== expected) throw new Error(`a call was ${outcome}, expected ${expected}`);
            })
          : undefined,
      );
    await take(eight, SUBJECTS, 'taken');
    await take([empty], 1, 'taken');

    const measure = async (rules: typeof eight, expected: string) => {
      const before = appended(store).length;
      await take(rules, DECISIONS, expected);
      const log = appended(store).subarray(before);
      const { buckets, record, frame } = bytesByPart(log);
      return {
        all: log.length / DECISIONS,
        buckets: buckets / DECISIONS,
        record: record / DECISIONS,
        frame: frame / DECISIONS,
      };
    };
    const admitted = await measure(eight, 'taken');
    const refused = await measure([...eight.slice(0, 7), empty], 'refused');
    return [
      {
        row: 'aof',
        figure: 'AOF bytes per admitted decision, 8 charges',
        tollgate: `${show(admitted.all)} B`,
        against: `prototype 541 B; here buckets ${show(admitted.buckets)}, record of the call ${show(admitted.record)}, transaction ${show(admitted.frame)}`,
        ratio: undefined,
        value: admitted.all,
        bound: { most: 700, failsAbove: 1000 },
      },
      {
        row: 'aof',
        figure: 'AOF bytes per refused decision',
        tollgate: `${show(refused.all)} B`,
        against: 'prototype 0 B',
        ratio: undefined,
        value: refused.all,
        bound: { most: 0, failsAbove: 0 },
      },
    ];
  } finally {
    redis.disconnect();
  }
}
