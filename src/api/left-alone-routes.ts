/** `/api/v1/bans/left-alone`: who was unblocked and is not banned automatically for a time. */
import { z } from 'zod';
import type { BanList } from '../bans/ban-list.ts';
import type { Audit } from '../people/audit-log.ts';
import type { EpochMs } from '../policy/call.ts';
import { leftAlone as report } from './address-answers.ts';
import { notFound } from './problem.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, list } from './schema.ts';

export interface LeftAloneReport {
  readonly address: string;
  readonly since: string;
  readonly until: string;
  readonly by: string;
}

const byAddress = z.strictObject({ address: z.string().max(100) });

export function leftAloneRoutes(
  app: Api,
  deps: { readonly bans: Pick<BanList, 'leftAlone'>; readonly audit: Audit; readonly act: ActOf },
): void {
  const { audit, act } = deps;
  const { leftAlone } = deps.bans;
  app.get(
    '/api/v1/bans/left-alone',
    { schema: { summary: 'Who is not banned automatically for a time', response: { 200: list(report) } } },
    async (): Promise<LeftAloneReport[]> =>
      (await leftAlone.list()).map((each) => ({ ...each, since: iso(each.since), until: iso(each.until) })),
  );
  app.delete(
    '/api/v1/bans/left-alone/:address',
    {
      schema: {
        summary: 'Let automatic bans hold an address again',
        params: byAddress,
        response: { 200: z.strictObject({ address: z.string() }) },
      },
    },
    async (request) => {
      const { address } = request.params;
      const what = act(request, 'bans.leave-alone.end', `ban ${address}`);
      const [ended] = await leftAlone.end([address]);
      if (ended === undefined) throw notFound('address left alone', address, 'it is banned like any other');
      await audit({ ...what, after: { leftAloneUntil: null } });
      return { address: ended };
    },
  );
}

const iso = (at: EpochMs): string => new Date(at).toISOString();
