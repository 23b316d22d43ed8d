/**
 * The whole of `tollgate simulate`: a file of call records, one policy or two, and what comes of it. Knows no terminal.
 */
import { once } from 'node:events';
import type { WriteStream } from 'node:fs';
import { describeSubject } from '../policy/call.ts';
import type { Policy } from '../policy/policy.ts';
import type { RateSheet } from '../rates/rate-sheet.ts';
import type { CallHistory } from './call-history.ts';
import type { CdrFile } from './cdr-file.ts';
import type { ColumnMapping } from './cdr-layout.ts';
import { createCdrClock } from './cdr-time.ts';
import { readHistory } from './history-file.ts';
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
  /** Made, and not cleared until the end of the file. */
  readonly locks: readonly ReplayedLock[];
  /** Rules that count money. */
  readonly spendRules: readonly string[];
  readonly compared: { readonly counts: SimulationCounts; readonly changes: Comparison } | undefined;
}

export interface ReplayedLock {
  /** `extension 1001`. */
  readonly subject: string;
  readonly rule: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

export interface Progress {
  readonly doing: 'reading' | 'replaying' | 'replaying the other policy' | 'trying what is suggested';
  readonly done: number;
  readonly total: number;
}

/**
 * @param options.compare the policy that the calls are replayed against as well
 * @param options.learn records from before: of them only the countries reached count
 * @param options.rates what calls cost; undefined: nothing
 * @param options.decisions takes one JSON object a line for each record of an outbound call, in the order of the calls
 * @throws {TollgateError} as `readCdrFile` does
 */
export async function replayFile(options: {
  readonly path: string;
  readonly policy: Policy;
  readonly compare?: Policy | undefined;
  readonly rates?: RateSheet | undefined;
  readonly learn?: string | undefined;
  readonly timezone: string;
  readonly columns?: ColumnMapping | undefined;
  readonly held: 'approve' | 'refuse';
  readonly decisions?: WriteStream | undefined;
  readonly onProgress: (progress: Progress) => void;
  readonly signal: AbortSignal;
}): Promise<Replay> {
  const { policy, compare, rates, timezone, held, decisions, onProgress, signal } = options;
  const { history, file, notOutbound } = await readHistory({
    path: options.path,
    policies: compare === undefined ? [policy] : [policy, compare],
    timezone,
    columns: options.columns,
    signal,
    onBytes: (done, total) => onProgress({ doing: 'reading', done, total }),
  });
  const before =
    options.learn === undefined
      ? undefined
      : await readHistory({ path: options.learn, policies: [policy], timezone, columns: options.columns, signal });
  const play = (against: Policy, doing: Progress['doing'], writes: WriteStream | undefined): Promise<Simulated> => {
    let lines = '';
    return simulate({
      policy: against,
      history,
      held,
      rates,
      learn: before?.history,
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
    notOutbound,
    unknownExtensions: history.unknownExtensions,
    span: spanOf(history),
    locks: simulated.locks.map(({ subject, rule, at }) => ({
      subject: describeSubject(subject),
      rule,
      since: new Date(at).toISOString(),
    })),
    spendRules: policy.rules.filter(({ counts }) => counts.some(({ kind }) => kind === 'spend')).map(({ id }) => id),
    compared: other && {
      counts: countOutcomes(history, other, hourOf),
      changes: compareOutcomes(history, other, simulated, goesOut),
    },
  };
}

const spanOf = ({ calls, startOf }: CallHistory): Replay['span'] =>
  calls === 0 ? undefined : { fromMs: startOf(0), toMs: startOf(calls - 1) };
