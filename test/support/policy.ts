/**
 * Policies, calls and findings for tests, made by the same code that production uses. Everything not given is what a
 * document leaves to its defaults.
 */
import type { CallAttempt, EpochMs } from '../../src/policy/call.ts';
import { readPolicyDocument } from '../../src/policy/document.ts';
import { compilePolicy, type Generations, type Policy } from '../../src/policy/policy.ts';
import { formatProblem } from '../../src/policy/problem.ts';
import type { Rule } from '../../src/policy/rule.ts';

/** @throws {Error} that lists the problems of the document */
export function policyOf(document: object, generations?: Generations): Policy {
  const read = readPolicyDocument(document);
  if ('problems' in read) throw new Error(read.problems.map(formatProblem).join('\n'));
  return compilePolicy(read.document, generations);
}

/** A compiled rule of these fields, called `tested` unless they say otherwise. */
export function ruleOf(fields: object): Rule {
  const [rule] = policyOf({ rules: [{ id: 'tested', ...fields }] }).rules;
  if (rule === undefined) throw new Error('a document with one rule compiles to one rule');
  return rule;
}

/** A Wednesday, 12:00 UTC. */
export const NOW = Date.UTC(2026, 10, 18, 12) as EpochMs;

/** A call to an ordinary number. */
export const callOf = (known: { readonly extension?: string; readonly trunk?: string }): CallAttempt => ({
  destination: {
    dialled: '3055550100',
    number: '3055550100',
    isEmergency: false,
    e164: undefined,
    country: undefined,
    classes: new Set(['unknown']),
  },
  extension: known.extension,
  trunk: known.trunk,
  campaign: undefined,
  source: undefined,
});
