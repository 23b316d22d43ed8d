/**
 * What somebody decided himself, out of the audit log: his answers to held calls and the exceptions that he ended.
 *
 * Guarantees that nothing of others comes out: neither an entry, nor a number, hash or cursor by which theirs could be
 * counted. Where there is more than one look may search, it is left off at a full minute.
 */
import type { EpochMs } from '../policy/call.ts';
import type { AuditLog, AuditQuery } from './audit-log.ts';
import type { AuditRecord } from './audit-record.ts';

export type OwnDecision = Omit<AuditRecord, 'seq' | 'writtenAt' | 'previous' | 'hash'>;

export interface OwnDecisions {
  readonly entries: readonly OwnDecision[];
  /** For the next page; null when there is none. */
  readonly cursor: string | null;
}

/** `MS~ID`: of what was written in this millisecond or before it, what stands behind this entry. */
export const OWN_CURSOR = /^(\d{1,15})~([\w-]{0,32})$/;

const MINUTE_MS = 60_000;

/**
 * Newest first.
 * @param who.since another one of the same name may have been there before
 * @throws {TollgateError} `STORE_UNAVAILABLE`
 */
export async function ownDecisions(
  audit: Pick<AuditLog, 'list'>,
  who: { readonly by: string; readonly since: EpochMs },
  query: Pick<AuditQuery, 'limit' | 'since' | 'matches' | 'cursor'>,
): Promise<OwnDecisions> {
  const [, ms, id = ''] = OWN_CURSOR.exec(query.cursor ?? '') ?? [];
  const isHis = (entry: AuditRecord): boolean =>
    entry.by === who.by && Date.parse(entry.at) >= who.since && /^(?:approvals|grants)\./.test(entry.action);
  // The entry that the page before ended with, and those that stood before it in the same moment, are passed over.
  let isPassed = id === '';
  let last: AuditRecord | undefined;
  const { entries, cursor } = await audit.list({
    limit: query.limit,
    order: 'newest',
    since: query.since,
    cursor: ms === undefined ? undefined : `${Number(ms) + 1}-0`,
    matches: (entry) => {
      if (!isHis(entry)) return false;
      last = entry;
      isPassed ||= Date.parse(entry.writtenAt) < Number(ms) - MINUTE_MS;
      if (isPassed) return query.matches(entry);
      isPassed = entry.id === id;
      return false;
    },
  });
  const shown = entries.map(({ seq: _, writtenAt: __, previous: ___, hash: ____, ...entry }) => entry);
  if (cursor === null) return { entries: shown, cursor: null };
  const end = entries.at(-1);
  if (end !== undefined && entries.length >= query.limit)
    return { entries: shown, cursor: `${Date.parse(end.writtenAt)}~${end.id}` };
  // It was left off at an entry of somebody else.
  const leftAt = Math.ceil((Number(cursor.split('-')[0]) + 1) / MINUTE_MS) * MINUTE_MS;
  const isInside = last !== undefined && Date.parse(last.writtenAt) <= leftAt;
  return { entries: shown, cursor: `${leftAt}~${isInside ? last?.id : ''}` };
}
