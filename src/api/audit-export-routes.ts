/** `GET /api/v1/audit/export`: the entries that pass a filter as a file, the oldest first, written as they are read. */
import { Readable } from 'node:stream';
import { z } from 'zod';
import { AUDIT_FORMATS, auditFileHead, auditFileLines } from '../people/audit-file.ts';
import type { AuditLog } from '../people/audit-log.ts';
import { auditFilter, queryOf } from './audit-routes.ts';
import type { Api } from './schema.ts';

const PAGE = 500;
const TYPES = { csv: 'text/csv; charset=utf-8', jsonl: 'application/x-ndjson' } as const;

export function auditExportRoutes(app: Api, deps: { readonly audit: Pick<AuditLog, 'list'> }): void {
  app.get(
    '/api/v1/audit/export',
    {
      schema: {
        summary: 'The audit log as a file, the oldest first',
        querystring: z.strictObject({ format: z.enum(AUDIT_FORMATS).default('csv'), ...auditFilter }),
        response: { 200: z.unknown().meta({ contentMediaType: 'text/csv' }) },
      },
    },
    async ({ query: { format, ...filter } }, reply) => {
      const query = queryOf(filter);
      const read = (cursor: string | undefined) => deps.audit.list({ limit: PAGE, order: 'oldest', cursor, ...query });
      // A store that is away is answered as everywhere, before anything was sent.
      const first = await read(undefined);
      const pieces = async function* () {
        yield auditFileHead(format);
        for (let page = first; ; page = await read(page.cursor)) {
          yield auditFileLines(page.entries, format);
          if (page.cursor === null) return;
        }
      };
      return reply
        .type(TYPES[format])
        .header('content-disposition', `attachment; filename="audit.${format}"`)
        .send(Readable.from(pieces()));
    },
  );
}
