/**
 * `/api/v1/policy`: the whole document, read, compared and replaced.
 *
 * Whoever makes a document out of one that was read says of which version it was, `If-Match: "12"`; another change in
 * between is then a conflict, and is not undone without a word. It is 409 like every conflict of this API, where RFC 9110
 * has 412 for conditions on files.
 */
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
    const onlyIfVersion = readIfMatch(request.headers['if-match']);
    if (request.query.dryRun === 'true') {
      const problems = policies.check(() => request.body, onlyIfVersion);
      if (problems.length > 0) throw new ProblemError('POLICY_INVALID', problems);
      return describe(policies.current());
    }
    const change = await policies.change(() => request.body, whoAsks(request), onlyIfVersion);
    if (!change.changed) throw new ProblemError('POLICY_INVALID', change.problems);
    return describe(change.snapshot);
  });
}

/** @returns the version; undefined where any will do */
function readIfMatch(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, version] = /^\s*"?(\d{1,15})"?\s*$/.exec(header) ?? [];
  if (version !== undefined) return Number(version);
  const message = 'is not a version of the policy; write the number that GET gives as version, such as "12"';
  throw new ProblemError('INVALID_REQUEST', [{ path: 'If-Match', message }]);
}
