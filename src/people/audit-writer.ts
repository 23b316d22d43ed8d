/**
 * Adds entries to the chain of the audit log: each behind the one that was last, once, whoever else is adding.
 *
 * An attempt that finds another daemon's entry in its way is made again behind that one. An entry that may have been
 * written already, because the answer was lost, is looked for by its id first; an attempt that is still on its way then
 * can do no harm, for it names an entry that is not the last any more.
 */
import { TollgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { AuditAnchor } from './audit-anchor.ts';
import type { AuditChain, ChainState } from './audit-chain.ts';
import { type AuditDraft, BEFORE_THE_FIRST, type Place, readRecord, seal } from './audit-record.ts';

export const AUDIT_TRIM = 'audit.trim';
/** The store no longer has what a node saw in it. */
export const AUDIT_BROKEN = 'audit.broken';

/** Each step blocks the store for its length. */
export const MOST_AT_ONCE = 500;
export const TRIM_EVERY_MS = 86_400_000;
const MOST_ATTEMPTS = 50;
const SCAN_PAGE = 500;
const MOST_TRIMMED_AT_ONCE = 5000;

export interface AuditWriter {
  /**
   * @returns the last entry of the log; undefined while there is none
   * @throws {TollgateError} `STORE_UNAVAILABLE`, `STORE_TIMEOUT`, `CONFLICT`
   */
  readonly write: (
    drafts: readonly AuditDraft[],
    options: { readonly mayBeThere: boolean; readonly signal: AbortSignal },
  ) => Promise<Place | undefined>;
  /** Removes what is too old or too much, and says so in an entry. */
  readonly trim: () => Promise<void>;
}

const NOT_THE_SAME = 'the audit log in the store is not the one that this node saw';

export function createAuditWriter(deps: {
  readonly chain: AuditChain;
  readonly anchor: AuditAnchor;
  readonly draftOf: (entry: {
    readonly by: string;
    readonly action: string;
    readonly subject: string;
    readonly before: unknown;
    readonly after?: unknown;
    readonly reason: string;
  }) => AuditDraft;
  readonly maxEntries: number;
  readonly maxAgeMs: number;
  readonly durably: <T>(write: () => Promise<T>) => Promise<T>;
  readonly onBroken?: (why: string) => void;
  readonly log: Log;
}): AuditWriter {
  const { chain, anchor, durably, log } = deps;

  /** What was remembered and is not there, unless it was old enough to be let go. */
  const missing = ({ last, first, remembered, nowMs }: ChainState): Place | undefined => {
    const seen = anchor.current();
    if (seen === undefined || remembered === seen.hash) return undefined;
    const wasOld = seen.ms < nowMs - deps.maxAgeMs || (last?.seq ?? 0) - seen.seq >= deps.maxEntries;
    return first !== undefined && first.seq > seen.seq && wasOld ? undefined : seen;
  };

  const noteOn = (seen: Place, last: Place | undefined): AuditDraft => {
    log.error({ entry: seen.seq, last: last?.seq ?? 0 }, NOT_THE_SAME);
    deps.onBroken?.(`${NOT_THE_SAME}: it lost data, or somebody changed the log.`);
    return deps.draftOf({
      by: 'tollgate',
      action: AUDIT_BROKEN,
      subject: `entry ${seen.seq}`,
      before: { seq: seen.seq, writtenAt: new Date(seen.ms).toISOString(), hash: seen.hash },
      after: last === undefined ? null : { lastSeq: last.seq, lastHash: last.hash },
      reason: 'the store no longer has the entry that this node saw last: it lost data, or somebody changed the log',
    });
  };

  const idsAfter = async (place: Place | undefined): Promise<ReadonlySet<string>> => {
    const ids = new Set<string>();
    let from: Place | '-' = place ?? '-';
    for (;;) {
      const page = await chain.after(from, SCAN_PAGE);
      for (const entry of page) {
        const record = readRecord(entry.text, entry.place.hash);
        if (!('problem' in record)) ids.add(record.id);
        from = entry.place;
      }
      if (page.length < SCAN_PAGE) return ids;
    }
  };

  return {
    write: async (drafts, { mayBeThere, signal }) => {
      for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
        const state = await chain.look(anchor.current());
        const { last } = state;
        const there = mayBeThere ? await idsAfter(anchor.current()) : undefined;
        const seen = missing(state);
        const wanted = [
          ...(seen === undefined ? [] : [noteOn(seen, last)]),
          ...drafts.filter(({ id }) => there?.has(id) !== true),
        ];
        if (wanted.length === 0) return last;
        // No number is given twice: what was lost stays a gap.
        const behind = seen !== undefined && seen.seq > (last?.seq ?? 0) ? seen : (last ?? BEFORE_THE_FIRST);
        const sealed = seal(wanted, behind, state.nowMs);
        if (signal.aborted) break;
        if (await durably(() => chain.append(last, sealed))) return sealed.at(-1)?.place;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 5 * attempt));
      }
      throw new TollgateError('CONFLICT', 'others keep adding to the audit log');
    },
    trim: async () => {
      for (;;) {
        const { last, first, count, nowMs } = await chain.look(undefined);
        const oldestMs = nowMs - deps.maxAgeMs;
        if (last === undefined || first === undefined) return;
        if (count <= deps.maxEntries && first.ms >= oldestMs) return;
        // One more than is too many: the entry that says so comes to them.
        const tooMany = count <= deps.maxEntries ? 0 : count - deps.maxEntries + 1;
        const oldest = await chain.after('-', MOST_TRIMMED_AT_ONCE);
        const going = oldest.filter(({ place }, at) => at < tooMany || place.ms < oldestMs);
        const through = going.at(-1)?.place;
        if (through === undefined) return;
        const note = deps.draftOf({
          by: 'clock',
          action: AUDIT_TRIM,
          subject: `entries ${first.seq} to ${through.seq}`,
          before: { through: through.seq, hash: through.hash, writtenAt: new Date(through.ms).toISOString() },
          reason: 'older than audit.maxAge, or more than audit.maxEntries',
        });
        const sealed = seal([note], last, nowMs);
        if (!(await durably(() => chain.append(last, sealed, through)))) continue;
        const place = sealed.at(-1)?.place;
        if (place !== undefined) await anchor.move(place);
      }
    },
  };
}
