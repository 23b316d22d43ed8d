import { describe, expect, it } from 'vitest';
import { defaultPolicyDocument } from '../../../src/policy/document.ts';
import { compilePolicy } from '../../../src/policy/policy.ts';
import { callOf, NOW, policyOf, ruleOf } from '../../support/policy.ts';

describe('a compiled policy', () => {
  it('has the rules of its document in their order, and each answers for every call', () => {
    const policy = policyOf({ rules: [{ id: 'b' }, { id: 'a', enabled: false }, { id: 'c' }] });
    expect(policy.matchAll(callOf({}), NOW).map(({ rule, match }) => [rule.id, match.applies])).toEqual([
      ['b', true],
      ['a', false],
      ['c', true],
    ]);
    expect(policy.match(callOf({}), NOW).map(({ rule }) => rule.id)).toEqual(['b', 'c']);
  });

  it('says of the rules that do not apply first why those do not that name the call', () => {
    const policy = policyOf({
      schedules: { never: { holidays: ['1999-12-31'] } },
      rules: [
        { id: 'far', appliesTo: { extensions: ['2xxx'] } },
        { id: 'near', appliesTo: { extensions: ['1001'] }, during: 'never' },
        { id: 'applies', appliesTo: { extensions: ['10xx'] } },
        { id: 'off', enabled: false },
      ],
    });
    const passedOver = (most: number): string[] =>
      policy
        .passedOver(callOf({ extension: '1001' }), NOW, most)
        .map(({ rule, because }) => `${rule.id} ${because.why}`);
    expect(passedOver(1)).toEqual(['near not-now']);
    expect(passedOver(9)).toEqual(['near not-now', 'far not-in-scope', 'off disabled']);
  });

  it('cannot be changed', () => {
    const policy = policyOf({ rules: [{ id: 'a' }] });
    expect(Object.isFrozen(policy)).toBe(true);
    expect(Object.isFrozen(policy.rules)).toBe(true);
    expect(policy.rules.every(Object.isFrozen)).toBe(true);
  });

  it('has the limits of a rule shortest period first, however they were written', () => {
    expect(ruleOf({ limits: ['100/1d', '5/1s', '30/60s'] }).limits.map((limit) => limit.text)).toEqual([
      '5/1s',
      '30/60s',
      '100/1d',
    ]);
  });

  it('calls a rule without a name by its id', () => {
    expect(ruleOf({ id: 'x' }).name).toBe('x');
    expect(ruleOf({ id: 'x', name: 'Calls abroad' }).name).toBe('Calls abroad');
  });

  it('plays nothing for the prompt none', () => {
    expect(ruleOf({ prompt: 'none' }).answer).toEqual({ hangupCause: 21 });
    expect(ruleOf({}).answer).toEqual({ hangupCause: 21, prompt: 'tollgate-limit' });
  });

  it('counts the resets of each rule on its own, and none for a rule that is called like a part of every object', () => {
    const policy = policyOf({ rules: [{ id: 'a' }, { id: 'b' }, { id: 'constructor' }, { id: 'toString' }] }, { b: 3 });
    expect(policy.rules.map((rule) => rule.generation)).toEqual([0, 3, 0, 0]);
  });

  it('knows the groups of an extension in the order of the document, the second time as the first', () => {
    const policy = policyOf({ groups: { z: { members: ['1xxx'] }, a: { members: ['1001'] }, b: { members: [] } } });
    expect(policy.groupsOf('1001')).toEqual(['z', 'a']);
    expect(policy.groupsOf('1001')).toEqual(['z', 'a']);
    expect(policy.groupsOf('2001')).toEqual([]);
    expect(policy.groupsOf(undefined)).toEqual([]);
  });

  it('still knows the groups of an extension after more made-up ones than it remembers', () => {
    const policy = policyOf({ groups: { g: { members: ['1001', '_9.'] } } });
    expect(policy.groupsOf('1001')).toEqual(['g']);
    for (let made = 0; made < 10_001; made++) policy.groupsOf(`x${made}`);
    expect(policy.groupsOf('1001')).toEqual(['g']);
    expect(policy.groupsOf('9'.repeat(5000))).toEqual(['g']);
  });

  it('reads a destination by its own prefixes and emergency numbers', () => {
    const policy = policyOf({ dialling: { outside: [9], international: ['011'] }, emergencyNumbers: ['999'] });
    expect(policy.readDestination('9999')).toMatchObject({ number: '999', isEmergency: true });
    expect(policy.readDestination('9911')).toMatchObject({ number: '911', isEmergency: false });
    expect(policy.readDestination('901153')).toMatchObject({ number: '+53', isEmergency: false });
  });

  it('is not made from a limit that its document would have refused', () => {
    const document = defaultPolicyDocument();
    const broken = { ...document, rules: document.rules.map((rule) => ({ ...rule, limits: ['0/1s'] })) };
    expect(() => compilePolicy(broken)).toThrow(RangeError);
  });
});
