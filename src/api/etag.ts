/**
 * Edits of one thing among many: `GET` answers its `ETag`, and who sends that as `If-Match` changes it only if nobody else
 * has meanwhile. 409 then, with what there is now (if-match.ts says why it is not 412).
 */
import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ConflictError } from './problem.ts';

/** Of what is answered: the same text, the same tag. */
export const etagOf = (value: unknown): string =>
  `"${createHash('sha256').update(JSON.stringify(value)).digest('base64url').slice(0, 22)}"`;

/** Answers with its tag. */
export function tagged<T>(reply: FastifyReply, value: T): T {
  reply.header('etag', etagOf(value));
  return value;
}

/** @throws {ConflictError} somebody changed it */
export function requireMatch(request: FastifyRequest, current: unknown, what: string): void {
  const wanted = request.headers['if-match'];
  if (wanted === undefined || wanted.trim() === '*') return;
  const tags = wanted.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (!tags.includes(etagOf(current))) throw new ConflictError(`${what} changed meanwhile; read it again`, current);
}
