/** `POST /api/v1/bans/restore`: undoes a lift: bans are put back as they were, with their old end. */
import { z } from 'zod';
import type { Ban } from '../bans/ban.ts';
import type { BanList } from '../bans/ban-list.ts';
import type { Clock } from '../clock.ts';
import type { Audit } from '../people/audit-log.ts';
import { formatRange, readRange } from '../policy/addresses.ts';
import type { AllowedAddresses } from '../store/allowed-addresses.ts';
import type { ActOf } from './recorded-changes.ts';
import { type Api, list, text } from './schema.ts';

const restored = z.strictObject({
  address: text,
  restored: z.boolean(),
  /** Why not. */
  detail: text,
});

/** Longer ago it is a new decision and not an undo. */
const UNDONE_WITHIN_MS = 3_600_000;
const HISTORY_READ = 5000;

export function banRestoreRoutes(
  app: Api,
  deps: {
    readonly bans: Pick<BanList, 'get' | 'history' | 'leftAlone' | 'restore'>;
    readonly allowed: Pick<AllowedAddresses, 'covering'>;
    readonly clock: Pick<Clock, 'now'>;
    readonly audit: Audit;
    readonly act: ActOf;
  },
): void {
  const { bans, allowed, clock, audit, act } = deps;
  app.post(
    '/api/v1/bans/restore',
    {
      schema: {
        summary: 'Undo a lift of the last hour: the bans are back as they were',
        body: z.strictObject({ addresses: z.array(z.string().max(100)).min(1).max(1000) }),
        response: { 200: list(restored) },
      },
    },
    async (request) => {
      const now = clock.now();
      const lifted = new Map<string, Ban>();
      for (const { what, at, ban } of await bans.history({ limit: HISTORY_READ }))
        if (what === 'lift' && at > now - UNDONE_WITHIN_MS && !lifted.has(ban.address)) lifted.set(ban.address, ban);

      const plans = request.body.addresses.map((address) => {
        const read = readRange(address);
        if ('problem' in read) return { address, problem: read.problem };
        const ban = lifted.get(formatRange(read.range));
        if (bans.get(address) !== undefined) return { address, problem: 'is banned' };
        if (ban === undefined) return { address, problem: 'was not lifted within the last hour' };
        if (ban.until !== null && ban.until <= now) return { address, problem: 'would have ended by now' };
        const entry = allowed.covering(read.range);
        return entry === undefined ? { address, ban } : { address, problem: `is allowed by ${entry.name}` };
      });
      const back = plans.flatMap(({ ban }) => (ban === undefined ? [] : [ban]));
      await bans.restore(back);
      // Who was to be left alone because of the lift is not any more.
      await bans.leftAlone.end(back.map(({ address }) => address));
      await Promise.all(
        back.map((ban) =>
          audit({ ...act(request, 'bans.restore', `ban ${ban.address}`), after: { reason: ban.reason } }),
        ),
      );
      return plans.map(({ address, problem }) => ({ address, restored: problem === undefined, detail: problem ?? '' }));
    },
  );
}
