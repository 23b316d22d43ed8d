/**
 * Row `script`: microseconds that the store spends in the script, by its own count (`commandstats` of EVALSHA), so that
 * neither Node nor the network is in the figure.
 *
 * Eight charges with two windows each, against a one-window prototype of eight keys, against one charge, and against a
 * call that the last of eight refuses. Each kind is run once in every round.
 */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { createScript, luaScript } from '../../src/redis/scripts.ts';
import { type Bound, type Figure, median, ratioOf, show } from './figure.ts';
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

const OUTSTANDING = 50;

/** What the script costs on average while `work` runs, in microseconds. */
export async function scriptMicros(admin: Redis, work: () => Promise<unknown>): Promise<number> {
  await admin.config('RESETSTAT');
  await work();
  const info = await admin.info('commandstats');
  const found = /cmdstat_evalsha:calls=\d+,usec=\d+,usec_per_call=([\d.]+)/.exec(info);
  return Number(found?.[1] ?? Number.NaN);
}

export async function measureScriptCost(
  store: Store,
  options: { readonly rounds: number; readonly decisions: number; readonly onRound: (round: number) => void },
): Promise<Figure[]> {
  const redis = new Redis(store.port);
  const limits = limitStoreOn(redis);
  const prototype = createScript(
    luaScript('prototype', readFileSync(new URL('./prototype.lua', import.meta.url), 'utf8')),
  );
  const eight = roomyRules(8);
  const one = roomyRules(1);
  const [empty] = rulesOf([{ id: 'empty', countPer: 'system', limits: ['1/1d', ROOMY[0]] }]);
  if (empty === undefined) throw new Error('one rule was compiled');
  const refusing = [...eight.slice(0, 7), empty];

  const take = (rules: typeof eight, expected: string) => async (n: number) => {
    const taken = await limits.take(newPayer(), chargesOf(rules, n), WITHIN_MS);
    if (taken.outcome !== expected) throw new Error(`a call was ${taken.outcome}, expected ${expected}`);
  };
  // 100,000 calls in a second, as the shorter window of Tollgate has.
  const prototypeArguments = Array.from({ length: 8 }, () => [10, 1_000_000]).flat();
  const names = (n: number): string[] =>
    chargesOf(eight, n).map(({ rule, subject }) => `{proto}:b:${rule.id}:${subject.kind.charAt(0)}${subject.id}`);
  const kinds = {
    eight: take(eight, 'taken'),
    prototype: (n: number) => prototype(redis, names(n), prototypeArguments),
    one: take(one, 'taken'),
    refused: take(refusing, 'refused'),
  };
  type Kind = keyof typeof kinds;
  const run = (kind: Kind, count: number) => drive(OUTSTANDING, (n) => (n < count ? kinds[kind](n) : undefined));

  const series: Record<Kind, number[]> = { eight: [], prototype: [], one: [], refused: [] };
  try {
    await store.admin.flushall('SYNC');
    await limits.take(newPayer(), chargesOf([empty], 0), WITHIN_MS);
    // Every bucket exists from here on, and every script is known.
    for (const kind of ['eight', 'prototype', 'one', 'refused'] as const) await run(kind, SUBJECTS);
    for (let round = 0; round < options.rounds; round += 1) {
      options.onRound(round);
      const order = Object.keys(kinds) as Kind[];
      for (const kind of round % 2 === 0 ? order : order.reverse()) {
        const count = options.decisions * (kind === 'one' ? 3 : 1);
        series[kind].push(await scriptMicros(store.admin, () => run(kind, count)));
      }
    }
  } finally {
    redis.disconnect();
  }

  const micros = (values: readonly number[]): string => `${show(median(values))} us`;
  const program = store.program.replace(/-server$/, '');
  const row = (name: string, own: Kind, other: Kind, words: string, bound: Bound): Figure => ({
    row: 'script',
    figure: `${program}: ${name}`,
    tollgate: micros(series[own]),
    against: `${words} ${micros(series[other])}`,
    ratio: ratioOf(series[own], series[other]),
    bound,
  });
  return [
    row('script, 8 charges of two windows', 'eight', 'prototype', 'prototype of 8 keys, one window', {
      most: 0.9,
      failsAbove: 1.3,
    }),
    row('script, 8 charges over 1', 'eight', 'one', '1 charge', { most: 4.5, failsAbove: 6 }),
    row('script, refused over admitted, 8 charges', 'refused', 'eight', 'admitted', { most: 0.6, failsAbove: 0.8 }),
  ];
}
