/**
 * A system with something to look at: rules of all actions, groups, trunks, budgets, allowed and blocked addresses, and calls
 * that met them, all of it by the ways that real ones take. For browser tests and pictures of the page.
 */
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { AGI_ARGUMENTS } from '../../src/asterisk/channel-variables.ts';
import { createCostHistory, lastDays } from '../../src/live-calls/cost-history.ts';
import { createKeys } from '../../src/redis/keys.ts';
import { placeAgiCall } from './agi-call.ts';
import type { TestDaemon } from './daemon.ts';
import { keptLog } from './silent-log.ts';

/** A name that would run if the page took text for HTML. */
export const NASTY = '<img src=x onerror=alert(1)>';

const POLICY = `
timezone: America/New_York
homeCountry: US
dialling: { outside: ["9"], international: ["011", "00"] }
extensions:
  "1001": { name: Reception }
  "1002": { name: Back office, permissions: [international] }
  "2001": { name: Sales 1 }
  "2007": { name: Sales 4 }
  "2044": { name: Ana }
groups:
  staff: { name: Staff, members: [1001, 2001-2012] }
  call-centre: { name: Call centre, members: [2044, 3001-3040] }
  contractors: { name: "Contractors ${NASTY}", members: ["4001-4009"] }
trunks:
  carrier-a: { name: Carrier A }
  carrier-b: { name: Carrier B }
schedules:
  after-hours:
    name: After hours
    windows:
      - { days: [mon, tue, wed, thu, fri], from: "18:00", to: "08:00" }
      - { days: [sat, sun], from: "00:00", to: "24:00" }
rules:
  - { id: default, name: Default outbound call frequency, limits: ["5/1s"] }
  - { id: staff, name: "Staff 5/min", appliesTo: { groups: [staff] }, limits: ["5/1m"] }
  - { id: call-centre, name: Call centre, appliesTo: { groups: [call-centre] }, countPer: group, limits: ["30/1m", "600/1h"], action: alert }
  - { id: carrier-b, name: Carrier B pacing, appliesTo: { trunks: [carrier-b] }, countPer: trunk, limits: ["10/1s"], action: wait }
  - { id: premium, name: No premium numbers, appliesTo: { destinations: [premium] }, limits: [], action: block }
  - { id: after-hours, name: After hours, mode: shadow, during: after-hours, limits: ["2/1h"], appliesTo: { groups: [staff] } }
  - { id: at-once, name: Calls at once, countPer: system, concurrent: 120 }
  - { id: daily-budget, name: Daily budget, countPer: system, spend: { soft: "150/1d", hard: "200/1d" } }
  - { id: staff-budget, name: Staff budget, countPer: extension, appliesTo: { groups: [staff] }, spend: { soft: "5/1d", hard: "10/1d" } }
`;

const RATES = 'prefix,price,connection\n1,0.01,0\n44,0.02,0.01\n53,0.92,0.05\n';

/** What is filled: a daemon alone, or the one of a scene. */
interface Filled {
  readonly agiPort: number;
  readonly apply: (policy: string) => Promise<unknown>;
  readonly run: (args: readonly string[], options: { readonly input: string }) => Promise<Ran>;
}

type Ran = { readonly exitCode: number | null; readonly error: string };

/**
 * Calls that every rule has something to say about.
 *
 * @param options.rounds how many times the round of calls is made
 * @param options.more lines of YAML that go on after the rules
 */
export async function fillWithData(
  tollgate: Filled,
  options: { readonly rounds?: number; readonly more?: string } = {},
): Promise<void> {
  await tollgate.apply(POLICY + (options.more ?? ''));
  await must(tollgate, ['rates', 'import', '-'], RATES);
  await must(tollgate, ['allow', 'add', '203.0.113.0/24', '--name', 'Main Office']);
  for (const [address, reason] of [
    ['192.0.2.77', '10 failed SIP registrations in 4 min as 100, 101 and admin'],
    ['198.51.100.66', `scan of SIP ports ${NASTY}`],
  ] as const)
    await must(tollgate, ['bans', 'add', address, '--for', '24h', '--reason', reason]);
  for (let round = 0; round < (options.rounds ?? 1); round++) await placeRound(tollgate.agiPort);
}

async function placeRound(port: number): Promise<void> {
  const place = (extension: string, destination: string, trunk = 'carrier-a', source = '203.0.113.50') =>
    placeAgiCall(port, { extension, destination, trunk, source });
  for (let call = 0; call < 12; call++) await place('2007', '0115352345678', 'carrier-a', '198.51.100.7');
  for (let call = 0; call < 8; call++) await place('1001', `1212555014${call}`, 'carrier-a', '198.51.100.8');
  await Promise.all(
    Array.from({ length: 14 }, (_, at) => place('2044', `164655501${10 + at}`, 'carrier-b', '198.51.100.9')),
  );
  for (let call = 0; call < 34; call++)
    await place(`30${10 + (call % 20)}`, `1305555${1000 + call}`, 'carrier-a', '198.51.100.10');
  for (const extension of ['2001', '2002', '2003'])
    for (let call = 0; call < 4; call++) await place(extension, `442079460${100 + call}`, 'carrier-a', '198.51.100.11');
  await place(NASTY, '12125550100', 'carrier-a', '192.0.2.77');
  await place('2008', '12125550101', 'carrier-a', '192.0.2.77');
  await place('2009', '911');
}

/** Calls that are over: some of them told of, so that the journal has them, and what others cost on the days before. */
export async function fillWithEnds(tollgate: TestDaemon, days = 40): Promise<void> {
  for (const [at, [extension, destination, trunk, seconds]] of ENDED.entries()) {
    const uniqueId = `ended.${at}`;
    const answer = await placeAgiCall(tollgate.agiPort, {
      extension,
      destination,
      trunk,
      uniqueId,
      linkedId: uniqueId,
    });
    const said = [answer['TOLLGATE_DECISION'] ?? '', 'ended', seconds === 0 ? 'BUSY' : 'ANSWER', String(seconds)];
    const words = Object.fromEntries(said.map((word, place) => [AGI_ARGUMENTS[place], word]));
    await placeAgiCall(tollgate.agiPort, { request: 'outcome', uniqueId, ...words });
  }
  const redis = new Redis({ path: join(tollgate.stateDir, 'redis.sock'), maxRetriesPerRequest: 1 });
  try {
    const [journal = ''] = await redis.keys('*:journal');
    const [prefix = '', tenant = ''] = journal.replace(':journal', '').split(':');
    const keys = createKeys({ prefix, tenant: tenant.slice(1, -1) });
    const { log } = keptLog();
    const costs = createCostHistory({ redis, keys, log });
    for (const [back, day] of lastDays(Date.now(), 'America/New_York', days).slice(0, -1).toReversed().entries())
      for (const [at, [extension, , trunk, seconds]] of ENDED.entries()) {
        const talkSeconds = Math.round(seconds * (1 + ((back * 7 + at * 3) % 11) / 4));
        costs.note({
          ...{ day, talkSeconds, micros: talkSeconds * (at % 5 === 0 ? 15_000 : 400), currency: 'USD' },
          names: {
            extension: [extension],
            group: [extension === '2044' ? 'call-centre' : 'staff'],
            trunk: [trunk],
            country: [['US', 'GB', 'CU'][at % 3] ?? 'US'],
          },
        });
      }
    await costs.close();
  } finally {
    redis.disconnect();
  }
}

/** Extension, number, trunk, seconds of talk. Of the call centre every call beyond thirty a minute is told of. */
const ENDED: readonly (readonly [string, string, string, number])[] = Array.from({ length: 24 }, (_, at) => [
  ['2044', '3012', '2003', '2001'][at % 4] ?? '2044',
  ['16465550117', '13055551004', '442079460105', '0115352345678'][(at * 5) % 4] ?? '16465550117',
  at % 3 === 0 ? 'carrier-b' : 'carrier-a',
  at % 6 === 5 ? 0 : 25 + ((at * 37) % 400),
]);

async function must(tollgate: Pick<Filled, 'run'>, args: readonly string[], input = ''): Promise<void> {
  const { exitCode, error } = await tollgate.run(args, { input });
  if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${error}`);
}

/**
 * Puts many decisions more into the journal, as old ones: copies of one that was made, with ids and times of their own.
 *
 * @returns how many stand in it
 */
export async function growJournal(tollgate: TestDaemon, count: number): Promise<number> {
  const redis = new Redis({ path: join(tollgate.stateDir, 'redis.sock'), maxRetriesPerRequest: 1 });
  try {
    const [journal = ''] = await redis.keys('*:journal');
    const kept = await redis.xrange(journal, '-', '+');
    // Without what each rule said, of which a hundred thousand would be as much again as the rest.
    const known = kept.map(([, fields]) => ({ ...(JSON.parse(fields[1] ?? '{}') as object), findings: [] }));
    await redis.del(journal);
    const now = Date.now();
    for (let from = 0; from < count; from += 2000) {
      const adding = redis.pipeline();
      for (let at = from; at < Math.min(count, from + 2000); at++) {
        const made = new Date(now - (count - at) * 2500);
        const id = `0000000${String(at).padStart(8, '0')}`;
        const call = { ...known[at % known.length], id, at: made.toISOString(), extension: `${2001 + (at % 40)}` };
        adding.xadd(journal, '*', 'd', JSON.stringify(call));
      }
      await adding.exec();
    }
    for (const [, fields] of kept) await redis.xadd(journal, '*', ...fields);
    return await redis.xlen(journal);
  } finally {
    redis.disconnect();
  }
}
