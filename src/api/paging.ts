/**
 * Lists that are answered as they are may be read in pieces: `?limit=100`, and then the address that `Link` names as
 * `rel="next"` (RFC 8288). Without `limit` the whole list is answered.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ProblemError } from './problem.ts';

export const paging = {
  limit: z.coerce.number().int().min(1).max(1000).optional(),
  /** From the page before. */
  cursor: z.string().max(400).optional(),
};

/**
 * @param nameOf a name of each that no other has and that does not change
 * @throws {ProblemError} the cursor is none of this list
 */
export function pageOf<T>(
  items: readonly T[],
  nameOf: (item: T) => string,
  { limit, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  request: FastifyRequest,
  reply: FastifyReply,
): readonly T[] {
  const [place, name] = cursor === undefined ? [-1, ''] : readCursor(cursor);
  // What was at the end of the page before may have moved, or be gone; then it goes on where it was.
  const found = cursor === undefined ? -1 : items.findIndex((item) => nameOf(item) === name);
  const from = found >= 0 ? found + 1 : Math.max(0, cursor === undefined ? 0 : place);
  if (limit === undefined) return items.slice(from);
  const page = items.slice(from, from + limit);
  const last = page.at(-1);
  if (last !== undefined && from + limit < items.length) {
    const url = new URL(request.url, 'http://localhost');
    url.searchParams.set('cursor', Buffer.from(`${from + limit} ${nameOf(last)}`).toString('base64url'));
    reply.header('link', `<${url.pathname}${url.search}>; rel="next"`);
  }
  return page;
}

function readCursor(cursor: string): readonly [place: number, name: string] {
  const [, place, name = ''] = /^(\d{1,9}) (.*)$/s.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (place !== undefined) return [Number(place), name];
  throw new ProblemError('INVALID_REQUEST', [{ path: 'cursor', message: 'is not a cursor of this list' }]);
}
