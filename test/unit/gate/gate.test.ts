import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { TollgateError } from '../../../src/errors.ts';
import { type CallRequest, createGate } from '../../../src/gate/gate.ts';
import type { Charge, LimitStore, Taken } from '../../../src/gate/limit-store.ts';
import { StoreTimeout } from '../../../src/gate/redis-limit-store.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { readBucket } from '../../../src/policy/token-bucket.ts';
import { policyOf } from '../../support/policy.ts';

/** Only for what a real store cannot be made to do on purpose; everything else is tested against Redis. */
interface StoreThatCanFail extends LimitStore {
  readonly asked: string[];
}

const NOON = 1_800_000_000_000 as EpochMs;
const clock: Clock = { now: () => NOON, monotonicMs: () => 1000 };
const unavailable = new TollgateError('STORE_UNAVAILABLE', 'the store cannot be reached');

const storeWith = (
  answer: (charges: readonly Charge[]) => Promise<Taken>,
  giveBack: () => Promise<void> = () => Promise.resolve(),
): StoreThatCanFail => {
  const asked: string[] = [];
  return {
    asked,
    take: (_payer, charges) => {
      asked.push('take');
      return answer(charges);
    },
    peek: (charges) => {
      asked.push('peek');
      return answer(charges);
    },
    giveBack,
    returnItems: giveBack,
    renew: () => Promise.reject(unavailable),
    end: () => Promise.reject(unavailable),
    meter: () => Promise.reject(unavailable),
    beginHold: () => Promise.reject(unavailable),
    reach: () => Promise.reject(unavailable),
    learn: () => Promise.reject(unavailable),
    refill: () => Promise.reject(unavailable),
  };
};
const down = () => storeWith(() => Promise.reject(unavailable));

const takenWith = (charges: readonly Charge[], state: 'room' | 'lacking'): Taken => ({
  outcome: state === 'room' ? 'taken' : 'refused',
  at: NOON,
  readings: charges.map(({ subject, count }) => ({
    subject,
    count,
    state,
    waitMs: 0,
    limits: count.limits.map((limit) => {
      const debt = state === 'room' ? 0 : limit.count * limit.periodSeconds * 1000;
      return readBucket(limit, debt, debt);
    }),
  })),
  receipt: { payer: { callId: 'call-1', destination: '' }, items: [] },
});
const answering = (state: 'room' | 'lacking', giveBack: () => Promise<void> = () => Promise.resolve()) =>
  storeWith((charges) => Promise.resolve(takenWith(charges, state)), giveBack);

const gateWith = (limits: LimitStore, document: object) => {
  const policy = policyOf(document);
  const warnings: string[] = [];
  const log = { warn: (_data: object, message: string): void => void warnings.push(message) };
  const newDecisionId = (): string => 'D1';
  const gate = createGate({ policy: () => policy, limits, clock, deadlineMs: 250, newDecisionId, log });
  return { ...gate, warnings, decideNow: (request: CallRequest) => gate.decide(request, 'call-1', 1000) };
};

const callTo = (dialled: string): CallRequest => ({
  dialled,
  extension: '1001',
  trunk: undefined,
  campaign: undefined,
  source: undefined,
});
const LIMITED = { id: 'limited', limits: ['5/1s'] };
const STRICT = { id: 'strict', limits: ['5/1s'], whenStoreFails: 'block' };
const NEVER = { id: 'never', limits: [] };

describe('the gate', () => {
  it('lets an emergency call go without asking the store or any rule', async () => {
    const store = down();
    const gate = gateWith(store, { dialling: { outside: ['9'] }, rules: [STRICT, NEVER] });
    for (const dialled of ['911', '9911', '112;phone-context=+1']) {
      const decision = await gate.decideNow(callTo(dialled));
      expect(decision).toMatchObject({ verdict: { name: 'allow', reason: 'emergency number' }, store: 'not-needed' });
      expect(decision.findings).toEqual([]);
      expect((await gate.explain(callTo(dialled))).verdict.name).toBe('allow');
      await decision.giveBack();
    }
    expect(store.asked).toEqual([]);
  });

  it('asks no store where no rule that applies has limits', async () => {
    const store = down();
    const gate = gateWith(store, { rules: [{ ...LIMITED, enabled: false }, NEVER] });
    expect(await gate.decideNow(callTo('5550100'))).toMatchObject({
      verdict: { name: 'block', rule: { id: 'never' } },
      store: 'not-needed',
    });
    expect(store.asked).toEqual([]);
  });

  it('only looks at the limits of a call that a rule without limits refuses', async () => {
    const store = answering('room');
    const gate = gateWith(store, { rules: [LIMITED, NEVER] });
    const decision = await gate.decideNow(callTo('5550100'));
    expect(decision.verdict).toMatchObject({ name: 'block', rule: { id: 'never' }, retryAfterMs: null });
    expect(decision.findings).toHaveLength(2);
    expect(store.asked).toEqual(['peek']);
  });

  it.each([
    ['in shadow', { ...NEVER, mode: 'shadow' }],
    ['that only tells', { ...NEVER, action: 'alert' }],
  ])('takes from the limits of a call that meets a rule without limits %s', async (_name, never) => {
    const store = answering('room');
    await gateWith(store, { rules: [LIMITED, never] }).decideNow(callTo('5550100'));
    expect(store.asked).toEqual(['take']);
  });

  it('has a finding for each rule that applies, in the order of the policy, and can say why the others do not', async () => {
    const rules = [LIMITED, { ...LIMITED, id: 'off', enabled: false }, { ...LIMITED, id: 'seen', mode: 'shadow' }];
    const decision = await gateWith(answering('lacking'), { rules }).decideNow(callTo('5550100'));
    expect(decision.findings.map((finding) => [finding.rule.id, finding.applies])).toEqual([
      ['limited', true],
      ['seen', true],
    ]);
    expect(decision.passedOver.count).toBe(1);
    expect(decision.passedOver.first(10)).toMatchObject([
      { rule: { id: 'off' }, applies: false, because: { why: 'disabled' } },
    ]);
    expect(decision).toMatchObject({ id: 'D1', at: NOON, store: 'asked', verdict: { name: 'block' } });
  });

  it('asks tokens of rules that refuse, takes them where there are some for rules that tell, and only counts in shadow', async () => {
    const demands: string[] = [];
    const store = storeWith((charges) => {
      demands.push(...charges.map(({ rule, demand }) => `${rule.id} ${demand}`));
      return Promise.resolve(takenWith(charges, 'room'));
    });
    const told = { ...LIMITED, id: 'told', action: 'alert' };
    const seen = { ...LIMITED, id: 'seen', mode: 'shadow' };
    await gateWith(store, { rules: [LIMITED, told, seen, { ...seen, id: 'off', enabled: false }] }).decideNow(
      callTo('5550100'),
    );
    expect(demands).toEqual(['limited required', 'told lenient', 'seen shadow']);
  });

  it('does for each rule what its whenStoreFails says when the store cannot be asked', async () => {
    const open = await gateWith(down(), { rules: [LIMITED] }).decideNow(callTo('5550100'));
    expect(open).toMatchObject({
      verdict: { name: 'allow', rule: undefined },
      store: 'failed',
      storeProblem: 'the store cannot be reached',
    });
    const shut = await gateWith(down(), { rules: [LIMITED, STRICT] }).decideNow(callTo('5550100'));
    expect(shut).toMatchObject({ verdict: { name: 'block', rule: { id: 'strict' } }, store: 'failed' });
  });

  it('explains with a store that is down as it decides', async () => {
    const gate = gateWith(down(), { rules: [LIMITED, STRICT] });
    expect(await gate.explain(callTo('5550100'))).toMatchObject({
      verdict: { name: 'block', rule: { id: 'strict' } },
      store: 'failed',
      storeProblem: 'the store cannot be reached',
    });
  });

  it('gives back what the store took too late for a call that was refused meanwhile', async () => {
    let given = 0;
    const counting = (): Promise<void> => {
      given += 1;
      return Promise.resolve();
    };
    const late = takenWith([], 'room');
    const store = storeWith(() => Promise.reject(new StoreTimeout('too late', Promise.resolve(late))), counting);
    const shut = await gateWith(store, { rules: [STRICT] }).decideNow(callTo('5550100'));
    expect(shut.verdict.name).toBe('block');
    await expect.poll(() => given).toBe(1);
  });

  it('leaves with the call what the store took too late for one that went out meanwhile', async () => {
    let given = 0;
    const counting = (): Promise<void> => {
      given += 1;
      return Promise.resolve();
    };
    const late = takenWith([], 'room');
    const store = storeWith(() => Promise.reject(new StoreTimeout('too late', Promise.resolve(late))), counting);
    const open = await gateWith(store, { rules: [LIMITED] }).decideNow(callTo('5550100'));
    expect(open.verdict.name).toBe('allow');
    await new Promise((resolve) => setImmediate(resolve));
    expect(given).toBe(0);
  });

  it('gives back on demand, and only warns when the store is gone by then', async () => {
    let given = 0;
    const counting = (): Promise<void> => {
      given += 1;
      return Promise.resolve();
    };
    const works = gateWith(answering('room', counting), { rules: [LIMITED] });
    await (await works.decideNow(callTo('5550100'))).giveBack();
    expect(given).toBe(1);
    const broken = gateWith(
      answering('room', () => Promise.reject(unavailable)),
      { rules: [LIMITED] },
    );
    await (await broken.decideNow(callTo('5550100'))).giveBack();
    expect(broken.warnings).toEqual(['what a call took could not be given back']);
  });
});
