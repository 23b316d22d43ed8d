/** Makes signed links of approvals, for whoever hands them on. The links themselves lead to link-pages-routes.ts. */
import { z } from 'zod';
import { reportApproval } from '../approvals/approval.ts';
import type { ApprovalDesk } from '../approvals/approval-desk.ts';
import type { ApprovalLinks } from '../approvals/approval-links.ts';
import { linkAnswer } from './approval-answers.ts';
import { ConflictError, notFound } from './problem.ts';
import { type Api, byId } from './schema.ts';

/** As the API and the command line have it. */
export interface LinkReport {
  readonly url: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
  /** Why the person may not reach it. */
  readonly warning: string | null;
}

const request = z.strictObject({ person: z.string().max(200) });

export function approvalLinkRoutes(
  app: Api,
  deps: { readonly desk: Pick<ApprovalDesk, 'find'>; readonly links: ApprovalLinks },
): void {
  app.post(
    '/api/v1/approvals/:id/link',
    {
      schema: {
        summary: 'Make a link by which one person decides',
        params: byId,
        body: request,
        response: { 200: linkAnswer },
      },
    },
    async ({ params, body }) => {
      const { person } = body;
      const found = await deps.desk.find(params.id);
      if (found === undefined)
        throw notFound('approval', params.id, 'tollgate approvals list names those that are open');
      if (found.settlement !== undefined) {
        throw new ConflictError(`the approval was ${found.settlement.state} already`, reportApproval(found));
      }
      const { url, expiresAt, warning } = await deps.links.linkFor(found.approval, person.trim());
      return { url, expiresAt: new Date(expiresAt).toISOString(), warning: warning ?? null } satisfies LinkReport;
    },
  );
}
