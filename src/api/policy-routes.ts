/** `/api/v1/policy`: the whole document, read, compared and replaced. */
import type { FastifyInstance } from 'fastify';
import type { PolicySnapshot, PolicyStore } from '../store/policy-store.ts';
import { ProblemError } from './problem.ts';
import type { WhoAsks } from './who-asks.ts';

const describe = (snapshot: PolicySnapshot) => ({
  version: snapshot.version,
  changedAt: snapshot.changedAt,
  changedBy: snapshot.changedBy,
  document: snapshot.policy.document,
});

export function policyRoutes(
  app: FastifyInstance,
  deps: { readonly policies: PolicyStore; readonly whoAsks: WhoAsks },
): void {
  const { policies, whoAsks } = deps;
  app.get('/api/v1/policy', async () => describe(policies.current()));
  app.put<{ Querystring: { readonly dryRun?: string } }>('/api/v1/policy', async (request) => {
    if (request.query.dryRun === 'true') {
      const problems = policies.check(() => request.body);
      if (problems.length > 0) throw new ProblemError('POLICY_INVALID', problems);
      return describe(policies.current());
    }
    const change = await policies.change(() => request.body, whoAsks(request));
    if (!change.changed) throw new ProblemError('POLICY_INVALID', change.problems);
    return describe(change.snapshot);
  });
}
