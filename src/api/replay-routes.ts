/**
 * `/api/v1/replay`: what a policy would have done to the calls of a file of call records, in a process of its own. One at a
 * time; nothing is spent or saved.
 */
import { Readable } from 'node:stream';
import { IANAZone } from 'luxon';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { messageOf } from '../errors.ts';
import { type PolicyDocument, readPolicyDocument } from '../policy/document.ts';
import { formatProblem } from '../policy/problem.ts';
import type { RateStore } from '../rates/rate-store.ts';
import type { ReplayJob } from '../simulate/replay-job.ts';
import type { PolicyStore } from '../store/policy-store.ts';
import { ProblemError } from './problem.ts';
import { type Api, open, orNull, text } from './schema.ts';
import type { WhoAsks } from './who-asks.ts';

const answer = open({
  state: z.enum(['empty', 'ready', 'running', 'done', 'failed']),
  file: orNull(z.strictObject({ name: text, bytes: z.number(), by: text })),
  progress: orNull(z.strictObject({ doing: text, done: z.number(), total: z.number() })),
  problem: orNull(text),
  /** As `tollgate simulate --json` has it. */
  report: orNull(z.looseObject({ calls: z.number(), refused: z.number(), held: z.number() })),
  asked: z.unknown(),
});

const order = z.strictObject({
  /** The proposed policy, YAML or JSON, which is compared with the one in force; absent: that alone is tried. */
  policy: z.string().max(4_000_000).optional(),
  /** Proposed is the policy in force with its rules in shadow enforced. */
  enforceShadow: z.boolean().default(false),
  held: z.enum(['approve', 'refuse']).default('refuse'),
  /** Of the times in the file; absent: that of the policy. */
  timezone: z
    .string()
    .max(64)
    .refine((zone) => IANAZone.isValidZone(zone), { error: 'is not a time zone; write one like America/New_York' })
    .optional(),
});

/** Longer than a slow line takes. */
const LONGEST_UPLOAD_MS = 15 * 60_000;

export function replayRoutes(
  app: Api,
  deps: {
    readonly job: ReplayJob;
    readonly policies: Pick<PolicyStore, 'current'>;
    readonly rates: Pick<RateStore, 'current'>;
    readonly whoAsks: WhoAsks;
  },
): void {
  const { job } = deps;
  app.addContentTypeParser('application/x-cdr', (_request, payload, done) => done(null, payload));
  app.get('/api/v1/replay', { schema: { summary: 'How the replay is', response: { 200: answer } } }, () => job.state());
  app.put(
    '/api/v1/replay/file',
    {
      schema: {
        summary: 'The file of call records to be replayed (application/x-cdr)',
        querystring: z.strictObject({ name: z.string().max(200).default('a file') }),
        body: z.instanceof(Readable, { error: 'is missing; send the file as application/x-cdr' }),
        response: { 200: answer },
      },
    },
    (request) => {
      request.raw.setTimeout(LONGEST_UPLOAD_MS);
      return job.receive(request.body, request.query.name, deps.whoAsks(request));
    },
  );
  app.post(
    '/api/v1/replay',
    { schema: { summary: 'Replay the file that was sent', body: order, response: { 200: answer } } },
    (request) => {
      const { policy: written, enforceShadow, held, timezone } = request.body;
      const inForce = deps.policies.current().policy.document;
      const proposed =
        written !== undefined ? readWritten(written) : enforceShadow ? withShadowEnforced(inForce) : undefined;
      const sheet = deps.rates.current().document.sheet;
      return job.start(
        {
          policy: proposed ?? inForce,
          compare: proposed === undefined ? undefined : inForce,
          rates: sheet == null ? undefined : { packed: sheet.packed, currency: sheet.currency },
          timezone: timezone ?? inForce.timezone,
          held,
        },
        {
          proposed: written !== undefined ? 'file' : enforceShadow ? 'shadow' : null,
          held,
          timezone: timezone ?? null,
        },
      );
    },
  );
  app.delete(
    '/api/v1/replay',
    { schema: { summary: 'Stop the replay and forget its file', response: { 200: answer } } },
    () => job.forget(),
  );
}

const withShadowEnforced = (document: PolicyDocument): PolicyDocument => ({
  ...document,
  rules: document.rules.map((rule) => ({ ...rule, mode: 'enforce' })),
});

function readWritten(written: string): PolicyDocument {
  let tree: unknown;
  try {
    tree = parseYaml(written, { maxAliasCount: 100 });
  } catch (error) {
    const [line = ''] = messageOf(error).split('\n');
    throw new ProblemError('POLICY_INVALID', [{ path: 'policy', message: `is no YAML: ${line}` }]);
  }
  const read = readPolicyDocument(tree);
  if ('document' in read) return read.document;
  throw new ProblemError(
    'POLICY_INVALID',
    read.problems.map((problem) => ({ path: 'policy', message: formatProblem(problem) })),
  );
}
