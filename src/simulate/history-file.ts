/** From a file of call records to the outbound calls in it, as the policies that are to be tried know phones and trunks. */
import type { Policy } from '../policy/policy.ts';
import { type CallHistory, createHistoryBuilder } from './call-history.ts';
import { type CdrFile, readCdrFile } from './cdr-file.ts';
import type { ColumnMapping } from './cdr-layout.ts';
import type { KnownNames } from './outbound-call.ts';

export interface HistoryFile {
  readonly history: CallHistory;
  readonly file: CdrFile;
  /** Records of no outbound call. */
  readonly notOutbound: number;
}

/** @throws {TollgateError} as `readCdrFile` does */
export async function readHistory(options: {
  readonly path: string;
  readonly policies: readonly Policy[];
  readonly timezone: string;
  readonly columns?: ColumnMapping | undefined;
  readonly onBytes?: (read: number, total: number) => void;
  readonly signal: AbortSignal;
}): Promise<HistoryFile> {
  const { path, policies, timezone, columns, onBytes, signal } = options;
  const builder = createHistoryBuilder(namesOfPolicies(policies));
  let outbound = 0;
  const file = await readCdrFile(path, {
    timezone,
    columns,
    signal,
    onRow: (row) => {
      if (builder.add(row)) outbound += 1;
    },
    ...(onBytes && { onBytes }),
  });
  return { history: builder.build(), file, notOutbound: file.rows - file.unread - outbound };
}

function namesOfPolicies(policies: readonly Policy[]): KnownNames {
  const trunks = new Set(policies.flatMap(({ document }) => Object.keys(document.trunks)));
  const campaigns = new Set(
    policies.flatMap(({ document }) =>
      document.rules.flatMap(({ appliesTo }) => (appliesTo === 'all' ? [] : (appliesTo.campaigns ?? []))),
    ),
  );
  return {
    isTrunk: (name) => trunks.has(name),
    isExtension: (number) => policies.some((policy) => policy.readDestination(number).classes.has('internal')),
    isCampaign: (name) => campaigns.has(name),
  };
}
