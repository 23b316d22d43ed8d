import { describe, expect, it } from 'vitest';
import type { Decision, Explanation } from '../../../src/gate/gate.ts';
import { reportDecision, reportExplanation, wholeSeconds } from '../../../src/gate/report.ts';
import type { EpochMs, Subject } from '../../../src/policy/call.ts';
import { readBucket } from '../../../src/policy/token-bucket.ts';
import { type Finding, findingOf, findingWithoutStore, type Reading, verdictOf } from '../../../src/policy/verdict.ts';
import { callOf, ruleOf } from '../../support/policy.ts';

const ALWAYS = { why: 'every-call' } as const;
const WHO: Subject = { kind: 'extension', id: '1001' };

const explanationOf = (findings: readonly Finding[], store: Explanation['store'] = 'asked'): Explanation => ({
  at: 1_800_000_000_000 as EpochMs,
  call: callOf({ extension: '1001', trunk: 'carrier-a' }),
  verdict: verdictOf(findings),
  findings,
  store,
  storeProblem: store === 'failed' ? 'the store cannot be reached' : undefined,
});

/** `before` and `after` in units of the bucket of the rule's first limit. */
const counted = (fields: object, state: Reading['state'], before: number, after: number, subject = WHO): Finding => {
  const rule = ruleOf(fields);
  const [limit] = rule.limits;
  if (limit === undefined) throw new Error('a rule with a limit');
  const [count] = rule.counts;
  if (count === undefined) throw new Error('a rule that counts');
  return findingOf(rule, ALWAYS, [{ subject, count, state, waitMs: 0, limits: [readBucket(limit, before, after)] }]);
};

describe('the report of a decision', () => {
  it('has the field names of the contract and no others beside those documented', () => {
    const report = reportExplanation(explanationOf([counted({ limits: ['5/1s'] }, 'lacking', 4500, 4500)]));
    expect(report).toEqual({
      verdict: 'block',
      layer: 'rules',
      rule: 'tested',
      reason: 'Rule tested refuses: extension 1001 has used 5 of 5 calls per 1 second',
      retryAfterSeconds: 1,
      waitMs: null,
      maxSeconds: null,
      extension: '1001',
      destination: '3055550100',
      dialled: '3055550100',
      destinationLabel: 'unknown',
      trunk: 'carrier-a',
      campaign: null,
      source: null,
      zone: null,
      store: 'asked',
      storeProblem: null,
      findings: [
        {
          rule: 'tested',
          name: 'tested',
          action: 'block',
          mode: 'enforce',
          applies: true,
          because: 'the rule applies to every call',
          exceeded: true,
          waitMs: null,
          alreadyCharged: false,
          limit: '5/1s',
          used: 5,
          remaining: 0,
          retryAfterSeconds: 1,
          limits: [
            {
              subject: 'extension 1001',
              kind: 'limits',
              limit: '5/1s',
              used: 5,
              usedAfter: 5,
              remaining: 0,
              retryAfterSeconds: 1,
            },
          ],
        },
      ],
    });
  });

  it('adds id, time, node and duration to those of an explanation', () => {
    const explanation = explanationOf([]);
    const decision: Decision = {
      ...explanation,
      id: 'D1',
      callId: 'C1',
      tookMs: 1.23456,
      passedOver: { count: 0, first: () => [] },
      receipt: undefined,
      giveBack: () => Promise.resolve(),
    };
    const beside = { node: 'pbx1', extensionName: 'Reception', trunksTried: ['carrier-a', 'carrier-b'] };
    expect(reportDecision(decision, beside)).toEqual({
      id: 'D1',
      at: '2027-01-15T08:00:00.000Z',
      node: 'pbx1',
      call: 'C1',
      extensionName: 'Reception',
      trunksTried: ['carrier-a', 'carrier-b'],
      end: null,
      held: null,
      ...reportExplanation(explanation),
      tookMs: 1.23,
      rulesNotListed: 0,
    });
  });

  it('of thousands of rules lists those that acted, twenty that do not apply, and how many more there are', () => {
    const passing = Array.from({ length: 150 }, () => counted({ limits: ['5/1s'] }, 'room', 0, 1000));
    const acting = counted({ id: 'acting', limits: ['5/1s'] }, 'lacking', 4500, 4500);
    const shadow = counted({ id: 'seen', mode: 'shadow', limits: ['5/1s'] }, 'lacking', 4500, 4500);
    const not: Finding = { rule: ruleOf({ id: 'not' }), applies: false, because: { why: 'disabled' } };
    const decision: Decision = {
      ...explanationOf([...passing, shadow, acting]),
      id: 'D1',
      callId: 'C1',
      tookMs: 1,
      passedOver: { count: 9000, first: (most) => Array.from({ length: most }, () => not) },
      receipt: undefined,
      giveBack: () => Promise.resolve(),
    };
    const { findings, rulesNotListed } = reportDecision(decision, {
      node: 'pbx1',
      extensionName: undefined,
      trunksTried: [],
    });
    expect(findings.slice(0, 3).map(({ rule }) => rule)).toEqual(['acting', 'seen', 'tested']);
    expect(findings.map(({ applies }) => applies)).toEqual([...Array(100).fill(true), ...Array(20).fill(false)]);
    expect(rulesNotListed).toBe(9152 - 120);
  });

  it('names no rule on a plain allow', () => {
    expect(reportExplanation(explanationOf([]))).toMatchObject({
      verdict: 'allow',
      rule: null,
      reason: 'within every limit',
      retryAfterSeconds: 0,
      findings: [],
    });
  });

  it('has counts before and after a call that was let go', () => {
    const [finding] = reportExplanation(explanationOf([counted({ limits: ['5/1s'] }, 'room', 1000, 2000)])).findings;
    expect(finding).toMatchObject({ exceeded: false, used: 1, remaining: 4, retryAfterSeconds: 0 });
    expect(finding?.limits).toMatchObject([{ used: 1, usedAfter: 2, remaining: 4, retryAfterSeconds: 0 }]);
  });

  it('has nothing to count where a rule does not apply', () => {
    const rule = ruleOf({ limits: ['5/1s'], mode: 'shadow' });
    const { findings } = reportExplanation(explanationOf([{ rule, applies: false, because: { why: 'disabled' } }]));
    expect(findings).toEqual([
      {
        rule: 'tested',
        name: 'tested',
        action: 'block',
        mode: 'shadow',
        applies: false,
        because: 'the rule is disabled',
        exceeded: false,
        waitMs: null,
        alreadyCharged: false,
        limit: null,
        used: null,
        remaining: null,
        retryAfterSeconds: null,
        limits: [],
      },
    ]);
  });

  it('has no time at which a rule without limits would let the call pass', () => {
    const report = reportExplanation(explanationOf([findingOf(ruleOf({ limits: [] }), ALWAYS, [])], 'not-needed'));
    expect(report).toMatchObject({ verdict: 'block', retryAfterSeconds: null, store: 'not-needed' });
    expect(report.findings).toMatchObject([{ exceeded: true, limit: null, used: null, retryAfterSeconds: null }]);
  });

  it('says that the counts could not be read', () => {
    const finding = findingWithoutStore(ruleOf({ limits: ['5/1s'] }), ALWAYS);
    const report = reportExplanation(explanationOf([finding], 'failed'));
    expect(report).toMatchObject({ verdict: 'allow', store: 'failed', storeProblem: 'the store cannot be reached' });
    expect(report.findings).toMatchObject([
      { because: 'the rule applies to every call; its counts could not be read', used: null, retryAfterSeconds: 0 },
    ]);
  });

  it('says that a call had paid before', () => {
    const [finding] = reportExplanation(explanationOf([counted({ limits: ['5/1s'] }, 'counted', 5000, 5000)])).findings;
    expect(finding).toMatchObject({ alreadyCharged: true, exceeded: false, retryAfterSeconds: 0 });
  });

  it('says how long a call waits for its place, and how long it may then last', () => {
    const rule = ruleOf({ limits: ['4/1s'], action: 'wait', burst: 1, maxDuration: '60m' });
    const [count] = rule.counts;
    const [limit] = rule.limits;
    if (count === undefined || limit === undefined) throw new Error('a rule with a limit');
    const limits = [readBucket(limit, 1000, 2000, 1)];
    const finding = findingOf(rule, ALWAYS, [{ subject: WHO, count, state: 'later', waitMs: 250, limits }]);
    const report = reportExplanation(explanationOf([finding]));
    expect(report).toMatchObject({ verdict: 'wait', waitMs: 250, maxSeconds: 3600, retryAfterSeconds: 0 });
    expect(report.findings).toMatchObject([{ exceeded: true, waitMs: 250, retryAfterSeconds: 0 }]);
  });

  it('tells calls at once and holds from calls that start, and when nobody can say how long', () => {
    const rule = ruleOf({ concurrent: 4, holdAfter: { answered: '7d' } });
    const readings = rule.counts.map((count): Reading => {
      const full = count.kind === 'concurrent';
      const [limit] = count.limits;
      const counts = { used: full ? 4 : 0, usedAfter: full ? 4 : 0, remaining: full ? 0 : 1 };
      const limits = limit === undefined ? [] : [{ limit, ...counts, roomAfterMs: full ? null : 0 }];
      return { subject: WHO, count, state: full ? 'lacking' : 'room', waitMs: 0, limits };
    });
    const report = reportExplanation(explanationOf([findingOf(rule, ALWAYS, readings)]));
    expect(report).toMatchObject({ verdict: 'block', retryAfterSeconds: null, waitMs: null });
    expect(report.findings[0]?.limits).toMatchObject([
      { kind: 'concurrent', limit: '4 at once', used: 4, remaining: 0, retryAfterSeconds: null },
      { kind: 'hold', limit: 'hold 7d', used: 0, remaining: 1, retryAfterSeconds: 0 },
    ]);
  });

  it('names the whole system in words', () => {
    const finding = counted({ limits: ['5/1s'], countPer: 'system' }, 'room', 0, 1000, { kind: 'system', id: '' });
    expect(reportExplanation(explanationOf([finding])).findings[0]?.limits[0]?.subject).toBe('the whole system');
  });

  it('is the same after a way through JSON, so that nothing in it is left out or misread', () => {
    const report = reportExplanation(explanationOf([counted({ limits: ['5/1s'] }, 'lacking', 5000, 5000)]));
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });
});

describe('seconds to wait', () => {
  it('are rounded up, so that asking again then is never too early', () => {
    expect([0, 1, 999, 1000, 1001].map(wholeSeconds)).toEqual([0, 1, 1, 1, 2]);
    expect(wholeSeconds(null)).toBeNull();
  });
});
