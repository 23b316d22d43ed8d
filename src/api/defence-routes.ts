/** `/api/v1/bans/reports`: what the defence told staff instead of banning. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Defence } from '../bans/defence.ts';
import type { DefenceReport } from '../bans/defence-reports.ts';
import { parse } from './problem.ts';

/** A report as it is shown; its time is ISO 8601, UTC. */
export interface ShownReport extends Omit<DefenceReport, 'at'> {
  readonly at: string;
}

const listQuery = z.strictObject({ limit: z.coerce.number().int().min(1).max(500).default(100) });

export function defenceRoutes(app: FastifyInstance, deps: { readonly defence: Pick<Defence, 'reports'> }): void {
  app.get('/api/v1/bans/reports', async (request): Promise<readonly ShownReport[]> => {
    const reports = await deps.defence.reports(parse(listQuery, request.query).limit);
    return reports.map((report) => ({ ...report, at: new Date(report.at).toISOString() }));
  });
}
