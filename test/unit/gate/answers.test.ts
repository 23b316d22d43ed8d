/** The gate, asked again for a call that was held: what people said of it is one more finding, and never a free pass. */
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../../src/clock.ts';
import { type Answer, type CallRequest, createGate, type Decision } from '../../../src/gate/gate.ts';
import { createMemoryLimitStore } from '../../../src/gate/memory-limit-store.ts';
import type { EpochMs } from '../../../src/policy/call.ts';
import { policyOf } from '../../support/policy.ts';

const NOON = 1_800_000_000_000 as EpochMs;
const clock: Clock = { now: () => NOON, monotonicMs: () => 1000 };
const YES: Answer = { approved: true, reason: 'approved by cli anna' };
const NO: Answer = { approved: false, reason: 'refused by cli anna: not her customer' };

const ASK = { id: 'ask', limits: ['2/1h'], action: 'approve' };
const ALWAYS = { id: 'always', limits: [], action: 'approve' };
const ROOMY = { id: 'roomy', limits: ['50/1h'] };
const NEVER = { id: 'never', limits: [] };

const site = (document: object) => {
  let policy = policyOf(document);
  const limits = createMemoryLimitStore({ clock });
  const gate = createGate({
    policy: () => policy,
    limits,
    clock,
    deadlineMs: 250,
    newDecisionId: () => 'D1',
    log: { warn: () => undefined },
  });
  const request = (dialled: string): CallRequest => ({
    dialled,
    extension: '1001',
    trunk: undefined,
    campaign: undefined,
    source: undefined,
  });
  let lastCall = 0;
  return {
    change: (next: object): void => {
      policy = policyOf(next);
    },
    /** A call of its own unless one is named. */
    call: (
      answers: Readonly<Record<string, Answer>> = {},
      { id = `call-${++lastCall}`, dialled = '5550100' } = {},
    ): Promise<Decision> => gate.decide(request(dialled), id, 1000, new Map(Object.entries(answers))),
    used: async (rule: string): Promise<number | undefined> => {
      const { findings } = await gate.explain(request('5550100'));
      const finding = findings.find((each) => each.rule.id === rule);
      return finding?.applies === true ? finding.readings[0]?.limits[0]?.used : undefined;
    },
  };
};

describe('a call that was approved', () => {
  it('goes out, says who let it, and takes what the rule has left, never more', async () => {
    const { call, used } = site({ rules: [ASK] });
    for (const left of [1, 2]) {
      expect((await call()).verdict.name).toBe('allow');
      expect(await used('ask')).toBe(left);
    }
    expect((await call()).verdict).toMatchObject({ name: 'hold', rule: { id: 'ask' } });
    for (let turn = 0; turn < 3; turn++) {
      expect((await call({ ask: YES })).verdict).toMatchObject({
        name: 'allow',
        rule: undefined,
        reason: 'Rule ask: approved by cli anna',
      });
      expect(await used('ask')).toBe(2);
    }
  });

  it('pays the other rules also where the approved rule has nothing left to take', async () => {
    const { call, used } = site({ rules: [{ ...ASK, limits: ['1/1h'] }, ROOMY] });
    await call();
    expect((await call({ ask: YES })).verdict.name).toBe('allow');
    expect([await used('ask'), await used('roomy')]).toEqual([1, 2]);
  });

  it('pays the approved rule like any other call where there is room again', async () => {
    const { call, used } = site({ rules: [ASK] });
    expect((await call({ ask: YES })).verdict.name).toBe('allow');
    expect(await used('ask')).toBe(1);
  });

  it('goes out past an unconditional rule, and takes from the others', async () => {
    const { call, used } = site({ rules: [ALWAYS, ROOMY] });
    expect((await call()).verdict).toMatchObject({ name: 'hold', rule: { id: 'always' } });
    expect(await used('roomy')).toBe(0);
    expect((await call({ always: YES })).verdict).toMatchObject({
      name: 'allow',
      reason: 'Rule always: approved by cli anna',
    });
    expect(await used('roomy')).toBe(1);
  });

  it('is refused by another rule without limits, and takes nothing then', async () => {
    const { call, used } = site({ rules: [ALWAYS, ROOMY, NEVER] });
    expect((await call({ always: YES })).verdict).toMatchObject({ name: 'block', rule: { id: 'never' } });
    expect(await used('roomy')).toBe(0);
  });

  it('is refused by another rule that is used up, and takes nothing then, of the approved one either', async () => {
    const { call, used } = site({ rules: [{ ...ASK, limits: ['5/1h'] }, ROOMY, { id: 'tight', limits: ['1/1h'] }] });
    await call();
    expect((await call({ ask: YES })).verdict).toMatchObject({ name: 'block', rule: { id: 'tight' } });
    expect([await used('ask'), await used('roomy'), await used('tight')]).toEqual([1, 1, 1]);
  });

  it('is held by each rule that asks, one after the other, and goes when all approved', async () => {
    const { call, used } = site({ rules: [ALWAYS, { ...ALWAYS, id: 'second' }, ROOMY] });
    const id = 'call-of-two';
    expect((await call({}, { id })).verdict).toMatchObject({ name: 'hold', rule: { id: 'always' } });
    expect((await call({ always: YES }, { id })).verdict).toMatchObject({ name: 'hold', rule: { id: 'second' } });
    expect(await used('roomy')).toBe(0);
    const both = await call({ always: YES, second: YES }, { id });
    expect(both.verdict).toMatchObject({
      name: 'allow',
      reason: 'Rule always: approved by cli anna, Rule second: approved by cli anna',
    });
    expect(await used('roomy')).toBe(1);
  });

  it('is not charged again where it asks again', async () => {
    const { call, used } = site({ rules: [ALWAYS, ROOMY] });
    for (let turn = 0; turn < 3; turn++) await call({ always: YES }, { id: 'one' });
    expect(await used('roomy')).toBe(1);
  });
});

describe('a call that was refused', () => {
  it('is blocked in the words of whoever refused, and takes nothing', async () => {
    const { call, used } = site({ rules: [ALWAYS, ROOMY] });
    expect((await call({ always: NO })).verdict).toMatchObject({
      name: 'block',
      rule: { id: 'always' },
      reason: 'Rule always does not let the call go: refused by cli anna: not her customer',
      retryAfterMs: null,
    });
    expect(await used('roomy')).toBe(0);
  });

  it('is blocked although the rule has room again, and takes nothing of it', async () => {
    const { call, used } = site({ rules: [ASK] });
    expect((await call({ ask: NO })).verdict).toMatchObject({ name: 'block', rule: { id: 'ask' } });
    expect(await used('ask')).toBe(0);
  });

  it('is blocked although the rule is gone, and takes nothing of the others', async () => {
    const { call, used, change } = site({ rules: [ALWAYS, ROOMY] });
    change({ rules: [ROOMY] });
    const { verdict } = await call({ always: NO });
    expect(verdict).toMatchObject({ name: 'block', rule: undefined });
    expect(verdict.reason).toContain('Rule always does not let the call go');
    expect(await used('roomy')).toBe(0);
  });

  it('is blocked where one of two rules was approved before', async () => {
    const { call } = site({ rules: [ALWAYS, { ...ALWAYS, id: 'second' }] });
    expect((await call({ always: YES, second: NO })).verdict).toMatchObject({ name: 'block', rule: { id: 'second' } });
  });
});

describe('an emergency call', () => {
  it.each([
    ['approved', YES],
    ['refused', NO],
  ])('goes before any answer is looked at: %s', async (_what, answer) => {
    const { call } = site({ rules: [ALWAYS] });
    expect((await call({ always: answer }, { dialled: '911' })).verdict).toMatchObject({
      name: 'allow',
      reason: 'emergency number',
    });
  });
});
