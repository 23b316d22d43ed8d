import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPolicyDocument } from '../../src/policy/document.ts';
import { compilePolicy } from '../../src/policy/policy.ts';
import type { RateSheet } from '../../src/rates/rate-sheet.ts';
import { readHistory } from '../../src/simulate/history-file.ts';
import { simulate } from '../../src/simulate/simulation.ts';
import { suggestCeilings } from '../../src/simulate/suggest.ts';
import { attackCalls } from '../traffic/attacks.ts';
import { cdrOf, TRUNK, type TrafficCall } from '../traffic/call.ts';
import { trafficRates } from '../traffic/measure.ts';
import { honestCalls, siteOf } from '../traffic/sites.ts';

const site = siteOf('office');
const read = readPolicyDocument({
  homeCountry: 'US',
  dialling: { international: ['011'] },
  trunks: { [TRUNK]: {} },
  groups: { sales: { members: ['1001-1006'] } },
  rules: [{ id: 'default', limits: ['5/1s'] }],
});
if ('problems' in read) throw new Error(JSON.stringify(read.problems));
const { document } = read;

async function suggested(calls: readonly TrafficCall[], rates: RateSheet | undefined, headRoom = 1.5) {
  const folder = await mkdtemp(join(tmpdir(), 'tollgate-suggest-'));
  try {
    const path = join(folder, 'cdr.csv');
    await writeFile(path, cdrOf(calls).text);
    const policies = [compilePolicy(document)];
    const { history } = await readHistory({ path, policies, timezone: 'UTC', signal: new AbortController().signal });
    return { history, ...(await suggestCeilings({ history, document, rates, headRoom })) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

describe('suggested ceilings', () => {
  const honest = honestCalls(site, { seed: 3, weeks: 1 });

  it.each([
    ['with a rate sheet', trafficRates()],
    ['without one', undefined],
  ])('would have refused, held and ended nobody, even without head-room, %s', async (_, rates) => {
    const { history, document: made } = await suggested(honest, rates, 1);
    const own = { ...made, rules: made.rules.filter(({ id }) => id.startsWith('suggested-')) };
    expect(own.rules.length).toBeGreaterThanOrEqual(4);
    const simulated = await simulate({ policy: compilePolicy(own), history, rates, held: 'refuse' });
    const fates = Array.from({ length: history.calls }, (__, call) => simulated.fateOf(call));
    expect(fates.filter(({ verdict, cut }) => verdict !== 'allow' || cut !== undefined)).toEqual([]);
  });

  it('are by role, in money where calls have prices and in minutes where they have none', async () => {
    const inMoney = await suggested(honest, trafficRates());
    expect(inMoney.suggestions.map(({ who }) => who)).toEqual(expect.arrayContaining(['sales', 'everyone-else']));
    const budgets = (rules: typeof document.rules) => rules.filter(({ spend, minutes }) => spend ?? minutes);
    expect(budgets(inMoney.document.rules).every(({ spend }) => spend?.hard !== undefined)).toBe(true);
    const inMinutes = await suggested(honest, undefined);
    expect(budgets(inMinutes.document.rules).every(({ minutes }) => minutes?.hard !== undefined)).toBe(true);
  });

  it('name an extension that was stolen, and are not raised for the others by it', async () => {
    const attack = attackCalls('slow-and-low', site, 5).slice(0, 120);
    const [thief] = attack;
    const { suggestions } = await suggested([...honest, ...attack], trafficRates());
    const alone = suggestions.find(({ who }) => who === thief?.extension);
    expect(alone?.extensions).toEqual([thief?.extension]);
    const most = Math.max(...suggestions.filter((each) => each !== alone).map(({ ceilings }) => ceilings.abroadPerDay));
    expect(alone?.ceilings.abroadPerDay).toBeGreaterThan(10 * most);
  });

  it('take the place of those that were suggested before', async () => {
    const once = await suggested(honest, trafficRates());
    const again = await suggestCeilings({
      history: once.history,
      document: once.document,
      rates: trafficRates(),
      headRoom: 1.5,
    });
    expect(again.document).toEqual(once.document);
  });
});
