/** The starter packs against made-up traffic: the aims that `npm run bench -- --only fraud` measures at length. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ATTACK_NAMES, attackCalls } from '../traffic/attacks.ts';
import { DAY_MS, FIRST_DAY_MS } from '../traffic/call.ts';
import { type AttackFigures, measureAttack, measureHonest, trafficRates } from '../traffic/measure.ts';
import { defaultPolicy, packPolicy } from '../traffic/site-policy.ts';
import { honestCalls, siteOf } from '../traffic/sites.ts';

const SEED = 11;
const rates = trafficRates();
const share = ({ leaked, loss }: AttackFigures): number => leaked / loss;

describe('an office with its starter pack', () => {
  const site = siteOf('office');
  const policy = packPolicy(site);
  const calls = honestCalls(site, { seed: SEED, weeks: 6 });
  const abroad = calls.filter(
    ({ dialled, startMs }) =>
      startMs < FIRST_DAY_MS + 35 * DAY_MS && policy.readDestination(dialled).classes.has('international'),
  );
  const figures = new Map<string, AttackFigures>();

  beforeAll(async () => {
    for (const name of ATTACK_NAMES) {
      figures.set(name, await measureAttack(attackCalls(name, site, SEED), abroad, policy, rates));
    }
  });

  it.each(ATTACK_NAMES)('loses at most $150 to %s, and notices it', (name) => {
    const one = figures.get(name);
    expect(one?.loss).toBeGreaterThan(5);
    expect(one?.leaked).toBeLessThan(150);
    expect(one?.stoppedAfterSeconds).toBeLessThan(3 * 86_400);
  });

  it('leaks at most 0.3 % of the loss, in the mean of all patterns', () => {
    const mean = [...figures.values()].reduce((sum, each) => sum + share(each), 0) / figures.size;
    expect(mean).toBeLessThan(0.003);
  });

  it('refuses and ends no honest call, and holds at most 5 in 10,000', async () => {
    const honest = await measureHonest(calls, policy, rates, FIRST_DAY_MS + 28 * DAY_MS);
    expect(honest.calls).toBeGreaterThan(2000);
    expect({ refused: honest.refused, cut: honest.cut }).toEqual({ refused: 0, cut: 0 });
    expect((10_000 * honest.held) / honest.calls).toBeLessThanOrEqual(5);
  });

  it('is needed: without it the same weekend costs thousands', async () => {
    const attack = attackCalls('weekend-pump', site, SEED);
    const { loss, leaked, stoppedAfterSeconds } = await measureAttack(attack, [], defaultPolicy(site), rates);
    expect(leaked).toBe(loss);
    expect(loss).toBeGreaterThan(5000);
    expect(stoppedAfterSeconds).toBeUndefined();
  });
});

it('a pack that knows every country still stops a thief by what he spends', async () => {
  // As if the site had called everywhere before: nothing is held, money alone decides.
  const site = siteOf('company');
  const policy = packPolicy(site);
  const attack = attackCalls('cheap-country-drift', site, SEED);
  const known = honestCalls(site, { seed: SEED, weeks: 1 }).filter(({ dialled }) => dialled.startsWith('011'));
  const { leaked, loss } = await measureAttack(attack, known, policy, rates);
  expect(leaked).toBeGreaterThan(0);
  expect(share({ leaked, loss, calls: 0, stoppedAfterSeconds: 0 })).toBeLessThan(0.004);
});
