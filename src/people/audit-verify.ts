/**
 * Walks the chain of the audit log from its first entry to its last and says what does not fit.
 *
 * Found: an entry that was edited, removed, inserted or moved; a beginning that is gone without an entry that says it was
 * trimmed; an end that is gone, or a log rewritten with hashes that fit, by the entry that this node remembers. Not found:
 * entries that somebody with access to the store added at the end, and a log that was rewritten on the hosts as well.
 */
import type { AuditChain, FoundEntry } from './audit-chain.ts';
import { type AuditRecord, BEFORE_THE_FIRST, type Place, readRecord, sha256 } from './audit-record.ts';
import { AUDIT_BROKEN, AUDIT_TRIM } from './audit-writer.ts';

export interface VerifyProgress {
  readonly checked: number;
  /** As many as there were at the start. */
  readonly total: number;
}

export interface ChainProblem {
  /** Number of the entry that does not fit. */
  readonly seq: number;
  /** One sentence that begins with the entry. */
  readonly problem: string;
}

export interface AuditVerdict {
  readonly intact: boolean;
  readonly checked: number;
  readonly first: { readonly seq: number; readonly writtenAt: string } | null;
  /** Whoever keeps this hash elsewhere can prove later that nothing before it was changed. */
  readonly last: { readonly seq: number; readonly writtenAt: string; readonly hash: string } | null;
  /** The entry that this node remembered and compared; null on a new node. */
  readonly remembered: { readonly seq: number; readonly hash: string } | null;
  /** By number; the first twenty. */
  readonly problems: readonly ChainProblem[];
  readonly moreProblems: number;
  /** Entries that still wait on this host for the store. */
  readonly waiting: number;
}

const PAGE = 500;
const MOST_PROBLEMS = 20;

/** Entries that are not there, and the hash that the next one names; an entry that tells of their trimming may follow. */
interface Gap extends ChainProblem {
  readonly through: number;
  readonly hash: string;
}

export async function* verifyChain(options: {
  readonly chain: AuditChain;
  readonly remembered: Place | undefined;
  readonly waiting: number;
}): AsyncGenerator<VerifyProgress | AuditVerdict> {
  const { chain, remembered } = options;
  const { count: total, last: end } = await chain.look(undefined);
  const problems: ChainProblem[] = [];
  let gaps: Gap[] = [];
  let first: Place | undefined;
  let last = BEFORE_THE_FIRST;
  let checked = 0;
  let sawRemembered = false;

  const see = (entry: FoundEntry): void => {
    const { place } = entry;
    const record = readRecord(entry.text, place.hash);
    const what = problemOf(entry, record, last);
    if (what !== undefined) problems.push({ seq: place.seq, problem: `entry ${place.seq} ${what}` });
    if (!('problem' in record)) {
      if (place.seq > last.seq + 1) gaps.push(gapBefore(record, place, last));
      gaps = gaps.filter((gap) => !isTrimmed(gap, record, end));
      if (record.action === AUDIT_BROKEN) {
        const problem = `entry ${place.seq} was written by ${record.node} because ${record.subject}, which it had seen, was not there any more`;
        problems.push({ seq: place.seq, problem });
      }
    } else if (place.seq > last.seq + 1) {
      const problem = `${entries(last.seq + 1, place.seq - 1)} missing`;
      problems.push({ seq: last.seq + 1, problem });
    }
    if (remembered?.seq === place.seq) {
      sawRemembered = true;
      if (remembered.hash !== place.hash && what === undefined) {
        const problem = `entry ${place.seq} is not the one that this node saw: it, or one before it, was replaced`;
        problems.push({ seq: place.seq, problem });
      }
    }
    first ??= place;
    last = place;
    checked += 1;
  };

  let from: Place | '-' = '-';
  for (;;) {
    const page = await chain.after(from, PAGE);
    for (const entry of page) see(entry);
    from = page.at(-1)?.place ?? from;
    if (page.length < PAGE) break;
    yield { checked, total: Math.max(total, checked) };
  }

  problems.push(...gaps.map(({ seq, problem }) => ({ seq, problem })));
  if (remembered !== undefined && !sawRemembered && remembered.seq > last.seq) {
    const seen = `this node saw entry ${remembered.seq}, written ${new Date(remembered.ms).toISOString()}`;
    problems.push({
      seq: last.seq + 1,
      problem: `${entries(last.seq + 1, remembered.seq)} gone from the end: ${seen}`,
    });
  }
  problems.sort((one, other) => one.seq - other.seq);
  yield {
    intact: problems.length === 0,
    checked,
    first: first === undefined ? null : { seq: first.seq, writtenAt: new Date(first.ms).toISOString() },
    last: checked === 0 ? null : { seq: last.seq, writtenAt: new Date(last.ms).toISOString(), hash: last.hash },
    remembered: remembered === undefined ? null : { seq: remembered.seq, hash: remembered.hash },
    problems: problems.slice(0, MOST_PROBLEMS),
    moreProblems: Math.max(0, problems.length - MOST_PROBLEMS),
    waiting: options.waiting,
  };
}

/** What is wrong with one entry in its place, behind `entry N`; undefined: it fits. */
function problemOf(
  { place, text }: FoundEntry,
  record: AuditRecord | { readonly problem: string },
  last: Place,
): string | undefined {
  if ('problem' in record) return `is not as any daemon writes one (${record.problem})`;
  if (record.seq !== place.seq) return `is not in its place: what stands there says that it is entry ${record.seq}`;
  if (sha256(text) !== place.hash) return 'was changed: its content does not fit its hash';
  if (place.seq <= last.seq) return `stands behind entry ${last.seq}: entries were moved or inserted`;
  if (Date.parse(record.writtenAt) !== place.ms) return 'was moved: it was written at another time than its place says';
  if (place.seq === last.seq + 1 && record.previous !== last.hash) {
    return last.seq === 0
      ? 'is not the first of this log: it names an entry before it'
      : `does not follow entry ${last.seq}: one of the two was replaced`;
  }
  return undefined;
}

function gapBefore(record: AuditRecord, place: Place, last: Place): Gap {
  const through = place.seq - 1;
  const what = entries(last.seq + 1, through);
  const problem =
    last.seq === 0 ? `${what} gone, and no later entry says that they were trimmed` : `${what} missing in the middle`;
  return { seq: last.seq + 1, problem, through, hash: record.previous };
}

/** Trimming takes from the beginning; in the middle it is seen only if it happened while we were walking. */
function isTrimmed(gap: Gap, { action, before, seq }: AuditRecord, end: Place | undefined): boolean {
  if (action !== AUDIT_TRIM || typeof before !== 'object' || before === null) return false;
  const fits = 'through' in before && before.through === gap.through && 'hash' in before && before.hash === gap.hash;
  return fits && (gap.seq === 1 || seq > (end?.seq ?? 0));
}

const entries = (from: number, through: number): string =>
  from === through ? `entry ${from} is` : `entries ${from} to ${through} are`;
