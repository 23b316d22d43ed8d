import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Action, VERDICTS } from '../../../src/policy/actions/action.ts';
import type { Subject } from '../../../src/policy/call.ts';
import type { Because, Rule } from '../../../src/policy/rule.ts';
import { readBucket } from '../../../src/policy/token-bucket.ts';
import {
  decisiveReading,
  type Finding,
  findingOf,
  findingWithoutStore,
  type Reading,
  verdictOf,
} from '../../../src/policy/verdict.ts';
import { ruleOf } from '../../support/policy.ts';

const ALWAYS: Because = { why: 'every-call' };
const WHO: Subject = { kind: 'extension', id: '1001' };

/** Debts in whole calls, one for each limit of the rule. */
const readingOf = (rule: Rule, state: Reading['state'], calls: readonly number[], subject = WHO): Reading => ({
  subject,
  count: rule.counts[0] ?? { kind: 'limits', limits: rule.limits },
  state,
  waitMs: 0,
  limits: rule.limits.map((limit, at) => {
    const debtBefore = (calls[at] ?? 0) * limit.periodSeconds * 1000;
    return readBucket(limit, debtBefore, debtBefore);
  }),
});

const refusing = (fields: object, calls: readonly number[]): Finding => {
  const rule = ruleOf(fields);
  return findingOf(rule, ALWAYS, [readingOf(rule, 'lacking', calls)]);
};

/** A rule of an action that may not be in the registry yet: the order of severities is already settled. */
const withAction = (rule: Rule, verdict: Action['verdict']): Rule => ({
  ...rule,
  action: { name: verdict, verdict, demand: 'required', fields: {}, verb: `would ${verdict}`, answer: () => ({}) },
});

describe('what one rule found', () => {
  it('is within its limits where every reading has room', () => {
    const rule = ruleOf({ limits: ['5/1s'] });
    expect(findingOf(rule, ALWAYS, [readingOf(rule, 'room', [4])])).toMatchObject({
      verdict: 'allow',
      retryAfterMs: 0,
    });
  });

  it('is within its limits where the call had paid before, whatever is left', () => {
    const rule = ruleOf({ limits: ['5/1s'] });
    const finding = findingOf(rule, ALWAYS, [readingOf(rule, 'counted', [5])]);
    expect(finding).toMatchObject({ verdict: 'allow', retryAfterMs: 0 });
  });

  it('is exceeded where one subject lacks, and lasts until the last limit of it has room', () => {
    const rule = ruleOf({ limits: ['5/1s', '10/1m'], countPer: 'group' });
    const readings = [readingOf(rule, 'room', [0, 0]), readingOf(rule, 'lacking', [5, 10])];
    expect(findingOf(rule, ALWAYS, readings)).toMatchObject({ verdict: 'block', retryAfterMs: 6000 });
  });

  it('of a rule without limits is exceeded for ever', () => {
    expect(findingOf(ruleOf({ limits: [] }), ALWAYS, [])).toMatchObject({ verdict: 'block', retryAfterMs: null });
  });

  it('without the store is what whenStoreFails says', () => {
    const open = findingWithoutStore(ruleOf({ limits: ['5/1s'] }), ALWAYS);
    const shut = findingWithoutStore(ruleOf({ limits: ['5/1s'], whenStoreFails: 'block' }), ALWAYS);
    expect(open).toMatchObject({ verdict: 'allow', storeFailed: true, readings: [] });
    expect(shut).toMatchObject({ verdict: 'block', storeFailed: true, readings: [] });
  });
});

describe('the limit that decides', () => {
  it('is the one that has room last', () => {
    const finding = refusing({ limits: ['5/1s', '10/1m'] }, [5, 10]);
    expect(decisiveReading(finding)?.reading.limit.text).toBe('10/1m');
  });

  it('is the one with the least left where all have room', () => {
    const rule = ruleOf({ limits: ['5/1s', '10/1m', '100/1d'] });
    const finding = findingOf(rule, ALWAYS, [readingOf(rule, 'room', [1, 8, 2])]);
    expect(decisiveReading(finding)?.reading.limit.text).toBe('10/1m');
  });

  it('is found where far more than two calls are left of each', () => {
    const rule = ruleOf({ limits: ['500/1s', '400/1m'] });
    const finding = findingOf(rule, ALWAYS, [readingOf(rule, 'room', [0, 0])]);
    expect(decisiveReading(finding)?.reading.limit.text).toBe('400/1m');
  });

  it('belongs to the subject that lacks, not to one that the call had paid for', () => {
    const rule = ruleOf({ limits: ['1/1h'], countPer: 'group' });
    const paid = { kind: 'group', id: 'paid' } as const;
    const lacking = { kind: 'group', id: 'lacking' } as const;
    const half = readingOf(rule, 'lacking', [0.5], lacking);
    const finding = findingOf(rule, ALWAYS, [readingOf(rule, 'counted', [1], paid), half]);
    expect(decisiveReading(finding)?.subject).toEqual(lacking);
    expect(verdictOf([finding])).toMatchObject({
      retryAfterMs: 1_800_000,
      reason: 'Rule tested refuses: group lacking has used 1 of 1 call per 1 hour',
    });
  });

  it('does not exist where the rule does not apply, has no limits, or could not be read', () => {
    const rule = ruleOf({ limits: ['5/1s'] });
    expect(decisiveReading({ rule, applies: false, because: { why: 'disabled' } })).toBeUndefined();
    expect(decisiveReading(findingOf(ruleOf({ limits: [] }), ALWAYS, []))).toBeUndefined();
    expect(decisiveReading(findingWithoutStore(rule, ALWAYS))).toBeUndefined();
  });
});

describe('the verdict', () => {
  it('is a plain allow where no rule stands', () => {
    expect(verdictOf([])).toEqual({
      name: 'allow',
      layer: 'rules',
      rule: undefined,
      reason: 'within every limit',
      retryAfterMs: 0,
      waitMs: 0,
      maxSeconds: undefined,
    });
  });

  it('names the rule, the subject, what it has used and the limit', () => {
    expect(verdictOf([refusing({ id: 'default', limits: ['5/1s'] }, [5])])).toMatchObject({
      name: 'block',
      rule: { id: 'default' },
      reason: 'Rule default refuses: extension 1001 has used 5 of 5 calls per 1 second',
      retryAfterMs: 200,
    });
  });

  it('says it of the whole system in the same words', () => {
    const rule = ruleOf({ limits: ['5/1s'], countPer: 'system' });
    const reading = readingOf(rule, 'lacking', [5], { kind: 'system', id: '' });
    expect(verdictOf([findingOf(rule, ALWAYS, [reading])]).reason).toBe(
      'Rule tested refuses: the whole system has used 5 of 5 calls per 1 second',
    );
  });

  it('says of a rule without limits that it acts on every call, and never will not', () => {
    expect(verdictOf([findingOf(ruleOf({ limits: [] }), ALWAYS, [])])).toMatchObject({
      name: 'block',
      reason: 'Rule tested refuses every call that it applies to',
      retryAfterMs: null,
    });
  });

  it('of an exceeded alert lets the call pass now and tells which rule', () => {
    expect(verdictOf([refusing({ action: 'alert', limits: ['1/1h'] }, [1])])).toMatchObject({
      name: 'alert',
      rule: { id: 'tested' },
      reason: 'Rule tested reports: extension 1001 has used 1 of 1 call per 1 hour',
      retryAfterMs: 0,
    });
  });

  it('of a store that fails blocks where the rule is written to, even if its action would only tell', () => {
    const rule = ruleOf({ action: 'alert', limits: ['5/1s'], whenStoreFails: 'block' });
    expect(verdictOf([findingWithoutStore(rule, ALWAYS)])).toMatchObject({
      name: 'block',
      reason: 'Rule tested refuses: its counts cannot be read and it is set to block then',
      retryAfterMs: null,
    });
  });

  it('of a store that fails allows where no rule is written to block, and ignores a shadow rule that is', () => {
    const open = findingWithoutStore(ruleOf({ limits: ['5/1s'] }), ALWAYS);
    const shadow = findingWithoutStore(ruleOf({ limits: ['5/1s'], mode: 'shadow', whenStoreFails: 'block' }), ALWAYS);
    expect(verdictOf([open, shadow])).toMatchObject({
      name: 'allow',
      reason: 'the counts cannot be read and the rules let calls pass then',
    });
    expect(verdictOf([shadow])).toMatchObject({ name: 'allow', reason: 'within every limit' });
  });

  it('of a store that fails still blocks by a rule that needs no store', () => {
    const always = findingOf(ruleOf({ id: 'premium', limits: [] }), ALWAYS, []);
    const open = findingWithoutStore(ruleOf({ limits: ['5/1s'] }), ALWAYS);
    expect(verdictOf([open, always])).toMatchObject({ name: 'block', rule: { id: 'premium' }, retryAfterMs: null });
  });

  it('is that of the most restrictive rule, block before hold before wait before alert before allow', () => {
    expect(VERDICTS).toEqual(['block', 'hold', 'wait', 'alert', 'allow']);
    const findings = VERDICTS.map((name) => findingOf(withAction(ruleOf({ id: name, limits: [] }), name), ALWAYS, []));
    for (let from = 0; from < VERDICTS.length; from++) {
      const name = VERDICTS[from];
      expect(verdictOf(findings.slice(from).reverse())).toMatchObject({
        name,
        rule: name === 'allow' ? undefined : { id: name },
      });
    }
  });

  it('of several refusals names the one that lasts longest', () => {
    const short = refusing({ id: 'short', limits: ['5/1s'] }, [5]);
    const long = refusing({ id: 'long', limits: ['1/1d'] }, [1]);
    const never = findingOf(ruleOf({ id: 'never', limits: [] }), ALWAYS, []);
    expect(verdictOf([short, long])).toMatchObject({ rule: { id: 'long' }, retryAfterMs: 86_400_000 });
    expect(verdictOf([long, short])).toMatchObject({ rule: { id: 'long' }, retryAfterMs: 86_400_000 });
    expect(verdictOf([long, never, short])).toMatchObject({ rule: { id: 'never' }, retryAfterMs: null });
  });

  it('of refusals that last equally long names the first in the order of the document', () => {
    const one = refusing({ id: 'one', limits: ['5/1s'] }, [5]);
    const other = refusing({ id: 'other', limits: ['5/1s'] }, [5]);
    expect(verdictOf([one, other]).rule?.id).toBe('one');
    expect(verdictOf([other, one]).rule?.id).toBe('other');
  });
});

/** Findings of every kind, each of a rule with an id of its own. */
const anyFindings = fc
  .array(
    fc.record({
      verdict: fc.constantFrom(...VERDICTS),
      mode: fc.constantFrom('enforce' as const, 'shadow' as const),
      whenStoreFails: fc.constantFrom('allow' as const, 'block' as const),
      kind: fc.constantFrom('not applying', 'within', 'exceeded', 'unlimited', 'store failed'),
      debtCalls: fc.double({ min: 4.001, max: 5, noNaN: true }),
    }),
    { maxLength: 7 },
  )
  .map((rows) =>
    rows.map((row, at): Finding => {
      const limits = row.kind === 'unlimited' ? [] : ['5/1h'];
      const { mode, whenStoreFails } = row;
      const rule = withAction(ruleOf({ id: `r${at}`, limits, mode, whenStoreFails }), row.verdict);
      const state = row.kind === 'exceeded' ? 'lacking' : 'room';
      if (row.kind === 'not applying') return { rule, applies: false, because: { why: 'disabled' } };
      if (row.kind === 'store failed') return findingWithoutStore(rule, ALWAYS);
      return findingOf(rule, ALWAYS, limits.length === 0 ? [] : [readingOf(rule, state, [row.debtCalls])]);
    }),
  );
const shuffled = anyFindings.chain((findings) =>
  fc.tuple(
    fc.constant(findings),
    fc.shuffledSubarray(findings, { minLength: findings.length, maxLength: findings.length }),
  ),
);
const rank = (findings: readonly Finding[]): number => VERDICTS.indexOf(verdictOf(findings).name);

describe('whatever the rules found', () => {
  it('their order changes neither the verdict nor when the call may go', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(shuffled, ([findings, others]) => {
        const [one, other] = [verdictOf(findings), verdictOf(others)];
        seen.add(one.name);
        expect(other.name).toBe(one.name);
        expect(other.retryAfterMs).toBe(one.retryAfterMs);
      }),
      { numRuns: 1000 },
    );
    expect(seen).toEqual(new Set(VERDICTS));
  });

  it('another rule never makes the verdict milder, so that no block becomes an allow', () => {
    fc.assert(
      fc.property(anyFindings, fc.nat(), (findings, at) => {
        const without = findings.filter((_, index) => index !== at % Math.max(1, findings.length));
        expect(rank(findings)).toBeLessThanOrEqual(rank(without));
      }),
      { numRuns: 1000 },
    );
  });

  it('a rule in shadow changes nothing of the verdict', () => {
    fc.assert(
      fc.property(anyFindings, (findings) => {
        const enforced = findings.filter((finding) => finding.rule.mode === 'enforce');
        expect(verdictOf(findings)).toEqual(verdictOf(enforced));
      }),
      { numRuns: 1000 },
    );
  });

  it('the named rule is one that applies, enforces and is exceeded, and none is named on a plain allow', () => {
    fc.assert(
      fc.property(anyFindings, (findings) => {
        const verdict = verdictOf(findings);
        const deciding = findings.find((finding) => finding.rule === verdict.rule);
        if (deciding === undefined) expect(verdict).toMatchObject({ name: 'allow', retryAfterMs: 0 });
        else expect(deciding).toMatchObject({ applies: true, verdict: verdict.name, rule: { mode: 'enforce' } });
      }),
    );
  });
});
