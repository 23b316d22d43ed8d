/** `/api/v1/packs`: starter packs, and what a policy would become with one in it. Nothing is changed here. */
import { z } from 'zod';
import { readPolicyDocument } from '../policy/document.ts';
import { didYouMean } from '../policy/problem.ts';
import { PACK_NAMES, packFiguresSchema, packReports, proposePack } from '../policy/starter-packs.ts';
import { notFound, ProblemError } from './problem.ts';
import type { RecordedPolicies } from './recorded-changes.ts';
import { type Api, list, orNull, text } from './schema.ts';

const figure = z.strictObject({
  name: text,
  what: text,
  /** What is taken where none is given; null: the policy's, and if it has none it must be given. */
  usual: orNull(text),
});
const pack = z.strictObject({
  name: text,
  title: text,
  says: text,
  worstCase: text,
  figures: list(figure),
  /** Windows that are taken where none are given. */
  hours: list(z.strictObject({ days: list(text), from: text, to: text, nextDay: z.boolean().optional() })),
});
const proposal = z.strictObject({
  ...pack.shape,
  rules: list(text),
  /** The whole policy with the pack in it, to be applied as any other. */
  document: z.record(z.string(), z.unknown()),
});

export type PackAnswer = z.infer<typeof pack>;
export type PackProposalAnswer = z.infer<typeof proposal>;

export function packRoutes(app: Api, { policies }: { readonly policies: RecordedPolicies }): void {
  app.get('/api/v1/packs', { schema: { summary: 'Starter packs', response: { 200: list(pack) } } }, () =>
    packReports().map(answerOf),
  );

  app.post(
    '/api/v1/packs/:name',
    {
      schema: {
        summary: 'What the policy would become with a starter pack',
        params: z.strictObject({ name: z.string().max(64) }),
        body: packFiguresSchema.default({}),
        response: { 200: proposal },
      },
    },
    ({ params, body }) => {
      const name = PACK_NAMES.find((each) => each === params.name);
      if (name === undefined) throw notFound('pack', params.name, didYouMean(params.name, PACK_NAMES));
      const made = proposePack(name, body, policies.current().policy.document);
      if (made === undefined) {
        const message = 'is missing, and the policy has none; write two capital letters such as US';
        throw new ProblemError('INVALID_REQUEST', [{ path: 'homeCountry', message }]);
      }
      const read = readPolicyDocument(made.document);
      if ('problems' in read) throw new ProblemError('INVALID_REQUEST', read.problems);
      return { ...answerOf(made), rules: [...made.rules], document: read.document };
    },
  );
}

const answerOf = ({
  name,
  title,
  says,
  worstCase,
  figures,
  hours,
}: ReturnType<typeof packReports>[number]): PackAnswer => ({
  name,
  title,
  says,
  worstCase,
  figures: figures.map((each) => ({ ...each, usual: each.usual ?? null })),
  hours: hours.map(({ days, ...hour }) => ({ ...hour, days: [...days] })),
});
