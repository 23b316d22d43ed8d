/**
 * The default rule is the last limit of every extension that no other rule names. Taking it out of force is like removing
 * it: for whoever may remove rules, by whatever route it is tried.
 */
import type { FastifyRequest } from 'fastify';
import { TollgateError } from '../errors.ts';
import { DEFAULT_RULE } from '../policy/document.ts';
import { rightsOf } from './who-asks.ts';

/** Of a rule as it is, or as it would be: a field that is not given has its default. */
interface RuleLike {
  readonly id?: unknown;
  readonly enabled?: unknown;
  readonly mode?: unknown;
}

const isDefaultInForce = (rules: readonly RuleLike[]): boolean =>
  rules.some(({ id, enabled, mode }) => id === DEFAULT_RULE.id && enabled !== false && mode !== 'shadow');

/** @throws {TollgateError} `FORBIDDEN` */
export function requireDefaultRule(
  request: FastifyRequest,
  before: readonly RuleLike[],
  after: readonly RuleLike[],
): void {
  if (!isDefaultInForce(before) || isDefaultInForce(after) || rightsOf(request).has('policy:remove')) return;
  throw new TollgateError('FORBIDDEN', 'only an owner takes the default rule out of force; change its limits instead');
}
