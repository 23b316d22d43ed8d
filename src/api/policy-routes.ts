/** `/api/v1/policy`: the whole document, read, compared and replaced. */
import { z } from 'zod';
import type { PolicySnapshot } from '../store/policy-store.ts';
import { readIfMatch, versioned } from './if-match.ts';
import { policy as answer, policyBody } from './policy-answers.ts';
import { ProblemError } from './problem.ts';
import type { ActOf, RecordedPolicies } from './recorded-changes.ts';
import { type Api, yesOrNo } from './schema.ts';

const describe = (snapshot: PolicySnapshot) => ({
  version: snapshot.version,
  changedAt: snapshot.changedAt,
  changedBy: snapshot.changedBy,
  document: snapshot.policy.document,
});

export function policyRoutes(app: Api, deps: { readonly policies: RecordedPolicies; readonly act: ActOf }): void {
  const { policies, act } = deps;
  app.get('/api/v1/policy', { schema: { summary: 'The whole policy', response: { 200: answer } } }, (_request, reply) =>
    versioned(reply, describe(policies.current())),
  );
  app.put(
    '/api/v1/policy',
    {
      // A mistake in it is told with its path, as the policy has it.
      schema: {
        summary: 'Replace the whole policy; with dryRun say what is wrong with it',
        querystring: z.strictObject({ dryRun: yesOrNo, from: z.enum(['import']).optional() }),
        body: policyBody,
        response: { 200: answer },
      },
    },
    async (request, reply) => {
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
      return versioned(reply, describe(change.snapshot));
    },
  );
}
