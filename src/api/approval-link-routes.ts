/** Makes signed links of approvals, for whoever hands them on. The links themselves lead to link-pages-routes.ts. */
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { reportApproval } from '../approvals/approval.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { ApprovalLinks } from '../approvals/approval-links.ts';
import { ConflictError, notFound, parse } from './problem.ts';

/** As the API and the command line have it. */
export interface LinkReport {
  readonly url: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
  /** Why the person may not reach it. */
  readonly warning: string | null;
}

const request = z.strictObject({ person: z.string() });

export function approvalLinkRoutes(
  app: FastifyInstance,
  deps: { readonly desk: Pick<ApprovalDesk, 'find'>; readonly links: ApprovalLinks },
): void {
  app.post<{ Params: { readonly id: string } }>('/api/v1/approvals/:id/link', async ({ params, body }) => {
    const { person } = parse(request, body ?? {});
    const found = await deps.desk.find(params.id);
    if (found === undefined) throw notFound('approval', params.id, 'tollgate approvals list names those that are open');
    if (found.settlement !== undefined) {
      throw new ConflictError(`the approval was ${found.settlement.state} already`, reportApproval(found));
    }
    const { url, expiresAt, warning } = await deps.links.linkFor(found.approval, person.trim());
    return { url, expiresAt: new Date(expiresAt).toISOString(), warning: warning ?? null } satisfies LinkReport;
  });
}
