/**
 * Published patterns of toll fraud, as calls of a site whose telephone system somebody else has the use of.
 *
 * An attack is what its thief would place if nobody stopped him: a list of calls, each with what it would last. It is
 * written down without looking at any policy. How each pattern is told apart from honest traffic is nobody's business here.
 */
import { DAY_MS, FIRST_DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, type TrafficCall } from './call.ts';
import { createRandom, type Random } from './random.ts';
import { fill, nationalNumber, type Site } from './sites.ts';

export const ATTACKS = {
  'weekend-pump': 'one stolen extension, eight calls at once to three revenue-share ranges, Saturday to Monday',
  'spread-over-50': 'up to fifty stolen extensions, one call each at a time, for a day of the weekend',
  'slow-and-low': 'one call after another at night, two an hour, for four weeks',
  'test-calls-first':
    'a short call to each of twelve countries on Thursday, and twenty at once to the best on Saturday',
  'sequential-numbers': 'six calls at once over the numbers of one range, one after another',
  'cheap-country-drift': 'begins where the site calls anyway, and moves to dearer places day by day',
  'call-forwarding': 'an extension is forwarded abroad, and called from outside for three nights',
  wangiri: 'half of the people call back a missed call from the Pacific',
  'working-hours': 'two calls at once among the owner’s own, in office hours, for three weeks',
  'dialler-burst': 'ten calls a second for ten minutes, national and Caribbean numbers mixed',
  harassment: 'one national number is called without a pause for eight hours',
} as const satisfies Readonly<Record<string, string>>;
export type AttackName = keyof typeof ATTACKS;
export const ATTACK_NAMES = Object.keys(ATTACKS) as readonly AttackName[];

type Draft = Omit<TrafficCall, 'attack'>;
type Maker = (site: Site, random: Random) => Draft[];

/** In the second week: the weeks before are the site's own. */
const THURSDAY_MS = FIRST_DAY_MS + 10 * DAY_MS;
const SATURDAY_MS = FIRST_DAY_MS + 12 * DAY_MS;
const MONDAY_MS = FIRST_DAY_MS + 7 * DAY_MS;

/** Ranges that were called in published cases, and what a number of theirs is long. */
const REVENUE_SHARE = ['0113718', '011252', '01153', '011960', '011216', '011224', '011387', '011355'] as const;

/** So many lines that dial again as soon as a call is over. */
function pump(options: {
  readonly extensionOf: (line: number) => string;
  readonly lines: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly dial: (at: number) => string;
  readonly talkSeconds: () => number;
  readonly pauseSeconds?: () => number;
  readonly answered?: number;
  readonly forwarded?: boolean;
  readonly random: Random;
}): Draft[] {
  const { random, untilMs } = options;
  const calls: Draft[] = [];
  let dialled = 0;
  for (let line = 0; line < options.lines; line += 1) {
    let atMs = options.fromMs + random.below(120) * SECOND_MS;
    while (atMs < untilMs) {
      const isAnswered = random.chance(options.answered ?? 0.9);
      const talkSeconds = isAnswered ? Math.max(1, Math.round(options.talkSeconds())) : 0;
      const ringSeconds = 1 + random.below(3);
      calls.push({
        startMs: atMs,
        extension: options.extensionOf(line),
        dialled: options.dial(dialled++),
        ringSeconds,
        talkSeconds,
        disposition: isAnswered ? 'ANSWERED' : 'NO ANSWER',
        ...(options.forwarded && { forwarded: true }),
      });
      atMs += (ringSeconds + talkSeconds + Math.round(options.pauseSeconds?.() ?? 2)) * SECOND_MS;
    }
  }
  return calls;
}

/** One extension of those who sit at a desk, not always the same. */
const victimOf = (site: Site, random: Random): string => random.pick(site.extensions as [string, ...string[]]);

const MAKERS: Readonly<Record<AttackName, Maker>> = {
  'weekend-pump': (site, random) => {
    const victim = victimOf(site, random);
    const ranges = REVENUE_SHARE.slice(0, 3) as unknown as [string, ...string[]];
    return pump({
      extensionOf: () => victim,
      lines: 8,
      fromMs: SATURDAY_MS + 30 * MINUTE_MS,
      untilMs: SATURDAY_MS + 2 * DAY_MS + 6 * HOUR_MS,
      dial: () => fill(random.pick(ranges), 14, random),
      talkSeconds: () => random.between(8, 28) * 60,
      random,
    });
  },
  'spread-over-50': (site, random) => {
    const victims = site.extensions.slice(0, 50);
    return pump({
      extensionOf: (line) => victims[line] ?? '',
      lines: victims.length,
      fromMs: SATURDAY_MS + 2 * HOUR_MS,
      untilMs: SATURDAY_MS + 26 * HOUR_MS,
      dial: () => fill(random.pick(REVENUE_SHARE), 14, random),
      talkSeconds: () => random.between(5, 20) * 60,
      pauseSeconds: () => random.between(60, 1200),
      random,
    });
  },
  'slow-and-low': (site, random) => {
    const victim = victimOf(site, random);
    return Array.from({ length: 28 }, (_, night) =>
      pump({
        extensionOf: () => victim,
        lines: 1,
        fromMs: FIRST_DAY_MS + night * DAY_MS + 21 * HOUR_MS,
        untilMs: FIRST_DAY_MS + night * DAY_MS + 30 * HOUR_MS,
        dial: () => fill(random.pick(REVENUE_SHARE), 14, random),
        talkSeconds: () => random.between(10, 25) * 60,
        pauseSeconds: () => random.between(600, 1500),
        random,
      }),
    ).flat();
  },
  'test-calls-first': (site, random) => {
    const victim = victimOf(site, random);
    const places = [...REVENUE_SHARE, '011676', '011881', '01194', '011263'] as const;
    const tests = places.map((place, at): Draft => {
      const startMs = THURSDAY_MS + 22 * HOUR_MS + at * 3 * MINUTE_MS;
      const answer = { ringSeconds: 3, talkSeconds: 5 + random.below(15), disposition: 'ANSWERED' } as const;
      return { startMs, extension: victim, dialled: fill(place, 14, random), ...answer };
    });
    const main = pump({
      extensionOf: () => victim,
      lines: 20,
      fromMs: SATURDAY_MS + 3 * HOUR_MS,
      untilMs: SATURDAY_MS + 15 * HOUR_MS,
      dial: () => fill(random.pick(['011676', '011252', '01153']), 14, random),
      talkSeconds: () => random.between(10, 40) * 60,
      random,
    });
    return [...tests, ...main];
  },
  'sequential-numbers': (site, random) => {
    const victim = victimOf(site, random);
    const first = 37_190_000_100;
    return pump({
      extensionOf: () => victim,
      lines: 6,
      fromMs: SATURDAY_MS + HOUR_MS,
      untilMs: SATURDAY_MS + 21 * HOUR_MS,
      dial: (at) => `011${first + at}`,
      talkSeconds: () => random.between(2, 6) * 60,
      answered: 0.97,
      random,
    });
  },
  'cheap-country-drift': (site, random) => {
    const victim = victimOf(site, random);
    const days = [
      ['1416', '01144207'],
      ['0114930', '01152559'],
      ['0114479', '01152559', '0114917'],
      ['011393', '011436', '011234'],
      ['011355', '011387', '011375'],
      ['0113718', '01153', '011676'],
      ['0113718', '01153', '011676'],
    ] as const;
    return days.flatMap((places, day) =>
      pump({
        extensionOf: () => victim,
        lines: day < 3 ? 2 : 4,
        fromMs: MONDAY_MS + day * DAY_MS + 20 * HOUR_MS,
        untilMs: MONDAY_MS + day * DAY_MS + 30 * HOUR_MS,
        dial: () => {
          const place = random.pick(places as readonly [string, ...string[]]);
          return fill(place, place.startsWith('1') ? 11 : 15, random);
        },
        talkSeconds: () => random.between(4, 14) * 60,
        random,
      }),
    );
  },
  'call-forwarding': (site, random) => {
    const victim = victimOf(site, random);
    return [0, 1, 2].flatMap((night) =>
      pump({
        extensionOf: () => victim,
        lines: 6,
        fromMs: MONDAY_MS + night * DAY_MS + 22 * HOUR_MS,
        untilMs: MONDAY_MS + night * DAY_MS + 29 * HOUR_MS,
        dial: () => '01153501234567',
        talkSeconds: () => random.between(5, 30) * 60,
        forwarded: true,
        random,
      }),
    );
  },
  wangiri: (site, random) =>
    site.extensions
      .filter(() => random.chance(0.5))
      .slice(0, 60)
      .flatMap((extension) =>
        Array.from({ length: 1 + random.below(2) }, (): Draft => {
          const startMs =
            MONDAY_MS + random.below(2) * DAY_MS + (9 + random.below(8)) * HOUR_MS + random.below(3_600) * SECOND_MS;
          const dialled = fill(random.pick(['011676', '011677', '011674']), 12, random);
          // A recording that sounds as if somebody were about to answer.
          const talkSeconds = 60 + random.below(480);
          return { startMs, extension, dialled, ringSeconds: 4, talkSeconds, disposition: 'ANSWERED' };
        }),
      ),
  'working-hours': (site, random) => {
    const victim = victimOf(site, random);
    return [0, 1, 2]
      .flatMap((week) => [0, 1, 2, 3, 4].map((day) => 7 * week + day))
      .flatMap((day) =>
        pump({
          extensionOf: () => victim,
          lines: 2,
          fromMs: MONDAY_MS + day * DAY_MS + 9 * HOUR_MS,
          untilMs: MONDAY_MS + day * DAY_MS + 17 * HOUR_MS,
          dial: () => fill(random.pick(['01144791', '0115255', '011387', '011216', '011994']), 14, random),
          talkSeconds: () => random.between(3, 12) * 60,
          pauseSeconds: () => random.between(30, 300),
          random,
        }),
      );
  },
  'dialler-burst': (site, random) => {
    const victim = victimOf(site, random);
    return Array.from({ length: 6000 }, (_, at): Draft => {
      const isAnswered = random.chance(0.35);
      return {
        startMs: SATURDAY_MS + 15 * HOUR_MS + Math.floor(at / 10) * SECOND_MS,
        extension: victim,
        dialled: random.chance(0.7) ? nationalNumber(random) : fill(random.pick(['1876', '1268', '1473']), 11, random),
        ringSeconds: 5 + random.below(20),
        talkSeconds: isAnswered ? 6 + random.below(30) : 0,
        disposition: isAnswered ? 'ANSWERED' : 'NO ANSWER',
      };
    });
  },
  harassment: (site, random) => {
    const victim = victimOf(site, random);
    return pump({
      extensionOf: () => victim,
      lines: 2,
      fromMs: SATURDAY_MS + 10 * HOUR_MS,
      untilMs: SATURDAY_MS + 18 * HOUR_MS,
      dial: () => '12125550142',
      talkSeconds: () => 3 + random.below(15),
      answered: 0.6,
      random,
    });
  },
};

/** The calls of one attack on a site, in no order. */
export const attackCalls = (name: AttackName, site: Site, seed: number): TrafficCall[] =>
  MAKERS[name](site, createRandom(seed)).map((call) => ({ ...call, attack: name }));
