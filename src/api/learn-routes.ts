/** `/api/v1/learn`: which places abroad were reached before, for rules about first calls. */
import { z } from 'zod';
import type { LimitStore } from '../gate/limit-store.ts';
import type { Audit } from '../people/audit-log.ts';
import { COUNT_PER, type EpochMs } from '../policy/call.ts';
import type { ActOf } from './recorded-changes.ts';
import type { Api } from './schema.ts';

const body = z.strictObject({
  dryRun: z.boolean().default(false),
  reached: z
    .array(
      z.strictObject({
        subject: z.strictObject({ kind: z.enum(COUNT_PER), id: z.string().max(200) }),
        /** A country such as `CU`; of a number without one the first digits, such as `+881`; or `unknown`. */
        place: z.string().regex(/^(?:[A-Z]{2}|\+?[0-9*#]{1,4}|unknown)$/, {
          error: 'is not a place; write a country such as CU',
        }),
        /** Of the latest answered call there, epoch ms. */
        atMs: z.int().nonnegative(),
      }),
    )
    .max(20_000),
});

const learnt = z.strictObject({ pairs: z.int(), fresh: z.int(), dryRun: z.boolean() });
export type LearntReport = z.infer<typeof learnt>;

export function learnRoutes(
  app: Api,
  deps: { readonly limits: Pick<LimitStore, 'learn'>; readonly audit: Audit; readonly act: ActOf },
): void {
  const { limits, audit, act } = deps;
  app.post(
    '/api/v1/learn',
    {
      schema: {
        summary: 'Teach which places were reached before; known ones stay as they are',
        body,
        response: { 200: learnt },
      },
    },
    async (request): Promise<LearntReport> => {
      const { dryRun, reached } = request.body;
      const known = reached.map(({ subject, place, atMs }) => ({ subject, place, at: atMs as EpochMs }));
      const fresh = await limits.learn(known, dryRun);
      const report = { pairs: reached.length, fresh, dryRun };
      if (!dryRun && fresh > 0) await audit({ ...act(request, 'first-calls.learn', 'first calls'), after: report });
      return report;
    },
  );
}
