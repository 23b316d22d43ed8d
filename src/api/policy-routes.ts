/** `/api/v1/policy`: the whole document, read, compared and replaced. */
import type { FastifyInstance } from 'fastify';
import type { PolicySnapshot } from '../store/policy-store.ts';
import { readIfMatch } from './if-match.ts';
import { ProblemError } from './problem.ts';
import type { ActOf, RecordedPolicies } from './recorded-changes.ts';

const describe = (snapshot: PolicySnapshot) => ({
  version: snapshot.version,
  changedAt: snapshot.changedAt,
  changedBy: snapshot.changedBy,
  document: snapshot.policy.document,
});

export function policyRoutes(
  app: FastifyInstance,
  deps: { readonly policies: RecordedPolicies; readonly act: ActOf },
): void {
  const { policies, act } = deps;
  app.get('/api/v1/policy', async () => describe(policies.current()));
  app.put<{ Querystring: { readonly dryRun?: string; readonly from?: string } }>('/api/v1/policy', async (request) => {
    const onlyIfVersion = readIfMatch(request.headers['if-match'], 'the policy');
    if (request.query.dryRun === 'true') {
      const problems = policies.check(() => request.body, onlyIfVersion);
      if (problems.length > 0) throw new ProblemError('POLICY_INVALID', problems);
      return describe(policies.current());
    }
    // The rules of an imported file come as a whole document; the record says what was done.
    const what = request.query.from === 'import' ? 'rules.import' : 'policy.apply';
    const change = await policies.change(() => request.body, act(request, what, 'policy'), onlyIfVersion);
    if (!change.changed) throw new ProblemError('POLICY_INVALID', change.problems);
    return describe(change.snapshot);
  });
}
