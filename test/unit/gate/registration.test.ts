import { describe, expect, it, test } from 'vitest';
import { type CallRequest, createGate } from '../../../src/gate/gate.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { policyOf } from '../../support/policy.ts';

const policy = policyOf({ emergencyNumbers: ['911'], extensions: { '1001': { registerFrom: ['203.0.113.0/24'] } } });
const never = () => Promise.reject(new Error('the store was asked'));
const gate = createGate({
  policy: () => policy,
  limits: {
    take: never,
    peek: never,
    giveBack: never,
    returnItems: never,
    renew: never,
    end: never,
    meter: never,
    beginHold: never,
    reach: never,
    learn: never,
    refill: never,
  },
  standingOf: () => ({ layer: 'allowlist', entry: 'Everywhere', exempt: true }),
  clock: { now: () => 1 as EpochMs, monotonicMs: () => 1 },
  deadlineMs: 250,
  newDecisionId: () => 'D1',
  log: { warn: () => undefined },
});
const call: CallRequest = {
  dialled: '15550100001',
  extension: '1001',
  trunk: 'carrier-a',
  campaign: undefined,
  source: '198.51.100.9',
};
const layerOf = async (request: CallRequest) => (await gate.explain(request)).verdict.layer;

describe('a call from where its extension may not be', () => {
  it('is refused before anything else is asked, an exempt address included', async () => {
    const { verdict } = await gate.decide(call, 'c1', 1);
    expect(verdict).toMatchObject({ name: 'block', layer: 'registration', rule: undefined, retryAfterMs: null });
    expect(verdict.reason).toContain('extension 1001 may register and call from 203.0.113.0/24 only');
  });

  it('goes if it is to an emergency number', async () => {
    expect((await gate.explain({ ...call, dialled: '911' })).verdict).toMatchObject({
      name: 'allow',
      layer: 'emergency',
    });
  });

  test.each([
    ['from where it may be', { source: '203.0.113.9' }],
    ['of which nobody knows where it comes from', { source: undefined }],
    ['whose source is no address', { source: 'somewhere' }],
    ['of another extension', { extension: '1002' }],
    ['of nobody', { extension: undefined }],
    ["that it transferred: the address is the carrier's", { sourceOf: 'carrier-a' }],
  ])('is no reason to refuse one %s', async (_, change) => {
    expect(await layerOf({ ...call, ...change })).toBe('allowlist');
  });

  it('is refused whatever extension the dialplan charges, by the phone that calls', async () => {
    expect(await layerOf({ ...call, extension: '7777', sourceOf: '1001' })).toBe('registration');
  });
});
