/** Finding bans in a list that may have a hundred thousand: filters, search by text, pages by cursor. Pure. */
import type { Ban, BanOrigin } from './ban.ts';

export interface BanQuery {
  readonly limit: number;
  /** From the page before. */
  readonly cursor?: string | undefined;
  /** Text in any column. */
  readonly search?: string | undefined;
  readonly service?: string | undefined;
  readonly origin?: BanOrigin | undefined;
  readonly permanent?: boolean | undefined;
}

export interface BanPage {
  /** Newest first. */
  readonly bans: readonly Ban[];
  /** How many there are on all pages. */
  readonly total: number;
  /** For the next page; null when there is none. */
  readonly cursor: string | null;
}

/** @param bans those in force */
export function pageOf(bans: Iterable<Ban>, query: BanQuery): BanPage {
  const matches = matcherOf(query);
  const after = readCursor(query.cursor);
  let total = 0;
  let best: Ban[] = [];
  for (const ban of bans) {
    if (!matches(ban)) continue;
    total += 1;
    if (after !== undefined && newestFirst(ban, after) <= 0) continue;
    best.push(ban);
    // Only a page is ever sorted, not the whole list.
    if (best.length >= 4 * query.limit + 1000) best = best.sort(newestFirst).slice(0, query.limit + 1);
  }
  best.sort(newestFirst);
  const page = best.slice(0, query.limit);
  const last = page.at(-1);
  return { bans: page, total, cursor: best.length > page.length && last !== undefined ? cursorOf(last) : null };
}

type Place = Pick<Ban, 'since' | 'address'>;

const newestFirst = (a: Place, b: Place): number =>
  b.since - a.since || (a.address < b.address ? -1 : a.address > b.address ? 1 : 0);

const cursorOf = ({ since, address }: Place): string => `${since} ${address}`;

function readCursor(cursor: string | undefined): Place | undefined {
  const [, since, address] = /^(\d{1,16}) (\S{1,60})$/.exec(cursor ?? '') ?? [];
  return since === undefined || address === undefined ? undefined : { since: Number(since) as Ban['since'], address };
}

/** Whether a ban passes the filters of a query. */
export function matcherOf(query: Omit<BanQuery, 'limit' | 'cursor'>): (ban: Ban) => boolean {
  const found = searcherOf(query.search?.trim() ?? '');
  return (ban) =>
    (query.service === undefined || ban.service === query.service) &&
    (query.origin === undefined || ban.origin === query.origin) &&
    (query.permanent === undefined || (ban.until === null) === query.permanent) &&
    found(ban);
}

function searcherOf(search: string): (ban: Ban) => boolean {
  if (search === '') return () => true;
  const words = search.toLowerCase();
  return (ban) =>
    [ban.address, ban.service, ban.reason, ban.defenceType, ban.by, ban.protocol ?? '', String(ban.attackedPort ?? '')]
      .join('\n')
      .toLowerCase()
      .includes(words);
}
