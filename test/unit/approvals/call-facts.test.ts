import { describe, expect, it } from 'vitest';
import { callFacts } from '../../../src/approvals/call-facts.ts';
import { compileRateSheet } from '../../../src/rates/rate-sheet.ts';
import { callOf, policyOf } from '../../support/policy.ts';

const policy = policyOf({
  extensions: { '1001': { name: 'Reception' } },
  groups: { desk: { members: ['1001'] } },
  rules: [{ id: 'abroad', limits: ['3/1h'], action: 'approve' }],
});
const [rule] = policy.rules;
const to = { country: 'CU', e164: '+5352345678', number: '5352345678' } as const;
const cuba = {
  ...callOf({ extension: '1001' }),
  destination: { ...callOf({}).destination, ...to, classes: new Set(['international', 'high-risk']) },
};
const told = (call: typeof cuba, more: Partial<Parameters<typeof callFacts>[2]> = {}) => {
  if (rule === undefined) throw new Error('the policy has no rule');
  return callFacts(call, rule, {
    document: policy.document,
    groupsOf: policy.groupsOf,
    sheet: undefined,
    isFirstCall: () => Promise.resolve(true),
    ...more,
  });
};

describe('what those who judge a held call are told', () => {
  it('is who calls, where to, whether for the first time, and what a minute costs', async () => {
    const sheet = compileRateSheet(
      [{ prefix: '+53', perMinuteMicros: 920_000, connectionMicros: 50_000, firstSeconds: 60, nextSeconds: 60 }],
      'EUR',
    );
    expect(await told(cuba, { sheet })).toMatchObject({
      name: 'Reception',
      groups: ['desk'],
      country: 'CU',
      classes: ['international', 'high-risk'],
      isFirst: true,
      cost: { currency: 'EUR', perMinute: 0.92, connection: 0.05 },
      limits: ['3 calls per 1 hour'],
    });
  });

  it('says how many calls more a raised limit is, and how many that makes with those of the rule itself', async () => {
    const { raises } = await told(cuba);
    // A bucket of 3 that fills up once in the hour: 5 within it, its last instant not counted.
    expect(raises.find(({ minutes }) => minutes === 60)).toEqual({ minutes: 60, calls: 3, most: 5 + 3 });
  });

  it('claims no first call of a dialler, at home, of nobody, or where nobody kept count', async () => {
    const home = { ...cuba, destination: { ...cuba.destination, classes: new Set(['national']) } };
    expect((await told({ ...cuba, campaign: 'summer' })).isFirst).toBeNull();
    expect((await told(home)).isFirst).toBeNull();
    expect((await told({ ...cuba, extension: undefined })).isFirst).toBeNull();
    expect((await told(cuba, { isFirstCall: () => Promise.resolve(undefined) })).isFirst).toBeNull();
  });
});
