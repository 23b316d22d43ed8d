/**
 * Two weeks of five templates at once, hour by hour, through the gate and the limits in memory on simulated time.
 *
 * What is expected is written down here and owes nothing to the code that it tests. Which hours a day has, and which of
 * them are after hours, is drawn; hours are counted on from the first instant, so that no library of time zones has a say.
 * How many calls pass in a quarter of an hour is reckoned by hand, from what a bucket gains in it.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { createGate, type Gate } from '../../src/gate/gate.ts';
import { createMemoryLimitStore } from '../../src/gate/memory-limit-store.ts';
import type { EpochMs } from '../../src/policy/call.ts';
import { type PolicyDocument, readPolicyDocument } from '../../src/policy/document.ts';
import { addTemplate, findTemplate, type TemplateOptions } from '../../src/policy/templates.ts';
import { policyOf } from '../support/policy.ts';

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const ABROAD = '+442079460018';

/**
 * A site and its two weeks. Down: the hours of the clock on the wall, with a line for an hour that the clock shows twice or
 * leaves out. Across: the days. Each cell is a kind of hour of PASSING below; a blank is an hour that the day does not have.
 *
 *   S  the two weeks begin, after hours, with every bucket full
 *   F  the first hour after hours
 *   n  any further one
 *   O  the first hour of the office
 *   o  any further one
 */
interface Site {
  readonly zone: string;
  readonly homeCountry: string;
  readonly national: string;
  readonly holiday: string;
  /** Monday 00:00 of the first week. */
  readonly begins: string;
  readonly hours: number;
  readonly picture: string;
}

const NEW_YORK: Site = {
  zone: 'America/New_York',
  homeCountry: 'US',
  national: '+13055550100',
  // Election Day.
  holiday: '2026-11-03',
  begins: '2026-10-26T04:00:00Z',
  hours: 337,
  picture: `
    |mon|tue|wed|thu|fri|sat|sun|mon|tue|wed|thu|fri|sat|sun
    | 26| 27| 28| 29| 30| 31|  1|  2|  3|  4|  5|  6|  7|  8
  00| S | n | n | n | n | n | n | n | n | n | n | n | n | n
  01| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  01|   |   |   |   |   |   | n |   |   |   |   |   |   |
  02| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  03| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  04| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  05| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  06| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  07| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  08| O | O | O | O | O | n | n | O | n | O | O | O | n | n
  09| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  10| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  11| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  12| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  13| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  14| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  15| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  16| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  17| o | o | o | o | o | n | n | o | n | o | o | o | n | n
  18| F | F | F | F | F | n | n | F | n | F | F | F | n | n
  19| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  20| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  21| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  22| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  23| n | n | n | n | n | n | n | n | n | n | n | n | n | n`,
};

/** The clock is set back and the day after it is a holiday: one stretch from Friday 18:00 to Tuesday 08:00, 87 hours. */
const VIENNA: Site = {
  zone: 'Europe/Vienna',
  homeCountry: 'AT',
  national: '+4315550100',
  // The National Day.
  holiday: '2026-10-26',
  begins: '2026-10-18T22:00:00Z',
  hours: 337,
  picture: `
    |mon|tue|wed|thu|fri|sat|sun|mon|tue|wed|thu|fri|sat|sun
    | 19| 20| 21| 22| 23| 24| 25| 26| 27| 28| 29| 30| 31|  1
  00| S | n | n | n | n | n | n | n | n | n | n | n | n | n
  01| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  02| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  02|   |   |   |   |   |   | n |   |   |   |   |   |   |
  03| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  04| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  05| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  06| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  07| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  08| O | O | O | O | O | n | n | n | O | O | O | O | n | n
  09| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  10| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  11| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  12| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  13| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  14| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  15| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  16| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  17| o | o | o | o | o | n | n | n | o | o | o | o | n | n
  18| F | F | F | F | F | n | n | n | F | F | F | F | n | n
  19| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  20| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  21| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  22| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  23| n | n | n | n | n | n | n | n | n | n | n | n | n | n`,
};

const BERLIN: Site = {
  zone: 'Europe/Berlin',
  homeCountry: 'DE',
  national: '+493023125000',
  // Good Friday.
  holiday: '2026-04-03',
  begins: '2026-03-22T23:00:00Z',
  hours: 335,
  picture: `
    |mon|tue|wed|thu|fri|sat|sun|mon|tue|wed|thu|fri|sat|sun
    | 23| 24| 25| 26| 27| 28| 29| 30| 31|  1|  2|  3|  4|  5
  00| S | n | n | n | n | n | n | n | n | n | n | n | n | n
  01| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  02| n | n | n | n | n | n |   | n | n | n | n | n | n | n
  03| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  04| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  05| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  06| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  07| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  08| O | O | O | O | O | n | n | O | O | O | O | n | n | n
  09| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  10| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  11| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  12| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  13| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  14| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  15| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  16| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  17| o | o | o | o | o | n | n | o | o | o | o | n | n | n
  18| F | F | F | F | F | n | n | F | F | F | F | n | n | n
  19| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  20| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  21| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  22| n | n | n | n | n | n | n | n | n | n | n | n | n | n
  23| n | n | n | n | n | n | n | n | n | n | n | n | n | n`,
};

/** Who calls, and how often as each quarter of an hour begins. */
interface Caller {
  readonly extensions: readonly string[];
  /** Seconds after the quarter at which each of them calls. */
  readonly at: readonly number[];
  readonly abroad?: boolean;
}
const AT_ONCE = 0;
const CALLERS: Readonly<Record<string, Caller>> = {
  'call centre': {
    extensions: ['3001', '3002', '3003', '3004', '3005', '3006', '3007', '3008'],
    at: Array(5).fill(AT_ONCE),
  },
  staff: { extensions: ['2001'], at: Array(7).fill(AT_ONCE) },
  'one phone': { extensions: ['2002'], at: [AT_ONCE] },
  permitted: { extensions: ['2101'], at: Array(4).fill(AT_ONCE), abroad: true },
  'not permitted': { extensions: ['2102'], at: Array(4).fill(AT_ONCE), abroad: true },
  contractor: { extensions: ['4001'], at: [AT_ONCE, 30, 60] },
};

/**
 * Calls that pass in each quarter of an hour = calls that pass / that are refused in the whole hour.
 *
 * After hours everybody has 2 an hour and gains half a call in each quarter: 2 at once, then one every half hour, and three
 * in the first hour. At the office
 * - 40 calls of the call centre at once find the 30 of the group,
 * - 7 of a member of staff at once find 5,
 * - a contractor's second call comes after half a minute and finds none, the third after a whole one does,
 * - whoever is permitted to call abroad has 3 an hour and gains three quarters of a call in each quarter: 3 at once, then
 *   one in each of three quarters out of four. After hours both must have one: at 18:00 the one that is there is taken, and
 *   overnight, with 2 an hour taken and 3 gained, the three are there again. The rule does not bind the one who is not
 *   permitted.
 */
const PASSING = `
                | S: it begins      | F: 18:00          | n: after hours    | O: 08:00             | o: office
  call centre   | 16 0 8 0 = 24/136 | 16 0 8 0 = 24/136 |  8 0 8 0 = 16/144 | 30 30 30 30 = 120/40 | 30 30 30 30 = 120/40
  staff         |  2 0 1 0 =  3/25  |  2 0 1 0 =  3/25  |  1 0 1 0 =  2/26  |  5  5  5  5 =  20/8  |  5  5  5  5 =  20/8
  one phone     |  1 1 1 0 =  3/1   |  1 1 1 0 =  3/1   |  1 0 1 0 =  2/2   |  1  1  1  1 =   4/0  |  1  1  1  1 =   4/0
  permitted     |  2 0 1 0 =  3/13  |  1 0 1 1 =  3/13  |  1 0 1 0 =  2/14  |  3  0  1  1 =   5/11 |  1  0  1  1 =   3/13
  not permitted |  2 0 1 0 =  3/13  |  2 0 1 0 =  3/13  |  1 0 1 0 =  2/14  |  4  4  4  4 =  16/0  |  4  4  4  4 =  16/0
  contractor    |  2 0 1 0 =  3/9   |  2 0 1 0 =  3/9   |  1 0 1 0 =  2/10  |  2  2  2  2 =   8/4  |  2  2  2  2 =   8/4`;

const rowsOf = (table: string): string[][] =>
  table
    .split('\n')
    .slice(1)
    .map((line) => line.split('|').map((cell) => cell.trim()));

/** `staff F` → `2 0 1 0 = 3/25`. */
function readPassing(): ReadonlyMap<string, string> {
  const [head = [], ...rows] = rowsOf(PASSING);
  return new Map(
    rows.flatMap(([caller, ...cells]) =>
      cells.map((cell, at) => [`${caller} ${head[at + 1]?.charAt(0)}`, cell.replace(/\s+/g, ' ')] as const),
    ),
  );
}

interface Hour {
  /** `sun 1 01`; of the second of two, `sun 1 01 again`. */
  readonly name: string;
  readonly kind: string;
}

/** In the order in which they pass, one after another. */
function hoursOf({ picture }: Site): Hour[] {
  const [days = [], dates = [], ...rows] = rowsOf(picture);
  return days.slice(1).flatMap((day, column) => {
    const seen = new Set<string>();
    return rows.flatMap(([clock = '', ...cells]): Hour[] => {
      const kind = cells[column] ?? '';
      if (kind === '') return [];
      const name = `${day} ${dates[column + 1]} ${clock}${seen.has(clock) ? ' again' : ''}`;
      seen.add(clock);
      return [{ name, kind }];
    });
  });
}

/** All five templates, as a site adds them one after another; its holiday it writes itself. */
function policyFor({ zone, homeCountry, holiday }: Site) {
  const added: readonly (readonly [template: string, options: TemplateOptions])[] = [
    ['call-centre', { members: ['3001-3008'] }],
    ['staff', {}],
    ['after-hours', {}],
    ['international', {}],
    ['contractors', { members: ['4001'] }],
  ];
  const site = { timezone: zone, homeCountry, extensions: { '2101': { permissions: ['international'] } } };
  const document = added.reduce((before, [name, options]) => {
    const template = findTemplate(name);
    if (template === undefined) throw new Error(`there is no template ${name}`);
    const addition = addTemplate(before, template, options);
    if ('problems' in addition) throw new Error(JSON.stringify(addition.problems));
    return wholeDocument(addition.document);
  }, wholeDocument(site));
  const afterHours = document.schedules['after-hours'];
  if (afterHours === undefined) throw new Error('the template brings its schedule');
  return policyOf({ ...document, schedules: { 'after-hours': { ...afterHours, holidays: [holiday] } } });
}

function wholeDocument(value: object): PolicyDocument {
  const read = readPolicyDocument(value);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.document;
}

/** The gate of a site, and the hand that sets its clock. */
function openSite(site: Site): { readonly gate: Gate; readonly setClock: (atMs: number) => void } {
  let nowMs = 0;
  const clock: Clock = { now: () => nowMs as EpochMs, monotonicMs: () => nowMs };
  const policy = policyFor(site);
  const gate = createGate({
    policy: () => policy,
    limits: createMemoryLimitStore({ clock }),
    clock,
    deadlineMs: Number.MAX_SAFE_INTEGER,
    newDecisionId: () => '',
    log: { warn: () => {} },
  });
  return {
    gate,
    setClock: (atMs) => {
      nowMs = atMs;
    },
  };
}

/** One line for each hour and caller: `fri 30 18, staff: 2 0 1 0 = 3/25`. */
async function playTwoWeeks(site: Site, hours: readonly Hour[]): Promise<string[]> {
  const { gate, setClock } = openSite(site);
  const beginsMs = Date.parse(site.begins);
  const lines: string[] = [];
  let calls = 0;
  for (const [hour, { name }] of hours.entries()) {
    const passed = new Map(Object.keys(CALLERS).map((caller) => [caller, [0, 0, 0, 0]]));
    for (let quarter = 0; quarter < 4; quarter++) {
      const quarterMs = beginsMs + hour * HOUR_MS + quarter * QUARTER_MS;
      for (const { caller, extension, atSeconds, dialled } of attemptsOf(site)) {
        setClock(quarterMs + atSeconds * 1000);
        const request = { dialled, extension, trunk: undefined, campaign: undefined, source: undefined };
        const { verdict, store } = await gate.decide(request, `call-${calls++}`, quarterMs);
        if (store !== 'asked' || (verdict.name !== 'allow' && verdict.name !== 'block'))
          throw new Error(`${name}: ${verdict.name}, store ${store}`);
        const counts = passed.get(caller);
        if (counts !== undefined && verdict.name === 'allow') counts[quarter] = (counts[quarter] ?? 0) + 1;
      }
    }
    for (const [caller, counts] of passed) {
      const { extensions = [], at = [] } = CALLERS[caller] ?? {};
      const allowed = counts.reduce((sum, each) => sum + each, 0);
      const refused = 4 * extensions.length * at.length - allowed;
      lines.push(`${name}, ${caller}: ${counts.join(' ')} = ${allowed}/${refused}`);
    }
  }
  return lines;
}

const attemptsOf = (site: Site) =>
  Object.entries(CALLERS)
    .flatMap(([caller, { extensions, at, abroad }]) =>
      extensions.flatMap((extension) =>
        at.map((atSeconds) => ({ caller, extension, atSeconds, dialled: abroad === true ? ABROAD : site.national })),
      ),
    )
    .sort((one, other) => one.atSeconds - other.atSeconds);

describe.each([
  { site: NEW_YORK, change: { day: 'sun 1', hours: 25, again: 'sun 1 01 again' } },
  { site: VIENNA, change: { day: 'sun 25', hours: 25, again: 'sun 25 02 again' } },
  { site: BERLIN, change: { day: 'sun 29', hours: 23, again: undefined } },
])('two weeks in $site.zone from $site.begins, with a change of the clock and a holiday', ({ site, change }) => {
  let hours: readonly Hour[];
  beforeAll(() => {
    hours = hoursOf(site);
  });

  test('the picture has every hour of them, and the day of the change has one more or one less', () => {
    expect(hours).toHaveLength(site.hours);
    expect(hours.filter(({ name }) => name.startsWith(`${change.day} `))).toHaveLength(change.hours);
    expect(hours.find(({ name }) => name.endsWith('again'))?.name).toBe(change.again);
  });

  test('in every quarter of every hour the five templates together let as many calls pass as the table says', async () => {
    const passing = readPassing();
    const expected = hours.flatMap(({ name, kind }) =>
      Object.keys(CALLERS).map((caller) => `${name}, ${caller}: ${passing.get(`${caller} ${kind}`)}`),
    );
    expect(await playTwoWeeks(site, hours)).toEqual(expected);
  });

  test('the rule for after hours is in force in every minute of the hours drawn so, and in no other', async () => {
    const { gate } = openSite(site);
    const request = {
      dialled: site.national,
      extension: '2001',
      trunk: undefined,
      campaign: undefined,
      source: undefined,
    };
    const wrong: string[] = [];
    for (const [hour, { name, kind }] of hours.entries()) {
      for (let minute = 0; minute < 60; minute++) {
        const beginsMs = Date.parse(site.begins) + hour * HOUR_MS + minute * MINUTE_MS;
        for (const at of [beginsMs, beginsMs + MINUTE_MS - 1]) {
          const { findings } = await gate.explain(request, at as EpochMs);
          const isInForce = findings.some(({ rule, applies }) => rule.id === 'after-hours' && applies);
          if (isInForce !== 'SFn'.includes(kind)) wrong.push(`${name}:${minute} ${isInForce}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });
});
