/**
 * `If-Match: "12"`: whoever makes a document out of one that was read says of which version it was; another change in
 * between is then a conflict, and is not undone without a word. It is 409 like every conflict of this API, where RFC 9110
 * has 412 for conditions on files.
 */
import type { FastifyReply } from 'fastify';
import { TollgateError } from '../errors.ts';
import { ProblemError } from './problem.ts';

/**
 * @param what for sentences: `the policy`
 * @returns the version; undefined where any will do
 * @throws {ProblemError}
 */
export function readIfMatch(header: string | undefined, what: string): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, version] = /^\s*"?(\d{1,15})"?\s*$/.exec(header) ?? [];
  if (version !== undefined) return Number(version);
  const message = `is not a version of ${what}; write the number that GET gives as version, such as "12"`;
  throw new ProblemError('INVALID_REQUEST', [{ path: 'If-Match', message }]);
}

/** Answers with its version as the tag that `If-Match` takes. */
export function versioned<T extends { readonly version: number }>(reply: FastifyReply, value: T): T {
  reply.header('etag', `"${value.version}"`);
  return value;
}

/** @throws {TollgateError} `CONFLICT` unless `wanted` is undefined or the version */
export function requireVersion(version: number, wanted: number | undefined, what: string): void {
  if (wanted === undefined || wanted === version) return;
  const message = `${what} changed meanwhile (version ${version}, yours is ${wanted}); read it again`;
  throw new TollgateError('CONFLICT', message);
}
