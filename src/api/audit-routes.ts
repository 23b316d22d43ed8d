/** `/api/v1/audit`: who changed or decided what. Nothing here, nor anywhere else, changes or removes an entry. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { AuditLog } from '../people/audit-log.ts';
import type { AuditRecord } from '../people/audit-record.ts';
import type { AuditVerdict, VerifyProgress } from '../people/audit-verify.ts';
import type { EpochMs } from '../policy/call.ts';
import { storeError } from '../redis/store-error.ts';
import { parse } from './problem.ts';

/** A line of the answer to `verify`. */
export type VerifyLine = VerifyProgress | AuditVerdict | { readonly failed: string };

const time = z.iso.datetime({ offset: true, error: 'is not a time; write one like 2026-11-21T18:30:00Z' });
const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  order: z.enum(['newest', 'oldest']).default('newest'),
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, { error: 'is not a cursor of this list' })
    .optional(),
  /** `bans.lift`, or `bans` for all about them. */
  action: z.string().max(64).optional(),
  by: z.string().max(200).optional(),
  subject: z.string().max(300).optional(),
  since: time.optional(),
  until: time.optional(),
});

export function auditRoutes(app: FastifyInstance, deps: { readonly audit: AuditLog }): void {
  app.get('/api/v1/audit', (request) => {
    const { limit, order, cursor, since, until, ...filter } = parse(listQuery, request.query);
    const untilMs = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
    return deps.audit.list({
      limit,
      order,
      cursor,
      since: since === undefined ? undefined : (Date.parse(since) as EpochMs),
      matches: (entry) => Date.parse(entry.at) <= untilMs && matches(entry, filter),
    });
  });

  /** One JSON object a line: how far it is, and at last the verdict. */
  app.get('/api/v1/audit/verify', async (_request, reply) => {
    const walk = deps.audit.verify();
    // A store that is away is answered as everywhere, before anything was sent.
    const first = await walk.next();
    const lines = async function* () {
      if (first.done !== true) yield lineOf(first.value);
      try {
        for await (const each of walk) yield lineOf(each);
      } catch (error) {
        yield lineOf({ failed: messageOf(storeError(error)) });
      }
    };
    return reply.type('application/x-ndjson').send(Readable.from(lines()));
  });
}

const lineOf = (line: VerifyLine): string => `${JSON.stringify(line)}\n`;

type Filter = Pick<z.infer<typeof listQuery>, 'action' | 'by' | 'subject'>;

const matches = (entry: AuditRecord, { action, by, subject }: Filter): boolean =>
  (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
  holds(entry.by, by) &&
  holds(entry.subject, subject);

const holds = (text: string, part: string | undefined): boolean =>
  part === undefined || text.toLowerCase().includes(part.toLowerCase());
