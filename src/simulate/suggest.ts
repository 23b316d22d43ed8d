/**
 * From the calls of the past, ceilings that would have refused nobody.
 *
 * For each role (the first group that an extension is in) what its extensions needed at most: calls in a minute, an hour
 * and a day, calls at once, and money or minutes abroad in a day; with head-room, rounded up. An extension that needs far
 * more than the others of its role is named and has ceilings of its own, so that it does not raise everyone's.
 *
 * The promise is kept by trying: what is suggested is replayed against the same calls, and raised until nothing is refused,
 * held or ended. History that holds fraud teaches fraud; look at the extensions that are named.
 */
import { type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { compilePolicy, type Policy } from '../policy/policy.ts';
import { costOf } from '../rates/price.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import type { CallHistory } from './call-history.ts';
import { simulate } from './simulation.ts';

/** What one extension needed at most, or a role has as its ceiling. */
export interface Needs {
  readonly perMinute: number;
  readonly perHour: number;
  readonly perDay: number;
  readonly atOnce: number;
  /** Units of the currency where there is a rate sheet, else minutes; 0 where nobody called abroad. */
  readonly abroadPerDay: number;
}

export interface Suggestion {
  /** `sales`, `everyone else`, or one extension. */
  readonly who: string;
  readonly extensions: readonly string[];
  readonly calls: number;
  /** The most that any of them needed. */
  readonly needed: Needs;
  readonly ceilings: Needs;
  readonly rules: readonly string[];
}

export interface Suggested {
  readonly suggestions: readonly Suggestion[];
  /** The document with the suggested rules in it, in place of those that were suggested before. */
  readonly document: PolicyDocument;
  readonly money: boolean;
}

const PREFIX = 'suggested-';
const EVERYONE_ELSE = 'everyone-else';
const ABROAD = ['international', 'premium', 'satellite', 'unknown'] as const;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Somebody who needs so many times what nine of ten need is looked at on his own. */
const OUTLIER = 3;
/** Fewer are no role that one could stand out of. */
const LEAST_OF_A_ROLE = 4;
const MOST_OUTLIERS = 50;
const TRIES = 8;

type Measure = keyof Needs;
const MEASURES = ['perMinute', 'perHour', 'perDay', 'atOnce', 'abroadPerDay'] as const satisfies readonly Measure[];
/** Below these nobody gains from a tighter ceiling, and a busy morning is refused. */
const LEAST: Needs = { perMinute: 5, perHour: 20, perDay: 50, atOnce: 2, abroadPerDay: 1 };

/** @param headRoom how many times what was needed: 1.5 is half as much again */
export async function suggestCeilings(options: {
  readonly history: CallHistory;
  readonly document: PolicyDocument;
  readonly rates: RateSheet | undefined;
  readonly headRoom: number;
  /** As of `simulate`, in each try. */
  readonly onBatch?: (done: number) => void;
}): Promise<Suggested> {
  const { history, document, rates, headRoom } = options;
  const policy = compilePolicy(document);
  const byExtension = needsOf(history, policy, rates);
  const roles = rolesOf(byExtension, policy);
  const room = new Map<string, number>();
  for (let attempt = 0; ; attempt += 1) {
    const made = roles.map((role) => suggestionOf(role, byExtension, (id) => headRoom * (room.get(id) ?? 1)));
    const suggested = documentWith(document, made, rates !== undefined);
    const hit = await rulesThatAct({ history, rates, onBatch: options.onBatch }, suggested);
    if (hit.size === 0 || attempt === TRIES)
      return {
        suggestions: made.map(({ rules: _, ...each }) => ({ ...each, rules: idsOf(each) })),
        document: suggested,
        money: rates !== undefined,
      };
    for (const id of hit) room.set(id, (room.get(id) ?? 1) * 1.3);
  }
}

interface Used extends Needs {
  readonly calls: number;
}

function needsOf(history: CallHistory, policy: Policy, rates: RateSheet | undefined): ReadonlyMap<string, Used> {
  interface Seen {
    readonly starts: number[];
    readonly ends: number[];
    readonly abroadAt: number[];
    readonly abroad: number[];
  }
  const seen = new Map<string, Seen>();
  for (let at = 0; at < history.tries; at += 1) {
    const one = history.at(at);
    if (one.extension === undefined) continue;
    let own = seen.get(one.extension);
    if (own === undefined) {
      own = { starts: [], ends: [], abroadAt: [], abroad: [] };
      seen.set(one.extension, own);
    }
    const destination = policy.readDestination(one.dialled);
    if (destination.isEmergency || destination.classes.has('internal')) continue;
    own.starts.push(one.startMs);
    own.ends.push(one.startMs + one.durationMs);
    if (one.talkMs <= 0 || !ABROAD.some((name) => destination.classes.has(name))) continue;
    own.abroadAt.push(one.startMs);
    own.abroad.push(
      rates === undefined ? one.talkMs / MINUTE_MS : costOf(rates.priceOf(destination).price, one.talkMs) / 1e6,
    );
  }
  return new Map(
    [...seen].map(([extension, { starts, ends, abroadAt, abroad }]) => [
      extension,
      {
        calls: starts.length,
        perMinute: most(starts, MINUTE_MS),
        perHour: most(starts, HOUR_MS),
        perDay: most(starts, DAY_MS),
        atOnce: mostAtOnce(starts, ends),
        abroadPerDay: most(abroadAt, DAY_MS, abroad),
      },
    ]),
  );
}

/** The largest sum within any window of so long; times in order. */
function most(times: readonly number[], windowMs: number, amounts?: readonly number[]): number {
  let [largest, sum, first] = [0, 0, 0];
  for (const [at, time] of times.entries()) {
    sum += amounts?.[at] ?? 1;
    while ((times[first] ?? 0) <= time - windowMs) {
      sum -= amounts?.[first] ?? 1;
      first += 1;
    }
    largest = Math.max(largest, sum);
  }
  return largest;
}

function mostAtOnce(starts: readonly number[], ends: readonly number[]): number {
  const ending = ends.toSorted((one, other) => one - other);
  let [largest, over] = [0, 0];
  for (const [at, start] of starts.entries()) {
    while ((ending[over] ?? Number.POSITIVE_INFINITY) <= start) over += 1;
    largest = Math.max(largest, at + 1 - over);
  }
  return largest;
}

interface Role {
  readonly who: string;
  readonly extensions: readonly string[];
}

function rolesOf(byExtension: ReadonlyMap<string, Used>, policy: Policy): Role[] {
  const members = new Map<string, string[]>();
  for (const extension of byExtension.keys()) {
    const role = policy.groupsOf(extension)[0] ?? EVERYONE_ELSE;
    members.set(role, [...(members.get(role) ?? []), extension]);
  }
  return [...members].flatMap(([who, extensions]) => {
    const alone = standingOut(extensions, byExtension);
    const rest = extensions.filter((extension) => !alone.has(extension));
    return [
      { who, extensions: rest.toSorted() },
      ...[...alone].map((extension): Role => ({ who: extension, extensions: [extension] })),
    ].filter((role) => role.extensions.length > 0);
  });
}

function standingOut(extensions: readonly string[], byExtension: ReadonlyMap<string, Used>): Set<string> {
  const found = new Set<string>();
  if (extensions.length < LEAST_OF_A_ROLE) return found;
  for (const measure of MEASURES) {
    const usedBy = (extension: string): number => byExtension.get(extension)?.[measure] ?? 0;
    const sorted = extensions.map(usedBy).toSorted((one, other) => one - other);
    const usual = Math.max(LEAST[measure], sorted[Math.floor((sorted.length - 1) * 0.9)] ?? 0);
    for (const extension of extensions) {
      if (usedBy(extension) > OUTLIER * usual && found.size < MOST_OUTLIERS) found.add(extension);
    }
  }
  return found;
}

function suggestionOf(
  role: Role,
  byExtension: ReadonlyMap<string, Used>,
  roomOf: (rule: string) => number,
): Suggestion {
  const used = role.extensions.flatMap((extension) => byExtension.get(extension) ?? []);
  const highest = (measure: Measure): number => Math.max(...used.map((each) => each[measure]));
  const needed = Object.fromEntries(
    MEASURES.map((measure) => [measure, rounded(highest(measure))]),
  ) as unknown as Needs;
  const [calls, abroad] = idsOf({ ...role, needed });
  const ceiling = (measure: Measure): number => {
    const rule = measure === 'abroadPerDay' ? (abroad ?? '') : (calls ?? '');
    return niceUp(Math.max(LEAST[measure], highest(measure) * roomOf(rule)));
  };
  const ceilings: Needs = {
    perMinute: ceiling('perMinute'),
    perHour: ceiling('perHour'),
    perDay: ceiling('perDay'),
    // Twice as many calls at once is another way of working, not head-room.
    atOnce: Math.max(LEAST.atOnce, Math.ceil(highest('atOnce') * Math.max(1, roomOf(calls ?? '') / 1.3))),
    abroadPerDay: needed.abroadPerDay === 0 ? 0 : ceiling('abroadPerDay'),
  };
  return { ...role, calls: used.reduce((sum, each) => sum + each.calls, 0), needed, ceilings, rules: [] };
}

const rounded = (value: number): number => Math.ceil(value * 100) / 100;

/** 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 and their tens: figures that people would choose. */
function niceUp(value: number): number {
  const steps = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  const scale = 10 ** Math.floor(Math.log10(value));
  const step = steps.find((each) => each * scale >= value - 1e-9) ?? 10;
  const nice = step * scale;
  return nice >= 10 ? Math.round(nice) : Math.round(nice * 100) / 100;
}

function idsOf({ who, needed }: Pick<Suggestion, 'who' | 'needed'>): readonly [calls: string, ...abroad: string[]] {
  const id = `${PREFIX}${who.replaceAll(/[^A-Za-z0-9._-]/g, '-').slice(0, 40)}`;
  return needed.abroadPerDay === 0 ? [id] : [id, `${id}-abroad`];
}

function documentWith(document: PolicyDocument, suggestions: readonly Suggestion[], money: boolean): PolicyDocument {
  const rules = suggestions.flatMap((each) => {
    const { who, extensions, ceilings } = each;
    const [calls, abroad] = idsOf(each);
    const scope = { extensions: asRanges(extensions) };
    const budget = `${ceilings.abroadPerDay}/1d`;
    return [
      {
        id: calls,
        name: `Calls of ${who}, as history suggests`,
        appliesTo: scope,
        limits: [
          `${Math.ceil(ceilings.perMinute)}/1m`,
          `${Math.ceil(ceilings.perHour)}/1h`,
          `${Math.ceil(ceilings.perDay)}/1d`,
        ],
        concurrent: ceilings.atOnce,
      },
      ...(abroad === undefined
        ? []
        : [
            {
              id: abroad,
              name: `${money ? 'Money' : 'Minutes'} abroad of ${who}, as history suggests`,
              appliesTo: { ...scope, destinations: [...ABROAD] },
              ...(money ? { spend: { hard: budget } } : { minutes: { hard: budget } }),
            },
          ]),
    ];
  });
  const read = readPolicyDocument({
    ...document,
    rules: [...document.rules.filter(({ id }) => !id.startsWith(PREFIX)), ...rules],
  });
  if ('problems' in read) throw new Error(`a suggestion is no policy: ${JSON.stringify(read.problems)}`);
  return read.document;
}

/** `1001`, `1002`, `1003` → `1001-1003`. */
function asRanges(extensions: readonly string[]): string[] {
  const ranges: { first: string; last: string }[] = [];
  for (const extension of extensions) {
    const previous = ranges.at(-1);
    const follows =
      previous !== undefined &&
      /^\d{1,15}$/.test(extension) &&
      extension.length === previous.last.length &&
      Number(extension) === Number(previous.last) + 1;
    if (previous !== undefined && follows) previous.last = extension;
    else ranges.push({ first: extension, last: extension });
  }
  return ranges.map(({ first, last }) => (first === last ? first : `${first}-${last}`));
}

/** Rules among those suggested that would have refused, held or ended a call. */
async function rulesThatAct(
  replay: {
    readonly history: CallHistory;
    readonly rates: RateSheet | undefined;
    readonly onBatch: ((done: number) => void) | undefined;
  },
  document: PolicyDocument,
): Promise<ReadonlySet<string>> {
  const { history, rates, onBatch } = replay;
  const alone = { ...document, rules: document.rules.filter(({ id }) => id.startsWith(PREFIX)) };
  const acted = new Set<string>();
  const policy = compilePolicy(alone);
  const simulated = await simulate({ policy, history, rates, held: 'refuse', ...(onBatch && { onBatch }) });
  for (let call = 0; call < history.calls; call += 1) {
    const { verdict, rule, cut } = simulated.fateOf(call);
    if (cut?.rule !== undefined) acted.add(cut.rule);
    if (rule !== undefined && (verdict === 'block' || verdict === 'hold')) acted.add(rule);
  }
  return acted;
}
