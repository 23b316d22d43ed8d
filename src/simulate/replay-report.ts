/** What a replay came to, in the names of the command line and the API. */
import type { Replay } from './replay-file.ts';

const count = (calls: number): string => calls.toLocaleString('en-US');

/** As `tollgate simulate --json` and the page have it. */
export const reportReplay = (replay: Replay, hasRates: boolean) => ({
  ...replay.counts,
  rows: replay.file.rows,
  unread: replay.file.unread,
  unreadRows: replay.file.problems,
  notOutbound: replay.notOutbound,
  layout: replay.file.layout,
  timezone: replay.file.zone,
  locks: replay.locks,
  notices: noticesOf(replay, hasRates),
  ...(replay.compared && { compared: { ...replay.compared.counts, changes: replay.compared.changes } }),
});

export type ReplayReport = ReturnType<typeof reportReplay>;

/** Beyond this, calls do not last: the file's times are of another zone. */
const SUSPICIOUS_MS = 25 * 60_000;

/** What makes the figures other than they should be, a sentence each. */
export function noticesOf(
  { file, unknownExtensions, counts, notOutbound, spendRules }: Replay,
  hasRates: boolean,
): string[] {
  const notices: string[] = [];
  if (counts.calls === 0) {
    const hint = 'A row is an outbound call if its dstchannel, or what Dial was told, is a trunk';
    notices.push(
      `None of the ${notOutbound} rows is an outbound call. ${hint}; name trunks in the policy, or use --columns.`,
    );
  }
  if (file.aheadMs !== undefined && Math.abs(file.aheadMs) > SUSPICIOUS_MS) {
    const hours = (Math.abs(file.aheadMs) / 3_600_000).toFixed(1);
    const where = file.aheadMs > 0 ? 'ahead of' : 'behind';
    notices.push(
      `Read in ${file.zone}, the times lie ${hours} hours ${where} those in the unique ids: is it the right --timezone? With usegmtime=yes in cdr.conf it is UTC.`,
    );
  }
  if (unknownExtensions > 0) {
    notices.push(
      `Of ${count(unknownExtensions)} records nobody knows who called; they count together as extension "unknown". If a column says it, name it: --columns extension=…`,
    );
  }
  if (!hasRates && spendRules.length > 0) {
    const which = spendRules.slice(0, 3).join(', ');
    notices.push(
      `Rules with spend (${which}) count no money, because no call has a price: name a rate sheet with --rates, or import one.`,
    );
  }
  if ((counts.money?.unpriced ?? 0) > 0) {
    notices.push(
      `Of ${count(counts.money?.unpriced ?? 0)} answered calls the rate sheet has no prefix; they cost the dearest of their class.`,
    );
  }
  return notices;
}
