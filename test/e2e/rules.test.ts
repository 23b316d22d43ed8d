/** Every kind of rule, and the layers before the rules: on a real Asterisk 22, seen at the phone and at the carrier. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CallsPage } from '../../src/gate/journal.ts';
import type { DecisionReport, ExplanationReport } from '../../src/gate/report.ts';
import { startScene, type TestScene } from '../support/scene.ts';

/** 8… goes over carrier-b, 5… over carrier-c, 7… and 6… belong to a campaign, everything else over carrier-a. */
const DIALPLAN = `
[from-phones]
exten => _8X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-b))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-b,10)
exten => _5X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-c))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-c,10)
exten => _7X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-a,,spring))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-a,10)
exten => _6X.,1,Gosub(tollgate,gate,1(\${EXTEN:1},carrier-a,,autumn))
 same => n,Dial(PJSIP/\${EXTEN:1}@carrier-a,10)
exten => _[0-49]X.,1,Goto(plain,\${EXTEN},1)
exten => _+X.,1,Goto(plain,\${EXTEN},1)
[plain]
exten => _[0-49+]X.,1,Gosub(tollgate,gate,1(\${EXTEN},carrier-a))
 same => n,Dial(PJSIP/\${EXTEN}@carrier-a,10)
`;

/** What a phone hears of the Q.850 causes that the rules here have, each of which names its rule. */
const HEARD = { 1: 404, 17: 486, 21: 403, 22: 410, 28: 484, 34: 503 } as const;

const TRUNKS = 'trunks: { carrier-a: {}, carrier-b: {}, carrier-c: {} }';
const AT_HOME = 'homeCountry: US\ndialling: { international: ["011", "00"] }';

let scene: TestScene;
let lastNumber = 12125550100;
/** Numbers that no other test calls. */
const numbers = (count: number): string[] => Array.from({ length: count }, () => String(++lastNumber));
const number = (): string => String(++lastNumber);
type Statuses = readonly (number | undefined)[];
const dial = async (from: string, ...destinations: string[]): Promise<Statuses> =>
  (await scene.stage.placeCalls({ from, destinations, ratePerSecond: 20 })).map(({ status }) => status);
/** What each phone hears of its calls; the phones call at once, each its numbers one after the other. */
async function dialAll(
  calls: Readonly<Record<string, readonly string[]>>,
): Promise<Readonly<Record<string, Statuses>>> {
  const all = Object.entries(calls).map(async ([from, called]) => [from, await dial(from, ...called)] as const);
  return Object.fromEntries(await Promise.all(all));
}
/** Which of the numbers reached a carrier, as often as they did. */
async function reached(wanted: readonly string[], carrier = 'carrier-a'): Promise<readonly string[]> {
  const calls = await scene.stage.carrier(carrier).calls();
  return calls.map(({ destination }) => destination).filter((destination) => wanted.includes(destination));
}
const command = async (...args: string[]): Promise<string> => {
  const { exitCode, output } = await scene.tollgate.run(args);
  if (exitCode !== 0) throw new Error(output);
  return output;
};
interface Question {
  readonly extension?: string;
  readonly source?: string;
  readonly at?: string;
}
const explain = (destination: string, question: Question = {}): Promise<ExplanationReport> =>
  scene.api('POST', '/api/v1/explain', { destination, ...question });
const journal = async (filter: string): Promise<readonly DecisionReport[]> =>
  (await scene.api<CallsPage>('GET', `/api/v1/calls?${filter}`)).calls;
/** So many decisions that were kept, or more: they are written a tenth of a second after the call was answered. */
const kept = (filter: string, count = 1): Promise<readonly DecisionReport[]> =>
  vi.waitUntil(
    async () => {
      const found = await journal(filter);
      return found.length >= count && found;
    },
    { timeout: 30_000, interval: 50 },
  );

beforeAll(async () => {
  scene = await startScene({
    phones: ['1001', '1002', '1101', '1102', '1201', '1202', '1301', '1302', '1401', '1402', '2001', '2002'],
    carriers: { 'carrier-a': {}, 'carrier-b': {}, 'carrier-c': {} },
    dialplan: DIALPLAN,
    connected: '',
  });
});
afterAll(() => scene.stop());

describe('which calls a rule means', () => {
  test('a number, a range and a pattern mean the extensions that they name, and no other', async () => {
    await scene.apply(`
rules:
  - { id: by-number, appliesTo: { extensions: ["1001"] }, hangupCause: 17, prompt: none }
  - { id: by-range, appliesTo: { extensions: ["1101-1150"] }, hangupCause: 34, prompt: none }
  - { id: by-pattern, appliesTo: { extensions: ["_12XX"] }, hangupCause: 1, prompt: none }`);
    const [one, two, three, four] = [number(), number(), number(), number()];
    expect(await dialAll({ 1001: [one], 1102: [two], 1201: [three], 1301: [four] })).toEqual({
      1001: [HEARD[17]],
      1102: [HEARD[34]],
      1201: [HEARD[1]],
      1301: [200],
    });
    expect(await reached([one, two, three, four])).toEqual([four]);
  });

  test('groups and trunks mean what they name, and of a rule that names both, only calls that fit both', async () => {
    await scene.apply(`${TRUNKS}
groups: { sales: { members: ["2001-2050"] }, lobby: { members: ["1101"] } }
rules:
  - { id: lobby, appliesTo: { groups: [lobby] }, hangupCause: 34, prompt: none }
  - { id: line-c, appliesTo: { trunks: [carrier-c] }, hangupCause: 1, prompt: none }
  - { id: sales-over-b, appliesTo: { groups: [sales], trunks: [carrier-b] }, hangupCause: 17, prompt: none }`);
    const [free, overB] = [number(), number()];
    expect(
      await dialAll({
        1101: [number()],
        1001: [`5${number()}`, `8${overB}`],
        2001: [`8${number()}`, `5${number()}`, free],
      }),
    ).toEqual({ 1101: [HEARD[34]], 1001: [HEARD[1], 200], 2001: [HEARD[17], HEARD[1], 200] });
    expect(await reached([free])).toEqual([free]);
    expect(await reached([overB], 'carrier-b')).toEqual([overB]);
    expect(await scene.stage.carrier('carrier-c').calls()).toEqual([]);
  });

  test('a destination is what the number means, however it is dialled: class, country and own list', async () => {
    await scene.apply(`${AT_HOME}
destinations:
  high-risk: { prefixes: ["+252", "+49"] }
  services: { prefixes: ["+49180"] }
rules:
  - { id: services, appliesTo: { destinations: [services] }, hangupCause: 28, prompt: none }
  - { id: own-list, appliesTo: { destinations: [high-risk] }, hangupCause: 22, prompt: none }
  - { id: cuba, appliesTo: { destinations: ["country:CU"] }, hangupCause: 17, prompt: none }
  - { id: premium, appliesTo: { destinations: [premium] }, hangupCause: 1, prompt: none }
  - { id: abroad, appliesTo: { destinations: [international] }, hangupCause: 34, prompt: none }`);
    const wanted: Readonly<Record<string, number>> = {
      '011442079460123': HEARD[34],
      '00442079460123': HEARD[34],
      '+442079460123': HEARD[34],
      // Jamaica: eleven digits that look like those of the next town.
      '18769221234': HEARD[34],
      '01153712345678': HEARD[17],
      '19005551234': HEARD[1],
      '011252612345678': HEARD[22],
      '0114930123456': HEARD[22],
      // In both lists: both rules apply.
      '011491805123456': HEARD[28],
      '12125550099': 200,
      '+12125550099': 200,
    };
    // JavaScript puts keys that are whole numbers first.
    const called = Object.keys(wanted);
    const heard = await dial('1001', ...called);
    expect(Object.fromEntries(called.map((each, at) => [each, heard[at]]))).toEqual(wanted);
    expect((await reached(called)).toSorted()).toEqual(['+12125550099', '12125550099']);
    const { rule, findings } = await explain('18769221234');
    expect([rule, findings.find(({ rule }) => rule === 'abroad')?.because]).toEqual([
      'abroad',
      'the rule applies to destination international',
    ]);
  });

  test('the ready rule for high-risk destinations refuses a number of its list and lets the next country through', async () => {
    await scene.apply(AT_HOME);
    await command('rules', 'add', '--template', 'high-risk');
    await command('rules', 'set', 'high-risk', '--prompt', 'none');
    expect(await dial('1001', '01159221234567', '011442079460124')).toEqual([HEARD[21], 200]);
    expect(await reached(['01159221234567', '011442079460124'])).toEqual(['011442079460124']);
  });

  test('a campaign is what the dialplan passes, and a permission is what an extension has', async () => {
    await scene.apply(`${AT_HOME}
extensions: { "1001": { permissions: [international] } }
rules:
  - { id: spring-leads, appliesTo: { campaigns: [spring] }, hangupCause: 17, prompt: none }
  - id: permitted-abroad
    appliesTo: { destinations: [international], permissions: [international] }
    limits: ["1/1h"]
    hangupCause: 34
    prompt: none`);
    const [spring, autumn, plain] = [number(), number(), number()];
    const abroad = ['011442079460201', '011442079460202'];
    expect(await dialAll({ 1001: [`7${spring}`, `6${autumn}`, plain, ...abroad], 1002: abroad })).toEqual({
      1001: [HEARD[17], 200, 200, 200, HEARD[34]],
      1002: [200, 200],
    });
    expect((await reached([spring, autumn, plain])).toSorted()).toEqual([autumn, plain]);
    expect(await kept('rule=spring-leads')).toMatchObject([{ campaign: 'spring', destination: spring }]);
  });
});

describe('what is counted', () => {
  test('each way to count separately gives its own subject one count, and the next subject another', async () => {
    await scene.apply(`${TRUNKS}
groups: { team: { members: ["2001-2002"] } }
rules:
  - { id: per-extension, appliesTo: { extensions: ["1001-1002"] }, countPer: extension, limits: ["1/1h"], hangupCause: 17, prompt: none }
  - { id: per-group, appliesTo: { groups: [team] }, countPer: group, limits: ["1/1h"], hangupCause: 34, prompt: none }
  - { id: per-trunk, appliesTo: { extensions: ["1101-1102"] }, countPer: trunk, limits: ["1/1h"], hangupCause: 1, prompt: none }
  - { id: per-number, appliesTo: { extensions: ["1201-1202"] }, countPer: number, limits: ["1/1h"], hangupCause: 22, prompt: none }
  - { id: per-pair, appliesTo: { extensions: ["1301-1302"] }, countPer: extension-number, limits: ["1/1h"], hangupCause: 28, prompt: none }
  - { id: together, appliesTo: { extensions: ["1401-1402"] }, countPer: system, limits: ["1/1h"], hangupCause: 21, prompt: none }`);
    const [called, paired] = [number(), number()];
    const first = await dialAll({
      1001: numbers(2),
      2001: numbers(1),
      1101: [`8${number()}`],
      1201: [called],
      1301: [paired, paired],
      1401: numbers(1),
    });
    expect(first).toEqual({
      1001: [200, HEARD[17]],
      2001: [200],
      1101: [200],
      1201: [200],
      1301: [200, HEARD[28]],
      1401: [200],
    });
    const second = await dialAll({
      1002: numbers(1),
      2002: numbers(1),
      1102: [`8${number()}`, `5${number()}`],
      1202: [called, number()],
      1302: [paired],
      1402: numbers(1),
    });
    expect(second).toEqual({
      1002: [200],
      2002: [HEARD[34]],
      1102: [HEARD[1], 200],
      1202: [HEARD[22], 200],
      1302: [200],
      1402: [HEARD[21]],
    });
    expect((await reached([called, paired])).toSorted()).toEqual([called, paired, paired]);
  });

  test('a bucket has room again as it refills, a rolling window only when the period of its calls is over', async () => {
    await scene.apply(`
rules:
  - { id: refilling, appliesTo: { extensions: ["1001"] }, limits: ["2/3s"], prompt: none }
  - { id: window, appliesTo: { extensions: ["1002"] }, limits: ["2/3s"], counting: rolling, prompt: none }`);
    const steadily = async (from: string): Promise<Statuses> =>
      (await scene.stage.placeCalls({ from, destinations: numbers(5), ratePerSecond: 1 / 0.9 })).map(
        ({ status }) => status,
      );
    // At 0, 0.9, 1.8, 2.7 and 3.6 s. The bucket then holds 2, 1.6, 1.2, 0.8 and 1.4.
    expect(await Promise.all([steadily('1001'), steadily('1002')])).toEqual([
      [200, 200, 200, 403, 200],
      [200, 200, 403, 403, 200],
    ]);
  });
});

describe('when a rule is in force', () => {
  /** Places of one time zone each, never more than six hours apart, and numbers there. */
  const PLACES = [
    { zone: 'Pacific/Honolulu', called: '18085550123' },
    { zone: 'America/New_York', called: '12125550098' },
    { zone: 'Europe/London', called: '011442079460301' },
    { zone: 'Asia/Kolkata', called: '011912212345678' },
    { zone: 'Asia/Tokyo', called: '01181312345678' },
  ] as const;
  const clockIn = (timeZone: string, hoursFromNow = 0): string =>
    new Intl.DateTimeFormat('en-GB', { timeZone, timeStyle: 'short' }).format(Date.now() + hoursFromNow * 3_600_000);
  /** Where the clock is nearest to an hour now. */
  function placeNear<Place extends { readonly zone: string }>(places: readonly Place[], hour: number): Place {
    const away = ({ zone }: Place): number => {
      const [hours = 0, minutes = 0] = clockIn(zone).split(':').map(Number);
      const difference = Math.abs(hours + minutes / 60 - hour);
      return Math.min(difference, 24 - difference);
    };
    const [nearest] = places.toSorted((one, other) => away(one) - away(other));
    if (nearest === undefined) throw new Error('there is a place');
    return nearest;
  }
  const daily = (from: string, to: string): string =>
    `{ days: [mon, tue, wed, thu, fri, sat, sun], from: "${from}", to: "${to}" }`;

  test('during and not follow a schedule that is open now, one that is closed now, and a holiday, by the clock of its zone', async () => {
    // Hours away from UTC, and at a time of day that no window here carries past midnight.
    const { zone } = placeNear(
      PLACES.filter((place) => place.zone !== 'Europe/London'),
      14,
    );
    const at = (hours: number): string => clockIn(zone, hours);
    const today = new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' }).format(Date.now());
    const later = daily(at(2), at(3));
    await scene.apply(`
schedules:
  open-now: { timezone: ${zone}, windows: [${daily(at(-1), at(1))}] }
  closed-now: { timezone: ${zone}, windows: [${later}] }
  holiday: { timezone: ${zone}, windows: [${later}], holidays: ["${today}"] }
rules:
  - { id: during-open, appliesTo: { extensions: ["1001"] }, during: open-now, prompt: none }
  - { id: during-closed, appliesTo: { extensions: ["1002"] }, during: closed-now, prompt: none }
  - { id: not-open, appliesTo: { extensions: ["1101"] }, not: open-now, prompt: none }
  - { id: not-closed, appliesTo: { extensions: ["1102"] }, not: closed-now, prompt: none }
  - { id: on-holiday, appliesTo: { extensions: ["1201"] }, during: holiday, prompt: none }`);
    const [one, two, three, four, five] = [number(), number(), number(), number(), number()];
    const calls = { 1001: [one], 1002: [two], 1101: [three], 1102: [four], 1201: [five] };
    expect(await dialAll(calls)).toEqual({
      1001: [403],
      1002: [200],
      1101: [200],
      1102: [403],
      1201: [403],
    });
    expect((await reached([one, two, three, four, five])).toSorted()).toEqual([two, three]);
  });

  test('calling hours go by the clock of whoever is called: where it is night the call is refused, where it is day it goes', async () => {
    const [day, night] = [placeNear(PLACES, 14.5), placeNear(PLACES, 2.5)];
    await scene.apply(`${AT_HOME}
schedules: { calling-hours: { timezone: called, windows: [${daily('08:00', '21:00')}] } }
rules: [{ id: calling-hours, not: calling-hours, hangupCause: 22, prompt: none }]`);
    expect(await dial('1001', day.called, night.called)).toEqual([200, HEARD[22]]);
    expect((await reached([night.called])).length).toBe(0);
    const [refused] = await kept('rule=calling-hours');
    expect(refused?.findings[0]?.because).toContain(`a called party in ${night.zone}, where calling-hours is closed`);
    expect(refused?.retryAfterSeconds).toBeGreaterThan(0);
  });
});

test('a rule in shadow is reported and never acts, a disabled one does neither, and one command changes either', async () => {
  await scene.apply(`
rules:
  - { id: tried, appliesTo: { extensions: ["1001"] }, mode: shadow, hangupCause: 17, prompt: none }
  - { id: strict, appliesTo: { extensions: ["1002"] }, hangupCause: 34, prompt: none }
  - { id: off, appliesTo: { extensions: ["1101"] }, enabled: false, hangupCause: 1, prompt: none }`);
  const [tried] = numbers(1);
  const before = { 1001: [tried ?? ''], 1002: numbers(1), 1101: numbers(1) };
  expect(await dialAll(before)).toEqual({ 1001: [200], 1002: [HEARD[34]], 1101: [200] });
  expect(await kept('shadow=tried')).toMatchObject([
    { verdict: 'allow', rule: null, extension: '1001', destination: tried },
  ]);
  const [shown, listed] = await Promise.all([
    command('rules', 'show', 'tried'),
    command('calls', 'list', '--shadow', 'tried'),
  ]);
  expect(shown).toContain('would have acted on 1 call');
  expect(listed).toContain('tried (shadow)');
  await Promise.all([
    command('rules', 'enforce', 'tried'),
    command('rules', 'shadow', 'strict'),
    command('rules', 'enable', 'off'),
  ]);
  const after = { 1001: numbers(1), 1002: numbers(1), 1101: numbers(1) };
  expect(await dialAll(after)).toEqual({ 1001: [HEARD[17]], 1002: [200], 1101: [HEARD[1]] });
});

test('block refuses with its cause, alert lets go and tells, wait lets go later, each beyond its limit', async () => {
  await scene.apply(`
rules:
  - { id: refuse, appliesTo: { extensions: ["1001"] }, limits: ["1/1h"], hangupCause: 17, prompt: none }
  - { id: tell, appliesTo: { extensions: ["1002"] }, limits: ["1/1h"], action: alert }
  - { id: pace, appliesTo: { extensions: ["1101"] }, limits: ["1/1s"], action: wait, maxWait: 1500ms, hangupCause: 34, prompt: none }
  - { id: refuse-all, appliesTo: { extensions: ["1102"] }, hangupCause: 1, prompt: none }
  - { id: tell-all, appliesTo: { extensions: ["1201"] }, action: alert }`);
  const waiting = numbers(3);
  const startedAt = new Date().toISOString();
  const calls = { 1001: numbers(2), 1002: numbers(2), 1101: waiting, 1102: numbers(1), 1201: numbers(1) };
  expect(await dialAll(calls)).toEqual({
    1001: [200, HEARD[17]],
    1002: [200, 200],
    1101: [200, 200, HEARD[34]],
    1102: [HEARD[1]],
    1201: [200],
  });
  expect(await reached(waiting)).toEqual(waiting.slice(0, 2));
  const [first, second] = (await scene.stage.carrier('carrier-a').calls()).filter((call) =>
    waiting.includes(call.destination),
  );
  // A second behind the first in the store's time; a channel wakes up to some milliseconds late, and starts may differ.
  expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThan(900);
  const since = `since=${encodeURIComponent(startedAt)}`;
  const decided = (await kept(since, 6)).map(({ rule, verdict }) => `${rule} ${verdict}`);
  expect(decided.toSorted()).toEqual([
    'pace block',
    'pace wait',
    'refuse block',
    'refuse-all block',
    'tell alert',
    'tell-all alert',
  ]);
  const refused = await scene.tollgate.run(['policy', 'apply', '-'], 'rules: [{ id: late, action: wait }]');
  expect(refused.exitCode).toBe(1);
  expect(refused.output).toContain('rules[0].limits: is missing; calls wait for a limit to have room');
});

describe('what is asked before the rules', () => {
  /** As the gate sees every phone of this scene. */
  const HERE = '127.0.0.1';
  const ask = (question: Question = {}): Promise<ExplanationReport> =>
    explain('12125550097', { extension: '1001', source: HERE, ...question });
  const usedOf = ({ findings }: ExplanationReport): number | null | undefined =>
    findings.find(({ rule }) => rule === 'hourly')?.used;
  const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

  beforeAll(async () => {
    await scene.apply(`
emergencyNumbers: ["911", "112"]
rules:
  - { id: hourly, appliesTo: { extensions: ["1001"] }, limits: ["2/1h"], hangupCause: 17, prompt: none }
  - { id: closed, appliesTo: { extensions: ["1002"] }, hangupCause: 34, prompt: none }`);
  });

  test('an emergency number passes a rule that refuses everything, and is named as the reason', async () => {
    // 9112 is 112 behind the digit for an outside line, 9113 is nothing.
    expect(await dial('1002', '911', '9112', '9113', number())).toEqual([200, 200, HEARD[34], HEARD[34]]);
    expect(await reached(['911', '9112', '9113'])).toEqual(['911', '9112']);
    expect(await explain('911', { extension: '1002' })).toMatchObject({
      verdict: 'allow',
      layer: 'emergency',
      rule: null,
      reason: 'emergency number',
      findings: [],
    });
  });

  test('a banned address is refused though every limit has room, and its emergency calls pass', async () => {
    await command('bans', 'add', '127.0.0.0/8', '--for', '7d', '--reason', 'a whole network', '--force');
    await command('bans', 'add', HERE, '--for', '1h', '--reason', 'guesses passwords', '--force');
    const called = number();
    expect(await dial('1001', called, '112')).toEqual([403, 200]);
    expect(await reached([called, '112'])).toEqual(['112']);
    const [[decision], now, tomorrow, nextMonth] = await Promise.all([
      kept(`destination=${called}`),
      ask(),
      ask({ at: inDays(1) }),
      ask({ at: inDays(30) }),
    ]);
    const banned = { verdict: 'block', layer: 'ban', rule: null, findings: [], store: 'not-needed' };
    const reason = 'the address 127.0.0.1 is banned: guesses passwords';
    expect(decision).toMatchObject({ ...banned, reason, destination: called, source: HERE });
    expect(now).toMatchObject({ ...banned, reason });
    expect(now.retryAfterSeconds).toBeGreaterThan(3000);
    expect(now.retryAfterSeconds).toBeLessThanOrEqual(3600);
    expect(tomorrow).toMatchObject({ ...banned, reason: 'the network 127.0.0.0/8 is banned: a whole network' });
    expect(nextMonth).toMatchObject({ verdict: 'allow', layer: 'rules' });
    expect([usedOf(nextMonth)]).toEqual([0]);
    const [list, shown] = await Promise.all([
      command('calls', 'list', '--destination', called),
      command('calls', 'show', decision?.id ?? ''),
    ]);
    expect(list).toContain('banned address');
    expect(shown).toContain('The address 127.0.0.1 is banned: guesses passwords.\nIt would be allowed in ');
  });

  test('an allowed address goes before the ban of its network, and without an exemption its calls meet the limits', async () => {
    await command('allow', 'add', HERE, '--name', 'Office', '--no-exempt');
    expect(await dial('1001', ...numbers(3))).toEqual([200, 200, HEARD[17]]);
    expect(await ask()).toMatchObject({
      verdict: 'block',
      layer: 'rules',
      rule: 'hourly',
      findings: [{ used: 2 }, {}],
    });
    const again = await scene.tollgate.run(['bans', 'add', HERE, '--force']);
    expect(again.exitCode).toBe(1);
    expect(again.output).toContain('127.0.0.1 is allowed by "Office"');
  });

  test('an exempt address passes a limit that is full and a rule that refuses everything, and uses nothing up', async () => {
    await command('allow', 'set', 'Office', '--exempt');
    const [one, two] = [number(), number()];
    expect(await dialAll({ 1001: [one], 1002: [two] })).toEqual({ 1001: [200], 1002: [200] });
    expect((await reached([one, two])).toSorted()).toEqual([one, two]);
    const [exempt, elsewhere] = await Promise.all([ask(), ask({ source: '192.0.2.1' })]);
    expect(exempt).toMatchObject({ verdict: 'allow', layer: 'allowlist', rule: null, findings: [] });
    expect(exempt.reason).toContain('Office');
    expect(elsewhere).toMatchObject({ verdict: 'block', layer: 'rules', rule: 'hourly' });
    expect(usedOf(elsewhere)).toBe(2);
    // Counted as every plain allow is, and not kept; when a later call is kept, it would be.
    await command('allow', 'set', 'Office', '--no-exempt');
    const later = number();
    expect(await dial('1002', later)).toEqual([HEARD[34]]);
    await kept(`destination=${later}`);
    expect(await journal(`destination=${one}`)).toEqual([]);
  });
});
