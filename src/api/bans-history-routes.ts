/** `GET /api/v1/bans/history`: what became of bans: made, changed, lifted by whom, ended, put back. */
import { z } from 'zod';
import { type Ban, type BanChangeKind, ORIGINS } from '../bans/ban.ts';
import type { BanList } from '../bans/ban-list.ts';
import { matcherOf } from '../bans/ban-search.ts';
import { formatRange, readRange } from '../policy/addresses.ts';
import { type Api, instant, limitOf, list, orNull, text } from './schema.ts';

const CHANGES = ['add', 'change', 'lift', 'expire', 'restore'] as const satisfies readonly BanChangeKind[];

const change = z.strictObject({
  what: z.enum(CHANGES),
  at: instant,
  /** Who lifted it; empty where nobody did. */
  by: text,
  /** As it was then. */
  ban: z.strictObject({
    address: text,
    service: text,
    origin: z.enum(ORIGINS),
    since: instant,
    /** Null: for ever. */
    until: orNull(instant),
    offences: z.number(),
    timesBanned: z.number(),
    reason: text,
    defenceType: text,
    protocol: orNull(text),
    attackedPort: orNull(z.number()),
    by: text,
  }),
});
/** One change of the list of bans. Times are ISO 8601, UTC. */
export type BanChangeReport = z.output<typeof change>;

const query = z.strictObject({
  limit: limitOf(200, 5000),
  /** An address or a network, or text of any column. */
  search: z.string().trim().max(200).optional(),
  what: z.enum(CHANGES).optional(),
});
const MOST_READ = 5000;

export function banHistoryRoutes(app: Api, deps: { readonly bans: Pick<BanList, 'history'> }): void {
  app.get(
    '/api/v1/bans/history',
    {
      schema: {
        summary: 'What became of bans, the newest first',
        querystring: query,
        response: { 200: list(change) },
      },
    },
    async (request) => {
      const { limit, search, what } = request.query;
      const isFiltered = search !== undefined || what !== undefined;
      const found = isMeant(search ?? '');
      return (await deps.bans.history({ limit: isFiltered ? MOST_READ : limit }))
        .filter((each) => (what === undefined || each.what === what) && found(each.ban))
        .slice(0, limit)
        .map(({ what, at, by, ban: { since, until, ...ban } }) => ({
          what,
          at: iso(at),
          by,
          ban: { ...ban, since: iso(since), until: until === null ? null : iso(until) },
        }));
    },
  );
}

const iso = (at: number): string => new Date(at).toISOString();

function isMeant(search: string): (ban: Ban) => boolean {
  const read = readRange(search);
  if ('problem' in read) return matcherOf({ search });
  const wanted = formatRange(read.range);
  return ({ address }) => address === wanted;
}
