/** `/api/v1/bans/reports`: what the defence told staff instead of banning. */
import { z } from 'zod';
import type { Defence } from '../bans/defence.ts';
import type { DefenceReport } from '../bans/defence-reports.ts';
import { defenceReport } from './address-answers.ts';
import { type Api, limitOf, list } from './schema.ts';

/** A report as it is shown; its time is ISO 8601, UTC. */
export interface ShownReport extends Omit<DefenceReport, 'at'> {
  readonly at: string;
}

const listQuery = z.strictObject({ limit: limitOf(100, 500) });

export function defenceRoutes(app: Api, deps: { readonly defence: Pick<Defence, 'reports'> }): void {
  app.get(
    '/api/v1/bans/reports',
    {
      schema: {
        summary: 'What staff was told instead of a ban',
        querystring: listQuery,
        response: { 200: list(defenceReport) },
      },
    },
    async (request): Promise<readonly ShownReport[]> => {
      const reports = await deps.defence.reports(request.query.limit);
      return reports.map((report) => ({ ...report, at: new Date(report.at).toISOString() }));
    },
  );
}
