/**
 * The whole of `tollgate simulate`: a file of call records, one policy or two, and what comes of it. Knows no terminal.
 */

import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import type { Policy } from '../policy/policy.ts';
import { type CallHistory, createHistoryBuilder } from './call-history.ts';
import { type CdrFile, readCdrFile } from './cdr-file.ts';
import type { ColumnMapping } from './cdr-layout.ts';
import { createCdrClock } from './cdr-time.ts';
import type { KnownNames } from './outbound-call.ts';
import { type Comparison, compareOutcomes, countOutcomes, type SimulationCounts } from './outcome-counts.ts';
import { type Fate, type Simulated, simulate } from './simulation.ts';

export interface Replay {
  readonly counts: SimulationCounts;
  readonly file: CdrFile;
  /** Records of no outbound call. */
  readonly notOutbound: number;
  readonly unknownExtensions: number;
  /** When the first and the last call began; undefined without calls. */
  readonly span: { readonly fromMs: number; readonly toMs: number } | undefined;
  readonly compared: { readonly counts: SimulationCounts; readonly changes: Comparison } | undefined;
}

export interface Progress {
  readonly doing: 'reading' | 'replaying' | 'replaying the other policy';
  readonly done: number;
  readonly total: number;
}

/**
 * @param options.compare the policy that the calls are replayed against as well
 * @param options.decisions takes one JSON object a line for each record of an outbound call, in the order of the calls
 * @throws {TollgateError} as `readCdrFile` does
 */
export async function replayFile(options: {
  readonly path: string;
  readonly policy: Policy;
  readonly compare?: Policy | undefined;
  readonly timezone: string;
  readonly columns?: ColumnMapping | undefined;
  readonly held: 'approve' | 'refuse';
  readonly decisions?: WriteStream | undefined;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}): Promise<Replay> {
  const { policy, compare, timezone, held, decisions, onProgress, signal } = options;
  const builder = createHistoryBuilder(namesOfPolicies(compare === undefined ? [policy] : [policy, compare]));
  let outbound = 0;
  const file = await readCdrFile(options.path, {
    timezone,
    columns: options.columns,
    signal,
    onRow: (row) => {
      if (builder.add(row)) outbound += 1;
    },
    onBytes: (done, total) => onProgress({ doing: 'reading', done, total }),
  });
  const history = builder.build();
  const play = (against: Policy, doing: Progress['doing'], writes: WriteStream | undefined): Promise<Simulated> => {
    let lines = '';
    return simulate({
      policy: against,
      history,
      held,
      ...(writes && {
        onDecision: (decision) => {
          lines += `${JSON.stringify(decision)}\n`;
        },
      }),
      onBatch: async (done) => {
        signal.throwIfAborted();
        onProgress({ doing, done, total: history.tries });
        if (writes !== undefined && !writes.write(lines)) await once(writes, 'drain', { signal });
        lines = '';
      },
    });
  };
  const { hourOf } = createCdrClock(timezone);
  const simulated = await play(policy, 'replaying', decisions);
  const other = compare && (await play(compare, 'replaying the other policy', undefined));
  const goesOut = ({ verdict }: Fate): boolean => verdict !== 'block' && (verdict !== 'hold' || held === 'approve');
  return {
    counts: countOutcomes(history, simulated, hourOf),
    file,
    notOutbound: file.rows - file.unread - outbound,
    unknownExtensions: history.unknownExtensions,
    span: spanOf(history),
    compared: other && {
      counts: countOutcomes(history, other, hourOf),
      changes: compareOutcomes(history, other, simulated, goesOut),
    },
  };
}

const spanOf = ({ calls, startOf }: CallHistory): Replay['span'] =>
  calls === 0 ? undefined : { fromMs: startOf(0), toMs: startOf(calls - 1) };

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
