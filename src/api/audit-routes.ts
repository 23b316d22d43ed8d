/** `/api/v1/audit`: who changed or decided what. Nothing here, nor anywhere else, changes or removes an entry. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import type { AuditLog, AuditQuery } from '../people/audit-log.ts';
import type { AuditRecord } from '../people/audit-record.ts';
import type { AuditVerdict, VerifyProgress } from '../people/audit-verify.ts';
import { OWN_CURSOR, type OwnDecisions, ownDecisions } from '../people/own-decisions.ts';
import type { EpochMs } from '../policy/call.ts';
import { storeError } from '../redis/store-error.ts';
import { type Api, instant, jsonLines, limitOf, list, open, orNull, text, time } from './schema.ts';
import { askerOf, whoAsks } from './who-asks.ts';

/** A line of the answer to `verify`. */
export type VerifyLine = VerifyProgress | AuditVerdict | { readonly failed: string };

export const auditFilter = {
  /** `bans.lift`, or `bans` for all about them. */
  action: z.string().max(64).optional(),
  by: z.string().max(200).optional(),
  subject: z.string().max(300).optional(),
  since: time.optional(),
  until: time.optional(),
};
const listQuery = z.strictObject({
  limit: limitOf(100),
  order: z.enum(['newest', 'oldest']).default('newest'),
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, { error: 'is not a cursor of this list' })
    .optional(),
  ...auditFilter,
});

const decision = {
  at: instant,
  node: text,
  id: text,
  by: text,
  from: orNull(text),
  action: text,
  subject: text,
  reason: orNull(text),
};
const entry = open({ ...decision, seq: z.number(), writtenAt: instant, previous: text, hash: text });

const ownQuery = z.strictObject({
  limit: limitOf(100),
  cursor: z.string().regex(OWN_CURSOR, { error: 'is not a cursor of this list' }).optional(),
  action: auditFilter.action,
  subject: auditFilter.subject,
  since: auditFilter.since,
  until: auditFilter.until,
});

export function auditRoutes(app: Api, deps: { readonly audit: AuditLog }): void {
  app.get(
    '/api/v1/audit',
    {
      schema: {
        summary: 'Who changed or decided what',
        querystring: listQuery,
        response: { 200: z.strictObject({ entries: list(entry), cursor: orNull(text) }) },
      },
    },
    (request) => {
      const { limit, order, cursor, ...filter } = request.query;
      return deps.audit.list({ limit, order, cursor, ...queryOf(filter) });
    },
  );

  app.get(
    '/api/v1/audit/own',
    {
      schema: {
        summary: 'Which calls I approved and refused, and which exceptions I ended',
        querystring: ownQuery,
        response: { 200: z.strictObject({ entries: list(open(decision)), cursor: orNull(text) }) },
      },
    },
    (request): Promise<OwnDecisions> => {
      const { limit, cursor, ...filter } = request.query;
      const asker = askerOf(request);
      const since = asker.kind === 'user' ? Date.parse(asker.user.createdAt) : 0;
      const who = { by: whoAsks(request), since: since as EpochMs };
      return ownDecisions(deps.audit, who, { limit, cursor, ...queryOf(filter) });
    },
  );

  /** One JSON object a line: how far it is, and at last the verdict. */
  app.get(
    '/api/v1/audit/verify',
    {
      schema: {
        summary: 'Whether the audit log is whole, as it is found out; one JSON object a line',
        response: { 200: jsonLines },
      },
    },
    async (_request, reply) => {
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
    },
  );
}

const lineOf = (line: VerifyLine): string => `${JSON.stringify(line)}\n`;

type Filter = { readonly [Name in keyof typeof auditFilter]?: string | undefined };

/** What the log is asked for. */
export function queryOf({ since, until, ...filter }: Filter): Pick<AuditQuery, 'since' | 'matches'> {
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : Date.parse(until);
  return {
    since: since === undefined ? undefined : (Date.parse(since) as EpochMs),
    matches: (entry) => Date.parse(entry.at) <= untilMs && matches(entry, filter),
  };
}

const matches = (entry: AuditRecord, { action, by, subject }: Pick<Filter, 'action' | 'by' | 'subject'>): boolean =>
  (action === undefined || entry.action === action || entry.action.startsWith(`${action}.`)) &&
  holds(entry.by, by) &&
  holds(entry.subject, subject);

const holds = (text: string, part: string | undefined): boolean =>
  part === undefined || text.toLowerCase().includes(part.toLowerCase());
